//! Recognises records that were there last time.

use hashbrown::HashTable;

use super::snapshot::{LOOK_AHEAD, MISSES_BEFORE_LOST};
use super::{Record, Snapshot};

/// Walks the old export beside the new one.
pub struct Matcher<'a> {
    old: &'a Snapshot,
    cursor: usize,
    misses: usize,
    index: Option<HashTable<u32>>,
    seen: Vec<u64>,
}

impl<'a> Matcher<'a> {
    pub fn new(old: &'a Snapshot) -> Self {
        Self { old, cursor: 0, misses: 0, index: None, seen: vec![0; old.len().div_ceil(64)] }
    }

    /// Returns the record of the last export with this hash, if there was one.
    ///
    /// A miss may also be a record that moved: then it is parsed and found unchanged by its contents.
    pub fn recognise(&mut self, hash: u128) -> Option<Record> {
        let at = self.find(hash);
        match at {
            Some(at) => {
                self.misses = 0;
                self.cursor = at + 1;
                self.seen[at / 64] |= 1 << (at % 64);
                self.old.get(at)
            }
            None => {
                self.misses += 1;
                None
            }
        }
    }

    /// Returns the record of the last export with this hash, wherever it was, whether or not it was recognised before.
    pub fn knew(&mut self, hash: u128) -> Option<Record> {
        let index = self.index.get_or_insert_with(|| index(self.old));
        let at = index.find(hash as u64, |at| self.old.get(*at as usize).is_some_and(|record| record.hash == hash))?;
        self.old.get(*at as usize)
    }

    fn find(&mut self, hash: u128) -> Option<usize> {
        // Where the order is lost each look ahead reads memory that is nowhere near.
        let far = if self.index.is_some() { 1 } else { LOOK_AHEAD };
        let ahead = self.cursor..(self.cursor + far).min(self.old.len());
        if let Some(at) = ahead.into_iter().find(|at| self.hash_at(*at) == Some(hash)) {
            return Some(at);
        }
        // Then an index is worth its memory.
        if self.index.is_none() && self.misses >= MISSES_BEFORE_LOST {
            self.index = Some(index(self.old));
        }
        let found = self.index.as_ref()?.find(hash as u64, |at| self.hash_at(*at as usize) == Some(hash))?;
        Some(*found as usize)
    }

    fn hash_at(&self, at: usize) -> Option<u128> {
        self.old.get(at).map(|record| record.hash)
    }

    /// The old records that were recognised.
    pub fn seen(&self) -> impl Iterator<Item = Record> + '_ {
        self.those(true)
    }

    /// The old records that were not recognised.
    pub fn unseen(&self) -> impl Iterator<Item = Record> + '_ {
        self.those(false)
    }

    fn those(&self, recognised: bool) -> impl Iterator<Item = Record> + '_ {
        (0..self.old.len())
            .filter(move |at| (self.seen[at / 64] >> (at % 64) & 1 == 1) == recognised)
            .filter_map(|at| self.old.get(at))
    }
}

fn index(old: &Snapshot) -> HashTable<u32> {
    // A snapshot of more records than this would not fit into the state file's blob.
    let count = u32::try_from(old.len()).unwrap_or(u32::MAX);
    let mut table = HashTable::with_capacity(count as usize);
    for at in 0..count {
        let hash = |at: &u32| old.get(*at as usize).map_or(0, |record| record.hash as u64);
        table.insert_unique(hash(&at), at, hash);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::snapshot_of;
    use super::*;

    fn old(count: u64) -> Snapshot {
        snapshot_of(&(1..=count).map(|n| Record { hash: hash(n), key: n, living: true }).collect::<Vec<_>>())
    }

    fn hash(n: u64) -> u128 {
        u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }

    #[test]
    fn joiners_leavers_and_changes_are_passed_over() {
        let old = old(6);
        let mut matcher = Matcher::new(&old);
        let keys: Vec<Option<u64>> =
            [1, 100, 3, 200, 5, 6].map(|n| matcher.recognise(hash(n)).map(|record| record.key)).to_vec();
        assert_eq!(keys, [Some(1), None, Some(3), None, Some(5), Some(6)]);
        assert_eq!(matcher.unseen().map(|record| record.key).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn a_record_that_comes_twice_was_known() {
        let old = old(6);
        let mut matcher = Matcher::new(&old);
        assert_eq!([2, 2].map(|n| matcher.recognise(hash(n)).map(|record| record.key)), [Some(2), None]);
        assert_eq!([2, 9].map(|n| matcher.knew(hash(n)).map(|record| record.key)), [Some(2), None]);
    }

    #[test]
    fn a_shuffled_export_is_recognised() {
        let count = 10_000;
        let old = old(count);
        let mut matcher = Matcher::new(&old);
        let shuffled = (0..count).map(|n| n * 7919 % count + 1);
        let missed = shuffled.filter(|n| matcher.recognise(hash(*n)).is_none()).count();
        assert!(missed <= MISSES_BEFORE_LOST, "{missed} missed");
        assert_eq!(matcher.unseen().count(), missed);
    }
}
