//! CSV: records by quotes and line ends, cells by delimiter (sources.md 7).

mod cells;
mod decode;
mod framer;
mod heading;
mod places;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use cells::{CellFault, split_cells, value_of};
pub use decode::CsvDecoder;
pub use framer::CsvFramer;
pub use heading::{HeaderStyle, Heading, read_heading};
pub use places::Places;

/// How a CSV file is cut and its columns are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvFormat {
    pub delimiter: u8,
    /// Lines before the heading that begin so are passed over, besides `sep=` and `#TYPE `.
    pub skip_lines_starting: Vec<String>,
    /// Whether the first record is a heading, which is not handed out.
    pub heading: bool,
    /// Names by position; an empty name hides its column.
    pub columns: Vec<Arc<str>>,
    /// Whether `""` inside an unquoted cell is one quote.
    pub unquoted_doubled_quotes: bool,
}

/// What reading a CSV file to its end has shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvFacts {
    /// Whether the last record had its line end; without, warn `csv.no_final_newline` at `last_record`.
    pub final_newline: bool,
    /// The line of the last record, the heading counted.
    pub last_record: Option<u64>,
}

/// Says whether a line before the heading is no part of the table (sources.md 7.2).
fn is_skipped(line: &[u8], skip_lines_starting: &[String]) -> bool {
    let begins = |with: &[u8]| line.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    begins(b"sep=") || begins(b"#TYPE ") || skip_lines_starting.iter().any(|with| begins(with.as_bytes()))
}

/// Says whether a record is blank: no cell, or one of blanks.
fn is_blank(record: &[u8], delimiter: u8) -> bool {
    record.iter().all(|&byte| (byte == b' ' || byte == b'\t') && byte != delimiter)
}
