//! The first records of living objects, in the order in which they were read.

use hashbrown::HashTable;

use super::First;
use super::filter::Filter;
use super::pieces::Pieces;
use super::recalled::Recalled;
use crate::source::read::ObjectKey;
use crate::source::recognise::Recall;

/// Millions, so each takes a few bytes, and they are indexed only once much has to be looked up that is among them.
#[derive(Debug, Default)]
pub struct Living {
    decoded: Met,
    /// Of what was decoded, halves of [`First::print`].
    prints: Pieces<u32>,
    recognised: Recalled,
}

impl Living {
    pub fn after(count: usize) -> Self {
        Self { recognised: Recalled::after(count), ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.decoded.records.len() == 0 && self.recognised.is_empty()
    }

    /// Notes the record of this number in the last set.
    pub fn recognise(&mut self, number: usize, file: u32, line: u64) {
        self.recognised.note(number, file, line);
    }

    pub fn count_decoded(&self) -> usize {
        self.decoded.records.len()
    }

    pub fn decoded_keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.decoded.records.keys.from(0)
    }

    pub fn push(&mut self, key: u64, first: First) {
        self.decoded.push(key, first);
        self.prints.push(short(first.print));
    }

    pub fn find(&mut self, key: u64, recall: &dyn Recall) -> Option<First> {
        self.find_decoded(key).or_else(|| self.recognised.find(ObjectKey(key), recall))
    }

    /// Something of where the key is looked for among what was decoded.
    pub fn glance(&self, key: u64) -> u64 {
        self.decoded.filter.glance(key)
    }

    pub fn find_decoded(&mut self, key: u64) -> Option<First> {
        let at = self.decoded.find(key)?;
        self.decoded.records.first(at, self.prints.get(at)?)
    }
}

/// Records by their keys.
#[derive(Debug, Default)]
struct Met {
    records: Records,
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
/// While there are fewer, a filter is made for four times as many, so that few keys are put into several; later that would be large.
const FEW: usize = 1 << 19;
/// How many times the room of a full filter is used: the more, the fewer strangers are taken for one of them.
const SPREAD: usize = 2;
/// So often all keys may be gone through, which costs a quarter of an index by then.
const MOST_SCANS: u32 = 64;

impl Met {
    fn push(&mut self, key: u64, first: First) {
        self.records.push(key, first);
        let count = self.records.len();
        // once it was begun
        if self.filtered > 0 && self.filtered + 1 == count && SPREAD * count <= self.filter.room() {
            self.filter.insert(key);
            self.filtered = count;
        }
    }

    /// The place of the first record of the key. Almost everything that is looked up is new, and the filter knows that.
    fn find(&mut self, key: u64) -> Option<u32> {
        if self.scans < MOST_SCANS {
            self.filter_all();
            if !self.filter.may_hold(key) {
                return None;
            }
            self.scans += 1;
            return self.records.keys.position(key).map(place);
        }
        self.index_all();
        self.index.find(key, |at| self.records.key(*at) == key).copied()
    }

    fn filter_all(&mut self) {
        let count = self.records.len();
        if count == self.filtered || self.scans >= MOST_SCANS {
            return;
        }
        if SPREAD * count > self.filter.room() {
            let room = if count < FEW { 4 * count } else { count + count / 2 }.max(ROOM);
            (self.filter, self.filtered) = (Filter::with_room(SPREAD * room), 0);
        }
        self.records.keys.from(self.filtered).for_each(|key| self.filter.insert(key));
        self.filtered = count;
    }

    fn index_all(&mut self) {
        let Self { records, filter, filtered, index, indexed, .. } = self;
        (*filter, *filtered) = (Filter::default(), 0);
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

    /// Records of before, of which every object had two.
    struct Before(Vec<u64>);

    impl Recall for Before {
        fn number_of(&self, key: ObjectKey, is_met: &dyn Fn(usize) -> bool) -> Option<usize> {
            (0..self.0.len()).find(|number| self.0[*number] == key.0 && is_met(*number))
        }
    }

    #[test]
    fn all_ways_of_looking_find_the_first_record() {
        let hash = |number: u64| xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes());
        let mut random = (1_u64..).map(hash);
        for round in 0..90 {
            let mut next = |most: u64| random.next().expect("endless") % most;
            // few keys so that many meet, many so that few do; seldom and often something that was decoded
            let (keys, decoded) = ([20, 3000, 1 << 40][round % 3], [2, 50, 500][round / 3 % 3]);
            let before = Before((0..600).map(|_| hash(next(keys))).collect());
            let (mut living, mut firsts) = (Living::after(round % 5 * 100), HashMap::new());
            let mut recognised = vec![None; before.0.len()];
            for line in 1..3000 {
                let file = u32::try_from(line / 700).expect("few");
                let number = next(before.0.len() as u64) as usize;
                if next(decoded) > 0 {
                    let key = before.0[number];
                    let first = firsts.get(&key).map(|line| (line / 700, *line, true));
                    let found = living.find_decoded(key).map(|first| (first.file.into(), first.line, first.print != 0));
                    assert_eq!(found, first, "round {round}, line {line}");
                    living.recognise(number, file, line);
                    recognised[number].get_or_insert(line);
                    continue;
                }
                let key = hash(next(keys));
                let of_before =
                    (0..before.0.len()).find_map(|number| recognised[number].filter(|_| before.0[number] == key));
                let first = firsts.get(&key).map(|line| (*line, true)).or(of_before.map(|line| (line, false)));
                let found = living.find(key, &before).map(|first| (first.file.into(), first.line, first.print != 0));
                assert_eq!(
                    found,
                    first.map(|(line, is_decoded)| (line / 700, line, is_decoded)),
                    "round {round}, line {line}"
                );
                if first.is_none() {
                    living.push(key, First { file, living: true, line, print: 1 + next(99) });
                    firsts.insert(key, line);
                }
            }
            assert!(!living.is_empty());
        }
    }
}
