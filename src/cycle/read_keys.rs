//! The keys of the objects that were read: in a first cycle everybody's.

use super::reader::Keys;

/// The keys as they come, eight octets each; more only where somebody asks for one before all have come.
#[derive(Default)]
pub(super) struct ReadKeys {
    /// [`TOGETHER`] each, so that none is copied as they grow.
    listed: Vec<Vec<u64>>,
    asked: Option<Keys>,
}

/// All of them, in order, each once.
pub(super) struct SortedKeys(Vec<u64>);

const TOGETHER: usize = 1 << 16;

impl ReadKeys {
    pub fn insert(&mut self, key: u64) {
        match (&mut self.asked, self.listed.last_mut()) {
            (Some(keys), _) => drop(keys.insert(key)),
            (None, Some(last)) if last.len() < TOGETHER => last.push(key),
            (None, _) => self.listed.push(vec![key]),
        }
    }

    pub fn holds(&mut self, key: u64) -> bool {
        let listed = &mut self.listed;
        self.asked.get_or_insert_with(|| std::mem::take(listed).into_iter().flatten().collect()).contains(&key)
    }

    pub fn sorted(self) -> SortedKeys {
        let asked = self.asked.into_iter().flatten();
        let mut keys: Vec<u64> =
            Vec::with_capacity(self.listed.iter().map(Vec::len).sum::<usize>() + asked.size_hint().0);
        self.listed.into_iter().for_each(|some| keys.extend(some));
        keys.extend(asked);
        keys.sort_unstable();
        keys.dedup();
        SortedKeys(keys)
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
    fn asked_or_not_each_is_there_once() {
        let count = TOGETHER as u64 + 10;
        for asks in [None, Some(0), Some(count / 2), Some(count + 5)] {
            let mut read = ReadKeys::default();
            for key in (0..count).rev().chain([3, 5, 7]) {
                if asks == Some(count - key) {
                    assert_eq!((read.holds(key), read.holds(key + 1)), (false, key + 1 < count));
                }
                read.insert(key);
            }
            let sorted = read.sorted();
            assert!(sorted.iter().eq(0..count), "{asks:?}");
            assert_eq!((sorted.count(), sorted.holds(4), sorted.holds(count)), (count, true, false));
        }
    }
}
