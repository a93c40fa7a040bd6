//! The values of a plain record, put among those of its batch.

use std::borrow::Cow;

use uuid::Uuid;

use super::NotPlain;
use super::flat::{Lies, Plain, Value};
use super::whole::Clear;
use crate::model::{ObjectKey, ObjectKind};
use crate::source::attributes::{in_order, split};
use crate::source::draft;
#[cfg(doc)]
use crate::source::draft::Hashes;
use crate::source::fields::behind_object_id;
use crate::source::map::Manner;
use crate::source::pack::{Mark, Packed, Packs, Span};
use crate::source::preset::{Attribute, Canon, FormatName, Preset, Shown, Slot};
use crate::source::raw::RawValue;
use crate::source::seen::{hash_of_text, hash_of_value, hash_under};
use crate::source::twins::SINGLE;
use crate::source::value::{
    Locale, Outcome, Reading, clean, cut_tombstone, guid_of_octets, guid_of_text, is_clean, is_lower_guid, is_sid,
    is_spreadsheet_number, read, swift_time, time_of,
};

/// Where the texts of a batch go to.
pub(super) struct Filling<'p> {
    pub packs: &'p mut Packs,
    pub batch: &'p str,
    /// Where the record begins in the batch.
    pub at: usize,
    /// What the record is free of.
    pub clear: Clear,
    pub mark: Mark,
    /// A bit for each of the first names that the record gave a value of.
    pub given: u64,
    /// As [`Hashes::singles`].
    pub singles: [Option<u64>; SINGLE.len()],
    /// [`Hashes::print`] is wanted, of which this is what there is so far.
    pub takes_print: bool,
    pub print: u64,
    /// Where the last value lies that only one object should have, and its hash.
    pub last_single: Option<(Span, u64)>,
    /// To write in.
    pub room: &'p mut String,
}

/// An attribute of the preset, and what is to be known of it.
pub(super) struct Step {
    pub attribute: Attribute,
    /// If it is one text, which is cleaned and no more.
    pub text: Option<OneText>,
    /// If it is one GUID in octets.
    guid: Option<OneText>,
    /// Nothing comes of a value that is the only one and of which nothing is to be told.
    is_idle: bool,
}

/// What is to be known of an attribute that is one text.
#[derive(Debug, Clone, Copy)]
pub struct OneText {
    pub name: Canon,
    /// Stands for the name in the print, if that is taken and the value is handed over.
    pub seed: Option<u64>,
    /// Its place in [`SINGLE`], if the value is handed over.
    pub single: Option<usize>,
    digits: bool,
    pub form: Form,
    /// Somebody asks for it; see [`Preset::asks_for`].
    pub is_kept: bool,
}

/// What one text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Plain,
    Guid,
    /// A time; in the order of the locale, if that may decide.
    Time(Option<Locale>),
}

impl Form {
    /// Of those that are read by themselves.
    fn of(reading: &Reading, locale: Locale) -> Option<Self> {
        match reading {
            Reading::Text => Some(Self::Plain),
            Reading::GuidText => Some(Self::Guid),
            Reading::GeneralizedTime | Reading::DateTime => Some(Self::Time(None)),
            Reading::UsDateTime => Some(Self::Time(Some(locale))),
            Reading::Bool | Reading::AdGuid | Reading::Sid | Reading::Date(_) => None,
        }
    }
}

impl OneText {
    fn new(name: Canon, preset: &Preset, takes_print: bool) -> Self {
        let canonical = preset.canonical(name);
        let single = SINGLE.iter().position(|single| *single == name).filter(|_| canonical.handed);
        let seed = (takes_print && canonical.handed).then_some(canonical.seed);
        Self { name, seed, single, digits: false, form: Form::Plain, is_kept: true }
    }
}

