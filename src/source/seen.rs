//! Which objects a set has given already (sources.md 15).

mod filter;
mod living;
mod pieces;
mod recalled;

use std::hash::Hasher;
use std::panic::resume_unwind;
use std::thread;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;
use hashbrown::{HashMap, HashSet};
use wide::u8x16;

pub use filter::Filter;
use living::{Living, short};
use pieces::Pieces;

use super::preset::Canon;
use super::read::ObjectKey;
use super::recognise::Recall;
use super::report::Counts;

/// The first record of an object.
#[derive(Debug, Clone, Copy)]
pub struct First {
    pub file: u32,
    pub living: bool,
    pub line: u64,
    /// Says what the object is; 0 if the record was recognised and not decoded.
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
    /// Deleted objects, and living ones that took the place of a deleted one.
    firsts: HashMap<u64, First>,
    living: Living,
    /// Hashes of records of deleted objects, and how they were counted, to withdraw.
    deleted: HashMap<u64, (u128, Counts)>,
    /// Hashes of values that only one object should have, by their beginnings.
    values: [Pieces<Short>; PARTS],
}

impl Seen {
    /// Has room for as many records as there were last time, should they be recognised.
    pub fn after(count: usize) -> Self {
        Self { living: Living::after(count), ..Self::default() }
    }

    /// Tells which keys are met next. To look for one after the other is to wait for memory each time; those that are looked at
    /// together are waited for together.
    pub fn expect(&self, keys: impl Iterator<Item = ObjectKey>) {
        std::hint::black_box(keys.fold(0, |sum, key| sum ^ self.living.glance(key.0)));
    }

    /// Notes a record that was recognised, by its number in the last set, and says how it stands to those before it.
    pub fn recognise(
        &mut self,
        number: usize,
        key: ObjectKey,
        this: First,
        hash: u128,
        recall: &dyn Recall,
    ) -> Standing {
        if !this.living {
            return self.meet(key, this, |_| 0, hash, recall);
        }
        // Of living records that were all recognised none is checked against another: they were, last time.
        match self.firsts.get(&key.0).copied().or_else(|| self.living.find_decoded(key.0)) {
            Some(first) => self.stand(key, first, this, 0),
            None => {
                self.living.recognise(number, this.file, this.line);
                Standing::New
            }
        }
    }

    /// Says of most objects that nothing of them was met or noted.
    pub fn filter(&self) -> Filter {
        let mut filter = Filter::sparse(self.firsts.len() + self.living.count_decoded());
        self.firsts.keys().copied().chain(self.living.decoded_keys()).for_each(|key| filter.insert(key));
        filter
    }

    /// Says whether something of the object was met or noted, other than what was recognised.
    pub fn holds(&mut self, key: ObjectKey) -> bool {
        self.firsts.contains_key(&key.0) || self.living.find_decoded(key.0).is_some()
    }

    /// Notes a record and says how it stands to all before it; `print`: of its object, to be held against that of the first.
    pub fn meet(
        &mut self,
        key: ObjectKey,
        this: First,
        print: impl FnOnce(&First) -> u64,
        hash: u128,
        recall: &dyn Recall,
    ) -> Standing {
        if let Some(first) = self.firsts.get(&key.0).copied().or_else(|| self.living.find(key.0, recall)) {
            return self.stand(key, first, this, print(&first));
        }
        if this.living {
            self.living.push(key.0, this);
        } else {
            self.firsts.insert(key.0, this);
            self.deleted.insert(key.0, (hash, Counts::default()));
        }
        Standing::New
    }

    fn stand(&mut self, key: ObjectKey, first: First, this: First, print: u64) -> Standing {
        let is_decoded = print != 0;
        let same = is_decoded && (first.print == print || first.print == u64::from(short(print)));
        let unknown = first.print == 0 && print == 0;
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

    /// Notes hashes of values that should be one object's only.
    pub fn note_values(&mut self, hashes: &[Option<u64>]) {
        for hash in hashes.iter().flatten() {
            self.values[(hash >> 60) as usize % PARTS].push(Short::of(*hash));
        }
    }

    /// Hashes of values that several objects have, and of few others. They are found at the end, in sweeps over lists that are
    /// smaller than a table would be.
    pub fn repeated_values(&mut self) -> HashSet<Short> {
        repeated(&std::mem::take(&mut self.values))
    }

    pub fn is_empty(&self) -> bool {
        self.firsts.is_empty() && self.living.is_empty()
    }
}

/// Six octets of the hash of a value: of ten million, five times in six no two are the same by accident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Short([u8; 6]);

impl Short {
    pub fn of(hash: u64) -> Self {
        let [_, _, a, b, c, d, e, f] = hash.to_le_bytes();
        Self([a, b, c, d, e, f])
    }

