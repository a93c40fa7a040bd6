//! Reads the attributes of one record by the tables of a preset (sources.md 10, 11).

use std::borrow::Cow;
use std::rc::Rc;

use super::draft::{Draft, Value};
use super::fields::Fields;
use super::map::{Manner, Remark};
use super::preset::{Attribute, Canon, FormatName, NameOrder, Slot};
use super::raw::RawValue;
use super::value::{Locale, Outcome, Reading, clean, cut_tombstone, is_spreadsheet_number, read};

/// Reads the attributes of one record.
pub(super) struct Reader<'a, 's, 'r> {
    pub fields: &'a Fields<'s, 'r>,
    pub draft: &'a mut Draft<'r>,
    pub locale: Locale,
    pub remarks: &'a mut Vec<Remark>,
}

/// A value that its rule cannot read.
struct Unreadable;

impl<'r> Reader<'_, '_, 'r> {
    pub fn attribute(&mut self, attribute: &Attribute) {
        if self.plain(attribute) {
            return;
        }
        let (value, doubtful) = if attribute.multi { self.list(attribute) } else { self.first(attribute) };
        let Some(value) = value else {
            if doubtful {
                let extras = self.draft.extras_mut();
                extras.unknown.extend(attribute.canon);
                extras.unknown_rest.extend(attribute.also.iter().cloned());
            } else if self.draft.partial && attribute.sources(self.draft.kind).iter().any(|slot| self.is_cleared(*slot))
            {
                self.draft.extras_mut().cleared.extend(attribute.canon);
            }
            return;
        };
        for other in &attribute.also {
            self.draft.push_rest(Cow::Owned(other.clone()), value.clone());
        }
        if let Some(canon) = attribute.canon {
            self.draft.set(canon, value);
        }
    }

    /// Reads what most attributes are, one text of which there is nothing to say; false if it is anything else, for the general
    /// way, which must find the same.
    fn plain(&mut self, attribute: &Attribute) -> bool {
        if attribute.multi || attribute.skip_first || attribute.reading != Reading::Text || !attribute.also.is_empty() {
            return false;
        }
        let raw = attribute.sources(self.draft.kind).iter().find_map(|slot| self.fields.attribute(*slot));
        let (Some(raw), Some(canon)) = (raw, attribute.canon) else { return false };
        let [RawValue::Text(text)] = &*raw.values else { return false };
        let mut controls = false;
        let text = cut_tombstone(clean(text, &mut controls));
        let is_float = attribute.digits && is_spreadsheet_number(&text);
        if controls || text.is_empty() || raw.incomplete.is_some() || is_float {
            return false;
        }
        self.draft.set(canon, Value::Text(text));
        true
    }

    /// Reads one value: the first there is; and whether something could not be read.
    fn first(&mut self, attribute: &Attribute) -> (Option<Value<'r>>, bool) {
        let (mut doubtful, mut is_lost) = (false, false);
        for slot in attribute.sources(self.draft.kind) {
            doubtful |= self.fields.is_unknown(*slot);
            is_lost |= self.fields.is_lost(*slot);
            let Some(raw) = self.fields.attribute(*slot) else { continue };
            if is_lost && self.fields.is_another(*slot) {
                break;
            }
            let mut readable = true;
            let mut skips = attribute.skip_first;
            for value in &raw.values {
                let value = match self.value(attribute, &raw.name, value) {
                    Ok(None) => continue,
                    Ok(Some(_)) if std::mem::take(&mut skips) => continue,
                    Ok(Some(value)) => value,
                    Err(Unreadable) => {
                        readable = false;
                        continue;
                    }
                };
                if let Some(line) = raw.incomplete {
                    self.remark_range(line, &raw.name);
                }
                if let (Value::Text(first), Some(canon)) = (&value, attribute.canon) {
                    self.note_choice(attribute, canon, first, &raw.values);
                }
                return (Some(value), true);
            }
            doubtful |= !readable;
            if !readable && !attribute.merge {
                break;
            }
        }
        (None, doubtful)
    }

