//! Where the cells of a record lie.

use memchr::memchr;
use pulp::{Arch, NullaryFnOnce};

use crate::source::bits::{Blocks, Marks, list, odd};

/// Finds the cells of records as [`split_cells`](super::split_cells) does.
#[derive(Debug, Default)]
pub struct Places {
    delimiter: u8,
    /// Of the quotes of a batch, if they are few; else its records are looked at one by one.
    quotes: Marks,
    has_few: bool,
    /// Of its delimiters, quoted or not.
    delimiters: Marks,
    /// Of the delimiters of a record that was looked at alone; more than those that count.
    ends: Vec<u32>,
    /// What this processor can do beyond what all can.
    arch: Arch,
}

/// The places of the cells of one record.
#[derive(Debug, Clone, Copy)]
pub struct Row<'p> {
    /// Where each cell but the last ends, counted from where this is `begin`.
    ends: &'p [u32],
    begin: usize,
    length: usize,
    /// Some cell is between quotes.
    is_quoted: bool,
    /// Quotes are doubled in some cell, so that its text is not there as it is.
    is_doubled: bool,
}

/// From so many octets for each quote on, records have none as a rule.
const SELDOM: usize = 1 << 10;

/// What is known of quotes from the octets before a block.
struct Quotes {
    /// All bits where a quote is open.
    open: u64,
    /// The lowest bit: whether the first octet may open a cell, and whether the last one closed one.
    may_open: u64,
    closed: u64,
    /// Not zero where something else stands before an opening quote, or behind a closing one.
    strange: u64,
    doubled: u64,
}

impl Quotes {
    /// Returns the delimiters that lie outside of quotes; `delimiters` and `quotes`: where they are in a block.
    #[inline(always)]
    fn outside(&mut self, delimiters: u64, quotes: u64, length: usize) -> u64 {
        if quotes | self.open | self.closed == 0 {
            self.may_open = delimiters >> 63;
            return delimiters;
        }
        let open = odd(quotes) ^ self.open;
        let (opening, closing) = (quotes & open, quotes & !open);
        let behind = closing << 1 | self.closed;
        let there = u64::MAX >> (64 - length);
        self.strange |= opening & !(delimiters << 1 | behind | self.may_open);
        self.strange |= behind & !(delimiters | quotes) & there;
        self.doubled |= opening & behind;
        self.open = 0_u64.wrapping_sub(open >> 63);
        self.closed = closing >> 63;
        self.may_open = delimiters >> 63;
        delimiters & !open
    }
}

impl Places {
    /// `delimiter` is ASCII, and no quote.
    pub fn new(delimiter: u8) -> Self {
        Self { delimiter, ..Self::default() }
    }

    /// Prepares for the records of a batch, which come one after the other.
    pub fn begin(&mut self, batch: &[u8]) {
        self.has_few = self.quotes.find_few(b'"', batch, batch.len() / SELDOM);
        if self.has_few {
            self.delimiters.find(self.delimiter, batch);
        }
    }

    /// Finds the cells of a record, without its line end, that begins `at` in the batch; none where there are not `count` of them, or a
    /// quote stands neither around a cell nor doubled in such a one.
    #[inline]
    pub fn find(&mut self, record: &str, at: usize, count: usize) -> Option<Row<'_>> {
        let inner = count.checked_sub(1)?;
        let end = at + record.len();
        if !self.has_few || self.quotes.from(at).first().is_some_and(|quote| (*quote as usize) < end) {
            return self.search(record).filter(|row| row.ends.len() == inner);
        }
        let ends = self.delimiters.all(inner, at, end)?;
        Some(Row { ends, begin: at, length: record.len(), is_quoted: false, is_doubled: false })
    }

    /// Finds the cells by the octets of the record alone.
    fn search(&mut self, record: &str) -> Option<Row<'_>> {
        u32::try_from(record.len()).ok()?;
        let arch = self.arch;
        let (is_quoted, is_doubled, count) =
            arch.dispatch(Search { delimiter: self.delimiter, ends: &mut self.ends, record: record.as_bytes() })?;
        let ends = self.ends.get(..count).unwrap_or_default();
        Some(Row { ends, begin: 0, length: record.len(), is_quoted, is_doubled })
    }
}

