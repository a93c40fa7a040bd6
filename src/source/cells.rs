//! What CSV cells mean before any preset attribute is read (sources.md 7.4).

use std::borrow::Cow;

use super::preset::{CsvForm, Use};
use super::raw::{RawValue, RawValues};
use super::value::{begins_bare, is_placeholder};

/// What became of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    Value,
    /// Unknown, with a warning: something a program writes where it has no text.
    Placeholder,
    /// Unknown, without one: "leave as it is".
    Unchanged,
}

/// Interprets the one text of a cell, which may become several values.
pub fn interpret(values: &mut RawValues<'_>, form: &CsvForm, usage: Use) -> Cell {
    let [RawValue::Text(text)] = &**values else { return Cell::Value };
    // most cells begin as no word does that means something else
    let is_plain = form.placeholders.is_empty() && form.unchanged.is_none() && form.multi_separator.is_none();
    if is_plain
        && !form.hex_octets
        && begins_bare(text)
        && text.as_bytes().first().is_some_and(|first| !b"SM#".contains(first))
    {
        return Cell::Value;
    }
    let trimmed = text.trim();
    if form.unchanged.as_deref() == Some(trimmed) {
        *values = RawValues::new();
        return Cell::Unchanged;
    }
    if (matches!(trimmed.as_bytes().first(), Some(b'S' | b'M' | b'#')) && is_placeholder(trimmed))
        || form.placeholders.iter().any(|placeholder| placeholder == trimmed)
    {
        *values = RawValues::new();
        return Cell::Placeholder;
    }
    let several = form.multi_separator.as_deref().filter(|separator| !usage.single && text.contains(separator));
    let read = match (several, text) {
        (Some(separator), Cow::Borrowed(text)) => split(text, separator, form, usage).collect(),
        (Some(separator), Cow::Owned(text)) => split(text, separator, form, usage).map(RawValue::into_owned).collect(),
        (None, text) => match octets(text, form) {
            Some(octets) => RawValues::One(octets),
            None => return Cell::Value,
        },
    };
    *values = read;
    Cell::Value
}

/// Says whether a cell may be more than its text, or its parts at the separator of values.
#[inline]
pub fn is_special(text: &str, form: &CsvForm) -> bool {
    let trimmed = if begins_bare(text) { text } else { text.trim_start() };
    match trimmed.as_bytes().first() {
        Some(b'S' | b'M' | b'#') if is_placeholder(trimmed.trim_end()) => return true,
        Some(_) | None => {}
    }
    let is_word = |word: &str| word == trimmed.trim_end();
    form.placeholders.iter().any(|placeholder| is_word(placeholder))
        || form.unchanged.as_deref().is_some_and(is_word)
        || (form.hex_octets && text.contains('\''))
}

fn split<'t>(text: &'t str, separator: &str, form: &CsvForm, usage: Use) -> impl Iterator<Item = RawValue<'t>> {
    let mut parts = Vec::new();
    let mut from = 0;
    for (at, _) in text.match_indices(separator).filter(|(at, _)| !usage.dns || !is_escaped(&text[..*at])) {
        parts.push(&text[from..at]);
        from = at + separator.len();
    }
    parts.push(&text[from..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts.map(|part| octets(part, form).unwrap_or(RawValue::Text(Cow::Borrowed(part))))
}

/// Says whether what follows stands behind a backslash that is none itself.
fn is_escaped(before: &str) -> bool {
    before.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Reads `X'0A1B'`; octets that are UTF-8 are a text, which csvde writes so when it has letters beyond ASCII.
fn octets(text: &str, form: &CsvForm) -> Option<RawValue<'static>> {
    let digits = text.trim().strip_prefix(['X', 'x'])?.strip_prefix('\'')?.strip_suffix('\'')?;
    if !form.hex_octets || digits.len() % 2 != 0 {
        return None;
    }
    let pairs = digits.as_bytes().chunks_exact(2);
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let octets = pairs.map(octet).collect::<Option<Vec<u8>>>()?;
    Some(match String::from_utf8(octets) {
        Ok(text) if !text.contains('\0') => RawValue::Text(text.into()),
        Ok(text) => RawValue::Bytes(text.into_bytes().into()),
        Err(error) => RawValue::Bytes(error.into_bytes().into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_mean_what_the_specification_says() {
        let plain = CsvForm::default();
        let csvde = CsvForm { multi_separator: Some(";".to_owned()), hex_octets: true, ..CsvForm::default() };
        let kintone = CsvForm { unchanged: Some("*".to_owned()), ..CsvForm::default() };
        let google = CsvForm { placeholders: vec!["****".to_owned()], ..CsvForm::default() };
        let text = |text: &'static str| RawValue::Text(text.into());
        let single = Use { single: true, ..Use::default() };
        let dns = Use { dns: true, ..Use::default() };
        let cases = [
            ("=1+3", &plain, Use::default(), Cell::Value, vec![text("=1+3")]),
            ("System.String[]", &plain, Use::default(), Cell::Placeholder, vec![]),
            ("*", &kintone, Use::default(), Cell::Unchanged, vec![]),
            ("*", &plain, Use::default(), Cell::Value, vec![text("*")]),
            ("****", &google, Use::default(), Cell::Placeholder, vec![]),
            ("top;person;user", &csvde, Use::default(), Cell::Value, vec![text("top"), text("person"), text("user")]),
            ("Sales; EU", &csvde, single, Cell::Value, vec![text("Sales; EU")]),
            ("X'0aFF'", &csvde, Use::default(), Cell::Value, vec![RawValue::Bytes(vec![0x0a, 0xff].into())]),
            ("X'4100'", &csvde, Use::default(), Cell::Value, vec![RawValue::Bytes(vec![0x41, 0].into())]),
            ("X'e697a5'", &csvde, single, Cell::Value, vec![text("日")]),
            (r"cn=a\;b;cn=c\\;cn=d", &csvde, dns, Cell::Value, vec![text(r"cn=a\;b"), text(r"cn=c\\"), text("cn=d")]),
            (r"c:\;d:\", &csvde, Use::default(), Cell::Value, vec![text(r"c:\"), text(r"d:\")]),
            ("a;X'e697a5'", &csvde, Use::default(), Cell::Value, vec![text("a"), text("日")]),
            ("X'0a1'", &csvde, Use::default(), Cell::Value, vec![text("X'0a1'")]),
        ];
        for (cell, form, usage, expected, values) in cases {
            let mut read: RawValues<'_> = RawValues::One(text(cell));
            assert_eq!(interpret(&mut read, form, usage), expected, "{cell}");
            assert!(*read == *values, "{cell}");
        }
    }
}
