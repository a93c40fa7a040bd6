//! The last known objects and entries, to which change files apply (sources.md 16.1).

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::{JobKey, Learned, Staging, Store, StoreError};

/// The key of what the source remembers; those of objects and entries have other lengths.
const MEMORY: &[u8] = b"memory";

/// Is given a key and what is known under it.
pub type EachKnown<'a> = dyn FnMut(&[u8], &str) -> Result<(), StoreError> + 'a;

impl Store {
    /// What is known under a key, as JSON.
    pub fn known(&self, job: JobKey, key: &[u8]) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT data FROM known_attributes WHERE job = ?1 AND key = ?2";
            Ok(connection.prepare_cached(sql)?.query_row(params![job.0, key], |row| row.get(0)).optional()?)
        })
    }

    /// What the source remembered when the last of it was learned.
    pub fn known_memory(&self, job: JobKey) -> Result<Option<String>, StoreError> {
        self.known(job, MEMORY)
    }

    pub fn knows_any(&self, job: JobKey) -> Result<bool, StoreError> {
        self.read(|connection| {
            let sql = "SELECT 1 FROM known_attributes WHERE job = ?1 LIMIT 1";
            Ok(connection.prepare_cached(sql)?.exists([job.0])?)
        })
    }

    /// Calls `each` with every key of `length` bytes and what is known under it, in order of keys.
    pub fn each_known(&self, job: JobKey, length: u32, each: &mut EachKnown<'_>) -> Result<(), StoreError> {
        let connection = super::open::connect(&self.path)?;
        let sql = "SELECT key, data FROM known_attributes WHERE job = ?1 AND length(key) = ?2 ORDER BY key";
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query(params![job.0, length])?;
        while let Some(row) = rows.next()? {
            let key = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            each(key, row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
        }
        Ok(())
    }
}

/// Objects that are taken over together: whoever else wants to write waits for no more.
const SLICE: i64 = 2_000;

impl Store {
    /// Takes over what a cycle learned of everybody, before its watermark moves.
    ///
    /// What is left half done is done again: without the watermark the same export is read anew.
    pub(super) async fn take_over_whole(&self, job: JobKey, learned: &Learned) -> Result<(), StoreError> {
        let mut after = Vec::new();
        loop {
            let staging = Arc::clone(&learned.staging);
            let last = self.write(None, move |connection| take_over_some(connection, job, &staging, &after, SLICE));
            match last.await? {
                Some(last) => after = last,
                None => break,
            }
        }
        let mut after = Vec::new();
        loop {
            let staging = Arc::clone(&learned.staging);
            let last = self.write(None, move |connection| forget_some(connection, job, &staging, &after));
            match last.await? {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }
}

/// Takes over what a cycle learned besides; of everybody it was taken over before.
pub(super) fn take_over(connection: &Connection, job: JobKey, learned: &Learned) -> Result<(), StoreError> {
    let Learned { staging, whole, memory } = learned;
    let sql = "INSERT OR REPLACE INTO known_attributes (job, key, data) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute(params![job.0, MEMORY, memory])?;
    if !whole {
        take_over_some(connection, job, staging, &[], i64::MAX)?;
    }
    Ok(())
}

/// Takes over a slice behind the key `after`; returns the last key of it.
fn take_over_some(
    connection: &Connection,
    job: JobKey,
    staging: &Staging,
    after: &[u8],
    count: i64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut put =
        connection.prepare_cached("INSERT OR REPLACE INTO known_attributes (job, key, data) VALUES (?1, ?2, ?3)")?;
    let mut remove = connection.prepare_cached("DELETE FROM known_attributes WHERE job = ?1 AND key = ?2")?;
    let mut last = None;
    staging.each_learned(after, count, &mut |key, data| {
        match data {
            Some(data) => put.execute(params![job.0, key, data])?,
            None => remove.execute(params![job.0, key])?,
        };
        last = Some(key.to_vec());
        Ok(())
    })?;
    Ok(last)
}

/// Forgets those of a slice behind the key `after` of whom the cycle learned nothing; returns the last key of it.
fn forget_some(
    connection: &Connection,
    job: JobKey,
    staging: &Staging,
    after: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT key FROM known_attributes WHERE job = ?1 AND key > ?2 ORDER BY key LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let keys = statement.query_map(params![job.0, after, SLICE], |row| row.get(0))?;
    let keys = keys.collect::<Result<Vec<Vec<u8>>, _>>()?;
    let mut remove = connection.prepare_cached("DELETE FROM known_attributes WHERE job = ?1 AND key = ?2")?;
    for key in keys.iter().filter(|key| key.as_slice() != MEMORY) {
        if staging.learned(key)?.is_none() {
            remove.execute(params![job.0, key])?;
        }
    }
    Ok(keys.last().cloned())
}
