//! Objects whose export spells their anchor otherwise than the one by which they are remembered (sources.md 13).

use super::codec::guid;
use super::keys::{FIND, has_index, objects_with_key};
use super::{JobKey, Store, StoreError};
use crate::model::{ObjectKey, ObjectKind, SourceObject, SourceValue};

/// Attributes that hold anchors.
const REFERENCES: [&str; 2] = ["manager", "members"];

/// Finds the spelling by which objects are remembered.
pub struct Spellings<'a> {
    store: &'a Store,
    job: JobKey,
    /// GUIDs have but one spelling: of nobody else is anything to be found out.
    are_any: bool,
}

impl<'a> Spellings<'a> {
    pub fn new(store: &'a Store, job: JobKey) -> Result<Self, StoreError> {
        let are_any = store.read(|connection| {
            let mut texts = connection.prepare_cached("SELECT 1 FROM objects WHERE job = ?1 AND anchor < x''")?;
            Ok(has_index(connection)? && texts.exists([job.0])?)
        })?;
        Ok(Self { store, job, are_any })
    }

    /// Puts the object, and those whom it refers to, under the anchors that they are remembered by.
    pub fn restore(&self, object: &mut SourceObject) -> Result<(), StoreError> {
        if !self.are_any {
            return Ok(());
        }
        self.restore_one(&[object.kind], &mut object.anchor.0)?;
        for name in REFERENCES {
            let anchors = match object.attributes.get_mut(name) {
                Some(SourceValue::Text(anchor)) => std::slice::from_mut(anchor),
                Some(SourceValue::List(anchors)) => anchors.as_mut_slice(),
                Some(SourceValue::Bool(_) | SourceValue::Integer(_) | SourceValue::Roles(_)) | None => continue,
            };
            for anchor in anchors {
                self.restore_one(&[ObjectKind::User, ObjectKind::Group], anchor)?;
            }
        }
        Ok(())
    }

    fn restore_one(&self, kinds: &[ObjectKind], anchor: &mut String) -> Result<(), StoreError> {
        if guid(anchor).is_some() {
            return Ok(());
        }
        for kind in kinds {
            let key = ObjectKey::of(*kind, anchor);
            let known = self
                .store
                .read(|connection| objects_with_key(&mut *connection.prepare_cached(FIND)?, self.job, key))?;
            if known.iter().any(|(_, known, _)| known.as_str() == anchor) {
                return Ok(());
            }
            if let Some((_, known, _)) = known.into_iter().next() {
                *anchor = known.0;
                return Ok(());
            }
        }
        Ok(())
    }
}
