//! The identity of an export: the same names and bytes are the same export (sources.md 15, service.md D-15).

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::find::FileSet;

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
const PIECE: usize = 128 << 10;
/// Pieces from which on a second thread is worth its start.
const SHARED: u64 = 64;

impl FileSet {
    /// Reads all files once, to their end.
    pub fn identity(&self) -> io::Result<Identity> {
        let files = self.files.iter().map(|found| {
            let (size, digests) = pieces_of(&found.open()?)?;
            Ok(FileIdentity { name: found.name.clone(), size, digest: format!("{:032x}", xxh3_128(&digests)) })
        });
        Ok(Identity { files: files.collect::<io::Result<_>>()? })
    }
}

/// The size of a file, and the digests of its pieces, one after the other.
fn pieces_of(file: &File) -> io::Result<(u64, Vec<u8>)> {
    let pieces = file.metadata()?.len() / PIECE as u64;
    let half = if pieces >= SHARED { pieces / 2 } else { 0 } * PIECE as u64;
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| digests(file, 0..half));
        let second = digests(file, half..u64::MAX);
        (first.join().unwrap_or_else(|_| Err(io::Error::other("the reading thread broke down"))), second)
    });
    let ((begun, mut all), (rest, others)) = (first?, second?);
    all.extend(others);
    Ok((begun + rest, all))
}

/// How much there is of a part of a file, and the digests of its pieces.
fn digests(file: &File, range: Range<u64>) -> io::Result<(u64, Vec<u8>)> {
    let (mut size, mut digests, mut buffer) = (0, Vec::new(), vec![0; PIECE]);
    while range.start + size < range.end {
        let piece = fill(file, range.start + size, &mut buffer)?;
        if piece.is_empty() {
            break;
        }
        digests.extend(xxh3_128(piece).to_le_bytes());
        size += piece.len() as u64;
    }
    Ok((size, digests))
}

/// Reads as much as fits, so that a file always falls into the same pieces.
fn fill<'b>(file: &File, at: u64, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
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

    use super::*;

    #[test]
    fn parts_show_what_the_whole_shows() {
        let mut file = tempfile::tempfile().expect("a file");
        // no piece holds a whole number of them
        let octets = "髙橋 𠮷田 éx".as_bytes().repeat(SHARED as usize * PIECE / 10);
        file.write_all(&octets).expect("room");
        let whole = digests(&file, 0..u64::MAX).expect("readable");
        assert_eq!(whole.0, octets.len() as u64);
        assert!(whole.1.chunks(16).eq(octets.chunks(PIECE).map(|piece| xxh3_128(piece).to_le_bytes())));
        assert_eq!(pieces_of(&file).expect("readable"), whole);
    }
}
