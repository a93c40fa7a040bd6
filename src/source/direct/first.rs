//! The first of a preset's rules that holds of a record: as a rule it is the one of the record before, which had the same words.

use super::flat::Plain;
use crate::source::preset::{Condition, Shown, Slot};

/// What is known of some rules, in their order.
#[derive(Debug, Default)]
pub struct First {
    /// What the first few of them ask of, if it is one name.
    slot: Option<Slot>,
    /// How many these are.
    count: usize,
    /// What the name had last, each value with a NUL behind it, and which of them held.
    words: Vec<u8>,
    found: Option<usize>,
    is_known: bool,
}

impl First {
    pub fn new<'c>(rules: impl Iterator<Item = &'c Condition>) -> Self {
        let mut first = Self::default();
        for rule in rules {
            let mut slots = Vec::new();
            rule.each_slot(&mut |slot| slots.push(slot));
            let [slot, others @ ..] = &slots[..] else { break };
            if rule.asks_prefix()
                || others.iter().any(|other| other != slot)
                || first.slot.is_some_and(|first| first != *slot)
            {
                break;
            }
            first.slot = Some(*slot);
            first.count += 1;
        }
        first
    }

    /// The number of the first that holds, of the same rules each time.
    pub fn of<'c>(&mut self, mut rules: impl Iterator<Item = &'c Condition>, plain: &Plain<'_>) -> Option<usize> {
        if let Some(slot) = self.slot {
            if self.is_known && self.is_again(slot, plain) {
                if self.found.is_some() {
                    return self.found;
                }
                rules.by_ref().take(self.count).for_each(drop);
            } else {
                self.found = rules.by_ref().take(self.count).position(|rule| rule.holds(plain));
                self.is_known = self.learn(slot, plain);
                if self.found.is_some() {
                    return self.found;
                }
            }
        }
        rules.position(|rule| rule.holds(plain)).map(|at| self.count + at)
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
