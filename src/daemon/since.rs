//! How long ago a cycle began, on a clock that never jumps (D-17).

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// Counts the time since the last start: from the wall clock once, when a start is first seen, and on the monotonic clock
/// from then on. So a wall clock that is set forward or back while the process lives changes nothing.
#[derive(Debug, Default)]
pub(super) struct Since {
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    start: Timestamp,
    age: SignedDuration,
    at: Instant,
}

impl Since {
    /// Returns how long ago `last_start` was; `now` and `instant` are the same moment on both clocks.
    pub(super) fn start(
        &mut self,
        last_start: Option<Timestamp>,
        now: Timestamp,
        instant: Instant,
    ) -> Option<SignedDuration> {
        let start = last_start?;
        if self.seen.as_ref().is_none_or(|seen| seen.start != start) {
            // A start in the future is one before the wall clock was set back.
            let age = now.duration_since(start).max(SignedDuration::ZERO);
            self.seen = Some(Seen { start, age, at: instant });
        }
        let seen = self.seen.as_ref()?;
        let passed =
            SignedDuration::try_from(instant.saturating_duration_since(seen.at)).unwrap_or(SignedDuration::MAX);
        Some(seen.age.saturating_add(passed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_wall_clock_counts_only_at_first_sight() {
        let begin = Instant::now();
        let wall = |text: &str| -> Timestamp { format!("2026-04-01T{text}Z").parse().expect("a time of day") };
        // last start, wall clock, minutes on the monotonic clock, expected minutes
        let table = [
            ("10:00:00", "10:10:00", 0, 10),
            ("10:00:00", "10:20:00", 10, 20),
            ("10:00:00", "23:00:00", 11, 21),
            ("10:00:00", "01:00:00", 12, 22),
            ("10:40:00", "10:40:30", 40, 0),
            ("10:40:00", "10:40:30", 45, 5),
            ("12:00:00", "11:00:00", 50, 0),
            ("12:00:00", "11:00:00", 60, 10),
        ];
        let mut since = Since::default();
        assert_eq!(since.start(None, wall("10:00:00"), begin), None);
        for (start, now, minutes, expected) in table {
            let found = since.start(Some(wall(start)), wall(now), begin + Duration::from_secs(minutes * 60));
            assert_eq!(found.map(|age| age.as_mins()), Some(expected), "start {start} at {now}");
        }
    }
}
