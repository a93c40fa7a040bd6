//! What a record says of its object, borrowed from the record as far as it can be.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::extent::Extent;
use super::pack::{Pack, Packed, View};
use super::preset::{Canon, Preset};
use super::read::ObjectKey;
use super::references::Resolved;
use super::report::Counts;
use super::seen::hash_of_value;
use super::twins::SINGLE;
use crate::model::{Attributes, Deletion, ObjectKind, Origin, SourceAnchor, SourceObject, SourceValue};

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
    values: Values<'r>,
    extras: Option<Box<Extras>>,
    pub partial: bool,
    pub line: u64,
}

#[derive(Debug, Clone)]
enum Values<'r> {
    /// Apart, as most drafts are packed and go from hand to hand.
    Own(Box<Own<'r>>),
    Packed(View<'r>),
}

/// Values that were not packed.
#[derive(Debug, Clone)]
struct Own<'r> {
    /// By [`Canon`].
    values: Vec<Option<Value<'r>>>,
    rest: Vec<(Cow<'r, str>, Value<'r>)>,
    references: Vec<Referring<'r>>,
}

/// Index of the preset's reference, and its texts.
pub type Referring<'r> = (usize, Vec<Cow<'r, str>>);

/// What is hashed of a draft.
#[derive(Debug, Clone, Copy)]
pub struct Hashes {
    /// Of all that is handed over of it, the same in whatever order it came, if it was taken.
    pub print: Option<u64>,
    /// Of the values of [`SINGLE`], as far as they are handed over.
    pub singles: [Option<u64>; SINGLE.len()],
}

/// What few drafts have.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    pub unknown: Vec<Canon>,
    /// Names that have no number.
    pub unknown_rest: Vec<String>,
    pub cleared: Vec<Canon>,
    pub incomplete: Vec<Canon>,
    /// All values of a single attribute that has several.
    pub choices: Vec<(Canon, Vec<String>)>,
    /// Index of the preset's reference, and texts of those that are no more.
    pub removed: Vec<(usize, Vec<String>)>,
    pub rename_to: Option<String>,
}

static NO_EXTRAS: Extras = Extras {
    unknown: Vec::new(),
    unknown_rest: Vec::new(),
    cleared: Vec::new(),
    incomplete: Vec::new(),
    choices: Vec::new(),
    removed: Vec::new(),
    rename_to: None,
};

/// An object as it is handed over: nothing of it is copied until somebody wants it.
pub struct Handed<'r> {
    pub(super) preset: &'r Preset,
    pub(super) draft: Draft<'r>,
    /// If there are references.
    pub(super) resolved: Option<Box<Resolved>>,
    pub(super) anchor: Canon,
    pub(super) file: &'r Arc<str>,
}

impl fmt::Debug for Handed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handed").field("file", &self.file).field("draft", &self.draft).finish_non_exhaustive()
    }
}

/// The hash of an object is the sum of this and those of its values.
#[inline]
pub fn print_of_head(kind: ObjectKind, deletion: Deletion) -> u64 {
    xxh3_64(&[kind as u8, deletion as u8])
}

/// The hash of a text, of a name that `seed` stands for.
#[inline]
pub fn print_of_text(text: &[u8], seed: u64) -> u64 {
    let mut hasher = FoldHasher::with_seed(seed, SharedSeed::global_fixed());
    hasher.write(text);
    hasher.finish()
}

pub fn print_of_bool(truth: bool, seed: u64) -> u64 {
    xxh3_64_with_seed(&[u8::from(truth)], !seed)
}

pub fn print_of_list<'t>(texts: impl Iterator<Item = &'t [u8]>, seed: u64) -> u64 {
    texts.fold(!seed, |so_far, text| xxh3_64_with_seed(text, so_far.rotate_left(1)))
}

/// Stands for a name in [`Draft::rest`].
pub fn seed_of_rest(name: &str) -> u64 {
    xxh3_64(name.as_bytes()).rotate_left(7)
}

impl Value<'_> {
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bool(_) | Self::List(_) => None,
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
            Self::Text(text) => print_of_text(text.as_bytes(), seed),
            Self::Bool(truth) => print_of_bool(*truth, seed),
            Self::List(list) => print_of_list(list.iter().map(|text| text.as_bytes()), seed),
        }
    }
}

impl<'r> Draft<'r> {
    /// An object of a record at `line`; `names`: how many names its preset has.
    pub fn new(kind: ObjectKind, partial: bool, line: u64, names: usize) -> Self {
        let own = Own { values: vec![None; names], rest: Vec::new(), references: Vec::new() };
        Self { kind, deletion: Deletion::None, values: Values::Own(Box::new(own)), extras: None, partial, line }
    }

