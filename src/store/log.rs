//! The provisioning log and the cycles (service.md 20).

use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::types::{ToSql, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::codec::{Stored, millis, time};
use super::packed::{may_hold, pack, unpack};
use super::{JobKey, Store, StoreError};
use crate::model::{Entry, Identity, LoggedAction, LoggedStatus, SourceAnchor};

/// Entries that are dropped together: whoever else wants to write waits for no more.
const SLICE: u32 = 2_000;

/// Which entries of the log are wanted; an empty query means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// The anchor, the target's identifier, or a name that the entry shows, ignoring case.
    pub user: Option<String>,
    pub action: Option<LoggedAction>,
    pub status: Option<LoggedStatus>,
    pub since: Option<Timestamp>,
    pub cycle: Option<String>,
    /// Only entries after this one, for following.
    pub after: i64,
}

/// An entry on its way into the log.
///
/// It is packed at once: whoever has just put the entry together has all of it at hand, and the thread that writes has not.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    entry: Arc<Entry>,
    /// Nothing where it has no form.
    packed: Option<Arc<[u8]>>,
}

impl Logged {
    pub fn new(entry: Arc<Entry>) -> Self {
        let packed = pack(&*entry).map(Arc::from);
        Self { entry, packed }
    }

    pub fn entry(&self) -> &Entry {
        &self.entry
    }
}

/// One cycle as it is remembered.
#[derive(Debug, Clone, PartialEq)]
pub struct CycleRecord {
    pub id: String,
    pub began: Timestamp,
    pub ended: Option<Timestamp>,
    pub report: Option<Value>,
}

