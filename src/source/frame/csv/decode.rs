//! Turns the bytes of a CSV record into its values.

use std::rc::Rc;

use memchr::memchr;

use super::super::{Limits, RecordFault, Wanted};
use super::CsvFormat;
use super::cells::{self, CellFault, split_cells};
use crate::source::few::Few;
use crate::source::raw::{RawAttribute, RawBody, RawRecord, RawValue};

/// Turns the bytes of a CSV record into its values.
pub struct CsvDecoder {
    format: CsvFormat,
    /// By position; none for a column that is not read.
    names: Vec<Option<Rc<str>>>,
    limit: usize,
}

impl CsvDecoder {
    pub fn new(format: &CsvFormat, limits: Limits, wanted: Option<Wanted>) -> Self {
        let is_read = |name: &str| !name.is_empty() && wanted.as_ref().is_none_or(|wanted| wanted(name));
        let name = |name: &std::sync::Arc<str>| is_read(name).then(|| Rc::from(&**name));
        Self { format: format.clone(), names: format.columns.iter().map(name).collect(), limit: limits.record }
    }

    /// Names the values by column; a cell of blanks gives none.
    pub fn decode<'a>(&mut self, bytes: &'a [u8], line: u64) -> Result<RawRecord<'a>, RecordFault> {
        if bytes.len() > self.limit {
            return Err(RecordFault::new(
                line,
                "limit.record",
                format!("the record is longer than {} bytes", self.limit),
            ));
        }
        let record = simdutf8::basic::from_utf8(bytes).map_err(|_| {
            RecordFault::new(
                line,
                "encoding.invalid",
                "the record holds bytes that are not in the encoding of the file",
            )
        })?;
        if memchr(0, bytes).is_some() {
            return Err(RecordFault::new(line, "text.nul", "the record holds a NUL character"));
        }
        let columns = &self.names;
        let mut attributes = Vec::with_capacity(columns.len());
        let mut surplus = false;
        let split =
            split_cells(
                record,
                self.format.delimiter,
                self.format.unquoted_doubled_quotes,
                |number, cell| match columns.get(number) {
                    None => surplus |= !cells::value_of_cell(cell).is_empty(),
                    Some(Some(name)) if !cell.is_empty() => {
                        let value = cells::value_of_cell(cell);
                        if !value.is_empty() {
                            let values = Few::One(RawValue::Text(value));
                            attributes.push(RawAttribute { name: name.clone(), values, line, incomplete: None });
                        }
                    }
                    Some(_) => {}
                },
            );
        let count = split.map_err(|fault| self.quote_fault(line, fault))?;
        if count < columns.len() || surplus {
            let message = format!("the record has {count} cells where the heading has {}", columns.len());
            return Err(RecordFault::new(line, "csv.field_count", message));
        }
        let warnings = if count > columns.len() { vec!["csv.extra_empty_cells"] } else { Vec::new() };
        Ok(RawRecord { line, attributes, body: RawBody::Content, warnings })
    }

    fn quote_fault(&self, line: u64, fault: CellFault) -> RecordFault {
        let (number, code, message) = match fault {
            CellFault::TextAfterQuote(number) => (
                number,
                "csv.text_after_quote",
                "text follows the closing quote of a cell; write a quote inside a cell twice",
            ),
            CellFault::Unclosed(number) => {
                (number, "csv.unclosed_quote", "a quote that opens in this record is never closed")
            }
        };
        let fault = RecordFault::new(line, code, message);
        match self.format.columns.get(number) {
            Some(name) if !name.is_empty() => fault.of_attribute(&**name),
            Some(_) | None => fault,
        }
    }
}
