//! From the records of an export to the snapshot that is stored.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;

use bytes::Bytes;

use super::snapshot::{LOOK_AHEAD, MAGIC, MISSES_BEFORE_LOST, Record, SIZE, Snapshot, read, write};

/// Collects the records of the export that is being read.
///
/// Where it repeats the old one nothing is copied: a directory of which little changed needs one snapshot in memory, not two.
#[derive(Debug, Default)]
pub struct SnapshotBuilder {
    parts: Vec<Part>,
    /// The records of the fresh parts, [`CHUNK`] together, but for those given away.
    fresh: VecDeque<Vec<u8>>,
    /// Chunks that were given away.
    given: usize,
    /// The records of the moved parts, by their numbers in the old export.
    moved: Vec<u32>,
    /// Where the old export goes on.
    at: usize,
    /// Fresh records in a row.
    misses: usize,
    withdrawn: HashSet<u128>,
}

/// Fresh records that lie together.
const CHUNK: usize = 1 << 15;
/// Fresh records that are compared with old ones: of more not all are old. They were read before it was clear that the order is another.
const MOST_READ: usize = 1 << 12;
/// Chunks that are held, some thirty megabytes; of more than twice as many only a few.
const HELD: usize = 36;
const FEW: usize = 2;

/// What comes of the records that were collected.
#[derive(Debug, PartialEq, Eq)]
pub struct Built {
    /// The octets to store.
    pub pieces: Vec<Piece>,
    /// Where all records are the old ones in another order, what that order is known again by, while the old snapshot is stored.
    pub order: Option<u64>,
}

/// Some octets of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// They begin there in the old one.
    Same(usize, Bytes),
    New(Bytes),
    /// Some of those that were given away under this number.
    Given(usize, Range<usize>),
    Moved(Moved),
}

/// Records of the old snapshot that come one after the other now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    records: Bytes,
    numbers: Vec<u32>,
}

impl Moved {
    /// How many octets they take.
    pub fn len(&self) -> usize {
        self.numbers.len() * SIZE
    }

    pub fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(self.len());
        for number in &self.numbers {
            let begin = *number as usize * SIZE;
            octets.extend_from_slice(self.records.get(begin..begin + SIZE).unwrap_or_default());
        }
        octets
    }
}

/// Records one after the other, by their numbers.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Old(Range<usize>),
    /// In [`SnapshotBuilder::moved`].
    Moved(Range<usize>),
    Fresh(Range<usize>),
}

impl SnapshotBuilder {
    pub fn push(&mut self, old: &Snapshot, record: Record) {
        match self.ahead(old).find(|at| old.get(*at) == Some(record)) {
            Some(at) => self.push_near(at),
            None => self.push_fresh(&record),
        }
    }

    /// The record that has this number in the old export.
    pub fn push_old(&mut self, old: &Snapshot, at: usize) {
        if self.ahead(old).contains(&at) {
            self.push_near(at);
        } else {
            self.push_moved(old, at);
        }
    }

    /// As [`Self::push_old`], of records one after the other.
    pub fn push_run(&mut self, old: &Snapshot, mut numbers: Range<usize>) {
        while let Some(at) = numbers.next() {
            self.push_old(old, at);
            if self.at != at + 1 {
                continue;
            }
            // that one was near, and the others are next to it
            if let Some(Part::Old(range)) = self.parts.last_mut() {
                range.end += numbers.len();
                self.at += numbers.len();
            }
            return;
        }
    }

    fn ahead(&self, old: &Snapshot) -> Range<usize> {
        // Where the order is lost there is nothing to look for.
        let far = if self.misses < MISSES_BEFORE_LOST { LOOK_AHEAD } else { 1 };
        self.at..(self.at + far).min(old.len())
    }

    fn push_near(&mut self, at: usize) {
        (self.at, self.misses) = (at + 1, 0);
        match self.parts.last_mut() {
            Some(Part::Old(range)) if range.end == at => range.end += 1,
            Some(_) | None => self.parts.push(Part::Old(at..at + 1)),
        }
    }

