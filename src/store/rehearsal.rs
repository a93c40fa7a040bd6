//! A copy of what is remembered of objects and their references, for a run that only shows what it would do.

use std::sync::Mutex;

use rusqlite::{Connection, params};

use super::writer::Writer;
use super::{JobKey, Store, StoreError};

/// What the sending of references reads and writes.
const COPIED: [&str; 8] = [
    "objects",
    "escrows",
    "staged",
    "pending_references",
    "exported_references",
    "memberships",
    "direct_members",
    "regrouped",
];

impl Store {
    /// Copies the objects and references of a job into a file without a name, which vanishes with the value: what is written
    /// there is never seen again.
    pub fn rehearsal(&self, job: JobKey) -> Result<Self, StoreError> {
        let path = std::env::temp_dir().join(format!("provisiond-{}", uuid::Uuid::new_v4()));
        super::open::restrict(&path)?;
        let made = self.copy_to(&path, job);
        // Both connections hold the file open; its name is of no use to anybody.
        drop(std::fs::remove_file(&path));
        let (writer, reader) = made?;
        Ok(Self { path, reader: Mutex::new(reader), writer: Writer::start(writer)? })
    }

    fn copy_to(&self, path: &std::path::Path, job: JobKey) -> Result<(Connection, Connection), StoreError> {
        let open = || -> Result<Connection, StoreError> {
            let connection = Connection::open(path)?;
            connection.busy_timeout(std::time::Duration::from_secs(30))?;
            connection.set_prepared_statement_cache_capacity(64);
            connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -8000; PRAGMA foreign_keys = OFF")?;
            Ok(connection)
        };
        let writer = open()?;
        super::open::migrate(&writer, 0)?;
        writer.execute("ATTACH ?1 AS real", [self.path.to_string_lossy()])?;
        writer.execute_batch("BEGIN")?;
        for table in COPIED {
            let sql = format!("INSERT INTO main.{table} SELECT * FROM real.{table} WHERE job = ?1");
            writer.execute(&sql, params![job.0])?;
        }
        writer.execute_batch("COMMIT; DETACH real")?;
        let reader = open()?;
        // Opens the file, which has a name only until now.
        reader.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        Ok((writer, reader))
    }
}
