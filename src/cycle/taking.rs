//! Takes what is read of the source, record by record.

use std::io;
use std::sync::Arc;

use super::assignment::Heard;
use super::footing::{Footing, Says};
use super::import::Request;
use super::known::Known;
use super::new_snapshot::{put_away, record_of};
use super::reader::{Last, Sorted};
use super::refused::RefusedRecords;
use crate::delta::{Record, SnapshotBuilder};
use crate::model::{Deletion, ObjectKind, SourceAnchor, SourceObject, SourceValue};
use crate::source::{FileSet, Fingerprint, Handed, Lasting, ObjectKey, Read};
use crate::store::{Filling, Spellings, Staged, Staging, StoreError};

/// Objects of two kinds with one id that are named.
const MOST_CLASHES: usize = 20;

/// One reading, as far as it came.
pub(super) struct Taking<'a> {
    pub request: &'a Request<'a>,
    pub set: &'a FileSet,
    pub staging: &'a Staging,
    pub footing: &'a Footing,
    pub last: &'a Last<'a>,
    pub known: &'a Known<'a>,
    pub spellings: Spellings<'a>,
    pub filling: Filling<'a>,
    pub builder: SnapshotBuilder,
    pub sorted: Sorted,
    pub heard: Heard,
    pub clashes: Vec<SourceAnchor>,
    /// The export is another than the last one.
    pub differs: bool,
    refused_records: Option<RefusedRecords>,
    kept_refused: io::Result<()>,
}

/// An object as it was read.
struct One<'r> {
    fingerprint: Fingerprint,
    key: ObjectKey,
    object: Handed<'r>,
    change: bool,
    lasting: Lasting,
    renamed_to: Option<String>,
}

impl<'a> Taking<'a> {
    pub(super) fn new(
        request: &'a Request<'a>,
        set: &'a FileSet,
        staging: &'a Staging,
        footing: &'a Footing,
        last: &'a Last<'a>,
        known: &'a Known<'a>,
    ) -> Result<Self, StoreError> {
        let keeps_refused = request.keep_refused_at.filter(|_| request.settings.keep_refused);
        Ok(Self {
            request,
            set,
            staging,
            footing,
            last,
            known,
            spellings: Spellings::new(request.store, request.job)?,
            filling: staging.fill()?,
            builder: SnapshotBuilder::default(),
            sorted: Sorted::default(),
            heard: Heard::default(),
            clashes: Vec::new(),
            differs: false,
            refused_records: keeps_refused.map(|now| RefusedRecords::new(request.store.path(), now)),
            kept_refused: Ok(()),
        })
    }

    pub(super) fn take(&mut self, read: Read<'_>) -> Result<(), StoreError> {
        let old = self.last.old;
        match read {
            Read::Known { fingerprint, key, living, number, .. } => {
                self.sorted.recognised += u64::from(key.0 != 0);
                match number {
                    Some(number) => self.builder.push_old(old, number),
                    None => self.builder.push(old, record_of(fingerprint, key, living)),
                }
            }
            Read::Run { first, count, .. } => {
                self.sorted.recognised += count as u64;
                self.builder.push_run(old, first..first + count);
            }
            Read::Ignored { fingerprint, number, change, lasting, .. } => {
                match number {
                    _ if change => {}
                    Some(number) => self.builder.push_old(old, number),
                    None => self.builder.push(old, record_of(fingerprint, ObjectKey(0), true)),
                }
                if let Lasting::Entry(entry) = lasting {
                    self.known.learn_entry(*entry, None)?;
                }
            }
            Read::Gone { dn, moved, .. } => self.known.forget_entry(&dn, moved)?,
            Read::Object { fingerprint, key, object, change, lasting, renamed_to, .. } => {
                self.object(One { fingerprint, key, object, change, lasting, renamed_to })?;
            }
            // The living record of the same object is handed over beside it.
            Read::Withdrawn { hash, .. } => self.builder.withdraw(hash),
            Read::Refused { file, line, code, key, message, text } => {
                if let Some(records) = self.refused_records.as_mut().filter(|_| self.kept_refused.is_ok()) {
                    // A full disk must not end the cycle: these texts only help to look for the cause.
                    let name = self.set.files.get(file).map_or("", |file| &file.name);
                    self.kept_refused = records.keep((file, name), line, code, &message, text.as_deref());
                }
                if let Some(key) = key {
                    self.sorted.read.insert(key.0);
                    self.sorted.refused.insert(key.0);
                }
            }
            Read::Change { .. } => self.sorted.partial = true,
        }
        self.sorted.read.put_away(self.staging)?;
        put_away(&mut self.builder, self.staging)
    }

