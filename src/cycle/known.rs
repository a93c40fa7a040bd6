//! The last known attributes of everybody, to which change files apply (sources.md 8.3, 9.5, 16.1).

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use crate::model::{Deletion, ObjectKind, Origin, SourceAnchor, SourceObject, SourceValue};
use crate::source::{Base, BaseKey, Entry, Lasting, ObjectKey};
use crate::store::{JobKey, Staging, Store, StoreError};

/// Bytes of the key of an object.
pub(super) const OBJECT_KEY: u32 = 8;

/// Bytes of the key of an entry.
const ENTRY_KEY: u32 = 16;

/// What is known: what this cycle learned, and below it what the state holds.
pub(super) struct Known<'a> {
    store: &'a Store,
    job: JobKey,
    staging: &'a Staging,
    /// The set gives everything anew: what the state holds does not count.
    fresh: Cell<bool>,
    /// Names that entries lie directly below, once somebody has asked.
    parents: RefCell<Option<HashSet<BaseKey>>>,
    /// Names that nobody asked for when what the state holds was read.
    newly_wanted: BTreeSet<String>,
    /// The first error of the state, of calls that cannot return one.
    error: RefCell<Option<StoreError>>,
}

/// An LDIF entry as it is stored.
#[derive(Serialize, Deserialize)]
struct EntryRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    anchor: Option<String>,
    /// None: it moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entry: Option<Entry>,
}

#[derive(Deserialize)]
struct NameOnly<'a> {
    #[serde(borrow)]
    entry: Option<Name<'a>>,
}

#[derive(Deserialize)]
struct Name<'a> {
    #[serde(borrow)]
    dn: Cow<'a, str>,
}

#[derive(Deserialize)]
struct AnchorOnly {
    anchor: Option<SourceAnchor>,
    /// Of an object.
    deletion: Option<Deletion>,
    entry: Option<serde::de::IgnoredAny>,
}

impl<'a> Known<'a> {
    pub(super) fn new(store: &'a Store, job: JobKey, staging: &'a Staging) -> Self {
        Self {
            store,
            job,
            staging,
            fresh: Cell::new(false),
            parents: RefCell::default(),
            newly_wanted: BTreeSet::new(),
            error: RefCell::default(),
        }
    }

    /// Of these names the state holds nothing, whether or not the source does: what it lacks is not known.
    pub(super) fn lacking(self, newly_wanted: BTreeSet<String>) -> Self {
        Self { newly_wanted, ..self }
    }

    /// Reads an object as it is stored.
    pub(super) fn read(&self, data: &str) -> Result<SourceObject, StoreError> {
        let mut object: SourceObject = serde_json::from_str(data)?;
        for name in &self.newly_wanted {
            if !object.attributes.contains_key(name) && !object.rest.contains_key(name) {
                object.unknown.insert(name.clone());
            }
        }
        Ok(object)
    }

    /// From here on only what this cycle learned counts.
    pub(super) fn begin_anew(&self) {
        self.fresh.set(true);
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.fresh.get()
    }

