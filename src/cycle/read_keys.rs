//! The keys of the objects that were read: in a first cycle everybody's.

use std::collections::VecDeque;

use super::reader::Keys;
use crate::store::{Spool, Staging, StoreError};

/// The keys as they come, few of them in memory; all only where somebody asks for one before all have come.
#[derive(Default)]
pub(super) struct ReadKeys {
    /// [`TOGETHER`] each, so that none is copied as they grow.
    listed: VecDeque<Vec<u64>>,
    /// How many lists before these were put away.
    away: usize,
    asked: Option<Keys>,
}

/// All of them, in order, each once.
pub(super) struct SortedKeys(Vec<u64>);

const TOGETHER: usize = 1 << 16;
/// Lists that are held, two megabytes.
const HELD: usize = 4;

impl ReadKeys {
    pub fn insert(&mut self, key: u64) {
        match (&mut self.asked, self.listed.back_mut()) {
            (Some(keys), _) => drop(keys.insert(key)),
            (None, Some(last)) if last.len() < TOGETHER => last.push(key),
            (None, _) => self.listed.push_back(vec![key]),
        }
    }

    /// Puts a list away where there are many.
    pub fn put_away(&mut self, staging: &Staging) -> Result<(), StoreError> {
        if self.listed.len() > HELD
            && let Some(list) = self.listed.pop_front()
        {
            let octets: Vec<u8> = list.iter().flat_map(|key| key.to_le_bytes()).collect();
            staging.spool(Spool::Keys, self.away, &octets)?;
            self.away += 1;
        }
        Ok(())
    }

    pub fn holds(&mut self, key: u64, staging: &Staging) -> Result<bool, StoreError> {
        if self.asked.is_none() {
            let mut keys = Keys::new();
            std::mem::take(self).each_list(staging, |list| keys.extend(list))?;
            self.asked = Some(keys);
        }
        Ok(self.asked.as_ref().is_some_and(|keys| keys.contains(&key)))
    }

    pub fn sorted(self, staging: &Staging) -> Result<SortedKeys, StoreError> {
        let held: usize = self.listed.iter().map(Vec::len).sum();
        let count = self.away * TOGETHER + held + self.asked.as_ref().map_or(0, Keys::len);
        let mut keys: Vec<u64> = Vec::with_capacity(count);
        self.each_list(staging, |list| keys.extend(list))?;
        keys.sort_unstable();
        keys.dedup();
        Ok(SortedKeys(keys))
    }

    fn each_list(self, staging: &Staging, mut each: impl FnMut(Vec<u64>)) -> Result<(), StoreError> {
        for number in 0..self.away {
            let octets = staging.spooled(Spool::Keys, number)?;
            each(
                octets
                    .chunks_exact(8)
                    .filter_map(|key| key.first_chunk())
                    .map(|key| u64::from_le_bytes(*key))
                    .collect(),
            );
        }
        self.listed.into_iter().for_each(&mut each);
        each(self.asked.into_iter().flatten().collect());
        Ok(())
    }
}

impl SortedKeys {
    pub fn holds(&self, key: u64) -> bool {
        self.0.binary_search(&key).is_ok()
    }

    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asked_or_not_each_is_there_once() -> Result<(), StoreError> {
        let count = ((HELD + 2) * TOGETHER) as u64 + 10;
        for asks in [None, Some(0), Some(count / 2), Some(count - 5)] {
            let (staging, mut read) = (Staging::open()?, ReadKeys::default());
            for key in (0..count).rev().chain([3, 5, 7]) {
                if asks == Some(count - 1 - key) {
                    assert!(!read.holds(key, &staging)?);
                    assert_eq!(read.holds(key + 1, &staging)?, key + 1 < count);
                }
                read.insert(key);
                read.put_away(&staging)?;
            }
            let sorted = read.sorted(&staging)?;
            assert!(sorted.iter().eq(0..count), "{asks:?}");
            assert_eq!((sorted.count(), sorted.holds(4), sorted.holds(count)), (count, true, false));
        }
        Ok(())
    }
}
