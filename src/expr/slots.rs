//! The attributes that the expressions of one mapping read, each with its place in a record.

use std::collections::{BTreeSet, HashMap};

use super::value::Input;
use crate::diagnostic::nearest;
use crate::model::SourceObject;

/// The table that all expressions of a mapping share.
#[derive(Debug, Clone, Default)]
pub struct Slots {
    names: Vec<String>,
    places: HashMap<String, usize>,
}

impl Slots {
    pub fn new() -> Self {
        Self::default()
    }

    /// The place of an attribute, made when it has none yet.
    pub fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        self.names.push(name.to_owned());
        self.places.insert(name.to_owned(), self.names.len() - 1);
        self.names.len() - 1
    }

    /// The names in the order of their places.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(super) fn name(&self, place: usize) -> &str {
        self.names.get(place).map_or("", String::as_str)
    }
}

/// One source object as expressions read it.
#[derive(Clone, Default)]
pub struct Record<'a> {
    pub(super) inputs: Vec<Input<'a>>,
}

impl<'a> Record<'a> {
    /// Looks up each attribute once.
    pub fn new(slots: &Slots, look_up: impl FnMut(&str) -> Input<'a>) -> Self {
        Self { inputs: slots.names().map(look_up).collect() }
    }

    pub fn of_object(slots: &Slots, object: &'a SourceObject) -> Self {
        Self::new(slots, |name| object.attribute(name).map_or(Input::Null, Input::from))
    }

    /// Fills the record anew and keeps its memory.
    pub fn refill(&mut self, slots: &Slots, look_up: impl FnMut(&str) -> Input<'a>) {
        self.inputs.clear();
        self.inputs.extend(slots.names().map(look_up));
    }

    /// The value at a place of the table.
    pub fn input(&self, place: usize) -> Input<'a> {
        self.inputs.get(place).copied().unwrap_or_default()
    }
}

/// The attributes that a source has, where that is known.
#[derive(Debug, Clone, Default)]
pub struct KnownNames(BTreeSet<String>);

impl KnownNames {
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.0.iter().map(String::as_str))
    }
}

impl<S: Into<String>> FromIterator<S> for KnownNames {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}
