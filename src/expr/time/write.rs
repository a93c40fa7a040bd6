//! Writing with a format (expressions.md 6.3).

use std::fmt::Write as _;

use super::civil::Civil;
use super::format::{Format, Token};
use super::names::{DAYS, MONTHS, short};
use super::read::{Reading, Zone};

impl Reading {
    pub fn write(&self, format: &Format) -> String {
        let mut text = String::new();
        for token in &format.tokens {
            // Writing to a String cannot fail.
            let _ = self.write_token(*token, &mut text);
        }
        text
    }

    fn write_token(&self, token: Token, text: &mut String) -> std::fmt::Result {
        let Civil { year, month, day, hour, minute, second, ticks } = self.civil;
        let half = if hour < 12 { "AM" } else { "PM" };
        let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
        match token {
            Token::Year(count @ (1 | 2)) => number(text, year % 100, count),
            Token::Year(count) => number(text, year, count),
            Token::Month(count @ (1 | 2)) => number(text, month, count),
            Token::Month(3) => text.write_str(short(month_name(month))),
            Token::Month(_) => text.write_str(month_name(month)),
            Token::Day(count @ (1 | 2)) => number(text, day, count),
            Token::Day(3) => text.write_str(short(DAYS[self.civil.weekday()])),
            Token::Day(_) => text.write_str(DAYS[self.civil.weekday()]),
            Token::Hour24(count) => number(text, hour, count.min(2)),
            Token::Hour12(count) => number(text, hour12, count.min(2)),
            Token::Minute(count) => number(text, minute, count.min(2)),
            Token::Second(count) => number(text, second, count.min(2)),
            Token::Fraction(count) => text.write_str(&format!("{ticks:07}")[..count]),
            Token::ShortFraction(count) => {
                let digits = format!("{ticks:07}");
                let digits = digits[..count].trim_end_matches('0');
                if digits.is_empty() && text.ends_with('.') {
                    text.pop();
                }
                text.write_str(digits)
            }
            Token::Half(1) => text.write_str(&half[..1]),
            Token::Half(_) => text.write_str(half),
            Token::Era => text.write_str("A.D."),
            Token::Offset(1) => text.write_str("+0"),
            Token::Offset(2) => text.write_str("+00"),
            Token::Offset(_) => text.write_str("+00:00"),
            Token::Kind => text.write_str(match self.zone {
                Zone::None => "",
                Zone::Universal => "Z",
                Zone::Local => "+00:00",
            }),
            Token::Literal(letter) => text.write_char(letter),
        }
    }
}

fn number(text: &mut String, number: i64, digits: usize) -> std::fmt::Result {
    write!(text, "{number:0digits$}")
}

fn month_name(month: i64) -> &'static str {
    usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index)).copied().unwrap_or("January")
}
