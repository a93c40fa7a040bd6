//! Finds the records of a snapshot by a hash that they have.

use std::ops::Range;

/// Where the records are, by their hashes.
///
/// Those whose hashes begin alike lie together; that takes two sweeps, where a table that is filled one by one takes the time of
/// the whole reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Where those of each beginning end in `places`; they begin where the ones before end.
    ends: Vec<u32>,
    places: Vec<u32>,
    /// Bits of a hash that do not belong to its beginning.
    shift: u32,
}

impl Index {
    /// `hashes` gives the same `count` hashes twice; of about `1 << together` of them the beginnings are alike. The more these are,
    /// the sooner the index is made, and the longer it takes to find one.
    pub fn of<I: Iterator<Item = u64>>(count: usize, together: u32, hashes: impl Fn() -> I) -> Self {
        // A snapshot of more records than this would not fit into the state file's blob.
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let bits = count.max(2).ilog2().saturating_sub(together).max(1);
        let (mut ends, shift) = (vec![0_u32; 1 << bits], 64 - bits);
        let hashes = || (0..count).zip(hashes()).map(|(at, hash)| (at, beginning(hash, shift)));
        hashes().for_each(|(_, beginning)| ends[beginning] += 1);
        let mut sum = 0;
        for end in &mut ends {
            // for now, where they begin
            sum += std::mem::replace(end, sum);
        }
        let mut places = vec![0; count as usize];
        for (at, beginning) in hashes() {
            let next = &mut ends[beginning];
            places[*next as usize] = at;
            *next += 1;
        }
        Self { ends, places, shift }
    }

    /// The places of records that may have the hash, in their order.
    pub fn places(&self, hash: u64) -> impl Iterator<Item = usize> + '_ {
        self.places.get(self.span(hash)).unwrap_or_default().iter().map(|at| *at as usize)
    }

    /// Where they are among all places.
    pub fn span(&self, hash: u64) -> Range<usize> {
        let beginning = beginning(hash, self.shift);
        let begin = beginning.checked_sub(1).map_or(0, |before| self.ends[before]);
        begin as usize..self.ends[beginning] as usize
    }
}

fn beginning(hash: u64, shift: u32) -> usize {
    (hash >> shift) as usize
}
