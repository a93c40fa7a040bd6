//! The bytes of a batch, and what is to be known of them before its records are cut.

use std::ops::Range;

use memchr::memchr;
use pulp::{Arch, NullaryFnOnce};

use crate::source::value::{Octets, has_no_controls, has_no_tombstone};

/// So many bytes are looked at together. A rare character makes the way longer for the records in its piece, not for all of a
/// batch; of smaller pieces there would be more to ask.
const PIECE: usize = 512;
/// So many octets behind a piece belong to what may begin with its last.
const BEHIND: usize = 2;

/// The records of a batch.
pub struct Whole<'b> {
    pub text: &'b str,
    /// Of each piece and what stands behind it, as what begins in one may end there.
    pieces: Vec<Clear>,
    /// There are CRs somewhere, of what has lines.
    pub has_returns: bool,
}

/// What some bytes are free of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clear {
    /// Controls, floats and names of the deleted, for which values are searched one by one otherwise.
    pub is_free: bool,
    /// Any control, so that there is no line end either.
    pub is_one_line: bool,
    /// What NFC does not leave alone in whatever is cut out of it.
    pub is_settled: bool,
}

impl<'b> Whole<'b> {
    /// None where records are no plain text; `has_lines`: no value goes over several of them.
    pub fn of(bytes: &'b [u8], has_lines: bool) -> Option<Self> {
        // records are cut beside line ends, so that each of them is whole
        let text = simdutf8::basic::from_utf8(bytes).ok()?;
        let mut pieces = Vec::with_capacity(bytes.len() / PIECE + 1);
        let all = Arch::new().dispatch(Look { bytes, pieces: &mut pieces });
        if !all.is_free && memchr(0, bytes).is_some() {
            return None;
        }
        if !all.is_one_line && !has_lines && !has_no_tombstone(bytes) {
            pieces.iter_mut().for_each(|piece| piece.is_free = false);
        }
        Some(Self { text, pieces, has_returns: has_lines && memchr(b'\r', bytes).is_some() })
    }

    /// What is to be known of a part of it.
    #[inline]
    pub fn clear(&self, part: &Range<usize>) -> Clear {
        let pieces = self.pieces.get(part.start / PIECE..part.end.div_ceil(PIECE)).unwrap_or_default();
        pieces.iter().fold(Clear::ALL, |all, piece| all.and(*piece))
    }
}

/// A look at each piece, made of what the processor can do.
struct Look<'l> {
    bytes: &'l [u8],
    pieces: &'l mut Vec<Clear>,
}

impl NullaryFnOnce for Look<'_> {
    /// Of all.
    type Output = Clear;

    #[inline(always)]
    fn call(self) -> Clear {
        let Self { bytes: mut rest, pieces } = self;
        let mut all = Clear::ALL;
        while !rest.is_empty() {
            let piece = match rest.first_chunk() {
                Some(octets) => Clear::of(octets),
                None => {
                    let mut octets = [b' '; PIECE + BEHIND];
                    octets[..rest.len()].copy_from_slice(rest);
                    Clear::of(&octets)
                }
            };
            all = all.and(piece);
            pieces.push(piece);
            rest = rest.get(PIECE..).unwrap_or_default();
        }
        all
    }
}

impl Clear {
    const ALL: Self = Self { is_free: true, is_one_line: true, is_settled: true };

    #[inline(always)]
    fn of(octets: &[u8; PIECE + BEHIND]) -> Self {
        let found = Octets::of(octets);
        Self {
            is_free: (found.has_lines_only() || has_no_controls(octets)) && found.has_no_floats(),
            is_one_line: found.is_one_line(),
            is_settled: found.is_settled(),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            is_free: self.is_free & other.is_free,
            is_one_line: self.is_one_line & other.is_one_line,
            is_settled: self.is_settled & other.is_settled,
        }
    }

    /// Says whether a value in it that has no blank around it is clean, whichever it is.
    #[inline]
    pub fn is_clean(self) -> bool {
        self.is_free & self.is_settled
    }
}

#[cfg(test)]
mod tests {
    use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

    use super::*;

    fn clear(text: &str, part: &Range<usize>) -> Clear {
        Whole::of(text.as_bytes(), false).expect("no NUL").clear(part)
    }

    #[test]
    fn what_is_settled_is_left_alone_by_nfc() {
        let mut count = 0;
        for c in '\u{1}'..=char::MAX {
            let text = format!("e{c}e{c}");
            if clear(&text, &(0..text.len())).is_settled {
                count += 1;
                assert_eq!(text.nfc().collect::<String>(), text, "{c:?}");
                assert_eq!(is_nfc_quick(text.chars()), IsNormalized::Yes, "{c:?}");
            }
        }
        assert!(count > 25_000, "{count}");
    }

    #[test]
    fn what_is_strange_counts_for_its_piece_alone() {
        let all = Clear::ALL;
        for (strange, expected) in [
            ("\u{1}", Clear { is_free: false, is_one_line: false, ..all }),
            ("\u{7f}", Clear { is_free: false, is_one_line: false, ..all }),
            ("\n", Clear { is_one_line: false, ..all }),
            ("e+1", Clear { is_free: false, ..all }),
            ("か\u{3099}", Clear { is_settled: false, ..all }),
            ("\u{302a}", Clear { is_settled: false, ..all }),
            ("𠮷", Clear { is_settled: false, ..all }),
            ("ア株a", all),
        ] {
            for length in [0, 1, PIECE - 3, PIECE - 2, PIECE - 1, PIECE, 3 * PIECE / 2, 2 * PIECE - 1] {
                let text = ["x".repeat(length).as_str(), strange, &"x".repeat(3 * PIECE)].concat();
                let range = length..length + strange.len();
                assert_eq!(clear(&text, &range), expected, "{strange:?} behind {length}");
                assert_eq!(clear(&text, &(0..text.len())), expected, "{strange:?} behind {length}");
                assert_eq!(clear(&text, &(text.len() - PIECE..text.len())), all, "{strange:?} behind {length}");
            }
        }
    }

    #[test]
    fn names_of_the_deleted_count_for_all() {
        let text = ["x".repeat(5 * PIECE).as_str(), "a\nDEL:", &"x".repeat(5 * PIECE)].concat();
        assert!(!clear(&text, &(0..1)).is_free);
        assert!(Whole::of(text.as_bytes(), true).expect("no NUL").clear(&(0..1)).is_free);
        assert!(Whole::of(b"a\0b", false).is_none());
    }
}
