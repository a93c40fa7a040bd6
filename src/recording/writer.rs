//! The file of a recording: a whole HAR document after every exchange.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use serde_json::json;

use super::har::Entry;

/// What closes the document; every exchange is written over it, with a new one at its end.
const END: &[u8] = b"\n]}}\n";

/// A HAR file that grows.
pub(super) struct Writer {
    file: File,
    /// Where [`END`] begins.
    end: u64,
    entries: u64,
}

impl Writer {
    /// Begins a document for the target at `base`; a file that holds something is left alone.
    ///
    /// It may name people, so that only its owner may read it.
    pub fn create(path: &Path, base: &str) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        if file.metadata()?.len() > 0 {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it exists and is not empty"));
        }
        let creator = json!({ "name": "provisiond", "version": env!("CARGO_PKG_VERSION") });
        let comment = "secrets are removed; a line an exchange";
        let start = format!(
            "{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"_target\":{},\"comment\":\"{comment}\",\"pages\":[],\"entries\":[",
            json!(base)
        );
        let end = start.len() as u64;
        file.write_all(&[start.as_bytes(), END].concat())?;
        file.flush()?;
        Ok(Self { file, end, entries: 0 })
    }

    /// Adds one exchange, in one write together with the end of the document.
    pub fn add(&mut self, entry: &Entry) -> io::Result<()> {
        let mut bytes = if self.entries == 0 { b"\n".to_vec() } else { b",\n".to_vec() };
        serde_json::to_writer(&mut bytes, entry)?;
        let length = bytes.len() as u64;
        bytes.extend_from_slice(END);
        let written = self.file.seek(SeekFrom::Start(self.end)).and_then(|_| self.file.write_all(&bytes));
        if let Err(error) = written {
            self.undo()?;
            return Err(error);
        }
        self.end += length;
        self.entries += 1;
        Ok(())
    }

    /// Makes the document whole again, as where the disk is full.
    fn undo(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(END)?;
        self.file.set_len(self.end + END.len() as u64)
    }
}
