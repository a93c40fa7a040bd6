//! A number for each object, for sets of millions of them.

use super::{ObjectKind, dn};

/// Names an object by kind and anchor, compared without case, and distinguished names as such (sources.md 13); never 0. It is a
/// hash: two objects may share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(pub u64);

impl ObjectKey {
    /// The state file keeps keys: another function needs a migration.
    pub fn of(kind: ObjectKind, anchor: &str) -> Self {
        if let Some(key) = Self::of_plain(kind, anchor.as_bytes()) {
            return key;
        }
        let name = if anchor.contains('=') { dn::normalise(anchor) } else { None };
        let mut text = String::with_capacity(anchor.len() + 1);
        text.push(char::from(letter(kind)));
        match name {
            Some(name) => text.push_str(&name),
            None => text.extend(anchor.chars().flat_map(char::to_lowercase)),
        }
        Self::of_text(text.as_bytes())
    }

    /// As [`Self::of`], of a short ASCII text that is no distinguished name, which needs no allocation; none: it is something else.
    #[inline]
    pub fn of_plain(kind: ObjectKind, anchor: &[u8]) -> Option<Self> {
        // most are GUIDs, of a known length: what is copied at once can be read at once
        match <&[u8; 36]>::try_from(anchor) {
            Ok(guid) => Self::of_simple::<37>(letter(kind), guid),
            Err(_) => Self::of_simple::<64>(letter(kind), anchor),
        }
    }

    #[inline]
    fn of_simple<const ROOM: usize>(kind: u8, anchor: &[u8]) -> Option<Self> {
        let mut text = [0; ROOM];
        text.get_mut(1..=anchor.len())?.copy_from_slice(anchor);
        // as vectors, without a way out
        let is_simple = text.iter().fold(true, |all, byte| all & byte.is_ascii() & (*byte != b'='));
        text.make_ascii_lowercase();
        text[0] = kind;
        is_simple.then(|| Self::of_text(&text[..=anchor.len()]))
    }

    fn of_text(text: &[u8]) -> Self {
        Self(xxhash_rust::xxh3::xxh3_64(text).max(1))
    }
}

fn letter(kind: ObjectKind) -> u8 {
    match kind {
        ObjectKind::User => b'u',
        ObjectKind::Group => b'g',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ignore_case_however_long_the_anchor() {
        for length in [0, 1, 35, 36, 37, 62, 63, 64, 65, 200] {
            let anchor = "aZ-9".repeat(length / 4 + 1)[..length].to_owned();
            let key = ObjectKey::of(ObjectKind::User, &anchor);
            let text = format!("u{}", anchor.to_lowercase());
            assert_eq!(key, ObjectKey(xxhash_rust::xxh3::xxh3_64(text.as_bytes())), "{length}");
            assert_eq!(key, ObjectKey::of(ObjectKind::User, &anchor.to_uppercase()), "{length}");
            assert_ne!(key, ObjectKey::of(ObjectKind::Group, &anchor), "{length}");
        }
        let is_one =
            |one: &str, other: &str| ObjectKey::of(ObjectKind::Group, one) == ObjectKey::of(ObjectKind::Group, other);
        assert!(is_one("CN=Anna, DC=example", "cn=anna,dc=EXAMPLE"));
        assert!(is_one("MÜLLER", "müller"));
    }
}
