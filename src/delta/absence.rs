//! Whose record is not there any more.

use hashbrown::HashSet;

use super::{Met, Snapshot};

/// Returns the keys of objects that the old export had and the new one lacks.
///
/// `present` are the keys of the records of the new export that were read or refused: an object may have moved to another file,
/// and one whose record was refused is not absent (sources.md 16.3). `met` are the records of the old one that are there again.
pub fn absent_keys(old: &Snapshot, met: &Met, present: impl Iterator<Item = u64>) -> HashSet<u64> {
    let mut absent = HashSet::new();
    met.each_missed(old, |_, record| {
        if record.key != 0 {
            absent.insert(record.key);
        }
    });
    // Most of those were read with other contents; only for the rest is it worth to go through everybody.
    for key in present {
        absent.remove(&key);
    }
    if !absent.is_empty() {
        met.each_met(old, |_, record| {
            absent.remove(&record.key);
        });
    }
    absent
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::builder::snapshot_of;
    use super::super::{Matcher, Record};
    use super::*;

    /// Whatever moved, changed, came twice or was lost: absent is whose key the old export has and the new one has not.
    #[test]
    fn absent_are_the_keys_that_no_record_has_any_more() {
        let mut state = 7_u64;
        let mut random = |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % most
        };
        for round in 0..300 {
            let (count, keys) = (random(400), 1 + random(500));
            let record = |key: u64, version: u64| Record {
                hash: u128::from(key * 1000 + version).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
                length: 1,
                key,
                living: !key.is_multiple_of(9),
            };
            let old: Vec<Record> = (0..count).map(|_| record(random(keys), random(2))).collect();
            let mut new = old.clone();
            // few changes and many, in order and out of it
            for _ in 0..random([3, 30, 600][round % 3]) {
                let at = random(new.len().max(1) as u64) as usize;
                match random(5) {
                    0 => new.insert(at.min(new.len()), record(random(keys + 50), random(3))),
                    1 if at < new.len() => drop(new.remove(at)),
                    2 if at < new.len() => new[at] = record(new[at].key, 2),
                    3 if at < new.len() && round % 2 == 0 => new[at..].reverse(),
                    _ => {}
                }
            }
            let snapshot = snapshot_of(&old);
            let (mut matcher, met) = (Matcher::new(&snapshot), Met::none_of(snapshot.len()));
            let mut is_new = |one: &&Record| match matcher.find(one.hash) {
                Some(at) => {
                    met.note(at);
                    false
                }
                None => true,
            };
            let read: Vec<u64> = new.iter().filter(|one| is_new(one)).map(|one| one.key).collect();
            let keys_of = |records: &[Record]| records.iter().map(|one| one.key).collect::<BTreeSet<u64>>();
            let mut expected: BTreeSet<u64> = keys_of(&old).difference(&keys_of(&new)).copied().collect();
            expected.remove(&0);
            let found: BTreeSet<u64> = absent_keys(&snapshot, &met, read.into_iter()).into_iter().collect();
            assert_eq!(found, expected, "round {round}");
        }
    }
}
