//! Where an octet stands in a text in which it stands often.

use memchr::memchr_iter;
use pulp::{Arch, NullaryFnOnce};
use wide::u8x16;

/// Octets that are looked through without a branch: where the next one stands is not to be foreseen.
pub const BLOCK: usize = 64;

/// Goes through a text block by block.
#[derive(Clone, Copy)]
pub struct Blocks<'t> {
    text: &'t [u8],
    next: usize,
}

/// Some octets of a text, of which each has a bit, the lowest for the first.
pub struct Block<'t> {
    octets: Octets<'t>,
    /// Where it begins in the text.
    pub from: usize,
    /// Those before the first.
    passed: u32,
}

enum Octets<'t> {
    There(&'t [u8; BLOCK]),
    /// All octets of a short text.
    Short(&'t [u8]),
}

impl<'t> Blocks<'t> {
    #[inline]
    pub fn of(text: &'t [u8]) -> Self {
        Self { text, next: 0 }
    }
}

impl<'t> Iterator for Blocks<'t> {
    type Item = Block<'t>;

    #[inline(always)]
    fn next(&mut self) -> Option<Block<'t>> {
        let from = self.next;
        let rest = self.text.get(from..).filter(|rest| !rest.is_empty())?;
        self.next += BLOCK;
        let (octets, passed) = match (rest.first_chunk(), self.text.last_chunk()) {
            (Some(block), _) => (Octets::There(block), 0),
            // the beginning of the last block is in the one before
            (None, Some(block)) => (Octets::There(block), BLOCK - rest.len()),
            (None, None) => (Octets::Short(rest), 0),
        };
        Some(Block { octets, from, passed: passed as u32 })
    }
}

impl Block<'_> {
    #[inline(always)]
    pub fn length(&self) -> usize {
        match self.octets {
            Octets::There(_) => BLOCK - self.passed as usize,
            Octets::Short(text) => text.len(),
        }
    }

    /// Has a bit set for each octet that is `byte`.
    #[inline(always)]
    pub fn bits_of(&self, byte: u8) -> u64 {
        match self.octets {
            Octets::There(block) => bits_of(block, byte) >> self.passed,
            Octets::Short(text) => {
                // the octet is not in what fills it up
                let mut block = [!byte; BLOCK];
                block[..text.len()].copy_from_slice(text);
                bits_of(&block, byte)
            }
        }
    }
}

/// Puts the place of each bit into `list` behind the first `count`, and returns how many there are then; what comes after these
/// means nothing. Eight are put at once, so that how many there are need not be foreseen. No place is beyond `u32::MAX`.
#[inline(always)]
pub fn list(mut bits: u64, from: usize, list: &mut Vec<u32>, mut count: usize) -> usize {
    if list.len() < count + BLOCK {
        list.resize(count + 2 * BLOCK, 0);
    }
    let from = from as u32;
    let mut left = bits.count_ones() as usize;
    count += left;
    for eight in list[count - left..].as_chunks_mut::<8>().0 {
        for place in eight {
            // where none is left the place means nothing
            *place = from.wrapping_add(bits.trailing_zeros());
            bits &= bits.wrapping_sub(1);
        }
        left = left.saturating_sub(8);
        if left == 0 {
            break;
        }
    }
    count
}

/// The places of an octet in a text, which are asked for piece after piece. A search that begins anew behind each of them takes longer
/// where they are close.
#[derive(Debug, Default)]
pub struct Marks {
    /// Some of the last mean nothing.
    places: Vec<u32>,
    count: usize,
    /// Those before are asked for no more.
    next: usize,
}

/// A search for all of them, by what the processor can do.
struct Find<'f> {
    byte: u8,
    text: &'f [u8],
    places: &'f mut Vec<u32>,
}

impl NullaryFnOnce for Find<'_> {
    /// How many there are.
    type Output = usize;

    #[inline(always)]
    fn call(self) -> usize {
        let Self { byte, text, places } = self;
        let mut count = 0;
        for block in Blocks::of(text) {
            count = list(block.bits_of(byte), block.from, places, count);
        }
        count
    }
}