    /// What was packed, its values still there; see [`super::pack::Packs::unpack`].
    pub fn of_pack(view: View<'r>, extras: Option<Box<Extras>>) -> Self {
        let Pack { kind, deletion, partial, line, .. } = *view.pack;
        Self { kind, deletion, values: Values::Packed(view), extras, partial, line }
    }

    /// The key of the value under a name that may be the anchor, if it was found out.
    pub fn key(&self) -> Option<(Canon, ObjectKey)> {
        self.pack().and_then(|pack| pack.key)
    }

    /// How long the record is, if that was found out.
    pub fn extent(&self) -> Option<Extent> {
        self.pack().map(|pack| pack.extent)
    }

    fn pack(&self) -> Option<&Pack> {
        match &self.values {
            Values::Own(_) => None,
            Values::Packed(view) => Some(view.pack),
        }
    }

    /// What has no number, of an object that was not packed.
    pub fn rest(&self) -> &[(Cow<'r, str>, Value<'r>)] {
        match &self.values {
            Values::Own(own) => &own.rest,
            Values::Packed(_) => &[],
        }
    }

    pub fn push_rest(&mut self, name: Cow<'r, str>, value: Value<'r>) {
        if let Values::Own(own) = &mut self.values {
            own.rest.push((name, value));
        }
    }

    /// Gives the index of each of the preset's references, with its texts.
    pub fn each_reference(&self, mut each: impl FnMut(usize, &mut dyn Iterator<Item = &str>)) {
        match &self.values {
            Values::Own(own) => {
                own.references.iter().for_each(|(index, texts)| each(*index, &mut texts.iter().map(|text| &**text)));
            }
            Values::Packed(view) => view.references().for_each(|(index, texts)| each(index, &mut view.texts(texts))),
        }
    }

    pub fn push_reference(&mut self, index: usize, texts: Vec<Cow<'r, str>>) {
        if let Values::Own(own) = &mut self.values {
            own.references.push((index, texts));
        }
    }

    /// Says whether it may have a `modifiedDateTime`.
    pub fn may_be_dated(&self) -> bool {
        self.pack().is_none_or(|pack| pack.is_dated)
    }

    /// Returns what has no place among the values of a pack; none, as a rule.
    pub fn into_extras(self) -> Option<Box<Extras>> {
        self.extras
    }

    pub fn extras(&self) -> &Extras {
        self.extras.as_deref().unwrap_or(&NO_EXTRAS)
    }

    pub fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    /// Gives each value of its own.
    pub fn each_value(&self, mut each: impl FnMut(Canon, &Value<'r>)) {
        let Values::Own(own) = &self.values else { return };
        for (number, value) in (0..).zip(&own.values) {
            if let Some(value) = value {
                each(Canon(number), value);
            }
        }
    }

    /// Hashes what is to be hashed; `room` is to write in.
    pub fn hashes(&self, preset: &Preset, room: &mut String) -> Hashes {
        let singles = SINGLE.map(|name| {
            let value = self.text(name).filter(|_| preset.canonical(name).handed)?;
            Some(hash_of_value(name, value, room))
        });
        Hashes { print: Some(self.print(preset)), singles }
    }

    fn print(&self, preset: &Preset) -> u64 {
        let extras = self.extras();
        let mut sum = print_of_head(self.kind, self.deletion);
        let mut add = |print: u64| sum = sum.wrapping_add(print);
        let seed_of = |name: Canon| Some(preset.canonical(name)).filter(|name| name.handed).map(|name| name.seed);
        match &self.values {
            Values::Own(own) => {
                self.each_value(|name, value| seed_of(name).into_iter().for_each(|seed| add(value.print(seed))));
                own.rest.iter().for_each(|(name, value)| add(value.print(seed_of_rest(name))));
            }
            Values::Packed(view) => {
                let values = view.values().iter().filter_map(|(name, value)| Some((seed_of(*name)?, value)));
                let rest = view.rest().iter().map(|(name, value)| (seed_of_rest(view.text(*name)), value));
                values.chain(rest).for_each(|(seed, value)| add(view.value(*value).print(seed)));
            }
        }
        for (turn, list) in [(11, &extras.unknown), (13, &extras.incomplete)] {
            for name in list.iter().map(|name| preset.canonical(*name)).filter(|name| name.handed) {
                add(name.seed.rotate_left(turn));
            }
        }
        for name in &extras.unknown_rest {
            add(xxh3_64(name.as_bytes()).rotate_left(11));
        }
        sum
    }

    /// Returns the value of an object that was not packed.
    pub fn get(&self, name: Canon) -> Option<&Value<'r>> {
        match &self.values {
            Values::Own(own) => own.values.get(name.index())?.as_ref(),
            Values::Packed(_) => None,
        }
    }

