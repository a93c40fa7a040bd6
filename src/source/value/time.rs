//! Times and dates in the forms that exporters write, to RFC 3339 in UTC (sources.md 11.6).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime;
use jiff::tz::Offset;

use super::Outcome;

/// The two-letter codes of ISO 639.
const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv \
    dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv \
    ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no \
    nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti \
    tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

/// In which order a locale writes day, month and year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locale {
    MonthDayYear,
    DayMonthYear,
    YearMonthDay,
}

impl Locale {
    /// Says whether `tag` is a language of ISO 639, with a script and a country where they are named.
    pub fn is_tag(tag: &str) -> bool {
        let mut parts = tag.split(['-', '_']);
        let is_language = |part: &str| match part.len() {
            2 => LANGUAGES.split(' ').any(|known| known.eq_ignore_ascii_case(part)),
            3 => part.bytes().all(|byte| byte.is_ascii_alphabetic()),
            _ => false,
        };
        parts.next().is_some_and(is_language)
            && parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }

    /// Finds the order of a language tag; the United States and the Philippines write the month first.
    pub fn parse(tag: &str) -> Self {
        let lower = tag.to_ascii_lowercase();
        match lower.as_str() {
            "en" | "en-us" | "en-ph" => Self::MonthDayYear,
            _ if ["ja", "zh", "ko", "hu", "lt", "sv", "mn", "en-za", "en-ca", "fr-ca"]
                .iter()
                .any(|prefix| lower.starts_with(prefix)) =>
            {
                Self::YearMonthDay
            }
            _ => Self::DayMonthYear,
        }
    }
}

/// Seconds from the beginning of 1601, where FILETIME counts from, to 1970.
const SECONDS_1601_TO_1970: i64 = 11_644_473_600;

/// Reads any of the forms; `local` allows those whose order of day and month the locale decides.
pub fn time_of(text: &str, local: Option<Locale>) -> Outcome<'static> {
    if is_never(text) {
        return Outcome::Absent;
    }
    let read = swift_time(text, local)
        .map(|stamp| stamp.as_str().to_owned())
        .or_else(|| generalized(text))
        .or_else(|| filetime(text))
        .or_else(|| microsoft_json(text))
        .or_else(|| iso(text))
        .or_else(|| local.and_then(|locale| local_form(text, locale)));
    read.map_or(Outcome::Unreadable, |text| Outcome::Text(text.into()))
}

/// Reads a date by `pattern`, or in ISO 8601; of a date with time only the date counts.
pub(super) fn date(text: &str, pattern: Option<&str>) -> Option<String> {
    let date = match pattern {
        Some(pattern) => strtime::parse(pattern, text).ok()?.to_date().ok()?,
        None => {
            let (date, _) = text.split_once(['T', ' ']).unwrap_or((text, ""));
            ymd(date)?
        }
    };
    Some(date.to_string())
}

/// Says whether a date can be read by `pattern`: one that is written by it must be the same when it is read.
pub(super) fn gives_dates(pattern: &str) -> bool {
    let written = jiff::civil::date(2001, 2, 3);
    let zoned = written.to_zoned(jiff::tz::TimeZone::UTC);
    let text = zoned.ok().and_then(|zoned| strtime::format(pattern, &zoned).ok());
    let read = text.and_then(|text| strtime::parse(pattern, text).ok()?.to_date().ok());
    read == Some(written)
}

/// Active Directory's ways to say "never".
fn is_never(text: &str) -> bool {
    text == "0" || text == "9223372036854775807" || (text.starts_with("16010101") && generalized(text).is_some())
}

fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn number<T: TryFrom<i64>>(text: &str) -> Option<T> {
    digits(text)?.try_into().ok()
}

/// Seconds only, as all times here are written.
fn rfc3339(stamp: Timestamp) -> Option<String> {
    Some(Timestamp::from_second(stamp.as_second()).ok()?.to_string())
}

fn at_offset(date: Date, time: Time, offset: Offset) -> Option<String> {
    rfc3339(offset.to_timestamp(DateTime::from_parts(date, time)).ok()?)
}

