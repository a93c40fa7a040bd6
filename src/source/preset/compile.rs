//! From the form of a preset to tables.

use std::collections::BTreeSet;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use super::canon::Numbers;
use super::form::{AttributeForm, ConditionForm, DeletionName, KindForm, PresetForm, ReferenceForm, Rest, RuleValue};
use super::names::{Names, Slot};
use super::{Attribute, Condition, Derived, FormatName, KindName, NameOrder, Partial, Preset, Reference, Rename, Use};
use crate::model::{Deletion, ObjectKind};
use crate::source::canonical;
use crate::source::settings::Settings;
use crate::source::value::Reading;

/// Attributes that are read even where no mapping names them: anchors, matching of references, order of exports.
const ALWAYS_READ: [&str; 8] = [
    "objectId",
    "userPrincipalName",
    "mail",
    "employeeId",
    "modifiedDateTime",
    "givenName",
    "surname",
    "proxyAddresses",
];

/// Attributes that stay in the object even where no mapping names them.
const ALWAYS_KEPT: [&str; 3] = ["accountEnabled", "assigned", "appRoleAssignments"];

/// Compiles `form` with what `settings` lays over it; the errors say what is wrong, all of it.
pub fn compile(mut form: PresetForm, settings: &Settings) -> Result<Preset, Vec<String>> {
    let mut errors = Vec::new();
    lay_over(&mut form, settings);
    let digest = xxh3_128(
        format!(
            "{form:?}{:?}{:?}{:?}{:?}{:?}",
            settings.wanted, settings.references, settings.locale, settings.anchor, settings.allow_mutable_anchor
        )
        .as_bytes(),
    );
    let Some(format) = form.format else {
        return Err(vec!["`format` is missing: write `format: csv`, `json` or `ldif`".to_owned()]);
    };
    let mut table = Table {
        names: Names::default(),
        aliases: form.aliases.clone().unwrap_or_default().into_iter().collect(),
        full: false,
    };

    let kinds = kinds(&form, &mut table, &mut errors);
    let mut numbers = Numbers::new();
    let attributes = attributes(&form, settings, &mut table, &mut numbers, &mut errors);
    let references: Vec<Reference> = form
        .references
        .iter()
        .flatten()
        .map(|(name, reference)| Reference {
            name: spelled(name),
            canon: numbers.number(&spelled(name)),
            from: table.slots(&reference.from),
            by: reference.by,
            multi: reference.multi,
            changes: changes_of(&form, reference, &mut table),
        })
        .collect();
    let account_enabled =
        rules(&form.account_enabled, "account_enabled", &mut table, &mut errors, |value| match value {
            RuleValue::Enabled(enabled) => Some(enabled),
            RuleValue::Deletion(_) => None,
        });
    let deletion = rules(&form.deletion, "deletion", &mut table, &mut errors, |value| match value {
        RuleValue::Deletion(DeletionName::Soft) => Some(Deletion::Soft),
        RuleValue::Deletion(DeletionName::Hard) => Some(Deletion::Hard),
        RuleValue::Enabled(_) => None,
    });
    let drop_rows = form
        .drop_rows
        .iter()
        .flatten()
        .filter_map(|row| condition(row, "drop_rows", &mut table, &mut errors))
        .collect();
    let rename = form
        .renames
        .as_ref()
        .map(|renames| Rename { from: spelled(&renames.from).to_string(), to: table.slot(&renames.to) });
    let mut partial = Partial::default();
    for name in form.partial_if.iter().flatten() {
        if name == "delta" {
            partial.in_changes = true;
        } else {
            partial.names.push(table.slot(name));
        }
    }
    let derived = derived(&form, &mut errors);
    let ignored = table.slots(form.ignore.as_deref().unwrap_or_default());
    let secret = table.slots(form.secret.as_deref().unwrap_or_default());
    let single = table.slots(form.single_valued.as_deref().unwrap_or_default());
    let anchors = form.anchor.clone().unwrap_or_default();
    check_anchors(&anchors, &form, &attributes, &mut errors);
    for one in &mut numbers.names {
        let attribute = attributes.iter().find(|attribute| attribute.name == one.name);
        let kept = *one.name == *"accountEnabled" || attribute.is_none_or(|attribute| attribute.kept);
        one.handed = kept && settings.wants_or_needs(&one.name);
    }
    if table.full || numbers.full {
        errors.push("a preset knows at most 65,535 names".to_owned());
    }
    if !errors.is_empty() {
        return Err(errors);
    }

    let mut preset = Preset {
        name: form.name,
        digest,
        format,
        csv: form.csv.unwrap_or_default(),
        json: form.json.unwrap_or_default(),
        ldif: form.ldif.unwrap_or_default(),
        detect: form.detect,
        uses: vec![Use::default(); table.names.len()],
        names: table.names,
        kinds,
        anchor: anchors,
        anchor_if_allowed: form.anchor_if_allowed.unwrap_or_default(),
        attributes,
        canonical: numbers.names,
        account_enabled,
        deletion,
        references,
        rename,
        partial,
        drop_rows,
        derived,
        keeps_rest: form.rest == Some(Rest::Keep),
        existence: Vec::new(),
    };
    mark_uses(&mut preset, &ignored, &secret, &single, settings);
    Ok(preset)
}

