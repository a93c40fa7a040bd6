//! `pause`: stops provisioning (service.md 4.2, D-06).

use serde_json::json;

use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on};
use crate::cycle::{Clock, Pause};

/// Stops provisioning of a job; all state is kept
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond pause                 a running cycle ends first
  provisiond pause --now           it ends after the object in hand
  provisiond start                 goes on where it stopped")]
pub struct Args {
    /// Ends a running cycle after the object in hand; the rest follows after `start`
    #[arg(long, conflicts_with = "quarantine")]
    now: bool,
    /// Puts the job into quarantine instead
    #[arg(long)]
    quarantine: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    let how = match (args.now, args.quarantine) {
        (_, true) => Pause::Quarantine,
        (true, false) => Pause::Now,
        (false, false) => Pause::AfterCycle,
    };
    block_on(async { Ok(opened.service.pause(job, how).await?) })?;
    session.output.either(
        || json!({ "ok": true, "job": job.name, "paused": !args.quarantine, "quarantined": args.quarantine }),
        |_| {
            let done = if args.quarantine { "in quarantine" } else { "paused" };
            format!("`{}` is {done}; `provisiond start` goes on\n", job.name)
        },
    )?;
    Ok(Status::Done)
}
