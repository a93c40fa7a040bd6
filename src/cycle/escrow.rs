//! When a failed object is tried again (service.md 16.2).

use jiff::{SignedDuration, Timestamp};

use crate::config::FirstRetry;
use crate::model::{Class, ErrorCode, Escrow, Failure, Operation, SourceAnchor, TargetId};

/// The published retries after the first failure: 6, 12 and 24 hours, then every 24 hours up to 28 days.
fn timetable() -> impl Iterator<Item = SignedDuration> {
    [6, 12].into_iter().chain((1..=28).map(|day| day * 24)).map(SignedDuration::from_hours)
}

/// Returns when an object that failed first at `first` and again at `now` is due next; `None` when its time is over.
pub fn next_due(first: Timestamp, now: Timestamp, attempts: u32, retry: FirstRetry) -> Option<Timestamp> {
    if attempts <= 1 {
        match retry {
            FirstRetry::NextCycle => return Some(now),
            FirstRetry::After(pause) => {
                let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
                return first.checked_add(pause).ok();
            }
        }
    }
    // A due time that could not be kept collapses into the next one.
    timetable().map(|after| first + after).find(|due| *due > now)
}

/// The entry of an object that has just failed; `before` is the entry it had.
pub fn entry(
    anchor: &SourceAnchor,
    target: Option<&TargetId>,
    operation: Operation,
    failure: &Failure,
    before: Option<&Escrow>,
    now: Timestamp,
    retry: FirstRetry,
) -> Escrow {
    let first = before.map_or(now, |escrow| escrow.first_failure);
    let attempts = before.map_or(0, |escrow| escrow.attempts) + 1;
    let timed = failure.class != Class::Special && failure.code != ErrorCode::InvalidAnchor;
    let next = if timed { next_due(first, now, attempts, retry) } else { None };
    Escrow {
        source_anchor: anchor.clone(),
        target_anchor: target.cloned(),
        operation,
        error_code: failure.code,
        class: failure.class,
        reference: operation == Operation::Reference,
        first_failure: first,
        attempts,
        next_due: next,
        abandoned: timed && next.is_none(),
        message: failure.message.clone(),
        remedy: failure.remedy.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    #[test]
    fn the_timetable_has_thirty_one_retries() {
        let mut now = at(0);
        let mut hours = Vec::new();
        let mut attempts = 1;
        while let Some(due) = next_due(at(0), now, attempts, FirstRetry::NextCycle) {
            hours.push(due.duration_since(at(0)).as_hours());
            now = due;
            attempts += 1;
        }
        let mut expected = vec![0, 6, 12];
        expected.extend((1..=28).map(|day| day * 24));
        assert_eq!(hours, expected);
        assert_eq!(hours.len(), 31);
    }

    #[test]
    fn missed_retries_collapse_and_the_first_can_be_left_out() {
        assert_eq!(next_due(at(0), at(13), 2, FirstRetry::NextCycle), Some(at(24)));
        assert_eq!(next_due(at(0), at(0), 1, FirstRetry::After(Duration::from_secs(6 * 3600))), Some(at(6)));
        assert_eq!(next_due(at(0), at(672), 9, FirstRetry::NextCycle), None);
    }
}
