//! Objects set aside after a failure.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::codec::{Stored, identifier, millis, time};
use super::{JobKey, Store, StoreError};
use crate::model::{Escrow, SourceAnchor, TargetId};

// A sub-query, because SQLite prepares a join with these indexes anew for each value.
const SELECT: &str =
    "SELECT e.anchor, (SELECT o.target FROM objects o WHERE o.job = e.job AND o.anchor = e.anchor), e.operation, e.code,
    e.class, e.reference, e.first_failure, e.attempts, e.next_due, e.abandoned, e.message, e.remedy
    FROM escrows e WHERE e.job = ?1";

const DUE: &str =
    "SELECT anchor FROM escrows WHERE job = ?1 AND next_due IS NOT NULL AND next_due <= ?2 ORDER BY anchor";

const COUNTS: &str = "SELECT count(*), coalesce(sum(reference), 0) FROM escrows WHERE job = ?1 AND abandoned = 0";

impl Store {
    pub fn escrows(&self, job: JobKey) -> Result<Vec<Escrow>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!("{SELECT} ORDER BY e.first_failure, e.anchor"))?;
            let mut rows = statement.query([job.0])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(escrow(row)?);
            }
            Ok(found)
        })
    }

    pub fn escrow(&self, job: JobKey, anchor: &SourceAnchor) -> Result<Option<Escrow>, StoreError> {
        self.read(|connection| of_object(connection, job, anchor))
    }

    /// The anchors whose retry is due at `now`, in order.
    pub fn due_escrows(&self, job: JobKey, now: Timestamp) -> Result<Vec<SourceAnchor>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(DUE)?;
            let rows = statement
                .query_map(params![job.0, millis(now)], |row| Ok(SourceAnchor(identifier(row.get_ref(0)?)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Open entries: all of them, and those of references among them (D-48).
    pub fn escrow_counts(&self, job: JobKey) -> Result<(u64, u64), StoreError> {
        self.read(|connection| {
            let (all, references): (i64, i64) =
                connection.prepare_cached(COUNTS)?.query_row([job.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok((all.cast_unsigned(), references.cast_unsigned()))
        })
    }

    /// How many objects were given up after 28 days (D-43).
    pub fn abandoned_count(&self, job: JobKey) -> Result<u64, StoreError> {
        self.read(|connection| {
            let sql = "SELECT count(*) FROM escrows WHERE job = ?1 AND abandoned = 1";
            let count: i64 = connection.prepare_cached(sql)?.query_row([job.0], |row| row.get(0))?;
            Ok(count.cast_unsigned())
        })
    }

    /// Makes the retry of one object due at once; false where it is not in escrow.
    pub fn retry_escrow(&self, job: JobKey, anchor: &SourceAnchor, now: Timestamp) -> Result<bool, StoreError> {
        let anchor = anchor.clone();
        self.write_now(Some(job), move |connection| {
            let changed = connection.execute(
                "UPDATE escrows SET next_due = ?3, abandoned = 0 WHERE job = ?1 AND anchor = ?2",
                params![job.0, Stored(anchor.as_str()), millis(now)],
            )?;
            Ok(changed > 0)
        })
    }

    /// Drops the entry of one object; false where it is not in escrow.
    pub fn skip_escrow(&self, job: JobKey, anchor: &SourceAnchor) -> Result<bool, StoreError> {
        let anchor = anchor.clone();
        self.write_now(Some(job), move |connection| {
            let sql = "DELETE FROM escrows WHERE job = ?1 AND anchor = ?2";
            Ok(connection.execute(sql, params![job.0, Stored(anchor.as_str())])? > 0)
        })
    }

    /// Drops every entry of a job; returns how many there were.
    pub fn drop_escrows(&self, job: JobKey) -> Result<u64, StoreError> {
        self.write_now(Some(job), move |connection| {
            Ok(connection.execute("DELETE FROM escrows WHERE job = ?1", [job.0])? as u64)
        })
    }
}

pub(super) fn are_any(connection: &Connection, job: JobKey) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached("SELECT 1 FROM escrows WHERE job = ?1")?.exists([job.0])?)
}

pub(super) fn of_object(
    connection: &Connection,
    job: JobKey,
    anchor: &SourceAnchor,
) -> Result<Option<Escrow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} AND e.anchor = ?2"))?;
    let mut rows = statement.query(params![job.0, Stored(anchor.as_str())])?;
    rows.next()?.map(escrow).transpose()
}

pub(super) fn put(connection: &Connection, job: JobKey, escrow: &Escrow) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO escrows (job, anchor, operation, code, class, reference, first_failure, attempts,
             next_due, abandoned, message, remedy) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            job.0,
            Stored(escrow.source_anchor.as_str()),
            word(&escrow.operation)?,
            escrow.error_code.as_str(),
            word(&escrow.class)?,
            escrow.reference,
            millis(escrow.first_failure),
            escrow.attempts,
            escrow.next_due.map(millis),
            escrow.abandoned,
            escrow.message,
            escrow.remedy
        ])?;
    Ok(())
}

pub(super) fn remove(connection: &Connection, job: JobKey, anchor: &SourceAnchor) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM escrows WHERE job = ?1 AND anchor = ?2")?
        .execute(params![job.0, Stored(anchor.as_str())])?;
    Ok(())
}

fn escrow(row: &Row<'_>) -> Result<Escrow, StoreError> {
    let target = match row.get_ref(1)? {
        rusqlite::types::ValueRef::Null => None,
        other => Some(TargetId(identifier(other)?)),
    };
    Ok(Escrow {
        source_anchor: SourceAnchor(identifier(row.get_ref(0)?)?),
        target_anchor: target,
        operation: from_word(row.get(2)?)?,
        error_code: from_word(row.get(3)?)?,
        class: from_word(row.get(4)?)?,
        reference: row.get(5)?,
        first_failure: time(row.get(6)?)?,
        attempts: row.get(7)?,
        next_due: row.get::<_, Option<i64>>(8)?.map(time).transpose()?,
        abandoned: row.get(9)?,
        message: row.get(10)?,
        remedy: row.get(11)?,
    })
}

/// The one word that serde gives an enum without data.
pub(super) fn word(value: &impl Serialize) -> Result<String, StoreError> {
    match serde_json::to_value(value)? {
        Value::String(word) => Ok(word),
        other => Err(StoreError::Decode(format!("`{other}` is not a word"))),
    }
}

pub(super) fn from_word<T: DeserializeOwned>(word: String) -> Result<T, StoreError> {
    Ok(serde_json::from_value(Value::String(word))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::rest::{NEXT, REST};

    /// What every cycle asks must not read the entries: there may be a hundred thousand of them.
    #[test]
    fn what_every_cycle_asks_of_escrows_is_answered_by_indexes() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = crate::store::open::open(&folder.path().join("state.db")).expect("a state file");
        for (sql, expected) in [
            (DUE, "escrows_by_due (job=? AND next_due"),
            (COUNTS, "COVERING INDEX escrows_open (job=?"),
            (NEXT, "COVERING INDEX escrows_by_due (job=? AND next_due"),
            (REST, "SEARCH references_rest USING INTEGER PRIMARY KEY (rowid=?"),
        ] {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("it is SQL");
            let given = vec![0i64; statement.parameter_count()];
            let rows = statement.query_map(rusqlite::params_from_iter(given), |row| row.get::<_, String>(3));
            let plan: Vec<String> = rows.expect("a plan").collect::<Result<_, _>>().expect("its lines");
            assert!(plan[0].contains(expected), "{plan:?}");
        }
    }
}