    fn hash(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_le_bytes([0, 0, a, b, c, d, e, f])
    }
}

/// Hashes are looked through in so many parts, so that the bits for those of one stay in the cache.
const PARTS: usize = 16;

/// Fewer hashes are looked through before a thread has begun.
const FEW: usize = 1 << 16;

/// Hashes that occur more than once.
fn repeated(parts: &[Pieces<Short>]) -> HashSet<Short> {
    let count: usize = parts.iter().map(Pieces::len).sum();
    let (here, beside) = parts.split_at(if count < FEW { parts.len() } else { parts.len() / 2 });
    let of = |parts: &[Pieces<Short>]| {
        let mut found = HashSet::new();
        for hashes in parts {
            repeated_of(hashes.len(), || hashes.from(0), &mut found);
        }
        found
    };
    thread::scope(|scope| {
        let begun = (!beside.is_empty()).then(|| thread::Builder::new().spawn_scoped(scope, || of(beside)));
        let mut found = of(here);
        match begun {
            None => {}
            Some(Ok(thread)) => found.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic))),
            // without a thread it only takes longer
            Some(Err(_)) => found.extend(of(beside)),
        }
        found
    })
}

/// Those of about `count` hashes. A bit for an eighth of a hash shows most of them to be alone, another most of the others.
fn repeated_of<I: Iterator<Item = Short>>(count: usize, hashes: impl Fn() -> I, found: &mut HashSet<Short>) {
    let mut some = Vec::new();
    met_again(8 * count, 16, hashes, |short| some.push(short));
    let mut met = HashSet::new();
    met_again(
        16 * some.len(),
        40,
        || some.iter().copied(),
        |short| {
            if !met.insert(short) {
                found.insert(short);
            }
        },
    );
}

/// Gives those hashes of which another has the same bit of so many; `turn`: which part of a hash says its bit.
fn met_again<I: Iterator<Item = Short>>(bits: usize, turn: u32, hashes: impl Fn() -> I, mut with: impl FnMut(Short)) {
    let bits = bits.next_power_of_two().max(64);
    let place = |short: Short| {
        let bit = usize::try_from((short.hash().rotate_right(turn)) & 0xffff_ffff).unwrap_or(usize::MAX) & (bits - 1);
        (bit / 64, 1_u64 << (bit % 64))
    };
    // whether a bit was met once and twice, side by side
    let mut met = vec![[0_u64; 2]; bits / 64];
    hashes().map(place).for_each(|(word, bit)| {
        let [once, twice] = &mut met[word];
        *twice |= *once & bit;
        *once |= bit;
    });
    let is_again = |short: &Short| {
        let (word, bit) = place(*short);
        met[word][1] & bit != 0
    };
    hashes().filter(is_again).for_each(&mut with);
}

/// A hash that ignores case, for one reading; `text` is room to write in.
pub fn hash_of_value(name: Canon, value: &str, text: &mut String) -> u64 {
    hash_under(name, hash_of_text(value, text))
}

