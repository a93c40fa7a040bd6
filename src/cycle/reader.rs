//! What the reader of files is told, and what it found, by keys.

use std::collections::HashSet;

use crate::delta::Matcher;
use crate::source::{ObjectKey, Recognise, Recognised};

/// Recognises the records of the last export, but those whose objects are wanted all the same.
pub(super) struct Recognising<'a> {
    pub matcher: Matcher<'a>,
    pub due: &'a HashSet<u64>,
    /// Everything is wanted; the matcher only learns who is still there.
    pub all: bool,
}

impl Recognise for Recognising<'_> {
    fn recognise(&mut self, _file: usize, hash: u128, _bytes: &[u8]) -> Option<Recognised> {
        let record = self.matcher.recognise(hash)?;
        (!self.all && !self.due.contains(&record.key))
            .then_some(Recognised { key: ObjectKey(record.key), living: record.living })
    }
}

/// The keys of an export as they come.
#[derive(Default)]
pub(super) struct Sorted {
    /// Objects that were read or refused.
    pub read: HashSet<u64>,
    pub recognised: u64,
    /// Some record says only what changed.
    pub partial: bool,
}
