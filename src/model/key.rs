//! A number for each object, for sets of millions of them.

use super::{ObjectKind, dn};

/// Names an object by kind and anchor, compared without case, and distinguished names as such (sources.md 13); never 0. It is a
/// hash: two objects may share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(pub u64);

impl ObjectKey {
    /// The state file keeps keys: another function needs a migration.
    pub fn of(kind: ObjectKind, anchor: &str) -> Self {
        let kind = match kind {
            ObjectKind::User => b'u',
            ObjectKind::Group => b'g',
        };
        // most are GUIDs, which need no allocation
        let mut short = [0; 64];
        if let Some(place) = short.get_mut(1..=anchor.len()) {
            place.copy_from_slice(anchor.as_bytes());
            // as vectors, without a way out
            let is_simple = short.iter().fold(true, |all, byte| all & byte.is_ascii() & (*byte != b'='));
            if is_simple {
                short.make_ascii_lowercase();
                short[0] = kind;
                return Self(xxhash_rust::xxh3::xxh3_64(&short[..=anchor.len()]).max(1));
            }
        }
        let name = if anchor.contains('=') { dn::normalise(anchor) } else { None };
        let mut text = String::with_capacity(anchor.len() + 1);
        text.push(char::from(kind));
        match name {
            Some(name) => text.push_str(&name),
            None => text.extend(anchor.chars().flat_map(char::to_lowercase)),
        }
        Self(xxhash_rust::xxh3::xxh3_64(text.as_bytes()).max(1))
    }
}
