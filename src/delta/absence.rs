//! Whose record is not there any more.

use hashbrown::HashSet;

use super::{Matcher, Record};

/// Returns the keys of objects that the old export had and the new one lacks.
///
/// `present` are the keys of the records of the new export that were read or refused: an object may have moved to another file,
/// and one whose record was refused is not absent (sources.md 16.3). Those that were recognised are known to the matcher.
pub fn absent_keys(matcher: &Matcher<'_>, present: impl Iterator<Item = u64>) -> HashSet<u64> {
    let living = |record: &Record| record.key != 0;
    let mut absent: HashSet<u64> = matcher.unseen().filter(living).map(|record| record.key).collect();
    // Most of those were read with other contents; only for the rest is it worth to go through everybody.
    for key in present {
        absent.remove(&key);
    }
    if !absent.is_empty() {
        for record in matcher.seen() {
            absent.remove(&record.key);
        }
    }
    absent
}
