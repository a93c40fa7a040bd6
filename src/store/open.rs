//! Opening the file and bringing its schema up to date.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::StoreError;

/// The schema, step by step; a step is never changed once released.
const MIGRATIONS: [&[Step]; 14] = [
    &[Step::Sql(include_str!("sql/0001_state.sql"))],
    &[Step::Sql(include_str!("sql/0002_references.sql"))],
    &[Step::Sql(include_str!("sql/0003_known_attributes.sql"))],
    &[Step::Sql(include_str!("sql/0004_log_by_time.sql"))],
    &[Step::Sql(include_str!("sql/0005_sent_references.sql"))],
    &[Step::Sql(include_str!("sql/0006_open_escrows.sql"))],
    &[Step::Sql(include_str!("sql/0007_references_rest.sql"))],
    &[
        Step::Sql(include_str!("sql/0008_object_keys.sql")),
        Step::Code(super::keys::copy_with_keys),
        Step::Sql(include_str!("sql/0008_in_place.sql")),
    ],
    &[Step::Sql(include_str!("sql/0009_snapshot_changes.sql"))],
    &[Step::Sql(include_str!("sql/0010_packed_log.sql"))],
    &[Step::Code(super::keys::renew_keys_of_names), Step::Sql(include_str!("sql/0011_keys_of_names.sql"))],
    &[Step::Sql(include_str!("sql/0012_choices.sql"))],
    &[Step::Sql(include_str!("sql/0013_entry_form.sql"))],
    &[Step::Sql(include_str!("sql/0014_packed_known.sql"))],
];

enum Step {
    Sql(&'static str),
    Code(fn(&Connection) -> Result<(), StoreError>),
}

/// "prov" as a number, so that a database of another program is not taken for ours.
const APPLICATION_ID: i64 = 0x7072_6f76;

pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
    }
    restrict(path)?;
    let mut connection = connect(path)?;
    let refuse = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => StoreError::NotAState { path: path.to_owned(), source },
        _ => StoreError::from(source),
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
    migrate(&transaction, usize::try_from(version).unwrap_or(0))?;
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

/// Brings the schema from a version up to date; 0 is that of a new file.
pub(super) fn migrate(connection: &Connection, version: usize) -> Result<(), StoreError> {
    for step in MIGRATIONS.iter().skip(version).flat_map(|steps| steps.iter()) {
        match step {
            Step::Sql(sql) => connection.execute_batch(sql)?,
            Step::Code(run) => run(connection)?,
        }
    }
    Ok(())
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
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseCorrupt) => {
            Err(StoreError::from(error))
        }
        Err(error) => Err(StoreError::Open { path: path.to_owned(), source: error }),
        Ok(()) => Ok(()),
    };
    // A commit survives a kill of the process; after a power cut the last ones may be missing, which the next cycle repairs
    // because it matches before it creates.
    set("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", WRITTEN_AHEAD).map_err(failed)?;
    cache(&connection, CACHE).map_err(failed)?;
    // Else each statement that orders its rows is compiled anew for the values of each use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    Ok(connection)
}

