//! Recognises records that were there last time.

use super::snapshot::{LOOK_AHEAD, MISSES_BEFORE_LOST};
use super::{Record, Snapshot};

/// Walks the old export beside the new one.
pub struct Matcher<'a> {
    old: &'a Snapshot,
    cursor: usize,
    misses: usize,
    /// The order was lost, so that an index is worth its memory.
    is_lost: bool,
    seen: Vec<u64>,
}

impl<'a> Matcher<'a> {
    pub fn new(old: &'a Snapshot) -> Self {
        Self { old, cursor: 0, misses: 0, is_lost: false, seen: vec![0; old.len().div_ceil(64)] }
    }

    /// The record that comes next if the export goes on as the last one did, and its number.
    pub fn ahead(&self) -> Option<(usize, Record)> {
        Some((self.cursor, self.old.get(self.cursor)?))
    }

    /// It came.
    pub fn advance(&mut self) {
        self.meet(self.cursor);
    }

    /// Returns the record of the last export with this hash and its number, if there was one.
    ///
    /// A miss may also be a record that moved: then it is parsed and found unchanged by its contents.
    pub fn recognise(&mut self, hash: u128) -> Option<(usize, Record)> {
        let Some(at) = self.find(hash) else {
            self.misses += 1;
            return None;
        };
        self.meet(at);
        Some((at, self.old.get(at)?))
    }

    /// Says whether the records come in another order.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    fn meet(&mut self, at: usize) {
        self.misses = 0;
        self.cursor = at + 1;
        if let Some(word) = self.seen.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    fn find(&mut self, hash: u128) -> Option<usize> {
        // Where the order is lost each look ahead reads memory that is nowhere near.
        let far = if self.is_lost { 1 } else { LOOK_AHEAD };
        let ahead = self.cursor..(self.cursor + far).min(self.old.len());
        let has_hash = |at: &usize| self.old.get(*at).is_some_and(|record| record.hash == hash);
        if let Some(at) = ahead.into_iter().find(has_hash) {
            return Some(at);
        }
        self.is_lost |= self.misses >= MISSES_BEFORE_LOST;
        self.is_lost.then(|| self.old.of_hash(hash)).flatten()
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

#[cfg(test)]
mod tests {
    use super::super::snapshot::snapshot_of;
    use super::*;

    fn old(count: u64) -> Snapshot {
        snapshot_of(&(1..=count).map(|n| Record { hash: hash(n), length: 1, key: n, living: true }).collect::<Vec<_>>())
    }

    fn hash(n: u64) -> u128 {
        u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }

    #[test]
    fn joiners_leavers_and_changes_are_passed_over() {
        let old = old(6);
        let mut matcher = Matcher::new(&old);
        let keys: Vec<Option<u64>> =
            [1, 100, 3, 200, 5, 6].map(|n| matcher.recognise(hash(n)).map(|(_, record)| record.key)).to_vec();
        assert_eq!(keys, [Some(1), None, Some(3), None, Some(5), Some(6)]);
        assert_eq!(matcher.unseen().map(|record| record.key).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn where_the_order_is_kept_each_is_ahead() {
        let old = old(6);
        let mut matcher = Matcher::new(&old);
        let ahead = |matcher: &Matcher<'_>| matcher.ahead().map(|(at, record)| (at, record.key));
        assert_eq!(ahead(&matcher), Some((0, 1)));
        matcher.advance();
        assert_eq!((ahead(&matcher), matcher.recognise(hash(100))), (Some((1, 2)), None));
        assert_eq!(matcher.recognise(hash(4)).map(|(at, _)| at), Some(3));
        assert_eq!(ahead(&matcher), Some((4, 5)));
        matcher.advance();
        matcher.advance();
        assert_eq!(ahead(&matcher), None);
        assert_eq!(matcher.unseen().map(|record| record.key).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn a_record_that_comes_twice_is_recognised_once() {
        let old = old(6);
        let mut matcher = Matcher::new(&old);
        assert_eq!([2, 2].map(|n| matcher.recognise(hash(n)).map(|(_, record)| record.key)), [Some(2), None]);
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
