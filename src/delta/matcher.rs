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
}

impl<'a> Matcher<'a> {
    pub fn new(old: &'a Snapshot) -> Self {
        Self { old, cursor: 0, misses: 0, is_lost: false }
    }

    /// The record that comes next if the export goes on as the last one did, and its number.
    pub fn ahead(&self) -> Option<(usize, Record)> {
        Some((self.cursor, self.old.get(self.cursor)?))
    }

    /// The export goes on behind this record, which came.
    pub fn go_on_behind(&mut self, at: usize) {
        (self.misses, self.cursor) = (0, at + 1);
    }

    /// Returns the number of the record of the last export with this hash, if there was one.
    ///
    /// A miss may also be a record that moved: then it is parsed and found unchanged by its contents.
    pub fn find(&mut self, hash: u128) -> Option<usize> {
        // Where the order is lost each look ahead reads memory that is nowhere near.
        let far = if self.is_lost { 1 } else { LOOK_AHEAD };
        let mut ahead = self.cursor..(self.cursor + far).min(self.old.len());
        let near = ahead.find(|at| self.old.get(*at).is_some_and(|record| record.hash == hash));
        // Behind the last one come those who joined.
        let is_at_end = self.cursor >= self.old.len();
        self.is_lost |= near.is_none() && self.misses >= MISSES_BEFORE_LOST && !is_at_end;
        match near.or_else(|| self.is_lost.then(|| self.old.of_hash(hash)).flatten()) {
            Some(at) => {
                self.go_on_behind(at);
                Some(at)
            }
            None => {
                self.misses += 1;
                None
            }
        }
    }

    /// Says whether the records come in another order.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }
}

#[cfg(test)]
mod tests {
    use super::super::builder::snapshot_of;
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
        assert_eq!(
            [1, 100, 3, 200, 5, 6].map(|n| matcher.find(hash(n))),
            [Some(0), None, Some(2), None, Some(4), Some(5)]
        );
    }

    #[test]
    fn where_the_order_is_kept_each_is_ahead() {
        let old = old(6);
        let mut matcher = Matcher::new(&old);
        let ahead = |matcher: &Matcher<'_>| matcher.ahead().map(|(at, record)| (at, record.key));
        assert_eq!(ahead(&matcher), Some((0, 1)));
        matcher.go_on_behind(0);
        assert_eq!((ahead(&matcher), matcher.find(hash(100))), (Some((1, 2)), None));
        assert_eq!(matcher.find(hash(4)), Some(3));
        assert_eq!(ahead(&matcher), Some((4, 5)));
        matcher.go_on_behind(5);
        assert_eq!(ahead(&matcher), None);
    }

    #[test]
    fn a_record_that_comes_twice_is_recognised_once() {
        let old = old(6);
        let mut matcher = Matcher::new(&old);
        assert_eq!([2, 2].map(|n| matcher.find(hash(n))), [Some(1), None]);
    }

    #[test]
    fn joiners_at_the_end_are_no_other_order() {
        let old = old(6);
        let mut matcher = Matcher::new(&old);
        assert!((1..=6).all(|n| matcher.find(hash(n)).is_some()));
        assert!((7..=7 + 2 * MISSES_BEFORE_LOST as u64).all(|n| matcher.find(hash(n)).is_none()));
        assert!(!matcher.is_lost());
    }

    #[test]
    fn a_shuffled_export_is_recognised() {
        let count = 10_000;
        let old = old(count);
        let mut matcher = Matcher::new(&old);
        let shuffled = (0..count).map(|n| n * 7919 % count + 1);
        let missed = shuffled.filter(|n| matcher.find(hash(*n)).is_none()).count();
        assert!(missed <= MISSES_BEFORE_LOST, "{missed} missed");
    }
}