    pub fn text(&self, name: Canon) -> Option<&str> {
        match &self.values {
            Values::Own(_) => self.get(name)?.as_text(),
            Values::Packed(view) => match view.find(name)? {
                Packed::Text(place) => Some(view.text(place)),
                Packed::Bool(_) | Packed::List(_) => None,
            },
        }
    }

    /// Says whether the account is enabled; unknown is none, and what is no truth value counts as enabled.
    pub fn is_enabled(&self) -> Option<bool> {
        match &self.values {
            Values::Own(_) => self.get(Canon::ACCOUNT_ENABLED).map(|value| *value != Value::Bool(false)),
            Values::Packed(view) => view.pack.enabled,
        }
    }

    pub fn set(&mut self, name: Canon, value: Value<'r>) {
        if let Values::Own(own) = &mut self.values
            && let Some(place) = own.values.get_mut(name.index())
        {
            *place = Some(value);
        }
    }

    /// Says whether nothing is known to be said of the name.
    pub fn is_absent(&self, name: Canon) -> bool {
        let extras = self.extras();
        self.get(name).is_none() && !extras.unknown.contains(&name) && !extras.cleared.contains(&name)
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
        self.draft.extras().unknown_rest.clone()
    }

    /// Gives the hashes of the values that only one object should have.
    pub(super) fn with_singles(&self, with: impl FnOnce(&[Option<u64>])) {
        match self.draft.pack() {
            Some(pack) => with(&pack.hashes.singles),
            None => with(&self.draft.hashes(self.preset, &mut String::new()).singles),
        }
    }

    /// How the object counts.
    pub(super) fn tally(&self) -> Counts {
        let mut counts = Counts::default();
        match self.draft.kind {
            ObjectKind::User => {
                counts.users += 1;
                match self.draft.is_enabled() {
                    Some(false) => counts.disabled += 1,
                    Some(true) => {}
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
        let taken = self.draft.pack().and_then(|pack| pack.hashes.print);
        let mut sum = taken.unwrap_or_else(|| self.draft.print(self.preset));
        let Some(resolved) = &self.resolved else { return sum.max(1) };
        let mut add = |print: u64| sum = sum.wrapping_add(print);
        for (turn, list) in [(17, &resolved.unresolved), (19, &resolved.removed)] {
            for (name, texts) in list {
                let seed = xxh3_64(name.as_bytes()).rotate_left(turn);
                add(texts.iter().fold(seed, |so_far, text| xxh3_64_with_seed(text.as_bytes(), so_far)));
            }
        }
        for (name, value) in &resolved.found {
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
        let Self { preset, draft, resolved, anchor, file } = self;
        let anchor = SourceAnchor(draft.text(anchor).unwrap_or_default().to_owned());
        let mut attributes = Attributes::new();
        let mut put = |name: Canon, value: Value<'r>| {
            let name = preset.canonical(name);
            if name.handed {
                attributes.insert(Arc::clone(&name.name), value.into_value());
            }
        };
        let mut rest = Vec::new();
        match draft.values {
            Values::Own(own) => {
                rest = own.rest;
                let values = (0..).zip(own.values).filter_map(|(number, value)| Some((Canon(number), value?)));
                values.for_each(|(name, value)| put(name, value));
            }
            Values::Packed(view) => {
                view.values().iter().for_each(|(name, value)| put(*name, view.value(*value)));
                rest.extend(view.rest().iter().map(|(name, value)| (view.text(*name).into(), view.value(*value))));
            }
        }
        let resolved = resolved.map(|resolved| *resolved).unwrap_or_default();
        attributes.extend(resolved.found);
        let names = |list: Vec<Canon>| -> BTreeSet<String> {
            let names = list.into_iter().map(|name| preset.canonical(name)).filter(|name| name.handed);
            names.map(|name| name.name.to_string()).collect()
        };
        let Extras { unknown, unknown_rest, cleared, incomplete, choices, .. } =
            draft.extras.map(|extras| *extras).unwrap_or_default();
        let mut unknown = names(unknown);
        unknown.extend(unknown_rest);
        SourceObject {
            kind: draft.kind,
            anchor,
            deletion: draft.deletion,
            attributes,
            rest: rest.into_iter().map(|(name, value)| (Arc::from(name), value.into_value())).collect(),
            unknown,
            cleared: names(cleared),
            incomplete: names(incomplete),
            choices: choices
                .into_iter()
                .map(|(name, texts)| (preset.canonical(name), texts))
                .filter(|(name, _)| name.handed)
                .map(|(name, texts)| (name.name.to_string(), texts))
                .collect(),
            unresolved: resolved.unresolved.into_iter().map(|(name, texts)| (name.to_string(), texts)).collect(),
            removed: resolved.removed.into_iter().map(|(name, anchors)| (name.to_string(), anchors)).collect(),
            partial: draft.partial,
            origin: Origin { file: Arc::clone(file), line: draft.line },
        }
    }
}
