//! Objects that leave the thread that made them: their texts lie where they were read, or beside the bytes of their batch.

use std::borrow::Cow;

use super::changes::Entry;
use super::draft::{Draft, Extras, Hashes, Value};
use super::extent::Extent;
use super::map::Remark;
use super::memory::SAMPLES;
use super::preset::{Canon, Slot};
use super::read::ObjectKey;
use crate::model::{Deletion, ObjectKind};

/// From where to where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    pub from: u32,
    pub to: u32,
}

/// A value of a batch.
#[derive(Debug, Clone, Copy)]
pub enum Packed {
    Text(Span),
    Bool(bool),
    /// Places in `lists`.
    List(Span),
}

/// The values of the objects of one batch.
#[derive(Debug, Default)]
pub struct Packs {
    /// Texts that are not among the bytes of the batch as they are.
    side: String,
    values: Vec<(Canon, Packed)>,
    /// Under which names, of what a preset has no name for.
    rest: Vec<(Span, Packed)>,
    /// By the index of the preset's reference.
    references: Vec<(u16, Span)>,
    lists: Vec<Span>,
    slots: Vec<Slot>,
}

/// How much of each list of [`Packs`] there is.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    side: usize,
    values: usize,
    rest: usize,
    references: usize,
    lists: usize,
    slots: usize,
}

/// One object of a batch, and what was found out beside it.
#[derive(Debug)]
pub struct Pack {
    pub kind: ObjectKind,
    pub deletion: Deletion,
    pub partial: bool,
    pub line: u64,
    /// Of the record.
    pub extent: Extent,
    pub hashes: Hashes,
    /// Of the value under a name that may be the anchor.
    pub key: Option<(Canon, ObjectKey)>,
    /// Whether the account is; what is no truth value counts as enabled.
    pub enabled: Option<bool>,
    /// It has a `modifiedDateTime`.
    pub is_dated: bool,
    values: Span,
    rest: Span,
    references: Span,
    slots: Span,
    /// What few have.
    pub extras: Option<Box<Extras>>,
    pub beside: Option<Box<Beside>>,
}

/// What was found out of an object beside its values, as in [`Pack`].
pub struct Found {
    pub key: Option<(Canon, ObjectKey)>,
    pub enabled: Option<bool>,
    pub is_dated: bool,
}

/// What few records have beside their object.
#[derive(Debug, Default)]
pub struct Beside {
    pub remarks: Vec<Remark>,
    pub entry: Option<Box<Entry>>,
}

/// An object as it was packed, its texts borrowed.
pub struct Unpacked<'b> {
    pub draft: Draft<'b>,
    /// Its names that may have to be noted.
    pub slots: &'b [Slot],
    pub beside: Option<Box<Beside>>,
}

/// The values of one object, to be looked at.
#[derive(Debug, Clone, Copy)]
pub struct View<'b> {
    packs: &'b Packs,
    /// Of the batch.
    bytes: &'b [u8],
    pub pack: &'b Pack,
}

impl Span {
    /// Batches are small enough for that; see [`MOST`].
    #[inline]
    pub fn new(from: usize, to: usize) -> Self {
        Self { from: u32::try_from(from).unwrap_or(u32::MAX), to: u32::try_from(to).unwrap_or(u32::MAX) }
    }

    #[inline]
    fn of<T>(self, list: &[T]) -> &[T] {
        list.get(self.from as usize..self.to as usize).unwrap_or_default()
    }
}

/// Larger batches hold one very long record and are not packed.
pub const MOST: usize = 256 << 20;

impl Packs {
    /// Forgets all objects and keeps the room.
    pub fn clear(&mut self) {
        self.side.clear();
        self.values.clear();
        self.rest.clear();
        self.references.clear();
        self.lists.clear();
        self.slots.clear();
    }

    #[inline]
    pub fn mark(&self) -> Mark {
        Mark {
            side: self.side.len(),
            values: self.values.len(),
            rest: self.rest.len(),
            references: self.references.len(),
            lists: self.lists.len(),
            slots: self.slots.len(),
        }
    }

    /// Takes out what was put in since.
    pub fn take_back(&mut self, mark: Mark) {
        self.side.truncate(mark.side);
        self.values.truncate(mark.values);
        self.rest.truncate(mark.rest);
        self.references.truncate(mark.references);
        self.lists.truncate(mark.lists);
        self.slots.truncate(mark.slots);
    }

    /// Notes a name of the record whose object is packed next, unless it was noted often enough; `noted`: how often, by [`Slot`].
    pub fn note_slot(&mut self, slot: Slot, noted: &mut [u8]) {
        let count = &mut noted[slot.index()];
        if usize::from(*count) < SAMPLES {
            *count += 1;
            self.slots.push(slot);
        }
    }

    #[inline]
    pub fn push_value(&mut self, name: Canon, value: Packed) {
        self.values.push((name, value));
    }

    pub fn push_rest(&mut self, name: Span, value: Packed) {
        self.rest.push((name, value));
    }

    pub fn push_reference(&mut self, index: u16, texts: Span) {
        self.references.push((index, texts));
    }

    /// The values that were put in since.
    #[inline]
    pub fn values_since(&self, mark: Mark) -> &[(Canon, Packed)] {
        self.values.get(mark.values..).unwrap_or_default()
    }

    /// Begins a list, whose texts are put in by [`Self::push_text`].
    pub fn begin_list(&self) -> usize {
        self.lists.len()
    }

    #[inline]
    pub fn push_text(&mut self, batch: &[u8], text: &str) {
        let place = self.put(batch, text);
        self.lists.push(place);
    }

    /// The list from `begin` on.
    pub fn end_list(&self, begin: usize) -> Span {
        Span::new(begin, self.lists.len())
    }

