//! `restart`: back to an initial cycle (service.md 4.3).

use serde_json::json;

use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on};
use crate::cycle::{Clock, ResetScopes};

/// Puts a job back to an initial cycle
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond restart                              quarantine, watermark and escrows; right for nearly every need
  provisiond restart --reset QuarantineState      lifts the quarantine only
  provisiond restart --reset Full --accept-orphans

Reset scopes: QuarantineState, Watermark, Escrows, ConnectorDataStore, ForceDeletes, Full, None. Full and
ConnectorDataStore break the links between people and accounts; linked accounts of people who are not in scope any more
are listed first and need --accept-orphans.")]
pub struct Args {
    /// What is cleared, with commas between
    #[arg(long, value_name = "SCOPES", default_value = "")]
    reset: ResetScopes,
    /// Leaves linked accounts whose person is not in scope as they are, for ever
    #[arg(long)]
    accept_orphans: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    block_on(async { Ok(opened.service.restart(job, args.reset, args.accept_orphans).await?) })?;
    session.output.either(
        || json!({ "ok": true, "job": job.name, "reset": args.reset.to_string() }),
        |_| format!("`{}` is reset ({}); the next cycle follows from that\n", job.name, args.reset),
    )?;
    Ok(Status::Done)
}
