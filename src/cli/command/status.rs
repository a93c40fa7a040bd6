//! `status`: the state of each job.

use super::super::error::{CliError, Status};
use super::super::session::Session;
use crate::cycle::Clock;
use crate::report::{status_json, text};

/// Shows the state of each job: schedule, cycles, progress, quarantine, escrows, staged deletions
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond status
  provisiond status --job kintone --output json | jq .jobs[0].status.code")]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let jobs = session.jobs(&opened.config)?;
    let states = jobs.iter().map(|job| opened.service.status(job)).collect::<Result<Vec<_>, _>>()?;
    session.output.either(|| status_json(&states), |style| text::status_text(&states, style))?;
    Ok(Status::Done)
}
