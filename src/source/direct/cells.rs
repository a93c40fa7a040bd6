//! The cells of a CSV record as places in it.

use memchr::memchr;

use super::NotPlain;
use super::flat::Flat;
use super::straight::{Straight, Swift, Values};
use crate::source::canonical;
use crate::source::cells::is_special;
use crate::source::frame::Wanted;
use crate::source::frame::csv::{CsvFormat, Places, value_of};
use crate::source::map::Manner;
use crate::source::preset::{Preset, Slot};

/// Cuts the records of one file.
pub struct Cells {
    unquoted_doubled_quotes: bool,
    /// No word of the preset's own, and no sign, means that a cell is more than its text.
    is_bare: bool,
    count: usize,
    /// Those that somebody asks for; of others of which no preset knows it is told what is no value.
    columns: Vec<Column>,
    places: Places,
}

/// What a column is read for.
struct Column {
    number: usize,
    slot: Option<Slot>,
    /// Under its name in the object's `rest`.
    rest: Option<Box<str>>,
    is_single: bool,
    /// Whether a separator of values may stand behind a backslash.
    has_dns: bool,
    /// If a cell is no more than its text and goes straight.
    way: Option<Straight>,
    /// If nothing more is to be looked at of a clean one.
    swift: Option<Swift>,
}

impl Cells {
    pub fn new(format: &CsvFormat, preset: &Preset, manner: &Manner, wanted: Option<&Wanted>) -> Self {
        let column = |(number, name): (usize, &str)| {
            if name.is_empty() || wanted.is_some_and(|wanted| !wanted(name)) {
                return None;
            }
            let slot = preset.names.find(name);
            let usage = slot.map(|slot| preset.use_of(slot)).unwrap_or_default();
            let is_known = usage.used || usage.ignored || usage.secret || canonical::is_secret(name);
            let is_rest = preset.keeps_rest && !is_known && manner.wants(name);
            Some(Column {
                number,
                slot,
                rest: is_rest.then(|| name.into()),
                is_single: usage.single,
                has_dns: usage.dns,
                way: None,
                swift: None,
            })
        };
        let form = &preset.csv;
        let has_words = !form.placeholders.is_empty() || form.unchanged.is_some();
        let has_signs = form.multi_separator.is_some() || form.hex_octets || format.unquoted_doubled_quotes;
        Self {
            is_bare: !has_words && !has_signs,
            unquoted_doubled_quotes: format.unquoted_doubled_quotes,
            count: format.columns.len(),
            columns: format.columns.iter().map(|name| &**name).enumerate().filter_map(column).collect(),
            places: Places::new(format.delimiter),
        }
    }

    /// By [`Slot`], what goes straight.
    pub fn go_straight(&mut self, straight: &[Option<Straight>]) {
        for column in self.columns.iter_mut().filter(|column| self.is_bare && column.rest.is_none()) {
            column.way = column.slot.and_then(|slot| straight[slot.index()]);
            column.swift = column.slot.zip(column.way).and_then(|(slot, way)| way.swift(slot));
        }
    }

    /// The name of a column in [`Flat::rest`].
    pub fn rest_name(&self, number: usize) -> &str {
        let column = self.columns.iter().find(|column| column.number == number);
        column.and_then(|column| column.rest.as_deref()).unwrap_or_default()
    }

    /// How many columns are read for a name.
    pub fn count_of(&self, slot: Slot) -> usize {
        self.columns.iter().filter(|column| column.slot == Some(slot)).count()
    }

    /// Prepares for the records of a batch.
    pub fn begin(&mut self, batch: &[u8]) {
        self.places.begin(batch);
    }

    /// Cuts a record that begins `at` in the batch.
    pub fn cut(&mut self, record: &str, at: usize, values: &mut Values<'_, '_>) -> Result<(), NotPlain> {
        let Self { places, count, columns, is_bare, unquoted_doubled_quotes, .. } = self;
        let row = places.find(record, at, *count).ok_or(NotPlain)?;
        let is_clean = values.into.clear.is_clean();
        for column in columns {
            let (from, to, is_doubled) = row.at(column.number, record.as_bytes()).ok_or(NotPlain)?;
            if from == to {
                continue;
            }
            if is_doubled {
                let cell = record.get(from..to).ok_or(NotPlain)?.replace("\"\"", "\"");
                match column.slot {
                    Some(slot) if *is_bare && column.rest.is_none() && is_value(cell.as_bytes()) => {
                        values.own(slot, &cell, false)?;
                        continue;
                    }
                    _ => return Err(NotPlain),
                }
            }
            if let (Some(swift), true) = (&mut column.swift, is_clean)
                && let Some(cell) = record.as_bytes().get(from..to)
                && is_clean_value(cell)
            {
                values.swiftly(swift, cell, from);
                continue;
            }
            if let (Some(way), Some(slot), true) = (&column.way, column.slot, is_clean)
                && let Some(cell) = record.as_bytes().get(from..to)
                && is_clean_value(cell)
            {
                values.clean(way, slot, (cell, from), || record.get(from..to))?;
                continue;
            }
            let cell = record.get(from..to).ok_or(NotPlain)?;
            match column.slot {
                Some(slot) if *is_bare && column.rest.is_none() && is_value(cell.as_bytes()) => {
                    values.in_record(slot, cell, from)?;
                }
                _ => column.add((from, cell), *unquoted_doubled_quotes, values)?,
            }
        }
        Ok(())
    }
}

