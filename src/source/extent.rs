//! How long a record is.

use memchr::{memchr_iter, memchr2};

/// Octets and lines of a record, as a snapshot keeps them: 22 bits for the octets, above them nine for the lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Extent(u32);

const OCTETS: u32 = 22;
const MOST_LINES: usize = (1 << 9) - 1;

impl Extent {
    /// Nothing is said of a record that is too long for it.
    pub fn of(record: &[u8]) -> Self {
        let Some(octets) = u32::try_from(record.len()).ok().filter(|octets| *octets < 1 << OCTETS) else {
            return Self::default();
        };
        let lines = match memchr2(b'\n', b'\r', record) {
            None => 1,
            Some(_) => match memchr_iter(b'\n', record).count() {
                // whether a CR alone ends a line is for the format to say
                0 => 0,
                ends => ends + 1,
            },
        };
        let lines = if lines <= MOST_LINES { lines as u32 } else { 0 };
        Self(octets | lines << OCTETS)
    }

    /// Of a record without a CR that holds so many LF.
    #[inline]
    pub fn of_ends(record: &[u8], ends: usize) -> Self {
        let lines = if ends < MOST_LINES { ends as u32 + 1 } else { 0 };
        u32::try_from(record.len())
            .ok()
            .filter(|octets| *octets < 1 << OCTETS)
            .map_or_else(Self::default, |octets| Self(octets | lines << OCTETS))
    }

    /// As [`Self::bits`] gave it.
    pub fn of_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// In 31 bits.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// 0 where it is not known.
    pub fn octets(self) -> usize {
        (self.0 & ((1 << OCTETS) - 1)) as usize
    }

    /// How many lines there are, by LF, and one after the last of these; 0 where it is not known. In a record of one line is no CR.
    pub fn lines(self) -> u64 {
        u64::from(self.0 >> OCTETS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_and_lines_are_kept_as_far_as_they_fit() {
        let long = vec![b'x'; 1 << OCTETS];
        let many = b"\n".repeat(MOST_LINES);
        for (record, octets, lines) in [
            (&b""[..], 0, 1),
            (b"a,b", 3, 1),
            (b"a\nb\r\nc", 6, 3),
            (b"a\rb", 3, 0),
            (&long[1..], long.len() - 1, 1),
            (&long, 0, 0),
            (&many[1..], MOST_LINES - 1, MOST_LINES as u64),
            (&many, MOST_LINES, 0),
        ] {
            let extent = Extent::of(record);
            assert_eq!((extent.octets(), extent.lines()), (octets, lines));
            assert_eq!(Extent::of_bits(extent.bits()), extent);
            assert!(extent.bits() < 1 << 31);
            if !record.contains(&b'\r') {
                assert_eq!(Extent::of_ends(record, memchr_iter(b'\n', record).count()), extent);
            }
        }
    }
}
