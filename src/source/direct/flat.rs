//! The values of one plain record by the numbers of a preset, as places in its text.

use std::ops::Range;

use super::run::Met;
use crate::source::preset::{Asked, Shown, Slot};

/// The values of one record.
#[derive(Debug, Default)]
pub struct Flat {
    /// The first value of each name, by [`Slot`].
    firsts: Vec<Value>,
    /// The last value of each name that has several, as [`Value::next`].
    lasts: Vec<u32>,
    /// Of each name whose values are no more than a run of lines that was met before: its number.
    runs: Vec<Option<u64>>,
    /// The values behind the first.
    others: Vec<Value>,
    /// The names that it has, in their order.
    pub slots: Vec<Slot>,
    /// Of columns that no preset names: the number of the column.
    pub rest: Vec<(usize, Value)>,
    /// Texts that are not in the record as they are.
    text: String,
    octets: Vec<u8>,
    /// There are octets where the preset reads text.
    pub has_odd_octets: bool,
}

/// A value of a record.
#[derive(Debug, Clone, Copy, Default)]
pub struct Value {
    from: u32,
    to: u32,
    /// The next one of its name: one more than its place among the others; 0: none.
    next: u32,
    kind: Kind,
}

/// Where a value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    /// There is none.
    #[default]
    Nowhere,
    /// In the text of the record.
    Record,
    Text,
    CleanText,
    Octets,
    /// The name is there, and has no value.
    Nothing,
}

/// Where a text lies, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub enum Lies {
    /// It begins there.
    InRecord(usize),
    /// Not in the record; `is_clean`: it is stored as it is, unless it is a GUID.
    Nowhere { is_clean: bool },
}

#[inline]
fn place(at: usize) -> u32 {
    // records that are mapped so are short
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl Flat {
    /// Room for the records of a preset that has so many names.
    pub fn new(names: usize) -> Self {
        Self {
            firsts: vec![Value::default(); names],
            lasts: vec![0; names],
            runs: vec![None; names],
            ..Self::default()
        }
    }

    /// Forgets the record.
    pub fn clear(&mut self) {
        for slot in self.slots.drain(..) {
            self.firsts[slot.index()].kind = Kind::Nowhere;
            self.runs[slot.index()] = None;
        }
        self.others.clear();
        self.rest.clear();
        self.text.clear();
        self.octets.clear();
        self.has_odd_octets = false;
    }

    /// A text that lies in the record so.
    #[inline]
    pub fn in_record(from: usize, to: usize) -> Value {
        Value { from: place(from), to: place(to), next: 0, kind: Kind::Record }
    }

    /// A text that does not lie in the record; see [`Lies::Nowhere`].
    pub fn own(&mut self, text: &str, is_clean: bool) -> Value {
        let from = self.text.len();
        self.text.push_str(text);
        let kind = if is_clean { Kind::CleanText } else { Kind::Text };
        Value { from: place(from), to: place(self.text.len()), next: 0, kind }
    }

    /// The name is there, and has no value.
    pub fn nothing() -> Value {
        Value { kind: Kind::Nothing, ..Value::default() }
    }

    /// Octets that are no text.
    pub fn own_octets(&mut self, octets: &[u8]) -> Value {
        let from = self.octets.len();
        self.octets.extend_from_slice(octets);
        Value { from: place(from), to: place(self.octets.len()), next: 0, kind: Kind::Octets }
    }

    /// Adds a value of the name.
    #[inline]
    pub fn push(&mut self, slot: Slot, value: Value) {
        let first = &mut self.firsts[slot.index()];
        if first.kind == Kind::Nowhere {
            *first = value;
            self.slots.push(slot);
        } else {
            self.push_other(slot, value);
        }
    }

    /// Adds the values of a run.
    pub fn push_run(&mut self, slot: Slot, met: Met<'_>) {
        let is_first = self.firsts[slot.index()].kind == Kind::Nowhere;
        for Range { start, end } in met.values {
            self.push(slot, Self::in_record(met.from + start, met.from + end));
        }
        self.runs[slot.index()] = is_first.then_some(met.number);
    }

    /// The number of the run that is all that the name has.
    #[inline]
    pub fn run(&self, slot: Slot) -> Option<u64> {
        self.runs[slot.index()]
    }

    fn push_other(&mut self, slot: Slot, value: Value) {
        self.runs[slot.index()] = None;
        self.others.push(value);
        let added = place(self.others.len());
        let last = std::mem::replace(&mut self.lasts[slot.index()], added) as usize;
        let first = &mut self.firsts[slot.index()];
        match last.checked_sub(1).filter(|_| first.next != 0) {
            Some(last) => self.others[last].next = added,
            None => first.next = added,
        }
    }
}

/// A record, and what is to be known of its file.
#[derive(Clone, Copy)]
pub struct Plain<'f> {
    pub flat: &'f Flat,
    pub record: &'f str,
    /// Columns that the heading names, by [`Slot`].
    pub named: &'f [bool],
    pub file_name: &'f str,
    pub is_upn_prefixed: bool,
}

