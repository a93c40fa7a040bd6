//! Where the cells of a record lie.

use memchr::memchr;

use crate::source::bits::{Blocks, list, odd};

/// The places of the cells of one record, found as [`split_cells`](super::split_cells) finds them.
#[derive(Debug, Default)]
pub struct Places {
    /// Where each cell ends, behind the end of none. There are more than those of `count` cells, of which the others mean nothing.
    ends: Vec<u32>,
    count: usize,
    /// Some cell is between quotes.
    is_quoted: bool,
    /// Quotes are doubled in some cell, so that its text is not there as it is.
    is_doubled: bool,
}

/// From what ends so the next cell begins at 0.
const BEFORE: u32 = u32::MAX;

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
    /// Finds the cells of a record without its line end; returns their number. None where a quote stands neither around a cell nor
    /// doubled in such a one. `delimiter` is ASCII, and no quote.
    pub fn find(&mut self, record: &str, delimiter: u8) -> Option<usize> {
        let bytes = record.as_bytes();
        let length = u32::try_from(bytes.len()).ok()?;
        if self.ends.is_empty() {
            self.ends.push(BEFORE);
        }
        let mut quotes = Quotes { open: 0, may_open: 1, closed: 0, strange: 0, doubled: 0 };
        let mut any = 0;
        self.count = 1;
        for block in Blocks::of(bytes) {
            let found = block.bits_of(b'"');
            any |= found;
            let outside = quotes.outside(block.bits_of(delimiter), found, block.length());
            self.count = list(outside, block.from, &mut self.ends, self.count);
        }
        match self.ends.get_mut(self.count) {
            Some(end) => *end = length,
            None => self.ends.push(length),
        }
        (self.is_quoted, self.is_doubled) = (any != 0, quotes.doubled != 0);
        (quotes.open | quotes.strange == 0).then_some(self.count)
    }

    /// Where the cell of this number lies in the record, and whether quotes are doubled in it; none where it is not there.
    #[inline]
    pub fn at(&self, number: usize, record: &[u8]) -> Option<(usize, usize, bool)> {
        let (before, end) = (self.ends.get(number)?, self.ends.get(number + 1).filter(|_| number < self.count)?);
        let (from, to) = (before.wrapping_add(1) as usize, *end as usize);
        if !self.is_quoted || record.get(from) != Some(&b'"') {
            return Some((from, to, false));
        }
        let (from, to) = (from + 1, to - 1);
        Some((from, to, self.is_doubled && memchr(b'"', record.get(from..to)?).is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::split_cells;
    use super::*;

    #[test]
    fn cells_lie_where_they_are_split() {
        let parts = ["", "a", "\"", "\"\"", ",", ", ", "佐藤", "abcdefgh", " ", "\"a,b\"", "x\"y"];
        let mut count = 0;
        let mut places = Places::default();
        for number in 0..parts.len().pow(4) {
            let turns = [1, parts.len(), parts.len().pow(2), parts.len().pow(3)];
            let begin = if number % 5 == 0 { "a,,\",\",abcdefgh,".repeat(7) } else { String::new() };
            let delimiter = if number % 3 == 0 { b' ' } else { b',' };
            let record: String = begin + &turns.map(|turn| parts[number / turn % parts.len()]).concat();
            let mut cells = Vec::new();
            let split = split_cells(&record, delimiter, false, |_, cell| cells.push(cell.into_owned())).ok();
            let found = places.find(&record, delimiter);
            if found.is_none() {
                let is_plain = |cell: &str| {
                    !cell.contains('"') || (cell.len() > 1 && cell.starts_with('"') && cell.ends_with('"'))
                };
                assert!(split.is_none() || !record.split(char::from(delimiter)).all(is_plain), "{record:?}");
                continue;
            }
            assert_eq!(found, split, "{record:?}");
            for (number, cell) in cells.iter().enumerate().take(split.unwrap_or(0)) {
                let (from, to, is_doubled) = places.at(number, record.as_bytes()).expect("a cell");
                let text = &record[from..to];
                assert_eq!(if is_doubled { text.replace("\"\"", "\"") } else { text.to_owned() }, **cell, "{record:?}");
                assert_eq!(is_doubled, cell.contains('"'), "{record:?}");
                count += 1;
            }
            assert_eq!(split.and_then(|count| places.at(count, record.as_bytes())), None, "{record:?}");
        }
        assert!(count > 10_000, "{count}");
    }
}
