//! The general date reader (expressions.md 6.1).

use super::civil::{Civil, DateTime};
use super::names::{DAYS, MONTHS, prefix_of};
use super::read::{full_year, offset_in_minutes};

/// Reads a date with optional time and offset; without an offset it is UTC.
pub(in crate::expr) fn read_general(text: &str) -> Option<DateTime> {
    let mut reader = Reader { rest: text.trim() };
    let weekday = reader.weekday();
    let (year, month, day) = reader.date()?;
    let mut civil = Civil::day(year, month, day);
    if weekday.is_some_and(|weekday| civil.to_instant().is_none() || weekday != civil.weekday()) {
        return None;
    }
    let mut offset = reader.offset(Behind::Date)?;
    if offset.is_none() {
        let had_blank = reader.separator();
        if reader.time(&mut civil)? {
            offset = reader.offset(Behind::Time)?;
            if offset.is_none() && reader.skip_blanks() {
                offset = reader.offset(Behind::Blank)?;
            }
        } else if had_blank {
            offset = reader.offset(Behind::Blank)?;
        }
    }
    reader.skip_blanks();
    if !reader.rest.is_empty() {
        return None;
    }
    civil.to_instant()?.plus_minutes(-offset.unwrap_or(0))
}

/// Where an offset stands decides how short it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// `2020-03-16-07:00`: without the colon it would be a fourth date part.
    Date,
    Time,
    Blank,
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    /// A leading day name, such as `Tue, `.
    fn weekday(&mut self) -> Option<usize> {
        let (day, length) = prefix_of(self.rest, &DAYS, false).or_else(|| prefix_of(self.rest, &DAYS, true))?;
        let rest = &self.rest[length..];
        let rest = rest.strip_prefix(',').unwrap_or(rest);
        if !rest.starts_with(char::is_whitespace) {
            return None;
        }
        self.rest = rest.trim_start();
        Some(day)
    }

    fn date(&mut self) -> Option<(i64, i64, i64)> {
        if let Some(month) = self.month_name() {
            self.between_words();
            let (day, _) = self.number(1, 2)?;
            self.take(',');
            self.between_words();
            return Some((self.year()?, month, day));
        }
        let (first, digits) = self.number(1, 4)?;
        match digits {
            4 => {
                let separator = self.one_of(['-', '/'])?;
                let month = match self.month_name() {
                    Some(month) => month,
                    None => self.number(1, 2)?.0,
                };
                self.take(separator).then_some(())?;
                Some((first, month, self.number(1, 2)?.0))
            }
            1 | 2 => {
                if let Some(separator) = self.one_of(['/', '-'])
                    && !self.rest.starts_with(char::is_alphabetic)
                {
                    let (day, _) = self.number(1, 2)?;
                    self.take(separator).then_some(())?;
                    return Some((self.year()?, first, day));
                }
                self.between_words();
                let month = self.month_name()?;
                self.take(',');
                self.between_words();
                Some((self.year()?, month, first))
            }
            _ => None,
        }
    }

    fn year(&mut self) -> Option<i64> {
        match self.number(2, 4)? {
            (year, 4) => Some(year),
            (year, 2) => Some(full_year(year)),
            _ => None,
        }
    }

    fn month_name(&mut self) -> Option<i64> {
        let (month, length) = prefix_of(self.rest, &MONTHS, false).or_else(|| prefix_of(self.rest, &MONTHS, true))?;
        let rest = &self.rest[length..];
        if rest.starts_with(char::is_alphabetic) {
            return None;
        }
        self.rest = rest.strip_prefix('.').unwrap_or(rest);
        i64::try_from(month).ok().map(|month| month + 1)
    }

    /// Blanks or one hyphen between the parts of a date with a month name.
    fn between_words(&mut self) {
        if !self.skip_blanks() {
            self.take('-');
        }
    }

    /// `T` or blanks between date and time; tells whether anything stood there.
    fn separator(&mut self) -> bool {
        self.take(',');
        if self.rest.strip_prefix(['T', 't']).is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit())) {
            self.rest = &self.rest[1..];
            return true;
        }
        self.skip_blanks()
    }

    /// Reads a time into `civil`; `Some(false)` when none stands here, `None` when it is wrong.
    fn time(&mut self, civil: &mut Civil) -> Option<bool> {
        if !self.rest.starts_with(|next: char| next.is_ascii_digit()) {
            return Some(false);
        }
        civil.hour = self.number(1, 2)?.0;
        let mut only_hour = true;
        if self.take(':') {
            only_hour = false;
            civil.minute = self.number(2, 2)?.0;
            if self.take(':') {
                civil.second = self.number(2, 2)?.0;
                if self.take('.') {
                    let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
                    let fraction = &self.rest[..digits];
                    if !(1..=7).contains(&digits) {
                        return None;
                    }
                    civil.ticks = format!("{fraction:0<7}").parse().ok()?;
                    self.rest = &self.rest[digits..];
                }
            }
        }
        match self.half_of_day() {
            Some(afternoon) => {
                if !(1..=12).contains(&civil.hour) {
                    return None;
                }
                civil.hour = civil.hour % 12 + if afternoon { 12 } else { 0 };
            }
            None if only_hour => return None,
            None => {}
        }
        Some(true)
    }

    /// `AM` or `PM`, with or without blanks before it.
    fn half_of_day(&mut self) -> Option<bool> {
        let rest = self.rest.trim_start();
        let head = rest.get(..2)?;
        let afternoon = match head {
            _ if head.eq_ignore_ascii_case("AM") => false,
            _ if head.eq_ignore_ascii_case("PM") => true,
            _ => return None,
        };
        self.rest = &rest[2..];
        Some(afternoon)
    }

    /// Reads an offset in minutes; `Some(None)` when none stands here, `None` when it is wrong.
    #[expect(clippy::option_option, reason = "absent and wrong are different answers")]
    fn offset(&mut self, behind: Behind) -> Option<Option<i64>> {
        for zulu in ["Z", "z", "GMT", "UTC"] {
            if let Some(rest) = self.rest.strip_prefix(zulu) {
                self.rest = rest;
                return Some(Some(0));
            }
        }
        let negative = match self.rest.chars().next() {
            Some('+') => false,
            Some('-') => true,
            _ => return Some(None),
        };
        self.rest = &self.rest[1..];
        let (mut hours, digits) = self.number(1, 4)?;
        let mut minutes = 0;
        let colon = digits <= 2 && self.take(':');
        if colon {
            minutes = self.number(2, 2)?.0;
        }
        match (digits, colon) {
            (4, _) => (hours, minutes) = (hours / 100, hours % 100),
            (2, true) => {}
            (1, _) | (2, false) if behind == Behind::Blank => {}
            (2, false) if behind == Behind::Time => {}
            _ => return None,
        }
        offset_in_minutes(negative, hours, minutes).map(Some)
    }

    /// Reads between `least` and `most` digits that no further digit follows.
    fn number(&mut self, least: usize, most: usize) -> Option<(i64, usize)> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if !(least..=most).contains(&digits) {
            return None;
        }
        let number = self.rest[..digits].parse().ok()?;
        self.rest = &self.rest[digits..];
        Some((number, digits))
    }

    fn one_of(&mut self, letters: [char; 2]) -> Option<char> {
        letters.into_iter().find(|letter| self.take(*letter))
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

    fn skip_blanks(&mut self) -> bool {
        let rest = self.rest.trim_start();
        let skipped = rest.len() < self.rest.len();
        self.rest = rest;
        skipped
    }
}

