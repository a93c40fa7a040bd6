//! Splits a record into cells.

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
pub fn split_cells(
    record: &str,
    delimiter: u8,
    unquoted_doubled_quotes: bool,
    mut each: impl FnMut(usize, &str),
) -> Result<usize, CellFault> {
    if !delimiter.is_ascii() {
        // half a character separates nothing
        each(0, record);
        return Ok(1);
    }
    let bytes = record.as_bytes();
    let mut number = 0;
    let mut from = 0;
    let mut joined = String::new();
    loop {
        let end = if bytes.get(from) == Some(&b'"') {
            let close = closing_quote(bytes, from + 1).ok_or(CellFault::Unclosed(number))?;
            let content = &record[from + 1..close];
            if memchr(b'"', content.as_bytes()).is_some() {
                undouble(content, &mut joined);
                each(number, &joined);
            } else {
                each(number, content);
            }
            let end = memchr(delimiter, &bytes[close + 1..]).map_or(bytes.len(), |at| close + 1 + at);
            if !bytes[close + 1..end].iter().all(|&byte| byte == b' ' || byte == b'\t') {
                return Err(CellFault::TextAfterQuote(number));
            }
            end
        } else {
            let end = memchr(delimiter, &bytes[from..]).map_or(bytes.len(), |at| from + at);
            let content = &record[from..end];
            if unquoted_doubled_quotes && content.contains("\"\"") {
                undouble(content, &mut joined);
                each(number, &joined);
            } else {
                each(number, content);
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

/// Returns the position of the quote that closes a cell whose content begins at `from`.
fn closing_quote(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = from + memchr(b'"', bytes.get(from..)?)?;
        if bytes.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
    }
}

/// Writes `content` into `joined` with each doubled quote as one.
fn undouble(content: &str, joined: &mut String) {
    joined.clear();
    let mut rest = content;
    while let Some(at) = rest.find("\"\"") {
        joined.push_str(&rest[..=at]);
        rest = &rest[at + 2..];
    }
    joined.push_str(rest);
}

/// Takes the blanks off both ends, and the `="…"` that keeps a spreadsheet from reading a number (sources.md 7.4).
pub(super) fn value_of(cell: &str) -> &str {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = cell.as_bytes();
    let trimmed = if is_blank(bytes.first()) || is_blank(bytes.last()) { cell.trim_matches([' ', '\t']) } else { cell };
    match trimmed.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if memchr2(b'"', b'&', inner.as_bytes()).is_none() => inner,
        Some(_) | None => trimmed,
    }
}
