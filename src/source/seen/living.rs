//! The first records of living objects, in the order in which they were read.

use hashbrown::HashTable;

use super::First;
use super::filter::Filter;

/// Millions, so each takes a few bytes, and those that were recognised are indexed only once much that was decoded has to be
/// looked up among them.
#[derive(Debug, Default)]
pub struct Living {
    decoded: Decoded,
    recognised: Recognised,
}

impl Living {
    pub fn after(count: usize) -> Self {
        Self { recognised: Recognised { last: count, ..Recognised::default() }, ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.decoded.records.len() == 0 && self.recognised.records.len() == 0
    }

    pub fn push(&mut self, key: u64, first: First) {
        if first.print == 0 {
            self.recognised.records.push(key, first);
        } else {
            self.decoded.push(key, first);
        }
    }

    pub fn find(&mut self, key: u64) -> Option<First> {
        self.find_decoded(key).or_else(|| self.recognised.find(key))
    }

    pub fn find_decoded(&self, key: u64) -> Option<First> {
        self.decoded.find(key)
    }
}

#[derive(Debug, Default)]
struct Decoded {
    records: Records,
    /// Halves of [`First::print`].
    prints: Pieces<u32>,
    index: HashTable<u32>,
}

impl Decoded {
    fn push(&mut self, key: u64, first: First) {
        let at = place(self.records.len());
        self.records.push(key, first);
        self.prints.push(short(first.print));
        self.index.insert_unique(key, at, |at| self.records.key(*at));
    }

    fn find(&self, key: u64) -> Option<First> {
        let at = *self.index.find(key, |at| self.records.key(*at) == key)?;
        self.records.first(at, self.prints.get(at)?)
    }
}

#[derive(Debug, Default)]
struct Recognised {
    records: Records,
    /// How many records there were last time.
    last: usize,
    /// Of as many keys as `filtered`.
    filter: Filter,
    filtered: usize,
    /// How often all keys were gone through.
    scans: u32,
    /// Of as many keys as `indexed`; where there are several of one, of the first.
    index: HashTable<u32>,
    indexed: usize,
}

/// Keys that the first filter has room for, at least.
const ROOM: usize = 1 << 12;
/// So often all keys may be gone through, which costs a quarter of an index by then.
const MOST_SCANS: u32 = 64;

impl Recognised {
    /// The first record of the key. Almost everything that is looked up is new, and the filter knows that.
    fn find(&mut self, key: u64) -> Option<First> {
        if self.scans < MOST_SCANS {
            self.filter_all();
            if !self.filter.may_hold(key) {
                return None;
            }
            self.scans += 1;
            let at = self.records.keys.position(key)?;
            return self.records.first(place(at), 0);
        }
        self.index_all();
        let at = *self.index.find(key, |at| self.records.key(*at) == key)?;
        self.records.first(at, 0)
    }

    fn filter_all(&mut self) {
        let count = self.records.len();
        if count == self.filtered {
            return;
        }
        if count > self.filter.room() {
            (self.filter, self.filtered) = (Filter::with_room((2 * count).max(self.last).max(ROOM)), 0);
        }
        self.records.keys.from(self.filtered).for_each(|key| self.filter.insert(key));
        self.filtered = count;
    }

    fn index_all(&mut self) {
        let Self { records, filter, index, indexed, .. } = self;
        *filter = Filter::default();
        for (at, key) in (*indexed..).zip(records.keys.from(*indexed)) {
            if index.find(key, |other| records.key(*other) == key).is_none() {
                index.insert_unique(key, place(at), |at| records.key(*at));
            }
        }
        *indexed = records.len();
    }
}

/// Where each of them is.
#[derive(Debug, Default)]
struct Records {
    keys: Pieces<u64>,
    /// A line beyond four thousand million is only shown wrongly.
    lines: Pieces<u32>,
    /// Where the records of each file begin.
    files: Vec<(u32, u32)>,
}

impl Records {
    fn len(&self) -> usize {
        self.keys.len()
    }

    fn push(&mut self, key: u64, first: First) {
        if self.files.last().is_none_or(|(_, file)| *file != first.file) {
            self.files.push((place(self.len()), first.file));
        }
        self.keys.push(key);
        self.lines.push(u32::try_from(first.line).unwrap_or(u32::MAX));
    }

    fn key(&self, at: u32) -> u64 {
        self.keys.get(at).unwrap_or(0)
    }

