//! Calendar arithmetic.

use std::fmt;

/// An instant in UTC: 100-nanosecond ticks since the first of January of the year 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(i64);

const TICKS_PER_SECOND: i64 = 10_000_000;
const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;
/// Days from year 1 to 1970.
const DAYS_TO_1970: i64 = 719_162;
/// Ticks from year 1 to 1601, where the directory's dates begin.
const TICKS_TO_1601: i64 = 584_388 * TICKS_PER_DAY;
/// The last tick of the year 9999.
const MAX: i64 = 3_652_059 * TICKS_PER_DAY - 1;

/// A point on the clock and the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    /// 100-nanosecond ticks within the second.
    pub ticks: i64,
}

/// The units of `DateAdd` and `DateDiff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) enum Interval {
    Years,
    Months,
    Weeks,
    Days,
    Hours,
    Minutes,
    Seconds,
}

impl Interval {
    pub const CODES: [(&'static str, Self); 7] = [
        ("yyyy", Self::Years),
        ("m", Self::Months),
        ("d", Self::Days),
        ("ww", Self::Weeks),
        ("h", Self::Hours),
        ("n", Self::Minutes),
        ("s", Self::Seconds),
    ];

    pub fn of(code: &str) -> Option<Self> {
        Self::CODES.into_iter().find_map(|(known, interval)| (known == code).then_some(interval))
    }

    /// Ticks of one unit; years and months have no fixed length.
    fn ticks(self) -> Option<i64> {
        match self {
            Self::Years | Self::Months => None,
            Self::Weeks => Some(7 * TICKS_PER_DAY),
            Self::Days => Some(TICKS_PER_DAY),
            Self::Hours => Some(3_600 * TICKS_PER_SECOND),
            Self::Minutes => Some(60 * TICKS_PER_SECOND),
            Self::Seconds => Some(TICKS_PER_SECOND),
        }
    }
}

impl Civil {
    /// Midnight of a day.
    pub fn day(year: i64, month: i64, day: i64) -> Self {
        Self { year, month, day, hour: 0, minute: 0, second: 0, ticks: 0 }
    }

