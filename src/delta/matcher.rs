//! Recognises records that were there last time.

use super::snapshot::{LOOK_AHEAD, MISSES_BEFORE_LOST};
use super::{Record, Snapshot};

/// Walks the old export beside the new one.
pub struct Matcher<'a> {
    old: &'a Snapshot,
    cursor: usize,
    misses: usize,
    index: Option<Index>,
    seen: Vec<u64>,
}

impl<'a> Matcher<'a> {
    pub fn new(old: &'a Snapshot) -> Self {
        Self { old, cursor: 0, misses: 0, index: None, seen: vec![0; old.len().div_ceil(64)] }
    }

    /// How many records the last export had.
    pub fn count(&self) -> usize {
        self.old.len()
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
        let at = self.index.get_or_insert_with(|| Index::of(self.old)).find(self.old, hash)?;
        self.old.get(at)
    }

    fn find(&mut self, hash: u128) -> Option<usize> {
        // Where the order is lost each look ahead reads memory that is nowhere near.
        let far = if self.index.is_some() { 1 } else { LOOK_AHEAD };
        let ahead = self.cursor..(self.cursor + far).min(self.old.len());
        if let Some(at) = ahead.into_iter().find(|at| self.old.hash_at(*at) == Some(hash)) {
            return Some(at);
        }
        // Then an index is worth its memory.
        if self.index.is_none() && self.misses >= MISSES_BEFORE_LOST {
            self.index = Some(Index::of(self.old));
        }
        self.index.as_ref()?.find(self.old, hash)
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
        let words = self.seen.iter().map(move |word| if recognised { *word } else { !word }).enumerate();
        words.flat_map(|(at, word)| ones(word).map(move |bit| at * 64 + bit)).filter_map(|at| self.old.get(at))
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

/// Where the records are, by their hashes.
///
/// Those whose hashes begin alike lie together; that takes two sweeps, where a table that is filled one by one takes the time of
/// the whole reading.
struct Index {
    /// Where those of each beginning end in `places`; they begin where the ones before end.
    ends: Vec<u32>,
    places: Vec<u32>,
    /// Bits of a hash that do not belong to its beginning.
    shift: u32,
}

impl Index {
    fn of(old: &Snapshot) -> Self {
        // A snapshot of more records than this would not fit into the state file's blob.
        let count = u32::try_from(old.len()).unwrap_or(u32::MAX);
        let bits = count.max(2).ilog2() + 1;
        let (mut ends, shift) = (vec![0_u32; 1 << bits], 64 - bits);
        let hashes = || (0..count as usize).filter_map(|at| old.hash_at(at)).map(|hash| beginning(hash, shift));
        hashes().for_each(|beginning| ends[beginning] += 1);
        let mut sum = 0;
        for end in &mut ends {
            // for now, where they begin
            sum += std::mem::replace(end, sum);
        }
        let mut places = vec![0; count as usize];
        for (at, beginning) in (0..count).zip(hashes()) {
            let next = &mut ends[beginning];
            places[*next as usize] = at;
            *next += 1;
        }
        Self { ends, places, shift }
    }

    /// The first record with the hash.
    fn find(&self, old: &Snapshot, hash: u128) -> Option<usize> {
        let beginning = beginning(hash, self.shift);
        let begin = beginning.checked_sub(1).map_or(0, |before| self.ends[before]);
        let places = self.places.get(begin as usize..self.ends[beginning] as usize)?;
        places.iter().map(|at| *at as usize).find(|at| old.hash_at(*at) == Some(hash))
    }
}

fn beginning(hash: u128, shift: u32) -> usize {
    ((hash as u64) >> shift) as usize
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
    fn an_index_finds_the_first_of_each() {
        for count in [0, 1, 2, 3, 63, 64, 65, 1000] {
            // every third one twice
            let old = old(count);
            let twice: Vec<Record> =
                old.iter().chain(old.iter().filter(|record| record.key.is_multiple_of(3))).collect();
            let twice = snapshot_of(&twice);
            let index = Index::of(&twice);
            for n in 0..=count + 1 {
                let expected = (1..=count).contains(&n).then(|| n as usize - 1);
                assert_eq!(index.find(&twice, hash(n)), expected, "{n} of {count}");
            }
        }
    }

    #[test]
    fn those_seen_and_those_not_are_everybody() {
        let old = old(200);
        let mut matcher = Matcher::new(&old);
        let is_there = |n: &u64| n % 7 != 2 && !(60..70).contains(n);
        (1..=200).filter(is_there).for_each(|n| assert!(matcher.recognise(hash(n)).is_some()));
        assert!(matcher.seen().map(|record| record.key).eq((1..=200).filter(is_there)));
        assert!(matcher.unseen().map(|record| record.key).eq((1..=200).filter(|n| !is_there(n))));
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
