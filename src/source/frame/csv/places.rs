//! Where the cells of a record lie.

use memchr::memchr;

use super::cells::closing_quote;
use crate::source::bits;

/// The places of the cells of one record, found as [`split_cells`](super::split_cells) finds them.
#[derive(Debug, Default)]
pub struct Places {
    /// Where each cell ends, behind the end of none. There are more than those of `count` cells, of which the others mean nothing.
    ends: Vec<u32>,
    count: usize,
    /// Some cell is between quotes.
    is_quoted: bool,
    /// Where quotes are doubled in a cell, so that its text is not there as it is.
    doubled: Vec<usize>,
}

/// From what ends so the next cell begins at 0.
const BEFORE: u32 = u32::MAX;

impl Places {
    /// Finds the cells of a record without its line end; returns their number, none where there is a fault. `delimiter` is ASCII.
    pub fn find(&mut self, record: &str, delimiter: u8) -> Option<usize> {
        let bytes = record.as_bytes();
        let length = u32::try_from(bytes.len()).ok()?;
        if self.ends.is_empty() {
            self.ends.push(BEFORE);
        }
        self.count = bits::Places::of(delimiter, bytes).list(&mut self.ends, 1);
        match self.ends.get_mut(self.count) {
            Some(end) => *end = length,
            None => self.ends.push(length),
        }
        self.is_quoted = false;
        self.doubled.clear();
        if let Some(first) = memchr(b'"', bytes) {
            self.find_quoted(bytes, first, delimiter)?;
        }
        Some(self.count)
    }

    /// Takes what ends nothing out of the ends, as it is between quotes; none if they are never closed or something stands behind
    /// them. `first`: the first quote.
    fn find_quoted(&mut self, bytes: &[u8], first: usize, delimiter: u8) -> Option<()> {
        let mut number = 0;
        let mut quote = first;
        loop {
            let is_opening = quote.checked_sub(1).is_none_or(|before| bytes[before] == delimiter);
            let mut next = quote + 1;
            if is_opening {
                while self.begin_of(number) < quote {
                    number += 1;
                }
                let (close, is_doubled) = closing_quote(bytes, quote + 1)?;
                let behind = &bytes[close + 1..];
                let blanks =
                    behind.iter().take_while(|byte| matches!(byte, b' ' | b'\t') && **byte != delimiter).count();
                if behind.get(blanks).is_some_and(|byte| *byte != delimiter) {
                    return None;
                }
                let ends = &mut self.ends[number + 1..=self.count];
                let inside = ends.iter().take_while(|end| (**end as usize) < close).count();
                ends.copy_within(inside.., 0);
                self.count -= inside;
                self.is_quoted = true;
                if is_doubled {
                    self.doubled.push(number);
                }
                next = close + 1;
            }
            match memchr(b'"', &bytes[next..]) {
                Some(at) => quote = next + at,
                None => return Some(()),
            }
        }
    }

    #[inline]
    fn begin_of(&self, number: usize) -> usize {
        self.ends[number].wrapping_add(1) as usize
    }

    /// Where the cell of this number lies in the record; none where it is not there, or not as it is.
    #[inline]
    pub fn at(&self, number: usize, record: &[u8]) -> Option<(usize, usize)> {
        let [before, end, ..] = self.ends.get(..=self.count)?.get(number..)? else { return None };
        let (from, to) = (before.wrapping_add(1) as usize, *end as usize);
        if !self.is_quoted || record.get(from) != Some(&b'"') {
            return Some((from, to));
        }
        let close = record.get(from + 1..to)?.iter().rposition(|byte| *byte == b'"')?;
        (!self.doubled.contains(&number)).then_some((from + 1, from + 1 + close))
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
            assert_eq!(places.find(&record, delimiter), split, "{record:?}");
            for (number, cell) in cells.iter().enumerate().take(split.unwrap_or(0)) {
                if let Some((from, to)) = places.at(number, record.as_bytes()) {
                    assert_eq!(record[from..to], **cell, "{record:?}");
                } else {
                    assert!(cell.contains('"'), "{record:?}");
                }
                count += 1;
            }
            assert_eq!(split.and_then(|count| places.at(count, record.as_bytes())), None, "{record:?}");
        }
        assert!(count > 10_000, "{count}");
    }
}
