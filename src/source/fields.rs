//! One raw record, its values found by the numbers of a preset.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use super::preset::{Asked, Attribute, Canon, Preset, Shown, Slot};
use super::raw::{RawAttribute, RawRecord, RawValue};
use super::value::{Locale, Outcome, read};

/// The values of one record by [`Slot`].
pub struct Fields<'s, 'r> {
    pub preset: &'s Preset,
    pub record: &'r RawRecord<'r>,
    scratch: &'s Scratch,
    file_name: &'s str,
    upn_prefix: OnceCell<Option<String>>,
}

/// Tables that are used again for each record.
#[derive(Debug, Default)]
pub struct Scratch {
    /// One more than the index of the attribute; 0: none.
    at: Vec<u32>,
    unknown: Vec<bool>,
    exists: Vec<bool>,
    /// Columns that the heading names (CSV).
    columns: Vec<bool>,
    /// Names that were lost since the last export, and where some were, all that it had.
    lost: Vec<Slot>,
    before: Vec<Slot>,
    /// Places of attributes without a slot whose cell was no value.
    pub unreadable: Vec<usize>,
    /// The slot of each attribute of the record, in its order.
    pub slots: Vec<Option<Slot>>,
    memo: Memo,
}

/// Slots of names that came before: decoders share one allocation between all records, in much the same order.
#[derive(Debug, Default)]
struct Memo {
    names: Vec<(Rc<str>, Option<Slot>)>,
    next: usize,
}

/// More names than this are looked up each time.
const MEMO: usize = 256;

impl Memo {
    fn find(&mut self, preset: &Preset, name: &Rc<str>) -> Option<Slot> {
        let (before, behind) = self.names.split_at(self.next.min(self.names.len()));
        let is_same = |(other, _): &(Rc<str>, Option<Slot>)| Rc::ptr_eq(other, name);
        let at =
            behind.iter().position(is_same).map(|at| before.len() + at).or_else(|| before.iter().position(is_same));
        if let Some(at) = at {
            self.next = at + 1;
            return self.names[at].1;
        }
        let slot = preset.names.find(name);
        if self.names.len() == MEMO {
            // a decoder that shares nothing
            self.names.clear();
        }
        self.names.push((Rc::clone(name), slot));
        self.next = self.names.len();
        slot
    }
}

impl Scratch {
    /// `columns`: the names of a CSV file's heading; `lost`: names that the file had last time and has not,
    /// of those of `before`.
    pub fn new(preset: &Preset, columns: &[impl AsRef<str>], lost: &[String], before: &[&str]) -> Self {
        let mut named = vec![false; preset.names.len()];
        for slot in columns.iter().filter_map(|name| preset.names.find(name.as_ref())) {
            named[slot.index()] = true;
        }
        let lost: Vec<Slot> = lost.iter().filter_map(|name| preset.names.find(name)).collect();
        let before = before.iter().filter(|_| !lost.is_empty()).filter_map(|name| preset.names.find(name)).collect();
        Self { columns: named, lost, before, ..Self::default() }
    }

    /// Finds the attributes of `record`; those of the same name but for case become one.
    pub fn index(&mut self, preset: &Preset, record: &mut RawRecord<'_>) {
        let count = preset.names.len();
        self.at.clear();
        self.at.resize(count, 0);
        self.unknown.clear();
        self.unknown.resize(count, false);
        self.exists.clear();
        self.exists.resize(count, false);
        for slot in &self.lost {
            self.unknown[slot.index()] = true;
        }
        self.slots.clear();
        self.unreadable.clear();
        let mut index = 0;
        while index < record.attributes.len() {
            let slot = self.memo.find(preset, &record.attributes[index].name);
            if let Some(slot) = slot {
                let first = self.at[slot.index()];
                if first != 0 {
                    let twin = record.attributes.remove(index);
                    join(&mut record.attributes[first as usize - 1], twin);
                    continue;
                }
                self.at[slot.index()] = u32::try_from(index + 1).unwrap_or(0);
            }
            self.slots.push(slot);
            index += 1;
        }
        for slot in &preset.existence {
            self.exists[slot.index()] = self.at[slot.index()] != 0
                || record.attributes.iter().any(|attribute| is_below(&attribute.name, preset.names.name(*slot)));
        }
    }

    /// Columns that the heading names, by [`Slot`].
    pub fn named(&self) -> &[bool] {
        &self.columns
    }

    pub fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    pub fn set_unknown(&mut self, slot: Slot) {
        self.unknown[slot.index()] = true;
    }
}

fn join<'a>(first: &mut RawAttribute<'a>, twin: RawAttribute<'a>) {
    first.values.extend(twin.values.into_vec());
    first.incomplete = first.incomplete.or(twin.incomplete);
}

/// Says whether `text` is a name below `name`: `@removed.reason` below `@removed`.
pub fn is_below(text: &str, name: &str) -> bool {
    let Some((head, tail)) = text.split_at_checked(name.len()) else { return false };
    head.eq_ignore_ascii_case(name) && tail.starts_with(['.', '['])
}

