//! The cells of a CSV record as places in it.

use memchr::memchr;

use super::NotPlain;
use super::flat::Flat;
use crate::source::canonical;
use crate::source::cells::is_special;
use crate::source::frame::Wanted;
use crate::source::frame::csv::{CsvFormat, each_cell, value_of};
use crate::source::map::Manner;
use crate::source::preset::{Preset, Slot};

/// Cuts the records of one file.
pub struct Cells {
    delimiter: u8,
    unquoted_doubled_quotes: bool,
    /// No word of the preset's own, and no sign, means that a cell is more than its text.
    is_bare: bool,
    columns: Vec<Column>,
}

/// What a column is read for.
struct Column {
    slot: Option<Slot>,
    /// Under its name in the object's `rest`.
    rest: Option<Box<str>>,
    /// Somebody asks for it.
    is_read: bool,
    is_single: bool,
}

impl Cells {
    pub fn new(format: &CsvFormat, preset: &Preset, manner: &Manner, wanted: Option<&Wanted>) -> Self {
        let column = |name: &str| {
            let slot = preset.names.find(name);
            let usage = slot.map(|slot| preset.use_of(slot)).unwrap_or_default();
            let is_read = !name.is_empty() && wanted.is_none_or(|wanted| wanted(name));
            let is_known = usage.used || usage.ignored || usage.secret || canonical::is_secret(name);
            let is_rest = is_read && preset.keeps_rest && !is_known && manner.wants(name);
            Column { slot, rest: is_rest.then(|| name.into()), is_read, is_single: usage.single }
        };
        let form = &preset.csv;
        let has_words = !form.placeholders.is_empty() || form.unchanged.is_some();
        let has_signs = form.multi_separator.is_some() || form.hex_octets || format.unquoted_doubled_quotes;
        Self {
            is_bare: !has_words && !has_signs,
            delimiter: format.delimiter,
            unquoted_doubled_quotes: format.unquoted_doubled_quotes,
            columns: format.columns.iter().map(|name| column(name)).collect(),
        }
    }

    /// The name of a column in [`Flat::rest`].
    pub fn rest_name(&self, number: usize) -> &str {
        self.columns.get(number).and_then(|column| column.rest.as_deref()).unwrap_or_default()
    }

    pub fn cut(&self, record: &str, preset: &Preset, flat: &mut Flat) -> Result<(), NotPlain> {
        let mut is_plain = true;
        let count = each_cell(record, self.delimiter, |number, from, to, is_doubled| {
            let Some(column) = self.columns.get(number) else { return };
            if from == to || !column.is_read {
                return;
            }
            if let (Some(slot), None) = (column.slot, &column.rest)
                && self.is_bare
                && !is_doubled
                && is_value(&record.as_bytes()[from..to])
            {
                flat.push(slot, Flat::in_record(from, to));
            } else {
                is_plain = is_plain && !is_doubled && self.add(column, number, (from, &record[from..to]), preset, flat);
            }
        });
        if is_plain && count == Some(self.columns.len()) { Ok(()) } else { Err(NotPlain) }
    }

    /// Adds what a cell holds; false if that is not plain.
    fn add(
        &self,
        column: &Column,
        number: usize,
        (from, cell): (usize, &str),
        preset: &Preset,
        flat: &mut Flat,
    ) -> bool {
        let form = &preset.csv;
        let value = value_of(cell);
        if value.is_empty() {
            return true;
        }
        let may_be_doubled = self.unquoted_doubled_quotes && memchr(b'"', cell.as_bytes()).is_some();
        if may_be_doubled || is_special(value, form) {
            return false;
        }
        let from = from + (value.as_ptr().addr() - cell.as_ptr().addr());
        let separator = form.multi_separator.as_deref().filter(|_| !column.is_single);
        if let Some(separator) = separator.filter(|separator| value.contains(separator)) {
            return column.rest.is_none() && push_parts(value, from, separator, column.slot, flat);
        }
        let value = Flat::in_record(from, from + value.len());
        if column.rest.is_some() {
            flat.rest.push((number, value));
        }
        column.slot.into_iter().for_each(|slot| flat.push(slot, value));
        true
    }
}

/// Says of most cells that they are a value as they are: no blank around it, no `="…"`, and no word that means something else.
#[inline]
fn is_value(cell: &[u8]) -> bool {
    let (Some(first), Some(last)) = (cell.first(), cell.last()) else { return false };
    let begins = match first {
        b'=' | b'S' | b'M' | b'#' => false,
        b'!'..=b'~' | 0xC3 | 0xE4..=0xE9 => true,
        _ => false,
    };
    begins && !matches!(last, b' ' | b'\t')
}

/// Adds each part that is not blank; false if there is none.
fn push_parts(value: &str, from: usize, separator: &str, slot: Option<Slot>, flat: &mut Flat) -> bool {
    let mut any = false;
    let mut at = from;
    for part in value.split(separator) {
        if !part.trim().is_empty() {
            any = true;
            slot.into_iter().for_each(|slot| flat.push(slot, Flat::in_record(at, at + part.len())));
        }
        at += part.len() + separator.len();
    }
    any
}
