//! The batch of deprovisionings that wait for approval (service.md 18).

use rusqlite::params;
use rusqlite::types::ValueRef;

use super::codec::{Stored, identifier};
use super::escrows::{from_word, word};
use super::{JobKey, Store, StoreError};
use crate::model::{ObjectKind, SourceAnchor, StagedObject, TargetId};

impl Store {
    pub fn staged(&self, job: JobKey) -> Result<Vec<StagedObject>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT s.batch, s.anchor, s.action, s.reason, s.name, coalesce(o.flags & 1, 0), o.target
                 FROM staged s LEFT JOIN objects o ON o.job = s.job AND o.anchor = s.anchor
                 WHERE s.job = ?1 ORDER BY s.anchor",
            )?;
            let mut rows = statement.query([job.0])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(StagedObject {
                    batch: row.get(0)?,
                    source_anchor: SourceAnchor(identifier(row.get_ref(1)?)?),
                    action: from_word(row.get(2)?)?,
                    reason: row.get(3)?,
                    name: row.get(4)?,
                    kind: if row.get(5)? { ObjectKind::Group } else { ObjectKind::User },
                    target: match row.get_ref(6)? {
                        ValueRef::Null => None,
                        other => Some(TargetId(identifier(other)?)),
                    },
                });
            }
            Ok(found)
        })
    }

    pub fn is_staged(&self, job: JobKey, anchor: &SourceAnchor) -> Result<bool, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT 1 FROM staged WHERE job = ?1 AND anchor = ?2")?;
            Ok(statement.exists(params![job.0, Stored(anchor.as_str())])?)
        })
    }

    /// How many objects a batch holds.
    pub fn staged_count(&self, job: JobKey, batch: &str) -> Result<u64, StoreError> {
        self.read(|connection| {
            let sql = "SELECT count(*) FROM staged WHERE job = ?1 AND batch = ?2";
            let count: i64 = connection.prepare_cached(sql)?.query_row(params![job.0, batch], |row| row.get(0))?;
            Ok(count.cast_unsigned())
        })
    }

    /// Puts an object into the batch, or renews what is said of it there.
    pub async fn stage(&self, job: JobKey, object: StagedObject) -> Result<(), StoreError> {
        self.write(None, move |connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO staged (job, anchor, batch, action, reason, name) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    job.0,
                    Stored(object.source_anchor.as_str()),
                    object.batch,
                    word(&object.action)?,
                    object.reason,
                    object.name
                ])?;
            Ok(())
        })
        .await
    }
}