/// Where a change file says what came to a list and what went: `members@delta` for `members.id`.
fn changes_of(form: &PresetForm, reference: &ReferenceForm, table: &mut Table) -> Option<[Slot; 2]> {
    let has_changes = form.partial_if.iter().flatten().any(|name| name == "delta");
    let (list, member) = reference.from.first().filter(|_| has_changes && reference.multi)?.split_once('.')?;
    Some(["@delta", "@delta[@removed]"].map(|kind| table.slot(&format!("{list}{kind}.{member}"))))
}

/// Numbers the names of a preset.
struct Table {
    names: Names,
    aliases: Vec<(String, String)>,
    full: bool,
}

impl Table {
    fn slot(&mut self, name: &str) -> Slot {
        let alias = self.aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        let name = alias.map_or(name, |(_, real)| real);
        self.names.add(name).unwrap_or_else(|| {
            self.full = true;
            Slot(0)
        })
    }

    fn slots(&mut self, names: &[String]) -> Vec<Slot> {
        names.iter().map(|name| self.slot(name)).collect()
    }
}

fn spelled(name: &str) -> Arc<str> {
    let known = canonical::NAMES.iter().find(|other| other.eq_ignore_ascii_case(name));
    Arc::from(known.copied().unwrap_or(name))
}

fn lay_over(form: &mut PresetForm, settings: &Settings) {
    let attributes = form.attributes.get_or_insert_default();
    for (name, attribute) in &settings.attributes {
        attributes.retain(|other, _| !other.eq_ignore_ascii_case(name));
        attributes.insert(canonical::spelling(name).unwrap_or(name).to_owned(), attribute.clone());
    }
    if !attributes.keys().any(|name| name.eq_ignore_ascii_case("assigned")) {
        let form = AttributeForm {
            from: vec!["assigned".to_owned()],
            reading: Some("bool".to_owned()),
            ..AttributeForm::default()
        };
        attributes.insert("assigned".to_owned(), form);
    }
    form.derived.get_or_insert_default().extend(settings.derived.clone());
}

fn kinds(form: &PresetForm, table: &mut Table, errors: &mut Vec<String>) -> Vec<(Option<ObjectKind>, Condition)> {
    let constant = form.kind.map(|kind| KindForm { kind, when: None });
    let written = form.kinds.iter().flatten().cloned().chain(constant);
    let mut kinds = Vec::new();
    for KindForm { kind, when } in written {
        let kind = match kind {
            KindName::User => Some(ObjectKind::User),
            KindName::Group => Some(ObjectKind::Group),
            KindName::Ignore => None,
        };
        let when = match &when {
            Some(when) => condition(when, "kinds", table, errors),
            None => Some(Condition::Always),
        };
        kinds.extend(when.map(|when| (kind, when)));
    }
    if kinds.is_empty() {
        errors.push("`kind` is missing: write `kind: user`, or `kinds` with conditions".to_owned());
    }
    kinds
}

fn attributes(
    form: &PresetForm,
    settings: &Settings,
    table: &mut Table,
    numbers: &mut Numbers,
    errors: &mut Vec<String>,
) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    let anchors: BTreeSet<String> = [&form.anchor, &form.anchor_if_allowed]
        .into_iter()
        .flatten()
        .flatten()
        .chain(&settings.anchor)
        .map(|name| name.to_lowercase())
        .collect();
    for (name, written) in form.attributes.iter().flatten() {
        let name = spelled(name);
        let kept = settings.wants(&name) || ALWAYS_KEPT.contains(&&*name);
        let also = other_names_of(&name, form, settings);
        let read = kept || !also.is_empty() || ALWAYS_READ.contains(&&*name) || anchors.contains(&name.to_lowercase());
        match attribute(&name, written, form, table) {
            Ok(attribute) if read => {
                let canon = Some(numbers.number(&attribute.name));
                attributes.push(Attribute { kept, also, canon, ..attribute });
            }
            Ok(_) => {}
            Err(message) => errors.push(message),
        }
        for source in &written.from {
            if wanted_as_written(source, form, settings)
                && let Ok(extra) = attribute(
                    source,
                    &AttributeForm { from: vec![source.clone()], merge: false, ..written.clone() },
                    form,
                    table,
                )
            {
                attributes.push(Attribute { name: Arc::from(""), kept: false, also: vec![source.clone()], ..extra });
            }
        }
    }
    attributes
}

