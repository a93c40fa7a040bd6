//! What can go wrong with the state.

use std::path::PathBuf;

/// An operation on the state file failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the folder of the state file `{}` cannot be made: {source}", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("`{}` is not a state file: {source}", path.display())]
    NotAState { path: PathBuf, source: rusqlite::Error },
    #[error("the state file `{}` was written by a newer version (schema {found}, this program knows {known})", path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("the state file `{}` cannot be opened: {source}", path.display())]
    Open { path: PathBuf, source: rusqlite::Error },
    #[error("the disk that holds the state file is full")]
    DiskFull,
    #[error("the state file is damaged: {0}")]
    Damaged(String),
    #[error("the state could not be read or written: {0}")]
    Sql(rusqlite::Error),
    #[error("the state holds a value that this version cannot read: {0}")]
    Decode(String),
    #[error("the thread that writes the state has ended")]
    Closed,
}

impl StoreError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "state_folder",
            Self::NotAState { .. } => "state_not_a_database",
            Self::Newer { .. } => "state_newer",
            Self::Open { .. } => "state_open",
            Self::DiskFull => "state_disk_full",
            Self::Damaged(_) => "state_damaged",
            Self::Sql(_) => "state_error",
            Self::Decode(_) => "state_decode",
            Self::Closed => "state_closed",
        }
    }

    /// What a person can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Folder { .. } | Self::Open { .. } => {
                "set `state` in the configuration to a path that this user may write"
            }
            Self::NotAState { .. } => {
                "set `state` in the configuration to a path of its own; the file was left as it is"
            }
            Self::Newer { .. } => "run the newer provisiond again, or restore the state file from before the upgrade",
            Self::DiskFull => "free some space, then run again: nothing that was sent is lost",
            Self::Damaged(_) | Self::Decode(_) => {
                "restore a backup of the state file, or move it away: the next cycle is then an initial one and matches every account again"
            }
            Self::Sql(_) => "run again; if it persists, check the disk that holds the state file",
            Self::Closed => "run again",
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull,
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Sql(error),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Decode(error.to_string())
    }
}
