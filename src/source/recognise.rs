//! What is known of the last snapshot: a record that says the same is never decoded.
//!
//! ```text
//! Follow   asked by the thread that cuts a file: does the next record come as it did last time, or was it somewhere near?
//! FindAny  asked by the threads that map records, where the order is lost
//! Recall   asked by the thread that merges what was read
//! ```

use std::collections::HashMap;

use regex::bytes::Regex;

use super::base::Base;
use super::extent::Extent;
use super::read::ObjectKey;
pub use super::seen::Filter;

/// By what a record is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Of its framed bytes, or of these and what its references lead to.
    pub hash: u128,
    /// Of these bytes.
    pub extent: Extent,
}

/// What a record was when the last set was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recognised {
    /// In the order in which the last set was read.
    pub number: usize,
    /// 0: a record of kind `ignore`.
    pub key: ObjectKey,
    /// Whether it was not deleted.
    pub living: bool,
}

/// A record of the last set, as of that which comes next if the file goes on as it did then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    pub fingerprint: Fingerprint,
    pub recognised: Recognised,
}

/// Walks the records of the last snapshot beside those of this set.
pub trait Follow: Send {
    /// None where it is not known, or the record is wanted all the same.
    fn ahead(&self) -> Option<Ahead>;

    /// It came.
    fn advance(&mut self, ahead: &Ahead);

    /// Answers whether a record whose framed bytes have this hash was read last time, and is not wanted all the same.
    fn find(&mut self, hash: u128) -> Option<Recognised>;

    /// Says whether the records come in another order, so that any of them may be anywhere; then [`FindAny`] finds them.
    fn is_lost(&self) -> bool {
        false
    }

    /// The record with this hash came: if it was read last time, the file may go on as it did behind it.
    fn go_on_behind(&mut self, _hash: u128) {}

    /// Gives the records that were recognised, by whichever thread, as far as `hashes` may hold theirs or `keys` that of their object;
    /// once all files are read.
    fn each_again(&mut self, hashes: &Filter, keys: &Filter, with: &mut dyn FnMut(&Ahead));
}

/// Finds records wherever they were, for many threads at once.
pub trait FindAny: Sync {
    /// As [`Follow::find`].
    fn find(&self, hash: u128) -> Option<Recognised>;

    /// Tells which hashes are looked for next.
    fn expect(&self, _hashes: &[u128]) {}
}

/// Knows the last snapshot as a whole.
pub trait Recall {
    /// Only records in which this is found are wanted.
    fn wanted(&self) -> Option<&Regex> {
        None
    }

    /// A record of the last set, by its number.
    fn record(&self, _number: usize) -> Option<Ahead> {
        None
    }

    /// Whose record this was last time, though it may have been recognised in this reading already.
    fn knew(&self, _hash: u128) -> Option<ObjectKey> {
        None
    }

    /// The number of a record that the object had last time, and of which `is_met` holds.
    fn number_of(&self, _key: ObjectKey, _is_met: &dyn Fn(usize) -> bool) -> Option<usize> {
        None
    }

    /// How many records were read last time.
    fn count(&self) -> usize {
        0
    }

    /// What change files apply to; without it LDIF changes are handed over as they are.
    fn base(&mut self) -> Option<&mut dyn Base> {
        None
    }
}

/// Knows the records of the last snapshot.
pub trait Recognise {
    fn parts(&mut self) -> Knowing<'_>;
}

/// What the threads may ask.
pub struct Knowing<'k> {
    /// Without it no record is recognised.
    pub follow: Option<&'k mut dyn Follow>,
    pub any: Option<&'k dyn FindAny>,
    pub recall: &'k mut dyn Recall,
}

impl Knowing<'_> {
    /// The first part for a thread of its own, where it `cuts` by it, and what is left.
    pub(super) fn lend(&mut self, cuts: bool) -> (Option<&mut dyn Follow>, Knowing<'_>) {
        let follow = self.follow.as_mut().map(|follow| &mut **follow as &mut dyn Follow);
        let (lent, follow) = if cuts { (follow, None) } else { (None, follow) };
        (lent, Knowing { follow, any: self.any, recall: self.recall })
    }
}

/// Knows nothing: every record is decoded.
pub struct Nothing;

