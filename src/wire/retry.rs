//! How long to wait before a refused request is repeated (wire.md 15.2).

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const LONGEST: Duration = Duration::from_secs(3600);
const LONGEST_GUESS: Duration = Duration::from_secs(60);
/// The three forms of a date in HTTP (RFC 9110 5.6.7).
const HTTP_DATES: [&str; 3] = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// Reads a `Retry-After` of seconds or a date, at most an hour; `None` where it is neither.
pub fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds is longer than an hour anyway.
        return Some(text.parse().map_or(LONGEST, Duration::from_secs).min(LONGEST));
    }
    let date = HTTP_DATES.iter().find_map(|format| DateTime::strptime(format, text).ok())?;
    // Both without a zone, because the last day of the calendar is no instant everywhere.
    let wait = date.duration_since(now.to_zoned(TimeZone::UTC).datetime()).max(SignedDuration::ZERO);
    Some(Duration::try_from(wait).unwrap_or(LONGEST).min(LONGEST))
}

/// The pause before repeat number `attempt` (from 0) where the target does not say: 1 s, doubling to 60 s.
pub fn retry_pause(attempt: u32) -> Duration {
    Duration::from_secs(1 << attempt.min(6)).min(LONGEST_GUESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read() {
        let now: Timestamp = "1994-11-06T08:49:07Z".parse().expect("a time");
        let cases = [
            ("17", Some(17)),
            (" 0 ", Some(0)),
            ("999999", Some(3600)),
            ("99999999999999999999999", Some(3600)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(30)),
            ("Sun Nov  6 08:49:37 1994", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(3600)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
        ];
        for (text, expected) in cases {
            assert_eq!(retry_after(text, now), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn guesses_double_up_to_a_minute() {
        let seconds: Vec<u64> = (0..9).map(|attempt| retry_pause(attempt).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }
}