impl Store {
    /// Calls `each` with the entries that `query` wants, oldest first; returns the number of the last one seen.
    pub fn log(
        &self,
        job: JobKey,
        query: &LogQuery,
        each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<i64, StoreError> {
        let connection = super::open::connect(&self.path)?;
        let mut sql = "SELECT seq, entry, packed FROM log WHERE job = ?1 AND seq > ?2".to_owned();
        let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(job.0), Box::new(query.after)];
        let mut and = |condition: &str, value: Box<dyn ToSql>| {
            values.push(value);
            sql.push_str(&format!(" AND {condition} ?{}", values.len()));
        };
        if let Some(action) = query.action {
            and("action =", Box::new(action.as_str()));
        }
        if let Some(status) = query.status {
            and("status =", Box::new(status.as_str()));
        }
        if let Some(since) = query.since {
            and("at >=", Box::new(millis(since)));
        }
        if let Some(cycle) = &query.cycle {
            and("cycle =", Box::new(cycle.clone()));
        }
        sql.push_str(" ORDER BY seq");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(values.iter()))?;
        let mut last = query.after;
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            let packed = row.get_ref(2)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
            if let (Some(user), Some(packed)) = (&query.user, packed)
                && !may_hold(packed, user)?
            {
                continue;
            }
            let entry: Entry = read(row, 1)?;
            if query.user.as_deref().is_none_or(|user| is_about(&entry, user)) && each(entry).is_break() {
                break;
            }
        }
        Ok(last)
    }

    /// The last write of an object that went through and is still in the log.
    pub fn last_write(&self, job: JobKey, anchor: &SourceAnchor) -> Result<Option<Entry>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT entry, packed FROM log WHERE job = ?1 AND anchor = ?2 AND action IN ('create', 'update')
                AND status IN ('success', 'warning') ORDER BY seq DESC LIMIT 1";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![job.0, Stored(anchor.as_str())])?;
            rows.next()?.map(|row| read(row, 0)).transpose()
        })
    }

    /// The name that the log last knew an object by.
    pub fn last_name(&self, job: JobKey, anchor: &SourceAnchor) -> Result<Option<String>, StoreError> {
        let named = |Of { source: Named { display_name } }| Some(display_name).filter(|name| !name.is_empty());
        self.last_that(job, anchor, named)
    }

    /// What the log last knew an object by.
    pub fn last_identity(&self, job: JobKey, anchor: &SourceAnchor) -> Result<Option<Identity>, StoreError> {
        // Of who is absent an entry says nothing.
        self.last_that(job, anchor, |Of { source }: Of<Identity>| Some(source).filter(|one| !one.details.is_empty()))
    }

    /// The newest entry of an object of which `pick` takes something.
    fn last_that<E: DeserializeOwned, T>(
        &self,
        job: JobKey,
        anchor: &SourceAnchor,
        pick: impl Fn(E) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT entry, packed FROM log WHERE job = ?1 AND anchor = ?2 ORDER BY seq DESC";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![job.0, Stored(anchor.as_str())])?;
            while let Some(row) = rows.next()? {
                if let Some(picked) = pick(read(row, 0)?) {
                    return Ok(Some(picked));
                }
            }
            Ok(None)
        })
    }

    /// The objects that entries after a time are about, those of rollbacks left out: what was given back is not to be sent again.
    pub fn logged_since(&self, job: JobKey, after: Timestamp) -> Result<Vec<SourceAnchor>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT DISTINCT anchor FROM log WHERE job = ?1 AND at > ?2 AND cycle NOT IN
                (SELECT id FROM cycles WHERE job = ?1 AND json_extract(report, '$.rollbackOf') IS NOT NULL)";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![job.0, millis(after)])?;
            let mut anchors = Vec::new();
            while let Some(row) = rows.next()? {
                anchors.push(SourceAnchor(super::codec::identifier(row.get_ref(0)?)?));
            }
            Ok(anchors)
        })
    }

    /// Calls `each` with every entry of one object, oldest first.
    pub fn history(
        &self,
        job: JobKey,
        anchor: &SourceAnchor,
        each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.read(|connection| {
            let sql = "SELECT entry, packed FROM log WHERE job = ?1 AND anchor = ?2 ORDER BY seq";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![job.0, Stored(anchor.as_str())])?;
            while let Some(row) = rows.next()? {
                if each(read(row, 0)?).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Notes that a cycle began.
    pub async fn begin_cycle(&self, job: JobKey, id: String, began: Timestamp) -> Result<(), StoreError> {
        self.write(None, move |connection| {
            let sql = "INSERT INTO cycles (id, job, began) VALUES (?1, ?2, ?3)";
            connection.execute(sql, params![id, job.0, millis(began)])?;
            Ok(())
        })
        .await
    }

    /// Notes how a cycle ended.
    pub async fn end_cycle(&self, id: String, ended: Timestamp, report: Value) -> Result<(), StoreError> {
        self.write(None, move |connection| {
            let sql = "UPDATE cycles SET ended = ?2, report = ?3 WHERE id = ?1";
            connection.execute(sql, params![id, millis(ended), report.to_string()])?;
            Ok(())
        })
        .await
    }

    pub fn cycle_record(&self, job: JobKey, id: &str) -> Result<Option<CycleRecord>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT began, ended, report FROM cycles WHERE job = ?1 AND id = ?2";
            type Columns = (i64, Option<i64>, Option<String>);
            let found: Option<Columns> = connection
                .query_row(sql, params![job.0, id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            found
                .map(|(began, ended, report)| {
                    Ok(CycleRecord {
                        id: id.to_owned(),
                        began: time(began)?,
                        ended: ended.map(time).transpose()?,
                        report: report.map(|text| serde_json::from_str(&text)).transpose()?,
                    })
                })
                .transpose()
        })
    }

    /// Drops what is older than the retention; returns how many entries went.
    pub async fn prune_log(&self, job: JobKey, before: Timestamp) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            let slice = self.write(None, move |connection| {
                let sql = "DELETE FROM log WHERE seq IN (SELECT seq FROM log WHERE job = ?1 AND at < ?2 LIMIT ?3)";
                let gone = connection.prepare_cached(sql)?.execute(params![job.0, millis(before), SLICE])?;
                if gone < SLICE as usize {
                    let sql = "DELETE FROM cycles WHERE job = ?1 AND began < ?2";
                    connection.execute(sql, params![job.0, millis(before)])?;
                    let sql = "DELETE FROM sent_members WHERE job = ?1 AND at < ?2";
                    connection.execute(sql, params![job.0, millis(before)])?;
                }
                Ok(gone)
            });
            let gone = slice.await?;
            all += gone as u64;
            if gone < SLICE as usize {
                return Ok(all);
            }
        }
    }
}

pub(super) fn append(connection: &Connection, job: JobKey, logged: &Logged) -> Result<(), StoreError> {
    let Logged { entry, packed } = logged;
    let packed = packed.as_deref().ok_or_else(|| StoreError::Decode("an entry of the log has no form".to_owned()))?;
    connection
        .prepare_cached(
            "INSERT INTO log (job, cycle, at, anchor, action, status, entry, packed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, '', ?7)",
        )?
        .execute(params![
            job.0,
            entry.cycle_id,
            millis(entry.at),
            Stored(&entry.source.id),
            entry.action.as_str(),
            entry.status.as_str(),
            packed
        ])?;
    Ok(())
}

