//! Who is missing from what was read, and whom it says nothing of.

use std::sync::Arc;

use super::assignment::Heard;
use super::import::Request;
use super::known::{Known, OBJECT_KEY};
use super::read_keys::SortedKeys;
use crate::delta::{Met, Snapshot, absent_keys};
use crate::model::{Deletion, ObjectKind, SourceAnchor, SourceObject};
use crate::source::ObjectKey;
use crate::store::{Staged, StoreError};

/// One object that the state knows and the export lacks.
pub(super) struct Absent {
    pub anchor: SourceAnchor,
    pub kind: ObjectKind,
    /// It was there last time.
    pub newly: bool,
}

pub(super) fn absent(
    request: &Request<'_>,
    all: bool,
    (old, met): (&Snapshot, &Met),
    read: &SortedKeys,
    is_there: &(dyn Fn(u64) -> bool + Sync),
) -> Result<Vec<Absent>, StoreError> {
    // Where the old export is not known record by record, everybody the state knows has to be looked for.
    let candidates = (!all).then(|| absent_keys(old, met, read.iter()));
    let is_gone = |kind, anchor: &str| {
        let key = ObjectKey::of(kind, anchor).0;
        candidates.as_ref().map_or(!is_there(key), |candidates| candidates.contains(&key))
    };
    let found = match &candidates {
        Some(candidates) => request.store.objects_with_keys(request.job, candidates)?,
        None => request.store.objects_where(request.job, &is_gone)?,
    };
    let mut absent: Vec<Absent> =
        found.into_iter().map(|(kind, anchor, left)| Absent { anchor, kind, newly: !left }).collect();
    let is_missing = |(kind, anchor): &&(ObjectKind, SourceAnchor)| {
        !is_there(ObjectKey::of(*kind, anchor.as_str()).0) && !is_gone(*kind, anchor.as_str())
    };
    for (kind, anchor) in request.due.iter().filter(is_missing) {
        if request.store.object(request.job, anchor)?.is_some() {
            absent.push(Absent { anchor: anchor.clone(), kind: *kind, newly: false });
        }
    }
    Ok(absent)
}

/// Whom a folder of nothing but changes leaves out, or a snapshot that changes followed: nobody of them is absent, and who is
/// wanted all the same is as last known.
pub(super) fn add_untouched(
    request: &Request<'_>,
    (all, of_changes): (bool, bool),
    known: &Known<'_>,
    is_looked_for: &dyn Fn(u64) -> bool,
    heard: &mut Heard,
    put: &mut dyn FnMut(u64, Staged) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let as_known = |object: SourceObject| -> Result<Option<Staged>, StoreError> {
        let row = request.store.object(request.job, &object.anchor)?;
        let was_absent = object.origin.file.is_empty();
        // Whether absences count in a snapshot is not judged yet.
        if was_absent && !of_changes {
            return Ok(None);
        }
        // Of who is gone for good, and of whose account there is nothing left, nothing is wanted any more.
        if object.deletion == Deletion::Hard && row.is_none() {
            return Ok(None);
        }
        let left = was_absent || of_changes && row.is_some_and(|row| row.left_at.is_some());
        let (anchor, kind) = (object.anchor.clone(), object.kind);
        Ok(Some(Staged { anchor, kind, object: (!left).then(|| Arc::new(object)) }))
    };
    if all || request.assigned_only {
        return request.store.each_known(request.job, OBJECT_KEY, &mut |key, data| {
            let key = key.first_chunk().map_or(0, |key| u64::from_le_bytes(*key));
            if !is_looked_for(key) {
                return Ok(());
            }
            let object = known.read(data)?;
            known.keep(key, &object)?;
            let object = SourceObject { partial: false, ..object };
            if request.assigned_only && object.deletion == Deletion::None {
                heard.hear(&object);
            }
            as_known(object)?.map_or(Ok(()), |staged| put(key, staged))
        });
    }
    for (kind, anchor) in request.due {
        let key = ObjectKey::of(*kind, anchor.as_str());
        if !is_looked_for(key.0) {
            continue;
        }
        match known.object(key)? {
            Some(object) => {
                if let Some(staged) = as_known(object)? {
                    put(key.0, staged)?;
                }
            }
            None if !of_changes => {}
            None => {
                let row = request.store.object(request.job, anchor)?;
                if row.is_some_and(|row| row.left_at.is_some()) {
                    put(key.0, Staged { anchor: anchor.clone(), kind: *kind, object: None })?;
                }
            }
        }
    }
    Ok(())
}
