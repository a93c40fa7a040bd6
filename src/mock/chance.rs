//! Chance from a seed: the same seed and the same question give the same number.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::Request;

/// How many different requests are told apart before the count of repeats starts again.
const MAX_KNOWN: usize = 1 << 20;

/// Mixes two numbers into one that looks random (splitmix64).
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let mut x = a.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(b).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// Draws a number for each request: from the seed, the request and how often it has come, so that
/// the order in which parallel requests arrive plays no part.
#[derive(Debug)]
pub(super) struct Dice {
    seed: u64,
    seen: Mutex<HashMap<u64, u64>>,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, seen: Mutex::new(HashMap::new()) }
    }

    pub(super) fn roll(&self, request: &Request<axum::body::Bytes>) -> u64 {
        let mut key = xxhash_rust::xxh3::Xxh3::with_seed(self.seed);
        key.update(request.method().as_str().as_bytes());
        key.update(request.uri().path().as_bytes());
        key.update(request.uri().query().unwrap_or("").as_bytes());
        key.update(request.body());
        let key = key.digest();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_KNOWN {
            seen.clear();
        }
        let turn = seen.entry(key).or_insert(0);
        *turn += 1;
        mix(key, *turn)
    }
}
