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
    /// Reads all files once, to their end; what that shows of their encodings spares the reader a pass.
    pub fn identity(&mut self) -> io::Result<Identity> {
        let mut files = Vec::with_capacity(self.files.len());
        for found in &mut self.files {
            let file = found.open()?;
            let pieces = file.metadata()?.len() / PIECE as u64;
            let half = if pieces >= SHARED { pieces / 2 } else { 0 } * PIECE as u64;
            let (first, second) = std::thread::scope(|scope| {
                let first = scope.spawn(|| Part::read(&file, 0..half));
                let second = Part::read(&file, half..u64::MAX);
                (first.join().unwrap_or_else(|_| Err(io::Error::other("the reading thread broke down"))), second)
            });
            let whole = first?.and(second?);
            found.is_utf8 = Some(whole.utf8.is_whole());
            let digest = format!("{:032x}", xxh3_128(&whole.digests));
            files.push(FileIdentity { name: found.name.clone(), size: whole.size, digest });
        }
        Ok(Identity { files })
    }
}

/// What a part of a file shows.
#[derive(Default)]
struct Part {
    size: u64,
    /// Of its pieces, one after the other.
    digests: Vec<u8>,
    /// The end of a character whose beginning is in the part before.
    head: Vec<u8>,
    utf8: Utf8,
}

impl Part {
    fn read(file: &File, range: Range<u64>) -> io::Result<Self> {
        let mut part = Self::default();
        let mut buffer = vec![0; PIECE];
        while range.start + part.size < range.end {
            let piece = fill(file, range.start + part.size, &mut buffer)?;
            if piece.is_empty() {
                break;
            }
            part.digests.extend(xxh3_128(piece).to_le_bytes());
            let mut text = piece;
            if part.size == 0 && range.start > 0 {
                let ends = piece.iter().take(3).take_while(|octet| **octet & 0xc0 == 0x80).count();
                part.head.extend(&piece[..ends]);
                text = &piece[ends..];
            }
            part.utf8.feed(text);
            part.size += piece.len() as u64;
        }
        Ok(part)
    }

    fn and(mut self, next: Self) -> Self {
        self.utf8.feed(&next.head);
        let is_whole = self.utf8.is_whole();
        self.utf8 = Utf8 { broken: !is_whole || next.utf8.broken, cut: next.utf8.cut };
        self.size += next.size;
        self.digests.extend(next.digests);
        self
    }
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
    use std::io::Write;

    use super::*;

    #[test]
    fn parts_show_what_the_whole_shows() {
        let texts: [(&[u8], bool); 2] = [("髙橋 𠮷田 éx".as_bytes(), true), (b"caf\xe9 au lait", false)];
        for (text, is_utf8) in texts {
            let mut file = tempfile::tempfile().expect("a file");
            // No piece holds a whole number of them, so that the cuts fall into characters.
            let octets = text.repeat(4 * PIECE / text.len());
            file.write_all(&octets).expect("room");
            let whole = Part::read(&file, 0..u64::MAX).expect("readable");
            assert_eq!((whole.size, whole.utf8.is_whole()), (octets.len() as u64, is_utf8));
            for pieces in 1..4 {
                let half = pieces * PIECE as u64;
                let first = Part::read(&file, 0..half).expect("readable");
                let both = first.and(Part::read(&file, half..u64::MAX).expect("readable"));
                assert_eq!(
                    (both.size, both.digests, both.utf8.is_whole()),
                    (whole.size, whole.digests.clone(), is_utf8)
                );
            }
        }
    }

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