impl<'s, 'r> Fields<'s, 'r> {
    pub fn new(preset: &'s Preset, record: &'r RawRecord<'r>, scratch: &'s Scratch, file_name: &'s str) -> Self {
        Self { preset, record, scratch, file_name, upn_prefix: OnceCell::new() }
    }

    pub fn attribute(&self, slot: Slot) -> Option<&'r RawAttribute<'r>> {
        let at = *self.scratch.at.get(slot.index())?;
        self.record.attributes.get((at as usize).checked_sub(1)?)
    }

    pub fn values(&self, slot: Slot) -> &'r [RawValue<'r>] {
        self.attribute(slot).map_or(&[], |attribute| &attribute.values)
    }

    /// Says whether the record itself has the name.
    pub fn is_in_record(&self, slot: Slot) -> bool {
        self.attribute(slot).is_some()
    }

    /// Says whether the name was lost since the last export.
    pub fn is_lost(&self, slot: Slot) -> bool {
        self.scratch.lost.contains(&slot)
    }

    /// Says of a name that comes after one that was lost whether it was there beside that one, so that it does not take its place.
    pub fn is_another(&self, slot: Slot) -> bool {
        self.scratch.before.contains(&slot)
    }

    /// Says whether what was there is no value: a placeholder, a URL.
    pub fn is_unknown(&self, slot: Slot) -> bool {
        self.scratch.unknown.get(slot.index()).copied().unwrap_or(false)
    }

    /// Returns the user principal name without the object id in front of it, if it has that (sources.md 12.3).
    pub fn upn_prefix(&self) -> Option<&str> {
        self.upn_prefix.get_or_init(|| self.find_upn_prefix()).as_deref()
    }

    fn find_upn_prefix(&self) -> Option<String> {
        if !self.may_be_prefixed() {
            return None;
        }
        let upn = self.first_text(Canon::USER_PRINCIPAL_NAME)?;
        let id = self.first_text(Canon::OBJECT_ID)?;
        behind_object_id(&upn, &id).map(str::to_owned)
    }

    #[inline]
    fn may_be_prefixed(&self) -> bool {
        let Some(attribute) = self.fed(Canon::USER_PRINCIPAL_NAME) else { return false };
        self.values_of(attribute).filter_map(RawValue::as_text).any(may_be_prefixed)
    }

    /// What the preset reads a canonical name from.
    fn fed(&self, name: Canon) -> Option<&'s Attribute> {
        self.preset.attributes.iter().find(|attribute| attribute.canon == Some(name))
    }

    fn values_of(&self, attribute: &Attribute) -> impl Iterator<Item = &'r RawValue<'r>> {
        attribute.from.iter().flat_map(|slot| self.values(*slot))
    }

    fn first_text(&self, name: Canon) -> Option<Cow<'r, str>> {
        let attribute = self.fed(name)?;
        self.values_of(attribute)
            .map(|value| read(value, &attribute.reading, Locale::MonthDayYear, &mut false))
            .find_map(|outcome| if let Outcome::Text(text) = outcome { Some(text) } else { None })
    }
}

/// What of a user principal name stands behind the object id, if that stands before it without dashes (sources.md 12.3).
pub fn behind_object_id<'u>(upn: &'u str, id: &str) -> Option<&'u str> {
    let (head, tail) = upn.split_at_checked(32)?;
    if tail.is_empty() || !head.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let digits: String = id.chars().filter(|c| *c != '-').collect();
    head.eq_ignore_ascii_case(&digits).then_some(tail)
}

/// Says whether a user principal name begins with digits enough, whatever is cleaned away between them.
pub fn may_be_prefixed(text: &str) -> bool {
    // most begin with something else
    if text.len() <= 32 || text.bytes().take(8).any(|byte| byte.is_ascii_graphic() && !byte.is_ascii_hexdigit()) {
        return false;
    }
    let mut digits = text.chars().filter(|c| !c.is_control() && !c.is_whitespace()).take(32);
    digits.all(|c| c.is_ascii_hexdigit())
}

impl Asked for Fields<'_, '_> {
    fn values(&self, slot: Slot) -> impl Iterator<Item = Shown<'_>> {
        self.values(slot).iter().map(shown)
    }

    fn is_named(&self, slot: Slot) -> bool {
        self.attribute(slot).is_some() || self.scratch.columns.get(slot.index()).copied().unwrap_or(false)
    }

    fn exists(&self, slot: Slot) -> bool {
        self.is_named(slot) || self.scratch.exists.get(slot.index()).copied().unwrap_or(false)
    }

    fn file_name(&self) -> &str {
        self.file_name
    }

    fn is_upn_prefixed(&self) -> bool {
        self.upn_prefix().is_some()
    }
}

fn shown<'v>(value: &'v RawValue<'_>) -> Shown<'v> {
    match value {
        RawValue::Bytes(octets) => Shown::Octets(octets),
        RawValue::Text(_) | RawValue::Bool(_) | RawValue::Number(_) => Shown::Text(value.as_text().unwrap_or_default()),
        RawValue::Null | RawValue::Url(_) => Shown::Nothing,
    }
}

/// Says whether a value is more than blanks and null.
pub fn has_content(value: &RawValue<'_>) -> bool {
    shown(value).has_content()
}
