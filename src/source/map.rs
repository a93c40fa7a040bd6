//! From a raw record to a source object, by the tables of a preset (sources.md 10–13, 17).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::anchor_source::AnchorSource;
use super::attributes::Reader;
use super::cells::{self, Cell};
use super::draft::{Draft, Value};
use super::fields::{Fields, Scratch, has_content};
use super::frame::RecordFault;
use super::preset::{Asked, Attribute, Canon, FormatName, Preset, Slot};
use super::raw::{RawRecord, RawValue, RawValues};
use super::settings::Role;
use super::value::{Locale, clean, is_type_name};
use crate::model::{Deletion, ObjectKind};

pub(super) const URL_REFUSED: &str =
    "the value is a URL, which is never opened: write the export without the option `-t` of ldapsearch";

/// A warning about one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    pub line: u64,
    pub code: &'static str,
    /// The source's own name.
    pub attribute: Option<String>,
    /// Said once for the file, not for each record.
    pub once: bool,
}

/// What a record came to.
#[derive(Debug)]
pub enum Mapped<'r> {
    /// Of kind `ignore`.
    Ignored,
    /// A row that is no record: the examples of a template.
    Dropped,
    Refused(RecordFault),
    Object(Box<Draft<'r>>),
}

/// Maps the records of one file.
pub struct Mapper {
    preset: Arc<Preset>,
    scratch: Scratch,
    manner: Manner,
    /// What feeds anchor, state or references.
    vital: Vec<Slot>,
    /// Those of them that are null in the last record.
    empty: Vec<Slot>,
    /// Names of which columns beside theirs hold a part of the values, as `member;range=0-1499` of csvde.
    parted: Vec<Slot>,
}

/// In which manner the records of a file are mapped.
#[derive(Debug, Clone)]
pub struct Manner {
    /// Without its folders.
    pub file_name: String,
    pub role: Role,
    pub locale: Locale,
    /// Whether the file is a change file: a missing name is "unchanged", null is "cleared".
    pub changes: bool,
    pub references: bool,
    /// In lower case; none: everything.
    wants: Option<BTreeSet<String>>,
}

impl Manner {
    /// Says whether somebody asks for a name that no preset has.
    pub fn wants(&self, name: &str) -> bool {
        self.wants.as_ref().is_none_or(|wants| wants.contains(&name.to_lowercase()))
    }

    /// What a record is of; none: it is ignored.
    pub fn kind_of(&self, preset: &Preset, record: &impl Asked) -> Option<ObjectKind> {
        self.kind_by(preset, preset.kinds.iter().position(|(_, when)| when.holds(record)))
    }

    /// As [`Self::kind_of`]; `rule`: which one holds.
    pub fn kind_by(&self, preset: &Preset, rule: Option<usize>) -> Option<ObjectKind> {
        let kind = rule.and_then(|rule| preset.kinds[rule].0)?;
        Some(if self.role == Role::Groups { ObjectKind::Group } else { kind })
    }

    /// What a record says about deletion (sources.md 12.2).
    pub fn deletion_of(&self, preset: &Preset, record: &impl Asked) -> Deletion {
        self.deletion_by(preset, preset.deletion.iter().position(|(when, _)| when.holds(record)), record)
    }

    /// As [`Self::deletion_of`]; `rule`: which one holds.
    pub fn deletion_by(&self, preset: &Preset, rule: Option<usize>, record: &impl Asked) -> Deletion {
        match rule {
            Some(rule) => preset.deletion[rule].1,
            None if self.role == Role::Deleted || record.is_upn_prefixed() => Deletion::Soft,
            None => Deletion::None,
        }
    }
}

/// What a mapper must know of its file.
pub struct FileContext<'a> {
    pub name: &'a str,
    pub columns: &'a [Arc<str>],
    pub role: Role,
    pub changes: bool,
    pub locale: Locale,
    pub references: bool,
    pub wants: Option<&'a BTreeSet<String>>,
    /// Names that the last export had and this one has not: their attributes are unknown (sources.md 16.4).
    pub lost: &'a [String],
    /// The names under which the last export said something.
    pub before: &'a [&'a str],
    pub anchor_sources: &'a [AnchorSource],
}

impl Mapper {
    pub fn new(preset: Arc<Preset>, context: &FileContext<'_>) -> Self {
        let scratch = Scratch::new(&preset, context.columns, context.lost, context.before);
        let vital = preset.names.slots().filter(|slot| preset.use_of(*slot).vital).collect();
        let file_name = context.name.rsplit('/').next().unwrap_or(context.name).to_owned();
        let preset = Arc::new(preset.for_file(&file_name, context.anchor_sources));
        let manner = Manner {
            file_name,
            role: context.role,
            locale: context.locale,
            changes: context.changes,
            references: context.references,
            wants: context.wants.map(|wants| wants.iter().map(|name| name.to_lowercase()).collect()),
        };
        let parted = |name: &Arc<str>| preset.names.find(name.split_once(";range=")?.0);
        let parted = context.columns.iter().filter_map(parted).collect();
        Self { preset, scratch, manner, vital, empty: Vec::new(), parted }
    }

