//! The loop of the daemon: a tick a second, cycles that are due, signals.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
};
use tokio_cron_scheduler::{Job as Tick, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use super::{
    Due, Facts, Rhythm,
    manager::Manager,
    next_due,
    since::Since,
    watch::{Watch, settled},
};
use crate::{
    config::Job,
    cycle::{CycleOptions, Service, ServiceError, Unobserved},
    model::CycleReport,
    store::StoreError,
};

/// How often is looked whether a job is due.
const TICK: Duration = Duration::from_secs(1);
/// Without a tick for so long the scheduler is taken to have stopped.
const SILENCE: Duration = Duration::from_secs(5);

/// A job and the rhythm of its cycles.
#[derive(Debug, Clone)]
pub struct Work {
    pub job: Arc<Job>,
    pub rhythm: Rhythm,
}

/// Why the daemon could not begin or had to end.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error("the signals of the process cannot be received: {0}")]
    Signals(#[source] std::io::Error),
    #[error("the ticks of the daemon cannot be set up: {0}")]
    Ticks(#[source] JobSchedulerError),
    #[error("the ticks of the daemon ceased")]
    NoTicks,
}

/// Runs every job on its own schedule until SIGTERM, SIGINT or `stop`; then ends after the objects in flight.
///
/// On SIGHUP `reload` reads the configuration again. It reports a bad one itself and returns `None`: the old one stays. A
/// cycle under way ends with the configuration it began with (service.md 7).
pub async fn run(
    service: Arc<Service>,
    work: Vec<Work>,
    reload: impl Fn() -> Option<Vec<Work>>,
    stop: CancellationToken,
) -> Result<(), DaemonError> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    let (mut scheduler, mut ticks) = ticks().await.map_err(DaemonError::Ticks)?;

    let mut daemon =
        Daemon { service, jobs: BTreeMap::new(), cycles: JoinSet::new(), manager: Manager::new(), stop: stop.clone() };
    daemon.take_up(work);
    daemon.try_credentials();
    daemon.manager.ready();
    tracing::info!(jobs = daemon.jobs.len(), "daemon started");
    let ended = loop {
        tokio::select! {
            () = stop.cancelled() => break Ok(()),
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            _ = hang_up.recv() => {
                daemon.manager.reloading();
                if let Some(work) = reload() {
                    daemon.take_up(work);
                    daemon.try_credentials();
                    tracing::info!(jobs = daemon.jobs.len(), "configuration reloaded");
                }
                daemon.manager.ready();
            }
            Some(ended) = daemon.cycles.join_next() => daemon.ended(ended),
            tick = tokio::time::timeout(SILENCE, ticks.recv()) => match tick {
                Ok(Some(())) => daemon.tick(Timestamp::now(), Instant::now()),
                Ok(None) => break Err(DaemonError::NoTicks),
                // The scheduler goes by the wall clock, and never ticks again once that has leapt: a machine that slept, a process
                // that was stopped, a clock that was set.
                Err(_) => {
                    drop(scheduler.shutdown().await);
                    match self::ticks().await {
                        Ok(anew) => (scheduler, ticks) = anew,
                        Err(error) => break Err(DaemonError::Ticks(error)),
                    }
                }
            },
        }
    };
    daemon.wind_up().await;
    if let Err(error) = scheduler.shutdown().await {
        tracing::debug!(%error, "the scheduler did not shut down");
    }
    tracing::info!("daemon ended");
    ended
}

fn listen(kind: SignalKind) -> Result<Signal, DaemonError> {
    signal(kind).map_err(DaemonError::Signals)
}

/// Starts the ticks. The scheduler only ticks: when a job is due is decided in `due.rs`, from what the state holds, since
/// no cron pattern can say "every 40 minutes from start to start".
async fn ticks() -> Result<(JobScheduler, mpsc::Receiver<()>), JobSchedulerError> {
    let (sender, receiver) = mpsc::channel(1);
    let scheduler = JobScheduler::new().await?;
    let tick = Tick::new_repeated_async(TICK, move |_, _| {
        let sender = sender.clone();
        Box::pin(async move {
            // A full channel means that the last tick still waits; one is enough.
            let _ = sender.try_send(());
        })
    })?;
    scheduler.add(tick).await?;
    scheduler.start().await?;
    Ok((scheduler, receiver))
}

struct Daemon {
    service: Arc<Service>,
    jobs: BTreeMap<String, Scheduled>,
    cycles: JoinSet<(String, Result<CycleReport, ServiceError>)>,
    manager: Manager,
    stop: CancellationToken,
}

struct Scheduled {
    work: Work,
    since: Since,
    /// The cycle of this job that this process runs.
    running: Option<tokio::task::Id>,
    /// When this process last began a cycle, known even where the state could not keep it (a full disk): a cycle that fails
    /// at once must not begin again at every tick.
    began: Option<(Timestamp, Instant)>,
    watch: Watch,
}

impl Daemon {
    /// Puts `work` in the place of what was there; what is known of a job that stays is kept.
    fn take_up(&mut self, work: Vec<Work>) {
        let mut old = std::mem::take(&mut self.jobs);
        for work in work {
            let name = work.job.name.clone();
            let scheduled = match old.remove(&name) {
                Some(known) => Scheduled { work, ..known },
                None => {
                    Scheduled { work, since: Since::default(), running: None, began: None, watch: Watch::default() }
                }
            };
            self.jobs.insert(name, scheduled);
        }
    }

    /// New credentials that pass the test lift a quarantine at once (service.md D-50).
    fn try_credentials(&self) {
        for scheduled in self.jobs.values() {
            let (service, job) = (Arc::clone(&self.service), Arc::clone(&scheduled.work.job));
            tokio::spawn(async move {
                if let Err(error) = service.try_credentials(&job).await {
                    tracing::warn!(job = %job.name, %error, "the connection of the job in quarantine could not be tested");
                }
            });
        }
    }

    fn tick(&mut self, now: Timestamp, instant: Instant) {
        self.manager.alive(instant);
        let mut status = Vec::with_capacity(self.jobs.len());
        for (name, scheduled) in &mut self.jobs {
            let due = match scheduled.due(&self.service, now, instant) {
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(job = %name, %error, "the state of the job cannot be read");
                    continue;
                }
            };
            let line = match due {
                Due::Now => {
                    let job = Arc::clone(&scheduled.work.job);
                    let (service, stop, name) = (Arc::clone(&self.service), self.stop.clone(), name.clone());
                    scheduled.watch.begin();
                    let cycle = self.cycles.spawn(async move {
                        settled(&job.source, &stop).await;
                        let ended = service.cycle(&job, CycleOptions::default(), Arc::new(Unobserved), stop).await;
                        (name, ended)
                    });
                    scheduled.running = Some(cycle.id());
                    scheduled.began = Some((now, instant));
                    "cycle under way".to_owned()
                }
                Due::AfterThisCycle => "cycle under way".to_owned(),
                Due::At(time) => format!("next cycle {time:.0}"),
                Due::OnStart => "stopped".to_owned(),
            };
            status.push(format!("{name}: {line}"));
        }
        self.manager.status(status.join("; "));
    }

    fn ended(&mut self, ended: Result<(String, Result<CycleReport, ServiceError>), tokio::task::JoinError>) {
        match ended {
            Ok((name, result)) => {
                if let Some(scheduled) = self.jobs.get_mut(&name) {
                    scheduled.running = None;
                }
                match result {
                    Ok(report) => {
                        tracing::info!(job = %name, cycle = %report.id, requests = report.requests, "cycle ended")
                    }
                    Err(error) => tracing::error!(job = %name, %error, "cycle failed"),
                }
            }
            // A panic inside a cycle costs that cycle, not the daemon.
            Err(error) => {
                tracing::error!(%error, "cycle broke off");
                for scheduled in self.jobs.values_mut().filter(|scheduled| scheduled.running == Some(error.id())) {
                    scheduled.running = None;
                }
            }
        }
    }

    /// Lets every running cycle end after the objects in flight.
    async fn wind_up(&mut self) {
        self.manager.stopping();
        self.manager.status("ending after the objects in flight".to_owned());
        self.stop.cancel();
        while let Some(ended) = self.cycles.join_next().await {
            self.ended(ended);
        }
    }
}

impl Scheduled {
    fn due(&mut self, service: &Service, now: Timestamp, instant: Instant) -> Result<Due, StoreError> {
        let store = service.store();
        let stored = store.job_state(store.job(&self.work.job.name)?)?;
        let stored_age = self.since.start(stored.last_start, now, instant);
        let new_export = self.work.job.watch && self.watch.is_new(&self.work.job.source, instant);
        let own_age = self.began.and_then(|(_, at)| instant.saturating_duration_since(at).try_into().ok());
        Ok(next_due(&Facts {
            now,
            rhythm: &self.work.rhythm,
            last_start: stored.last_start.max(self.began.map(|(start, _)| start)),
            since_start: [stored_age, own_age].into_iter().flatten().min(),
            quarantine_next: stored.quarantine.and_then(|quarantine| quarantine.next_attempt),
            paused: stored.paused,
            disabled: stored.disabled,
            running: self.running.is_some(),
            new_export,
        }))
    }
}
