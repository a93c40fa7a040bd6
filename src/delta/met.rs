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

    /// The records of `old` that were met.
    pub fn met<'s>(&'s self, old: &'s Snapshot) -> impl Iterator<Item = Record> + 's {
        self.those(old, true)
    }

    /// The records of `old` that were not met.
    pub fn missed<'s>(&'s self, old: &'s Snapshot) -> impl Iterator<Item = Record> + 's {
        self.those(old, false)
    }

    fn those<'s>(&'s self, old: &'s Snapshot, met: bool) -> impl Iterator<Item = Record> + 's {
        let words = self.0.iter().map(|word| word.load(Ordering::Relaxed));
        let words = words.map(move |word| if met { word } else { !word }).enumerate();
        words.flat_map(|(at, word)| ones(word).map(move |bit| at * 64 + bit)).filter_map(|at| old.get(at))
    }
}

/// The places of the bits that are set.
fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros() as usize;
        word &= word.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::snapshot_of;
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
        assert!(met.met(&old).map(|record| record.key).eq((0..200).filter(is_there)));
        assert!(met.missed(&old).map(|record| record.key).eq((0..200).filter(|n| !is_there(n))));
    }
}
