//! The identity of an export: the same names and bytes are the same export (sources.md 15, service.md D-15).

use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

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

/// Octets that are hashed together; hashing piece by piece is several times faster than as a stream.
const PIECE: usize = 128 << 10;

/// Reads as much as fits, so that a file always falls into the same pieces.
fn fill<'b>(file: &mut impl Read, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&buffer[..filled])
}

impl FileSet {
    /// Reads all files once, to their end; what that shows of their encodings spares the reader a pass.
    pub fn identity(&mut self) -> io::Result<Identity> {
        // Small enough to stay in the cache of a core while it is hashed and checked.
        let mut buffer = vec![0; PIECE];
        let mut files = Vec::with_capacity(self.files.len());
        for found in &mut self.files {
            let mut file = found.open()?;
            let mut hasher = Xxh3Default::new();
            let mut size = 0;
            let mut utf8 = Utf8::default();
            loop {
                let piece = fill(&mut file, &mut buffer)?;
                if piece.is_empty() {
                    break;
                }
                size += piece.len() as u64;
                hasher.update(&xxh3_128(piece).to_le_bytes());
                utf8.feed(piece);
            }
            found.is_utf8 = Some(utf8.is_whole());
            files.push(FileIdentity { name: found.name.clone(), size, digest: format!("{:032x}", hasher.digest128()) });
        }
        Ok(Identity { files })
    }
}

/// Checks a text that comes in pieces.
#[derive(Default)]
struct Utf8 {
    broken: bool,
    /// The beginning of a character that the last piece cut.
    cut: Vec<u8>,
}

impl Utf8 {
    fn feed(&mut self, mut piece: &[u8]) {
        while !self.broken && !self.cut.is_empty() {
            let Some((first, rest)) = piece.split_first() else { return };
            self.cut.push(*first);
            piece = rest;
            match std::str::from_utf8(&self.cut) {
                Ok(_) => self.cut.clear(),
                Err(error) => self.broken = error.error_len().is_some(),
            }
        }
        if self.broken {
            return;
        }
        let valid = encoding_rs::Encoding::utf8_valid_up_to(piece);
        let rest = &piece[valid..];
        match std::str::from_utf8(rest) {
            Ok(_) => {}
            Err(error) if error.error_len().is_none() => self.cut.extend(rest),
            Err(_) => self.broken = true,
        }
    }

    fn is_whole(&self) -> bool {
        !self.broken && self.cut.is_empty()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_pieces_is_checked_as_a_whole() {
        let cases: [(&[u8], bool); 6] = [
            (b"", true),
            (b"plain", true),
            ("髙橋 𠮷田 é".as_bytes(), true),
            (b"caf\xe9 au lait", false),
            (b"cut \xe9\xab", false),
            (b"\xe9\xab\xe9\xab", false),
        ];
        for (text, expected) in cases {
            for size in 1..=text.len().max(1) {
                let mut utf8 = Utf8::default();
                text.chunks(size).for_each(|piece| utf8.feed(piece));
                assert_eq!(utf8.is_whole(), expected, "{text:?} in pieces of {size}");
            }
        }
    }
}
