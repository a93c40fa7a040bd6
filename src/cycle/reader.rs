//! What the reader of files is told, and what it found, by keys.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use hashbrown::{HashMap, HashSet};

use super::known::Known;
use super::read_keys::ReadKeys;
use crate::delta::{Matcher, Met, Record, Snapshot};
use crate::model::{Deletion, ObjectKind, SourceAnchor, SourceObject};
use crate::source::{
    Ahead, Base, Extent, Filter, FindAny, Fingerprint, Follow, Knowing, ObjectKey, Recall, Recognise, Recognised,
};
use crate::store::{Staging, StoreError};

/// Keys of objects ([`ObjectKey`]), which are hashes already.
pub(super) type Keys = HashSet<u64>;

/// Recognises the records of the last export, but those whose objects are wanted all the same.
pub(super) struct Recognising<'a> {
    pub follow: Following<'a>,
    pub recall: Recalling<'a>,
}

pub(super) struct Following<'a> {
    matcher: Matcher<'a>,
    last: &'a Last<'a>,
    /// Records that came one after the other and are still to be noted: to note each of them takes longer than to recognise it.
    run: Range<usize>,
}

pub(super) struct Recalling<'a> {
    pub last: &'a Last<'a>,
    /// What change files apply to, where the source may bring some.
    pub known: Option<&'a Known<'a>>,
}

/// The last export.
pub(super) struct Last<'a> {
    pub old: &'a Snapshot,
    /// What of it is there again.
    pub met: Met,
    pub due: &'a Keys,
    /// Everything is wanted; what is met is noted alone.
    pub all: bool,
    /// Hashes of records that are as they were and are wanted all the same, by key; they are recognised before they are handed
    /// over. None where nobody asks for them.
    pub same: Option<Mutex<HashMap<u64, u128>>>,
}

impl Last<'_> {
    fn is_wanted(&self, record: &Record) -> bool {
        self.all || self.due.contains(&record.key)
    }

    /// The record of this number came.
    fn meet(&self, number: usize) -> Option<Recognised> {
        self.met.note(number);
        let record = self.old.get(number)?;
        if !self.is_wanted(&record) {
            return Some(recognised(number, &record));
        }
        if let Some(same) = self.same.as_ref().filter(|_| record.key != 0) {
            same.lock().unwrap_or_else(PoisonError::into_inner).insert(record.key, record.hash);
        }
        None
    }

    /// Says whether this record of the object is wanted though it is as it was.
    pub fn is_same(&self, key: u64, hash: u128) -> bool {
        let same = self.same.as_ref().map(|same| same.lock().unwrap_or_else(PoisonError::into_inner));
        same.is_some_and(|same| same.get(&key) == Some(&hash))
    }
}

impl<'a> Following<'a> {
    pub fn new(last: &'a Last<'a>) -> Self {
        Self { matcher: Matcher::new(last.old), last, run: 0..0 }
    }

    /// Notes what came; before anybody asks what of the last export is there again.
    pub fn finish(&mut self) {
        self.last.met.note_all(std::mem::take(&mut self.run));
    }
}

impl Follow for Following<'_> {
    fn ahead(&self) -> Option<Ahead> {
        let (number, record) = self.matcher.ahead().filter(|(_, record)| !self.last.is_wanted(record))?;
        Some(ahead(number, &record))
    }

    fn advance(&mut self, ahead: &Ahead) {
        let number = ahead.recognised.number;
        if self.run.end == number {
            self.run.end += 1;
        } else {
            self.finish();
            self.run = number..number + 1;
        }
        self.matcher.go_on_behind(number);
    }

    fn find(&mut self, hash: u128) -> Option<Recognised> {
        self.last.meet(self.matcher.find(hash)?)
    }

    fn is_lost(&self) -> bool {
        self.matcher.is_lost()
    }

    fn go_on_behind(&mut self, hash: u128) {
        if let Some(at) = self.last.old.of_hash(hash) {
            self.matcher.go_on_behind(at);
        }
    }

    fn each_again(&mut self, hashes: &Filter, keys: &Filter, with: &mut dyn FnMut(&Ahead)) {
        self.finish();
        let Last { old, met, .. } = self.last;
        met.each_met(old, |number, record| {
            let one = ahead(number, &record);
            if one.may_be_in(hashes, keys) && !self.last.is_wanted(&record) {
                with(&one);
            }
        });
    }
}

impl FindAny for Last<'_> {
    fn find(&self, hash: u128) -> Option<Recognised> {
        self.meet(self.old.of_hash(hash)?)
    }

    fn expect(&self, hashes: &[u128]) {
        self.old.expect(hashes);
    }
}

fn ahead(number: usize, record: &Record) -> Ahead {
    let fingerprint = Fingerprint { hash: record.hash, extent: Extent::of_bits(record.length) };
    Ahead { fingerprint, recognised: recognised(number, record) }
}

fn recognised(number: usize, record: &Record) -> Recognised {
    Recognised { number, key: ObjectKey(record.key), living: record.living }
}

impl Recall for Recalling<'_> {
    fn record(&self, number: usize) -> Option<Ahead> {
        Some(ahead(number, &self.last.old.get(number)?))
    }

    fn knew(&self, hash: u128) -> Option<ObjectKey> {
        let old = self.last.old;
        Some(ObjectKey(old.get(old.of_hash(hash)?)?.key))
    }

    fn number_of(&self, key: ObjectKey, is_met: &dyn Fn(usize) -> bool) -> Option<usize> {
        self.last.old.of_key(key.0).find(|number| is_met(*number))
    }

    fn count(&self) -> usize {
        self.last.old.len()
    }

    fn base(&mut self) -> Option<&mut dyn Base> {
        self.known.as_mut().map(|known| known as &mut dyn Base)
    }
}

impl Recognise for Recognising<'_> {
    fn parts(&mut self) -> Knowing<'_> {
        Knowing { follow: Some(&mut self.follow), any: Some(self.recall.last), recall: &mut self.recall }
    }
}

/// The keys of an export as they come.
#[derive(Default)]
pub(super) struct Sorted {
    /// Objects that were read or refused.
    pub read: ReadKeys,
    /// Objects of which nothing could be read.
    pub refused: BTreeSet<u64>,
    pub recognised: u64,
    /// Some record says only what changed, and nothing is kept that it could be put over.
    pub partial: bool,
    /// Changes were read.
    pub has_changes: bool,
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
    /// Notes what a change file says.
    pub fn change(&mut self, record: Record, object: &SourceObject, staging: &Staging) -> Result<(), StoreError> {
        self.has_changes = true;
        if !self.read.holds(record.key, staging)? {
            self.only_changed.insert(record.key);
        }
        match object.kind {
            ObjectKind::User => self.changes.0 += 1,
            ObjectKind::Group => self.changes.1 += 1,
        }
        if object.deletion == Deletion::Hard {
            self.touched.remove(&record.key);
            self.purged.insert(record.key);
        } else {
            self.purged.remove(&record.key);
            self.touched.insert(record.key, (object.kind, record));
        }
        Ok(())
    }
}
