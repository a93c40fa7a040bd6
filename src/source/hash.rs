//! Hashes of records and files, by which they are known again.

use twox_hash::XxHash3_128;
use xxhash_rust::const_xxh3::const_custom_default_secret;
use xxhash_rust::xxh3::{xxh3_128_with_secret, xxh3_128_with_seed};

/// XXH3 with a seed, 128 bits.
pub struct Hasher {
    seed: u64,
    /// What longer texts need of the seed: to make it is half of hashing one.
    secret: [u8; 192],
}

/// Longer texts are hashed with the secret that is made of the seed, shorter ones with the seed itself.
const SHORT: usize = 240;

impl Hasher {
    pub fn new(seed: u64) -> Self {
        Self { seed, secret: const_custom_default_secret(seed) }
    }

    /// The same as `xxh3_128_with_seed`.
    pub fn hash(&self, text: &[u8]) -> u128 {
        if text.len() <= SHORT {
            return xxh3_128_with_seed(text, self.seed);
        }
        // no secret of this length is refused
        XxHash3_128::oneshot_with_secret(&self.secret, text)
            .unwrap_or_else(|_| xxh3_128_with_secret(text, &self.secret))
    }
}

/// XXH3 of a piece of a file, 128 bits.
pub fn of_piece(octets: &[u8]) -> u128 {
    XxHash3_128::oneshot(octets)
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_128;

    use super::*;

    #[test]
    fn it_is_the_hash_with_the_seed() {
        let text: Vec<u8> = (0..3000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for seed in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            let hasher = Hasher::new(seed);
            for length in (0..600).chain([1024, 1025, 2999]) {
                assert_eq!(hasher.hash(&text[..length]), xxh3_128_with_seed(&text[..length], seed), "{length}");
                assert_eq!(of_piece(&text[..length]), xxh3_128(&text[..length]), "{length}");
            }
        }
    }
}
