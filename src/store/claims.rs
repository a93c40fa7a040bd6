//! Who works on which object, so that a cycle and an on-demand run never send one person twice.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{Stored, identifier, millis};
use super::{JobKey, ObjectRow, Store, StoreError, objects};
use crate::model::SourceAnchor;

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// Ours now, with the object as it is remembered at this moment.
    Ours(Option<Box<ObjectRow>>),
    /// Somebody else works on it.
    Theirs { owner: String, since: i64 },
}

impl Store {
    /// Claims an object for `owner`; a claim of the same owner is renewed.
    pub async fn claim(
        &self,
        job: JobKey,
        anchor: SourceAnchor,
        owner: String,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        self.write(None, move |connection| {
            let held: Option<(String, i64)> = connection
                .prepare_cached("SELECT owner, since FROM claims WHERE job = ?1 AND anchor = ?2")?
                .query_row(params![job.0, Stored(anchor.as_str())], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            if let Some((holder, since)) = held.filter(|(holder, _)| *holder != owner) {
                return Ok(Claimed::Theirs { owner: holder, since });
            }
            connection
                .prepare_cached("INSERT OR REPLACE INTO claims (job, anchor, owner, since) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![job.0, Stored(anchor.as_str()), owner, millis(now)])?;
            Ok(Claimed::Ours(objects::object(connection, job, &anchor)?.map(Box::new)))
        })
        .await
    }

    /// Gives up a claim without a change.
    pub async fn release(&self, job: JobKey, anchor: SourceAnchor) -> Result<(), StoreError> {
        self.write(None, move |connection| release(connection, job, &anchor)).await
    }

    /// Voids every claim of the job whose owner is not in `alive`; returns how many there were.
    pub fn void_claims(&self, job: JobKey, is_alive: &dyn Fn(&str) -> bool) -> Result<usize, StoreError> {
        let held: Vec<(String, String)> = self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT anchor, owner FROM claims WHERE job = ?1")?;
            let rows = statement.query_map([job.0], |row| Ok((identifier(row.get_ref(0)?)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })?;
        let void: Vec<(String, String)> = held.into_iter().filter(|(_, owner)| !is_alive(owner)).collect();
        let count = void.len();
        self.write_now(None, move |connection| {
            for (anchor, owner) in &void {
                connection.execute(
                    "DELETE FROM claims WHERE job = ?1 AND anchor = ?2 AND owner = ?3",
                    params![job.0, Stored(anchor), owner],
                )?;
            }
            Ok(())
        })?;
        Ok(count)
    }
}

pub(super) fn release(connection: &Connection, job: JobKey, anchor: &SourceAnchor) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM claims WHERE job = ?1 AND anchor = ?2")?
        .execute(params![job.0, Stored(anchor.as_str())])?;
    Ok(())
}