    /// Ends with the set: what could not be kept of refused records.
    pub(super) fn finish_refused(&mut self) -> io::Result<()> {
        std::mem::replace(&mut self.kept_refused, Ok(()))?;
        self.refused_records.take().map_or(Ok(()), RefusedRecords::finish)
    }

    fn object(&mut self, one: One<'_>) -> Result<(), StoreError> {
        let One { fingerprint, mut key, object, change, lasting, renamed_to } = one;
        let mut object = Box::new(object.into_object());
        self.spellings.restore(&mut object)?;
        self.request.store.choose_again(self.request.job, &mut object)?;
        let living = object.deletion == Deletion::None;
        if change && !living && object.kind == ObjectKind::User {
            // What is gone need not say what it was (sources.md 8.3).
            let group = ObjectKey::of(ObjectKind::Group, object.anchor.as_str());
            if self.known.object(key)?.is_none() && self.known.object(group)?.is_some() {
                (object.kind, key) = (ObjectKind::Group, group);
            }
        }
        let record = record_of(fingerprint, key, living);
        if change {
            self.sorted.change(record, &object, self.staging)?;
        } else {
            if self.footing.is_anew && !self.known.is_fresh() {
                self.known.begin_anew();
            }
            self.sorted.only_changed.remove(&key.0);
            self.builder.push(self.last.old, record);
        }
        self.sorted.read.insert(key.0);
        if !self.complete(&mut object, &record, change, lasting)? {
            self.sorted.without_base.push(object.anchor.0);
            return Ok(());
        }
        if self.request.assigned_only {
            self.heard.hear(&object);
        }
        if let Some(to) = renamed_to.filter(|_| living)
            && let Some(rename) = self.follow(&mut object, to)?
        {
            self.sorted.read.insert(ObjectKey::of(object.kind, object.anchor.as_str()).0);
            self.sorted.renames.extend(rename);
        }
        let (anchor, kind) = (object.anchor.clone(), object.kind);
        let staged = Staged { anchor: anchor.clone(), kind, object: Some(Arc::from(object)) };
        if !self.filling.put(staged)? && self.clashes.len() < MOST_CLASHES {
            self.clashes.push(anchor);
        }
        Ok(())
    }

    /// Makes an object whole with what is known of it; false for a change of an object of which nothing is known.
    fn complete(
        &mut self,
        object: &mut SourceObject,
        record: &Record,
        change: bool,
        lasting: Lasting,
    ) -> Result<bool, StoreError> {
        let key = ObjectKey(record.key);
        if lasting == Lasting::Nothing {
            self.sorted.partial |= object.partial;
            return Ok(true);
        }
        let says = match change {
            true => Says::SomethingNew,
            false => {
                self.differs |= self.footing.differs(record, self.last);
                self.footing.says(record, self.last)
            }
        };
        match says {
            Says::TheSame => {
                if let Some(last) = self.known.object(key)? {
                    *object = SourceObject { origin: object.origin.clone(), ..last };
                }
                Ok(true)
            }
            Says::TheSameReadAnew => {
                if let Some(last) = self.known.of_state(key)? {
                    self.footing.superseded.renew(object, last);
                }
                // Where its entry lies by now the state knows.
                self.known.complete(object, key, Lasting::Object)
            }
            Says::SomethingNew => self.known.complete(object, key, lasting),
        }
    }

    /// Puts an object under the new anchor that its record gives it (sources.md 13), unless somebody else is known under that.
    ///
    /// Returns the rename that the state has yet to follow, if it has.
    fn follow(
        &self,
        object: &mut SourceObject,
        to: String,
    ) -> Result<Option<Option<(SourceAnchor, SourceAnchor)>>, StoreError> {
        let (from, to) = (object.anchor.clone(), SourceAnchor(to));
        let is_known = |anchor| Ok::<_, StoreError>(self.request.store.object(self.request.job, anchor)?.is_some());
        let (old, new) = (is_known(&from)?, is_known(&to)?);
        if old && new {
            return Ok(None);
        }
        let login = object.attributes.get_mut("userPrincipalName");
        if let Some(SourceValue::Text(login)) = login.filter(|login| **login == SourceValue::Text(from.0.clone())) {
            login.clone_from(&to.0);
        }
        object.anchor = to.clone();
        Ok(Some(old.then_some((from, to))))
    }
}
