//! `check`: everything a person wrote, checked offline.

use super::super::error::{CliError, Status};
use super::super::session::Session;
use crate::config::{Environment, Loaded};
use crate::cycle::{Clock, Service};
use crate::diagnostic::{Diagnostic, Severity, render_all};
use crate::report::check_json;

/// The code of a source folder that the configuration names and that is not there.
const MISSING_FOLDER: &str = "missing_folder";

/// Checks configuration, mappings, filters and source files offline; nothing is sent
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond check                          every problem with file, line, column and what to write instead
  provisiond check --output json | jq .configuration    the effective configuration with its defaults

Exit status: 0 no errors, 1 single records of the source are refused, 2 the configuration or a mapping is
wrong, 6 a cycle would refuse the source.")]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<Status, CliError> {
    let Loaded { config, mut problems, effective } = session.load()?;
    let mut status = if problems.iter().any(Diagnostic::is_error) { Status::Usage } else { Status::Done };
    if let Some(config) = &config {
        let service = Service::open(config, Environment::of_process(), Clock::System)?;
        for job in session.jobs(config)? {
            let source = service.check_source(job)?;
            if source.refused {
                status = Status::SourceRefused;
            } else if source.problems.iter().any(Diagnostic::is_error) {
                status = status.max(Status::ObjectsFailed);
            }
            problems.extend(source.problems);
        }
    }
    name_missing_folders(&mut problems);
    let failed = status != Status::Done;
    session.output.either(
        || check_json(&problems, effective),
        |style| {
            let summary = match (failed, problems.is_empty()) {
                (true, _) => "",
                (false, true) => "everything is in order\n",
                (false, false) => "\nno errors\n",
            };
            format!("{}{summary}", render_all(&problems, style))
        },
    )?;
    Ok(status)
}

/// A folder that is not there is found twice: where it is named, which has a place, and where it is read.
fn name_missing_folders(problems: &mut Vec<Diagnostic>) {
    if !problems.iter().any(|problem| problem.code == MISSING_FOLDER) {
        return;
    }
    problems.retain(|problem| problem.code != "source.directory");
    for problem in problems.iter_mut().filter(|problem| problem.code == MISSING_FOLDER) {
        problem.severity = Severity::Error;
    }
}