/// Graph's newer names of `name` that a mapping uses.
fn other_names_of(name: &str, form: &PresetForm, settings: &Settings) -> Vec<String> {
    let written = |other: &str| form.attributes.iter().flatten().any(|(key, _)| key.eq_ignore_ascii_case(other));
    let wanted = settings.wanted.iter().flatten();
    wanted.filter(|other| canonical::other_name(other) == Some(name) && !written(other)).cloned().collect()
}

/// Says whether a mapping names the source's own `source`, which has a canonical name too.
fn wanted_as_written(source: &str, form: &PresetForm, settings: &Settings) -> bool {
    let taken = canonical::spelling(source).is_some()
        || form.attributes.iter().flatten().any(|(key, _)| key.eq_ignore_ascii_case(source));
    !taken && settings.wanted.is_some() && settings.wants(source)
}

/// What is wrong with a part of what lays something over a preset, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The key of the part, such as `as`.
    pub part: &'static str,
    pub message: String,
    pub help: String,
}

/// Looks at an attribute by itself, whatever preset it belongs to.
pub fn misfits(name: &str, written: &AttributeForm) -> Vec<Misfit> {
    let mut found = Vec::new();
    if let Some(source) = written.from.iter().find(|source| canonical::is_secret(source)) {
        let message = format!("`attributes.{name}.from` names `{source}`, which is a secret");
        found.push(Misfit { part: "from", message, help: "take it out: secrets are never provisioned".to_owned() });
    }
    if let Some((text, help)) = written.reading.as_ref().and_then(|text| Some((text, Reading::parse(text).err()?))) {
        found.push(Misfit { part: "as", message: format!("`attributes.{name}.as` is `{text}`"), help });
    }
    if let Some(text) = written.split.iter().find(|text| text.chars().count() != 1) {
        let message = format!("`attributes.{name}.split` has `{text}`");
        found.push(Misfit { part: "split", message, help: "write a separator of one character".to_owned() });
    }
    found
}

/// Looks at a rule of `derived`.
///
/// # Errors
/// What to write instead.
pub fn derived_rule(name: &str, rule: &str) -> Result<(), Misfit> {
    compiled_rule(&mut Derived::default(), name, rule)
}

fn compiled_rule(derived: &mut Derived, name: &str, rule: &str) -> Result<(), Misfit> {
    match (name, rule) {
        ("mail", "primary-smtp") => derived.mail_from_primary = true,
        ("displayName", "given-surname-if-absent") => derived.display_name = Some(NameOrder::GivenSurname),
        ("displayName", "surname-given-if-absent") => derived.display_name = Some(NameOrder::SurnameGiven),
        _ => {
            let help = "there are `mail: primary-smtp`, and for `displayName` `given-surname-if-absent` and `surname-given-if-absent`";
            let message = format!("`derived.{name}` is `{rule}`");
            return Err(Misfit { part: "derived", message, help: help.to_owned() });
        }
    }
    Ok(())
}

fn attribute(name: &str, written: &AttributeForm, form: &PresetForm, table: &mut Table) -> Result<Attribute, String> {
    if written.from.is_empty() {
        return Err(format!("`attributes.{name}` needs `from`: the names that the source gives it"));
    }
    if let Some(Misfit { message, help, .. }) = misfits(name, written).into_iter().next() {
        return Err(format!("{message}: {help}"));
    }
    let reading = match &written.reading {
        None => Reading::Text,
        Some(text) => Reading::parse(text)?,
    };
    let secret = |source: &&String| form.secret.iter().flatten().any(|secret| secret.eq_ignore_ascii_case(source));
    if let Some(source) = written.from.iter().find(secret) {
        return Err(format!(
            "`attributes.{name}` is read from `{source}`, which is a secret: secrets are never provisioned; take it out"
        ));
    }
    Ok(Attribute {
        name: spelled(name),
        canon: None,
        from: table.slots(&written.from),
        reading,
        multi: written.multi,
        split: written.split.iter().filter_map(|text| text.chars().next()).collect(),
        split_before: written.split_before.clone(),
        merge: written.merge,
        skip_first: written.skip_first,
        kept: true,
        also: Vec::new(),
        digits: form.format == Some(FormatName::Csv) && canonical::is_digits(&spelled(name)),
        chosen: [None; 2],
    })
}

