//! The records of an export as hashes, in file order.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;

use super::index::Index;

/// One record: the hash of its bytes and how long it is, the key of its object (0: a record without an object), and whether that
/// lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    pub hash: u128,
    /// In 31 bits, of which the reader knows the meaning; 0 where it is not known.
    pub length: u32,
    pub key: u64,
    pub living: bool,
}

const SIZE: usize = 16 + 8 + 4;
const MAGIC: &[u8; 8] = b"prvsnap2";
/// Of a length: the object lives.
const LIVING: u32 = 1 << 31;
/// How far ahead the old export is looked at for where it goes on: a few leavers in a row.
pub(super) const LOOK_AHEAD: usize = 16;
/// Misses in a row after which the order is taken to be lost.
pub(super) const MISSES_BEFORE_LOST: usize = 64;

/// A whole export, 28 bytes a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    bytes: Bytes,
    by_hash: OnceLock<Index>,
    by_key: OnceLock<Index>,
}

impl Snapshot {
    /// Reads what [`SnapshotBuilder::finish`] wrote, put together; `None` where it is something else.
    pub fn decode(bytes: Bytes) -> Option<Self> {
        let is_one = bytes.starts_with(MAGIC) && (bytes.len() - MAGIC.len()).is_multiple_of(SIZE);
        is_one.then(|| Self { bytes, ..Self::default() })
    }

    pub fn len(&self) -> usize {
        self.bytes.len().saturating_sub(MAGIC.len()) / SIZE
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub fn get(&self, at: usize) -> Option<Record> {
        let start = MAGIC.len() + at * SIZE;
        read(self.bytes.get(start..start + SIZE)?)
    }

    pub fn iter(&self) -> impl Iterator<Item = Record> + '_ {
        self.bytes.get(MAGIC.len()..).unwrap_or_default().chunks_exact(SIZE).filter_map(read)
    }

    fn octets(&self, records: Range<usize>) -> Bytes {
        self.bytes.slice(MAGIC.len() + records.start * SIZE..MAGIC.len() + records.end * SIZE)
    }

    /// The first record with the hash. The first such question costs an index of eight octets a record.
    pub fn of_hash(&self, hash: u128) -> Option<usize> {
        self.by_hash().places(hash as u64).find(|at| self.get(*at).is_some_and(|record| record.hash == hash))
    }

    /// Looks at all that [`Self::of_hash`] will look at for these hashes: one after the other each of them would wait for memory three
    /// times, together they wait together.
    pub fn expect(&self, hashes: &[u128]) {
        let index = self.by_hash();
        let look = |at: &dyn Fn(u64) -> u64| {
            std::hint::black_box(hashes.iter().fold(0, |sum, hash| sum ^ at(*hash as u64)));
        };
        look(&|hash| index.span(hash).end as u64);
        look(&|hash| index.places(hash).next().unwrap_or_default() as u64);
        look(&|hash| index.places(hash).next().and_then(|at| self.get(at)).map_or(0, |record| record.key));
    }

    fn by_hash(&self) -> &Index {
        self.by_hash.get_or_init(|| Index::of(self.len(), 0, || self.iter().map(|record| record.hash as u64)))
    }

    /// The records of the object; as for [`Self::of_hash`], with four octets a record. Few are asked for, those who changed.
    pub fn of_key(&self, key: u64) -> impl Iterator<Item = usize> + '_ {
        let index = self.by_key.get_or_init(|| Index::of(self.len(), 3, || self.iter().map(|record| record.key)));
        index.places(key).filter(move |at| self.get(*at).is_some_and(|record| record.key == key))
    }
}

#[inline]
fn read(bytes: &[u8]) -> Option<Record> {
    let (hash, rest) = bytes.split_first_chunk::<16>()?;
    let (key, rest) = rest.split_first_chunk::<8>()?;
    let length = u32::from_le_bytes(*rest.first_chunk()?);
    Some(Record {
        hash: u128::from_le_bytes(*hash),
        length: length & !LIVING,
        key: u64::from_le_bytes(*key),
        living: length & LIVING != 0,
    })
}

fn write(record: &Record, to: &mut Vec<u8>) {
    to.extend_from_slice(&record.hash.to_le_bytes());
    to.extend_from_slice(&record.key.to_le_bytes());
    let length = if record.length < LIVING { record.length } else { 0 };
    to.extend_from_slice(&(length | if record.living { LIVING } else { 0 }).to_le_bytes());
}

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
    /// Where the old export goes on.
    at: usize,
    /// Fresh records in a row.
    misses: usize,
    withdrawn: HashSet<u128>,
}