/// A time as all are written here: `YYYY-MM-DDTHH:MM:SSZ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcTime([u8; 20]);

impl UtcTime {
    pub fn as_str(&self) -> &str {
        // of digits and signs
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Reads the forms in UTC that most exports are in, `YYYYMMDDHHMMSSZ`, the same with `.0`, and `YYYY-MM-DDTHH:MM:SSZ`, whose digits are
/// the answer's; of others, and of what means "never", it says nothing.
fn utc_time(text: &str) -> Option<UtcTime> {
    let digits = match *text.as_bytes() {
        [b'1', b'6', b'0', b'1', b'0', b'1', b'0', b'1', ..] => return None,
        [y, e, a, r, m, o, d, f, h, i, n, u, s, t, b'Z']
        | [y, e, a, r, m, o, d, f, h, i, n, u, s, t, b'.', b'0', b'Z']
        | [y, e, a, r, b'-', m, o, b'-', d, f, b'T', h, i, b':', n, u, b':', s, t, b'Z'] => {
            [y, e, a, r, m, o, d, f, h, i, n, u, s, t]
        }
        _ => return None,
    };
    if !digits.iter().fold(true, |all, digit| all & digit.is_ascii_digit()) {
        return None;
    }
    let two = |at: usize| i8::try_from((digits[at] - b'0') * 10 + (digits[at + 1] - b'0')).ok();
    let year = i16::from(two(0)?) * 100 + i16::from(two(2)?);
    if year == 0 {
        return None;
    }
    Date::new(year, two(4)?, two(6)?).ok()?;
    Time::new(two(8)?, two(10)?, two(12)?, 0).ok()?;
    let [y, e, a, r, m, o, d, f, h, i, n, u, s, t] = digits;
    Some(UtcTime([y, e, a, r, b'-', m, o, b'-', d, f, b'T', h, i, b':', n, u, b':', s, t, b'Z']))
}

/// Reads most times: the forms of [`utc_time`], and that of the Entra portal where the locale writes the month first; of others it says
/// nothing.
pub fn swift_time(text: &str, local: Option<Locale>) -> Option<UtcTime> {
    utc_time(text).or_else(|| us_time(text).filter(|_| local == Some(Locale::MonthDayYear)))
}

/// `8/19/2021 1:25:31 PM`.
fn us_time(text: &str) -> Option<UtcTime> {
    let (month, rest) = two_digits(text.as_bytes(), b'/')?;
    let (day, rest) = two_digits(rest, b'/')?;
    let (&[y, e, a, r, b' '], clock) = rest.split_first_chunk()? else { return None };
    let (hour, rest) = two_digits(clock, b':')?;
    let (&[m, n, b':'], rest) = rest.split_first_chunk()? else { return None };
    let (second, rest) = two_digits(rest, b' ')?;
    let afternoon = match rest {
        b"AM" => 0,
        b"PM" => 12,
        _ => return None,
    };
    let number = |[ten, one]: [u8; 2]| {
        let is_number = ten.is_ascii_digit() && one.is_ascii_digit();
        is_number.then(|| i8::try_from((ten - b'0') * 10 + (one - b'0')).ok()).flatten()
    };
    let year = i16::from(number([y, e])?) * 100 + i16::from(number([a, r])?);
    let hour = number(hour).filter(|hour| (1..=12).contains(hour))? % 12 + afternoon;
    // the last days that there are, and the first, are left to who knows them
    if !(1..9999).contains(&year) {
        return None;
    }
    Date::new(year, number(month)?, number(day)?).ok()?;
    Time::new(hour, number([m, n])?, number(second)?, 0).ok()?;
    let ([mo, nth], [d, ay], [s, c]) = (month, day, second);
    let (h, our) = (b'0' + hour.unsigned_abs() / 10, b'0' + hour.unsigned_abs() % 10);
    Some(UtcTime([y, e, a, r, b'-', mo, nth, b'-', d, ay, b'T', h, our, b':', m, n, b':', s, c, b'Z']))
}

/// One or two octets before `behind`, as two digits, and what stands behind that.
fn two_digits(text: &[u8], behind: u8) -> Option<([u8; 2], &[u8])> {
    match *text {
        [one, sign, ref rest @ ..] if sign == behind => Some(([b'0', one], rest)),
        [ten, one, sign, ref rest @ ..] if sign == behind => Some(([ten, one], rest)),
        _ => None,
    }
}

/// `YYYYMMDDHH[MM[SS[.f]]](Z|±HH[MM])`; the year 0000 is a mark, not a time.
fn generalized(text: &str) -> Option<String> {
    let end = text.find(['Z', 'z', '+', '-'])?;
    let (stamp, zone) = text.split_at(end);
    let (whole, fraction) = stamp.split_once(['.', ',']).unwrap_or((stamp, "0"));
    digits(fraction)?;
    digits(whole)?;
    if !matches!(whole.len(), 10 | 12 | 14) {
        return None;
    }
    let part = |from: usize, to: usize| whole.get(from..to).map_or(Some(0), number::<i8>);
    let date = Date::new(number(&whole[..4])?, part(4, 6)?, part(6, 8)?).ok()?;
    let second = part(12, 14)?.min(59);
    let time = Time::new(part(8, 10)?, part(10, 12)?, second, 0).ok()?;
    at_offset(date, time, zone_of(zone)?)
}

/// `Z` or `±HH[[:]MM]`.
fn zone_of(zone: &str) -> Option<Offset> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(Offset::UTC);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let rest = zone[1..].replace(':', "");
    let (hours, minutes): (i32, i32) = match rest.len() {
        2 => (number(&rest)?, 0),
        4 => (number(&rest[..2])?, number(&rest[2..])?),
        _ => return None,
    };
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// Intervals of 100 ns since 1601.
fn filetime(text: &str) -> Option<String> {
    if text.len() < 17 {
        return None;
    }
    let stamp = Timestamp::from_second(digits(text)? / 10_000_000 - SECONDS_1601_TO_1970).ok()?;
    rfc3339(stamp)
}

/// `/Date(1646121600000)/`, milliseconds.
fn microsoft_json(text: &str) -> Option<String> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let zone = inner.get(1..).and_then(|rest| rest.find(['+', '-'])).map_or(inner.len(), |at| at + 1);
    let millis: i64 = inner[..zone].parse().ok()?;
    rfc3339(Timestamp::from_second(millis.div_euclid(1000)).ok()?)
}

/// `YYYY-MM-DD` or `YYYY/MM/DD`, then perhaps a time and an offset; without an offset it is UTC.
fn iso(text: &str) -> Option<String> {
    let Some(at) = text.find(['T', 't', ' ']) else {
        return Some(ymd(text)?.to_string());
    };
    let date = ymd(&text[..at])?;
    let rest = text[at + 1..].trim();
    let end = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let offset = if end == rest.len() { Offset::UTC } else { zone_of(&rest[end..])? };
    at_offset(date, clock(rest[..end].trim_end(), None)?, offset)
}

fn ymd(text: &str) -> Option<Date> {
    let separator = if text.contains('/') { '/' } else { '-' };
    let mut parts = text.split(separator);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    Date::new(number(year)?, number(month)?, number(day)?).ok()
}

/// `H:MM[:SS[.fraction]]`, on a twelve-hour clock where `afternoon` is given.
fn clock(text: &str, afternoon: Option<bool>) -> Option<Time> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    digits(fraction)?;
    if fraction.len() > 9 {
        return None;
    }
    let mut parts = whole.split(':');
    let (hour, minute) = (parts.next()?, parts.next()?);
    let second = parts.next().map_or(Some(0), number::<i8>)?;
    if parts.next().is_some() || minute.len() != 2 {
        return None;
    }
    let hour: i8 = number(hour)?;
    let hour = match afternoon {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
    };
    Time::new(hour, number(minute)?, second.min(59), 0).ok()
}