/// Of an entry no more than whom it is about.
#[derive(Deserialize)]
struct Of<S> {
    source: S,
}

#[derive(Deserialize)]
struct Named {
    display_name: String,
}

/// Reads the columns `entry, packed`, of which the first is at `column`.
fn read<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    Ok(match row.get_ref(column + 1)? {
        ValueRef::Null => serde_json::from_slice(row.get_ref(column)?.as_bytes().map_err(rusqlite::Error::from)?)?,
        packed => unpack(packed.as_blob().map_err(rusqlite::Error::from)?)?,
    })
}

/// Whether `user` names the person of an entry: an identifier, a shown name, or a value of the identity's details.
fn is_about(entry: &Entry, user: &str) -> bool {
    let same = |text: &str| text.to_lowercase() == user.to_lowercase();
    std::iter::once(&entry.source)
        .chain(&entry.target)
        .any(|identity| same(&identity.id) || same(&identity.display_name) || identity.names().any(same))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(number: u8, display_name: &str) -> Entry {
        let entry = json!({
            "id": number.to_string(), "change_id": "c", "cycle_id": "cycle", "at": "2026-11-23T01:00:00Z", "duration_ms": 1,
            "kind": "user", "action": "create", "status": "success", "reason": "NotFoundInTarget", "failure": null, "retry": null,
            "source": {"id": "7", "display_name": display_name, "details": {"mail": "mori@example.com"}}, "target": null,
            "initiator": "system", "steps": [], "modified": [], "warnings": [],
        });
        serde_json::from_value(entry).expect("an entry")
    }

    #[tokio::test]
    async fn entries_of_before_are_read_as_those_that_are_packed() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("state.db")).expect("a state file");
        let job = store.job("job").expect("a job");
        let entries = [entry(0, "Mori"), entry(1, "森"), entry(2, "")];
        let [before, packed, nameless] = entries.clone().map(Arc::new);
        let fill = move |connection: &Connection| {
            // as the schema before the tenth step held them
            let sql = "INSERT INTO log (job, cycle, at, anchor, action, status, entry)
                VALUES (?1, 'cycle', 0, '7', 'create', 'success', ?2)";
            connection.execute(sql, params![job.0, serde_json::to_string(&*before)?])?;
            append(connection, job, &Logged::new(packed))?;
            append(connection, job, &Logged::new(nameless))
        };
        store.write(None, fill).await.expect("filled");

        let anchor = SourceAnchor("7".to_owned());
        let mut found = Vec::new();
        let mut each = |entry| {
            found.push(entry);
            ControlFlow::Continue(())
        };
        let query = LogQuery { user: Some("MORI@example.com".to_owned()), ..LogQuery::default() };
        assert_eq!(store.log(job, &query, &mut each).expect("read"), 3);
        store.history(job, &anchor, &mut each).expect("read");
        assert_eq!(found, [&entries[..], &entries[..]].concat());
        assert_eq!(store.last_write(job, &anchor).expect("read").as_ref(), Some(&entries[2]));
        assert_eq!(store.last_name(job, &anchor).expect("read").as_deref(), Some("森"));
    }

    #[tokio::test]
    async fn what_is_too_old_goes_slice_by_slice() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("state.db")).expect("a state file");
        let job = store.job("job").expect("a job");
        let count = u64::from(2 * SLICE + 1);
        let fill = move |connection: &Connection| {
            let sql = "INSERT INTO log (job, cycle, at, anchor, action, status, entry) VALUES (?1, 'c', ?2, 'a', 'other', 'success', '{}')";
            for number in 0..count + 5 {
                // The last five are of now.
                connection.prepare_cached(sql)?.execute(params![job.0, if number < count { 0 } else { 2_000 }])?;
            }
            Ok(())
        };
        store.write(None, fill).await.expect("filled");
        let now = time(1_000).expect("a time");
        assert_eq!(store.prune_log(job, now).await.expect("pruned"), count);
        assert_eq!(store.prune_log(job, now).await.expect("again"), 0);
        let left = |connection: &Connection| {
            Ok(connection.query_row("SELECT count(*) FROM log", [], |row| row.get::<_, i64>(0))?)
        };
        assert_eq!(store.read(left).expect("counted"), 5);
    }
}
