//! `run`: the daemon.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on};
use crate::config::{Config, Job, Schedule};
use crate::cycle::Clock;
use crate::daemon::{self, Rhythm, Work};

/// Runs every job on its own schedule, until SIGTERM
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond run --config /etc/provisiond/provisiond.yaml
  systemctl reload provisiond      SIGHUP reads the configuration again")]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let work = work(opened.config)?;
    let reload = || match session.config().and_then(self::work) {
        Ok(work) => Some(work),
        Err(error) => {
            tracing::error!(code = error.code, "the new configuration is wrong, the old one stays: {}", error.message);
            None
        }
    };
    block_on(async {
        daemon::run(opened.service, work, reload, CancellationToken::new())
            .await
            .map_err(|error| CliError::usage("daemon", error.to_string()))
    })?;
    Ok(Status::Done)
}

fn work(config: Config) -> Result<Vec<Work>, CliError> {
    config.jobs.into_iter().map(|job| Ok(Work { rhythm: rhythm(&job)?, job: Arc::new(job) })).collect()
}

fn rhythm(job: &Job) -> Result<Rhythm, CliError> {
    let wrong =
        |why: String| CliError::usage("invalid_value", format!("the schedule of `{}` cannot be kept: {why}", job.name));
    match &job.schedule {
        Schedule::Every(interval) => {
            SignedDuration::try_from(*interval).map(Rhythm::Every).map_err(|error| wrong(error.to_string()))
        }
        Schedule::Cron(pattern) => pattern
            .parse()
            .map(|hours| Rhythm::Fixed(hours, TimeZone::system()))
            .map_err(|error: daemon::PatternError| wrong(error.to_string())),
    }
}
