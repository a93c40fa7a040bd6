//! Logical lines of a record: unfolded, without comments.

use std::borrow::Cow;

use memchr::memchr;

/// One unfolded line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Where its first piece is in the file.
    pub(super) number: u64,
    pub(super) text: Cow<'a, [u8]>,
}

/// Walks through the logical lines of the bytes of a record.
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    /// The number of the first line of `rest`.
    number: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(record: &'a [u8], number: u64) -> Self {
        Self { rest: record, number }
    }

    /// Takes one physical line, without its end.
    fn physical(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, rest) = match memchr(b'\n', self.rest) {
            Some(at) => (&self.rest[..at], &self.rest[at + 1..]),
            None => (self.rest, &self.rest[self.rest.len()..]),
        };
        self.rest = rest;
        self.number += 1;
        Some(without_returns(line))
    }

    fn continues(&self) -> bool {
        matches!(self.rest.first(), Some(b' ' | b'\t'))
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        loop {
            let number = self.number;
            let first = self.physical()?;
            let mut text = Cow::Borrowed(first);
            while self.continues() {
                if let Some(piece) = self.physical() {
                    text.to_mut().extend_from_slice(&piece[1..]);
                }
            }
            if !first.starts_with(b"#") {
                return Some(Line { number, text });
            }
        }
    }
}

/// Takes off the CRs before a line end.
pub(super) fn without_returns(mut line: &[u8]) -> &[u8] {
    while let Some((b'\r', rest)) = line.split_last() {
        line = rest;
    }
    line
}