impl Row<'_> {
    /// Where the cell of this number lies in the record, and whether quotes are doubled in it; none where it is not there.
    #[inline]
    pub fn at(&self, number: usize, record: &[u8]) -> Option<(usize, usize, bool)> {
        let between = self.ends.get(number.wrapping_sub(1)..).and_then(|ends| ends.first_chunk());
        let (from, to) = match between {
            Some([before, end]) => (*before as usize - self.begin + 1, *end as usize - self.begin),
            None => self.at_edge(number)?,
        };
        if !self.is_quoted || record.get(from) != Some(&b'"') {
            return Some((from, to, false));
        }
        let (from, to) = (from + 1, to - 1);
        Some((from, to, self.is_doubled && memchr(b'"', record.get(from..to)?).is_some()))
    }

    /// The same of the first and of the last cell, as they lie.
    fn at_edge(&self, number: usize) -> Option<(usize, usize)> {
        let place_of = |end: &u32| *end as usize - self.begin;
        let from = if number == 0 { 0 } else { place_of(self.ends.get(number - 1)?) + 1 };
        Some((from, self.ends.get(number).map_or(self.length, place_of)))
    }
}

/// A search for the delimiters of one record, by what the processor can do.
struct Search<'s> {
    delimiter: u8,
    ends: &'s mut Vec<u32>,
    record: &'s [u8],
}

impl NullaryFnOnce for Search<'_> {
    /// Whether there are quotes, and doubled ones; how many delimiters.
    type Output = Option<(bool, bool, usize)>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        let mut quotes = Quotes { open: 0, may_open: 1, closed: 0, strange: 0, doubled: 0 };
        let (mut any, mut count) = (0, 0);
        for block in Blocks::of(self.record) {
            let found = block.bits_of(b'"');
            any |= found;
            let outside = quotes.outside(block.bits_of(self.delimiter), found, block.length());
            count = list(outside, block.from, self.ends, count);
        }
        (quotes.open | quotes.strange == 0).then_some((any != 0, quotes.doubled != 0, count))
    }
}

#[cfg(test)]
mod tests {
    use super::super::split_cells;
    use super::*;

    /// Holds the cells of a record against those that it is split to; returns how many there are.
    fn check(places: &mut Places, record: &str, at: usize) -> usize {
        let delimiter = places.delimiter;
        let mut cells = Vec::new();
        let split = split_cells(record, delimiter, false, |_, cell| cells.push(cell.into_owned())).ok();
        let count = cells.len();
        for other in [count.saturating_sub(1), count + 1, count + 20] {
            assert!(
                split.is_none() || places.find(record, at, other).is_none(),
                "{record:?} has {count} cells, and not {other}"
            );
        }
        let Some(row) = places.find(record, at, count) else {
            let is_plain =
                |cell: &str| !cell.contains('"') || (cell.len() > 1 && cell.starts_with('"') && cell.ends_with('"'));
            assert!(split.is_none() || !record.split(char::from(delimiter)).all(is_plain), "{record:?}");
            return 0;
        };
        assert_eq!(split, Some(count), "{record:?}");
        for (number, cell) in cells.iter().enumerate() {
            let (from, to, is_doubled) = row.at(number, record.as_bytes()).expect("a cell");
            let text = &record[from..to];
            assert_eq!(if is_doubled { text.replace("\"\"", "\"") } else { text.to_owned() }, **cell, "{record:?}");
            assert_eq!(is_doubled, cell.contains('"'), "{record:?}");
        }
        assert_eq!(row.at(count, record.as_bytes()), None, "{record:?}");
        count
    }

    #[test]
    fn cells_lie_where_they_are_split() {
        let parts = ["", "a", "\"", "\"\"", ",", ", ", "佐藤", "abcdefgh", " ", "\"a,b\"", "x\"y"];
        let mut count = 0;
        let (mut by_commas, mut by_blanks) = (Places::new(b','), Places::new(b' '));
        let (mut batch, mut records) = (String::new(), Vec::new());
        for number in 0..parts.len().pow(4) {
            let turns = [1, parts.len(), parts.len().pow(2), parts.len().pow(3)];
            let begin = if number % 5 == 0 { "a,,\",\",abcdefgh,".repeat(7) } else { String::new() };
            let places = if number % 3 == 0 { &mut by_blanks } else { &mut by_commas };
            let record: String = begin + &turns.map(|turn| parts[number / turn % parts.len()]).concat();
            places.begin(record.as_bytes());
            count += check(places, &record, 0);
            // together with others, quotes being few
            records.push(batch.len()..batch.len() + record.len());
            batch.push_str(&record);
            if number % 7 == 0 {
                batch.push_str(&"a, ".repeat(SELDOM * batch.matches('"').count() / 3 + 1));
                by_commas.begin(batch.as_bytes());
                assert!(by_commas.has_few, "{batch}");
                for (turn, range) in records.drain(..).enumerate() {
                    // some are nobody's
                    if turn % 5 != 3 {
                        count += check(&mut by_commas, &batch[range.clone()], range.start);
                    }
                }
                batch.clear();
            }
        }
        assert!(count > 10_000, "{count}");
    }
}
