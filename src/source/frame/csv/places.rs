//! Where the cells of a record lie.

use super::cells::closing_quote;
use crate::source::bits;

/// The places of the cells of one record, found as [`split_cells`](super::split_cells) finds them.
#[derive(Debug, Default)]
pub struct Places {
    /// More than `count`, of records before.
    cells: Vec<(u32, u32)>,
    count: usize,
    /// Where quotes are doubled in a cell, so that its text is not there as it is.
    doubled: Vec<usize>,
}

impl Places {
    /// Finds the cells of a record without its line end; returns their number, none where there is a fault. `delimiter` is ASCII.
    pub fn find(&mut self, record: &str, delimiter: u8) -> Option<usize> {
        self.count = 0;
        self.doubled.clear();
        let bytes = record.as_bytes();
        if u32::try_from(bytes.len()).is_err() {
            return None;
        }
        let mut from = 0;
        // what stands before is between quotes
        let mut open_to = if bytes.first() == Some(&b'"') { self.quoted(bytes, from, delimiter)? } else { 0 };
        for at in bits::Places::of(delimiter, bytes) {
            if at < open_to {
                continue;
            }
            if open_to <= from {
                self.push(from, at);
            }
            from = at + 1;
            if bytes.get(from) == Some(&b'"') {
                open_to = self.quoted(bytes, from, delimiter)?;
            }
        }
        if open_to <= from {
            self.push(from, bytes.len());
        }
        Some(self.count)
    }

    /// Adds the cell from there on, which begins with a quote; returns where it ends, none if it is never closed or something
    /// stands behind the quote.
    fn quoted(&mut self, bytes: &[u8], from: usize, delimiter: u8) -> Option<usize> {
        let (close, is_doubled) = closing_quote(bytes, from + 1)?;
        let mut end = close + 1;
        while matches!(bytes.get(end), Some(b' ' | b'\t')) && bytes.get(end) != Some(&delimiter) {
            end += 1;
        }
        if bytes.get(end).is_some_and(|byte| *byte != delimiter) {
            return None;
        }
        if is_doubled {
            self.doubled.push(self.count);
        }
        self.push(from + 1, close);
        Some(end)
    }

    #[inline]
    fn push(&mut self, from: usize, to: usize) {
        // the record is not longer than that
        let cell = (from as u32, to as u32);
        match self.cells.get_mut(self.count) {
            Some(place) => *place = cell,
            None => self.cells.push(cell),
        }
        self.count += 1;
    }

    /// Where the cell of this number lies; none where it is not there, or not as it is.
    #[inline]
    pub fn at(&self, number: usize) -> Option<(usize, usize)> {
        let (from, to) = *self.cells.get(..self.count)?.get(number)?;
        if !self.doubled.is_empty() && self.doubled.contains(&number) {
            return None;
        }
        Some((from as usize, to as usize))
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
