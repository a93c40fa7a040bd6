//! What the reader of files is told, and what it found, by keys.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use hashbrown::{HashMap, HashSet};

use super::known::Known;
use crate::delta::{Matcher, Record};
use crate::model::{ObjectKind, SourceAnchor};
use crate::source::{Base, ObjectKey, Recognise, Recognised};

/// Keys of objects ([`ObjectKey`]), which are hashes already.
pub(super) type Keys = HashSet<u64>;

/// Recognises the records of the last export, but those whose objects are wanted all the same.
pub(super) struct Recognising<'a> {
    pub matcher: Matcher<'a>,
    pub due: &'a Keys,
    /// Everything is wanted; the matcher only learns who is still there.
    pub all: bool,
    /// What change files apply to, where the source may bring some.
    pub known: Option<&'a Known<'a>>,
    /// Hashes of records that are as they were and are wanted all the same, by key; they are recognised before they are handed
    /// over.
    pub same: &'a RefCell<HashMap<u64, u128>>,
}

impl Recognise for Recognising<'_> {
    fn recognise(&mut self, _file: usize, hash: u128, _bytes: &[u8]) -> Option<Recognised> {
        let record = self.matcher.recognise(hash)?;
        if self.known.is_some() && record.key != 0 && (self.all || self.due.contains(&record.key)) {
            self.same.borrow_mut().insert(record.key, hash);
        }
        (!self.all && !self.due.contains(&record.key))
            .then_some(Recognised { key: ObjectKey(record.key), living: record.living })
    }

    fn knew(&mut self, hash: u128) -> Option<ObjectKey> {
        self.matcher.knew(hash).map(|record| ObjectKey(record.key))
    }

    fn count(&self) -> usize {
        self.matcher.count()
    }

    fn base(&mut self) -> Option<&mut dyn Base> {
        self.known.as_mut().map(|known| known as &mut dyn Base)
    }
}

/// The keys of an export as they come.
#[derive(Default)]
pub(super) struct Sorted {
    /// Objects that were read or refused.
    pub read: Keys,
    pub recognised: u64,
    /// Some record says only what changed, and nothing is kept that it could be put over.
    pub partial: bool,
    /// Objects of which change files speak and the snapshot beside them, if there is one, as far as it was decoded, does not.
    pub only_changed: Keys,
    /// Records of change files, for users and for groups.
    pub changes: (u64, u64),
    /// Objects of which change files speak.
    pub touched: BTreeMap<u64, (ObjectKind, Record)>,
    /// Objects that changes deleted for good.
    pub purged: BTreeSet<u64>,
    /// Objects whose records give them a new anchor.
    pub renames: Vec<(SourceAnchor, SourceAnchor)>,
    /// Changes of objects of which nothing is known.
    pub without_base: Vec<String>,
}

impl Sorted {
    pub fn note_change(&mut self, key: u64, kind: ObjectKind) {
        if !self.read.contains(&key) {
            self.only_changed.insert(key);
        }
        match kind {
            ObjectKind::User => self.changes.0 += 1,
            ObjectKind::Group => self.changes.1 += 1,
        }
    }
}
