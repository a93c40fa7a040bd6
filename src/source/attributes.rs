//! Reads the attributes of one record by the tables of a preset (sources.md 10, 11).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::fields::Fields;
use super::map::{Draft, Remark};
use super::preset::{Attribute, NameOrder, Slot};
use super::raw::RawValue;
use super::value::{Locale, Outcome, clean, is_spreadsheet_number, read};
use crate::model::SourceValue;

/// Reads the attributes of one record.
pub(super) struct Reader<'a, 'f> {
    pub fields: &'a Fields<'f>,
    pub draft: &'a mut Draft,
    pub locale: Locale,
    pub remarks: &'a mut Vec<Remark>,
}

impl Reader<'_, '_> {
    pub fn attribute(&mut self, attribute: &Attribute) {
        let mut found: Vec<SourceValue> = Vec::new();
        let mut doubtful = false;
        let mut incomplete = false;
        for slot in &attribute.from {
            let before = found.len();
            let readable = self.values(attribute, *slot, &mut found);
            doubtful |= !readable || self.fields.is_unknown(*slot);
            let some = found.len() > before;
            if let Some(raw) = self.fields.attribute(*slot).filter(|_| some)
                && let Some(line) = raw.incomplete
            {
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
        let some_lost = doubtful && !found.is_empty() && attribute.multi;
        let value = if attribute.multi { list(found) } else { found.into_iter().next() };
        let Some(value) = value else {
            if doubtful {
                self.draft.unknown.insert(Arc::clone(&attribute.name));
            } else if self.draft.partial && attribute.from.iter().any(|slot| self.is_cleared(*slot)) {
                self.draft.cleared.insert(Arc::clone(&attribute.name));
            }
            return;
        };
        if (incomplete || some_lost) && attribute.multi {
            self.draft.incomplete.insert(Arc::clone(&attribute.name));
        }
        for other in &attribute.also {
            self.draft.rest.insert(other.clone(), value.clone());
        }
        if !attribute.name.is_empty() {
            self.draft.attributes.insert(Arc::clone(&attribute.name), value);
        }
    }

    /// Reads the values of one source name into `found`; false if one could not be read.
    fn values(&mut self, attribute: &Attribute, slot: Slot, found: &mut Vec<SourceValue>) -> bool {
        let mut readable = true;
        let name = self.fields.attribute(slot).map(|raw| &raw.name);
        for value in self.fields.values(slot) {
            let mut controls = false;
            let outcome = read(value, &attribute.reading, self.locale, &mut controls);
            if controls {
                self.remark("value.control_characters", name);
            }
            match outcome {
                Outcome::Text(text) if attribute.digits && is_spreadsheet_number(&text) => {
                    self.remark("value.unreadable", name);
                    readable = false;
                }
                Outcome::Text(text) if attribute.multi && !attribute.split.is_empty() => {
                    found.extend(split(&text, attribute).map(|part| SourceValue::Text(part.to_owned())));
                }
                Outcome::Text(text) => found.push(SourceValue::Text(text)),
                Outcome::Bool(truth) => found.push(SourceValue::Bool(truth)),
                Outcome::Absent => {}
                Outcome::Unreadable | Outcome::NotText => {
                    self.remark("value.unreadable", name);
                    readable = false;
                }
            }
            if !attribute.multi && !found.is_empty() {
                break;
            }
        }
        readable
    }

    fn remark(&mut self, code: &'static str, name: Option<&Arc<str>>) {
        self.remarks.push(Remark {
            line: self.draft.line,
            code,
            attribute: name.map(ToString::to_string),
            once: false,
        });
    }

    fn remark_range(&mut self, line: u64, name: &Arc<str>) {
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
        if derived.mail_from_primary && self.is_absent("mail") {
            let primary = match self.draft.attributes.get("proxyAddresses") {
                Some(SourceValue::List(list)) => {
                    list.iter().find_map(|entry| entry.strip_prefix("SMTP:")).map(|mail| mail.trim().to_owned())
                }
                _ => None,
            };
            match primary.filter(|mail| !mail.is_empty()) {
                Some(mail) => self.draft.attributes.extend([(Arc::from("mail"), SourceValue::Text(mail))]),
                None if self.draft.unknown.contains("proxyAddresses") => self.draft.unknown.extend([Arc::from("mail")]),
                None => {}
            }
        }
        let Some(order) = derived.display_name else { return };
        if !self.is_absent("displayName") || self.draft.partial {
            return;
        }
        if self.draft.unknown.contains("givenName") || self.draft.unknown.contains("surname") {
            self.draft.unknown.insert(Arc::from("displayName"));
            return;
        }
        let names = match order {
            NameOrder::GivenSurname => ["givenName", "surname"],
            NameOrder::SurnameGiven => ["surname", "givenName"],
        };
        let parts: Vec<&str> = names
            .iter()
            .filter_map(|name| match self.draft.attributes.get(*name) {
                Some(SourceValue::Text(text)) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        if !parts.is_empty() {
            let name = parts.join(" ");
            self.draft.attributes.insert(Arc::from("displayName"), SourceValue::Text(name));
        }
    }

    fn is_absent(&self, name: &str) -> bool {
        !self.draft.attributes.contains_key(name)
            && !self.draft.unknown.contains(name)
            && !self.draft.cleared.contains(name)
    }

    pub fn references(&mut self) {
        for (index, reference) in self.fields.preset.references.iter().enumerate() {
            let mut texts: Vec<String> = Vec::new();
            let mut doubtful = false;
            for slot in &reference.from {
                doubtful |= self.fields.is_unknown(*slot);
                let mut controls = false;
                let values = self.fields.values(*slot).iter().filter_map(RawValue::as_text);
                let cleaned =
                    values.map(|text| clean(text, &mut controls).into_owned()).filter(|text| !text.is_empty());
                texts.extend(cleaned);
                if let Some(raw) = self.fields.attribute(*slot)
                    && let Some(line) = raw.incomplete
                {
                    self.draft.incomplete.insert(Arc::clone(&reference.name));
                    self.remark_range(line, &raw.name);
                }
                if !texts.is_empty() {
                    break;
                }
            }
            if !reference.multi {
                texts.truncate(1);
            }
            if !texts.is_empty() {
                self.draft.references.push((index, texts));
            } else if doubtful {
                self.draft.unknown.insert(Arc::clone(&reference.name));
            } else if self.draft.partial && reference.from.iter().any(|slot| self.is_cleared_below(*slot)) {
                self.draft.cleared.insert(Arc::clone(&reference.name));
            }
        }
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
    pub fn rest(&mut self, slots: &[Option<Slot>], wants: Option<&BTreeSet<String>>) {
        for (raw, slot) in self.fields.record.attributes.iter().zip(slots) {
            let known = slot.is_some_and(|slot| {
                let usage = self.fields.preset.use_of(slot);
                usage.used || usage.ignored || usage.secret
            });
            if known
                || super::canonical::is_secret(&raw.name)
                || wants.is_some_and(|wants| !wants.contains(&raw.name.to_lowercase()))
            {
                continue;
            }
            let mut controls = false;
            let texts =
                raw.values.iter().filter_map(RawValue::as_text).map(|text| clean(text, &mut controls).into_owned());
            let mut texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
            let value = match texts.len() {
                0 => continue,
                1 => SourceValue::Text(texts.remove(0)),
                _ => SourceValue::List(texts),
            };
            self.draft.rest.insert(raw.name.to_string(), value);
        }
    }
}

fn list(found: Vec<SourceValue>) -> Option<SourceValue> {
    let texts: Vec<String> = found
        .into_iter()
        .map(|value| match value {
            SourceValue::Text(text) => text,
            SourceValue::Bool(true) => "True".to_owned(),
            SourceValue::Bool(false) => "False".to_owned(),
            SourceValue::Integer(number) => number.to_string(),
            SourceValue::List(_) | SourceValue::Roles(_) => String::new(),
        })
        .collect();
    (!texts.is_empty()).then_some(SourceValue::List(texts))
}

/// Cuts one cell into its values; with `split_before`, only where a known prefix follows.
fn split<'t>(text: &'t str, attribute: &Attribute) -> impl Iterator<Item = &'t str> {
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