impl Recall for Nothing {}

impl Recognise for Nothing {
    fn parts(&mut self) -> Knowing<'_> {
        Knowing { follow: None, any: None, recall: self }
    }
}

/// Records as they were read, in memory: what a cycle keeps in its state, for tests and benches. Each is recognised once.
#[derive(Debug, Default, Clone)]
pub struct Remembered {
    pub(super) follow: Following,
    pub(super) recall: Recalling,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Following {
    records: Vec<Ahead>,
    is_met: Vec<bool>,
    numbers: HashMap<u128, Vec<usize>>,
    next: usize,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Recalling {
    keys: HashMap<u128, ObjectKey>,
    numbers: HashMap<ObjectKey, Vec<usize>>,
    pub(super) records: Vec<Ahead>,
}

impl Recognised {
    /// Says whether it was a record of a living object.
    pub fn is_living(&self) -> bool {
        self.living && self.key.0 != 0
    }
}

impl Ahead {
    /// Says whether it is one that [`Follow::each_again`] gives.
    #[inline]
    pub fn may_be_in(&self, hashes: &Filter, keys: &Filter) -> bool {
        hashes.may_hold(self.fingerprint.hash as u64) || keys.may_hold(self.recognised.key.0)
    }
}

impl Fingerprint {
    /// Of a record that was recognised: how long it is is known.
    pub(super) fn again(hash: u128) -> Self {
        Self { hash, extent: Extent::default() }
    }

    pub(super) fn of(hash: u128, bytes: &[u8]) -> Self {
        Self { hash, extent: Extent::of(bytes) }
    }
}

impl Remembered {
    pub fn learn(&mut self, fingerprint: Fingerprint, key: ObjectKey, living: bool) {
        let number = self.follow.records.len();
        let record = Ahead { fingerprint, recognised: Recognised { number, key, living } };
        self.follow.records.push(record);
        self.recall.records.push(record);
        self.follow.is_met.push(false);
        self.follow.numbers.entry(fingerprint.hash).or_default().push(number);
        self.recall.keys.insert(fingerprint.hash, key);
        self.recall.numbers.entry(key).or_default().push(number);
    }

    /// Takes back a record that turned out not to count.
    pub fn forget(&mut self, hash: u128) {
        let kept: Vec<Ahead> = std::mem::take(self).follow.records;
        for Ahead { fingerprint, recognised } in kept.into_iter().filter(|one| one.fingerprint.hash != hash) {
            self.learn(fingerprint, recognised.key, recognised.living);
        }
    }
}

impl Follow for Following {
    fn ahead(&self) -> Option<Ahead> {
        self.records.get(self.next).copied().filter(|_| !self.is_met[self.next])
    }

    fn advance(&mut self, ahead: &Ahead) {
        self.is_met[ahead.recognised.number] = true;
        self.next = ahead.recognised.number + 1;
    }

    fn find(&mut self, hash: u128) -> Option<Recognised> {
        let number = self.numbers.get(&hash)?.iter().copied().find(|number| !self.is_met[*number])?;
        let ahead = *self.records.get(number)?;
        self.advance(&ahead);
        Some(ahead.recognised)
    }

    fn each_again(&mut self, hashes: &Filter, keys: &Filter, with: &mut dyn FnMut(&Ahead)) {
        let again = self.records.iter().zip(&self.is_met).filter_map(|(record, is_met)| is_met.then_some(record));
        again.filter(|record| record.may_be_in(hashes, keys)).for_each(with);
    }
}

impl Recall for Recalling {
    fn record(&self, number: usize) -> Option<Ahead> {
        self.records.get(number).copied()
    }

    fn knew(&self, hash: u128) -> Option<ObjectKey> {
        self.keys.get(&hash).copied()
    }

    fn number_of(&self, key: ObjectKey, is_met: &dyn Fn(usize) -> bool) -> Option<usize> {
        self.numbers.get(&key)?.iter().copied().find(|number| is_met(*number))
    }

    fn count(&self) -> usize {
        self.records.len()
    }
}

impl Recognise for Remembered {
    fn parts(&mut self) -> Knowing<'_> {
        Knowing { follow: Some(&mut self.follow), any: None, recall: &mut self.recall }
    }
}
