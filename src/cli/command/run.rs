//! `run`: the daemon.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on};
use crate::config::{Config, Job, Schedule};
use crate::cycle::Clock;
use crate::daemon::{self, Rhythm, Work};
use crate::web::{self, Shown};

/// Runs every job on its own schedule, until SIGTERM
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond run --config /etc/provisiond/provisiond.yaml
  systemctl reload provisiond      SIGHUP reads the configuration again
  curl http://127.0.0.1:9090/metrics    where the configuration says `listen: 127.0.0.1:9090`; `/` is a page, `/status` JSON")]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let listen = opened.config.listen;
    let work = work(opened.config)?;
    let (jobs, shown) = watch::channel(jobs(&work));
    let reload = || match session.config().and_then(self::work) {
        Ok(work) => {
            jobs.send_replace(self::jobs(&work));
            Some(work)
        }
        Err(error) => {
            tracing::error!(code = error.code, "the new configuration is wrong, the old one stays: {}", error.message);
            None
        }
    };
    block_on(async {
        let stop = CancellationToken::new();
        let _ends_with_the_daemon = stop.clone().drop_guard();
        if let Some(address) = listen {
            let shown = Shown { service: Arc::clone(&opened.service), jobs: shown };
            let taken = web::start(address, shown, stop.clone()).await.map_err(|error| {
                CliError::usage("listen", format!("`listen: {address}` cannot be listened on: {error}"))
                    .with_help("name a free address of this machine, such as `127.0.0.1:9090`")
            })?;
            tracing::info!(address = %taken, "status page and metrics");
        }
        daemon::run(opened.service, work, reload, stop)
            .await
            .map_err(|error| CliError::usage("daemon", error.to_string()))
    })?;
    Ok(Status::Done)
}

fn jobs(work: &[Work]) -> Vec<Arc<Job>> {
    work.iter().map(|work| Arc::clone(&work.job)).collect()
}

fn work(config: Config) -> Result<Vec<Work>, CliError> {
    config.jobs.into_iter().map(|job| Ok(Work { rhythm: rhythm(&job)?, job: Arc::new(job) })).collect()
}

fn rhythm(job: &Job) -> Result<Rhythm, CliError> {
    match &job.schedule {
        Schedule::Every(interval) => SignedDuration::try_from(*interval).map(Rhythm::Every).map_err(|error| {
            CliError::usage("invalid_value", format!("the schedule of `{}` cannot be kept: {error}", job.name))
        }),
        Schedule::Fixed(hours) => Ok(Rhythm::Fixed(hours.clone(), TimeZone::system())),
    }
}
