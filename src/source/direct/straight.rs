//! Values that are asked nothing but to be the text of one attribute: they go where they belong as they are met.

use super::NotPlain;
use super::fill::{Filling, Form, OneText, Step};
use super::flat::{Flat, Lies, Value};
#[cfg(doc)]
use super::whole::Clear;
use crate::source::fields::may_be_prefixed;
use crate::source::memory::SAMPLES;
use crate::source::preset::{Canon, Condition, Preset, Slot};
use crate::source::value::is_bare;

/// What the values of a name are for, if that is all they are for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Straight {
    pub text: OneText,
    /// The object id may stand before it.
    is_upn: bool,
    /// Feeds an attribute: it is noted which names a record has.
    is_used: bool,
}

/// What remains to be known of a name for clean values of which nothing is asked but to be a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Swift {
    /// None if nobody asks for it.
    name: Option<Canon>,
    slot: Slot,
    /// It is still to be noted which records have it.
    to_note: bool,
    /// As [`OneText::seed`].
    seed: Option<u64>,
}

impl Straight {
    pub fn swift(&self, slot: Slot) -> Option<Swift> {
        let OneText { name, seed, is_kept, .. } = self.text;
        let is_asked = self.is_upn || self.text.form != Form::Plain || self.text.single.is_some();
        (!is_asked).then_some(Swift { name: is_kept.then_some(name), slot, to_note: self.is_used, seed })
    }
}

/// Finds such names; `places`: how many places of a record a name's values are in.
pub(super) fn names(preset: &Preset, steps: &[Step], places: impl Fn(Slot) -> usize) -> Vec<Option<Straight>> {
    let mut asked: Vec<Slot> = [&preset.partial.names, &preset.existence].into_iter().flatten().copied().collect();
    let mut ask = |condition: &Condition| condition.each_slot(&mut |slot| asked.push(slot));
    preset.drop_rows.iter().for_each(&mut ask);
    preset.kinds.iter().for_each(|(_, condition)| ask(condition));
    preset.account_enabled.iter().for_each(|(condition, _)| ask(condition));
    preset.deletion.iter().for_each(|(condition, _)| ask(condition));
    for reference in &preset.references {
        asked.extend(reference.from.iter().chain(reference.changes.iter().flatten()));
    }
    asked.extend(preset.rename.iter().map(|rename| rename.to));
    let mut names = vec![None; preset.names.len()];
    for step in steps {
        let Some(text) = step.text else { continue };
        let mut from = step.attribute.from.iter().filter(|slot| places(**slot) > 0);
        let (Some(slot), None) = (from.next(), from.next()) else { continue };
        let feeds = steps.iter().filter(|other| other.attribute.from.contains(slot)).count();
        let usage = preset.use_of(*slot);
        if places(*slot) == 1 && feeds == 1 && !usage.account && !asked.contains(slot) {
            let is_upn = text.name == Canon::USER_PRINCIPAL_NAME;
            let straight = Straight { text, is_upn, is_used: usage.used };
            names[slot.index()] = Some(straight);
        }
    }
    names
}

/// Whether a name that goes straight may have several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    Never,
    /// The first one counts, and what else could be taken is noted: that is for the general way.
    Doubtful,
    FirstCounts,
}

/// Where the values of a record go as it is cut.
pub(super) struct Values<'v, 'p> {
    pub flat: &'v mut Flat,
    pub into: &'v mut Filling<'p>,
    pub straight: &'v [Option<Straight>],
    pub repeats: Repeats,
    /// How often each name was noted, by [`Slot`], and those that are to be.
    pub noted: &'v [u8],
    pub to_note: &'v mut Vec<Slot>,
    pub preset: &'v Preset,
    /// The object id may stand before the user principal name.
    pub may_be_prefixed: bool,
}

