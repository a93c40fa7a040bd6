//! `log`: the provisioning log (service.md 20).

use std::fs::File;
use std::io::{self, BufWriter};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::super::error::{CliError, Status};
use super::super::session::{Opened, Session, block_on};
use super::super::signals::stop_token;
use crate::cycle::Clock;
use crate::model::{Entry, LoggedAction, LoggedStatus};
use crate::report::{CSV_FILES, CsvExport, JobContext, entry_json, text};
use crate::source;
use crate::store::{JobKey, LogQuery};

/// How often `--follow` looks for new entries.
const FOLLOW: Duration = Duration::from_millis(500);

/// Shows the provisioning log, newest last
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond log --since 2026-04-01T00:00:00+09:00
  provisiond log --user taro@example.jp -v          one person, every step
  provisiond log --status failure --output json
  provisiond log --follow                           until Ctrl-C; with --output json one document a line
  provisiond log --csv report                       three files: records, steps, modified properties")]
pub struct Args {
    /// Only this person: immutable id, id in the target, or a name that the log shows
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Only this action
    #[arg(long, value_name = "ACTION", value_parser = action)]
    action: Option<LoggedAction>,
    /// Only this status
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<LoggedStatus>,
    /// Only from this time on (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    since: Option<Timestamp>,
    /// Only this cycle
    #[arg(long, value_name = "ID")]
    cycle: Option<String>,
    /// Goes on with new entries as they come
    #[arg(long, conflicts_with = "csv")]
    follow: bool,
    /// Writes the three files of an export into this folder
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,
}

/// A job whose entries are read, and how far they were.
struct Reading {
    key: JobKey,
    context: JobContext,
    after: i64,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let mut readings = Vec::new();
    for job in session.jobs(&opened.config)? {
        let key = opened.service.store().job(&job.name)?;
        readings.push(Reading { key, context: opened.context(job)?, after: 0 });
    }
    match &args.csv {
        Some(folder) => export(args, session, &opened, &mut readings, folder)?,
        None if args.follow => follow(args, session, &opened, &mut readings)?,
        None => list(args, session, &opened, &mut readings)?,
    }
    Ok(Status::Done)
}

/// Gives each entry of every job to `each`, job by job, and remembers where it ended.
fn read(
    args: &Args,
    opened: &Opened,
    readings: &mut [Reading],
    mut each: impl FnMut(&Entry, &JobContext) -> io::Result<()>,
) -> Result<(), CliError> {
    for reading in readings {
        let query = LogQuery {
            user: args.user.as_deref().map(source::typed),
            action: args.action,
            status: args.status,
            since: args.since,
            cycle: args.cycle.clone(),
            after: reading.after,
        };
        let mut failed = None;
        reading.after =
            opened.service.store().log(reading.key, &query, &mut |entry| match each(&entry, &reading.context) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
    }
    Ok(())
}

fn list(args: &Args, session: &Session, opened: &Opened, readings: &mut [Reading]) -> Result<(), CliError> {
    let output = &session.output;
    if !output.is_json() {
        return read(args, opened, readings, |entry, _| output.text(&shown(session, entry)));
    }
    let mut separator = "[";
    read(args, opened, readings, |entry, context| {
        output.text(&format!("{separator}{}", entry_json(entry, context)))?;
        separator = ",\n";
        Ok(())
    })?;
    Ok(output.text(if separator == "[" { "[]\n" } else { "]\n" })?)
}

fn follow(args: &Args, session: &Session, opened: &Opened, readings: &mut [Reading]) -> Result<(), CliError> {
    let output = &session.output;
    block_on(async {
        let stop = stop_token();
        while !stop.is_cancelled() {
            read(args, opened, readings, |entry, context| {
                output.text(&if output.is_json() {
                    format!("{}\n", entry_json(entry, context))
                } else {
                    shown(session, entry)
                })
            })?;
            output.flush()?;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(FOLLOW) => {}
            }
        }
        Ok(())
    })
}

fn shown(session: &Session, entry: &Entry) -> String {
    let style = session.output.style();
    if session.global.verbose > 0 { text::entry_text(entry, style) } else { text::entry_line(entry, style) }
}

fn export(
    args: &Args,
    session: &Session,
    opened: &Opened,
    readings: &mut [Reading],
    folder: &Path,
) -> Result<(), CliError> {
    std::fs::create_dir_all(folder).map_err(|error| CliError::io("made", folder, &error))?;
    let [records, steps, properties] = CSV_FILES.map(|name| folder.join(name));
    let create =
        |path: &Path| File::create(path).map(BufWriter::new).map_err(|error| CliError::io("written", path, &error));
    let failed = |error: io::Error| CliError::io("written", folder, &error);
    let mut export = CsvExport::new([create(&records)?, create(&steps)?, create(&properties)?]).map_err(failed)?;
    let mut count: u64 = 0;
    let mut broken = None;
    read(args, opened, readings, |entry, context| {
        count += 1;
        if broken.is_none() {
            broken = export.write(entry, context).err();
        }
        Ok(())
    })?;
    if let Some(error) = broken {
        return Err(failed(error));
    }
    export.finish().map_err(failed)?;
    let files = [records, steps, properties].map(|path| path.display().to_string());
    Ok(session.output.either(
        || json!({ "ok": true, "records": count, "files": files }),
        |_| format!("{count} records written to {}\n", files.join(", ")),
    )?)
}

fn action(text: &str) -> Result<LoggedAction, String> {
    named(text, &LoggedAction::ALL, LoggedAction::as_str)
}

fn status(text: &str) -> Result<LoggedStatus, String> {
    named(text, &LoggedStatus::ALL, LoggedStatus::as_str)
}

/// Finds a name without regard to case; the error lists all of them.
fn named<T: Copy>(text: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|one| name(*one).eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("one of: {}", all.iter().map(|one| name(*one)).collect::<Vec<_>>().join(", ")))
}