/// Fresh records that lie together.
const CHUNK: usize = 1 << 15;
/// Chunks that are held, some thirty megabytes; of more than twice as many only a few.
const HELD: usize = 36;
const FEW: usize = 2;

/// Some octets of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// They begin there in the old one.
    Same(usize, Bytes),
    New(Bytes),
    /// Some of those that were given away under this number.
    Given(usize, Range<usize>),
}

/// Records one after the other, by their numbers.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Old(Range<usize>),
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
        } else if let Some(record) = old.get(at) {
            self.push_fresh(&record);
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
            Some(Part::Old(_)) | None => self.parts.push(Part::Fresh(end - 1..end)),
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

    /// The bytes to store, piece by piece, or `None` where the export is the old one, record by record; `given` gives back what
    /// was given away.
    pub fn finish<E>(
        mut self,
        old: &Snapshot,
        given: impl FnMut(usize) -> Result<Vec<u8>, E>,
    ) -> Result<Option<Vec<Piece>>, E> {
        let (fresh, first) = (self.fresh.into_iter().map(Bytes::from).collect::<Vec<_>>(), self.given);
        let mut pieces = Vec::with_capacity(self.parts.len() + 1);
        for part in self.parts.drain(..) {
            match part {
                Part::Old(range) => pieces.push(Piece::Same(MAGIC.len() + range.start * SIZE, old.octets(range))),
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
            return Ok(Some(pieces));
        }
        let is_same = match &pieces[..] {
            [] => old.is_empty(),
            [Piece::Same(from, bytes)] => *from == MAGIC.len() && from + bytes.len() == old.bytes.len(),
            [..] => false,
        };
        pieces.insert(0, Piece::Same(0, old.bytes.slice(..MAGIC.len())));
        Ok((!is_same).then_some(pieces))
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
        };
        let records = octets.chunks_exact(SIZE).filter_map(read).enumerate();
        let out = records.filter(|(_, record)| withdrawn.contains(&record.hash)).map(|(at, _)| at);
        let mut begin = 0;
        for end in out.chain([octets.len() / SIZE]) {
            if begin < end {
                let some = begin * SIZE..end * SIZE;
                left.push(match &piece {
                    Piece::Same(from, bytes) => Piece::Same(from + some.start, bytes.slice(some)),
                    Piece::New(bytes) => Piece::New(bytes.slice(some)),
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
    let Ok(pieces) = builder.finish(old, |number| Ok::<_, std::convert::Infallible>(given[number].clone()));
    pieces
}

#[cfg(test)]
fn joined(pieces: Vec<Piece>, given: &[Vec<u8>]) -> Vec<u8> {
    let octets = |piece| match piece {
        Piece::Same(_, bytes) | Piece::New(bytes) => bytes.to_vec(),
        Piece::Given(number, range) => given[number][range].to_vec(),
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
    fn records_are_found_by_hash_and_by_key() {
        for count in [0_u64, 1, 2, 3, 63, 64, 65, 1000] {
            // every third one twice
            let records: Vec<Record> =
                (1..=count).chain((1..=count).filter(|n| n.is_multiple_of(3))).map(spread).collect();
            let twice = snapshot_of(&records);
            for n in 0..=count + 1 {
                let places: Vec<usize> = (0..records.len()).filter(|at| records[*at] == spread(n)).collect();
                twice.expect(&[spread(n).hash, 0, u128::MAX]);
                assert_eq!(twice.of_hash(spread(n).hash), places.first().copied(), "{n} of {count}");
                assert_eq!(twice.of_key(spread(n).key).collect::<Vec<_>>(), places, "{n} of {count}");
            }
        }
    }

    fn spread(n: u64) -> Record {
        let mix = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Record { hash: u128::from(mix), length: 1, key: mix.rotate_left(32), living: true }
    }

    #[test]
    fn lengths_that_do_not_fit_are_unknown() {
        let records = [(LIVING - 1, true), (LIVING, true), (u32::MAX, false), (0, false)];
        let record = |(length, living)| Record { length, living, ..record(1) };
        let found: Vec<(u32, bool)> =
            snapshot_of(&records.map(record)).iter().map(|record| (record.length, record.living)).collect();
        assert_eq!(found, [(LIVING - 1, true), (0, true), (0, false), (0, false)]);
    }

    #[test]
    fn foreign_bytes_are_no_snapshot() {
        assert_eq!(Snapshot::decode(Bytes::from_static(b"something")), None);
        assert_eq!(Snapshot::decode(Bytes::from_static(b"prvsnap1")), None);
        assert_eq!(Snapshot::decode(Bytes::new()), None);
    }
}
