//! The last known objects and entries, to which change files apply (sources.md 16.1).

use std::borrow::Cow;
use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use super::{JobKey, Learned, Staging, Store, StoreError, packed};

/// The key of what the source remembers; those of objects and entries have other lengths.
const MEMORY: &[u8] = b"memory";

/// Is given a key and what is known under it.
pub type EachKnown<'a> = dyn FnMut(&[u8], &str) -> Result<(), StoreError> + 'a;

impl Store {
    /// What is known under a key, as JSON.
    pub fn known(&self, job: JobKey, key: &[u8]) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT data, packed FROM known_attributes WHERE job = ?1 AND key = ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![job.0, key])?;
            rows.next()?.map(|row| Ok(text_of(row, 0)?.into_owned())).transpose()
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
        let sql = "SELECT key, data, packed FROM known_attributes WHERE job = ?1 AND length(key) = ?2 ORDER BY key";
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query(params![job.0, length])?;
        while let Some(row) = rows.next()? {
            let key = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            each(key, &text_of(row, 1)?)?;
        }
        Ok(())
    }
}

/// What is known, of which `data` is in this column and `packed` in the next.
fn text_of<'r>(row: &'r Row<'_>, column: usize) -> Result<Cow<'r, str>, StoreError> {
    match row.get_ref(column + 1)?.as_blob_or_null().map_err(rusqlite::Error::from)? {
        Some(packed) => Ok(Cow::Owned(packed::unpack_text(packed)?)),
        None => Ok(Cow::Borrowed(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?)),
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
    let sql = "INSERT OR REPLACE INTO known_attributes (job, key, data, packed) VALUES (?1, ?2, '', ?3)";
    let mut put = connection.prepare_cached(sql)?;
    let mut remove = connection.prepare_cached("DELETE FROM known_attributes WHERE job = ?1 AND key = ?2")?;
    let mut last = None;
    staging.each_learned(after, count, &mut |key, known| {
        match known {
            Some(known) => put.execute(params![job.0, key, known])?,
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
        if !staging.has_learned(key)? {
            remove.execute(params![job.0, key])?;
        }
    }
    Ok(keys.last().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_older_versions_knew_stands_beside_what_is_packed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.db");
        let store = Store::open(&path).expect("a state");
        let job = store.job("job").expect("a job");
        let sql = "INSERT INTO known_attributes (job, key, data) VALUES (?1, ?2, ?3)";
        let connection = super::super::open::connect(&path).expect("a connection");
        for (key, text) in [(b"aaaaaaaa", "{\"plain\":1}"), (b"bbbbbbbb", "{\"plain\":2}")] {
            connection.execute(sql, params![job.0, key, text]).expect("stored");
        }
        let staging = Staging::open().expect("a staging");
        let long = format!("{{\"attributes\":\"{}\"}}", "髙橋 ".repeat(3000));
        for (key, text) in [(b"bbbbbbbb", Some("{\"anchor\":\"b\"}")), (b"cccccccc", Some(&*long)), (b"dddddddd", None)]
        {
            staging.learn(key, text).expect("learned");
        }
        assert_eq!(staging.learned(b"aaaaaaaa").expect("read"), None);
        assert_eq!(staging.learned(b"cccccccc").expect("read"), Some(Some(long.clone())));
        assert_eq!(staging.learned(b"dddddddd").expect("read"), Some(None));
        take_over_some(&connection, job, &staging, &[], i64::MAX).expect("taken over");
        let mut all = Vec::new();
        let each = &mut |key: &[u8], text: &str| {
            all.push((String::from_utf8_lossy(key).into_owned(), text.to_owned()));
            Ok(())
        };
        store.each_known(job, 8, each).expect("read");
        let expected = [("aaaaaaaa", "{\"plain\":1}"), ("bbbbbbbb", "{\"anchor\":\"b\"}"), ("cccccccc", &long)];
        assert_eq!(all, expected.map(|(key, text)| (key.to_owned(), text.to_owned())));
        for (key, text) in &all {
            assert_eq!(store.known(job, key.as_bytes()).expect("read").as_ref(), Some(text));
        }
        let size = "SELECT length(packed) FROM known_attributes WHERE key = ?1";
        let size: u32 = connection.query_row(size, [b"cccccccc"], |row| row.get(0)).expect("it is packed");
        assert!((size as usize) < long.len() / 20, "{size}");
    }
}
