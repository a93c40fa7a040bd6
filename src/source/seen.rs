//! Which objects a set has given already (sources.md 15).

use hashbrown::HashMap;

use super::read::ObjectKey;
use super::report::Counts;

/// The first record of an object.
#[derive(Debug, Clone, Copy)]
pub struct First {
    pub file: u32,
    pub living: bool,
    pub line: u64,
    /// Hash of the object; 0 if the record was recognised and not decoded.
    pub print: u64,
}

/// What a record is to those before it.
#[derive(Debug, Clone, Copy)]
pub enum Standing {
    New,
    /// The same object in the same words.
    Repeated(First),
    /// Another record of the object counts: a living one before this deleted one, or one deleted like this.
    Shadowed,
    /// This living record takes the place of a deleted one in another file.
    Replaces(First),
    /// The object is contested: the first record counts.
    Contested(First),
}

#[derive(Debug, Default)]
pub struct Seen {
    firsts: HashMap<u64, First>,
    /// Hashes of records of deleted objects, and how they were counted, to withdraw.
    deleted: HashMap<u64, (u128, Counts)>,
    /// Hashes of names that only one object should have.
    values: hashbrown::HashSet<u64>,
}

impl Seen {
    /// Notes a record and says how it stands to those before it.
    pub fn meet(&mut self, key: ObjectKey, this: First, hash: u128) -> Standing {
        let Some(first) = self.firsts.get(&key.0).copied() else {
            self.firsts.insert(key.0, this);
            if !this.living {
                self.deleted.insert(key.0, (hash, Counts::default()));
            }
            return Standing::New;
        };
        let same = first.print == this.print && this.print != 0;
        let unknown = first.print == 0 && this.print == 0;
        if same || (unknown && first.living == this.living) {
            return Standing::Repeated(first);
        }
        if first.file == this.file {
            return Standing::Contested(first);
        }
        match (first.living, this.living) {
            (true, true) => Standing::Contested(first),
            (_, false) => Standing::Shadowed,
            (false, true) => {
                self.firsts.insert(key.0, this);
                Standing::Replaces(first)
            }
        }
    }

    /// Notes how the record of a deleted object was counted.
    pub fn counted(&mut self, key: ObjectKey, counts: Counts) {
        if let Some((_, counted)) = self.deleted.get_mut(&key.0) {
            *counted = counts;
        }
    }

    /// Returns the hash under which the record of a deleted object was handed over, and how it was counted.
    pub fn withdraw(&mut self, key: ObjectKey) -> Option<(u128, Counts)> {
        self.deleted.remove(&key.0)
    }

    /// Notes a name that should be one object's only; false if another has it.
    pub fn is_only(&mut self, attribute: u8, value: &str) -> bool {
        let mut text = vec![attribute];
        text.extend(value.to_lowercase().bytes());
        self.values.insert(xxhash_rust::xxh3::xxh3_64(&text))
    }

    pub fn is_empty(&self) -> bool {
        self.firsts.is_empty()
    }
}
