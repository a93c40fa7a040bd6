//! Change records of LDIF, applied to raw entries (sources.md 9.5).

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::base::BaseKey;
use super::few::Few;
use super::frame::RecordFault;
use super::preset::{Preset, Use};
use super::raw::{LdifChange, Modification, ModifyOperation, RawAttribute, RawBody, RawRecord, RawValue};
use crate::model::dn;

/// One change to an entry of the last snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub line: u64,
    pub dn: String,
    pub change: LdifChange,
}

/// An entry as the last snapshot had it: raw attributes, kept in the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub dn: String,
    /// Names as in the file, in file order.
    pub attributes: Vec<(String, Vec<EntryValue>)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EntryValue {
    Text(String),
    Octets(Vec<u8>),
}

/// Is given an attribute's name and two texts.
pub type Same<'s> = dyn FnMut(&str, &str, &str) -> bool + 's;

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    Changed(Entry),
    /// A purge: the object is hard-deleted (service.md D-02).
    Deleted,
}

impl Change {
    pub(super) fn new(line: u64, record: &RawRecord<'_>, change: LdifChange) -> Self {
        let dn = record
            .attribute("dn")
            .and_then(|attribute| attribute.values.first())
            .and_then(RawValue::as_text)
            .unwrap_or_default();
        Self { line, dn: dn.to_owned(), change }
    }

    /// Takes out parts with a URL for a value, each to `passed_over`; returns one of an attribute that the preset uses.
    pub(super) fn take_urls(
        &mut self,
        preset: &Preset,
        mut passed_over: impl FnMut(Modification),
    ) -> Option<Modification> {
        let LdifChange::Modify(parts) = &mut self.change else { return None };
        let has_url = |part: &Modification| part.values.iter().any(|value| matches!(value, RawValue::Url(_)));
        let is_used = |part: &Modification| {
            let base = part.attribute.split(';').next().unwrap_or_default();
            preset.names.find(base).is_some_and(|slot| preset.use_of(slot).used)
        };
        if let Some(at) = parts.iter().position(|part| has_url(part) && is_used(part)) {
            return Some(parts.swap_remove(at));
        }
        parts.extract_if(.., |part| has_url(part)).for_each(&mut passed_over);
        None
    }

    /// Takes out what concerns attributes that are not kept: a password that is changed changes nothing here.
    pub(super) fn without_unkept(mut self, entry: Option<&Entry>, preset: &Preset) -> Self {
        if let (LdifChange::Modify(parts), Some(entry)) = (&mut self.change, entry) {
            parts.retain(|part| {
                usage_of(&part.attribute, preset)
                    .is_some_and(|usage| usage.used || entry.position(&part.attribute).is_some() || part.adds_text())
            });
        }
        self
    }

    /// Applies the change to the entry that the snapshot has under its DN; one bad part refuses all of it.
    ///
    /// `same` says whether two values of an attribute are one, though they are written differently.
    pub fn apply(&self, entry: Option<&Entry>, same: &mut Same<'_>) -> Result<Applied, RecordFault> {
        let fault = |code, message: String| RecordFault::new(self.line, code, message);
        let Some(entry) = entry else {
            return Err(fault(
                "record.no_base",
                format!("the last snapshot has no entry `{}`", self.dn.escape_debug()),
            ));
        };
        let mut entry = entry.clone();
        match &self.change {
            LdifChange::Add => {
                return Err(fault("record.exists", format!("the entry `{}` is there already", self.dn.escape_debug())));
            }
            LdifChange::Delete { .. } => return Ok(Applied::Deleted),
            LdifChange::Modify(parts) => {
                for part in parts {
                    entry.modify(part, same).map_err(|message| {
                        fault("ldif.unexpected_line", message).at(part.line).of_attribute(&*part.attribute)
                    })?;
                }
            }
            LdifChange::Rename { new_rdn, delete_old_rdn, new_superior } => {
                entry
                    .rename(new_rdn, *delete_old_rdn, new_superior.as_deref())
                    .ok_or_else(|| fault("ldif.dn", "an entry can have no such name".to_owned()))?;
            }
        }
        Ok(Applied::Changed(entry))
    }
}

impl Entry {
    /// Takes the entry of a content record; secrets stay out (sources.md 11.9), and octets that the preset does not read.
    pub(super) fn of(record: &RawRecord<'_>, preset: &Preset) -> Option<Self> {
        let dn = record.attribute("dn")?.values.first()?.as_text()?.to_owned();
        let attributes = record.attributes.iter().filter(|attribute| !attribute.name.eq_ignore_ascii_case("dn"));
        let kept = attributes.filter_map(|attribute| {
            let usage = usage_of(&attribute.name, preset)?;
            let values = attribute.values.iter().filter_map(EntryValue::of);
            let values: Vec<EntryValue> =
                values.filter(|value| usage.used || matches!(value, EntryValue::Text(_))).collect();
            (!values.is_empty()).then(|| (attribute.name.to_string(), values))
        });
        Some(Self { dn, attributes: kept.collect() })
    }