impl Marks {
    /// Finds those in another text.
    pub fn find(&mut self, byte: u8, text: &[u8]) {
        self.count = Arch::new().dispatch(Find { byte, text, places: &mut self.places });
        self.next = 0;
    }

    /// Finds those in another text that has few; false if there are more than `most`, not all of which are found then.
    pub fn find_few(&mut self, byte: u8, text: &[u8], most: usize) -> bool {
        self.places.clear();
        self.places.extend(memchr_iter(byte, text).take(most + 1).map(|at| at as u32));
        (self.count, self.next) = (self.places.len(), 0);
        self.count <= most
    }

    /// Those from `at` on, before which nothing is asked for any more.
    #[inline]
    pub fn from(&mut self, at: usize) -> &[u32] {
        let places = self.places.get(..self.count).unwrap_or_default();
        while places.get(self.next).is_some_and(|place| (*place as usize) < at) {
            self.next += 1;
        }
        places.get(self.next..).unwrap_or_default()
    }

    /// The first `count` of those from `at` on, if there are no others before `end`; they are asked for no more then.
    #[inline]
    pub fn all(&mut self, count: usize, at: usize, end: usize) -> Option<&[u32]> {
        let places = self.from(at);
        let is_before = |number: usize| places.get(number).is_some_and(|place| (*place as usize) < end);
        let is_all = !is_before(count) && count.checked_sub(1).is_none_or(is_before);
        if !is_all {
            return None;
        }
        self.next += count;
        self.places.get(self.next - count..self.next)
    }
}

/// Has a bit set for each octet of the block that is `byte`, the lowest for the first.
#[inline(always)]
pub fn bits_of(block: &[u8; BLOCK], byte: u8) -> u64 {
    bits_where(block, |octets| octets.simd_eq(u8x16::splat(byte)))
}

/// Has a bit set for each octet of the block for which `is_it` has one set, the lowest for the first.
#[inline(always)]
pub fn bits_where(block: &[u8; BLOCK], is_it: impl Fn(u8x16) -> u8x16) -> u64 {
    let found = |octets: &[u8; 16]| u64::from(is_it(u8x16::new(*octets)).to_bitmask());
    block.as_chunks().0.iter().rev().fold(0, |bits, octets| bits << 16 | found(octets))
}

/// Has a bit set for each place with an odd number of set bits up to it, itself counted: all between one and the next.
#[inline(always)]
pub fn odd(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found() {
        for length in 0..200 {
            let text: Vec<u8> = (0..length)
                .map(|at| if length % 3 > 0 { [b',', b'a', 0xac, !b','][at * at % 7 % 4] } else { b',' })
                .collect();
            let expected = (0..length).filter(|at| text[*at] == b',');
            for step in [1, 2, 50] {
                let mut marks = Marks::default();
                marks.find(b'"', &text);
                assert!(expected.clone().count() == 0 || !marks.find_few(b',', &text, expected.clone().count() - 1));
                assert!(marks.find_few(b',', &text, expected.clone().count()));
                assert!(marks.from(0).iter().map(|at| *at as usize).eq(expected.clone()), "{length}");
                marks.find(b',', &text);
                for from in (0..length + 2).step_by(step) {
                    let rest = marks.from(from).iter().map(|at| *at as usize);
                    assert!(rest.eq(expected.clone().filter(|at| *at >= from)), "{length} from {from}");
                }
                marks.find(b',', &text);
                for from in (0..length).step_by(step) {
                    let all: Vec<_> = expected.clone().filter(|at| (from..from + step).contains(at)).collect();
                    for count in [all.len() + 1, all.len() + 99, all.len().wrapping_sub(1)] {
                        assert_eq!(marks.all(count, from, from + step), None, "{length} from {from}");
                    }
                    let found = marks.all(all.len(), from, from + step).expect("they are there");
                    assert!(found.iter().map(|at| *at as usize).eq(all), "{length} from {from}");
                }
            }
            let mut listed = vec![7];
            let count =
                Blocks::of(&text).fold(1, |count, block| list(block.bits_of(b','), block.from, &mut listed, count));
            assert!(listed[..count].iter().map(|at| *at as usize).eq([7].into_iter().chain(expected)), "{length}");
        }
    }
}
