//! The state of all jobs in one SQLite file; no `rusqlite` type leaves this room.
//!
//! One thread writes: whatever arrives together is committed together, so that thirty objects in flight cost one commit
//! and each is still durable before its caller goes on. Readers have a connection of their own (write-ahead log).

mod choices;
mod claims;
mod codec;
mod error;
mod escrows;
mod job;
mod kept;
mod keys;
mod known;
mod links;
mod log;
mod memberships;
mod nested;
mod object;
mod objects;
mod open;
mod packed;
mod references;
mod rehearsal;
mod rest;
mod sent;
mod snapshots;
mod spellings;
mod staged;
mod staging;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

pub use choices::Choices;
pub use claims::{Claimed, Remembered};
pub use error::StoreError;
pub use job::{JobState, Learned, Watermark};
pub use keys::Known;
pub use links::StoredLink;
pub use log::{CycleRecord, LogQuery, Logged};
pub use memberships::{Difference, Joining, Member, WantedMembers};
pub use object::ObjectRow;
pub use objects::{Committed, EscrowChange, ObjectCommit, RowChange};
pub use references::{Exported, Pending, Ready, ReferenceChange};
pub use sent::Sender;
pub use snapshots::SnapshotPiece;
pub use spellings::Spellings;
pub use staging::{Filling, FollowUp, Spool, Staged, Staging};
use writer::Writer;

/// A job in the state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey(i64);

/// The open state file.
pub struct Store {
    path: PathBuf,
    reader: Mutex<Connection>,
    writer: Writer,
}

impl Store {
    /// Opens the state file, makes it where there is none, and brings its schema up to date.
    ///
    /// A file that is no state file, or of a newer version, is left as it is.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = open::open(path)?;
        let reader = open::connect(path)?;
        Ok(Self { path: path.to_owned(), reader: Mutex::new(reader), writer: Writer::start(connection)? })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read<T>(&self, ask: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // A panic of another reader leaves no half-made change behind: readers change nothing.
        ask(&self.reader.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks several things about one moment; each for itself would lock the file anew.
    fn read_at_once<T>(&self, ask: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let answer = ask(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        })
    }
}
