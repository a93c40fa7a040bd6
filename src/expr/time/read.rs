//! Reading with a format: the whole text must fit (expressions.md 6.2).

use super::civil::{Civil, DateTime};
use super::format::{Format, Token};
use super::names::{DAYS, MONTHS, prefix_of};
use super::styles::Styles;

/// A date that was read, and what is known of its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) struct Reading {
    pub civil: Civil,
    pub zone: Zone,
}

/// .NET's `DateTimeKind`; the service's local zone is UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) enum Zone {
    None,
    Universal,
    Local,
}

impl From<DateTime> for Reading {
    fn from(instant: DateTime) -> Self {
        Self { civil: instant.civil(), zone: Zone::Universal }
    }
}

#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    weekday: Option<usize>,
    hour: Option<i64>,
    minute: Option<i64>,
    second: Option<i64>,
    ticks: Option<i64>,
    afternoon: Option<bool>,
    twelve_hours: bool,
    offset: Option<i64>,
    /// The offset was the letter `Z` of `K`.
    zulu: bool,
}

impl Reading {
    /// Reads `text`; `None` when it does not fit. Parts of the date that the format lacks come from `now`, as in .NET.
    pub fn read(text: &str, format: &Format, styles: Styles, now: DateTime) -> Option<Self> {
        let mut cursor = Cursor { rest: text, inner_white: styles.inner_white };
        let mut tokens = format.tokens.as_slice();
        if styles.leading_white {
            cursor.rest = cursor.rest.trim_start();
            while let [Token::Literal(blank), rest @ ..] = tokens
                && blank.is_whitespace()
            {
                tokens = rest;
            }
        }
        if styles.trailing_white {
            cursor.rest = cursor.rest.trim_end();
            while let [rest @ .., Token::Literal(blank)] = tokens
                && blank.is_whitespace()
            {
                tokens = rest;
            }
        }
        let mut fields = Fields::default();
        while let [token, rest @ ..] = tokens {
            let next = rest.first().copied();
            let used = cursor.token(*token, next, &mut fields)?;
            tokens = rest.get(used..).unwrap_or_default();
        }
        if styles.inner_white {
            cursor.skip_white();
        }
        if !cursor.rest.is_empty() {
            return None;
        }
        fields.resolve(format, styles, now)
    }
}

impl Fields {
    fn resolve(self, format: &Format, styles: Styles, now: DateTime) -> Option<Reading> {
        let today = now.civil();
        let (year, month, day) = match (self.year, self.month, self.day) {
            (None, None, None) if styles.no_current_date => (1, 1, 1),
            (None, None, None) => (today.year, today.month, today.day),
            (year, month, day) => (year.unwrap_or(today.year), month.unwrap_or(1), day.unwrap_or(1)),
        };
        let mut hour = self.hour.unwrap_or(0);
        if self.twelve_hours {
            if hour > 12 {
                return None;
            }
            // Without a half of the day .NET takes the morning.
            hour = hour % 12 + if self.afternoon == Some(true) { 12 } else { 0 };
        }
        let civil = Civil {
            year,
            month,
            day,
            hour,
            minute: self.minute.unwrap_or(0),
            second: self.second.unwrap_or(0),
            ticks: self.ticks.unwrap_or(0),
        };
        let instant = civil.to_instant()?;
        if self.weekday.is_some_and(|weekday| weekday != civil.weekday()) {
            return None;
        }
        let offset = self.offset.or(format.is_universal.then_some(0));
        let universal = styles.adjust_to_universal || (styles.roundtrip_kind && self.zulu) || format.is_universal;
        let zone = match offset {
            Some(_) if universal => Zone::Universal,
            Some(_) => Zone::Local,
            None if styles.assume_universal && styles.adjust_to_universal => Zone::Universal,
            None if styles.assume_universal || styles.assume_local => Zone::Local,
            None => Zone::None,
        };
        let instant = instant.plus_minutes(-offset.unwrap_or(0))?;
        Some(Reading { civil: instant.civil(), zone })
    }
}

struct Cursor<'t> {
    rest: &'t str,
    inner_white: bool,
}

