//! `schedule.cron`: fixed hours instead of an interval.

use std::fmt;
use std::str::FromStr;

use croner::{Cron, parser::CronParser, parser::Seconds};
use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// How far ahead a pattern is searched: 29 February can be eight years away.
const HORIZON_DAYS: u32 = 9 * 366;

/// A cron pattern of five fields: minute, hour, day of the month, month, day of the week.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedHours {
    text: String,
    cron: Box<Cron>,
}

/// Why a text is no cron pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is no cron pattern: {why}")]
pub struct PatternError {
    pub pattern: String,
    pub why: String,
}

impl FromStr for FixedHours {
    type Err = PatternError;

    fn from_str(pattern: &str) -> Result<Self, PatternError> {
        CronParser::builder()
            .seconds(Seconds::Disallowed)
            .build()
            .parse(pattern)
            .map(|cron| Self { text: pattern.to_owned(), cron: Box::new(cron) })
            .map_err(|error| PatternError { pattern: pattern.to_owned(), why: error.to_string().to_lowercase() })
    }
}

impl fmt::Display for FixedHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FixedHours {
    /// Returns the first matching minute strictly after `after`, on the clocks of `zone`.
    ///
    /// A minute that the clocks skip in spring comes as much later; one that they show twice in autumn counts the first time.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut day = after.to_zoned(zone.clone()).date();
        for _ in 0..HORIZON_DAYS {
            if self.has_day(day) {
                let minutes = (0..24).flat_map(|hour| (0..60).map(move |minute| (hour, minute)));
                for (hour, minute) in minutes.filter(|(hour, minute)| self.has_minute(*hour, *minute)) {
                    let time = zone.to_timestamp(DateTime::from_parts(day, time_of_day(hour, minute))).ok()?;
                    if time > after {
                        return Some(time);
                    }
                }
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    fn has_day(&self, day: Date) -> bool {
        let pattern = &self.cron.pattern;
        let (year, month, date) = (day.year(), day.month().unsigned_abs(), day.day().unsigned_abs());
        pattern.year_match(i32::from(year)).unwrap_or(false)
            && pattern.month_match(u32::from(month)).unwrap_or(false)
            && pattern.day_match(i32::from(year), u32::from(month), u32::from(date)).unwrap_or(false)
    }

    fn has_minute(&self, hour: i8, minute: i8) -> bool {
        let pattern = &self.cron.pattern;
        pattern.hour_match(u32::from(hour.unsigned_abs())).unwrap_or(false)
            && pattern.minute_match(u32::from(minute.unsigned_abs())).unwrap_or(false)
    }
}

fn time_of_day(hour: i8, minute: i8) -> jiff::civil::Time {
    jiff::civil::time(hour, minute, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn the_next_minute_is_found() {
        let table = [
            ("0 6 * * *", "UTC", "2026-04-01T05:59:59Z", Some("2026-04-01T06:00:00Z")),
            ("0 6 * * *", "UTC", "2026-04-01T06:00:00Z", Some("2026-04-02T06:00:00Z")),
            ("30 7 * * 1-5", "UTC", "2026-04-03T08:00:00Z", Some("2026-04-06T07:30:00Z")),
            ("0 3 1 * *", "UTC", "2026-12-02T00:00:00Z", Some("2027-01-01T03:00:00Z")),
            ("0 0 29 2 *", "UTC", "2026-04-01T00:00:00Z", Some("2028-02-29T00:00:00Z")),
            ("0 0 30 2 *", "UTC", "2026-04-01T00:00:00Z", None),
            ("0 6 * * *", "Asia/Tokyo", "2026-04-01T00:00:00Z", Some("2026-04-01T21:00:00Z")),
            // 02:30 does not exist on this day in Berlin, and exists twice on the other.
            ("30 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", Some("2026-03-29T01:30:00Z")),
            ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", Some("2026-10-25T00:30:00Z")),
            ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", Some("2026-10-26T01:30:00Z")),
        ];
        for (pattern, zone, after, expected) in table {
            let hours: FixedHours = pattern.parse().expect("a pattern");
            let zone = TimeZone::get(zone).expect("a zone");
            assert_eq!(hours.next_after(utc(after), &zone), expected.map(utc), "`{pattern}` after {after}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in ["", "hello", "0 6 * *", "61 * * * *", "0 24 * * *", "*/0 * * * *", "0 0 6 * * *"] {
            let error = pattern.parse::<FixedHours>().expect_err(pattern);
            assert!(error.to_string().starts_with(&format!("`{pattern}` is no cron pattern")), "{error}");
        }
    }
}
