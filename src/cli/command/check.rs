//! `check`: everything a person wrote, checked offline.

use super::super::error::{CliError, Status};
use super::super::session::Session;
use crate::config::{Environment, Loaded};
use crate::cycle::{Clock, Service};
use crate::diagnostic::{Diagnostic, Severity, render_all};
use crate::report::check_json;

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
    // a folder that is not there is named with its place; here, where it should be read, that is an error
    let missing = problems.iter_mut().filter(|problem| problem.code == "missing_folder");
    missing.for_each(|problem| problem.severity = Severity::Error);
    let mut status = if problems.iter().any(Diagnostic::is_error) { Status::Usage } else { Status::Done };
    if let Some(config) = &config {
        let service = Service::open(config, Environment::of_process(), Clock::System)?;
        for job in session.jobs(config)? {
            if !job.source.directory.is_dir() {
                status = Status::SourceRefused;
                continue;
            }
            let source = service.check_source(job)?;
            if source.refused {
                status = Status::SourceRefused;
            } else if source.problems.iter().any(Diagnostic::is_error) {
                status = status.max(Status::ObjectsFailed);
            }
            problems.extend(source.problems);
        }
    }
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
