//! `start`: goes on after a pause or a quarantine (service.md 4.2).

use serde_json::json;

use super::super::error::{CliError, Status};
use super::super::session::Session;
use crate::cycle::Clock;

/// Starts provisioning of a job, after a pause where it stopped; also ends a quarantine
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  provisiond start --job kintone")]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    opened.service.start(job)?;
    session.output.either(
        || json!({ "ok": true, "job": job.name }),
        |_| format!("`{}` is started; its next cycle runs when it is due, or now with `provisiond cycle`\n", job.name),
    )?;
    Ok(Status::Done)
}
