//! The identity of an export: the same names and bytes are the same export (sources.md 15, service.md D-15).

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::find::FileSet;

/// Names, sizes and digests of a set's files, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub files: Vec<FileIdentity>,
}

/// One file of it.
///
/// The digest is BLAKE3: the specification's SHA-256 is several times slower, and nothing but this program compares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    pub name: String,
    pub size: u64,
    pub digest: String,
}

impl FileSet {
    /// Reads all files once, to their end.
    pub fn identity(&self) -> io::Result<Identity> {
        let mut buffer = vec![0; 1 << 20];
        let mut files = Vec::with_capacity(self.files.len());
        for found in &self.files {
            let mut file = found.open()?;
            let mut hasher = blake3::Hasher::new();
            let mut size = 0;
            loop {
                let read = file.read(&mut buffer)?;
                if read == 0 {
                    break;
                }
                size += read as u64;
                hasher.update(&buffer[..read]);
            }
            files.push(FileIdentity { name: found.name.clone(), size, digest: hasher.finalize().to_hex().to_string() });
        }
        Ok(Identity { files })
    }
}

impl Identity {
    /// Returns one text for all of it.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for file in &self.files {
            for part in [file.name.as_bytes(), file.size.to_string().as_bytes(), file.digest.as_bytes()] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part);
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}
