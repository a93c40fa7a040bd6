//! What change files apply to: the last known objects and entries, which the caller keeps (sources.md 16.1).

use super::changes::Entry;
use super::read::ObjectKey;
use crate::model::ObjectKind;
use crate::model::dn;

/// The last known objects and entries.
pub trait Base {
    /// The entry under a distinguished name, as the last snapshot and the changes since left it.
    fn entry(&mut self, key: BaseKey) -> Option<Entry>;

    /// The anchor of what is known under `key`, or was until it moved.
    fn anchor(&mut self, key: BaseKey) -> Option<String>;

    /// The entries at any depth below a distinguished name, in an order that does not hang on chance.
    fn below(&mut self, dn: &str) -> Vec<BaseKey>;
}

/// Names something known: an object, or an entry by its distinguished name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BaseKey {
    Object(ObjectKey),
    /// Hash of the normalised name (sources.md 14.2).
    Entry(u128),
}

/// What a later change file needs of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lasting {
    /// No change file can follow on this one, or nothing is kept.
    Nothing,
    Object,
    /// LDIF: the raw entry beside the object.
    Entry(Box<Entry>),
}

impl BaseKey {
    /// Returns the key of a distinguished name; none if it is none.
    pub fn of_dn(text: &str) -> Option<Self> {
        Some(Self::Entry(xxhash_rust::xxh3::xxh3_128(dn::normalise(text)?.as_bytes())))
    }

    /// Returns the keys of the names above a distinguished name, the nearest first.
    pub fn above(text: &str) -> impl Iterator<Item = Self> {
        let name = dn::normalise(text).unwrap_or_default();
        let mut rest = name.len();
        std::iter::from_fn(move || {
            let (_, above) = dn::split_first(&name[name.len() - rest..])?;
            rest = above.len();
            Some(Self::Entry(xxhash_rust::xxh3::xxh3_128(above.as_bytes())))
        })
    }

    pub fn of_object(kind: ObjectKind, anchor: &str) -> Self {
        Self::Object(ObjectKey::of(kind, anchor))
    }
}
