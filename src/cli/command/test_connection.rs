//! `test-connection`: what Entra's "Test Connection" does (service.md 4.2).

use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on};
use crate::cycle::Clock;
use crate::report::{connection_json, text};

/// Asks the target for a user that cannot exist, as Entra's "Test Connection" does
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  provisiond test-connection --job kintone")]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    let report = block_on(async { Ok(opened.service.test_connection(job).await?) })?;
    session.output.either(|| connection_json(&report), |style| text::connection_text(&report, style))?;
    Ok(if report.ok { Status::Done } else { Status::TargetUnavailable })
}
