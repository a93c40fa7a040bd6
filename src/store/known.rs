//! The last known objects and entries, to which change files apply (sources.md 16.1).

use rusqlite::{Connection, OptionalExtension, params};

use super::{JobKey, Learned, Store, StoreError};

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

/// Takes over what a cycle learned; `whole`: it learned everything there is.
pub(super) fn take_over(connection: &Connection, job: JobKey, learned: &Learned) -> Result<(), StoreError> {
    let Learned { staging, whole, memory } = learned;
    if *whole {
        connection.execute("DELETE FROM known_attributes WHERE job = ?1", [job.0])?;
    }
    let mut put =
        connection.prepare_cached("INSERT OR REPLACE INTO known_attributes (job, key, data) VALUES (?1, ?2, ?3)")?;
    let mut remove = connection.prepare_cached("DELETE FROM known_attributes WHERE job = ?1 AND key = ?2")?;
    put.execute(params![job.0, MEMORY, memory])?;
    staging.each_learned(&mut |key, data| {
        match data {
            Some(data) => put.execute(params![job.0, key, data])?,
            None => remove.execute(params![job.0, key])?,
        };
        Ok(())
    })
}