    /// Returns the entry as the record that it would be in a snapshot.
    pub(super) fn to_record(&self, line: u64) -> RawRecord<'static> {
        let attribute = |name: &str, values| RawAttribute { name: Rc::from(name), values, line, incomplete: None };
        let mut attributes = vec![attribute("dn", Few::One(RawValue::Text(self.dn.clone().into())))];
        attributes.extend(self.attributes.iter().map(|(name, values)| {
            let value = |value: &EntryValue| match value {
                EntryValue::Text(text) => RawValue::Text(text.clone().into()),
                EntryValue::Octets(octets) => RawValue::Bytes(octets.clone().into()),
            };
            attribute(name, values.iter().map(value).collect())
        }));
        RawRecord { line, attributes, body: RawBody::Content, warnings: Vec::new() }
    }

    fn position(&self, name: &str) -> Option<usize> {
        let folded = super::preset::fold(name);
        self.attributes.iter().position(|(other, _)| super::preset::fold(other) == folded)
    }

    fn modify(&mut self, part: &Modification, same: &mut Same<'_>) -> Result<(), String> {
        let values: Vec<EntryValue> = part.values.iter().filter_map(EntryValue::of).collect();
        let name = &*part.attribute;
        let at = self.position(name);
        match part.operation {
            ModifyOperation::Add => match at {
                Some(at) => {
                    let list = &mut self.attributes[at].1;
                    for value in values {
                        if !list.iter().any(|other| other == &value || value.means(other, name, same)) {
                            list.push(value);
                        }
                    }
                }
                None => self.attributes.push((name.to_owned(), values)),
            },
            ModifyOperation::Delete => {
                let at = at.ok_or_else(|| format!("the entry has no `{name}` to delete"))?;
                if values.is_empty() {
                    self.attributes.remove(at);
                    return Ok(());
                }
                let list = &mut self.attributes[at].1;
                for value in values {
                    let index = list
                        .iter()
                        .position(|other| other.is_same(&value))
                        .or_else(|| list.iter().position(|other| value.means(other, name, same)))
                        .ok_or_else(|| format!("`{name}` has no such value to delete"))?;
                    list.remove(index);
                }
                if list.is_empty() {
                    self.attributes.remove(at);
                }
            }
            ModifyOperation::Replace => {
                if let Some(at) = at {
                    self.attributes.remove(at);
                }
                if !values.is_empty() {
                    self.attributes.push((name.to_owned(), values));
                }
            }
            ModifyOperation::Increment => {
                let at = at.ok_or_else(|| format!("the entry has no `{name}` to increment"))?;
                let step =
                    values.first().and_then(EntryValue::number).ok_or_else(|| "an increment is a number".to_owned())?;
                for value in &mut self.attributes[at].1 {
                    let sum = value
                        .number()
                        .and_then(|number| number.checked_add(step))
                        .ok_or_else(|| format!("`{name}` is no number"))?;
                    *value = EntryValue::Text(sum.to_string());
                }
            }
        }
        Ok(())
    }

    fn rename(&mut self, new_rdn: &str, delete_old_rdn: bool, new_superior: Option<&str>) -> Option<()> {
        dn::normalise(new_rdn).filter(|rdn| !rdn.is_empty())?;
        let (old_rdn, parent) = match dn::split_first(&self.dn) {
            Some((rdn, parent)) => (rdn.to_owned(), parent.to_owned()),
            None => (self.dn.clone(), String::new()),
        };
        let parent = new_superior.unwrap_or(&parent).trim();
        if BaseKey::of_dn(parent) == BaseKey::of_dn(&self.dn)
            || BaseKey::above(parent).any(|above| Some(above) == BaseKey::of_dn(&self.dn))
        {
            return None;
        }
        if delete_old_rdn {
            for (name, value) in dn::parts(&old_rdn)? {
                let Some(at) = self.position(&name) else { continue };
                self.attributes[at].1.retain(|other| !other.is_same(&EntryValue::Text(value.clone())));
                if self.attributes[at].1.is_empty() {
                    self.attributes.remove(at);
                }
            }
        }
        for (name, value) in dn::parts(new_rdn)? {
            let value = EntryValue::Text(value);
            match self.position(&name) {
                Some(at) if self.attributes[at].1.iter().any(|other| other.is_same(&value)) => {}
                Some(at) => self.attributes[at].1.insert(0, value),
                None => self.attributes.push((name, vec![value])),
            }
        }
        self.dn = if parent.is_empty() { new_rdn.to_owned() } else { format!("{new_rdn},{parent}") };
        Some(())
    }
}

/// What the preset does with an attribute; none for secrets.
fn usage_of(name: &str, preset: &Preset) -> Option<Use> {
    let base = name.split(';').next().unwrap_or(name);
    let slot = preset.names.find(name).or_else(|| preset.names.find(base));
    let usage = slot.map(|slot| preset.use_of(slot)).unwrap_or_default();
    (!usage.secret && !super::canonical::is_secret(base)).then_some(usage)
}

impl Modification {
    fn adds_text(&self) -> bool {
        matches!(self.operation, ModifyOperation::Add | ModifyOperation::Replace)
            && self.values.iter().any(|value| value.as_text().is_some())
    }
}

impl EntryValue {
    fn of(value: &RawValue<'_>) -> Option<Self> {
        match value {
            RawValue::Bytes(bytes) => Some(Self::Octets(bytes.to_vec())),
            RawValue::Text(_) | RawValue::Bool(_) | RawValue::Number(_) => {
                value.as_text().map(|text| Self::Text(text.to_owned()))
            }
            RawValue::Null | RawValue::Url(_) => None,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.to_lowercase() == b.to_lowercase(),
            (a, b) => a == b,
        }
    }

    /// Whether both are texts that are one in the sense of `same`.
    fn means(&self, other: &Self, name: &str, same: &mut Same<'_>) -> bool {
        matches!((self, other), (Self::Text(a), Self::Text(b)) if same(name, a, b))
    }

    fn number(&self) -> Option<i64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Octets(_) => None,
        }
    }
}
