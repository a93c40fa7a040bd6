//! Says of most keys that they are not among many others, in two octets for each of those.

/// A Bloom filter whose bits for a key lie in one line of the cache.
#[derive(Debug, Default)]
pub struct Filter {
    blocks: Vec<Block>,
}

type Block = [u64; 8];

/// Of a block: with 16 bits for each key one stranger in a thousand is taken for one of them.
const KEYS: usize = 32;
/// So many take a megabyte.
const SPARSE: usize = 1 << 19;

impl Filter {
    /// Has room for so many keys; more only make it useless, never wrong.
    pub fn with_room(keys: usize) -> Self {
        Self { blocks: vec![Block::default(); keys.div_ceil(KEYS).max(1)] }
    }

    /// Has so much more room for few keys that of most strangers a glance tells.
    pub fn sparse(keys: usize) -> Self {
        Self::with_room((8 * keys).min(SPARSE).max(keys))
    }

    pub fn room(&self) -> usize {
        self.blocks.len() * KEYS
    }

    pub fn insert(&mut self, key: u64) {
        let (at, mixed) = (self.block_of(key), mixed(key));
        if let Some(block) = self.blocks.get_mut(at) {
            for (word, held) in (0..).zip(block) {
                *held |= bit(mixed, word);
            }
        }
    }

    /// False only for what was never inserted.
    #[inline]
    pub fn may_hold(&self, key: u64) -> bool {
        let Some(block) = self.blocks.get(self.block_of(key)) else { return false };
        let mixed = mixed(key);
        // of most keys the first word knows
        block[0] & bit(mixed, 0) != 0 && (1..).zip(&block[1..]).all(|(word, held)| held & bit(mixed, word) != 0)
    }

    /// Some word of the key's block.
    pub fn glance(&self, key: u64) -> u64 {
        self.blocks.get(self.block_of(key)).map_or(0, |block| block[0])
    }

    /// By the upper half of the key, which is a hash.
    #[inline]
    fn block_of(&self, key: u64) -> usize {
        usize::try_from(((key >> 32) * self.blocks.len() as u64) >> 32).unwrap_or(usize::MAX)
    }
}

#[inline]
fn mixed(key: u64) -> u64 {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// One bit in each word of the block.
#[inline]
fn bit(mixed: u64, word: u32) -> u64 {
    1 << ((mixed >> (16 + 6 * word)) & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_never_denied_and_few_others_are_not() {
        let key = |number: u64| xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes());
        for count in [0, 1, 31, 33, 100_000] {
            let mut filter = Filter::with_room(count);
            (0..count as u64).for_each(|number| filter.insert(key(number)));
            assert!((0..count as u64).all(|number| filter.may_hold(key(number))), "{count}");
            let strangers = (1 << 40..(1 << 40) + 100_000).filter(|number| filter.may_hold(key(*number))).count();
            assert!(strangers < 200, "{count}: {strangers}");
        }
        assert!(!Filter::default().may_hold(7));
    }
}
