//! The unhealthy state of a job: entry, attempts, exit (service.md 17).

use jiff::{SignedDuration, Timestamp};

use crate::model::{ErrorCode, Quarantine, QuarantineReason, RunError};
use crate::store::JobState;

/// More than this in quarantine and the job is disabled (service.md 17.2).
const LIMIT: SignedDuration = SignedDuration::from_hours(28 * 24);
/// Cycles in a row without a single exchange that worked, or without a source (D-47, D-48).
const IN_A_ROW: u64 = 3;

/// The thresholds of service.md 17.1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    pub minimum_failures: u64,
    /// Percent.
    pub proportion: f64,
    pub base: u64,
    pub total: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { minimum_failures: 5_000, proportion: 40.0, base: 40_000, total: 60_000 }
    }
}

/// What the counts of open failures say about a job (D-48).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Well,
    /// Too small for the thresholds, but more than the share failed.
    Degraded(String),
    Unhealthy(QuarantineReason),
}

/// Judges open failures against the objects evaluated since the last initial cycle began.
pub fn health(failures: u64, references: u64, events: u64, thresholds: &Thresholds) -> Health {
    let base = failures.saturating_sub(references);
    // Counts of people: exact in f64 far beyond any directory.
    let share = if events == 0 { 0.0 } else { base as f64 * 100.0 / events as f64 };
    if failures > thresholds.total {
        Health::Unhealthy(QuarantineReason::EncounteredTotalEscrowThreshold)
    } else if base > thresholds.base {
        Health::Unhealthy(QuarantineReason::EncounteredBaseEscrowThreshold)
    } else if base >= thresholds.minimum_failures && share > thresholds.proportion {
        Health::Unhealthy(QuarantineReason::EncounteredEscrowProportionThreshold)
    } else if events >= 10 && share > thresholds.proportion {
        Health::Degraded(format!("{base} of {events} evaluated objects failed"))
    } else {
        Health::Well
    }
}

/// Does the reason slow the job down? Staged deprovisionings do not (D-52).
pub fn slows(reason: QuarantineReason) -> bool {
    match reason {
        QuarantineReason::TooManyDeletes => false,
        QuarantineReason::EncounteredQuarantineException
        | QuarantineReason::EncounteredEscrowProportionThreshold
        | QuarantineReason::EncounteredBaseEscrowThreshold
        | QuarantineReason::EncounteredTotalEscrowThreshold
        | QuarantineReason::QuarantinedOnDemand
        | QuarantineReason::IngestionInterrupted
        | QuarantineReason::Unknown => true,
    }
}

/// Puts the job into quarantine, or confirms the one it is in.
pub fn enter(state: &mut JobState, reason: QuarantineReason, error: Option<RunError>, now: Timestamp) {
    let before = state.quarantine.take().filter(|before| before.reason == reason);
    let series_began = before.as_ref().map_or(now, |before| before.series_began);
    let over = now.duration_since(series_began) > LIMIT;
    state.disabled |= over && slows(reason);
    let next = next_attempt(series_began, now).filter(|_| slows(reason) && !over);
    state.quarantine = Some(Quarantine {
        reason,
        series_began,
        current_began: now,
        series_count: before.map_or(0, |before| before.series_count) + 1,
        next_attempt: next,
        error,
    });
}

/// Takes the job out of quarantine, if it is there for one of `reasons`.
pub fn lift(state: &mut JobState, is_over: impl FnOnce(QuarantineReason) -> bool) {
    if state.quarantine.as_ref().is_some_and(|quarantine| is_over(quarantine.reason)) {
        state.quarantine = None;
        state.complete_failures = 0;
        state.source_failures = 0;
    }
}

/// Disables a job whose quarantine has lasted too long, whether or not a cycle ran meanwhile.
pub fn expire(state: &mut JobState, now: Timestamp) {
    if let Some(quarantine) = &mut state.quarantine
        && slows(quarantine.reason)
        && now.duration_since(quarantine.series_began) > LIMIT
    {
        quarantine.next_attempt = None;
        state.disabled = true;
    }
}

