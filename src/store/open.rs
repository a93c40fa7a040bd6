//! Opening the file and bringing its schema up to date.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::StoreError;

/// The schema, step by step; a step is never changed once released.
pub(super) const MIGRATIONS: [&str; 7] = [
    include_str!("sql/0001_state.sql"),
    include_str!("sql/0002_references.sql"),
    include_str!("sql/0003_known_attributes.sql"),
    include_str!("sql/0004_log_by_time.sql"),
    include_str!("sql/0005_sent_references.sql"),
    include_str!("sql/0006_open_escrows.sql"),
    include_str!("sql/0007_references_rest.sql"),
];

/// "prov" as a number, so that a database of another program is not taken for ours.
const APPLICATION_ID: i64 = 0x7072_6f76;

pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
    }
    restrict(path)?;
    let mut connection = connect(path)?;
    let refuse = |source| match StoreError::from(source) {
        StoreError::Damaged(_) => StoreError::NotAState {
            path: path.to_owned(),
            source: rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB),
                Some("file is not a database".to_owned()),
            ),
        },
        other => other,
    };
    if is_current(&connection).map_err(refuse)? {
        return Ok(connection);
    }
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(refuse)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(refuse)?;
    let application: i64 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    if version > known && application == APPLICATION_ID {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known });
    }
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (application != 0 || version != 0 || tables != 0) {
        return Err(StoreError::NotAState {
            path: path.to_owned(),
            source: rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISMATCH),
                Some("it is a database of another program".to_owned()),
            ),
        });
    }
    for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
        transaction.execute_batch(migration)?;
    }
    transaction.execute_batch(&format!("PRAGMA user_version = {known}; PRAGMA application_id = {APPLICATION_ID}"))?;
    transaction.execute(
        "INSERT OR IGNORE INTO meta (key, value) VALUES ('instance', ?1)",
        [uuid::Uuid::new_v4().to_string()],
    )?;
    // Two draws: what a plan hides is as safe as they are.
    let secret = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    transaction.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('secret', ?1)", [secret])?;
    transaction.commit()?;
    Ok(connection)
}

/// Whether the file is ours and up to date: then it is opened without waiting for whoever writes to it.
fn is_current(connection: &Connection) -> rusqlite::Result<bool> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    Ok(number("PRAGMA application_id")? == APPLICATION_ID && number("PRAGMA user_version")? == MIGRATIONS.len() as i64)
}

/// A connection with the settings that all of ours have.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::Open { path: path.to_owned(), source };
    let connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(Duration::from_secs(30)).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    let set = |sql: &str| match connection.execute_batch(sql) {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Err(StoreError::NotAState { path: path.to_owned(), source: error })
        }
        Err(error) => Err(StoreError::Open { path: path.to_owned(), source: error }),
        Ok(()) => Ok(()),
    };
    // A commit survives a kill of the process; after a power cut the last ones may be missing, which the next cycle repairs
    // because it matches before it creates.
    set("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON")?;
    cache(&connection, CACHE).map_err(failed)?;
    Ok(connection)
}

/// KiB of pages that a connection keeps.
pub(super) const CACHE: i64 = 8000;
/// The same, while pages are gone through of which none is asked for again.
pub(super) const PASSING: i64 = 500;

pub(super) fn cache(connection: &Connection, kib: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "cache_size", -kib)
}

/// Nobody else may read who works here and what their accounts are.
pub(super) fn restrict(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    if path.exists() {
        return Ok(());
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::Folder { path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}