impl<'t> Cursor<'t> {
    /// Reads one token; returns how many of the following tokens it has taken along.
    fn token(&mut self, token: Token, next: Option<Token>, fields: &mut Fields) -> Option<usize> {
        if self.inner_white {
            self.skip_white();
        }
        match token {
            Token::Year(count) => {
                let year = if count == 1 { self.digits(1, 2)? } else { self.digits(count, count)? };
                set(&mut fields.year, if count <= 2 { full_year(year) } else { year })?;
            }
            Token::Month(count @ (1 | 2)) => set(&mut fields.month, self.digits(count, 2)?)?,
            Token::Month(count) => {
                let month = self.name(&MONTHS, count == 3)?;
                set(&mut fields.month, i64::try_from(month).ok()? + 1)?;
            }
            Token::Day(count @ (1 | 2)) => set(&mut fields.day, self.digits(count, 2)?)?,
            Token::Day(count) => {
                let day = self.name(&DAYS, count == 3)?;
                set(&mut fields.weekday, day)?;
            }
            Token::Hour24(count) => set(&mut fields.hour, self.digits(count.min(2), 2)?)?,
            Token::Hour12(count) => {
                set(&mut fields.hour, self.digits(count.min(2), 2)?)?;
                fields.twelve_hours = true;
            }
            Token::Minute(count) => set(&mut fields.minute, self.digits(count.min(2), 2)?)?,
            Token::Second(count) => set(&mut fields.second, self.digits(count.min(2), 2)?)?,
            Token::Fraction(count) => {
                let digits = self.run(count, count)?;
                set(&mut fields.ticks, ticks(digits)?)?;
            }
            Token::ShortFraction(count) => {
                let digits = self.run(0, count)?;
                set(&mut fields.ticks, ticks(digits)?)?;
            }
            Token::Half(count) => {
                let afternoon = self.half(count)?;
                set(&mut fields.afternoon, afternoon)?;
            }
            Token::Era => self.era()?,
            Token::Offset(count) => {
                let offset = self.offset(count)?;
                set(&mut fields.offset, offset)?;
            }
            Token::Kind => {
                if self.take('Z') {
                    fields.zulu = true;
                    set(&mut fields.offset, 0)?;
                } else if self.rest.starts_with(['+', '-']) {
                    let offset = self.offset(3)?;
                    set(&mut fields.offset, offset)?;
                }
            }
            Token::Literal('.') if matches!(next, Some(Token::ShortFraction(_))) && !self.rest.starts_with('.') => {
                return Some(1);
            }
            Token::Literal(blank) if self.inner_white && blank.is_whitespace() => {}
            Token::Literal(letter) => self.take(letter).then_some(())?,
        }
        Some(0)
    }

    fn skip_white(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, letter: char) -> bool {
        match self.rest.strip_prefix(letter) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn run(&mut self, least: usize, most: usize) -> Option<&'t str> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some(digits)
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        self.run(least, most)?.parse().ok()
    }

    fn name(&mut self, names: &[&str], abbreviated: bool) -> Option<usize> {
        let (index, length) = prefix_of(self.rest, names, abbreviated)?;
        self.rest = &self.rest[length..];
        Some(index)
    }

    fn half(&mut self, count: usize) -> Option<bool> {
        let afternoon = match self.rest.chars().next()? {
            'A' | 'a' => false,
            'P' | 'p' => true,
            _ => return None,
        };
        self.rest = &self.rest[1..];
        if count > 1 {
            self.rest = self.rest.strip_prefix(['M', 'm'])?;
        }
        Some(afternoon)
    }

    fn era(&mut self) -> Option<()> {
        self.rest = self.rest.strip_prefix("A.D.").or_else(|| self.rest.strip_prefix("AD"))?;
        Some(())
    }

    /// Reads an offset in minutes.
    fn offset(&mut self, count: usize) -> Option<i64> {
        let negative = match self.rest.chars().next()? {
            '+' => false,
            '-' => true,
            _ => return None,
        };
        self.rest = &self.rest[1..];
        let hours = if count == 1 { self.digits(1, 2)? } else { self.digits(2, 2)? };
        let minutes = if count >= 3 {
            self.take(':');
            self.digits(2, 2)?
        } else {
            0
        };
        offset_in_minutes(negative, hours, minutes)
    }
}

/// Offsets reach fourteen hours to both sides.
pub(super) fn offset_in_minutes(negative: bool, hours: i64, minutes: i64) -> Option<i64> {
    let total = hours * 60 + minutes;
    if minutes >= 60 || total > 14 * 60 {
        return None;
    }
    Some(if negative { -total } else { total })
}

/// A field that stands twice in a format must agree with itself.
fn set<T: PartialEq + Copy>(field: &mut Option<T>, value: T) -> Option<()> {
    match field {
        Some(known) if *known != value => None,
        _ => {
            *field = Some(value);
            Some(())
        }
    }
}

/// The century of a two-digit year: up to 2049 (N).
pub(super) fn full_year(year: i64) -> i64 {
    if year <= 49 { 2000 + year } else { 1900 + year }
}

/// Ticks of a fraction of a second.
fn ticks(digits: &str) -> Option<i64> {
    format!("{digits:0<7}").parse().ok()
}
