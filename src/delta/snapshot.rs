//! The records of an export as hashes, in file order.

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

impl Record {
    /// Of an object that is remembered though no record of it could be read: none will ever be taken for this one.
    pub fn unread(key: u64) -> Self {
        Self { hash: u128::from(key), length: 0, key, living: true }
    }
}

pub(super) const SIZE: usize = 16 + 8 + 4;
pub(super) const MAGIC: &[u8; 8] = b"prvsnap2";
/// Of a length: the object lives.
const LIVING: u32 = 1 << 31;
/// How far ahead the old export is looked at for where it goes on: a few leavers in a row.
pub(super) const LOOK_AHEAD: usize = 16;
/// Misses in a row after which the order is taken to be lost.
pub(super) const MISSES_BEFORE_LOST: usize = 64;

/// A whole export, 28 bytes a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub(super) bytes: Bytes,
    by_hash: OnceLock<Index>,
    by_key: OnceLock<Index>,
}

impl Snapshot {
    /// Reads what [`SnapshotBuilder::finish`](super::SnapshotBuilder::finish) wrote, put together; `None` where it is something else.
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

    pub(super) fn octets(&self, records: Range<usize>) -> Bytes {
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
pub(super) fn read(bytes: &[u8]) -> Option<Record> {
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

pub(super) fn write(record: &Record, to: &mut Vec<u8>) {
    to.extend_from_slice(&record.hash.to_le_bytes());
    to.extend_from_slice(&record.key.to_le_bytes());
    let length = if record.length < LIVING { record.length } else { 0 };
    to.extend_from_slice(&(length | if record.living { LIVING } else { 0 }).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::builder::snapshot_of;
    use super::*;

    fn record(n: u64) -> Record {
        Record { hash: u128::from(n) << 64 | 7, length: 300 + n as u32, key: n, living: n != 2 }
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
