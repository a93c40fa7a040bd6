//! When a job is due next (service.md 8, 17.2).

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::config::FixedHours;

/// No two cycles of a job begin closer together (D-18).
const SHORTEST: SignedDuration = SignedDuration::from_mins(1);

/// How often a job runs while it is healthy.
#[derive(Debug, Clone, PartialEq)]
pub enum Rhythm {
    /// From start to start, 40 minutes by default.
    Every(SignedDuration),
    /// `schedule.cron`, in the time zone of the machine.
    Fixed(FixedHours, TimeZone),
}

/// All that decides when a job is due.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub now: Timestamp,
    pub rhythm: &'a Rhythm,
    /// When the last cycle began on the wall clock.
    pub last_start: Option<Timestamp>,
    /// How long ago that was on a clock that never jumps (D-17).
    pub since_start: Option<SignedDuration>,
    /// The next attempt of a quarantine that slows the job; it takes the place of the rhythm.
    pub quarantine_next: Option<Timestamp>,
    pub paused: bool,
    /// Switched off after four weeks of quarantine.
    pub disabled: bool,
    /// A cycle of this job is under way.
    pub running: bool,
    /// `source.watch`: a new export lies there and has settled.
    pub new_export: bool,
}

/// When a job is due next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Now,
    At(Timestamp),
    /// Not before the running cycle has ended: missed starts collapse into the one after it (D-16).
    AfterThisCycle,
    /// Not before an administrator starts the job.
    OnStart,
}

/// Returns when the job is due next.
///
/// An interval counts from start to start. However many starts were missed, at most one is due. A start that lies in the
/// future, because the wall clock was set back, counts as one that has just happened, so the wait never exceeds the interval.
pub fn next_due(facts: &Facts<'_>) -> Due {
    if facts.paused || facts.disabled {
        return Due::OnStart;
    }
    if facts.running {
        return Due::AfterThisCycle;
    }
    // Where a cycle fails before anything of it is stored, its attempt or its fixed hour stays due.
    let breath = SHORTEST - facts.since_start.unwrap_or(SHORTEST).max(SignedDuration::ZERO);
    let earliest = if breath.is_positive() { later(facts.now, breath) } else { Timestamp::MIN };
    if let Some(attempt) = facts.quarantine_next {
        return at_or_now(attempt.max(earliest), facts.now);
    }
    if facts.new_export {
        return at_or_now(earliest, facts.now);
    }
    match facts.rhythm {
        Rhythm::Every(interval) => {
            let Some(since) = facts.since_start else { return Due::Now };
            let wait = *interval - since.max(SignedDuration::ZERO);
            if wait.is_positive() { Due::At(later(facts.now, wait)) } else { Due::Now }
        }
        Rhythm::Fixed(hours, zone) => {
            // A job that never ran begins at once: its first fixed hour may be a week away.
            let Some(last) = facts.last_start else { return Due::Now };
            match hours.next_after(last.min(facts.now), zone) {
                Some(time) => at_or_now(time.max(earliest), facts.now),
                None => Due::OnStart,
            }
        }
    }
}

fn at_or_now(time: Timestamp, now: Timestamp) -> Due {
    if time <= now { Due::Now } else { Due::At(time) }
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        format!("2026-04-01T{text}Z").parse().expect("a time of day")
    }

    fn minutes(count: i64) -> SignedDuration {
        SignedDuration::from_mins(count)
    }

    #[test]
    fn an_interval_counts_from_start_to_start() {
        let rhythm = Rhythm::Every(minutes(40));
        let table: &[(&str, Option<i64>, Due)] = &[
            ("never ran", None, Due::Now),
            ("just began", Some(0), Due::At(time("12:40:00"))),
            ("half way", Some(15), Due::At(time("12:25:00"))),
            ("exactly due", Some(40), Due::Now),
            ("one late", Some(41), Due::Now),
            ("a hundred starts missed are one", Some(4_000), Due::Now),
            ("the wall clock was set back: never more than one interval", Some(-600), Due::At(time("12:40:00"))),
        ];
        for (name, since, expected) in table {
            let facts = Facts { since_start: since.map(minutes), ..healthy(&rhythm) };
            assert_eq!(next_due(&facts), *expected, "{name}");
        }
    }

    #[test]
    fn what_holds_a_job_back() {
        let rhythm = Rhythm::Every(minutes(40));
        let late = Facts { since_start: Some(minutes(100)), ..healthy(&rhythm) };
        let table: &[(&str, Facts<'_>, Due)] = &[
            ("nothing", late, Due::Now),
            ("paused", Facts { paused: true, ..late }, Due::OnStart),
            ("disabled", Facts { disabled: true, ..late }, Due::OnStart),
            ("under way", Facts { running: true, ..late }, Due::AfterThisCycle),
            ("paused while under way", Facts { running: true, paused: true, ..late }, Due::OnStart),
            (
                "quarantine, next attempt later",
                Facts { quarantine_next: Some(time("18:00:00")), ..late },
                Due::At(time("18:00:00")),
            ),
            (
                "quarantine, the attempt sooner than the interval",
                Facts { quarantine_next: Some(time("12:00:00")), since_start: Some(minutes(1)), ..late },
                Due::Now,
            ),
            (
                "quarantine, the last attempt failed before it was stored",
                Facts {
                    quarantine_next: Some(time("11:00:00")),
                    since_start: Some(SignedDuration::from_secs(20)),
                    ..late
                },
                Due::At(time("12:00:40")),
            ),
            (
                "a new export, the last start too close",
                Facts { new_export: true, since_start: Some(SignedDuration::from_secs(20)), ..late },
                Due::At(time("12:00:40")),
            ),
            ("a new export", Facts { new_export: true, since_start: Some(minutes(1)), ..late }, Due::Now),
            (
                "a new export in a quarantine",
                Facts { new_export: true, quarantine_next: Some(time("18:00:00")), ..late },
                Due::At(time("18:00:00")),
            ),
            ("a new export, under way", Facts { new_export: true, running: true, ..late }, Due::AfterThisCycle),
            (
                "quarantine, attempt due, but paused",
                Facts { quarantine_next: Some(time("11:00:00")), paused: true, ..late },
                Due::OnStart,
            ),
        ];
        for (name, facts, expected) in table {
            assert_eq!(next_due(facts), *expected, "{name}");
        }
    }

    #[test]
    fn fixed_hours_are_caught_up_once() {
        let hours: FixedHours = "0 6,18 * * *".parse().expect("a pattern");
        let rhythm = Rhythm::Fixed(hours, TimeZone::UTC);
        let table: &[(&str, Option<&str>, Due)] = &[
            ("never ran", None, Due::Now),
            ("ran this morning", Some("06:00:02"), Due::At(time("18:00:00"))),
            ("was down at six", Some("05:59:00"), Due::Now),
            ("a start in the future", Some("20:00:00"), Due::At(time("18:00:00"))),
        ];
        for (name, last, expected) in table {
            let facts = Facts { last_start: last.map(time), ..healthy(&rhythm) };
            assert_eq!(next_due(&facts), *expected, "{name}");
        }
    }

    fn healthy(rhythm: &Rhythm) -> Facts<'_> {
        Facts {
            now: time("12:00:00"),
            rhythm,
            last_start: None,
            since_start: None,
            quarantine_next: None,
            paused: false,
            disabled: false,
            running: false,
            new_export: false,
        }
    }
}