/// Attempts come 6, 12 and 24 hours after the quarantine began, then every 24 hours (D-49).
fn next_attempt(began: Timestamp, now: Timestamp) -> Option<Timestamp> {
    [6, 12]
        .into_iter()
        .chain((1..=28).map(|day| day * 24))
        .map(|hours| began + SignedDuration::from_hours(hours))
        .find(|attempt| *attempt > now)
}

/// Notes a cycle in which nothing could be exchanged with the target; quarantines after three in a row (D-47).
pub fn note_complete_failure(state: &mut JobState, error: RunError, at_once: bool, now: Timestamp) {
    state.complete_failures += 1;
    let again = state.quarantine.as_ref().map(|quarantine| quarantine.reason);
    if at_once || state.complete_failures >= IN_A_ROW || again == Some(QuarantineReason::EncounteredQuarantineException)
    {
        enter(state, QuarantineReason::EncounteredQuarantineException, Some(as_quarantine(error)), now);
    }
}

/// Credentials that are refused have a name of their own as the error of a quarantine (service.md 16.1).
fn as_quarantine(error: RunError) -> RunError {
    if error.code != ErrorCode::Unauthorized.as_str() {
        return error;
    }
    RunError { code: ErrorCode::ScimCredentialValidationFailure.to_string(), ..error }
}

/// Notes a cycle whose source was missing or refused; quarantines after three in a row (D-48).
pub fn note_source_failure(state: &mut JobState, error: RunError, now: Timestamp) {
    state.source_failures += 1;
    let again = state.quarantine.as_ref().map(|quarantine| quarantine.reason);
    if state.source_failures >= IN_A_ROW || again == Some(QuarantineReason::IngestionInterrupted) {
        enter(state, QuarantineReason::IngestionInterrupted, Some(error), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_figures_hold() {
        let thresholds = Thresholds::default();
        let judged = |failures, references, events| health(failures, references, events, &thresholds);
        use QuarantineReason as Reason;
        assert_eq!(judged(4_000, 0, 4_000), Health::Degraded("4000 of 4000 evaluated objects failed".to_owned()));
        assert_eq!(judged(5_000, 0, 5_000), Health::Unhealthy(Reason::EncounteredEscrowProportionThreshold));
        assert_eq!(judged(45_000, 0, 1_000_000), Health::Unhealthy(Reason::EncounteredBaseEscrowThreshold));
        assert_eq!(judged(30_000, 0, 35_000), Health::Unhealthy(Reason::EncounteredEscrowProportionThreshold));
        assert_eq!(judged(20_000, 0, 120_000), Health::Well);
        assert_eq!(judged(61_000, 21_000, 1_000_000), Health::Unhealthy(Reason::EncounteredTotalEscrowThreshold));
        assert_eq!(judged(40_000, 0, 200_000), Health::Well);
        assert_eq!(judged(3, 0, 5), Health::Well);
    }

    #[test]
    fn attempts_grow_rarer_and_end_after_four_weeks() {
        let hour = |hours: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let mut state = JobState::new("job".to_owned());
        let mut now = hour(0);
        let mut hours = Vec::new();
        loop {
            enter(&mut state, QuarantineReason::EncounteredQuarantineException, None, now);
            let Some(next) = state.quarantine.as_ref().and_then(|quarantine| quarantine.next_attempt) else { break };
            hours.push(next.duration_since(hour(0)).as_hours());
            now = next;
        }
        assert_eq!(hours[..5], [6, 12, 24, 48, 72]);
        assert_eq!(hours.last(), Some(&672));
        assert!(!state.disabled, "exactly four weeks are not more than four weeks");
        expire(&mut state, hour(673));
        assert!(state.disabled);
    }
}