impl Values<'_, '_> {
    /// Adds a text that lies in the record at `from`.
    #[inline]
    pub fn in_record(&mut self, slot: Slot, text: &str, from: usize) -> Result<(), NotPlain> {
        match &self.straight[slot.index()] {
            Some(way) if self.into.clear.is_clean() && is_bare(text) => {
                self.clean(way, slot, (text.as_bytes(), from), || Some(text))
            }
            Some(way) => self.straight(way, slot, text, Lies::InRecord(from)),
            None => {
                self.flat.push(slot, Flat::in_record(from, from + text.len()));
                Ok(())
            }
        }
    }

    /// Adds a text that does not lie in the record; `is_clean`: it is stored as it is, unless it is a GUID.
    pub fn own(&mut self, slot: Slot, text: &str, is_clean: bool) -> Result<(), NotPlain> {
        match &self.straight[slot.index()] {
            Some(way) => self.straight(way, slot, text, Lies::Nowhere { is_clean }),
            None => {
                let value = self.flat.own(text, is_clean);
                self.flat.push(slot, value);
                Ok(())
            }
        }
    }

    /// Says whether a value came before that counts.
    #[inline]
    fn is_over(&self, way: &Straight) -> Result<bool, NotPlain> {
        match self.repeats {
            Repeats::Never => Ok(false),
            Repeats::Doubtful if self.into.has(way.text.name) => Err(NotPlain),
            Repeats::Doubtful => Ok(false),
            Repeats::FirstCounts => Ok(self.into.has(way.text.name)),
        }
    }

    /// Notes that the name is there without a value.
    pub fn nothing(&mut self, slot: Slot) -> Result<(), NotPlain> {
        match &self.straight[slot.index()] {
            // which of these a record has is another question than which names it has
            Some(_) if self.preset.use_of(slot).vital => return Err(NotPlain),
            Some(way) => self.note(way.is_used, slot),
            None => self.flat.push(slot, Flat::nothing()),
        }
        Ok(())
    }

    /// Adds octets that are no text.
    pub fn octets(&mut self, slot: Slot, octets: &[u8]) -> Result<(), NotPlain> {
        if self.straight[slot.index()].is_some() {
            return Err(NotPlain);
        }
        let usage = self.preset.use_of(slot);
        self.flat.has_odd_octets |= usage.text && !usage.secret && !octets.is_empty();
        let value = self.flat.own_octets(octets);
        self.flat.push(slot, value);
        Ok(())
    }

    /// Adds the value of a column that no preset names.
    pub fn rest(&mut self, column: usize, value: Value) {
        self.flat.rest.push((column, value));
    }

    /// Adds a text that has no blank around it; see [`Filling::clean_text`] and [`Clear::is_clean`].
    #[inline]
    pub fn clean<'t>(
        &mut self,
        way: &Straight,
        slot: Slot,
        place: (&[u8], usize),
        text: impl Fn() -> Option<&'t str>,
    ) -> Result<(), NotPlain> {
        self.note(way.is_used, slot);
        if self.is_over(way)? {
            return Ok(());
        }
        self.may_be_prefixed |= way.is_upn && may_be_prefixed(text().ok_or(NotPlain)?);
        self.into.clean_text(&way.text, place, text)
    }

    /// Adds a text of a clean record that has no blank around it and is the only one of its name.
    #[inline]
    pub fn swiftly(&mut self, swift: &mut Swift, octets: &[u8], from: usize) {
        if swift.to_note {
            self.note(true, swift.slot);
            swift.to_note = usize::from(self.noted[swift.slot.index()]) < SAMPLES;
        }
        if let Some(name) = swift.name {
            self.into.clean_octets(name, swift.seed, octets, from);
        }
    }

    #[inline]
    fn note(&mut self, is_used: bool, slot: Slot) {
        if is_used && usize::from(self.noted[slot.index()]) < SAMPLES && !self.to_note.contains(&slot) {
            self.to_note.push(slot);
        }
    }

    #[inline]
    fn straight(&mut self, way: &Straight, slot: Slot, text: &str, lies: Lies) -> Result<(), NotPlain> {
        self.note(way.is_used, slot);
        if text.is_empty() || self.is_over(way)? {
            return Ok(());
        }
        self.may_be_prefixed |= way.is_upn && may_be_prefixed(text);
        self.into.text(&way.text, text, lies).map(drop)
    }
}
