//! What the service manager is told (`sd_notify`); silent where there is none.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// The conversation with the service manager.
#[derive(Debug)]
pub(super) struct Manager {
    /// How often a sign of life is due; half of what the manager allows.
    alive_every: Option<Duration>,
    alive_at: Option<Instant>,
    status: String,
}

impl Manager {
    pub(super) fn new() -> Self {
        let alive_every = sd_notify::watchdog_enabled().map(|limit| limit / 2);
        Self { alive_every, alive_at: None, status: String::new() }
    }

    pub(super) fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::debug!(%error, "no monotonic clock for the service manager"),
        }
    }

    pub(super) fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// Tells the status line where it changed.
    pub(super) fn status(&mut self, status: String) {
        if status != self.status {
            tell(&[NotifyState::Status(&status)]);
            self.status = status;
        }
    }

    /// Gives a sign of life where one is due.
    pub(super) fn alive(&mut self, now: Instant) {
        let Some(every) = self.alive_every else { return };
        if self.alive_at.is_none_or(|at| now.saturating_duration_since(at) >= every.saturating_sub(TICK_SLACK)) {
            tell(&[NotifyState::Watchdog]);
            self.alive_at = Some(now);
        }
    }
}

/// A tick may come this much late without the sign of life missing its time.
const TICK_SLACK: Duration = Duration::from_secs(2);

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager could not be told");
    }
}