/// Pages (of 4 KiB) written ahead before they are copied into the file: most of a cycle's pages change again and again, and whoever
/// copies them waits for the disk.
const WRITTEN_AHEAD: u32 = 4000;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ObjectKey, ObjectKind, SourceAnchor};
    use crate::store::{ObjectRow, Store};

    /// A file of the version before objects had keys.
    fn old_file(path: &Path) {
        let connection = connect(path).expect("a file");
        for step in MIGRATIONS[..7].iter().flat_map(|steps| steps.iter()) {
            let Step::Sql(sql) = step else { panic!("those before are SQL") };
            connection.execute_batch(sql).expect("they ran");
        }
        connection
            .execute_batch(&format!(
                "PRAGMA user_version = 7; PRAGMA application_id = {APPLICATION_ID};
                 INSERT INTO jobs (id, name, state) VALUES (3, 'other', '{{}}'), (5, 'job', '{{}}');
                 INSERT INTO objects (job, anchor, target, used, flags, left_at) VALUES
                    (5, x'3D628091EBB64E5BA6213648E0D9DC7A', 'a', -8310431397272920510, 216, NULL),
                    (5, x'F0628091EBB64E5BA6213648E0D9DC7A', x'00000CB12BA44A6C87689D6A428259E2', 2, 217, NULL),
                    (5, 'uid=a,dc=b', NULL, 3, 24, 1700000000000),
                    (3, 'uid=a,dc=b', 'a', 4, 216, NULL);
                 INSERT INTO kept_values (job, anchor, attribute, value) VALUES (5, 'uid=a,dc=b', 'x', 'y');"
            ))
            .expect("stored");
    }

    fn rows(store: &Store, job: &str) -> Vec<ObjectRow> {
        let mut rows = Vec::new();
        let each = &mut |row| {
            rows.push(row);
            std::ops::ControlFlow::Continue(())
        };
        store.each_object(store.job(job).expect("known"), each).expect("read");
        rows
    }

    #[tokio::test]
    async fn objects_of_an_old_file_get_their_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.db");
        old_file(&path);
        for reopened in [false, true] {
            let store = Store::open(&path).expect("brought up to date");
            let (all, others) = (rows(&store, "job"), rows(&store, "other"));
            let shown: Vec<_> = all.iter().map(|row| (row.anchor.as_str(), row.kind, row.used, row.flags())).collect();
            let guid = |first: &str| format!("{first}628091-ebb6-4e5b-a621-3648e0d9dc7a");
            let (low, high) = (guid("3d"), guid("f0"));
            let expected = [
                ("uid=a,dc=b", ObjectKind::User, 3, 24),
                (&low, ObjectKind::User, 10_136_312_676_436_631_106, 216),
                (&high, ObjectKind::Group, 2, 217),
            ];
            assert_eq!(shown, expected);
            assert_eq!(all[0].left_at.map(|at| at.as_millisecond()), Some(1_700_000_000_000));
            assert_eq!(all[1].link.target().map(|id| id.as_str()), Some("a"));
            assert_eq!(all[2].link.target().map(|id| id.as_str()), Some("00000cb1-2ba4-4a6c-8768-9d6a428259e2"));
            assert_eq!(others.len(), 1);
            let job = store.job("job").expect("known");
            for row in &all {
                // by a walk first, then by the index
                let keys = [ObjectKey::of(row.kind, row.anchor.as_str()).0].into();
                let found = store.objects_with_keys(job, &keys).expect("asked");
                assert_eq!(found, [(row.kind, row.anchor.clone(), row.left_at.is_some())], "{reopened}");
            }
            let owner = store.owner_of(job, &crate::model::TargetId("a".to_owned())).expect("asked");
            assert_eq!(owner, Some(SourceAnchor(low)));
            store.index_keys().await.expect("made");
        }
        let connection = connect(&path).expect("a file");
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("asked");
        assert_eq!(number("PRAGMA user_version"), MIGRATIONS.len() as i64);
        assert_eq!(number("SELECT count(*) FROM pragma_foreign_key_check"), 0);
        assert_eq!(number("SELECT count(*) FROM kept_values"), 1);
        let indexes = "SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'objects' AND type = 'index'";
        assert_eq!(number(indexes), 3);
    }

    #[test]
    fn statements_that_order_their_rows_are_compiled_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.db");
        let store = Store::open(&path).expect("a state file");
        for sql in [
            "SELECT entry, packed FROM log WHERE job = ?1 AND anchor = ?2 ORDER BY seq DESC LIMIT 1",
            "SELECT max(seq) FROM log WHERE job = ?1 AND anchor = ?2",
        ] {
            let compiled = store.read(|connection| {
                for anchor in ["a", "b", "c"] {
                    assert!(
                        connection.prepare_cached(sql)?.query((1, anchor))?.next()?.is_none() || sql.contains("max")
                    );
                }
                Ok(connection.prepare_cached(sql)?.get_status(rusqlite::StatementStatus::RePrepare))
            });
            assert_eq!(compiled.expect("asked"), 0, "{sql}");
        }
    }
}
