//! `mapping import`, `mapping export`: Entra's synchronisation schema (service.md 22.2).

use std::fs::{self, OpenOptions};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::error::{CliError, Status};
use super::super::session::{Session, eprint};
use crate::config::{self, MappingFile};
use crate::diagnostic::{Diagnostic, Style, render_all};
use crate::mapping::{GENERIC, KINTONE, Known, TargetRules};

/// Takes over Entra's exported synchronisation schema, and writes one
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond mapping import schema.json                            prints the mapping file
  provisiond mapping import schema.json --out mappings/app.yaml    writes it, and mappings/app.schema.json beside it
  provisiond mapping export mappings/app.yaml --out schema.json

A mapping file holds what is honoured here. Everything else of the schema (directories, metadata, unknown members) is kept
in the `.schema.json` beside the mapping file; `mapping export` writes into that document only what the mapping file says
otherwise. Without that document a schema is made from the mapping file alone.

What cannot be honoured (a function, operator, attribute, flow type or filter) is listed completely, and then nothing is
taken over: exit status 2.")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Makes a mapping file of a schema
    Import(ImportArgs),
    /// Makes a schema of a mapping file
    Export(ExportArgs),
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// The schema as Entra exports it
    #[arg(value_name = "FILE.json")]
    file: PathBuf,
    /// Mapping file to write; else it is printed
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrites existing files
    #[arg(long, requires = "out")]
    force: bool,
    /// What the target takes
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,
}

#[derive(Debug, clap::Args)]
struct ExportArgs {
    /// The mapping file; else that of the job
    #[arg(value_name = "FILE.yaml")]
    file: Option<PathBuf>,
    /// Schema file to write; else it is printed
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrites an existing file
    #[arg(long, requires = "out")]
    force: bool,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Profile {
    #[default]
    Generic,
    Kintone,
}

impl Profile {
    fn rules(self) -> &'static TargetRules {
        match self {
            Self::Generic => &GENERIC,
            Self::Kintone => &KINTONE,
        }
    }
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    match &args.action {
        Action::Import(args) => import(args, session),
        Action::Export(args) => export(args, session),
    }
}

fn import(args: &ImportArgs, session: &Session) -> Result<Status, CliError> {
    let text = read(&args.file)?;
    let imported =
        config::import(&args.file.display().to_string(), &text, args.profile.rules()).map_err(CliError::of_problems)?;
    warn(session, &imported.warnings);
    let Some(out) = &args.out else {
        session.output.either(|| json!({ "mapping": imported.mapping }), |_| imported.mapping.clone())?;
        return Ok(Status::Done);
    };
    let files = [(out.clone(), imported.mapping), (document_of(out), pretty(&imported.document)?)];
    write(session, &files, args.force)
}

fn export(args: &ExportArgs, session: &Session) -> Result<Status, CliError> {
    let path = match &args.file {
        Some(path) => path.clone(),
        None => {
            let config = session.config()?;
            session.job(&config)?.mapping_path.clone()
        }
    };
    let text = read(&path)?;
    let (mapping, problems) = MappingFile::read(&path.display().to_string(), &text, &GENERIC, &Known::default());
    let Some(mapping) = mapping else { return Err(CliError::of_problems(problems)) };
    let beside = document_of(&path);
    let before = if beside.is_file() {
        let before: Value = serde_json::from_str(&read(&beside)?).map_err(|error| {
            CliError::usage("json", format!("`{}` is not JSON: {error}", beside.display()))
                .with_help("import the schema again with `--out` and `--force`, or remove the file")
        })?;
        Some(before)
    } else {
        None
    };
    let document = config::export(&mapping, before.as_ref());
    let text = pretty(&document)?;
    match &args.out {
        Some(out) => write(session, &[(out.clone(), text)], args.force),
        None => {
            session.output.text(&text)?;
            Ok(Status::Done)
        }
    }
}

/// The schema that a mapping file was taken over from.
fn document_of(mapping: &Path) -> PathBuf {
    mapping.with_extension("schema.json")
}

fn pretty(document: &Value) -> Result<String, CliError> {
    let text = serde_json::to_string_pretty(document).map_err(std::io::Error::from)?;
    Ok(format!("{text}\n"))
}

fn read(path: &Path) -> Result<String, CliError> {
    let bytes = fs::read(path).map_err(|error| CliError::io("read", path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
        CliError::usage("encoding", format!("`{}` is not UTF-8 in line {line}", path.display()))
            .with_help("save the file as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Writes all files, or none where one exists and must not be overwritten.
fn write(session: &Session, files: &[(PathBuf, String)], force: bool) -> Result<Status, CliError> {
    let existing: Vec<String> = files
        .iter()
        .filter(|(path, _)| !force && path.symlink_metadata().is_ok())
        .map(|(path, _)| format!("`{}`", path.display()))
        .collect();
    if !existing.is_empty() {
        let message = format!("these files exist already: {}", existing.join(", "));
        return Err(
            CliError::usage("file_exists", message).with_help("overwrite them with `--force`; nothing was written")
        );
    }
    for (path, text) in files {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).create_new(!force);
        options
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| CliError::io("written", path, &error))?;
    }
    let written: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
    session.output.either(
        || json!({ "ok": true, "files": written }),
        |_| written.iter().map(|path| format!("written: {path}\n")).collect(),
    )?;
    Ok(Status::Done)
}

fn warn(session: &Session, warnings: &[Diagnostic]) {
    if !session.global.quiet && !warnings.is_empty() {
        let color = session.global.color.applies(std::io::stderr().is_terminal());
        eprint(&render_all(warnings, Style { color }));
    }
}
