//! Finds single people in the source, without parsing everybody else.

use std::cell::RefCell;
use std::collections::HashSet;

use regex::bytes::{Regex, RegexBuilder};

use super::assignment::{Assigned, Heard};
use super::known::{Known, OBJECT_KEY};
use super::named::{Meant, Names};
use super::new_snapshot::record_of;
use super::superseded::Superseded;
use crate::config::{Job, ScopeMode};
use crate::delta::Snapshot;
use crate::model::{Deletion, ObjectKind, SourceObject};
use crate::source::{
    self, Base, FileSet, Knowing, Lasting, Look, LostNames, ObjectKey, Read, Recall, Recognise, SetMemory, SetMode,
    SetReport,
};
use crate::store::{JobKey, ObjectRow, Staging, Store, StoreError};

/// More names than this are looked for in every record.
const MOST_NEEDLES: usize = 64;

/// What a search of the source gave.
pub(super) struct Search {
    /// Who is assigned; `None` where the source does not say.
    pub assigned: Option<Assigned>,
    pub meant: Meant,
    /// Whose records could not be read, as far as that could be.
    unread: HashSet<ObjectKey>,
    pub report: SetReport,
}

impl Search {
    /// Why nobody knows whether an object that was not found has left, where that is so (sources.md 16.3).
    pub fn may_hold(&self, row: &ObjectRow) -> Option<&'static str> {
        if self.unread.contains(&ObjectKey::of(row.kind, row.anchor.as_str())) {
            return Some("its record in the export cannot be read");
        }
        // Whoever left before is not looked for among them.
        if row.left_at.is_some() {
            return None;
        }
        match self.report.mode {
            SetMode::Changes => Some("the export holds changes alone, which say nothing of others"),
            SetMode::Snapshot | SetMode::Both => {
                (self.report.refused_without_anchor > 0).then_some("a record that cannot be read may be this person's")
            }
        }
    }
}

/// What a folder of nothing but changes is read over.
pub(super) struct Before<'a> {
    pub store: &'a Store,
    pub job: JobKey,
    /// What was remembered of the last export; none: nothing was read yet.
    memory: Option<String>,
}

impl<'a> Before<'a> {
    pub fn new(store: &'a Store, job: JobKey) -> Result<Self, StoreError> {
        let memory = match store.job_state(job)?.watermark {
            Some(watermark) => Some(watermark.memory),
            None => store.known_memory(job)?,
        };
        Ok(Self { store, job, memory })
    }

    /// What of it decides about changes and anchors; whether the rest of the set fits to the last one is for a cycle to judge.
    fn memory(&self) -> Option<SetMemory> {
        let memory: SetMemory = serde_json::from_str(self.memory.as_deref()?).ok()?;
        Some(match memory.takes_changes {
            true => memory.for_changes(),
            false => {
                let SetMemory { anchors, anchor_sources, .. } = memory;
                SetMemory { anchors, anchor_sources, ..SetMemory::default() }
            }
        })
    }

    fn superseded(&self, memory: Option<&SetMemory>, settings: u64) -> Result<Superseded, StoreError> {
        let Some(memory) = memory.filter(|memory| memory.changed) else { return Ok(Superseded::default()) };
        let is_read_anew = memory.settings.is_some_and(|before| before != settings);
        let snapshot = self.store.snapshot(self.job)?.and_then(Snapshot::decode).unwrap_or_default();
        Ok(Superseded::of(&snapshot, is_read_anew))
    }
}

/// Reads the source for the people called `ids`; of whom change files do not speak is as last known.
///
/// First only records that hold one of the names are decoded; who is not found so (a name may be folded or encoded in the
/// file) is looked for in every record.
///
/// Where somebody else of another kind is called so too, one of the kind `sought` is meant.
pub(super) fn search(job: &Job, ids: &[String], sought: ObjectKind, before: &Before<'_>) -> Result<Search, StoreError> {
    let read = |needles| read(job, ids, sought, needles, before);
    // Whether somebody is assigned may stand in the record of a group.
    let all = job.scope_mode == ScopeMode::Assigned || ids.len() > MOST_NEEDLES;
    let needles = if all { None } else { needles(ids) };
    let Some(needles) = needles else { return read(None) };
    let quick = read(Some(&needles))?;
    if quick.report.mode == SetMode::Changes && !quick.report.refused {
        // changes name people otherwise than a person would
        return read(None);
    }
    // Whether a last record without its line end is cut is seen only where it is decoded.
    let may_be_cut = quick.report.files.iter().any(|file| !file.ended);
    if quick.report.refused || (!may_be_cut && ids.iter().all(|id| quick.meant.knows(id))) {
        return Ok(quick);
    }
    read(None)
}

fn needles(ids: &[String]) -> Option<Regex> {
    let pattern = ids.iter().map(|id| regex::escape(id)).collect::<Vec<_>>().join("|");
    RegexBuilder::new(&pattern).case_insensitive(true).size_limit(10 << 20).build().ok()
}