    fn first(&self, at: u32, print: u32) -> Option<First> {
        let file = self.files.partition_point(|(begin, _)| *begin <= at).checked_sub(1)?;
        let file = self.files.get(file)?.1;
        Some(First { file, living: true, line: u64::from(self.lines.get(at)?), print: u64::from(print) })
    }
}

/// A list that grows without being copied.
#[derive(Debug)]
struct Pieces<T> {
    pieces: Vec<Vec<T>>,
}

/// Values of a piece.
const PIECE: usize = 1 << 16;

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self { pieces: Vec::new() }
    }
}

impl<T: Copy + PartialEq> Pieces<T> {
    fn len(&self) -> usize {
        let last = self.pieces.last().map_or(0, Vec::len);
        self.pieces.len().saturating_sub(1) * PIECE + last
    }

    fn push(&mut self, value: T) {
        match self.pieces.last_mut() {
            Some(last) if last.len() < PIECE => last.push(value),
            // of small lists there are many
            None => self.pieces.push(vec![value]),
            Some(_) => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(value);
                self.pieces.push(piece);
            }
        }
    }

    fn get(&self, at: u32) -> Option<T> {
        let at = at as usize;
        self.pieces.get(at / PIECE)?.get(at % PIECE).copied()
    }

    fn from(&self, at: usize) -> impl Iterator<Item = T> {
        let within = move |piece: usize| if piece == at / PIECE { at % PIECE } else { 0 };
        let pieces = self.pieces.iter().enumerate().skip(at / PIECE);
        pieces.flat_map(move |(number, piece)| piece.iter().skip(within(number)).copied())
    }

    fn position(&self, wanted: T) -> Option<usize> {
        // Without a way out of the loop several values are compared at a time.
        let holds = |some: &[T]| some.iter().fold(false, |holds, value| holds | (*value == wanted));
        let some = self.pieces.iter().flat_map(|piece| piece.chunks(SOME));
        let (number, some) = some.enumerate().find(|(_, some)| holds(some))?;
        Some(number * SOME + some.iter().position(|value| *value == wanted)?)
    }
}

/// Values of a piece that are compared together; all pieces but the last are full.
const SOME: usize = 1 << 8;

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What is kept of the hash of an object; never 0, which says that it is not known.
pub fn short(print: u64) -> u32 {
    ((print ^ (print >> 32)) as u32).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn all_ways_of_looking_find_the_first_record() {
        let hash = |number: u64| xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes());
        let mut random = (1_u64..).map(hash);
        for round in 0..90 {
            let mut next = |most: u64| random.next().expect("endless") % most;
            let (mut living, mut firsts) = (Living::after(round % 5 * 1000), HashMap::new());
            // few keys so that many meet, many so that few do; seldom and often something that was decoded
            let (keys, decoded) = ([20, 3000, 1 << 40][round % 3], [2, 50, 500][round / 3 % 3]);
            for line in 0..3000 {
                let key = hash(next(keys));
                let print = if next(decoded) == 0 { 1 + next(99) } else { 0 };
                let this = First { file: u32::try_from(line / 700).expect("few"), living: true, line, print };
                let found = if print == 0 { living.find_decoded(key) } else { living.find(key) };
                let found = found.map(|first| (first.file, first.line, first.print != 0));
                let first = firsts.get(&(key, true)).or_else(|| firsts.get(&(key, false)).filter(|_| print != 0));
                assert_eq!(found, first.copied(), "round {round}, line {line}");
                if first.is_none() {
                    living.push(key, this);
                    firsts.entry((key, print != 0)).or_insert((this.file, line, print != 0));
                }
            }
            assert!(!living.is_empty());
        }
    }

    #[test]
    fn pieces_are_one_list() {
        let mut pieces = Pieces::default();
        let count = 2 * PIECE as u64 + 300;
        (0..count).for_each(|value| pieces.push(value));
        assert_eq!(pieces.len() as u64, count);
        let edges = [0, 1, SOME as u64, PIECE as u64 - 1, PIECE as u64, PIECE as u64 + 1, count - 1];
        for at in edges {
            assert_eq!(pieces.get(place(at as usize)), Some(at));
            assert_eq!(pieces.position(at), Some(at as usize));
            assert!(pieces.from(at as usize).eq(at..count), "{at}");
        }
        assert_eq!((pieces.get(place(count as usize)), pieces.position(count)), (None, None));
        assert_eq!(pieces.from(count as usize).next(), None);
    }
}
