//! The numbers and names of groups: unnamed ones first, named ones after them.

use std::collections::BTreeMap;

use super::ast::{Label, Parsed};

/// The groups of a pattern; several parentheses may be one group.
#[derive(Debug)]
pub(in crate::expr) struct Groups {
    /// By .NET number: the engine indexes of its parentheses.
    numbers: BTreeMap<u32, Vec<usize>>,
    names: Vec<(String, u32)>,
}

impl Groups {
    pub(super) fn number(parsed: &Parsed) -> Self {
        let mut numbers: BTreeMap<u32, Vec<usize>> = BTreeMap::from([(0, vec![0])]);
        let mut unnamed = 0;
        for (index, label) in parsed.captures.iter().enumerate() {
            match label {
                Label::Unnamed => {
                    unnamed += 1;
                    numbers.entry(unnamed).or_default().push(index + 1);
                }
                Label::Number(number) => numbers.entry(*number).or_default().push(index + 1),
                Label::Name(_) => {}
            }
        }
        let mut names: Vec<(String, u32)> = Vec::new();
        let mut next = 1;
        for (index, label) in parsed.captures.iter().enumerate() {
            let Label::Name(name) = label else { continue };
            let number = match names.iter().find(|(known, _)| known == name) {
                Some((_, number)) => *number,
                None => {
                    while numbers.contains_key(&next) {
                        next += 1;
                    }
                    names.push((name.clone(), next));
                    next
                }
            };
            numbers.entry(number).or_default().push(index + 1);
        }
        Self { numbers, names }
    }

    /// Finds a group by name, or by number where `name` is one; the answer is its .NET number.
    pub fn find(&self, name: &str) -> Option<usize> {
        let number = match self.names.iter().find(|(known, _)| known == name) {
            Some((_, number)) => *number,
            None if name.bytes().all(|byte| byte.is_ascii_digit()) => name.parse().ok()?,
            None => return None,
        };
        self.numbers.contains_key(&number).then_some(usize::try_from(number).ok()?)
    }

    /// The group with the highest number.
    pub fn last(&self) -> usize {
        self.numbers.keys().next_back().and_then(|number| usize::try_from(*number).ok()).unwrap_or(0)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn engine_indexes(&self, group: usize) -> impl Iterator<Item = usize> {
        let indexes = u32::try_from(group).ok().and_then(|number| self.numbers.get(&number));
        indexes.into_iter().flatten().copied()
    }
}
