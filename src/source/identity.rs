//! The identity of an export: the same names and bytes are the same export (sources.md 15, service.md D-15).

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use serde::{Deserialize, Serialize};

use super::find::{FileSet, Found};
use super::hash;

/// Names, sizes and digests of a set's files, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub files: Vec<FileIdentity>,
}

/// One file of it.
///
/// The digest is XXH3: nobody gains by making two exports of one digest, and SHA-256 would take most of an unchanged cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    pub name: String,
    pub size: u64,
    pub digest: String,
}

/// Octets that are hashed together: few enough to stay in the cache of a core, and several times faster than as a stream.
pub(super) const PIECE: usize = 128 << 10;
/// Pieces from which on a second thread is worth its start.
const SHARED: u64 = 64;

/// The digests of a file's pieces, one after the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pieces {
    size: u64,
    digests: Vec<u8>,
}

impl Pieces {
    /// Adds what follows: a whole number of pieces, unless it is the end.
    pub fn add(&mut self, octets: &[u8]) {
        for piece in octets.chunks(PIECE) {
            self.digests.extend(hash::of_piece(piece).to_le_bytes());
        }
        self.size += octets.len() as u64;
    }

    /// Adds those of what follows.
    pub fn append(&mut self, rest: Self) {
        self.size += rest.size;
        self.digests.extend(rest.digests);
    }

    /// The pieces of a part of a file.
    fn of(file: &File, range: Range<u64>) -> io::Result<Self> {
        let (mut pieces, mut buffer) = (Self::default(), vec![0; PIECE]);
        while range.start + pieces.size < range.end {
            let piece = fill(file, range.start + pieces.size, &mut buffer)?;
            if piece.is_empty() {
                break;
            }
            pieces.add(piece);
        }
        Ok(pieces)
    }

    /// The pieces of a file, which is read to its end.
    fn of_whole(file: &File) -> io::Result<Self> {
        let pieces = file.metadata()?.len() / PIECE as u64;
        let half = if pieces >= SHARED { pieces / 2 } else { 0 } * PIECE as u64;
        let (first, second) = std::thread::scope(|scope| {
            let first = scope.spawn(|| Self::of(file, 0..half));
            let second = Self::of(file, half..u64::MAX);
            (first.join().unwrap_or_else(|_| Err(io::Error::other("the reading thread broke down"))), second)
        });
        let mut all = first?;
        all.append(second?);
        Ok(all)
    }

    pub fn identity(&self, name: &str) -> FileIdentity {
        FileIdentity {
            name: name.to_owned(),
            size: self.size,
            digest: format!("{:032x}", hash::of_piece(&self.digests)),
        }
    }
}

impl Found {
    /// Reads the file to its end.
    pub(super) fn identity(&self, file: &File) -> io::Result<FileIdentity> {
        Ok(Pieces::of_whole(file)?.identity(&self.name))
    }
}

impl FileSet {
    /// Reads all files once, to their end.
    pub fn identity(&self) -> io::Result<Identity> {
        let files = self.files.iter().map(|found| found.identity(&found.open()?));
        Ok(Identity { files: files.collect::<io::Result<_>>()? })
    }
}

/// Reads as much as fits, so that a file always falls into the same pieces.
pub(super) fn fill<'b>(file: &File, at: u64, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&buffer[..filled])
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use xxhash_rust::xxh3::xxh3_128;

    use super::*;

    #[test]
    fn parts_show_what_the_whole_shows() {
        let mut file = tempfile::tempfile().expect("a file");
        // no piece holds a whole number of them
        let octets = "髙橋 𠮷田 éx".as_bytes().repeat(SHARED as usize * PIECE / 10);
        file.write_all(&octets).expect("room");
        let whole = Pieces::of(&file, 0..u64::MAX).expect("readable");
        assert_eq!(whole.size, octets.len() as u64);
        assert!(whole.digests.chunks(16).eq(octets.chunks(PIECE).map(|piece| xxh3_128(piece).to_le_bytes())));
        assert_eq!(Pieces::of_whole(&file).expect("readable"), whole);
    }
}
