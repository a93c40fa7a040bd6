//! Finds where a JSON value ends; knows strings, escapes and brackets and nothing else.

use memchr::memchr2;
use wide::u8x16;

use crate::source::bits::{BLOCK, bits_of, bits_where, odd};

/// Kinds of brackets are remembered to this depth, which is beyond what any record may have.
const REMEMBERED: u32 = 128;

/// What the scanner came upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The value is over before this offset.
    End(usize),
    /// A closing bracket at this offset that does not fit the open one.
    Mismatch(usize),
    /// More data is needed.
    More,
}

/// A scan that goes on where it stopped when more data is there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scan {
    pub(super) position: usize,
    depth: u32,
    pub(super) deepest: u32,
    /// One bit a level: an array.
    kinds: u128,
    in_string: bool,
}

impl Scan {
    /// Scans a value that begins with a bracket or a quote at the first byte of `data`.
    pub(super) fn run(&mut self, data: &[u8]) -> Stop {
        let mut at = self.position;
        let mut escaped = 0;
        loop {
            while self.depth > 0
                && at >= escaped
                && let Some(block) = data.get(at..).and_then(|rest| rest.first_chunk())
            {
                if bits_of(block, b'\\') != 0 {
                    // one by one, as what is behind each counts
                    escaped = at + BLOCK;
                    break;
                }
                if let Some(stop) = self.block(block, at) {
                    return stop;
                }
                at += BLOCK;
            }
            if self.in_string {
                let Some(found) = data.get(at..).and_then(string_stop).map(|found| at + found) else {
                    self.position = data.len().max(at);
                    return Stop::More;
                };
                if data[found] == b'\\' {
                    at = found + 2;
                    continue;
                }
                self.in_string = false;
                at = found + 1;
                if self.depth == 0 {
                    return Stop::End(at);
                }
            }
            let Some(found) =
                data.get(at..).and_then(|rest| rest.iter().position(|&byte| STRUCTURAL[usize::from(byte)]))
            else {
                self.position = data.len().max(at);
                return Stop::More;
            };
            at += found;
            match data[at] {
                b'"' => self.in_string = true,
                b'{' => self.open(false),
                b'[' => self.open(true),
                closing => {
                    if let Some(stop) = self.close(closing == b']', at) {
                        return stop;
                    }
                }
            }
            at += 1;
        }
    }

    /// Scans a block without escapes, which begins `at` in the data, inside of a bracket.
    #[inline]
    fn block(&mut self, block: &[u8; BLOCK], at: usize) -> Option<Stop> {
        let strings = odd(bits_of(block, b'"')) ^ if self.in_string { u64::MAX } else { 0 };
        let brackets = bits_where(block, |octets| {
            // `[` and `]` have one bit less
            let octets = octets | u8x16::splat(b'{' ^ b'[');
            octets.simd_eq(u8x16::splat(b'{')) | octets.simd_eq(u8x16::splat(b'}'))
        });
        let mut outside = brackets & !strings;
        while outside != 0 {
            let place = outside.trailing_zeros() as usize;
            outside &= outside - 1;
            match block[place] {
                b'{' => self.open(false),
                b'[' => self.open(true),
                closing => {
                    if let Some(stop) = self.close(closing == b']', at + place) {
                        return Some(stop);
                    }
                }
            }
        }
        self.in_string = strings >> (BLOCK - 1) != 0;
        None
    }

    fn open(&mut self, is_array: bool) {
        if self.depth < REMEMBERED {
            let bit = 1 << self.depth;
            self.kinds = if is_array { self.kinds | bit } else { self.kinds & !bit };
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
    }

    /// Closes a bracket `at` in the data; returns where that ends the scan.
    fn close(&mut self, is_array: bool, at: usize) -> Option<Stop> {
        let Some(depth) = self.depth.checked_sub(1) else { return Some(Stop::Mismatch(at)) };
        let fits = depth >= REMEMBERED || ((self.kinds >> depth) & 1 == 1) == is_array;
        if !fits {
            return Some(Stop::Mismatch(at));
        }
        self.depth = depth;
        (depth == 0).then_some(Stop::End(at + 1))
    }

    /// Forgets `count` bytes that the caller has passed over.
    pub(super) fn shift(&mut self, count: usize) {
        self.position -= count.min(self.position);
    }
}

/// How many bytes of a string are looked at one by one: most end before a search by vectors has begun.
const NEAR: usize = 8;

/// Returns the offset of the first quote or backslash.
fn string_stop(text: &[u8]) -> Option<usize> {
    let near = &text[..text.len().min(NEAR)];
    match near.iter().position(|&byte| byte == b'"' || byte == b'\\') {
        Some(at) => Some(at),
        None => memchr2(b'"', b'\\', &text[near.len()..]).map(|at| near.len() + at),
    }
}

const STRUCTURAL: [bool; 256] = {
    let mut table = [false; 256];
    table[b'"' as usize] = true;
    table[b'{' as usize] = true;
    table[b'}' as usize] = true;
    table[b'[' as usize] = true;
    table[b']' as usize] = true;
    table
};

/// Returns how deep the brackets of a text are nested.
pub(super) fn depth(text: &[u8]) -> u32 {
    let mut scan = Scan::default();
    // what is not balanced is for the parser to refuse
    let _ = scan.run(text);
    scan.deepest
}

#[cfg(test)]
mod tests {
    use super::{Scan, Stop, depth};

    #[test]
    fn finds_the_end_wherever_the_data_is_cut() {
        for (text, end) in [(r#"{"a":"}\"]","b":[1,{"c":[]}]},"#, 29), (r#""x\\","#, 5), ("[[],{}] ", 7)] {
            for cut in 1..text.len() {
                let mut scan = Scan::default();
                let first = scan.run(&text.as_bytes()[..cut]);
                let got = if first == Stop::More { scan.run(text.as_bytes()) } else { first };
                assert_eq!(got, Stop::End(end), "{text} cut at {cut}");
            }
        }
        let long = |string: &str| format!("[{{\"a\":\"{string}\",\"b\":[[{{}}],\"{string}\",1]}},{{\"c\":[]}}] ,");
        let strings = ["", "x]", "\\\\", "\\\"}", "{{[[\\\\\\\"]", "]}\\\\\\\\"];
        for string in
            strings.iter().flat_map(|string| (0..200).map(move |times| string.repeat(times % 40) + &"y".repeat(times)))
        {
            let text = long(&string);
            let end = Stop::End(text.len() - 2);
            assert_eq!(Scan::default().run(text.as_bytes()), end, "{text}");
            for cut in [1, text.len() / 3, text.len() / 2, text.len() - 3] {
                let mut scan = Scan::default();
                assert_eq!(scan.run(&text.as_bytes()[..cut]), Stop::More, "{text} cut at {cut}");
                assert_eq!(scan.run(text.as_bytes()), end, "{text} cut at {cut}");
            }
            let wrong = text.replace("[]}]", "[]]]");
            assert_eq!(Scan::default().run(wrong.as_bytes()), Stop::Mismatch(text.len() - 4), "{wrong}");
        }
        assert_eq!(Scan::default().run(b"{]"), Stop::Mismatch(1));
        assert_eq!(Scan::default().run(b"{\"a"), Stop::More);
        assert_eq!(depth(b"{\"a\":[[1],{}]}"), 3);
    }
}
