//! What lines have in base64: the same department, city or surname comes again and again.

use base64::Engine;
use base64::decoded_len_estimate;
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
    /// To write in.
    room: Vec<u8>,
}

/// What a line has, and what it means.
struct Known {
    /// So much of it; a longer one is not kept.
    length: u8,
    is_clean: bool,
    written: [u8; LONGEST],
    value: Value,
}

enum Value {
    Text(String),
    Octets(Vec<u8>),
}

/// A value that was in base64.
pub enum Meant<'d> {
    /// And whether it is known to be stored as it is, whatever it is for, unless a GUID is wanted.
    Text(&'d str, bool),
    Octets(&'d [u8]),
}

impl Default for Value {
    fn default() -> Self {
        Self::Octets(Vec::new())
    }
}

/// So many short ones are kept, and so many long ones: there are few different surnames and cities, but many whole names.
const COUNT: usize = 1 << 10;
/// Of a short one.
const SHORT: usize = 16;
/// Longer ones are few, and do not come again.
const LONGEST: usize = 64;

impl Decoded {
    pub fn new() -> Self {
        Self { some: (0..2 * COUNT).map(|_| Known::default()).collect(), other: Known::default(), room: Vec::new() }
    }

    /// Decodes what is no text: no two have the same.
    pub fn octets_of(&mut self, written: &str) -> Result<&[u8], NotPlain> {
        decode(written, &mut self.room)
    }

    /// As [`Self::of`], of what is written once and not again.
    pub fn anew(&mut self, written: &str) -> Result<Meant<'_>, NotPlain> {
        let octets = decode(written, &mut self.room)?;
        Ok(text_of(octets).map_or(Meant::Octets(octets), |text| Meant::Text(text, is_kept(text))))
    }

    /// Decodes what is written; blanks may stand behind it.
    pub fn of(&mut self, written: &str) -> Result<Meant<'_>, NotPlain> {
        let known = match place(written.as_bytes()) {
            Some(place) => {
                let known = &mut self.some[place];
                if !known.is(written.as_bytes()) {
                    known.read(written, &mut self.room)?;
                }
                known
            }
            None => {
                self.other.read(written, &mut self.room)?;
                &mut self.other
            }
        };
        Ok(match &known.value {
            Value::Text(text) => Meant::Text(text, known.is_clean),
            Value::Octets(octets) => Meant::Octets(octets),
        })
    }
}

/// Decodes what is written; blanks may stand behind it.
fn decode<'r>(written: &str, room: &'r mut Vec<u8>) -> Result<&'r [u8], NotPlain> {
    let text = if written.ends_with(' ') { written.trim_end_matches(' ') } else { written };
    let most = decoded_len_estimate(text.len());
    if room.len() < most {
        room.resize(most, 0);
    }
    let length = STANDARD.decode_slice(text, room).map_err(|_| NotPlain)?;
    room.get(..length).ok_or(NotPlain)
}

/// The text that octets are, if they are one.
fn text_of(octets: &[u8]) -> Option<&str> {
    if memchr(0, octets).is_some() { None } else { std::str::from_utf8(octets).ok() }
}

/// Marks what is no digit.
const NO_DIGIT: u8 = 0x80;
/// The value of each digit of base64 (RFC 4648, 4).
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut at = 0;
    while at < digits.len() {
        values[digits[at] as usize] = at as u8;
        at += 1;
    }
    values
};

/// Says whether [`Decoded::of`] decodes it, for who does not ask what it means.
pub fn is_base64(written: &str) -> bool {
    let (fours, rest) = written.trim_end_matches(' ').as_bytes().as_chunks::<4>();
    let Some((last, before)) = fours.split_last() else { return rest.is_empty() };
    // and the bits of the last digit that belong to no octet
    let (digits, unused) = match last {
        [_, _, b'=', b'='] => (2, 0x0f),
        [_, _, _, b'='] => (3, 0x03),
        _ => (4, 0),
    };
    let value = |octet: &u8| VALUES[usize::from(*octet)];
    let octets = before.as_flattened().iter().chain(&last[..digits]);
    let all = octets.fold(0, |all, octet| all | value(octet));
    rest.is_empty() && all & NO_DIGIT == 0 && value(&last[digits - 1]) & unused == 0
}

