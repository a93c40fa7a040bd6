//! Objects whose export spells their anchor otherwise than the one by which they are remembered (sources.md 13).

use rusqlite::params;

use super::codec::{guid, identifier};
use super::keys::{has_index, stored};
use super::{JobKey, Store, StoreError};
use crate::model::{ObjectKey, ObjectKind, SourceAnchor, SourceObject, SourceValue};

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
            let known = self.remembered(*kind, anchor)?;
            if known.iter().any(|known| known.as_str() == anchor) {
                return Ok(());
            }
            if let Some(known) = known.into_iter().next() {
                *anchor = known.0;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Objects of this anchor, however spelled.
    fn remembered(&self, kind: ObjectKind, anchor: &str) -> Result<Vec<SourceAnchor>, StoreError> {
        let wanted = ObjectKey::of(kind, anchor);
        self.store.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT anchor FROM objects INDEXED BY objects_by_key WHERE job = ?1 AND key = ?2 ORDER BY anchor",
            )?;
            let mut rows = statement.query(params![self.job.0, stored(kind, anchor)])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let known = identifier(row.get_ref(0)?)?;
                if ObjectKey::of(kind, &known) == wanted {
                    found.push(SourceAnchor(known));
                }
            }
            Ok(found)
        })
    }
}
