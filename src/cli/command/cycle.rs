//! `cycle`: one cycle now.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on};
use super::super::signals::stop_token;
use super::super::watcher::Watcher;
use crate::cycle::{Clock, CycleOptions, Observer};

/// Runs one cycle now, then exits
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond cycle --dry-run               what would be sent; the target is only read
  provisiond cycle                         read the source, send what changed
  provisiond cycle --initial               evaluate every object again
  provisiond cycle --output json | jq .counts
  provisiond cycle --dry-run --at 2026-04-01T00:00:00Z

Exit status: 0 done, 1 some objects failed, 3 the target cannot be reached or refuses the credentials, 4 the job is
paused or in quarantine, 5 deprovisionings await approval, 6 the source was refused as incomplete.")]
pub struct Args {
    /// Sends reads only and shows what would be sent
    #[arg(long)]
    dry_run: bool,
    /// Evaluates every object, changed or not
    #[arg(long)]
    initial: bool,
    /// Runs as if the clock showed this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    at: Option<Timestamp>,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(args.at.map_or(Clock::System, Clock::Fixed))?;
    let job = session.job(&opened.config)?;
    let watcher = Arc::new(Watcher::new(&session.output, opened.context(job)?, args.dry_run)?);
    let options = CycleOptions { dry_run: args.dry_run, initial: args.initial };
    let observer: Arc<dyn Observer> = watcher.clone();
    let report = block_on(async { Ok(opened.service.cycle(job, options, observer, stop_token()).await?) })?;
    watcher.finish(&report)?;
    Ok(Status::of_cycle(&report))
}