    /// The instant at which a UTC clock shows this; `None` for impossible dates and times.
    pub fn to_instant(self) -> Option<DateTime> {
        let Self { year, month, day, hour, minute, second, ticks } = self;
        let is_date =
            (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
        let is_time = (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && (0..TICKS_PER_SECOND).contains(&ticks);
        (is_date && is_time).then(|| {
            let seconds = hour * 3_600 + minute * 60 + second;
            DateTime(days_from_year_one(year, month, day) * TICKS_PER_DAY + seconds * TICKS_PER_SECOND + ticks)
        })
    }

    /// The place of this day in the week, Sunday being 0.
    pub fn weekday(self) -> usize {
        let days = days_from_year_one(self.year, self.month, self.day);
        usize::try_from((days + 1).rem_euclid(7)).unwrap_or_default()
    }
}

impl DateTime {
    /// The first instant of the year 1.
    pub(in crate::expr) const FIRST: Self = Self(0);

    /// From nanoseconds since 1970; `None` outside the years 1 to 9999.
    pub fn from_unix_nanoseconds(nanoseconds: i128) -> Option<Self> {
        let ticks = nanoseconds.div_euclid(100) + i128::from(DAYS_TO_1970 * TICKS_PER_DAY);
        Self::from_ticks(i64::try_from(ticks).ok()?)
    }

    /// From the directory's ticks since 1601; `None` outside the years 1601 to 9999.
    pub(in crate::expr) fn from_file_time(ticks: i64) -> Option<Self> {
        if ticks < 0 {
            return None;
        }
        Self::from_ticks(ticks.checked_add(TICKS_TO_1601)?)
    }

    pub(in crate::expr) fn to_file_time(self) -> i64 {
        self.0 - TICKS_TO_1601
    }

    fn from_ticks(ticks: i64) -> Option<Self> {
        (0..=MAX).contains(&ticks).then_some(Self(ticks))
    }

    pub(in crate::expr) fn civil(self) -> Civil {
        let days = self.0 / TICKS_PER_DAY;
        let rest = self.0 % TICKS_PER_DAY;
        let (year, month, day) = date_of(days);
        let seconds = rest / TICKS_PER_SECOND;
        Civil {
            year,
            month,
            day,
            hour: seconds / 3_600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            ticks: rest % TICKS_PER_SECOND,
        }
    }

    /// Moves by minutes, as an offset from UTC demands.
    pub(in crate::expr) fn plus_minutes(self, minutes: i64) -> Option<Self> {
        Self::from_ticks(self.0.checked_add(minutes.checked_mul(60 * TICKS_PER_SECOND)?)?)
    }

    /// Adds `count` units; months and years keep the day or fall back to the last of the month.
    pub(in crate::expr) fn plus(self, interval: Interval, count: i64) -> Option<Self> {
        if let Some(unit) = interval.ticks() {
            return Self::from_ticks(self.0.checked_add(count.checked_mul(unit)?)?);
        }
        let months = if interval == Interval::Years { count.checked_mul(12)? } else { count };
        let civil = self.civil();
        let month = (civil.year * 12 + civil.month - 1).checked_add(months)?;
        let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
        if !(1..=9999).contains(&year) {
            return None;
        }
        Civil { year, month, day: civil.day.min(days_in_month(year, month)), ..civil }.to_instant()
    }

    /// Counts units from `self` to `other` by the rules of the Visual Basic runtime (expressions.md 5, `DateDiff`).
    pub(in crate::expr) fn until(self, other: Self, interval: Interval) -> i64 {
        let (from, to) = (self.civil(), other.civil());
        match interval {
            Interval::Years => to.year - from.year,
            Interval::Months => (to.year - from.year) * 12 + to.month - from.month,
            Interval::Weeks => {
                let sunday = |ticks: i64, civil: Civil| {
                    ticks - i64::try_from(civil.weekday()).unwrap_or_default() * TICKS_PER_DAY
                };
                (sunday(other.0, to) - sunday(self.0, from)) / TICKS_PER_DAY / 7
            }
            Interval::Days => (other.0 - self.0) / TICKS_PER_DAY,
            Interval::Hours => (other.0 - self.0) / (3_600 * TICKS_PER_SECOND),
            Interval::Minutes => (other.0 - self.0) / (60 * TICKS_PER_SECOND),
            Interval::Seconds => (other.0 - self.0) / TICKS_PER_SECOND,
        }
    }

    /// Nanoseconds since 1970, for conversion to other libraries' types.
    pub fn to_unix_nanoseconds(self) -> i128 {
        i128::from(self.0 - DAYS_TO_1970 * TICKS_PER_DAY) * 100
    }
}

impl From<jiff::Timestamp> for DateTime {
    /// An instant before the year 1 becomes its first, as no clock shows one.
    fn from(timestamp: jiff::Timestamp) -> Self {
        Self::from_unix_nanoseconds(timestamp.as_nanosecond()).unwrap_or(Self::FIRST)
    }
}

/// The text form: `M/d/yyyy h:mm:ss tt`, invariant culture.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second, .. } = self.civil();
        let half = if hour < 12 { "AM" } else { "PM" };
        let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
        write!(f, "{month}/{day}/{year:04} {hour}:{minute:02}:{second:02} {half}")
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the first of January of the year 1 in the proleptic Gregorian calendar.
fn days_from_year_one(year: i64, month: i64, day: i64) -> i64 {
    // The year begins in March here, so that the leap day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 306
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 306;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(year: i64, month: i64, day: i64) -> DateTime {
        Civil::day(year, month, day).to_instant().unwrap()
    }

    #[test]
    fn every_day_converts_both_ways() {
        let mut expected = Civil::day(1, 1, 1);
        for days in 0..3_652_059 {
            let instant = DateTime(days * TICKS_PER_DAY);
            assert_eq!(instant.civil(), expected);
            assert_eq!(expected.to_instant(), Some(instant));
            expected.day += 1;
            if expected.day > days_in_month(expected.year, expected.month) {
                (expected.day, expected.month) = (1, expected.month + 1);
            }
            if expected.month > 12 {
                (expected.month, expected.year) = (1, expected.year + 1);
            }
        }
        assert_eq!(at(9999, 12, 31).0 + TICKS_PER_DAY - 1, MAX);
    }

    #[test]
    fn agrees_with_jiff() {
        for text in
            ["2026-11-21T23:04:54.1234567Z", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1601-01-01T00:00:00Z"]
        {
            let timestamp: jiff::Timestamp = text.parse().unwrap();
            let instant = DateTime::from(timestamp);
            assert_eq!(instant.to_unix_nanoseconds(), timestamp.as_nanosecond());
            let civil = instant.civil();
            let zoned = timestamp.to_zoned(jiff::tz::TimeZone::UTC);
            assert_eq!((civil.year, civil.hour), (i64::from(zoned.year()), i64::from(zoned.hour())));
            assert_eq!(civil.weekday(), usize::try_from(zoned.weekday().to_sunday_zero_offset()).unwrap());
        }
        assert_eq!(at(1601, 1, 1).to_file_time(), 0);
    }

    #[test]
    fn months_fall_back_to_their_last_day() {
        let cases = [
            (at(2023, 1, 31), Interval::Months, 1, Some(at(2023, 2, 28))),
            (at(2024, 1, 31), Interval::Months, 1, Some(at(2024, 2, 29))),
            (at(2024, 2, 29), Interval::Years, 1, Some(at(2025, 2, 28))),
            (at(2024, 3, 31), Interval::Months, -13, Some(at(2023, 2, 28))),
            (at(9999, 12, 31), Interval::Days, 1, None),
            (at(1, 1, 1), Interval::Seconds, -1, None),
            (at(2024, 1, 1), Interval::Years, i64::MAX, None),
            (at(2024, 1, 1), Interval::Months, i64::MIN, None),
            (at(2024, 1, 1), Interval::Weeks, i64::MAX, None),
        ];
        for (from, interval, count, expected) in cases {
            assert_eq!(from.plus(interval, count), expected, "{from} {interval:?} {count}");
        }
    }
}
