//! Splits a record into cells.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// Why a record has no cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellFault {
    /// Text after the closing quote of the cell with this number, from 0.
    TextAfterQuote(usize),
    /// A quote is open at the end of the record.
    Unclosed(usize),
}

/// Splits `record`, which has no line end, and gives each cell's number and content, not trimmed.
pub fn split_cells<'r>(
    record: &'r str,
    delimiter: u8,
    unquoted_doubled_quotes: bool,
    mut each: impl FnMut(usize, Cow<'r, str>),
) -> Result<usize, CellFault> {
    if !delimiter.is_ascii() {
        // half a character separates nothing
        each(0, record.into());
        return Ok(1);
    }
    let bytes = record.as_bytes();
    let mut number = 0;
    let mut from = 0;
    loop {
        let end = if bytes.get(from) == Some(&b'"') {
            let (close, is_doubled) = closing_quote(bytes, from + 1).ok_or(CellFault::Unclosed(number))?;
            let content = &record[from + 1..close];
            if is_doubled {
                each(number, undouble(content).into());
            } else {
                each(number, content.into());
            }
            let end = match bytes.get(close + 1) {
                Some(&byte) if byte == delimiter => close + 1,
                Some(_) | None => find(delimiter, bytes, close + 1),
            };
            if !bytes[close + 1..end].iter().all(|&byte| byte == b' ' || byte == b'\t') {
                return Err(CellFault::TextAfterQuote(number));
            }
            end
        } else {
            let end = find(delimiter, bytes, from);
            let content = &record[from..end];
            if unquoted_doubled_quotes && content.contains("\"\"") {
                each(number, undouble(content).into());
            } else {
                each(number, content.into());
            }
            end
        };
        number += 1;
        if end == bytes.len() {
            return Ok(number);
        }
        from = end + 1;
    }
}

/// Returns the position of the quote that closes a cell whose content begins at `from`, and whether there are doubled ones before.
pub(super) fn closing_quote(bytes: &[u8], from: usize) -> Option<(usize, bool)> {
    let mut next = from;
    loop {
        let at = next + memchr(b'"', bytes.get(next..)?)?;
        if bytes.get(at + 1) != Some(&b'"') {
            return Some((at, next > from));
        }
        next = at + 2;
    }
}

/// How many bytes are looked at one by one: most cells end before a search by vectors has begun.
const NEAR: usize = 12;

/// Returns the position of the next delimiter, or the end.
fn find(delimiter: u8, bytes: &[u8], from: usize) -> usize {
    let near = &bytes[from..bytes.len().min(from + NEAR)];
    match near.iter().position(|&byte| byte == delimiter) {
        Some(at) => from + at,
        None => memchr(delimiter, &bytes[from + near.len()..]).map_or(bytes.len(), |at| from + near.len() + at),
    }
}

/// Returns `content` with each doubled quote as one.
fn undouble(content: &str) -> String {
    let mut joined = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find("\"\"") {
        joined.push_str(&rest[..=at]);
        rest = &rest[at + 2..];
    }
    joined.push_str(rest);
    joined
}

/// As [`value_of`], of a cell that may be a text of its own.
pub(super) fn value_of_cell(cell: Cow<'_, str>) -> Cow<'_, str> {
    match cell {
        Cow::Borrowed(cell) => value_of(cell).into(),
        Cow::Owned(cell) => {
            let value = value_of(&cell);
            if value.len() == cell.len() { cell.into() } else { value.to_owned().into() }
        }
    }
}

/// Takes the blanks off both ends, and the `="…"` that keeps a spreadsheet from reading a number (sources.md 7.4).
#[inline]
pub fn value_of(cell: &str) -> &str {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = cell.as_bytes();
    let trimmed = if is_blank(bytes.first()) || is_blank(bytes.last()) { cell.trim_matches([' ', '\t']) } else { cell };
    match trimmed.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if memchr2(b'"', b'&', inner.as_bytes()).is_none() => inner,
        Some(_) | None => trimmed,
    }
}