    /// Notes what else could have been taken: a directory promises no order of its values (sources.md 11).
    fn note_choice(&mut self, attribute: &Attribute, canon: Canon, first: &str, values: &[RawValue<'_>]) {
        if values.len() < 2 || attribute.skip_first || self.fields.preset.format != FormatName::Ldif {
            return;
        }
        let mut texts = vec![first.to_owned()];
        for value in values {
            if let Outcome::Text(text) = read(value, &attribute.reading, self.locale, &mut false)
                && !texts.iter().any(|known| *known == text)
            {
                texts.push(text.into_owned());
            }
        }
        if texts.len() > 1 {
            self.draft.extras_mut().choices.push((canon, texts));
        }
    }

    /// Reads all values; and whether something could not be read.
    fn list(&mut self, attribute: &Attribute) -> (Option<Value<'r>>, bool) {
        let mut found: Vec<Cow<'r, str>> = Vec::new();
        let mut doubtful = false;
        let mut incomplete = false;
        for slot in attribute.sources(self.draft.kind) {
            doubtful |= self.fields.is_unknown(*slot);
            let Some(raw) = self.fields.attribute(*slot) else { continue };
            let before = found.len();
            let readable = self.values(attribute, &raw.name, &raw.values, &mut found);
            doubtful |= !readable;
            let some = found.len() > before;
            if let Some(line) = raw.incomplete.filter(|_| some) {
                incomplete = true;
                self.remark_range(line, &raw.name);
            }
            if (some || !readable) && !attribute.merge {
                break;
            }
        }
        if attribute.skip_first && !found.is_empty() {
            found.remove(0);
        }
        if found.is_empty() {
            return (None, doubtful);
        }
        if incomplete || doubtful {
            self.draft.extras_mut().incomplete.extend(attribute.canon);
        }
        (Some(Value::List(found)), doubtful)
    }

    /// Reads the values of one source name into `found`; false if one could not be read.
    fn values(
        &mut self,
        attribute: &Attribute,
        name: &Rc<str>,
        values: &'r [RawValue<'r>],
        found: &mut Vec<Cow<'r, str>>,
    ) -> bool {
        let mut readable = true;
        for value in values {
            match self.value(attribute, name, value) {
                Ok(None) => {}
                Ok(Some(Value::Text(text))) if !attribute.split.is_empty() => match text {
                    Cow::Borrowed(text) => found.extend(split(text, attribute).map(Cow::Borrowed)),
                    Cow::Owned(text) => found.extend(split(&text, attribute).map(|part| Cow::Owned(part.to_owned()))),
                },
                Ok(Some(Value::Text(text))) => found.push(text),
                Ok(Some(Value::Bool(truth))) => found.push(Cow::Borrowed(if truth { "True" } else { "False" })),
                Ok(Some(Value::List(list))) => found.extend(list),
                Err(Unreadable) => readable = false,
            }
        }
        readable
    }