    /// The preset as it is for this file.
    pub fn preset(&self) -> &Preset {
        &self.preset
    }

    pub fn manner(&self) -> &Manner {
        &self.manner
    }

    /// Columns that the heading names, by [`Slot`].
    pub fn named(&self) -> &[bool] {
        self.scratch.named()
    }

    /// Says whether columns hold parts of what others hold.
    pub fn is_parted(&self) -> bool {
        !self.parted.is_empty()
    }

    /// Says whether the last export had columns that this one has not.
    pub fn has_lost(&self) -> bool {
        self.scratch.has_lost()
    }

    /// Calls `with` for each name of the last record that feeds something; null feeds nothing that must not go missing.
    pub fn each_used(&self, mut with: impl FnMut(Slot)) {
        for slot in self.scratch.slots.iter().flatten() {
            if self.preset.use_of(*slot).used && !self.empty.contains(slot) {
                with(*slot);
            }
        }
    }

    /// From which of its names the last record has the attribute.
    pub fn source_of(&self, attribute: &Attribute) -> Option<Slot> {
        attribute.from.iter().copied().find(|slot| self.scratch.slots.contains(&Some(*slot)))
    }

    /// Maps one record; what is worth saying of it goes to `remarks`.
    pub fn map<'r>(&mut self, record: &'r mut RawRecord<'_>, remarks: &mut Vec<Remark>) -> Mapped<'r> {
        let preset = Arc::clone(&self.preset);
        let line = record.line;
        remarks.extend(record.warnings.iter().map(|code| Remark { line, code, attribute: None, once: true }));
        self.scratch.index(&preset, record);
        match preset.format {
            FormatName::Csv => self.read_cells(record, remarks),
            FormatName::Json => {
                self.note_empty(record);
                self.drop_type_names(record, remarks);
            }
            FormatName::Ldif => {}
        }
        let record = &*record;
        if let Some(fault) = self.refuse_urls(record, remarks) {
            return Mapped::Refused(fault);
        }
        let fields = Fields::new(&preset, record, &self.scratch, &self.manner.file_name);
        if preset.drop_rows.iter().any(|row| row.holds(&fields)) {
            remarks.push(Remark { line, code: "row.example_dropped", attribute: None, once: false });
            return Mapped::Dropped;
        }
        let Some(kind) = self.manner.kind_of(&preset, &fields) else { return Mapped::Ignored };
        if let Some(fault) = self.refuse_octets(record) {
            return Mapped::Refused(fault);
        }
        let partial = preset.partial.names.iter().any(|slot| fields.exists(*slot))
            || (self.manner.changes && preset.partial.in_changes);
        let mut draft = Draft::new(kind, partial, line, preset.canonicals().len());
        let mut reader = Reader { fields: &fields, draft: &mut draft, locale: self.manner.locale, remarks };
        for attribute in &preset.attributes {
            reader.attribute(attribute);
        }
        reader.derive();
        if self.manner.references {
            reader.references();
        }
        if preset.keeps_rest {
            reader.rest(&self.scratch.slots, &self.scratch.unreadable, &self.manner);
        }
        if let Some(upn) = fields.upn_prefix() {
            draft.set(Canon::ORIGINAL_USER_PRINCIPAL_NAME, Value::Text(upn.to_owned().into()));
        }
        draft.deletion = self.manner.deletion_of(&preset, &fields);
        // whoever is deleted needs no state: a status that says so may be none of the words for enabled and disabled
        if kind == ObjectKind::User
            && let Err(fault) = account_enabled(&fields, &mut draft)
            && draft.deletion == Deletion::None
        {
            return Mapped::Refused(fault);
        }
        if let Some(to) = rename(&fields, &draft) {
            draft.extras_mut().rename_to = Some(to);
        }
        Mapped::Object(Box::new(draft))
    }

    fn read_cells(&mut self, record: &mut RawRecord<'_>, remarks: &mut Vec<Remark>) {
        let slots = std::mem::take(&mut self.scratch.slots);
        for (place, (attribute, slot)) in record.attributes.iter_mut().zip(&slots).enumerate() {
            let usage = slot.map(|slot| self.preset.use_of(slot)).unwrap_or_default();
            match cells::interpret(&mut attribute.values, &self.preset.csv, usage) {
                Cell::Value => continue,
                Cell::Unchanged => {}
                Cell::Placeholder if usage.secret || usage.ignored => {}
                Cell::Placeholder => remarks.push(Remark {
                    line: record.line,
                    code: "value.placeholder",
                    attribute: Some(attribute.name.to_string()),
                    once: true,
                }),
            }
            match slot {
                Some(slot) => self.scratch.set_unknown(*slot),
                None => self.scratch.unreadable.push(place),
            }
        }
        self.scratch.slots = slots;
        // who has more values than a column holds has none in it (sources.md 9.3)
        for slot in &self.parted {
            let place = self.scratch.slots.iter().position(|own| own == &Some(*slot));
            if place.is_none_or(|place| !record.attributes[place].values.iter().any(has_content)) {
                self.scratch.set_unknown(*slot);
            }
        }
    }