#[cfg(test)]
mod tests {
    use super::read_general;

    #[test]
    fn reads_what_the_service_reads() {
        let cases = [
            ("2020-03-16-07:00", Some("3/16/2020 7:00:00 AM")),
            ("2021-06-30+08:00", Some("6/29/2021 4:00:00 PM")),
            ("2009-06-15T01:45:30-07:00", Some("6/15/2009 8:45:30 AM")),
            ("2013-01-10 4:00 PM -8", Some("1/11/2013 12:00:00 AM")),
            ("2013-01-10 4:00 PM +08", Some("1/10/2013 8:00:00 AM")),
            ("2020-03-16Z", Some("3/16/2020 12:00:00 AM")),
            ("2020-03-16 -7", Some("3/16/2020 7:00:00 AM")),
            ("8/25/2021 5:41:18 PM", Some("8/25/2021 5:41:18 PM")),
            ("8/25/2021 5:41:18PM", Some("8/25/2021 5:41:18 PM")),
            ("12/31/9999 12:00:00 AM", Some("12/31/9999 12:00:00 AM")),
            ("2020-12-31 23:59:59-08:00", Some("1/1/2021 7:59:59 AM")),
            ("2020-12-31T23:59:59.1234567Z", Some("12/31/2020 11:59:59 PM")),
            ("Jan 5, 2021", Some("1/5/2021 12:00:00 AM")),
            ("5 January 2021", Some("1/5/2021 12:00:00 AM")),
            ("january 5 2021 13:30", Some("1/5/2021 1:30:00 PM")),
            ("05-Jan-2021", Some("1/5/2021 12:00:00 AM")),
            ("Tue, 05 Jan 2021 10:00:00 GMT", Some("1/5/2021 10:00:00 AM")),
            ("2021-1-5", Some("1/5/2021 12:00:00 AM")),
            (" 2021-01-05 ", Some("1/5/2021 12:00:00 AM")),
            ("2024-02-30", None),
            ("2023-02-29", None),
            ("25/12/2007", None),
            ("20240115", None),
            ("2020-03-16-07", None),
            ("2020-03-16T25:00", None),
            ("2020-03-16 13:00 PM", None),
            ("2020-03-16 0:00 AM", None),
            ("2020-03-16T10:00+15:00", None),
            ("Mon, 05 Jan 2021", None),
            ("0001-01-01T00:00:00+01:00", None),
            ("2020-03-16 7", None),
            ("2020-03-16x", None),
            ("", None),
            ("tomorrow", None),
            ("\u{130}\u{130}\u{130}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(read_general(text).map(|instant| instant.to_string()).as_deref(), expected, "{text}");
        }
    }
}
