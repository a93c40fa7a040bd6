//! Reads a configuration and everything it names.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::check::File;
use super::discretion;
use super::environment::Environment;
use super::item::Block;
use super::job::Job;
use super::keys;
use super::shape::Shape;
use crate::diagnostic::{Diagnostic, Place};
use crate::mapping::Known;
use crate::source;

/// Larger than anything a person writes.
const MAX_BYTES: u64 = 4 << 20;

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// The SQLite file of the state.
    pub state: PathBuf,
    /// Where the status page and the metrics are served; off where absent.
    pub listen: Option<SocketAddr>,
    pub jobs: Vec<Job>,
}

/// What came of reading a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// `None` where a problem is an error.
    pub config: Option<Config>,
    /// Every problem of every file, in the order of writing.
    pub problems: Vec<Diagnostic>,
    /// The configuration with its defaults and without secrets (`check --output json`); null where it is no YAML.
    pub effective: Json,
}

/// Reads the configuration at `path` and the mapping files it names.
///
/// `columns` tells which attributes a source is known to have; [`Known::default`] knows Entra's names only, and lets
/// others pass with a warning.
pub fn load(path: &Path, environment: &Environment, columns: &dyn Fn(&source::Settings) -> Known) -> Loaded {
    let name = path.display().to_string();
    let refused = |problem: Diagnostic| Loaded { config: None, problems: vec![problem], effective: Json::Null };
    let text = match read_text(path) {
        Ok(text) => text,
        Err(why) => {
            let help = "`provisiond init DIR --preset kintone` writes a working example";
            return refused(
                Diagnostic::error("unreadable_file", format!("the configuration cannot be read: {why}"))
                    .with_place(Place::of_file(name))
                    .with_help(help),
            );
        }
    };
    let mut file = File::discreet(&name, &text);
    let mut more = Vec::new();
    let base = path.parent().unwrap_or(Path::new("")).to_owned();
    let checked = file.parse().and_then(|root| file.check(&root, &Shape::Block(keys::ROOT)));
    let Some(root) = checked.as_ref().and_then(|item| item.block()) else {
        return Loaded { config: None, problems: file.into_faults(), effective: Json::Null };
    };
    let jobs = jobs(&mut file, root, &base, columns, &mut more);
    let state = match root.text("state") {
        Some(path) => base.join(path),
        None => default_state(environment, &base),
    };
    let mut effective = discretion::shown(root.to_json());
    if let Json::Object(members) = &mut effective {
        members.insert("state".to_owned(), json!(state.display().to_string()));
        members.entry("listen").or_insert(Json::Null);
    }
    let failed = file.has_errors() || more.iter().any(Diagnostic::is_error);
    let config = Config {
        file: path.to_owned(),
        state,
        listen: root.text("listen").and_then(|address| address.parse().ok()),
        jobs,
    };
    let mut problems = file.into_faults();
    problems.extend(more);
    Loaded { config: (!failed).then_some(config), problems, effective }
}

fn jobs(
    file: &mut File<'_>,
    root: &Block,
    base: &Path,
    columns: &dyn Fn(&source::Settings) -> Known,
    more: &mut Vec<Diagnostic>,
) -> Vec<Job> {
    let Some(list) = root.get("jobs") else { return Vec::new() };
    if list.list().is_empty() && !file.has_errors() {
        let span = list.span.clone().unwrap_or_default();
        file.error("missing_value", span, "there is no job", "add a job with `name`, `source`, `mapping` and `target`");
    }
    let mut names: Vec<String> = Vec::new();
    let mut jobs = Vec::new();
    for item in list.list() {
        let Some(block) = item.block() else { continue };
        if let Some(name) = block.get("name")
            && let Some(text) = name.text()
        {
            let span = name.span.clone().unwrap_or_default();
            if names.iter().any(|other| other == text) {
                let message = format!("two jobs are called `{text}`");
                file.error("duplicate_job", span, message, "give each job its own name: its state is kept under it");
            } else if text.trim().is_empty() || text.chars().any(char::is_control) {
                file.error("invalid_value", span, "a job needs a name", "write a short word, such as `kintone`");
            }
            names.push(text.to_owned());
        }
        jobs.extend(Job::read(file, block, base, columns, more));
    }
    jobs
}

/// The first of systemd's state folders, else beside the configuration.
fn default_state(environment: &Environment, base: &Path) -> PathBuf {
    let folder = environment.path("STATE_DIRECTORY").and_then(|folders| std::env::split_paths(&folders).next());
    folder.unwrap_or_else(|| base.to_owned()).join("state.db")
}

/// Reads a UTF-8 file of a size that a person writes; a byte order mark is dropped.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("it is larger than {} MiB", MAX_BYTES >> 20));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        format!("line {line} is not UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