    fn note_empty(&mut self, record: &RawRecord<'_>) {
        let fields = Fields::new(&self.preset, record, &self.scratch, &self.manner.file_name);
        self.empty.clear();
        self.empty.extend(self.vital.iter().filter(|slot| fields.is_in_record(**slot) && !fields.is_present(**slot)));
    }

    /// PowerShell writes the name of a type where its JSON is not deep enough for the value (sources.md 23).
    fn drop_type_names(&mut self, record: &mut RawRecord<'_>, remarks: &mut Vec<Remark>) {
        for (place, attribute) in record.attributes.iter_mut().enumerate() {
            let [RawValue::Text(text)] = &*attribute.values else { continue };
            if !is_type_name(text) {
                continue;
            }
            let Some(slot) = self.scratch.slots.get(place).copied().flatten() else { continue };
            attribute.values = RawValues::new();
            let usage = self.preset.use_of(slot);
            if !usage.secret && !usage.ignored {
                let attribute = Some(attribute.name.to_string());
                remarks.push(Remark { line: record.line, code: "value.placeholder", attribute, once: true });
            }
            self.scratch.set_unknown(slot);
        }
    }

    /// A URL is never opened: a used attribute refuses the record, another is unknown (sources.md 9.2).
    fn refuse_urls(&mut self, record: &RawRecord<'_>, remarks: &mut Vec<Remark>) -> Option<RecordFault> {
        if self.preset.format != FormatName::Ldif {
            return None;
        }
        for (index, attribute) in record.attributes.iter().enumerate() {
            if !attribute.values.iter().any(|value| matches!(value, RawValue::Url(_))) {
                continue;
            }
            let base = attribute.name.split(';').next().unwrap_or_default();
            if self.preset.names.find(base).is_some_and(|slot| self.preset.use_of(slot).used) {
                return Some(
                    RecordFault::new(record.line, "ldif.url_refused", URL_REFUSED)
                        .at(attribute.line)
                        .of_attribute(&*attribute.name),
                );
            }
            remarks.push(Remark {
                line: record.line,
                code: "ldif.url_refused",
                attribute: Some(attribute.name.to_string()),
                once: false,
            });
            if let Some(Some(slot)) = self.scratch.slots.get(index).copied() {
                self.scratch.set_unknown(slot);
            }
        }
        None
    }

    /// Octets where the preset reads text.
    fn refuse_octets(&self, record: &RawRecord<'_>) -> Option<RecordFault> {
        for (attribute, slot) in record.attributes.iter().zip(&self.scratch.slots) {
            let Some(usage) = slot.map(|slot| self.preset.use_of(slot)) else { continue };
            if !usage.text || usage.secret {
                continue;
            }
            let Some(octets) = attribute.values.iter().find_map(|value| match value {
                RawValue::Bytes(octets) if !octets.is_empty() => Some(octets),
                _ => None,
            }) else {
                continue;
            };
            let is_text = std::str::from_utf8(octets).is_ok();
            if is_text && !octets.contains(&0) {
                continue;
            }
            let (code, message) = if is_text {
                ("text.nul", "the value has a NUL in it")
            } else {
                ("encoding.invalid", "the value is not UTF-8")
            };
            return Some(
                RecordFault::new(record.line, code, message).at(attribute.line).of_attribute(&*attribute.name),
            );
        }
        None
    }
}

/// The first rule that applies decides; a value that fits none refuses the record (sources.md 12.1).
fn account_enabled(fields: &Fields<'_, '_>, draft: &mut Draft<'_>) -> Result<(), RecordFault> {
    if let Some((_, enabled)) = fields.preset.account_enabled.iter().find(|(when, _)| when.holds(fields)) {
        draft.set(Canon::ACCOUNT_ENABLED, Value::Bool(*enabled));
        return Ok(());
    }
    let account = fields.preset.names.slots().filter(|slot| fields.preset.use_of(*slot).account);
    for slot in account {
        if let Some(attribute) = fields.attribute(slot)
            && attribute.values.iter().any(has_content)
        {
            let message = format!("`{}` says neither enabled nor disabled", attribute.name);
            return Err(RecordFault::new(draft.line, "value.account_enabled", message)
                .at(attribute.line)
                .of_attribute(&*attribute.name));
        }
        if fields.is_unknown(slot) && !draft.extras().unknown.contains(&Canon::ACCOUNT_ENABLED) {
            draft.extras_mut().unknown.push(Canon::ACCOUNT_ENABLED);
        }
    }
    Ok(())
}

fn rename(fields: &Fields<'_, '_>, draft: &Draft<'_>) -> Option<String> {
    let rename = fields.preset.rename.as_ref()?;
    let mut controls = false;
    let to = fields.values(rename.to).iter().find_map(RawValue::as_text).map(|text| clean(text, &mut controls))?;
    let same = fields.preset.canon(&rename.from).and_then(|name| draft.text(name)).is_some_and(|now| *now == *to);
    (!to.is_empty() && !same).then(|| to.into_owned())
}
