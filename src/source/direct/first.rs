//! The first of a preset's rules that holds of a record: as a rule it is the one of the record before, which had the same words.

use super::flat::Plain;
use crate::source::preset::{Condition, Shown, Slot};

/// What is known of some rules, in their order.
#[derive(Debug, Default)]
pub struct First {
    groups: Vec<Group>,
}

/// Rules one after the other that ask of the same name.
#[derive(Debug, Default)]
struct Group {
    /// None: they ask of several, or of something else.
    slot: Option<Slot>,
    count: usize,
    /// What the name had last, each value with a NUL behind it, and which of them held.
    words: Vec<u8>,
    found: Option<usize>,
    is_known: bool,
}

impl First {
    pub fn new<'c>(rules: impl Iterator<Item = &'c Condition>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for rule in rules {
            let slot = only_slot(rule);
            match groups.last_mut() {
                Some(last) if last.slot == slot => last.count += 1,
                Some(_) | None => groups.push(Group { slot, count: 1, ..Group::default() }),
            }
        }
        Self { groups }
    }

    /// The number of the first that holds, of the same rules each time.
    pub fn of<'c>(&mut self, mut rules: impl Iterator<Item = &'c Condition>, plain: &Plain<'_>) -> Option<usize> {
        let mut passed = 0;
        for group in &mut self.groups {
            if let Some(found) = group.of(rules.by_ref().take(group.count), plain) {
                return Some(passed + found);
            }
            passed += group.count;
        }
        None
    }
}

/// The name that a rule asks of, if that is all that it asks.
fn only_slot(rule: &Condition) -> Option<Slot> {
    let mut slots = Vec::new();
    rule.each_slot(&mut |slot| slots.push(slot));
    let (first, others) = slots.split_first()?;
    (!rule.asks_prefix() && others.iter().all(|other| other == first)).then_some(*first)
}

impl Group {
    fn of<'c>(&mut self, mut rules: impl Iterator<Item = &'c Condition>, plain: &Plain<'_>) -> Option<usize> {
        let Some(slot) = self.slot else { return rules.position(|rule| rule.holds(plain)) };
        if self.is_known && self.is_again(slot, plain) {
            rules.for_each(drop);
        } else {
            self.found = rules.position(|rule| rule.holds(plain));
            self.is_known = self.learn(slot, plain);
        }
        self.found
    }

    fn is_again(&self, slot: Slot, plain: &Plain<'_>) -> bool {
        let mut rest = &self.words[..];
        let mut is_next = |value: Shown<'_>| {
            let Shown::Text(text) = value else { return false };
            let behind = rest.strip_prefix(text.as_bytes()).and_then(|behind| behind.strip_prefix(b"\0"));
            rest = behind.unwrap_or_default();
            behind.is_some()
        };
        plain.values(slot).all(&mut is_next) && rest.is_empty()
    }

    /// Says whether it could be noted what the record has.
    fn learn(&mut self, slot: Slot, plain: &Plain<'_>) -> bool {
        self.words.clear();
        plain.values(slot).all(|value| match value {
            // in which there is no NUL
            Shown::Text(text) => {
                self.words.extend_from_slice(text.as_bytes());
                self.words.push(0);
                true
            }
            Shown::Octets(_) | Shown::Nothing => false,
        })
    }
}
