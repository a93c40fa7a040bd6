//! What lines have in base64: the same department, city or surname comes again and again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memchr;

use super::NotPlain;
use crate::source::value::is_kept;

/// What was decoded last.
pub struct Decoded {
    /// By a hash of what is written.
    some: Vec<Known>,
    /// For what is not kept.
    other: Known,
    /// To decode in.
    room: Vec<u8>,
}

/// What a line has, and what it means.
#[derive(Default)]
struct Known {
    /// What is written, and behind it the text that it means: side by side, as they are looked at one after the other.
    both: String,
    /// How much of it is written.
    written: usize,
    /// What it means that is no text.
    octets: Option<Box<[u8]>>,
    is_clean: bool,
}

/// A value that was in base64.
pub enum Meant<'d> {
    /// And whether it is known to be stored as it is, whatever it is for, unless a GUID is wanted.
    Text(&'d str, bool),
    Octets(&'d [u8]),
}

/// First names, surnames, places and departments of a directory, and of its full names those that come again soon.
const COUNT: usize = 1 << 11;
/// Longer ones are few, and do not come again.
const LONGEST: usize = 128;

impl Decoded {
    pub fn new() -> Self {
        Self { some: (0..COUNT).map(|_| Known::default()).collect(), other: Known::default(), room: Vec::new() }
    }

    /// Decodes what is written; blanks may stand behind it.
    pub fn of(&mut self, written: &str) -> Result<Meant<'_>, NotPlain> {
        let known = match place(written.as_bytes()) {
            Some(place) => &mut self.some[place],
            None => &mut self.other,
        };
        if !known.is_of(written) {
            known.read(written, &mut self.room)?;
        }
        Ok(match &known.octets {
            None => Meant::Text(known.both.get(known.written..).unwrap_or_default(), known.is_clean),
            Some(octets) => Meant::Octets(octets),
        })
    }
}

/// Where a value is kept, if it is; it is not empty then.
#[inline]
fn place(written: &[u8]) -> Option<usize> {
    let (first, last) = match (written.first_chunk(), written.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (
            u64::from(u32::from_le_bytes(*written.first_chunk()?)),
            u64::from(u32::from_le_bytes(*written.last_chunk()?)),
        ),
    };
    let mixed = first.rotate_left(23) ^ last;
    let hash = mixed.wrapping_add(written.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (written.len() <= LONGEST).then_some((hash >> 32) as usize % COUNT)
}

impl Known {
    #[inline]
    fn is_of(&self, written: &str) -> bool {
        self.written == written.len() && self.both.as_bytes().get(..self.written) == Some(written.as_bytes())
    }

    fn read(&mut self, written: &str, room: &mut Vec<u8>) -> Result<(), NotPlain> {
        let text = if written.ends_with(' ') { written.trim_end_matches(' ') } else { written };
        room.clear();
        STANDARD.decode_vec(text, room).map_err(|_| NotPlain)?;
        self.both.clear();
        self.both.push_str(written);
        self.written = written.len();
        match std::str::from_utf8(room) {
            Ok(text) if memchr(0, room).is_none() => {
                self.both.push_str(text);
                (self.octets, self.is_clean) = (None, is_kept(text));
            }
            Ok(_) | Err(_) => (self.octets, self.is_clean) = (Some(room.as_slice().into()), false),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_means_the_same_again() {
        let mut decoded = Decoded::new();
        let octets = [b"\xff\xfe\xfd\xfc\xfb\xfa".to_vec(), b"nul\0nul".to_vec(), b"x".repeat(200)];
        let texts =
            ["", "a", " padded ", "con\u{1}trol", "8.13555E+11", "e\u{301}", "Müller und Söhne", "髙橋", "さくら"];
        let values: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).chain(octets).collect();
        let many = (0..2000).map(|number| format!("number {number}").into_bytes());
        let values: Vec<Vec<u8>> = values.iter().cloned().chain(many).chain(values.iter().cloned()).collect();
        for value in values.iter().flat_map(|value| [value, value]) {
            let text = std::str::from_utf8(value).ok().filter(|text| !text.contains('\0'));
            for written in [STANDARD.encode(value), STANDARD.encode(value) + "  "] {
                match decoded.of(&written) {
                    Ok(Meant::Text(found, is_clean)) => {
                        assert_eq!((Some(found), is_clean), (text, is_kept(found)), "{written}");
                    }
                    Ok(Meant::Octets(found)) => assert_eq!((Some(found), text), (Some(&**value), None), "{written}"),
                    Err(NotPlain) => panic!("`{written}` is base64"),
                }
            }
            assert!(matches!(decoded.of("6auY5qmL4"), Err(NotPlain)));
        }
    }
}