    fn push_moved(&mut self, old: &Snapshot, at: usize) {
        let Some(number) = u32::try_from(at).ok().filter(|_| at < old.len()) else { return };
        self.misses += 1;
        if self.moved.is_empty() {
            self.moved.reserve(old.len());
        }
        self.moved.push(number);
        let end = self.moved.len();
        match self.parts.last_mut() {
            Some(Part::Moved(range)) => range.end = end,
            Some(_) | None => self.parts.push(Part::Moved(end - 1..end)),
        }
    }

    fn push_fresh(&mut self, record: &Record) {
        self.misses += 1;
        if self.fresh.back().is_none_or(|chunk| chunk.len() == CHUNK * SIZE) {
            // of few there is no need for the room of many
            self.fresh.push_back(if self.fresh.is_empty() { Vec::new() } else { Vec::with_capacity(CHUNK * SIZE) });
        }
        let chunks = self.given + self.fresh.len();
        let Some(chunk) = self.fresh.back_mut() else { return };
        write(record, chunk);
        let end = (chunks - 1) * CHUNK + chunk.len() / SIZE;
        match self.parts.last_mut() {
            Some(Part::Fresh(range)) => range.end = end,
            Some(_) | None => self.parts.push(Part::Fresh(end - 1..end)),
        }
    }

    /// Octets to be kept elsewhere under their number, where more are held than should be in memory.
    pub fn overflow(&mut self) -> Option<(usize, Vec<u8>)> {
        let most = if self.given + self.fresh.len() > 2 * HELD { FEW } else { HELD };
        let chunk = if self.fresh.len() > most { self.fresh.pop_front() } else { None }?;
        self.given += 1;
        Some((self.given - 1, chunk))
    }

    /// Takes back a record that turned out not to count: were it recognised tomorrow, its object would seem unchanged.
    pub fn withdraw(&mut self, hash: u128) {
        self.withdrawn.insert(hash);
    }

    /// If all records are the old ones in another order, what that order is known again by.
    fn order(&self, old: &Snapshot) -> Option<u64> {
        let read: usize = self.fresh.iter().map(Vec::len).sum();
        let is_little = read <= MOST_READ * SIZE && self.given == 0;
        if (self.moved.is_empty() && read == 0) || !is_little || !self.withdrawn.is_empty() {
            return None;
        }
        let fresh = || self.fresh.iter().flat_map(|chunk| chunk.chunks_exact(SIZE));
        let (mut left, mut order) = (vec![true; old.len()], 0_u64);
        let mut note = |what: u64| order = (order.rotate_left(5) ^ what).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for part in &self.parts {
            let are_others = match part {
                Part::Old(range) => {
                    note(range.start as u64);
                    let some = left.get_mut(range.clone()).unwrap_or_default();
                    let are_others = !some.contains(&false);
                    some.fill(false);
                    are_others
                }
                Part::Moved(range) => self.moved[range.clone()].iter().all(|number| {
                    note(u64::from(*number));
                    left.get_mut(*number as usize).is_some_and(std::mem::take)
                }),
                // which of the others they are is found out below
                Part::Fresh(_) => true,
            };
            if !are_others {
                return None;
            }
        }
        fresh().filter_map(self::read).for_each(|record| note(record.hash as u64));
        let left = left.iter().enumerate().filter(|(_, is_left)| **is_left);
        let mut left: Vec<Bytes> =
            left.map(|(number, _)| old.octets(number..number + 1)).take(read / SIZE + 1).collect();
        let mut fresh: Vec<&[u8]> = fresh().collect();
        left.sort_unstable();
        fresh.sort_unstable();
        (left == fresh).then_some(order)
    }