    /// Says where `text` lies, and puts it somewhere if it is no part of the bytes of the batch.
    #[inline]
    pub fn put(&mut self, batch: &[u8], text: &str) -> Span {
        let at = text.as_ptr().addr().wrapping_sub(batch.as_ptr().addr());
        if at < batch.len() && text.len() <= batch.len() - at {
            return Span::new(at, at + text.len());
        }
        let from = batch.len() + self.side.len();
        self.side.push_str(text);
        Span::new(from, from + text.len())
    }

    /// What lies there.
    #[inline]
    pub fn bytes_at<'p>(&'p self, batch: &'p [u8], place: Span) -> &'p [u8] {
        match self.side_at(batch, place) {
            Some(text) => text.as_bytes(),
            None => place.of(batch),
        }
    }

    /// The text that lies there.
    #[inline]
    pub fn text_at<'p>(&'p self, batch: &'p [u8], place: Span) -> &'p str {
        // among the bytes of the batch it was one before
        self.side_at(batch, place).unwrap_or_else(|| std::str::from_utf8(place.of(batch)).unwrap_or_default())
    }

    /// The text that lies there, if it is not among the bytes of the batch.
    #[inline]
    fn side_at(&self, batch: &[u8], place: Span) -> Option<&str> {
        let from = (place.from as usize).checked_sub(batch.len())?;
        Some(self.side.get(from..place.to as usize - batch.len()).unwrap_or_default())
    }

    pub fn list(&self, places: Span) -> &[Span] {
        places.of(&self.lists)
    }

    fn put_value(&mut self, batch: &[u8], value: &Value<'_>) -> Packed {
        match value {
            Value::Text(text) => Packed::Text(self.put(batch, text)),
            Value::Bool(truth) => Packed::Bool(*truth),
            Value::List(list) => Packed::List(self.put_list(batch, list)),
        }
    }

    fn put_list(&mut self, batch: &[u8], list: &[Cow<'_, str>]) -> Span {
        let begin = self.begin_list();
        list.iter().for_each(|text| self.push_text(batch, text));
        self.end_list(begin)
    }

    /// Packs a draft whose hashes were taken; `mark` is from before its names were noted.
    pub fn pack(&mut self, batch: &[u8], draft: Draft<'_>, extent: Extent, hashes: Hashes, mark: Mark) -> Pack {
        draft.each_value(|name, value| {
            let packed = self.put_value(batch, value);
            self.values.push((name, packed));
        });
        for (name, value) in draft.rest() {
            let entry = (self.put(batch, name), self.put_value(batch, value));
            self.rest.push(entry);
        }
        draft.each_reference(|index, texts| {
            let begin = self.begin_list();
            texts.for_each(|text| self.push_text(batch, text));
            self.push_reference(u16::try_from(index).unwrap_or(u16::MAX), self.end_list(begin));
        });
        let head = (draft.kind, draft.deletion, draft.partial, draft.line);
        let found = Found { key: None, enabled: draft.is_enabled(), is_dated: draft.get(Canon::MODIFIED).is_some() };
        Pack { extras: draft.into_extras(), ..self.wrap(head, extent, hashes, found, mark) }
    }

    /// Makes a pack of all that was put in since.
    #[inline]
    pub fn wrap(
        &self,
        (kind, deletion, partial, line): (ObjectKind, Deletion, bool, u64),
        extent: Extent,
        hashes: Hashes,
        Found { key, enabled, is_dated }: Found,
        mark: Mark,
    ) -> Pack {
        Pack {
            kind,
            deletion,
            partial,
            line,
            extent,
            hashes,
            key,
            enabled,
            is_dated,
            values: Span::new(mark.values, self.values.len()),
            rest: Span::new(mark.rest, self.rest.len()),
            references: Span::new(mark.references, self.references.len()),
            slots: Span::new(mark.slots, self.slots.len()),
            extras: None,
            beside: None,
        }
    }

    /// `bytes` are those of the batch.
    pub fn unpack<'b>(&'b self, pack: &'b mut Pack, bytes: &'b [u8]) -> Unpacked<'b> {
        let (beside, extras) = (pack.beside.take(), pack.extras.take());
        let view = View { packs: self, bytes, pack };
        Unpacked { slots: pack.slots.of(&self.slots), beside, draft: Draft::of_pack(view, extras) }
    }
}

impl<'b> View<'b> {
    pub fn values(&self) -> &'b [(Canon, Packed)] {
        self.pack.values.of(&self.packs.values)
    }

    pub fn rest(&self) -> &'b [(Span, Packed)] {
        self.pack.rest.of(&self.packs.rest)
    }

    /// The index of each of the preset's references, and where its texts are.
    pub fn references(&self) -> impl Iterator<Item = (usize, Span)> + use<'b> {
        self.pack.references.of(&self.packs.references).iter().map(|(index, texts)| (usize::from(*index), *texts))
    }

    #[inline]
    pub fn find(&self, name: Canon) -> Option<Packed> {
        self.values().iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    #[inline]
    pub fn text(&self, place: Span) -> &'b str {
        self.packs.text_at(self.bytes, place)
    }

    pub fn texts(&self, places: Span) -> impl Iterator<Item = &'b str> + use<'b> {
        let view = *self;
        places.of(&self.packs.lists).iter().map(move |place| view.text(*place))
    }

    pub fn value(&self, packed: Packed) -> Value<'b> {
        match packed {
            Packed::Text(place) => Value::Text(Cow::Borrowed(self.text(place))),
            Packed::Bool(truth) => Value::Bool(truth),
            Packed::List(places) => Value::List(self.texts(places).map(Cow::Borrowed).collect()),
        }
    }
}