    /// The error that a call met which could not return it.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.error.take().map_or(Ok(()), Err)
    }

    fn get(&self, key: &[u8]) -> Result<Option<String>, StoreError> {
        match self.staging.learned(key)? {
            Some(learned) => Ok(learned),
            None if self.fresh.get() => Ok(None),
            None => self.store.known(self.job, key),
        }
    }

    /// The object as it was last known, deleted or not.
    pub(super) fn object(&self, key: ObjectKey) -> Result<Option<SourceObject>, StoreError> {
        let data = self.get(&key.0.to_le_bytes())?;
        data.map(|data| Ok(SourceObject { partial: false, ..self.read(&data)? })).transpose()
    }

    /// [`Known::object`] as the state has it, whatever this cycle learned.
    pub(super) fn of_state(&self, key: ObjectKey) -> Result<Option<SourceObject>, StoreError> {
        let data = self.store.known(self.job, &key.0.to_le_bytes())?;
        data.map(|data| self.read(&data)).transpose()
    }

    /// Learns of an object what the state has, where else nothing would be known of it any more.
    pub(super) fn keep(&self, key: u64, object: &SourceObject) -> Result<(), StoreError> {
        if !self.fresh.get() && self.newly_wanted.is_empty() {
            return Ok(());
        }
        self.staging.learn(&key.to_le_bytes(), Some(&serde_json::to_string(object)?))
    }

    /// [`Known::keep`] of all entries that were not met.
    pub(super) fn keep_entries(&self) -> Result<(), StoreError> {
        if !self.fresh.get() {
            return Ok(());
        }
        self.store.each_known(self.job, ENTRY_KEY, &mut |key, data| match self.staging.has_learned(key)? {
            true => Ok(()),
            false => self.staging.learn(key, Some(data)),
        })
    }

    /// Notes that a complete export lacks the object; a change may bring it back.
    pub(super) fn note_absent(&self, key: ObjectKey) -> Result<(), StoreError> {
        let last = self.object(key)?.map_or_else(|| self.of_state(key), |last| Ok(Some(last)))?;
        let Some(mut last) = last.filter(|last| last.deletion != Deletion::Hard) else { return Ok(()) };
        last.deletion = Deletion::Soft;
        last.origin = Origin { file: "".into(), line: 0 };
        self.staging.learn(&key.0.to_le_bytes(), Some(&serde_json::to_string(&last)?))
    }

    /// What a record of an object says less than all over, and whether nothing but its deletion was known: whoever comes back
    /// comes whole.
    ///
    /// What a deleted record alone said, and who is gone for good, is no base. A set that gives everything anew leaves out whoever
    /// was learned of by a change: what the state holds of them is one.
    fn last(&self, key: ObjectKey, object: &SourceObject) -> Result<(Option<SourceObject>, bool), StoreError> {
        let stored = key.0.to_le_bytes();
        let data = match self.get(&stored)? {
            None if self.fresh.get() && object.partial => self.store.known(self.job, &stored)?,
            data => data,
        };
        let last = data.map(|data| self.read(&data)).transpose()?;
        let was_gone = last.as_ref().is_some_and(|last| last.deletion == Deletion::Hard || last.partial);
        Ok((last.filter(|_| !was_gone), was_gone))
    }

    /// Notes that no entry is under a distinguished name any more; by the name of one that moved it is found still.
    pub(super) fn forget_entry(&self, dn: &str, moved: bool) -> Result<(), StoreError> {
        let Some(key) = BaseKey::of_dn(dn).map(bytes) else { return Ok(()) };
        let anchor = match self.get(&key)?.filter(|_| moved) {
            Some(data) => serde_json::from_str::<EntryRow>(&data)?.anchor,
            None => None,
        };
        let row = anchor.map(|anchor| serde_json::to_string(&EntryRow { anchor: Some(anchor), entry: None }));
        self.staging.learn(&key, row.transpose()?.as_deref())
    }

    /// Notes that nothing is under the names of these objects any more: whoever has one next is added.
    pub(super) fn forget_entries_of(&self, anchors: &HashSet<&str>) -> Result<(), StoreError> {
        if anchors.is_empty() || self.fresh.get() {
            return Ok(());
        }
        self.store.each_known(self.job, ENTRY_KEY, &mut |key, data| {
            let anchor = serde_json::from_str::<AnchorOnly>(data)?.anchor;
            match anchor.filter(|anchor| {
                anchors.contains(anchor.as_str()) && matches!(self.staging.has_learned(key), Ok(false))
            }) {
                Some(_) => self.staging.learn(key, None),
                None => Ok(()),
            }
        })
    }

    /// Calls `each` with the key and the name of every entry, those of the state first.
    fn each_entry(&self, each: &mut dyn FnMut(&[u8], &str)) -> Result<(), StoreError> {
        let mut with_name = |key: &[u8], data: &str| -> Result<(), StoreError> {
            if let Some(named) = serde_json::from_str::<NameOnly<'_>>(data)?.entry {
                each(key, &named.dn);
            }
            Ok(())
        };
        if !self.fresh.get() {
            self.store.each_known(self.job, ENTRY_KEY, &mut |key, data| match self.staging.has_learned(key)? {
                true => Ok(()),
                false => with_name(key, data),
            })?;
        }
        self.staging.each_learned_text(ENTRY_KEY as usize, &mut with_name)
    }

    /// Whether something lies directly below the name; what was there once counts too.
    fn has_below(&self, key: BaseKey) -> Result<bool, StoreError> {
        if self.parents.borrow().is_none() {
            let mut parents = HashSet::new();
            self.each_entry(&mut |_, dn| parents.extend(BaseKey::above(dn).next()))?;
            self.parents.replace(Some(parents));
        }
        Ok(self.parents.borrow().as_ref().is_some_and(|parents| parents.contains(&key)))
    }

    fn all_below(&self, dn: &str) -> Result<Vec<BaseKey>, StoreError> {
        let mut found = Vec::new();
        let Some(key) = BaseKey::of_dn(dn) else { return Ok(found) };
        if self.has_below(key)? {
            self.each_entry(&mut |own, dn| {
                if BaseKey::above(dn).any(|above| above == key) {
                    found.extend(own.first_chunk().map(|own| BaseKey::Entry(u128::from_le_bytes(*own))));
                }
            })?;
        }
        Ok(found)
    }

    /// Notes an entry that is no person or group.
    pub(super) fn learn_entry(&self, entry: Entry, anchor: Option<String>) -> Result<(), StoreError> {
        let Some(key) = BaseKey::of_dn(&entry.dn) else { return Ok(()) };
        if let Some(parents) = self.parents.borrow_mut().as_mut() {
            parents.extend(BaseKey::above(&entry.dn).next());
        }
        self.staging.learn(&bytes(key), Some(&serde_json::to_string(&EntryRow { anchor, entry: Some(entry) })?))
    }

    /// Makes a record whole with what is known of its object, and learns from it.
    ///
    /// Returns false for a change of an object of which nothing is known, though it was provisioned.
    pub(super) fn complete(
        &self,
        object: &mut SourceObject,
        key: ObjectKey,
        lasting: Lasting,
    ) -> Result<bool, StoreError> {
        let needs_last = object.partial || object.deletion != Deletion::None || !object.unknown.is_empty();
        let (last, was_gone) = if needs_last { self.last(key, object)? } else { (None, false) };
        let mut begins = false;
        match (object.deletion, last) {
            (Deletion::None, Some(last)) => overlay(object, last),
            (Deletion::None, None)
                if object.partial && !was_gone && self.store.object(self.job, &object.anchor)?.is_some() =>
            {
                return Ok(false);
            }
            (Deletion::None, None) => begin(object),
            // A deleted record only deletes (sources.md 12.2); who comes back is as before.
            (Deletion::Soft | Deletion::Hard, last) => {
                begins = last.is_none();
                keep_last(object, last);
            }
        }
        // That it is deleted is learned too: whoever is evaluated again is deleted still.
        object.partial = begins;
        self.staging.learn(&key.0.to_le_bytes(), Some(&serde_json::to_string(object)?))?;
        object.partial = false;
        if let Lasting::Entry(entry) = lasting {
            self.learn_entry(*entry, Some(object.anchor.0.clone()))?;
        }
        Ok(true)
    }

    fn note<T>(&self, result: Result<Option<T>, StoreError>) -> Option<T> {
        result.unwrap_or_else(|error| {
            self.error.borrow_mut().get_or_insert(error);
            None
        })
    }
}

