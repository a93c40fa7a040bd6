//! Names of the source's attributes and columns, found without regard to case (sources.md 22).

use std::borrow::Cow;

use hashbrown::HashTable;
use unicode_normalization::UnicodeNormalization;
use xxhash_rust::xxh3::xxh3_64;

/// The number of a name that a preset knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u16);

impl Slot {
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The names that a preset knows, each with its number.
#[derive(Debug, Clone, Default)]
pub struct Names {
    table: HashTable<Slot>,
    /// Folded form and spelling by number.
    names: Vec<(Box<str>, Box<str>)>,
}

impl Names {
    /// Returns the number of `name`, which is given one if it has none; none when there are too many.
    pub fn add(&mut self, name: &str) -> Option<Slot> {
        if let Some(slot) = self.find(name) {
            return Some(slot);
        }
        let slot = Slot(u16::try_from(self.names.len()).ok()?);
        let folded = fold(name).into_owned();
        let names = &mut self.names;
        names.push((folded.into(), name.into()));
        let hash = hash_of(&names[slot.index()].0);
        self.table.insert_unique(hash, slot, |other| hash_of(&names[other.index()].0));
        Some(slot)
    }

    pub fn find(&self, name: &str) -> Option<Slot> {
        if is_plain(name) {
            return self
                .table
                .find(hash_of(name), |slot| self.names[slot.index()].0.eq_ignore_ascii_case(name))
                .copied();
        }
        let folded = fold(name);
        self.table.find(hash_of(&folded), |slot| *self.names[slot.index()].0 == *folded).copied()
    }

    pub fn name(&self, slot: Slot) -> &str {
        &self.names[slot.index()].1
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.names.len()).filter_map(|index| u16::try_from(index).ok().map(Slot))
    }
}

/// ASCII without options: case is all that may differ.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii() && byte != b';')
}

/// Lower case, NFC, LDAP options in order.
pub fn fold(name: &str) -> Cow<'_, str> {
    if is_plain(name) {
        let is_lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
        return if is_lower { name.into() } else { name.to_ascii_lowercase().into() };
    }
    let lower: String = name.nfc().flat_map(char::to_lowercase).collect();
    let Some((base, options)) = lower.split_once(';') else { return Cow::Owned(lower) };
    let mut options: Vec<&str> = options.split(';').collect();
    options.sort_unstable();
    Cow::Owned(format!("{base};{}", options.join(";")))
}

fn hash_of(name: &str) -> u64 {
    let mut lower = [0_u8; 64];
    match lower.get_mut(..name.len()) {
        Some(lower) => {
            lower.copy_from_slice(name.as_bytes());
            lower.make_ascii_lowercase();
            xxh3_64(lower)
        }
        None => xxh3_64(name.to_ascii_lowercase().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_order_of_options() {
        let mut names = Names::default();
        let mail = names.add("mail");
        let reading = names.add("sn;lang-ja;phonetic");
        let umlaut = names.add("Straße Ä");
        assert_eq!(names.find("MAIL"), mail);
        assert_eq!(names.find("SN;Phonetic;lang-JA"), reading);
        assert_eq!(names.find("straße ä"), umlaut);
        assert_eq!(names.find("straße A\u{308}"), umlaut);
        assert_eq!(names.find("sn;lang-ja"), None);
        assert_eq!(names.add("Mail"), mail);
        assert_eq!(names.len(), 3);
    }
}
