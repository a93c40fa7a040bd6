//! `plan`: what a cycle would do, for review.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::super::error::{CliError, Status};
use super::super::output::{Output, Piece};
use super::super::session::{Session, block_on};
use super::super::shelf::Shelf;
use super::super::signals::stop_token;
use crate::cycle::{Clock, Observer};
use crate::model::{CycleReport, Entry, Intended};
use crate::report::{GROUPS, Page, action_group, action_json, action_text, plan_counts, text};

/// Shows every action that a cycle would take, for review, and writes it to a file to be applied later
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond plan                                  each action with before, after and requests; the target is only read
  provisiond plan --out plan.json                  the same as a file for `provisiond apply plan.json`
  provisiond plan --out plan.json --html plan.html and as a page for somebody without a terminal
  provisiond plan --output json | jq '.actions[] | select(.action == \"disable\") | .source.displayName'

Managers and members are actions of their own (`\"stage\": \"references\"`), which follow all others; an account that is yet to
be created stands there as `new:` and its source id. Values that the mapping hides are `[Redact]` everywhere. Exit status as
of `cycle`.")]
pub struct Args {
    /// Writes the plan as a JSON file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Writes the plan as one page for a browser, without a network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Writes over files that are there
    #[arg(long)]
    force: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let mut files = args.out.iter().chain(&args.html);
    if let Some(path) = files.find(|path| !args.force && path.exists()) {
        return Err(CliError::usage("file_exists", format!("`{}` is there already", path.display()))
            .with_help("name another file, or write over it with `--force`"));
    }
    if args.out.is_some() && args.out == args.html {
        return Err(CliError::usage("usage", "`--out` and `--html` name the same file").with_help("name two files"));
    }
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    let planner = Arc::new(Planner::new(&session.output)?);
    let observer: Arc<dyn Observer> = planner.clone();
    let (report, mut digest) = block_on(async { Ok(opened.service.plan(job, observer, stop_token()).await?) })?;
    planner.bar.finish_and_clear();
    let mut kept = lock(&planner.kept);
    if let Some(error) = kept.broken.take() {
        return Err(error.into());
    }
    let status = Status::of_cycle(&report);
    if let Some(error) = &report.error {
        // Half a plan is no plan.
        return Err(CliError::new(status, error.code.clone(), error.message.clone()).with_help(error.help.clone()));
    }
    let shelf = &mut kept.shelf;
    let mut numbers = [0; GROUPS.len()];
    shelf.each(&mut |action: Value| -> io::Result<()> {
        numbers[action_group(&action)] += 1;
        digest.action(&action);
        Ok(())
    })?;
    let counts = plan_counts(&report);
    let digest = digest.finish(&report.job, &counts);
    if let Some(path) = &args.out {
        write(path, args.force, &mut |file| document(file, shelf, &report, &digest, &counts))?;
    }
    if let Some(path) = &args.html {
        write(path, args.force, &mut |file| page(file, shelf, &report, &digest, &numbers))?;
    }
    let output = &session.output;
    if output.is_json() {
        document(&mut Piece(output), shelf, &report, &digest, &counts)?;
        return Ok(status);
    }
    shelf.each(&mut |action: Value| output.text(&action_text(&action)))?;
    output.text(&text::cycle_text(&report, output.style()))?;
    output.text(&format!("  plan {digest}\n"))?;
    for (path, next) in [(&args.out, "carry it out with `provisiond apply`"), (&args.html, "open it in a browser")] {
        if let Some(path) = path {
            output.text(&format!("  written to `{}`: {next}\n", path.display()))?;
        }
    }
    Ok(status)
}

fn document(
    out: &mut dyn Write,
    shelf: &mut Shelf,
    report: &CycleReport,
    digest: &str,
    counts: &Value,
) -> io::Result<()> {
    write!(out, "{{\"digest\":{},\"job\":{},\"counts\":{counts},\"actions\":[", json!(digest), json!(report.job))?;
    let mut is_first = true;
    shelf.each(&mut |action: Value| {
        write!(out, "{}{action}", if is_first { "\n" } else { ",\n" })?;
        is_first = false;
        Ok::<(), io::Error>(())
    })?;
    out.write_all(b"]}\n")
}

fn page(
    out: &mut dyn Write,
    shelf: &mut Shelf,
    report: &CycleReport,
    digest: &str,
    numbers: &[u64; GROUPS.len()],
) -> io::Result<()> {
    out.write_all(Page::head(report, digest, numbers).as_bytes())?;
    let mut page = Page::default();
    shelf.each(&mut |action: Value| out.write_all(page.action(&action).as_bytes()))?;
    out.write_all(page.foot(digest).as_bytes())
}

/// Writes beside the file first, so that there is never half of it; only this user can read it.
fn write(path: &Path, force: bool, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", uuid::Uuid::new_v4()));
    let beside = PathBuf::from(beside);
    let failed = |error: &io::Error| CliError::io("written", path, error);
    // A pipe or a device is written to, not replaced.
    if std::fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        let written = std::fs::OpenOptions::new().write(true).open(path).and_then(|file| {
            let mut file = BufWriter::new(file);
            fill(&mut file)?;
            file.flush()
        });
        return written.map_err(|error| failed(&error));
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&beside).map_err(|error| failed(&error))?;
    let mut file = BufWriter::new(file);
    let written = fill(&mut file).and_then(|()| file.flush()).and_then(|()| match force {
        true => std::fs::rename(&beside, path),
        // Unlike a rename, a link does not take the place of a file that came meanwhile.
        false => match std::fs::hard_link(&beside, path) {
            Ok(()) => std::fs::remove_file(&beside),
            // Some file systems have no links.
            Err(_) if !path.exists() => std::fs::rename(&beside, path),
            Err(error) => Err(error),
        },
    });
    written.map_err(|error| {
        // What is left beside is of no use; the error itself is what matters.
        drop(std::fs::remove_file(&beside));
        failed(&error)
    })
}

/// Keeps what would be done.
struct Planner {
    bar: ProgressBar,
    kept: Mutex<Kept>,
}

struct Kept {
    shelf: Shelf,
    /// The first error of writing; nothing is kept after it.
    broken: Option<io::Error>,
}

impl Planner {
    fn new(output: &Output) -> io::Result<Self> {
        Ok(Self { bar: output.bar(), kept: Mutex::new(Kept { shelf: Shelf::new()?, broken: None }) })
    }

    fn keep(&self, entry: &Entry, intended: Option<&Intended>) {
        let Some(action) = action_json(entry, intended) else { return };
        let mut kept = lock(&self.kept);
        if kept.broken.is_none() {
            // There are six groups.
            let rank = u8::try_from(action_group(&action)).unwrap_or(u8::MAX);
            kept.broken = kept.shelf.put(rank, &entry.source.id, &action).err();
        }
    }
}

impl Observer for Planner {
    fn entry(&self, entry: &Entry) {
        self.keep(entry, None);
    }

    fn intended(&self, entry: &Entry, intended: &Intended) {
        self.keep(entry, Some(intended));
    }

    fn progress(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    fn note(&self, message: &str) {
        tracing::info!("{message}");
    }
}

/// A panic of another thread leaves nothing half-written that matters here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
