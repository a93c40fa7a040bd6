//! The first of a preset's rules that holds of a record: as a rule it is the one of the record before, which had the same words.

use super::flat::Plain;
use crate::model::dn::{Ancestor, has_tail, tail};
use crate::source::preset::{Condition, Shown, Slot, Test};

/// What is known of some rules, in their order.
#[derive(Debug, Default)]
pub struct First {
    groups: Vec<Group>,
}

/// Rules one after the other that ask of the same name, or one that asks what it lies below.
#[derive(Debug, Default)]
struct Group {
    /// None: they ask of several, or of something else.
    slot: Option<Slot>,
    count: usize,
    /// What its name may lie below: then the words are what stood last behind the first part of one that does not.
    ancestor: Option<Ancestor>,
    /// What the name had last, each value with a NUL behind it, and which of them held.
    words: Vec<u8>,
    /// The run of lines in which it had them.
    run: Option<u64>,
    found: Option<usize>,
    is_known: bool,
}

impl First {
    pub fn new<'c>(rules: impl Iterator<Item = &'c Condition>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for rule in rules {
            let slot = only_slot(rule);
            let ancestor = match rule {
                Condition::Attribute(_, Test::UnderRdn(ancestor)) => Some(ancestor.clone()),
                _ => None,
            };
            match groups.last_mut() {
                Some(last) if last.slot == slot && last.ancestor.is_none() && ancestor.is_none() => last.count += 1,
                Some(_) | None => groups.push(Group { slot, count: 1, ancestor, ..Group::default() }),
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
        let run = plain.flat.run(slot);
        let is_run_again = run.is_some() && run == self.run;
        if self.is_known && (is_run_again || self.is_again(slot, plain)) {
            rules.for_each(drop);
        } else {
            self.found = rules.position(|rule| rule.holds(plain));
            self.is_known = self.learn(slot, plain);
        }
        self.run = run;
        self.found
    }

    fn is_again(&self, slot: Slot, plain: &Plain<'_>) -> bool {
        if self.ancestor.is_some() {
            return only_text(slot, plain).is_some_and(|text| has_tail(text, &self.words));
        }
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
        if let Some(ancestor) = &self.ancestor {
            let tail = only_text(slot, plain).and_then(tail).filter(|tail| ancestor.is_strange_to(tail));
            self.words.extend_from_slice(tail.unwrap_or_default().as_bytes());
            return tail.is_some();
        }
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

/// The text that the name has, if that is all.
fn only_text<'f>(slot: Slot, plain: &Plain<'f>) -> Option<&'f str> {
    plain.first_of(&[slot]).and_then(|value| plain.only_text(value)).map(|(text, _)| text)
}
