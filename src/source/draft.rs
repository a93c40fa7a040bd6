//! What a record says of its object, borrowed from the record as far as it can be.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::preset::{Canon, Preset};
use super::references::Resolved;
use super::report::Counts;
use super::seen::hash_of_value;
use super::twins::SINGLE;
use crate::model::{Deletion, ObjectKind, Origin, SourceAnchor, SourceObject, SourceValue};

/// A normalised value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'r> {
    Text(Cow<'r, str>),
    Bool(bool),
    /// Never empty.
    List(Vec<Cow<'r, str>>),
}

/// A source object before its anchor is chosen and its references are resolved.
#[derive(Debug, Clone)]
pub struct Draft<'r> {
    pub kind: ObjectKind,
    pub deletion: Deletion,
    /// By [`Canon`].
    values: Vec<Option<Value<'r>>>,
    pub rest: Vec<(Cow<'r, str>, Value<'r>)>,
    pub unknown: Vec<Canon>,
    /// Names that have no number.
    pub unknown_rest: Vec<Cow<'r, str>>,
    pub cleared: Vec<Canon>,
    pub incomplete: Vec<Canon>,
    /// Index of the preset's reference, and its texts.
    pub references: Vec<(usize, Vec<Cow<'r, str>>)>,
    /// The same, of those that are no more.
    pub removed: Vec<(usize, Vec<Cow<'r, str>>)>,
    pub rename_to: Option<String>,
    pub partial: bool,
    pub line: u64,
    hashes: Option<Hashes>,
}

/// What is hashed of a draft.
#[derive(Debug, Clone, Copy)]
struct Hashes {
    /// Of all that is handed over of it, the same in whatever order it came.
    print: u64,
    /// Of the values of [`SINGLE`], as far as they are handed over.
    singles: [Option<u64>; SINGLE.len()],
}

/// An object as it is handed over: nothing of it is copied until somebody wants it.
pub struct Handed<'r> {
    pub(super) preset: &'r Preset,
    pub(super) draft: Draft<'r>,
    pub(super) resolved: Resolved,
    pub(super) anchor: Canon,
    pub(super) file: &'r str,
}

impl fmt::Debug for Handed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handed").field("file", &self.file).field("draft", &self.draft).finish_non_exhaustive()
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

impl Value<'_> {
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bool(_) | Self::List(_) => None,
        }
    }

    fn into_owned(self) -> Value<'static> {
        match self {
            Self::Text(text) => Value::Text(owned(text)),
            Self::Bool(truth) => Value::Bool(truth),
            Self::List(list) => Value::List(list.into_iter().map(owned).collect()),
        }
    }

    fn into_value(self) -> SourceValue {
        match self {
            Self::Text(text) => SourceValue::Text(text.into_owned()),
            Self::Bool(truth) => SourceValue::Bool(truth),
            Self::List(list) => SourceValue::List(list.into_iter().map(Cow::into_owned).collect()),
        }
    }

    fn print(&self, seed: u64) -> u64 {
        match self {
            Self::Text(text) => xxh3_64_with_seed(text.as_bytes(), seed),
            Self::Bool(truth) => xxh3_64_with_seed(&[u8::from(*truth)], !seed),
            Self::List(list) => {
                list.iter().fold(!seed, |so_far, text| xxh3_64_with_seed(text.as_bytes(), so_far.rotate_left(1)))
            }
        }
    }
}

impl<'r> Draft<'r> {
    /// An object of a record at `line`; `names`: how many names its preset has.
    pub fn new(kind: ObjectKind, partial: bool, line: u64, names: usize) -> Self {
        Self {
            kind,
            deletion: Deletion::None,
            values: vec![None; names],
            rest: Vec::new(),
            unknown: Vec::new(),
            unknown_rest: Vec::new(),
            cleared: Vec::new(),
            incomplete: Vec::new(),
            references: Vec::new(),
            removed: Vec::new(),
            rename_to: None,
            partial,
            line,
            hashes: None,
        }
    }

