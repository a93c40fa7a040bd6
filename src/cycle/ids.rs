//! Identifiers of cycles and log records.

use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use uuid::{Builder, Uuid};

/// Makes version 7 identifiers that rise with the clock that is handed in, so that `--at` moves them too.
#[derive(Debug)]
pub(super) struct Ids {
    seed: [u8; 32],
    count: AtomicU32,
}

impl Ids {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed, count: AtomicU32::new(0) }
    }

    pub(super) fn next(&self, now: Timestamp) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let random = blake3::keyed_hash(&self.seed, &count.to_le_bytes());
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&random.as_bytes()[..10]);
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().to_string()
    }
}

/// A draw of the system's generator: the one place where a run gets its randomness.
pub(super) fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    seed[16..].copy_from_slice(Uuid::new_v4().as_bytes());
    seed
}

/// Two identifiers that no object can have, for the probes of a run (wire.md 6).
pub(super) fn guids(seed: &[u8; 32]) -> [String; 2] {
    [b"probe-1", b"probe-2"].map(|name| {
        let digest = blake3::keyed_hash(seed, name);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.as_bytes()[..16]);
        Builder::from_random_bytes(bytes).into_uuid().to_string()
    })
}