    /// The bytes to store, piece by piece, or `None` where the export is the old one, record by record; `given` gives back what
    /// was given away.
    pub fn finish<E>(
        mut self,
        old: &Snapshot,
        given: impl FnMut(usize) -> Result<Vec<u8>, E>,
    ) -> Result<Option<Built>, E> {
        let order = self.order(old);
        let (fresh, first) = (self.fresh.into_iter().map(Bytes::from).collect::<Vec<_>>(), self.given);
        let mut pieces = Vec::with_capacity(self.parts.len() + 1);
        for part in self.parts.drain(..) {
            match part {
                Part::Old(range) => pieces.push(Piece::Same(MAGIC.len() + range.start * SIZE, old.octets(range))),
                Part::Moved(range) => pieces.extend(self.moved[range].chunks(CHUNK).map(|numbers| {
                    Piece::Moved(Moved { records: old.octets(0..old.len()), numbers: numbers.to_vec() })
                })),
                Part::Fresh(range) => pieces.extend(in_chunks(range).map(|(chunk, range)| {
                    let octets = range.start * SIZE..range.end * SIZE;
                    match chunk.checked_sub(first) {
                        Some(held) => Piece::New(fresh[held].slice(octets)),
                        None => Piece::Given(chunk, octets),
                    }
                })),
            }
        }
        if !self.withdrawn.is_empty() {
            pieces = without(&self.withdrawn, pieces, given)?;
        }
        if old.bytes.is_empty() {
            pieces.insert(0, Piece::New(Bytes::from_static(MAGIC)));
            return Ok(Some(Built { pieces, order }));
        }
        let is_same = match &pieces[..] {
            [] => old.is_empty(),
            [Piece::Same(from, bytes)] => *from == MAGIC.len() && from + bytes.len() == old.bytes.len(),
            [..] => false,
        };
        pieces.insert(0, Piece::Same(0, old.bytes.slice(..MAGIC.len())));
        Ok((!is_same).then_some(Built { pieces, order }))
    }
}

/// The chunks in which fresh records are, and which of theirs they are.
fn in_chunks(range: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
    let chunks = range.start / CHUNK..range.end.div_ceil(CHUNK);
    chunks.map(move |chunk| {
        let begin = chunk * CHUNK;
        (chunk, range.start.max(begin) - begin..range.end.min(begin + CHUNK) - begin)
    })
}

/// Cuts records out of the pieces.
fn without<E>(
    withdrawn: &HashSet<u128>,
    pieces: Vec<Piece>,
    mut given: impl FnMut(usize) -> Result<Vec<u8>, E>,
) -> Result<Vec<Piece>, E> {
    let mut left = Vec::with_capacity(pieces.len() + withdrawn.len());
    for piece in pieces {
        let octets = match &piece {
            Piece::Same(_, bytes) | Piece::New(bytes) => bytes.clone(),
            Piece::Given(chunk, octets) => Bytes::from(given(*chunk)?).slice(octets.clone()),
            Piece::Moved(moved) => moved.octets().into(),
        };
        let records = octets.chunks_exact(SIZE).filter_map(read).enumerate();
        let out = records.filter(|(_, record)| withdrawn.contains(&record.hash)).map(|(at, _)| at);
        let mut begin = 0;
        for end in out.chain([octets.len() / SIZE]) {
            if begin < end {
                let some = begin * SIZE..end * SIZE;
                left.push(match &piece {
                    Piece::Same(from, bytes) => Piece::Same(from + some.start, bytes.slice(some)),
                    Piece::New(_) | Piece::Moved(_) => Piece::New(octets.slice(some)),
                    Piece::Given(chunk, octets) => {
                        Piece::Given(*chunk, octets.start + some.start..octets.start + some.end)
                    }
                });
            }
            begin = end + 1;
        }
    }
    Ok(left)
}

#[cfg(test)]
pub(super) fn snapshot_of(records: &[Record]) -> Snapshot {
    let old = Snapshot::default();
    let mut builder = SnapshotBuilder::default();
    records.iter().for_each(|record| builder.push(&old, *record));
    let pieces = finish(builder, &old, &[]).expect("it is new");
    Snapshot::decode(joined(pieces, &[]).into()).expect("it was just written")
}

