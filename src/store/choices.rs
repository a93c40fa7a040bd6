//! Which of several values of a single attribute was taken (sources.md 11): a directory promises no order of them, and a person's
//! address must not change with it.

use rusqlite::{Connection, params};

use super::codec::Stored;
use super::{JobKey, Store, StoreError};
use crate::model::{SourceAnchor, SourceObject, SourceValue};

/// The values that an object was taken with, of those attributes that have several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices(Vec<(String, String)>);

impl Choices {
    pub fn of(object: &SourceObject) -> Self {
        let taken = |name: &String| match object.attributes.get(name) {
            Some(SourceValue::Text(text)) => Some((name.clone(), text.clone())),
            Some(_) | None => None,
        };
        Self(object.choices.keys().filter_map(taken).collect())
    }
}

impl Store {
    /// Takes the values of last time, where they are still among those that the source gives.
    pub fn choose_again(&self, job: JobKey, object: &mut SourceObject) -> Result<(), StoreError> {
        if object.choices.is_empty() {
            return Ok(());
        }
        self.read(|connection| {
            let sql = "SELECT value FROM choices WHERE job = ?1 AND anchor = ?2 AND attribute = ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let SourceObject { anchor, attributes, choices, .. } = object;
            for (name, values) in choices {
                let mut rows = statement.query(params![job.0, Stored(anchor.as_str()), name])?;
                let Some(row) = rows.next()? else { continue };
                let before: String = row.get(0)?;
                if values.contains(&before)
                    && let Some(value) = attributes.get_mut(name)
                {
                    *value = SourceValue::Text(before);
                }
            }
            Ok(())
        })
    }
}

pub(super) fn put(
    connection: &Connection,
    job: JobKey,
    anchor: &SourceAnchor,
    Choices(taken): &Choices,
) -> Result<(), StoreError> {
    for (attribute, value) in taken {
        connection
            .prepare_cached("INSERT OR REPLACE INTO choices (job, anchor, attribute, value) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![job.0, Stored(anchor.as_str()), attribute, value])?;
    }
    Ok(())
}

pub(super) fn forget(connection: &Connection, job: JobKey, anchor: &SourceAnchor) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM choices WHERE job = ?1 AND anchor = ?2")?
        .execute(params![job.0, Stored(anchor.as_str())])?;
    Ok(())
}
