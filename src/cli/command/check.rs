//! `check`: everything a person wrote, checked offline.

use super::super::error::{CliError, Status};
use super::super::session::Session;
use crate::config::{Environment, Loaded};
use crate::cycle::{Clock, Service};
use crate::diagnostic::{Diagnostic, render_all};
use crate::report::check_json;

/// Checks configuration, mappings, filters and source files offline; nothing is sent
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond check                          every problem with file, line, column and what to write instead
  provisiond check --output json | jq .configuration    the effective configuration with its defaults")]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<Status, CliError> {
    let Loaded { config, mut problems, effective } = session.load()?;
    if let Some(config) = &config {
        let service = Service::open(config, Environment::of_process(), Clock::System)?;
        for job in session.jobs(config)? {
            problems.extend(service.check_source(job)?);
        }
    }
    let failed = problems.iter().any(Diagnostic::is_error);
    session.output.either(
        || check_json(&problems, effective),
        |style| {
            let summary = match (failed, problems.is_empty()) {
                (true, _) => "",
                (false, true) => "everything is in order\n",
                (false, false) => "\nnothing that would stop a cycle\n",
            };
            format!("{}{summary}", render_all(&problems, style))
        },
    )?;
    Ok(if failed { Status::Usage } else { Status::Done })
}