fn rules<T>(
    forms: &Option<Vec<ConditionForm>>,
    key: &str,
    table: &mut Table,
    errors: &mut Vec<String>,
    value: impl Fn(RuleValue) -> Option<T>,
) -> Vec<(Condition, T)> {
    let mut rules = Vec::new();
    for form in forms.iter().flatten() {
        let Some(value) = form.value.and_then(&value) else {
            let words =
                if key == "deletion" { "`value: soft` or `value: hard`" } else { "`value: true` or `value: false`" };
            errors.push(format!("a rule of `{key}` needs {words}"));
            continue;
        };
        rules.extend(condition(form, key, table, errors).map(|condition| (condition, value)));
    }
    rules
}

fn condition(form: &ConditionForm, key: &str, table: &mut Table, errors: &mut Vec<String>) -> Option<Condition> {
    match Condition::compile(form, &mut |name| table.slot(name)) {
        Ok(condition) => Some(condition),
        Err(message) => {
            errors.push(format!("in `{key}`: {message}"));
            None
        }
    }
}

fn derived(form: &PresetForm, errors: &mut Vec<String>) -> Derived {
    let mut derived = Derived::default();
    for (name, rule) in form.derived.iter().flatten() {
        if let Err(Misfit { message, help, .. }) = compiled_rule(&mut derived, name, rule) {
            errors.push(format!("{message}: {help}"));
        }
    }
    derived
}

fn check_anchors(anchors: &[String], form: &PresetForm, attributes: &[Attribute], errors: &mut Vec<String>) {
    for name in anchors.iter().chain(form.anchor_if_allowed.iter().flatten()) {
        if !attributes.iter().any(|attribute| attribute.name.eq_ignore_ascii_case(name)) {
            errors.push(format!("the anchor `{name}` is not among `attributes`: say there where it is read from"));
        }
    }
}

fn mark_uses(preset: &mut Preset, ignored: &[Slot], secret: &[Slot], single: &[Slot], settings: &Settings) {
    let mut uses = std::mem::take(&mut preset.uses);
    let anchors: Vec<&String> = preset.anchor.iter().chain(&preset.anchor_if_allowed).chain(&settings.anchor).collect();
    for attribute in &preset.attributes {
        let is_anchor = anchors.iter().any(|anchor| attribute.name.eq_ignore_ascii_case(anchor));
        // who has roles is told the target, and that somebody has none
        let is_roles =
            attribute.name.eq_ignore_ascii_case("appRoleAssignments") && settings.wants("appRoleAssignments");
        let vital = is_anchor || is_roles;
        for slot in &attribute.from {
            let entry = &mut uses[slot.index()];
            entry.used = true;
            entry.vital |= vital;
            entry.text |= !attribute.reading.takes_octets();
        }
    }
    for slot in preset.references.iter().flat_map(|one| one.from.iter().chain(one.changes.iter().flatten())) {
        let entry = &mut uses[slot.index()];
        (entry.used, entry.text) = (true, true);
        entry.vital |= settings.references;
    }
    for slot in preset.references.iter().filter(|one| one.by == super::ReferenceBy::Dn).flat_map(|one| &one.from) {
        uses[slot.index()].dns = true;
    }
    for (condition, _) in &preset.account_enabled {
        condition.each_slot(&mut |slot| {
            let entry = &mut uses[slot.index()];
            (entry.used, entry.text, entry.vital, entry.account) = (true, true, true, true);
        });
    }
    for (condition, _) in &preset.deletion {
        condition.each_slot(&mut |slot| {
            let entry = &mut uses[slot.index()];
            (entry.used, entry.text, entry.vital) = (true, true, true);
        });
    }
    let asked = preset.kinds.iter().map(|(_, when)| when).chain(&preset.drop_rows);
    for condition in asked {
        condition.each_slot(&mut |slot| uses[slot.index()].used = true);
    }
    for slot in preset.rename.iter().map(|rename| rename.to) {
        uses[slot.index()].used = true;
    }
    let conditions = preset.kinds.iter().map(|(_, when)| when).chain(preset.deletion.iter().map(|(when, _)| when));
    let mut existence: Vec<Slot> = preset.partial.names.clone();
    for condition in conditions.chain(preset.account_enabled.iter().map(|(when, _)| when)) {
        condition.each_existence(&mut |slot| existence.push(slot));
    }
    existence.sort_unstable();
    existence.dedup();
    preset.existence = existence;
    for slot in ignored {
        uses[slot.index()].ignored = true;
    }
    for slot in preset.names.slots() {
        uses[slot.index()].secret = secret.contains(&slot) || canonical::is_secret(preset.names.name(slot));
    }
    for slot in single {
        uses[slot.index()].single = true;
    }
    preset.uses = uses;
}