    /// Reads one value; none where it is no value.
    fn value(
        &mut self,
        attribute: &Attribute,
        name: &Rc<str>,
        value: &'r RawValue<'r>,
    ) -> Result<Option<Value<'r>>, Unreadable> {
        let mut controls = false;
        let outcome = read(value, &attribute.reading, self.locale, &mut controls);
        if controls {
            self.remark("value.control_characters", name);
        }
        match outcome {
            Outcome::Text(text) if !(attribute.digits && is_spreadsheet_number(&text)) => Ok(Some(Value::Text(text))),
            Outcome::Bool(truth) => Ok(Some(Value::Bool(truth))),
            Outcome::Absent => Ok(None),
            Outcome::Text(_) | Outcome::Unreadable | Outcome::NotText => {
                self.remark("value.unreadable", name);
                Err(Unreadable)
            }
        }
    }

    fn remark(&mut self, code: &'static str, name: &Rc<str>) {
        self.remarks.push(Remark { line: self.draft.line, code, attribute: Some(name.to_string()), once: false });
    }

    fn remark_range(&mut self, line: u64, name: &Rc<str>) {
        let remark = Remark { line, code: "ldif.range_incomplete", attribute: Some(name.to_string()), once: false };
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// Null, or an empty array.
    fn is_cleared(&self, slot: Slot) -> bool {
        self.fields.is_in_record(slot) && self.fields.values(slot).iter().all(|value| *value == RawValue::Null)
    }

    pub fn derive(&mut self) {
        let derived = self.fields.preset.derived;
        if derived.mail_from_primary && self.draft.is_absent(Canon::MAIL) {
            let primary = match self.draft.get(Canon::PROXY_ADDRESSES) {
                Some(Value::List(list)) => {
                    list.iter().find_map(|entry| entry.strip_prefix("SMTP:")).map(|mail| mail.trim().to_owned())
                }
                _ => None,
            };
            match primary.filter(|mail| !mail.is_empty()) {
                Some(mail) => self.draft.set(Canon::MAIL, Value::Text(mail.into())),
                None if self.draft.extras().unknown.contains(&Canon::PROXY_ADDRESSES) => {
                    self.draft.extras_mut().unknown.push(Canon::MAIL)
                }
                None => {}
            }
        }
        let Some(order) = derived.display_name else { return };
        if self.draft.partial || !self.draft.is_absent(Canon::DISPLAY_NAME) {
            return;
        }
        if [Canon::GIVEN_NAME, Canon::SURNAME].iter().any(|name| self.draft.extras().unknown.contains(name)) {
            self.draft.extras_mut().unknown.push(Canon::DISPLAY_NAME);
            return;
        }
        let parts: Vec<&str> = in_order(order).into_iter().filter_map(|name| self.draft.text(name)).collect();
        if !parts.is_empty() {
            let name = parts.join(" ");
            self.draft.set(Canon::DISPLAY_NAME, Value::Text(name.into()));
        }
    }

    pub fn references(&mut self) {
        for (index, reference) in self.fields.preset.references.iter().enumerate() {
            let mut texts: Vec<Cow<'r, str>> = Vec::new();
            let mut doubtful = false;
            for slot in &reference.from {
                doubtful |= self.fields.is_unknown(*slot);
                let mut controls = false;
                let values = self.fields.values(*slot).iter().filter_map(RawValue::as_text);
                texts.extend(values.map(|text| clean(text, &mut controls)).filter(|text| !text.is_empty()));
                if let Some(raw) = self.fields.attribute(*slot)
                    && let Some(line) = raw.incomplete
                {
                    self.draft.extras_mut().incomplete.push(reference.canon);
                    self.remark_range(line, &raw.name);
                }
                if !texts.is_empty() {
                    break;
                }
            }
            if let Some([new, gone]) = reference.changes
                && self.draft.partial
            {
                let (new, gone) = (self.changed(new), self.changed(gone));
                if !new.is_empty() {
                    // they are to be added to the list, which is not said in full
                    texts.extend(new.into_iter().map(Cow::Owned));
                    self.draft.extras_mut().incomplete.push(reference.canon);
                }
                if !gone.is_empty() {
                    self.draft.extras_mut().removed.push((index, gone));
                }
            }
            if !reference.multi {
                texts.truncate(1);
            }
            if !texts.is_empty() {
                self.draft.push_reference(index, texts);
            } else if doubtful {
                self.draft.extras_mut().unknown.push(reference.canon);
            } else if self.draft.partial && reference.from.iter().any(|slot| self.is_cleared_below(*slot)) {
                self.draft.extras_mut().cleared.push(reference.canon);
            }
        }
    }

    fn changed(&self, slot: Slot) -> Vec<String> {
        let values = self.fields.values(slot).iter().filter_map(RawValue::as_text);
        values.map(|text| clean(text, &mut false).into_owned()).filter(|text| !text.is_empty()).collect()
    }

    /// As [`Self::is_cleared`], also where the whole object is null: `manager` for `manager.id`.
    fn is_cleared_below(&self, slot: Slot) -> bool {
        if self.is_cleared(slot) {
            return true;
        }
        let Some((owner, _)) = self.fields.preset.names.name(slot).split_once('.') else { return false };
        self.fields.record.attribute(owner).is_some_and(|raw| raw.values.iter().all(|value| *value == RawValue::Null))
    }

    /// Keeps what the preset has no name for, under the source's own (`rest: keep`).
    pub fn rest(&mut self, slots: &[Option<Slot>], unreadable: &[usize], manner: &Manner) {
        for (place, (raw, slot)) in self.fields.record.attributes.iter().zip(slots).enumerate() {
            let known = slot.is_some_and(|slot| {
                let usage = self.fields.preset.use_of(slot);
                usage.used || usage.ignored || usage.secret
            });
            if known || super::canonical::is_secret(&raw.name) || !manner.wants(&raw.name) {
                continue;
            }
            let name = || Cow::Borrowed(&*raw.name);
            if unreadable.contains(&place) {
                self.draft.extras_mut().unknown_rest.push(raw.name.to_string());
                continue;
            }
            let mut controls = false;
            let texts = raw.values.iter().filter_map(RawValue::as_text).map(|text| clean(text, &mut controls));
            let mut texts: Vec<Cow<'r, str>> = texts.filter(|text| !text.is_empty()).collect();
            let value = match texts.len() {
                0 => continue,
                1 => Value::Text(texts.remove(0)),
                _ => Value::List(texts),
            };
            self.draft.push_rest(name(), value);
        }
    }
}

/// The parts of a display name.
pub(super) fn in_order(order: NameOrder) -> [Canon; 2] {
    match order {
        NameOrder::GivenSurname => [Canon::GIVEN_NAME, Canon::SURNAME],
        NameOrder::SurnameGiven => [Canon::SURNAME, Canon::GIVEN_NAME],
    }
}

/// Cuts one cell into its values; with `split_before`, only where a known prefix follows.
pub(super) fn split<'t>(text: &'t str, attribute: &Attribute) -> impl Iterator<Item = &'t str> {
    let mut parts = Vec::new();
    let mut from = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| attribute.split.contains(c)) {
        let rest = text[at + c.len_utf8()..].trim_start();
        if attribute.split_before.is_empty() || attribute.split_before.iter().any(|prefix| rest.starts_with(prefix)) {
            parts.push(&text[from..at]);
            from = at + c.len_utf8();
        }
    }
    parts.push(&text[from..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty())
}