impl Base for &Known<'_> {
    fn entry(&mut self, key: BaseKey) -> Option<Entry> {
        let row = self
            .get(&bytes(key))
            .and_then(|data| Ok(data.map(|data| serde_json::from_str::<EntryRow>(&data)).transpose()?));
        self.note(row)?.entry
    }

    fn anchor(&mut self, key: BaseKey) -> Option<String> {
        let row = self
            .get(&bytes(key))
            .and_then(|data| Ok(data.map(|data| serde_json::from_str::<AnchorOnly>(&data)).transpose()?));
        let AnchorOnly { anchor, deletion, entry } = self.note(row)?;
        let anchor = anchor?.0;
        if let (BaseKey::Entry(_), None) = (key, entry) {
            // it moved, and may have been deleted since
            let kinds = [ObjectKind::User, ObjectKind::Group];
            let is_there = kinds.iter().any(|kind| self.anchor(BaseKey::of_object(*kind, &anchor)).is_some());
            return is_there.then_some(anchor);
        }
        (deletion != Some(Deletion::Hard)).then_some(anchor)
    }

    fn below(&mut self, dn: &str) -> Vec<BaseKey> {
        let below = self.all_below(dn).map(Some);
        self.note(below).unwrap_or_default()
    }
}

fn bytes(key: BaseKey) -> Vec<u8> {
    match key {
        BaseKey::Object(key) => key.0.to_le_bytes().to_vec(),
        BaseKey::Entry(hash) => hash.to_le_bytes().to_vec(),
    }
}

/// What a deletion says of the object besides is not applied.
fn keep_last(object: &mut SourceObject, last: Option<SourceObject>) {
    object.partial = false;
    let Some(last) = last else { return };
    for (own, last) in [(&mut object.attributes, last.attributes), (&mut object.rest, last.rest)] {
        for (name, value) in last {
            if !own.contains_key(&name) {
                own.insert(name, value);
            }
        }
    }
}

/// A change of an object of which nothing was known says all that there is.
fn begin(object: &mut SourceObject) {
    object.cleared.clear();
    object.removed.clear();
    if object.partial {
        object.incomplete.clear();
    }
}

