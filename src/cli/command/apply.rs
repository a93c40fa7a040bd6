//! `apply`: carries out a plan that was reviewed.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on};
use super::super::signals::stop_token;
use super::super::watcher::Watcher;
use crate::cycle::{Clock, Observer};

/// Carries out a plan file exactly as it was reviewed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond plan --out plan.json    make the plan, and have it reviewed
  provisiond apply plan.json         send exactly that
  provisiond apply plan.json --output json | jq .counts

The plan is refused as a whole, and what moved is named, where the source, the state or the configuration changed since (exit
status 4), or where the file was edited, cut or made for another job (2). A person whose account in the target changed
since is left alone and reported as a failure (1). Everything else as of `cycle`: it is one, with its log entries.")]
pub struct Args {
    /// Plan file that `provisiond plan --out` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    let watcher = Arc::new(Watcher::new(&session.output, opened.context(job)?, false)?);
    let observer: Arc<dyn Observer> = watcher.clone();
    let report = block_on(async { Ok(opened.service.apply(job, &args.file, observer, stop_token()).await?) })?;
    watcher.finish(&report)?;
    Ok(Status::of_cycle(&report))
}