/// Decodes records in which a name stands, over what is known for changes to apply to.
struct Sought<'k> {
    /// None: all records are wanted.
    needles: Option<&'k Regex>,
    known: Option<&'k Known<'k>>,
}

impl Recall for Sought<'_> {
    fn wanted(&self) -> Option<&Regex> {
        self.needles
    }

    fn base(&mut self) -> Option<&mut dyn Base> {
        self.known.as_mut().map(|known| known as &mut dyn Base)
    }
}

impl Recognise for Sought<'_> {
    fn parts(&mut self) -> Knowing<'_> {
        Knowing { follow: None, any: None, recall: self }
    }
}

fn read(
    job: &Job,
    ids: &[String],
    sought: ObjectKind,
    needles: Option<&Regex>,
    before: &Before<'_>,
) -> Result<Search, StoreError> {
    let search = read_by(Look::Head, LostNames::new(), job, Names::new(ids, sought), needles, before)?;
    let look = if search.report.misread { Look::Whole } else { Look::Head };
    let again = |lost: LostNames| read_by(look, lost, job, Names::new(ids, sought), needles, before);
    let search = if search.report.misread { again(LostNames::new())? } else { search };
    if search.report.lost.is_empty() || search.report.refused { Ok(search) } else { again(search.report.lost) }
}

fn read_by(
    look: Look,
    lost: LostNames,
    job: &Job,
    names: Names<'_>,
    needles: Option<&Regex>,
    before: &Before<'_>,
) -> Result<Search, StoreError> {
    let set = FileSet { look, lost, ..source::find(&job.source) };
    let user_login = job.mapping.users.mapping.first_matching_source();
    let group_login = job.mapping.groups.as_ref().and_then(|groups| groups.mapping.first_matching_source());
    let mut heard = Heard::default();
    let mut read: HashSet<ObjectKey> = HashSet::new();
    let mut unread: HashSet<ObjectKey> = HashSet::new();
    let names = RefCell::new(names);
    let mut meet = |object: SourceObject| {
        if job.scope_mode == ScopeMode::Assigned {
            heard.hear(&object);
        }
        let login = match object.kind {
            ObjectKind::User => user_login,
            ObjectKind::Group => group_login,
        };
        names.borrow_mut().meet(&object, login);
    };
    let memory = before.memory();
    let staging = Staging::open()?;
    let known = Known::new(before.store, before.job, &staging);
    let superseded = before.superseded(memory.as_ref(), job.source.digest())?;
    let mut sink = |one: Read<'_>| -> Result<(), StoreError> {
        match one {
            Read::Object { fingerprint, object, key, change, lasting, .. } => {
                let mut object = object.into_object();
                read.insert(key);
                if !change && superseded.holds(&record_of(fingerprint, key, true)) {
                    if let Some(last) = known.object(key)? {
                        superseded.renew(&mut object, last);
                    }
                } else if change {
                    // who is not known stays partial
                    object.partial = !known.complete(&mut object, key, lasting)? && object.partial;
                }
                meet(object);
            }
            Read::Ignored { change: true, lasting: Lasting::Entry(entry), .. } => known.learn_entry(*entry, None)?,
            Read::Gone { dn, moved, .. } => known.forget_entry(&dn, moved)?,
            Read::Refused { file, line, code, key, message, text } => {
                unread.extend(key);
                let name = set.files.get(file).map_or("", |file| &file.name);
                names.borrow_mut().refuse((name, line), code, message, text, key);
            }
            Read::Known { .. }
            | Read::Run { .. }
            | Read::Ignored { .. }
            | Read::Withdrawn { .. }
            | Read::Change { .. } => {}
        }
        Ok(())
    };
    let takes_changes = memory.as_ref().is_some_and(|memory| memory.takes_changes);
    let mut sought = Sought { needles, known: takes_changes.then_some(&known) };
    let report = source::read(&job.source, &set, memory.as_ref(), &mut sought, &mut sink)?;
    known.check()?;
    let has_changes = report.mode == SetMode::Changes || !superseded.is_empty();
    if has_changes && !report.refused {
        before.store.each_known(before.job, OBJECT_KEY, &mut |key, data| {
            let key = ObjectKey(key.first_chunk().map_or(0, |key| u64::from_le_bytes(*key)));
            // who stands in the snapshot beside the changes is sought there
            if !read.contains(&key) && (report.mode == SetMode::Changes || !superseded.knows(key.0)) {
                let object = SourceObject { partial: false, ..serde_json::from_str(data)? };
                let row = before.store.object(before.job, &object.anchor)?;
                // who left is found in the state
                if row.map_or(object.deletion != Deletion::Hard, |row| row.left_at.is_none()) {
                    meet(object);
                }
            }
            Ok(())
        })?;
    }
    let assigned = heard.judge(&report);
    Ok(Search { assigned, meant: names.into_inner().meant(), unread, report })
}
