//! Digests of values that are not read back from the target (service.md 12).

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::codec::Stored;
use super::{JobKey, Store, StoreError};
use crate::model::SourceAnchor;

impl Store {
    /// What is kept of one object, by target attribute.
    pub fn kept_values(&self, job: JobKey, anchor: &SourceAnchor) -> Result<BTreeMap<String, String>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT attribute, value FROM kept_values WHERE job = ?1 AND anchor = ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let rows =
                statement.query_map(params![job.0, Stored(anchor.as_str())], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

pub(super) fn apply(
    connection: &Connection,
    job: JobKey,
    anchor: &SourceAnchor,
    kept: &[(String, Option<String>)],
) -> Result<(), StoreError> {
    for (attribute, digest) in kept {
        let sql = match digest {
            Some(_) => "INSERT OR REPLACE INTO kept_values (job, anchor, attribute, value) VALUES (?1, ?2, ?3, ?4)",
            None => "DELETE FROM kept_values WHERE job = ?1 AND anchor = ?2 AND attribute = ?3 AND ?4 IS NULL",
        };
        connection.prepare_cached(sql)?.execute(params![job.0, Stored(anchor.as_str()), attribute, digest])?;
    }
    Ok(())
}

pub(super) fn forget(connection: &Connection, job: JobKey, anchor: &SourceAnchor) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM kept_values WHERE job = ?1 AND anchor = ?2")?
        .execute(params![job.0, Stored(anchor.as_str())])?;
    Ok(())
}