#[cfg(test)]
fn finish(builder: SnapshotBuilder, old: &Snapshot, given: &[Vec<u8>]) -> Option<Vec<Piece>> {
    let Ok(built) = builder.finish(old, |number| Ok::<_, std::convert::Infallible>(given[number].clone()));
    built.map(|built| built.pieces)
}

#[cfg(test)]
fn joined(pieces: Vec<Piece>, given: &[Vec<u8>]) -> Vec<u8> {
    let octets = |piece| match piece {
        Piece::Same(_, bytes) | Piece::New(bytes) => bytes.to_vec(),
        Piece::Given(number, range) => given[number][range].to_vec(),
        Piece::Moved(moved) => moved.octets(),
    };
    pieces.into_iter().flat_map(octets).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: u64) -> Record {
        Record { hash: u128::from(n) << 64 | 7, length: 300 + n as u32, key: n, living: n != 2 }
    }

    #[test]
    fn an_equal_export_needs_no_new_snapshot() {
        let old = snapshot_of(&[record(1), record(2), record(3)]);
        let mut builder = SnapshotBuilder::default();
        (1..=3).for_each(|n| builder.push(&old, record(n)));
        assert_eq!(finish(builder, &old, &[]), None);
    }

    #[test]
    fn what_is_as_before_is_not_copied() {
        let old = snapshot_of(&(1..=100).map(record).collect::<Vec<_>>());
        let mut builder = SnapshotBuilder::default();
        // 2 and 3 left, 50 changed, 200 joined
        let now = (1..=100).filter(|n| ![2, 3].contains(n)).map(|n| if n == 50 { 500 } else { n }).chain([200]);
        // as it comes, or by its number
        now.for_each(|n| match n {
            60..=70 => builder.push_old(&old, n as usize - 1),
            71 => builder.push_run(&old, 70..90),
            72..=90 => {}
            _ => builder.push(&old, record(n)),
        });
        let parts = [Part::Old(0..1), Part::Old(3..49), Part::Fresh(0..1), Part::Old(50..100), Part::Fresh(1..2)];
        assert_eq!((&builder.parts[..], builder.fresh[0].len()), (&parts[..], 2 * SIZE));
    }

    #[test]
    fn what_differs_takes_the_place_of_what_was() {
        let old = snapshot_of(&[record(1), record(2), record(3)]);
        for wanted in [vec![1, 2], vec![1, 9, 3], vec![2, 1, 3], vec![], vec![1, 2, 3, 4]] {
            let mut builder = SnapshotBuilder::default();
            wanted.iter().for_each(|n| builder.push(&old, record(*n)));
            let pieces = finish(builder, &old, &[]).expect("it differs");
            for piece in &pieces {
                if let Piece::Same(from, bytes) = piece {
                    assert_eq!(&old.bytes[*from..from + bytes.len()], bytes, "{wanted:?}");
                }
            }
            assert!(matches!(pieces[0], Piece::Same(0, _)));
            let found = Snapshot::decode(joined(pieces, &[]).into()).expect("well-formed");
            assert_eq!(found.iter().map(|record| record.key).collect::<Vec<_>>(), wanted);
        }
    }

    #[test]
    fn a_run_is_its_records_one_by_one() {
        let old = snapshot_of(&(1..=200).map(record).collect::<Vec<_>>());
        // near, near but not next, far away, back again; none, and to the end
        for runs in
            [vec![0..50, 55..60, 150..180, 60..70], vec![3..3, 100..200], vec![0..200, 5..5], vec![199..200, 0..200]]
        {
            let (mut together, mut single) = (SnapshotBuilder::default(), SnapshotBuilder::default());
            for run in &runs {
                together.push_run(&old, run.clone());
                run.clone().for_each(|at| single.push_old(&old, at));
            }
            assert_eq!(
                (together.at, &together.parts, together.misses),
                (single.at, &single.parts, single.misses),
                "{runs:?}"
            );
            assert_eq!(finish(together, &old, &[]), finish(single, &old, &[]), "{runs:?}");
        }
    }

    #[test]
    fn a_withdrawn_record_is_not_remembered() {
        let old = snapshot_of(&[record(1), record(2), record(3)]);
        let mut builder = SnapshotBuilder::default();
        (1..=3).for_each(|n| builder.push(&old, record(n)));
        builder.withdraw(record(2).hash);
        let pieces = finish(builder, &old, &[]).expect("it differs");
        let found = Snapshot::decode(joined(pieces, &[]).into()).expect("well-formed");
        assert_eq!(found.iter().map(|record| record.key).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn what_was_given_away_is_part_of_it() {
        let count = ((HELD + 3) * CHUNK + 5) as u64;
        let old = snapshot_of(&(1..=100).map(record).collect::<Vec<_>>());
        let (mut builder, mut given) = (SnapshotBuilder::default(), Vec::new());
        // old ones at the beginning and somewhere in what is fresh
        let keys = (1..=50).chain(1000..1000 + count / 2).chain(60..=70).chain(1000 + count / 2..1000 + count);
        for key in keys.clone() {
            builder.push(&old, record(key));
            if let Some((number, octets)) = builder.overflow() {
                assert_eq!(number, given.len());
                given.push(octets);
            }
        }
        assert_eq!(given.len(), 4);
        // of those given away, of those held, and of the old ones
        let withdrawn = [1001, 1000 + CHUNK as u64, 990 + count, 20];
        withdrawn.into_iter().for_each(|key| builder.withdraw(record(key).hash));
        let pieces = finish(builder, &old, &given).expect("it differs");
        assert!(pieces.iter().any(|piece| matches!(piece, Piece::Given(3, _))));
        let found = Snapshot::decode(joined(pieces, &given).into()).expect("well-formed");
        assert!(found.iter().map(|record| record.key).eq(keys.filter(|key| !withdrawn.contains(key))));
    }

    #[test]
    fn the_same_records_in_another_order_are_known_as_such() {
        let old = snapshot_of(&(1..=300).map(record).collect::<Vec<_>>());
        let order = |now: &[u64], is_known: &dyn Fn(u64) -> bool| {
            let mut builder = SnapshotBuilder::default();
            for n in now {
                if is_known(*n) { builder.push_old(&old, *n as usize - 1) } else { builder.push(&old, record(*n)) }
            }
            let Ok(built) = builder.finish(&old, |_| Ok::<Vec<u8>, std::convert::Infallible>(Vec::new()));
            let built = built.expect("it differs");
            let found = Snapshot::decode(joined(built.pieces, &[]).into()).expect("well-formed");
            assert!(found.iter().map(|record| record.key).eq(now.iter().copied()), "{now:?}");
            built.order
        };
        let shuffled: Vec<u64> = (0..300).map(|n| n * 77 % 300 + 1).collect();
        let first = order(&shuffled, &|_| true);
        assert!(first.is_some());
        assert_eq!(first, order(&shuffled, &|_| true));
        // some of them were read before it was clear
        assert!(order(&shuffled, &|n| n % 9 > 0).is_some());
        let turned: Vec<u64> = shuffled.iter().rev().copied().collect();
        assert!(order(&turned, &|_| true).is_some_and(|other| Some(other) != first));
        // one changed, one twice in the place of another, one left, one joined, nobody moved
        let with = |at: usize, n: u64| [&shuffled[..at], &[n], &shuffled[at + 1..]].concat();
        assert_eq!(order(&with(7, 1000), &|n| n != 1000), None);
        assert_eq!(order(&with(7, shuffled[8]), &|_| true), None);
        assert_eq!(order(&with(7, shuffled[8]), &|n| n % 9 > 0), None);
        assert_eq!(order(&shuffled[1..], &|_| true), None);
        assert_eq!(order(&[&shuffled[..], &[1000]].concat(), &|n| n != 1000), None);
        assert_eq!(order(&(2..=300).collect::<Vec<_>>(), &|_| true), None);
    }
}