/// `8/19/2021 1:25:31 PM` and its like; a date alone stays a date.
fn local_form(text: &str, locale: Locale) -> Option<String> {
    let (date, rest) = text.split_once([' ', '\u{a0}', '\u{202f}']).unwrap_or((text, ""));
    let mut parts = date.trim_end_matches(['.', ',']).split(['/', '.', '-']);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) = match locale {
        _ if first.len() == 4 => (first, second, third),
        Locale::MonthDayYear => (third, first, second),
        Locale::DayMonthYear => (third, second, first),
        Locale::YearMonthDay => return None,
    };
    if year.len() != 4 {
        return None;
    }
    let date = Date::new(number(year)?, number(month)?, number(day)?).ok()?;
    let rest = rest.trim();
    if rest.is_empty() {
        return Some(date.to_string());
    }
    let upper = rest.to_ascii_uppercase();
    let (time, afternoon) = if let Some(time) = upper.strip_suffix("AM") {
        (time, Some(false))
    } else if let Some(time) = upper.strip_suffix("PM") {
        (time, Some(true))
    } else {
        (upper.as_str(), None)
    };
    let time = time.trim_end_matches([' ', '\u{a0}', '\u{202f}']);
    at_offset(date, clock(time, afternoon)?, Offset::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_specification_is_read() {
        let us = Some(Locale::MonthDayYear);
        let cases = [
            ("20261121210617Z", None, "2026-11-21T21:06:17Z"),
            ("20261121210617.0Z", None, "2026-11-21T21:06:17Z"),
            ("202611212106Z", None, "2026-11-21T21:06:00Z"),
            ("2026112121+0900", None, "2026-11-21T12:00:00Z"),
            ("20261121210617.123-0130", None, "2026-11-21T22:36:17Z"),
            ("132916968000000000", None, "2022-03-14T02:00:00Z"),
            ("2022-03-18 19:49:35Z", None, "2022-03-18T19:49:35Z"),
            ("2022-01-31T12:00:00.1234567Z", None, "2022-01-31T12:00:00Z"),
            ("2022-01-31T12:00:00.123456789+09:00", None, "2022-01-31T03:00:00Z"),
            ("2022-01-31T12:00:00", None, "2022-01-31T12:00:00Z"),
            ("/Date(1646121600000)/", None, "2022-03-01T08:00:00Z"),
            ("/Date(1646121600000+0900)/", None, "2022-03-01T08:00:00Z"),
            ("2026/04/10 04:05:20", None, "2026-04-10T04:05:20Z"),
            ("2011-04-01", None, "2011-04-01"),
            ("8/19/2021 1:25:31 PM", us, "2021-08-19T13:25:31Z"),
            ("12/1/2021 12:00:00 AM", us, "2021-12-01T00:00:00Z"),
            ("12/1/2021 12:00:00 PM", us, "2021-12-01T12:00:00Z"),
            ("19/8/2021 13:25:31", Some(Locale::DayMonthYear), "2021-08-19T13:25:31Z"),
            ("19.08.2021 13:25", Some(Locale::DayMonthYear), "2021-08-19T13:25:00Z"),
            ("8/19/2021", us, "2021-08-19"),
        ];
        for (text, local, expected) in cases {
            assert_eq!(time_of(text, local), Outcome::Text(expected.into()), "{text}");
        }
    }

    #[test]
    fn never_is_absent_and_nonsense_is_unreadable() {
        for text in ["16010101000000.0Z", "16010101000000Z", "0", "9223372036854775807"] {
            assert_eq!(time_of(text, None), Outcome::Absent, "{text}");
        }
        let us = Some(Locale::MonthDayYear);
        for text in [
            "yesterday",
            "2022-13-01",
            "8/19/2021 25:00:00",
            "8/19/2021 13:00:00 PM",
            "19/8/2021 1:00:00 PM",
            "2022-01-31T12:00:00.1234567890Z",
            "1/2/21",
            "-5",
        ] {
            assert_eq!(time_of(text, us), Outcome::Unreadable, "{text}");
        }
        assert_eq!(time_of("8/19/2021 1:25:31 PM", None), Outcome::Unreadable);
    }

    #[test]
    fn what_is_read_swiftly_is_what_is_read_otherwise() {
        let mut count = 0;
        for (at, digit) in (0..14).flat_map(|at| (b'/'..=b':').map(move |digit| (at, digit))) {
            for begin in ["20261121210617", "00001231235959", "20240229000000", "20231031205960", "16010101000000"] {
                let mut digits = begin.as_bytes().to_vec();
                digits[at] = digit;
                let stamp = format!("{}Z", str::from_utf8(&digits).expect("ASCII"));
                let parts = [&stamp[..4], &stamp[4..6], &stamp[6..8], &stamp[8..10], &stamp[10..12], &stamp[12..]];
                let [y, m, d, h, n, s] = parts;
                for text in [format!("{y}-{m}-{d}T{h}:{n}:{s}"), stamp.replace('Z', ".0Z"), stamp] {
                    if let Some(swift) = utc_time(&text) {
                        count += 1;
                        let otherwise = generalized(&text).or_else(|| iso(&text));
                        assert_eq!(Some(swift.as_str()), otherwise.as_deref(), "{text}");
                    }
                }
            }
        }
        assert!(count > 500, "{count}");
        for text in
            ["20230229000000Z", "20261121210617z", "2026112121061Z", "2026-11-21 21:06:17Z", "2026-11-21T21:06:7ZZ"]
        {
            assert_eq!(utc_time(text), None, "{text}");
        }
    }

    #[test]
    fn what_the_portal_writes_is_read_swiftly() {
        let us = Some(Locale::MonthDayYear);
        let mut count = 0;
        let stamps =
            ["8/19/2021 1:25:31 PM", "12/31/2024 12:00:59 AM", "02/29/2024 09:05:07 AM", "1/2/1999 12:59:00 PM"];
        let signs = ["", "0", "1", "3", "6", "9", "/", ":", " ", "P", "M", "é"];
        for stamp in stamps {
            for (at, sign) in (0..stamp.len()).flat_map(|at| signs.map(move |sign| (at, sign))) {
                for length in 0..2 {
                    let text = [&stamp[..at], sign, &stamp[at + length..]].concat();
                    let otherwise = local_form(&text, Locale::MonthDayYear);
                    if let Some(swift) = swift_time(&text, us) {
                        count += 1;
                        assert_eq!(Some(swift.as_str()), otherwise.as_deref(), "{text}");
                    }
                    assert_eq!(swift_time(&text, Some(Locale::DayMonthYear)), None, "{text}");
                    assert_eq!(swift_time(&text, None), None, "{text}");
                }
            }
            assert!(swift_time(stamp, us).is_some(), "{stamp}");
        }
        assert!(count > 300, "{count}");
    }

    #[test]
    fn a_pattern_has_a_year_a_month_and_a_day() {
        for pattern in ["%Y-%m-%d", "%d.%m.%y", "%e %B %Y", "%m/%d/%Y %I:%M %p", "%F", "%Y%j", "%A, %d %b %Y"] {
            assert!(gives_dates(pattern), "{pattern}");
        }
        for pattern in ["%Q", "%d.%m.%K", "%Y-%m", "dd.MM.yyyy", "", "%", "%H:%M"] {
            assert!(!gives_dates(pattern), "{pattern}");
        }
    }

    #[test]
    fn dates_follow_their_pattern() {
        for (text, pattern, expected) in [
            ("01.04.2011", Some("%d.%m.%Y"), Some("2011-04-01")),
            ("2011-04-01", Some("%d.%m.%Y"), None),
            ("31.02.2011", Some("%d.%m.%Y"), None),
            ("2011-04-01", None, Some("2011-04-01")),
            ("2011/4/1", None, Some("2011-04-01")),
            ("2011-04-01T00:00:00Z", None, Some("2011-04-01")),
            ("soon", None, None),
        ] {
            assert_eq!(date(text, pattern).as_deref(), expected, "{text}");
        }
    }
}
