//! What framing and decoding complain about; codes of sources.md 18.

use thiserror::Error;

/// Why one record is refused; reading goes on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct RecordFault {
    /// The record's first line.
    pub line: u64,
    pub code: &'static str,
    /// The line at fault, where it is further down in the record (LDIF).
    pub at: Option<u64>,
    /// The column or attribute, as the file names it.
    pub attribute: Option<String>,
    /// Holds no value of the file.
    pub message: String,
}

/// Why a whole file is refused; reading stops.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct FileFault {
    pub code: &'static str,
    pub line: Option<u64>,
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// What decoding a record can end in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// Bytes that are not in the encoding refuse a JSON file (sources.md 5).
    #[error(transparent)]
    File(#[from] FileFault),
}

/// Something worth saying about a file that is read all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileWarning {
    pub code: &'static str,
    pub line: Option<u64>,
    pub message: String,
}

impl RecordFault {
    pub fn new(line: u64, code: &'static str, message: impl Into<String>) -> Self {
        Self { line, code, at: None, attribute: None, message: message.into() }
    }

    /// Names the line at fault; kept only where it is further down than the record's first.
    #[must_use]
    pub fn at(mut self, at: u64) -> Self {
        self.at = (at > self.line).then_some(at);
        self
    }

    #[must_use]
    pub fn of_attribute(mut self, name: impl Into<String>) -> Self {
        self.attribute = Some(name.into());
        self
    }
}

impl FileFault {
    pub fn new(code: &'static str, line: Option<u64>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, line, message: message.into(), help: help.into() }
    }
}
