//! The records of an export as hashes, in file order.

use std::collections::HashSet;

/// One record: the hash of its bytes, the key of its object (0: a record without an object), and whether that lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    pub hash: u128,
    pub key: u64,
    pub living: bool,
}

const SIZE: usize = 16 + 8 + 1;
const MAGIC: &[u8; 8] = b"prvsnap1";

/// A whole export, 25 bytes a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    bytes: Vec<u8>,
}

impl Snapshot {
    /// Reads what [`SnapshotBuilder::finish`] wrote; `None` where it is something else.
    pub fn decode(bytes: Vec<u8>) -> Option<Self> {
        (bytes.starts_with(MAGIC) && (bytes.len() - MAGIC.len()).is_multiple_of(SIZE)).then_some(Self { bytes })
    }

    pub fn len(&self) -> usize {
        self.bytes.len().saturating_sub(MAGIC.len()) / SIZE
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, at: usize) -> Option<Record> {
        let start = MAGIC.len() + at * SIZE;
        let bytes = self.bytes.get(start..start + SIZE)?;
        let (hash, rest) = bytes.split_first_chunk::<16>()?;
        let (key, rest) = rest.split_first_chunk::<8>()?;
        Some(Record { hash: u128::from_le_bytes(*hash), key: u64::from_le_bytes(*key), living: rest == [1] })
    }

    pub fn iter(&self) -> impl Iterator<Item = Record> + '_ {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

/// Collects the records of the export that is being read.
///
/// While it repeats the old one record by record nothing is stored, so that an unchanged directory needs one snapshot in
/// memory, not two.
#[derive(Debug, Default)]
pub struct SnapshotBuilder {
    same: usize,
    own: Option<Vec<u8>>,
    withdrawn: HashSet<u128>,
}

impl SnapshotBuilder {
    pub fn push(&mut self, old: &Snapshot, record: Record) {
        if self.own.is_none() {
            if old.get(self.same) == Some(record) {
                self.same += 1;
                return;
            }
            self.own = Some(prefix(old, self.same));
        }
        if let Some(bytes) = &mut self.own {
            bytes.extend_from_slice(&record.hash.to_le_bytes());
            bytes.extend_from_slice(&record.key.to_le_bytes());
            bytes.push(u8::from(record.living));
        }
    }

    /// Takes back a record that turned out not to count: were it recognised tomorrow, its object would seem unchanged.
    pub fn withdraw(&mut self, hash: u128) {
        self.withdrawn.insert(hash);
    }

    /// The bytes to store, or `None` where the export is the old one, record by record.
    pub fn finish(self, old: &Snapshot) -> Option<Vec<u8>> {
        if !self.withdrawn.is_empty() {
            let (withdrawn, same) = (self.withdrawn, self.same);
            let all = Snapshot { bytes: self.own.unwrap_or_else(|| prefix(old, same)) };
            let mut kept = SnapshotBuilder::default();
            let nothing = Snapshot::default();
            all.iter()
                .filter(|record| !withdrawn.contains(&record.hash))
                .for_each(|record| kept.push(&nothing, record));
            return kept.finish(&nothing);
        }
        match self.own {
            Some(bytes) => Some(bytes),
            None if self.same == old.len() && !old.bytes.is_empty() => None,
            None => Some(prefix(old, self.same)),
        }
    }
}

/// The first `count` records of `old`, as they are stored.
fn prefix(old: &Snapshot, count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(old.bytes.len().max(MAGIC.len()));
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&old.bytes[old.bytes.len().min(MAGIC.len())..][..count * SIZE]);
    bytes
}

#[cfg(test)]
pub(super) fn snapshot_of(records: &[Record]) -> Snapshot {
    let old = Snapshot::default();
    let mut builder = SnapshotBuilder::default();
    records.iter().for_each(|record| builder.push(&old, *record));
    Snapshot::decode(builder.finish(&old).expect("it is new")).expect("it was just written")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: u64) -> Record {
        Record { hash: u128::from(n) << 64 | 7, key: n, living: n != 2 }
    }

    #[test]
    fn an_equal_export_needs_no_new_snapshot() {
        let old = snapshot_of(&[record(1), record(2), record(3)]);
        let mut builder = SnapshotBuilder::default();
        (1..=3).for_each(|n| builder.push(&old, record(n)));
        assert_eq!(builder.finish(&old), None);
    }

    #[test]
    fn what_differs_is_kept_from_the_first_difference_on() {
        let old = snapshot_of(&[record(1), record(2), record(3)]);
        for wanted in [vec![1, 2], vec![1, 9, 3], vec![2, 1, 3], vec![], vec![1, 2, 3, 4]] {
            let mut builder = SnapshotBuilder::default();
            wanted.iter().for_each(|n| builder.push(&old, record(*n)));
            let found = Snapshot::decode(builder.finish(&old).expect("it differs")).expect("well-formed");
            assert_eq!(found.iter().map(|record| record.key).collect::<Vec<_>>(), wanted);
        }
    }

    #[test]
    fn a_withdrawn_record_is_not_remembered() {
        let old = snapshot_of(&[record(1), record(2), record(3)]);
        let mut builder = SnapshotBuilder::default();
        (1..=3).for_each(|n| builder.push(&old, record(n)));
        builder.withdraw(record(2).hash);
        let found = Snapshot::decode(builder.finish(&old).expect("it differs")).expect("well-formed");
        assert_eq!(found.iter().map(|record| record.key).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn foreign_bytes_are_no_snapshot() {
        assert_eq!(Snapshot::decode(b"something".to_vec()), None);
        assert_eq!(Snapshot::decode(Vec::new()), None);
    }
}
