//! Where an octet stands in a text in which it stands often.

/// Octets that are looked through without a branch: where the next one stands is not to be foreseen.
const BLOCK: usize = 64;

/// The places of an octet, in their order. A search that begins anew behind each of them takes longer where they are close.
pub struct Places<'t> {
    text: &'t [u8],
    byte: u8,
    /// Of the block that begins at `from`, those that are left.
    bits: u64,
    from: usize,
    next: usize,
}

impl<'t> Places<'t> {
    #[inline]
    pub fn of(byte: u8, text: &'t [u8]) -> Self {
        Self { text, byte, bits: 0, from: 0, next: 0 }
    }

    /// Puts all of them into `list` behind the first `count`, and returns how many there are then; what comes after these means
    /// nothing. Eight are put at once, so that how many a block has need not be foreseen. The text is not longer than `u32::MAX`.
    pub fn list(mut self, list: &mut Vec<u32>, mut count: usize) -> usize {
        while self.look_on() {
            if list.len() < count + BLOCK {
                list.resize(count + 2 * BLOCK, 0);
            }
            let from = self.from as u32;
            let mut left = self.bits.count_ones() as usize;
            count += left;
            for eight in list[count - left..].as_chunks_mut::<8>().0 {
                for place in eight {
                    // where none is left the place means nothing, and any bit spares a question
                    *place = from.wrapping_add((self.bits | 1 << 63).trailing_zeros());
                    self.bits &= self.bits.wrapping_sub(1);
                }
                left = left.saturating_sub(8);
                if left == 0 {
                    break;
                }
            }
        }
        count
    }

    #[inline(always)]
    fn look_on(&mut self) -> bool {
        let Some(rest) = self.text.get(self.next..).filter(|rest| !rest.is_empty()) else { return false };
        self.bits = match (rest.first_chunk(), self.text.last_chunk()) {
            (Some(block), _) => bits_of(block, self.byte),
            // the beginning of the last block is in the one before
            (None, Some(block)) => bits_of(block, self.byte) >> (BLOCK - rest.len()),
            (None, None) => {
                // the octet is not in what fills it up
                let mut block = [!self.byte; BLOCK];
                block[..rest.len()].copy_from_slice(rest);
                bits_of(&block, self.byte)
            }
        };
        self.from = self.next;
        self.next += BLOCK;
        true
    }
}

impl Iterator for Places<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            if !self.look_on() {
                return None;
            }
        }
        let at = self.from + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(at)
    }
}

/// Has a bit set for each octet of the block that is `byte`, the lowest for the first.
#[inline]
fn bits_of(block: &[u8; BLOCK], byte: u8) -> u64 {
    /// Sums eight octets, into the highest.
    const SUM: u64 = u64::from_le_bytes([1; 8]);
    // as vectors; each octet of eight has a bit of its own
    let mut bits = [0; BLOCK];
    for (at, (bit, other)) in bits.iter_mut().zip(block).enumerate() {
        *bit = if *other == byte { 1 << (at % 8) } else { 0 };
    }
    let words = bits.as_chunks::<8>().0.iter().rev();
    words.fold(0, |so_far, word| so_far << 8 | u64::from_le_bytes(*word).wrapping_mul(SUM) >> 56)
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
            let mut list = vec![7];
            let count = Places::of(b',', &text).list(&mut list, 1);
            assert!(list[..count].iter().map(|at| *at as usize).eq([7].into_iter().chain(expected)), "{length}");
        }
    }
}
