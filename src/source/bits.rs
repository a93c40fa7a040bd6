//! Where an octet stands in a text in which it stands often.

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
            // where none is left the place means nothing, and any bit spares a question
            *place = from.wrapping_add((bits | 1 << 63).trailing_zeros());
            bits &= bits.wrapping_sub(1);
        }
        left = left.saturating_sub(8);
        if left == 0 {
            break;
        }
    }
    count
}

/// The places of an octet, in their order. A search that begins anew behind each of them takes longer where they are close.
pub struct Places<'t> {
    blocks: Blocks<'t>,
    byte: u8,
    /// Of the block that begins at `from`, those that are left.
    bits: u64,
    from: usize,
}

impl<'t> Places<'t> {
    #[inline]
    pub fn of(byte: u8, text: &'t [u8]) -> Self {
        Self { blocks: Blocks::of(text), byte, bits: 0, from: 0 }
    }
}

impl Iterator for Places<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            let block = self.blocks.next()?;
            (self.bits, self.from) = (block.bits_of(self.byte), block.from);
        }
        let at = self.from + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(at)
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
            assert!(Places::of(b',', &text).eq(expected.clone()), "{length}");
            let mut listed = vec![7];
            let count =
                Blocks::of(&text).fold(1, |count, block| list(block.bits_of(b','), block.from, &mut listed, count));
            assert!(listed[..count].iter().map(|at| *at as usize).eq([7].into_iter().chain(expected)), "{length}");
        }
    }
}
