//! Which records of the last export are there again.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Record, Snapshot};

/// A bit for each record of the last export; any thread may note one.
#[derive(Debug)]
pub struct Met(Vec<AtomicU64>);

impl Met {
    /// None of so many.
    pub fn none_of(count: usize) -> Self {
        Self((0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    pub fn note(&self, at: usize) {
        if let Some(word) = self.0.get(at / 64) {
            word.fetch_or(1 << (at % 64), Ordering::Relaxed);
        }
    }

    /// Notes records one after the other.
    pub fn note_all(&self, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            let end = range.end.min((at / 64 + 1) * 64);
            if let Some(word) = self.0.get(at / 64) {
                word.fetch_or((u64::MAX >> (64 - (end - at))) << (at % 64), Ordering::Relaxed);
            }
            at = end;
        }
    }

    /// Gives the records of `old` that were met, with their numbers.
    pub fn each_met(&self, old: &Snapshot, with: impl FnMut(usize, Record)) {
        self.each(old, true, with);
    }

    /// Gives the records of `old` that were not met, with their numbers.
    pub fn each_missed(&self, old: &Snapshot, with: impl FnMut(usize, Record)) {
        self.each(old, false, with);
    }

    #[inline]
    fn each(&self, old: &Snapshot, met: bool, mut with: impl FnMut(usize, Record)) {
        for (number, word) in self.0.iter().enumerate() {
            let word = word.load(Ordering::Relaxed);
            let mut left = if met { word } else { !word };
            while left != 0 {
                let at = number * 64 + left.trailing_zeros() as usize;
                left &= left - 1;
                if let Some(record) = old.get(at) {
                    with(at, record);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::builder::snapshot_of;
    use super::*;

    #[test]
    fn those_met_and_those_missed_are_everybody() {
        let record = |n: u64| Record { hash: n.into(), length: 1, key: n, living: true };
        let old = snapshot_of(&(0..200).map(record).collect::<Vec<_>>());
        let met = Met::none_of(old.len());
        let is_there = |n: &u64| n % 7 != 2 && !(60..70).contains(n);
        (0..200).filter(is_there).filter(|n| !(70..140).contains(n)).for_each(|n| met.note(n as usize));
        // and together those from one to the next that is missing
        let there = |n: usize| is_there(&(n as u64));
        (70..140).filter(|n| there(*n) && !there(n - 1)).for_each(|begin| {
            let end = (begin..140).find(|n| !there(*n)).unwrap_or(140);
            met.note_all(begin..end);
        });
        met.note_all(9..9);
        let (mut found, mut missed) = (Vec::new(), Vec::new());
        met.each_met(&old, |number, record| found.push((number as u64, record.key)));
        met.each_missed(&old, |number, record| missed.push((number as u64, record.key)));
        assert!(found.into_iter().eq((0..200).filter(is_there).map(|n| (n, n))));
        assert!(missed.into_iter().eq((0..200).filter(|n| !is_there(n)).map(|n| (n, n))));
    }
}