    /// Gives each value to `each` and returns the rest, which borrows nothing any more.
    pub fn detach(self, mut each: impl FnMut(Canon, Value<'r>)) -> Draft<'static> {
        for (number, value) in (0..).zip(self.values) {
            if let Some(value) = value {
                each(Canon(number), value);
            }
        }
        let own = |list: Vec<(usize, Vec<Cow<'r, str>>)>| {
            list.into_iter().map(|(index, texts)| (index, texts.into_iter().map(owned).collect())).collect()
        };
        Draft {
            kind: self.kind,
            deletion: self.deletion,
            values: Vec::new(),
            rest: self.rest.into_iter().map(|(name, value)| (owned(name), value.into_owned())).collect(),
            unknown: self.unknown,
            unknown_rest: self.unknown_rest.into_iter().map(owned).collect(),
            cleared: self.cleared,
            incomplete: self.incomplete,
            references: own(self.references),
            removed: own(self.removed),
            rename_to: self.rename_to,
            partial: self.partial,
            line: self.line,
            hashes: self.hashes,
        }
    }

    /// Puts values in; `names`: how many names the preset has.
    pub fn attach(mut self, names: usize, values: impl Iterator<Item = (Canon, Value<'r>)>) -> Self {
        self.values.resize(names, None);
        values.for_each(|(name, value)| self.set(name, value));
        self
    }

    /// Takes the hashes now, in the thread that made the draft; `room` is to write in.
    pub fn take_hashes(&mut self, preset: &Preset, room: &mut String) {
        let singles = SINGLE.map(|name| {
            let value = self.text(name).filter(|_| preset.canonical(name).handed)?;
            Some(hash_of_value(name, value, room))
        });
        self.hashes = Some(Hashes { print: self.print(preset), singles });
    }

    fn print(&self, preset: &Preset) -> u64 {
        let mut sum = xxh3_64(&[self.kind as u8, self.deletion as u8]);
        let mut add = |print: u64| sum = sum.wrapping_add(print);
        for (value, name) in self.values.iter().zip(preset.canonicals()) {
            if let Some(value) = value
                && name.handed
            {
                add(value.print(name.seed));
            }
        }
        for (name, value) in &self.rest {
            add(value.print(xxh3_64(name.as_bytes()).rotate_left(7)));
        }
        for (turn, list) in [(11, &self.unknown), (13, &self.incomplete)] {
            for name in list.iter().map(|name| preset.canonical(*name)).filter(|name| name.handed) {
                add(name.seed.rotate_left(turn));
            }
        }
        for name in &self.unknown_rest {
            add(xxh3_64(name.as_bytes()).rotate_left(11));
        }
        sum
    }

    pub fn get(&self, name: Canon) -> Option<&Value<'r>> {
        self.values.get(name.index())?.as_ref()
    }

    pub fn text(&self, name: Canon) -> Option<&str> {
        self.get(name)?.as_text()
    }

    pub fn set(&mut self, name: Canon, value: Value<'r>) {
        if let Some(place) = self.values.get_mut(name.index()) {
            *place = Some(value);
        }
    }

    /// Says whether nothing is known to be said of the name.
    pub fn is_absent(&self, name: Canon) -> bool {
        self.get(name).is_none() && !self.unknown.contains(&name) && !self.cleared.contains(&name)
    }
}

impl<'r> Handed<'r> {
    pub fn kind(&self) -> ObjectKind {
        self.draft.kind
    }

    pub fn deletion(&self) -> Deletion {
        self.draft.deletion
    }

    pub fn line(&self) -> u64 {
        self.draft.line
    }

    pub fn anchor(&self) -> &str {
        self.draft.text(self.anchor).unwrap_or_default()
    }

    /// Names of `rest` whose value could not be read.
    pub(super) fn unread_rest(&self) -> Vec<String> {
        self.draft.unknown_rest.iter().map(|name| name.to_string()).collect()
    }

    /// Hashes of the values that only one object should have.
    pub(super) fn singles(&mut self) -> impl Iterator<Item = u64> + use<> {
        if self.draft.hashes.is_none() {
            self.draft.take_hashes(self.preset, &mut String::new());
        }
        self.draft.hashes.map(|hashes| hashes.singles).into_iter().flatten().flatten()
    }

    /// How the object counts.
    pub(super) fn tally(&self) -> Counts {
        let mut counts = Counts::default();
        match self.draft.kind {
            ObjectKind::User => {
                counts.users += 1;
                match self.draft.get(Canon::ACCOUNT_ENABLED) {
                    Some(Value::Bool(false)) => counts.disabled += 1,
                    Some(_) => {}
                    None => counts.enabled_unknown += 1,
                }
            }
            ObjectKind::Group => counts.groups += 1,
        }
        match self.draft.deletion {
            Deletion::None => {}
            Deletion::Soft => counts.soft_deleted += 1,
            Deletion::Hard => counts.hard_deleted += 1,
        }
        counts
    }

    /// A hash over all that is handed over, the same in whatever order it came; never 0.
    pub(super) fn print(&self) -> u64 {
        let mut sum = self.draft.hashes.map_or_else(|| self.draft.print(self.preset), |hashes| hashes.print);
        let mut add = |print: u64| sum = sum.wrapping_add(print);
        for (turn, list) in [(17, &self.resolved.unresolved), (19, &self.resolved.removed)] {
            for (name, texts) in list {
                let seed = xxh3_64(name.as_bytes()).rotate_left(turn);
                add(texts.iter().fold(seed, |so_far, text| xxh3_64_with_seed(text.as_bytes(), so_far)));
            }
        }
        for (name, value) in &self.resolved.found {
            let seed = xxh3_64(name.as_bytes());
            add(match value {
                SourceValue::Text(text) => xxh3_64_with_seed(text.as_bytes(), seed),
                SourceValue::List(list) => {
                    list.iter().fold(!seed, |so_far, text| xxh3_64_with_seed(text.as_bytes(), so_far))
                }
                SourceValue::Bool(_) | SourceValue::Integer(_) | SourceValue::Roles(_) => seed,
            });
        }
        sum.max(1)
    }

    /// Copies the object out of its record.
    pub fn into_object(self) -> SourceObject {
        let Self { preset, mut draft, resolved, anchor, file } = self;
        let anchor = SourceAnchor(draft.text(anchor).unwrap_or_default().to_owned());
        let mut attributes: BTreeMap<String, SourceValue> = std::mem::take(&mut draft.values)
            .into_iter()
            .zip(preset.canonicals())
            .filter_map(|(value, name)| Some((name.name.to_string(), value.filter(|_| name.handed)?.into_value())))
            .collect();
        attributes.extend(resolved.found.into_iter().map(|(name, value)| (name.to_string(), value)));
        let names = |list: Vec<Canon>| -> BTreeSet<String> {
            let names = list.into_iter().map(|name| preset.canonical(name)).filter(|name| name.handed);
            names.map(|name| name.name.to_string()).collect()
        };
        let mut unknown = names(draft.unknown);
        unknown.extend(draft.unknown_rest.into_iter().map(Cow::into_owned));
        SourceObject {
            kind: draft.kind,
            anchor,
            deletion: draft.deletion,
            attributes,
            rest: draft.rest.into_iter().map(|(name, value)| (name.into_owned(), value.into_value())).collect(),
            unknown,
            cleared: names(draft.cleared),
            incomplete: names(draft.incomplete),
            unresolved: resolved.unresolved.into_iter().map(|(name, texts)| (name.to_string(), texts)).collect(),
            removed: resolved.removed.into_iter().map(|(name, anchors)| (name.to_string(), anchors)).collect(),
            partial: draft.partial,
            origin: Origin { file: file.to_owned(), line: draft.line },
        }
    }
}