/// The hash of a value under a name, of [`hash_of_text`].
#[inline]
pub fn hash_under(name: Canon, hash: u64) -> u64 {
    hash.wrapping_add(u64::from(name.0)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// As [`hash_of_value`], whichever name it is under.
pub fn hash_of_text(value: &str, text: &mut String) -> u64 {
    if value.is_ascii() {
        return hash_of_lower(value.as_bytes());
    }
    text.clear();
    text.extend(value.chars().flat_map(char::to_lowercase));
    hash_of_lower(text.as_bytes())
}

/// The hash of a text, its ASCII in lower case.
fn hash_of_lower(text: &[u8]) -> u64 {
    let mut hasher = FoldHasher::with_seed(0, SharedSeed::global_fixed());
    for word in text.as_chunks().0 {
        hasher.write_u128(lower(*word));
    }
    let last = text.last_chunk().copied().unwrap_or_else(|| {
        let mut last = [0; 16];
        last[..text.len()].copy_from_slice(text);
        last
    });
    hasher.write_u128(lower(last));
    hasher.write_usize(text.len());
    hasher.finish()
}

/// Sixteen octets, capital letters of ASCII among them made small.
#[inline]
fn lower(word: [u8; 16]) -> u128 {
    let word = u8x16::new(word);
    let from_a = word - u8x16::splat(b'A');
    let is_capital = from_a.min(u8x16::splat(b'Z' - b'A')).simd_eq(from_a);
    u128::from_le_bytes((word | (is_capital & u8x16::splat(b'a' - b'A'))).to_array())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(file: u32, living: bool, line: u64, print: u64) -> First {
        First { file, living, line, print }
    }

    /// A set, and the keys of records that were recognised in it, one after the other.
    #[derive(Default)]
    struct Set {
        seen: Seen,
        recognised: Keys,
    }

    #[derive(Default)]
    struct Keys(Vec<u64>);

    impl Recall for Keys {
        fn number_of(&self, key: ObjectKey, is_met: &dyn Fn(usize) -> bool) -> Option<usize> {
            (0..self.0.len()).find(|number| self.0[*number] == key.0 && is_met(*number))
        }
    }

    /// How a record stands, and which is the first one it is held against.
    fn standing(Set { seen, recognised }: &mut Set, key: u64, this: First) -> (&'static str, Option<(u32, u64)>) {
        let place = |first: First| Some((first.file, first.line));
        let standing = if this.print == 0 {
            recognised.0.push(key);
            seen.recognise(recognised.0.len() - 1, ObjectKey(key), this, 0, recognised)
        } else {
            seen.meet(ObjectKey(key), this, |_| this.print, 0, recognised)
        };
        match standing {
            Standing::New => ("new", None),
            Standing::Repeated(first) => ("repeated", place(first)),
            Standing::Shadowed => ("shadowed", None),
            Standing::Replaces(first) => ("replaces", place(first)),
            Standing::Contested(first) => ("contested", place(first)),
        }
    }

    #[test]
    fn records_are_held_against_the_first_of_their_object() {
        let long = 0x1234_5678_9abc_def0;
        let cases = [
            // (first, second, what the second is)
            (record(0, true, 2, long), record(0, true, 9, long), ("repeated", Some((0, 2)))),
            (record(0, true, 2, long), record(0, true, 9, 7), ("contested", Some((0, 2)))),
            (record(0, true, 2, long), record(1, true, 9, 7), ("contested", Some((0, 2)))),
            (record(0, true, 2, 0), record(0, true, 9, 7), ("contested", Some((0, 2)))),
            (record(0, true, 2, 7), record(1, true, 9, 0), ("contested", Some((0, 2)))),
            (record(0, true, 2, 0), record(1, false, 9, 7), ("shadowed", None)),
            (record(0, true, 2, 0), record(1, false, 9, 0), ("shadowed", None)),
            (record(0, false, 2, 7), record(1, true, 9, 0), ("replaces", Some((0, 2)))),
            (record(0, false, 2, 0), record(1, true, 9, 0), ("replaces", Some((0, 2)))),
            (record(0, false, 2, 7), record(1, false, 9, 7), ("repeated", Some((0, 2)))),
        ];
        for (first, second, expected) in cases {
            let mut set = Set::default();
            // Others before, between and after, some known from last time and some not.
            assert_eq!(standing(&mut set, 1, record(0, true, 1, 0)).0, "new");
            assert_eq!(standing(&mut set, 50, first).0, "new");
            assert_eq!(standing(&mut set, 2, record(first.file, true, 3, 0)).0, "new");
            assert_eq!(standing(&mut set, 3, record(second.file, true, 4, 9)).0, "new");
            assert_eq!(standing(&mut set, 50, second), expected, "{first:?} {second:?}");
        }
    }

    #[test]
    fn octets_are_made_small_as_letters_are() {
        for byte in 0..=u8::MAX {
            let word = [b'A', byte, b'z', byte, byte, 0xff, 0, byte, byte, byte, b'[', byte, b'@', byte, 0x80, byte];
            assert_eq!(lower(word).to_le_bytes(), word.map(|byte| byte.to_ascii_lowercase()), "{byte}");
        }
        let hash = |text: &str| hash_of_value(Canon::MAIL, text, &mut String::new());
        assert_eq!(hash("Anna.Müller@EXAMPLE.com"), hash("anna.MÜLLER@example.com"));
        assert_eq!(hash("Anna.Smith12345@EXAMPLE.com"), hash("anna.smith12345@example.com"));
        assert_ne!(hash("anna"), hash("anna\0"));
        assert_ne!(hash("anna"), hash_of_value(Canon::USER_PRINCIPAL_NAME, "anna", &mut String::new()));
    }

    #[test]
    fn what_occurs_more_than_once_is_found() {
        let hash = |number: u64| xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes());
        for count in [0, 1, 2, 100, 5000, 1 << 20] {
            let (mut once, mut again) = (Seen::default(), Seen::default());
            for number in 0..count {
                once.note_values(&[Some(hash(number)), None]);
                again.note_values(&[Some(hash(number)); 3][..if number % 7 == 3 { 3 } else { 1 }]);
            }
            assert_eq!(once.repeated_values(), HashSet::new(), "{count}");
            let repeated = (0..count).filter(|number| number % 7 == 3);
            let expected: HashSet<Short> = repeated.map(|number| Short::of(hash(number))).collect();
            assert_eq!(again.repeated_values(), expected, "{count}");
        }
    }

    #[test]
    fn each_of_many_that_were_recognised_is_found() {
        let mut set = Set::default();
        let key = |number: u64| xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes());
        for number in 0..1000 {
            assert_eq!(standing(&mut set, key(number), record(0, true, 1 + number, 0)).0, "new");
        }
        for number in 0..1000 {
            assert_eq!(standing(&mut set, key(number), record(0, true, 5000, 7)), ("contested", Some((0, 1 + number))));
            assert_eq!(standing(&mut set, key(2000 + number), record(0, true, 6000, 7)).0, "new");
        }
    }

    #[test]
    fn what_replaced_a_deleted_record_is_the_first_from_then_on() {
        let mut set = Set::default();
        standing(&mut set, 5, record(0, false, 2, 7));
        assert_eq!(standing(&mut set, 5, record(1, true, 3, 8)).0, "replaces");
        assert_eq!(standing(&mut set, 5, record(1, true, 4, 9)), ("contested", Some((1, 3))));
    }
}
