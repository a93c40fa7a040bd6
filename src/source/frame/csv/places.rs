//! Where the cells of a record lie.

use std::ops::Range;

use memchr::memchr;

use super::cells::closing_quote;

/// The places of the cells of one record, found as [`split_cells`](super::split_cells) finds them.
#[derive(Debug, Default)]
pub struct Places {
    cells: Vec<(u32, u32)>,
    /// Where quotes are doubled in a cell, so that its text is not there as it is.
    doubled: Vec<usize>,
}

impl Places {
    /// Finds the cells of a record without its line end; returns their number, none where there is a fault. `delimiter` is ASCII.
    pub fn find(&mut self, record: &str, delimiter: u8) -> Option<usize> {
        self.cells.clear();
        self.doubled.clear();
        let bytes = record.as_bytes();
        if u32::try_from(bytes.len()).is_err() {
            return None;
        }
        let mut from = 0;
        let mut close = self.open(bytes, from)?;
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        // no delimiter is in what fills it up
        let mut last = [!delimiter; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        for (number, block) in blocks.iter().chain([&last]).enumerate() {
            let mut found = bits_of(block, delimiter);
            while found != 0 {
                let at = number * BLOCK + found.trailing_zeros() as usize;
                found &= found - 1;
                if at >= close {
                    self.push(bytes, from..at, close)?;
                    from = at + 1;
                    close = self.open(bytes, from)?;
                }
            }
        }
        self.push(bytes, from..bytes.len(), close)?;
        Some(self.cells.len())
    }

    /// Returns where the cell from there on is closed, or there if it has no quotes; none if it is never closed.
    #[inline]
    fn open(&self, bytes: &[u8], from: usize) -> Option<usize> {
        if bytes.get(from) == Some(&b'"') { closing_quote(bytes, from + 1) } else { Some(from) }
    }

    /// Adds the cell at `place`, which is closed there; none if something stands behind the quote.
    #[inline]
    fn push(&mut self, bytes: &[u8], place: Range<usize>, close: usize) -> Option<()> {
        let Range { start: mut from, end: mut to } = place;
        if close > from {
            if !bytes.get(close + 1..to)?.iter().all(|&byte| byte == b' ' || byte == b'\t') {
                return None;
            }
            (from, to) = (from + 1, close);
            if memchr(b'"', &bytes[from..to]).is_some() {
                self.doubled.push(self.cells.len());
            }
        }
        // the record is not longer than that
        self.cells.push((from as u32, to as u32));
        Some(())
    }

    /// Where the cell of this number lies; none where it is not there, or not as it is.
    #[inline]
    pub fn at(&self, number: usize) -> Option<(usize, usize)> {
        let (from, to) = *self.cells.get(number)?;
        if !self.doubled.is_empty() && self.doubled.contains(&number) {
            return None;
        }
        Some((from as usize, to as usize))
    }
}

/// Octets that are looked through without a branch: where the next delimiter stands is not to be foreseen.
const BLOCK: usize = 64;

/// Has a bit set for each octet of the block that is `byte`, the lowest for the first.
#[inline]
fn bits_of(block: &[u8; BLOCK], byte: u8) -> u64 {
    const LOW: u64 = u64::from_le_bytes([0x7f; 8]);
    /// Moves the lowest bits of eight octets beside each other, into the highest octet.
    const TOGETHER: u64 = 0x0102_0408_1020_4080;
    let eight = u64::from_le_bytes([byte; 8]);
    block.as_chunks::<8>().0.iter().rev().fold(0, |bits, word| {
        let word = u64::from_le_bytes(*word) ^ eight;
        let zeros = !(((word & LOW) + LOW) | word | LOW);
        bits << 8 | (zeros >> 7).wrapping_mul(TOGETHER) >> 56
    })
}

#[cfg(test)]
mod tests {
    use super::super::split_cells;
    use super::*;

    #[test]
    fn cells_lie_where_they_are_split() {
        let parts = ["", "a", "\"", "\"\"", ",", ", ", "佐藤", "abcdefgh", " ", "\"a,b\"", "x\"y"];
        let mut count = 0;
        for number in 0..parts.len().pow(4) {
            let turns = [1, parts.len(), parts.len().pow(2), parts.len().pow(3)];
            let record: String = turns.map(|turn| parts[number / turn % parts.len()]).concat();
            let mut cells = Vec::new();
            let split = split_cells(&record, b',', false, |_, cell| cells.push(cell.into_owned())).ok();
            let mut places = Places::default();
            assert_eq!(places.find(&record, b','), split, "{record:?}");
            for (number, cell) in cells.iter().enumerate().take(split.unwrap_or(0)) {
                if let Some((from, to)) = places.at(number) {
                    assert_eq!(record[from..to], **cell, "{record:?}");
                } else {
                    assert!(cell.contains('"'), "{record:?}");
                }
                count += 1;
            }
        }
        assert!(count > 10_000, "{count}");
    }
}