impl<'f> Plain<'f> {
    #[inline]
    pub fn shown(&self, value: &Value) -> Shown<'f> {
        let range = value.from as usize..value.to as usize;
        match value.kind {
            Kind::Record => Shown::Text(self.record.get(range).unwrap_or_default()),
            Kind::Text | Kind::CleanText => Shown::Text(self.flat.text.get(range).unwrap_or_default()),
            Kind::Octets => Shown::Octets(self.flat.octets.get(range).unwrap_or_default()),
            Kind::Nothing | Kind::Nowhere => Shown::Nothing,
        }
    }

    #[inline]
    fn first(&self, slot: Slot) -> Option<&'f Value> {
        self.flat.firsts.get(slot.index()).filter(|value| value.kind != Kind::Nowhere)
    }

    /// The first value of the first name that has one.
    #[inline]
    pub fn first_of(&self, slots: &[Slot]) -> Option<&'f Value> {
        slots.iter().find_map(|slot| self.first(*slot))
    }

    /// The text of a value, if there is no other of its name.
    #[inline]
    pub fn only_text(&self, value: &Value) -> Option<(&'f str, Lies)> {
        let lies = match value.kind {
            Kind::Record => Lies::InRecord(value.from as usize),
            Kind::Text | Kind::CleanText => Lies::Nowhere { is_clean: value.kind == Kind::CleanText },
            Kind::Octets | Kind::Nothing | Kind::Nowhere => return None,
        };
        match self.shown(value) {
            Shown::Text(text) if value.next == 0 => Some((text, lies)),
            Shown::Text(_) | Shown::Octets(_) | Shown::Nothing => None,
        }
    }

    /// The octets of a value, if there is no other of its name.
    pub fn only_octets(&self, value: &Value) -> Option<&'f [u8]> {
        match self.shown(value) {
            Shown::Octets(octets) if value.next == 0 => Some(octets),
            Shown::Octets(_) | Shown::Text(_) | Shown::Nothing => None,
        }
    }

    #[inline]
    pub fn values(&self, slot: Slot) -> impl Iterator<Item = Shown<'f>> + use<'f> {
        let plain = *self;
        std::iter::successors(plain.first(slot), move |value| {
            plain.flat.others.get((value.next as usize).checked_sub(1)?)
        })
        .map(move |value| plain.shown(value))
    }

    pub fn texts(&self, slot: Slot) -> impl Iterator<Item = &'f str> + use<'f> {
        self.values(slot).filter_map(|value| match value {
            Shown::Text(text) => Some(text),
            Shown::Octets(_) | Shown::Nothing => None,
        })
    }
}

impl Asked for Plain<'_> {
    #[inline]
    fn values(&self, slot: Slot) -> impl Iterator<Item = Shown<'_>> {
        Plain::values(self, slot)
    }

    fn is_named(&self, slot: Slot) -> bool {
        self.first(slot).is_some() || self.named.get(slot.index()).copied().unwrap_or(false)
    }

    fn exists(&self, slot: Slot) -> bool {
        // a record that may have a name below it is not plain
        self.is_named(slot)
    }

    fn file_name(&self) -> &str {
        self.file_name
    }

    fn is_upn_prefixed(&self) -> bool {
        self.is_upn_prefixed
    }
}