impl Column {
    /// Adds what a cell holds.
    fn add(&self, (from, cell): (usize, &str), may_double: bool, values: &mut Values<'_, '_>) -> Result<(), NotPlain> {
        let form = &values.preset.csv;
        let value = value_of(cell);
        if value.is_empty() {
            return Ok(());
        }
        let may_be_doubled = may_double && memchr(b'"', cell.as_bytes()).is_some();
        if may_be_doubled || is_special(value, form) {
            return Err(NotPlain);
        }
        if self.slot.is_none() && self.rest.is_none() {
            return Ok(());
        }
        let from = from + (value.as_ptr().addr() - cell.as_ptr().addr());
        let separator = form.multi_separator.as_deref().filter(|_| !self.is_single);
        if let Some(separator) = separator.filter(|separator| value.contains(separator)) {
            if self.has_dns && value.contains('\\') {
                return Err(NotPlain);
            }
            return match self.slot {
                Some(slot) if self.rest.is_none() => push_parts(value, from, separator, slot, values),
                _ => Err(NotPlain),
            };
        }
        if self.rest.is_some() {
            values.rest(self.number, Flat::in_record(from, from + value.len()));
        }
        self.slot.map_or(Ok(()), |slot| values.in_record(slot, value, from))
    }
}

/// Says of most cells that they are a value as they are: no blank around it, no `="…"`, and no word that means something else.
#[inline]
fn is_value(cell: &[u8]) -> bool {
    let begins = match cell {
        [b'=' | b'#', ..] | [b'S', b'y', ..] | [b'M', b'i', ..] => false,
        [b'!'..=b'~' | 0xC3 | 0xE4..=0xE9, ..] => true,
        [0xE3, second, ..] => *second > 0x80,
        _ => false,
    };
    begins && !matches!(cell.last(), Some(b' ' | b'\t'))
}

/// As [`is_value`], of a clean record; whether a cell is ASCII is not to be foreseen, so it is not asked.
#[inline]
fn is_clean_value(cell: &[u8]) -> bool {
    let (Some(first), Some(last)) = (cell.first(), cell.last()) else { return false };
    ENDS[usize::from(*last)] && (BEGINS[usize::from(*first)] || is_value(cell))
}

/// First octets of clean values that are neither blank nor special, whatever follows.
const BEGINS: [bool; 256] = {
    let mut begins = [false; 256];
    let mut byte = b'!';
    while byte < 0xEA {
        begins[byte as usize] = matches!(byte, b'!'..=b'~' | 0xC3..=0xCB | 0xE4..=0xE9);
        byte += 1;
    }
    [begins[b'=' as usize], begins[b'#' as usize], begins[b'S' as usize], begins[b'M' as usize]] = [false; 4];
    begins
};

/// Last octets of clean values that belong to no blank: those of U+0085, U+00A0 and U+3000 may.
const ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    let mut byte = b'!';
    while byte < 0xC0 {
        ends[byte as usize] = matches!(byte, b'!'..=b'~' | 0x81..=0x84 | 0x86..=0x9F | 0xA1..=0xBF);
        byte += 1;
    }
    ends
};

/// Adds each part that is not blank.
fn push_parts(
    value: &str,
    from: usize,
    separator: &str,
    slot: Slot,
    values: &mut Values<'_, '_>,
) -> Result<(), NotPlain> {
    let mut any = false;
    let mut at = from;
    for part in value.split(separator) {
        if !part.trim().is_empty() {
            any = true;
            values.in_record(slot, part, at)?;
        }
        at += part.len() + separator.len();
    }
    if any { Ok(()) } else { Err(NotPlain) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::direct::whole::Whole;

    #[test]
    fn clean_values_have_no_blank_around_them() {
        let mut count = 0;
        for c in '\0'..='\u{ffff}' {
            for text in [c.to_string(), format!("{c}a"), format!("a{c}"), format!("{c}y"), format!("{c}i")] {
                let whole = Whole::of(text.as_bytes(), false);
                let is_clean = whole.is_some_and(|whole| whole.clear(&(0..text.len())).is_clean());
                if is_clean && is_clean_value(text.as_bytes()) {
                    count += 1;
                    let is_same =
                        text.trim() == text && !["=", "#", "Sy", "Mi"].iter().any(|word| text.starts_with(word));
                    assert!(is_same, "{text:?}");
                }
            }
        }
        assert!(count > 50_000, "{count}");
    }
}