/// Where a value is kept, if it is; it has four octets at least then.
#[inline]
fn place(written: &[u8]) -> Option<usize> {
    let (first, last) = match (written.first_chunk(), written.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        (None, _) | (_, None) => (u64::from(u32::from_le_bytes(*written.first_chunk()?)), 0),
    };
    let mixed = (first.rotate_left(23) ^ last).wrapping_add(written.len() as u64);
    let hash = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let among = if written.len() <= SHORT { 0 } else { COUNT };
    (written.len() <= LONGEST).then_some(among + (hash >> 32) as usize % COUNT)
}

impl Default for Known {
    fn default() -> Self {
        Self { length: 0, is_clean: false, written: [0; LONGEST], value: Value::default() }
    }
}

impl Known {
    /// Says whether it is what is written, which is as long as one that has a [`place`].
    #[inline]
    fn is(&self, written: &[u8]) -> bool {
        if usize::from(self.length) != written.len() {
            return false;
        }
        // by words, as what is compared is short: those before the last, and the last one, which may lie across them
        let same = |own: &[u8], other: &[u8]| own.first_chunk::<8>() == other.first_chunk();
        match written.len().checked_sub(8) {
            Some(last) => (0..last).step_by(8).chain([last]).all(|at| same(&self.written[at..], &written[at..])),
            None => self.written.starts_with(written),
        }
    }

    fn read(&mut self, written: &str, room: &mut Vec<u8>) -> Result<(), NotPlain> {
        self.length = 0;
        let octets = decode(written, room)?;
        let text = text_of(octets);
        match (text, &mut self.value) {
            (Some(text), Value::Text(known)) => {
                known.clear();
                known.push_str(text);
            }
            (Some(text), value @ Value::Octets(_)) => *value = Value::Text(text.to_owned()),
            (None, value) => *value = Value::Octets(octets.to_vec()),
        }
        self.is_clean = text.is_some_and(is_kept);
        if let Some(kept) = self.written.get_mut(..written.len()) {
            kept.copy_from_slice(written.as_bytes());
            self.length = u8::try_from(written.len()).unwrap_or_default();
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
        let many = (0..9000).map(|number| format!("number {number}").into_bytes());
        let values: Vec<Vec<u8>> = values.iter().cloned().chain(many).chain(values.iter().cloned()).collect();
        for value in values.iter().flat_map(|value| [value, value]) {
            let text = std::str::from_utf8(value).ok().filter(|text| !text.contains('\0'));
            for written in [STANDARD.encode(value), STANDARD.encode(value) + "  "] {
                for is_new in [false, true] {
                    match if is_new { decoded.anew(&written) } else { decoded.of(&written) } {
                        Ok(Meant::Text(found, is_clean)) => {
                            assert_eq!((Some(found), is_clean), (text, is_kept(found)), "{written}");
                        }
                        Ok(Meant::Octets(found)) => {
                            assert_eq!((Some(found), text), (Some(&**value), None), "{written}");
                        }
                        Err(NotPlain) => panic!("`{written}` is base64"),
                    }
                }
            }
            assert!(matches!(decoded.of("6auY5qmL4"), Err(NotPlain)));
        }
    }

    #[test]
    fn what_can_be_decoded_is_told_without_decoding_it() {
        let mut decoded = Decoded::new();
        let signs = ["", "A", "/", "+", "=", "==", "-", "_", "\n", "é", " ", "B", "w", "g"];
        let (mut sound, mut others) = (0, 0);
        for text in ["", "6auY", "6auY5qk=", "6auY5g==", "AQUAAAAAAAUVAAAA1HUf0H13pzTc9Nw7TAQAAA=="] {
            for (at, sign, more) in (0..=text.len())
                .flat_map(|at| signs.map(|sign| (at, sign, 0)).into_iter().chain(signs.map(|sign| (at, sign, 1))))
            {
                let written = [&text[..at], sign, text.get(at + more..).unwrap_or_default()].concat();
                let is_sound = decoded.of(&written).is_ok();
                *if is_sound { &mut sound } else { &mut others } += 1;
                assert_eq!(is_base64(&written), is_sound, "{written:?}");
            }
        }
        assert!(sound > 100 && others > 100, "{sound} {others}");
    }
}