/// Puts a record over what is known: what it does not name is unchanged, what it cannot read too, what it empties goes.
fn overlay(object: &mut SourceObject, last: SourceObject) {
    let partial = object.partial;
    let canonical = last.attributes.into_iter().map(|(name, value)| (true, name, value));
    let others = last.rest.into_iter().map(|(name, value)| (false, name, value));
    for (canonical, name, value) in canonical.chain(others) {
        let holds = (partial && !object.cleared.contains(&*name)) || object.unknown.contains(&*name);
        let own = if canonical { &mut object.attributes } else { &mut object.rest };
        match own.get_mut(&name) {
            Some(SourceValue::List(now)) if object.incomplete.contains(&*name) => {
                if let SourceValue::List(last) = value {
                    now.extend(last.into_iter().filter(|text| !now.contains(text)).collect::<Vec<_>>());
                }
            }
            Some(_) => {}
            None if holds => {
                object.unknown.remove(&*name);
                own.insert(name, value);
            }
            None => {}
        }
    }
    for (name, gone) in std::mem::take(&mut object.removed) {
        let Some(SourceValue::List(now)) = object.attributes.get_mut(&name) else { continue };
        now.retain(|text| !gone.iter().any(|other| other.eq_ignore_ascii_case(text)));
        if now.is_empty() {
            object.attributes.remove(&name);
        }
    }
    if partial {
        let is_silent = |name: &String| object.attribute(name).is_none() && !object.cleared.contains(name);
        let unknown: Vec<String> = last.unknown.into_iter().filter(is_silent).collect();
        object.unknown.extend(unknown);
        // with what was known the list is as whole as it was
        object.incomplete.retain(|name| last.incomplete.contains(name));
    }
    object.cleared.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> SourceObject {
        let mut value = serde_json::json!({
            "kind": "user", "anchor": "a", "deletion": "none", "attributes": {}, "rest": {}, "unknown": [], "cleared": [],
            "incomplete": [], "unresolved": {}, "partial": false, "origin": {"file": "f", "line": 1},
        });
        let more: serde_json::Value = serde_json::from_str(text).expect("JSON");
        for (name, member) in more.as_object().expect("an object") {
            value[name] = member.clone();
        }
        serde_json::from_value(value).expect("an object of the source")
    }

    #[test]
    fn a_record_is_put_over_what_is_known() {
        let last = r#"{"attributes": {"city": "Oslo", "mail": "a@x", "members": ["1", "2"]}, "rest": {"shoe": "42"}}"#;
        let cases = [
            (
                "what is not named is unchanged",
                r#"{"partial": true, "attributes": {"city": "Bergen"}}"#,
                r#"{"attributes": {"city": "Bergen", "mail": "a@x", "members": ["1", "2"]}, "rest": {"shoe": "42"}}"#,
            ),
            (
                "what is emptied goes",
                r#"{"partial": true, "cleared": ["mail"]}"#,
                r#"{"attributes": {"city": "Oslo", "members": ["1", "2"]}, "rest": {"shoe": "42"}}"#,
            ),
            (
                "in a snapshot what is not named is gone",
                r#"{"attributes": {"city": "Bergen"}}"#,
                r#"{"attributes": {"city": "Bergen"}}"#,
            ),
            (
                "but not what could not be read",
                r#"{"attributes": {"city": "Bergen"}, "unknown": ["mail", "fax"]}"#,
                r#"{"attributes": {"city": "Bergen", "mail": "a@x"}, "unknown": ["fax"]}"#,
            ),
            (
                "what came to a list and what went from it",
                r#"{"partial": true, "attributes": {"members": ["3"]}, "incomplete": ["members"], "removed": {"members": ["1"]}}"#,
                r#"{"attributes": {"city": "Oslo", "mail": "a@x", "members": ["3", "2"]}, "rest": {"shoe": "42"}}"#,
            ),
            (
                "the last ones went",
                r#"{"partial": true, "removed": {"members": ["2", "1"]}}"#,
                r#"{"attributes": {"city": "Oslo", "mail": "a@x"}, "rest": {"shoe": "42"}}"#,
            ),
            (
                "of part of a list none is taken away",
                r#"{"attributes": {"members": ["2", "3"]}, "incomplete": ["members"]}"#,
                r#"{"attributes": {"members": ["2", "3", "1"]}, "incomplete": ["members"]}"#,
            ),
        ];
        for (name, record, expected) in cases {
            let mut found = object(record);
            overlay(&mut found, object(last));
            found.partial = false;
            assert_eq!(found, object(expected), "{name}");
        }
    }
}
