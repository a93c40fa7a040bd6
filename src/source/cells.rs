//! What CSV cells mean before any preset attribute is read (sources.md 7.4).

use super::preset::{CsvForm, Use};
use super::raw::RawValue;
use super::value::is_placeholder;

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
pub fn interpret(values: &mut Vec<RawValue>, form: &CsvForm, usage: Use) -> Cell {
    let [RawValue::Text(text)] = values.as_slice() else { return Cell::Value };
    let trimmed = text.trim();
    if form.unchanged.as_deref() == Some(trimmed) {
        values.clear();
        return Cell::Unchanged;
    }
    if (matches!(trimmed.as_bytes().first(), Some(b'S' | b'M' | b'#')) && is_placeholder(trimmed))
        || form.placeholders.iter().any(|placeholder| placeholder == trimmed)
    {
        values.clear();
        return Cell::Placeholder;
    }
    if let Some(separator) = &form.multi_separator
        && !usage.single
        && text.contains(separator.as_str())
    {
        let parts = text.split(separator.as_str()).filter(|part| !part.trim().is_empty());
        *values = parts.map(|part| octets(part, form).unwrap_or_else(|| RawValue::Text(part.to_owned()))).collect();
    } else if let Some(value) = octets(text, form) {
        *values = vec![value];
    }
    Cell::Value
}

/// Reads `X'0A1B'`.
fn octets(text: &str, form: &CsvForm) -> Option<RawValue> {
    let digits = text.trim().strip_prefix(['X', 'x'])?.strip_prefix('\'')?.strip_suffix('\'')?;
    if !form.hex_octets || digits.len() % 2 != 0 {
        return None;
    }
    let pairs = digits.as_bytes().chunks_exact(2);
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(octet).collect::<Option<Vec<u8>>>().map(RawValue::Bytes)
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
        let text = |text: &str| RawValue::Text(text.to_owned());
        let single = Use { single: true, ..Use::default() };
        let cases = [
            ("=1+3", &plain, Use::default(), Cell::Value, vec![text("=1+3")]),
            ("System.String[]", &plain, Use::default(), Cell::Placeholder, vec![]),
            ("*", &kintone, Use::default(), Cell::Unchanged, vec![]),
            ("*", &plain, Use::default(), Cell::Value, vec![text("*")]),
            ("****", &google, Use::default(), Cell::Placeholder, vec![]),
            ("top;person;user", &csvde, Use::default(), Cell::Value, vec![text("top"), text("person"), text("user")]),
            ("Sales; EU", &csvde, single, Cell::Value, vec![text("Sales; EU")]),
            ("X'0a1B'", &csvde, Use::default(), Cell::Value, vec![RawValue::Bytes(vec![0x0a, 0x1b])]),
            ("X'0a1'", &csvde, Use::default(), Cell::Value, vec![text("X'0a1'")]),
        ];
        for (cell, form, usage, expected, values) in cases {
            let mut read = vec![text(cell)];
            assert_eq!(interpret(&mut read, form, usage), expected, "{cell}");
            assert!(read == values, "{cell}");
        }
    }
}
