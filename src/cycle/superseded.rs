//! Records of the last snapshot, where changes were applied since: of whom it still says the same, more is known than it says
//! (sources.md 16.1).

use crate::delta::{Record, Snapshot};
use crate::model::SourceObject;

/// What the records of a snapshot that changes followed are known again by; nothing where none did.
#[derive(Default)]
pub(super) struct Superseded {
    /// By key; see [`mark_of`].
    marks: Vec<(u64, u128)>,
    /// They are read otherwise than before.
    is_read_anew: bool,
}

impl Superseded {
    pub(super) fn of(snapshot: &Snapshot, is_read_anew: bool) -> Self {
        // Of who could not be read the snapshot says nothing.
        let read = snapshot.iter().filter(|record| *record != Record::unread(record.key));
        let mut marks: Vec<(u64, u128)> = read.map(|record| mark_of(&record, is_read_anew)).collect();
        marks.sort_unstable();
        Self { marks, is_read_anew }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Says whether the snapshot held just this record.
    pub(super) fn holds(&self, record: &Record) -> bool {
        self.marks.binary_search(&mark_of(record, self.is_read_anew)).is_ok()
    }

    /// Says whether the snapshot held a record of the object.
    pub(super) fn knows(&self, key: u64) -> bool {
        self.marks.binary_search_by_key(&key, |(key, _)| *key).is_ok()
    }

    /// Keys of the snapshot's objects.
    pub(super) fn keys(&self) -> impl Iterator<Item = u64> {
        self.marks.iter().map(|(key, _)| *key).filter(|key| *key != 0)
    }

    /// Makes of an object of such a record what is known of it.
    pub(super) fn renew(&self, object: &mut SourceObject, known: SourceObject) {
        let own = SourceObject { origin: object.origin.clone(), partial: false, ..known };
        let before = std::mem::replace(object, own);
        if !self.is_read_anew {
            return;
        }
        // What nobody asked for then only the record says.
        for (own, before) in [(&mut object.attributes, before.attributes), (&mut object.rest, before.rest)] {
            for (name, value) in before {
                if !own.contains_key(&name) {
                    object.unknown.remove(&*name);
                    own.insert(name, value);
                }
            }
        }
    }
}

/// Read otherwise than before a record has another hash, but is as long.
fn mark_of(record: &Record, is_read_anew: bool) -> (u64, u128) {
    (record.key, if is_read_anew { u128::from(record.length) } else { record.hash })
}
