//! `rollback`: undoes what a cycle sent.

use std::sync::Arc;

use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on};
use super::super::signals::stop_token;
use super::super::watcher::Watcher;
use crate::cycle::{Clock, Observer, RollbackOptions};

/// Sends the inverse of what a cycle sent: attributes, memberships and managers as they were
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond log --since 2026-04-01T00:00:00Z                    find the cycle
  provisiond rollback --cycle 0195d1c6-… --dry-run               what would be undone; the target is only read
  provisiond rollback --cycle 0195d1c6-…                         restore attributes and memberships, reactivate, remove what was created
  provisiond rollback --cycle 0195d1c6-… --yes                   also where something cannot be restored

As far back as the log (`logs.retention`). What cannot be restored is listed first and then needs `--yes` (exit status 2, nothing sent): a deleted account is created
anew with another id, a hidden value is not in the log. An account that was changed since is named and left alone (1). A
rollback is a cycle of its own and can be rolled back. The next cycle does not repeat what was undone until the person
changes in the source, or `provisiond restart`.")]
pub struct Args {
    /// Cycle, `apply`, on-demand run or rollback to undo; its id as `cycle` and `log` show it
    #[arg(long, value_name = "ID")]
    cycle: String,
    /// Sends reads only and shows what would be sent
    #[arg(long)]
    dry_run: bool,
    /// Goes on where something cannot be restored, and over accounts that were changed since
    #[arg(long)]
    yes: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    let watcher = Arc::new(Watcher::new(&session.output, opened.context(job)?, args.dry_run)?);
    let observer: Arc<dyn Observer> = watcher.clone();
    let options = RollbackOptions { dry_run: args.dry_run, yes: args.yes };
    let report =
        block_on(async { Ok(opened.service.rollback(job, &args.cycle, options, observer, stop_token()).await?) })?;
    watcher.finish(&report)?;
    Ok(Status::of_cycle(&report))
}
