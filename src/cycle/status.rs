//! The state of a job as `status` shows it (service.md 21).

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::error::ServiceError;
use super::lock::CycleLock;
use super::quarantine::{self, Health, Thresholds};
use super::service::Service;
use crate::config::{Job, Schedule};
use crate::model::{JobCode, JobStatus, ScheduleState};

impl Service {
    pub fn status(&self, job: &Job) -> Result<JobStatus, ServiceError> {
        let store = self.store();
        let key = store.job(&job.name)?;
        let state = store.job_state(key)?;
        let now = self.now();
        let (users, groups) = store.object_counts(key)?;
        let (failures, references) = store.escrow_counts(key)?;
        let runs = CycleLock::is_held(store.path(), &job.name);
        let code = if state.quarantine.is_some() {
            JobCode::Quarantine
        } else if state.paused || state.disabled {
            JobCode::Paused
        } else if state.watermark.is_none() && state.last_start.is_none() && !state.configured {
            JobCode::NotConfigured
        } else if state.watermark.is_none() {
            JobCode::NotRun
        } else {
            JobCode::Active
        };
        let schedule = if state.disabled || code == JobCode::NotConfigured {
            ScheduleState::Disabled
        } else if state.paused {
            ScheduleState::Paused
        } else {
            ScheduleState::Active
        };
        let thresholds = Thresholds {
            minimum_failures: job.quarantine.minimum_failures,
            proportion: job.quarantine.proportion,
            base: job.quarantine.base_threshold,
            total: job.quarantine.total_threshold,
        };
        let degraded = match quarantine::health(failures, references, state.events, &thresholds) {
            Health::Degraded(why) => Some(why),
            Health::Well | Health::Unhealthy(_) => None,
        };
        let slowing = state.quarantine.as_ref().filter(|quarantine| quarantine::slows(quarantine.reason));
        let after = |last: Timestamp| match &job.schedule {
            Schedule::Every(interval) => last.checked_add(SignedDuration::try_from(*interval).ok()?).ok(),
            Schedule::Fixed(hours) => hours.next_after(last, &TimeZone::system()),
        };
        let next = match (slowing, schedule) {
            (_, ScheduleState::Disabled | ScheduleState::Paused) => None,
            (Some(quarantine), _) => quarantine.next_attempt,
            (None, _) => state.last_start.and_then(after),
        };
        Ok(JobStatus {
            id: state.id,
            name: job.name.clone(),
            interval: match &job.schedule {
                Schedule::Every(interval) => iso_duration(*interval),
                Schedule::Fixed(hours) => hours.to_string(),
            },
            schedule,
            code,
            next_cycle: next,
            running_since: state.running_since.filter(|_| runs),
            count_successive_complete_failures: state.complete_failures,
            escrows_pruned: state.escrows_pruned,
            last_execution: state.last_execution,
            last_successful_execution: state.last_successful_execution,
            last_successful_execution_with_exports: state.last_successful_execution_with_exports,
            progress: state.progress.filter(|_| runs),
            pace: state.pace,
            quarantine: state.quarantine,
            steady_state_first_achieved: state.steady_first,
            steady_state_last_achieved: state.steady_last,
            users,
            groups,
            escrows: failures,
            abandoned: store.abandoned_count(key)?,
            staged: self.staged_batch(key)?,
            degraded,
            warnings: expiry_warning(job, now).into_iter().collect(),
        })
    }
}

/// Warns 30 and 7 days before the credentials end (service.md 26).
fn expiry_warning(job: &Job, now: Timestamp) -> Option<String> {
    let expires = job.target.expires?;
    let today = now.to_zoned(TimeZone::UTC).date();
    let days = (expires - today).get_days();
    let urgency = match days {
        ..0 => return Some(format!("the credentials ended on {expires}: renew them")),
        0..=7 => "urgent: ",
        8..=30 => "",
        _ => return None,
    };
    debug_assert!(today.checked_add(days.days()).is_ok());
    Some(format!("{urgency}the credentials end on {expires}, in {days} days: renew them"))
}

/// ISO 8601, in whole minutes where possible: `PT40M`.
fn iso_duration(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    let mut text = "PT".to_owned();
    // The published sample writes minutes below an hour and a half without hours.
    match (hours, minutes, rest) {
        (0, 0, 0) => text.push_str("0S"),
        (hours, minutes, rest) => {
            for (count, letter) in [(hours, 'H'), (minutes, 'M'), (rest, 'S')] {
                if count > 0 {
                    text.push_str(&format!("{count}{letter}"));
                }
            }
        }
    }
    text
}
