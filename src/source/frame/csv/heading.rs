//! Finds and reads the heading of a CSV file, and its delimiter (sources.md 7.2, 7.3).

use std::collections::HashSet;

use memchr::memchr2;
use unicode_normalization::UnicodeNormalization;

use super::super::{FileFault, Limits};
use super::cells::split_cells;
use super::framer::{line_end, record_length, unclosed};
use super::{is_blank, is_skipped};

/// How a heading cell names its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderStyle {
    /// The cell is the name.
    #[default]
    Plain,
    /// `User name [userPrincipalName] Required`: the name is in brackets.
    Bracketed,
    /// `Status [READ ONLY]`: the brackets hold a note.
    SuffixBracket,
}

/// The first record of a CSV file, which is its heading unless the preset says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    pub line: u64,
    pub delimiter: u8,
    /// Whether the delimiter is a guess: none of the list occurs, or two do equally often.
    pub is_delimiter_unsure: bool,
    /// Trimmed, in NFC, as the style takes them.
    pub columns: Vec<String>,
    /// The lines that were passed over before it.
    pub skipped: Vec<String>,
}

/// Reads the heading from the first bytes of a file, in UTF-8 and without mark.
pub fn read_heading(
    head: &[u8],
    delimiters: &[u8],
    style: HeaderStyle,
    skip_lines_starting: &[String],
) -> Result<Heading, FileFault> {
    let mut line = 1;
    let mut from = 0;
    let mut skipped = Vec::new();
    let mut named = None;
    while from < head.len() {
        let end = memchr2(b'\n', b'\r', &head[from..]).map_or(head.len(), |at| from + at);
        let text = &head[from..end];
        if is_skipped(text, skip_lines_starting) {
            if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"sep=")) {
                named = text.get(4).copied().filter(|byte| byte.is_ascii() && *byte != b'"');
            }
            skipped.push(String::from_utf8_lossy(text).into_owned());
        } else if !is_blank(text, 0) {
            break;
        }
        from = line_end(head, end, true).unwrap_or(head.len());
        line += 1;
    }
    let rest = &head[from..];
    if rest.is_empty() {
        return Err(FileFault::new(
            "file.empty",
            None,
            "the file holds no heading and no record",
            "an empty file is never an empty directory: export it anew",
        ));
    }
    let (delimiter, is_delimiter_unsure) = match named {
        Some(delimiter) => (delimiter, false),
        None => find_delimiter(rest, delimiters),
    };
    let length = record_length(rest, delimiter).ok_or_else(|| unclosed(line))?;
    let record = std::str::from_utf8(&rest[..length]).map_err(|_| {
        FileFault::new(
            "encoding.invalid",
            Some(line),
            "the heading holds bytes that are not in the encoding of the file",
            "name the encoding in `source.encoding`",
        )
    })?;
    let mut columns = Vec::new();
    split_cells(record, delimiter, false, |_, cell| columns.push(name_of(&cell, style))).map_err(|_| {
        FileFault::new(
            "csv.no_known_heading",
            Some(line),
            "text follows a closing quote in the heading",
            "export the file anew, or repair its first line",
        )
    })?;
    Ok(Heading { line, delimiter, is_delimiter_unsure, columns, skipped })
}

impl Heading {
    /// Refuses a heading that nothing can be read by. `expects_several`: more than one column is expected.
    pub fn check(&self, limits: Limits, expects_several: bool) -> Result<(), FileFault> {
        if self.is_delimiter_unsure && expects_several {
            return Err(FileFault::new(
                "csv.no_delimiter",
                Some(self.line),
                "the heading does not show which delimiter separates its columns",
                "export the file with a delimiter of the preset, or begin it with a line `sep=` and the delimiter",
            ));
        }
        if self.columns.len() > limits.columns {
            return Err(FileFault::new(
                "limit.columns",
                Some(self.line),
                format!("the heading has {} columns; at most {} are read", self.columns.len(), limits.columns),
                "export fewer columns",
            ));
        }
        let mut seen = HashSet::new();
        for column in self.columns.iter().filter(|column| !column.is_empty()) {
            if !seen.insert(column.to_lowercase()) {
                return Err(FileFault::new(
                    "csv.duplicate_column",
                    Some(self.line),
                    format!("two columns are called `{}`", column.escape_debug()),
                    "rename one of the columns or leave it out of the export",
                ));
            }
        }
        Ok(())
    }
}

/// Returns the delimiter that occurs most often outside quotes in the first line, and whether that is unsure.
fn find_delimiter(head: &[u8], delimiters: &[u8]) -> (u8, bool) {
    let mut counts = vec![0_usize; delimiters.len()];
    let mut quoted = false;
    // a quote opens at the start of a cell, or again as the second of two
    let mut opens = true;
    for &byte in head {
        if quoted {
            quoted = byte != b'"';
            opens = true;
            continue;
        }
        match byte {
            b'\n' | b'\r' => break,
            b'"' => quoted = opens,
            _ => {
                let found = delimiters.iter().position(|&delimiter| delimiter == byte);
                opens = found.is_some();
                if let Some(number) = found {
                    counts[number] += 1;
                }
            }
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let first = counts.iter().position(|&count| count == most).unwrap_or(0);
    let unsure = most == 0 || counts.iter().filter(|&&count| count == most).count() > 1;
    (delimiters.get(first).copied().unwrap_or(b','), unsure)
}

fn name_of(cell: &str, style: HeaderStyle) -> String {
    let cell = cell.trim();
    let name = match style {
        HeaderStyle::Plain => cell,
        HeaderStyle::Bracketed => {
            cell.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or(cell, |(name, _)| name.trim())
        }
        HeaderStyle::SuffixBracket => match cell.strip_suffix(']').and_then(|rest| rest.rfind('[')) {
            Some(at) => cell[..at].trim_end(),
            None => cell,
        },
    };
    name.nfc().collect()
}