impl Step {
    /// `anchor`: as in [`Preset::asks_for`].
    pub fn new(
        attribute: &Attribute,
        preset: &Preset,
        anchor: Option<&str>,
        takes_print: bool,
        locale: Locale,
    ) -> Self {
        let is_one = !attribute.multi && !attribute.skip_first && attribute.also.is_empty();
        let form = Form::of(&attribute.reading, locale).filter(|_| is_one);
        let is_kept = !attribute.also.is_empty() || attribute.canon.is_none_or(|name| preset.asks_for(name, anchor));
        let digits = attribute.digits;
        let one = |name, form| OneText { digits, form, is_kept, ..OneText::new(name, preset, takes_print) };
        let text = attribute.canon.zip(form).map(|(name, form)| one(name, form));
        let is_guid = is_one && attribute.reading == Reading::AdGuid;
        let guid = attribute.canon.filter(|_| is_guid).map(|name| one(name, Form::Guid));
        let skips_one = attribute.multi && attribute.skip_first && attribute.split.is_empty();
        let is_idle = match attribute.reading {
            Reading::Text => !is_kept || skips_one,
            Reading::Sid => !is_kept,
            _ => false,
        };
        Self { attribute: attribute.clone(), text, guid, is_idle }
    }
}

impl Filling<'_> {
    /// As `Reader::attribute`, where nothing is doubtful.
    pub fn step(
        &mut self,
        step: &Step,
        kind: ObjectKind,
        plain: &Plain<'_>,
        manner: &Manner,
        preset: &Preset,
    ) -> Result<(), NotPlain> {
        let attribute = &step.attribute;
        let sources = attribute.sources(kind);
        let Some(value) = plain.first_of(sources) else { return Ok(()) };
        if step.is_idle && sources.len() == 1 && self.tells_nothing(&attribute.reading, plain, value) {
            return Ok(());
        }
        if let (Some(one), Some((text, lies))) = (&step.text, plain.only_text(value))
            && self.text(one, text, lies)?
        {
            return Ok(());
        }
        if let (Some(one), Some(guid)) = (&step.guid, plain.only_octets(value).and_then(guid_of_octets)) {
            self.put_text(one, guid.encode_lower(&mut Uuid::encode_buffer()));
            return Ok(());
        }
        let may_be_others = !attribute.multi && preset.format == FormatName::Ldif;
        if may_be_others && sources.iter().any(|slot| plain.values(*slot).nth(1).is_some()) {
            // What else could be taken is noted.
            return Err(NotPlain);
        }
        let value = match attribute.multi {
            true => self.list(attribute, sources, plain, manner)?,
            false => self.first(attribute, sources, plain, manner)?,
        };
        let Some(value) = value else { return Ok(()) };
        for other in &attribute.also {
            self.push_rest(other, value);
        }
        attribute.canon.into_iter().for_each(|canon| self.push(canon, value, preset));
        Ok(())
    }

    /// Says of a value whether it is the only one of its name and nothing is to be told of it, whatever it is for.
    fn tells_nothing(&self, reading: &Reading, plain: &Plain<'_>, value: &Value) -> bool {
        match (reading, plain.only_text(value)) {
            (Reading::Sid, _) => plain.only_octets(value).is_some_and(is_sid),
            (_, Some((_, Lies::InRecord(_)))) => self.clear.is_free,
            (_, Some((_, Lies::Nowhere { is_clean }))) => is_clean,
            (_, None) => false,
        }
    }

    /// Adds a text as it is stored; false if nothing is left of it.
    #[inline]
    pub fn text(&mut self, one: &OneText, text: &str, lies: Lies) -> Result<bool, NotPlain> {
        let is_kept = || match one.form {
            Form::Plain => is_clean(text, self.clear.is_settled),
            Form::Guid => is_lower_guid(text),
            Form::Time(_) => false,
        };
        match lies {
            Lies::InRecord(from) if self.clear.is_free && is_kept() => {
                let from = self.at + from;
                if !self.passes_over(one) {
                    self.push_text(one, Span::new(from, from + text.len()), text);
                }
                Ok(true)
            }
            Lies::Nowhere { is_clean: true } if one.form == Form::Plain => {
                self.put_text(one, text);
                Ok(true)
            }
            Lies::InRecord(_) | Lies::Nowhere { .. } => self.read(one, text),
        }
    }

    /// Adds a text of a clean record that has no blank around it; `text` looks at `octets`, which begin there in the record.
    #[inline]
    pub fn clean_text<'t>(
        &mut self,
        one: &OneText,
        (octets, from): (&[u8], usize),
        text: impl Fn() -> Option<&'t str>,
    ) -> Result<(), NotPlain> {
        if one.form != Form::Plain {
            return self.text(one, text().ok_or(NotPlain)?, Lies::InRecord(from)).map(drop);
        }
        if self.passes_over(one) {
            return Ok(());
        }
        self.clean_octets(one.name, one.seed, octets, from);
        if let Some(at) = one.single {
            let from = self.at + from;
            self.note_single(at, one.name, Span::new(from, from + octets.len()), text().ok_or(NotPlain)?);
        }
        Ok(())
    }

    /// Adds a text that lies in the record as it is stored; `seed`: see [`OneText::seed`].
    #[inline]
    pub fn clean_octets(&mut self, name: Canon, seed: Option<u64>, octets: &[u8], from: usize) {
        let from = self.at + from;
        self.push_value(name, Packed::Text(Span::new(from, from + octets.len())));
        if let Some(seed) = seed {
            self.add(draft::print_of_text(octets, seed));
        }
    }

    /// Adds what is read of a text that is not stored as it is; false if that is nothing.
    fn read(&mut self, one: &OneText, text: &str) -> Result<bool, NotPlain> {
        if let Form::Time(local) = one.form
            && let Some(time) = swift_time(text, local)
        {
            self.put_text(one, time.as_str());
            return Ok(true);
        }
        let mut controls = false;
        let text = clean(text, &mut controls);
        let read = match one.form {
            _ if text.is_empty() => Outcome::Absent,
            Form::Plain => Outcome::Text(cut_tombstone(text)),
            Form::Guid => {
                guid_of_text(&text).map_or(Outcome::Unreadable, |guid| Outcome::Text(guid.into_owned().into()))
            }
            Form::Time(local) => time_of(&text, local),
        };
        match read {
            _ if controls => Err(NotPlain),
            Outcome::Text(text) if one.digits && is_spreadsheet_number(&text) => Err(NotPlain),
            Outcome::Text(text) if !text.is_empty() => {
                self.put_text(one, &text);
                Ok(true)
            }
            Outcome::Text(_) | Outcome::Absent => Ok(false),
            Outcome::Unreadable | Outcome::NotText | Outcome::Bool(_) => Err(NotPlain),
        }
    }

    /// Says whether nobody asks for a value, and that there is one is noted.
    #[inline]
    fn passes_over(&mut self, one: &OneText) -> bool {
        let bit = bit_of(one.name);
        self.given |= bit;
        !one.is_kept && bit != 0
    }

    #[inline]
    fn put_text(&mut self, one: &OneText, text: &str) {
        if !self.passes_over(one) {
            let place = self.packs.put(self.batch.as_bytes(), text);
            self.push_text(one, place, text);
        }
    }

    /// Adds a text that lies at `place`, and its hashes as [`draft::Draft::hashes`] takes them.
    #[inline]
    fn push_text(&mut self, one: &OneText, place: Span, text: &str) {
        self.push_value(one.name, Packed::Text(place));
        if let Some(seed) = one.seed {
            self.add(draft::print_of_text(text.as_bytes(), seed));
        }
        if let Some(at) = one.single {
            self.note_single(at, one.name, place, text);
        }
    }

    /// Notes the hash of a value that only one object should have; `at`: the place of its name in [`SINGLE`].
    fn note_single(&mut self, at: usize, name: Canon, place: Span, text: &str) {
        let hash = match self.last_single {
            // as a rule the address is the user principal name
            Some((last, hash)) if self.packs.bytes_at(self.batch.as_bytes(), last) == text.as_bytes() => hash,
            Some(_) | None => hash_of_text(text, self.room),
        };
        self.last_single = Some((place, hash));
        self.singles[at] = Some(hash_under(name, hash));
    }

    pub fn push(&mut self, name: Canon, value: Packed, preset: &Preset) {
        self.push_value(name, value);
        let canonical = preset.canonical(name);
        if canonical.handed {
            self.add_value(value, || canonical.seed);
            if let Some(at) = SINGLE.iter().position(|single| *single == name)
                && let Packed::Text(place) = value
            {
                let text = self.packs.text_at(self.batch.as_bytes(), place);
                self.singles[at] = Some(hash_of_value(name, text, self.room));
            }
        }
    }

    fn push_rest(&mut self, name: &str, value: Packed) {
        let place = self.packs.put(self.batch.as_bytes(), name);
        self.packs.push_rest(place, value);
        self.add_value(value, || draft::seed_of_rest(name));
    }

    #[inline]
    pub fn add(&mut self, print: u64) {
        self.print = self.print.wrapping_add(print);
    }

    fn add_value(&mut self, value: Packed, seed: impl FnOnce() -> u64) {
        if self.takes_print {
            self.add(self.print_of(value, seed()));
        }
    }

    fn first(
        &mut self,
        attribute: &Attribute,
        sources: &[Slot],
        plain: &Plain<'_>,
        manner: &Manner,
    ) -> Result<Option<Packed>, NotPlain> {
        for slot in sources {
            let mut skips = attribute.skip_first;
            for value in plain.values(*slot) {
                let value = self.value(attribute, &raw(value), manner)?;
                if value.is_some() && !std::mem::take(&mut skips) {
                    return Ok(value);
                }
            }
        }
        Ok(None)
    }

    fn list(
        &mut self,
        attribute: &Attribute,
        sources: &[Slot],
        plain: &Plain<'_>,
        manner: &Manner,
    ) -> Result<Option<Packed>, NotPlain> {
        let begin = self.packs.begin_list();
        let mut skips = attribute.skip_first;
        let mut any = false;
        for slot in sources {
            let mut some = false;
            for value in plain.values(*slot) {
                let mut push = |packs: &mut Packs, text: &str| {
                    some = true;
                    if !std::mem::take(&mut skips) {
                        any = true;
                        packs.push_text(self.batch.as_bytes(), text);
                    }
                };
                match read_plain(attribute, &raw(value), manner)? {
                    None => {}
                    Some(Outcome::Text(text)) if !attribute.split.is_empty() => {
                        split(&text, attribute).for_each(|part| push(self.packs, part));
                    }
                    Some(Outcome::Text(text)) => push(self.packs, &text),
                    // a list of truth values is nothing that a preset has
                    Some(_) => return Err(NotPlain),
                }
            }
            if some && !attribute.merge {
                break;
            }
        }
        Ok(any.then(|| Packed::List(self.packs.end_list(begin))))
    }

    fn value(
        &mut self,
        attribute: &Attribute,
        value: &RawValue<'_>,
        manner: &Manner,
    ) -> Result<Option<Packed>, NotPlain> {
        Ok(match read_plain(attribute, value, manner)? {
            Some(Outcome::Text(text)) => Some(Packed::Text(self.packs.put(self.batch.as_bytes(), &text))),
            Some(Outcome::Bool(truth)) => Some(Packed::Bool(truth)),
            Some(Outcome::Absent | Outcome::Unreadable | Outcome::NotText) | None => None,
        })
    }

    /// Says whether the record gave a value of this name.
    #[inline]
    pub fn has(&self, name: Canon) -> bool {
        match bit_of(name) {
            0 => self.find(name).is_some(),
            bit => self.given & bit != 0,
        }
    }

    #[inline]
    fn push_value(&mut self, name: Canon, value: Packed) {
        self.given |= bit_of(name);
        self.packs.push_value(name, value);
    }

    fn find(&self, name: Canon) -> Option<Packed> {
        self.packs.values_since(self.mark).iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    /// The text that the record gave under this name.
    pub fn text_under(&self, name: Canon) -> Option<&str> {
        self.find(name).and_then(|value| self.text_of(value))
    }

    /// The number of the object whose anchor the record gave under this name.
    pub fn key_under(&self, name: Canon, kind: ObjectKind) -> Option<ObjectKey> {
        let value = self.find(name)?;
        let plain = match value {
            Packed::Text(place) => ObjectKey::of_plain(kind, self.packs.bytes_at(self.batch.as_bytes(), place)),
            Packed::Bool(_) | Packed::List(_) => None,
        };
        plain.or_else(|| Some(ObjectKey::of(kind, self.text_of(value)?)))
    }

    fn text_of(&self, value: Packed) -> Option<&str> {
        match value {
            Packed::Text(place) => match self.batch.get(place.from as usize..place.to as usize) {
                Some(text) => Some(text),
                None => Some(self.packs.text_at(self.batch.as_bytes(), place)),
            },
            Packed::Bool(_) | Packed::List(_) => None,
        }
    }

    /// As `Fields::upn_prefix`, of a record of which both names went straight: what stands behind the object id.
    pub fn behind_object_id(&self) -> Result<Option<Span>, NotPlain> {
        let id = self.text_under(Canon::OBJECT_ID).ok_or(NotPlain)?;
        let Some(Packed::Text(Span { from, to })) = self.find(Canon::USER_PRINCIPAL_NAME) else { return Err(NotPlain) };
        let upn = self.text_under(Canon::USER_PRINCIPAL_NAME).unwrap_or_default();
        let from_of = |tail: &str| from + u32::try_from(upn.len() - tail.len()).unwrap_or(0);
        Ok(behind_object_id(upn, id).map(|tail| Span { from: from_of(tail), to }))
    }

    /// As `Reader::derive`.
    pub fn derive(&mut self, preset: &Preset) -> Result<(), NotPlain> {
        let derived = preset.derived;
        if derived.mail_from_primary && !self.has(Canon::MAIL) && self.has(Canon::PROXY_ADDRESSES) {
            return Err(NotPlain);
        }
        let Some(order) = derived.display_name.filter(|_| !self.has(Canon::DISPLAY_NAME)) else {
            return Ok(());
        };
        let parts = in_order(order).map(|name| self.text_under(name));
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        if !parts.is_empty() {
            let name = parts.join(" ");
            let place = self.packs.put(self.batch.as_bytes(), &name);
            self.push_text(&OneText::new(Canon::DISPLAY_NAME, preset, self.takes_print), place, &name);
        }
        Ok(())
    }

    /// As `Reader::references`.
    pub fn references(&mut self, preset: &Preset, plain: &Plain<'_>) {
        for (index, reference) in (0..).zip(&preset.references) {
            let begin = self.packs.begin_list();
            let mut any = false;
            for slot in &reference.from {
                for text in plain.texts(*slot) {
                    let text = clean(text, &mut false);
                    if !text.is_empty() && (reference.multi || !any) {
                        any = true;
                        self.packs.push_text(self.batch.as_bytes(), &text);
                    }
                }
                if any {
                    break;
                }
            }
            if any {
                self.packs.push_reference(index, self.packs.end_list(begin));
            }
        }
    }

    /// As `Reader::rest`.
    pub fn rest(&mut self, name: &str, value: Shown<'_>) {
        let Shown::Text(text) = value else { return };
        let text = clean(text, &mut false);
        if !text.is_empty() {
            let place = self.packs.put(self.batch.as_bytes(), &text);
            self.push_rest(name, Packed::Text(place));
        }
    }

    fn print_of(&self, value: Packed, seed: u64) -> u64 {
        match value {
            Packed::Text(place) => draft::print_of_text(self.packs.bytes_at(self.batch.as_bytes(), place), seed),
            Packed::Bool(truth) => draft::print_of_bool(truth, seed),
            Packed::List(places) => {
                let texts =
                    self.packs.list(places).iter().map(|place| self.packs.bytes_at(self.batch.as_bytes(), *place));
                draft::print_of_list(texts, seed)
            }
        }
    }
}

/// None for names that have high numbers: few.
#[inline]
fn bit_of(name: Canon) -> u64 {
    1_u64.checked_shl(u32::from(name.0)).unwrap_or(0)
}

/// Reads a value of which there is nothing to say; none where it is no value.
fn read_plain<'v>(
    attribute: &Attribute,
    value: &'v RawValue<'_>,
    manner: &Manner,
) -> Result<Option<Outcome<'v>>, NotPlain> {
    let mut controls = false;
    let outcome = read(value, &attribute.reading, manner.locale, &mut controls);
    match outcome {
        _ if controls => Err(NotPlain),
        Outcome::Text(text) if attribute.digits && is_spreadsheet_number(&text) => Err(NotPlain),
        Outcome::Text(_) | Outcome::Bool(_) => Ok(Some(outcome)),
        Outcome::Absent => Ok(None),
        Outcome::Unreadable | Outcome::NotText => Err(NotPlain),
    }
}

fn raw(shown: Shown<'_>) -> RawValue<'_> {
    match shown {
        Shown::Text(text) => RawValue::Text(Cow::Borrowed(text)),
        Shown::Octets(octets) => RawValue::Bytes(Cow::Borrowed(octets)),
        Shown::Nothing => RawValue::Null,
    }
}
