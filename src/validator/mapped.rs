//! The attributes of a mapping, each by the very requests that a job sends for it.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::conversation::{Checked, Conversation, Finding, Form, bare, id_of};
use super::judge::{Status, judge, refused};
use super::report::Row;
use super::table::{About, Severity};
use crate::config::MappingFile;
use crate::mapping::{AttributeMapping, ObjectMapping};
use crate::model::{
    ApplyMode, AttributeRule, Mutability, ObjectKind, Resource, Role, RoleForm, TargetValue, ValueKind,
};
use crate::wire::{Change, Desired, Wire, segment};

/// One attribute with the values it is tried with.
struct Tried {
    rule: Arc<AttributeRule>,
    kind: ValueKind,
    multivalued: bool,
    constant: Option<TargetValue>,
}

/// One attribute in one run: its rule, its first value, and the one it changes to.
struct Sample {
    rule: Arc<AttributeRule>,
    first: Option<TargetValue>,
    second: Option<TargetValue>,
}

/// The ids of the checks that a mapping brings.
pub fn ids(file: &MappingFile) -> Vec<String> {
    (1..=objects(file).map(|mapping| mapping.attributes().len()).sum()).map(id).collect()
}

fn id(number: usize) -> String {
    format!("M-{number:02}")
}

fn objects(file: &MappingFile) -> impl Iterator<Item = &ObjectMapping> {
    std::iter::once(&file.users).chain(&file.groups).map(|object| &object.mapping)
}

/// Whether the mapping sends something at a path that contains `part`, whatever its case.
pub(super) fn sends(file: &MappingFile, part: &str) -> bool {
    let part = part.to_ascii_lowercase();
    objects(file)
        .flat_map(ObjectMapping::attributes)
        .any(|one| one.rule.path.as_str().to_ascii_lowercase().contains(&part))
}

/// Whether users get the attribute at `path`.
pub(super) fn sends_for_users(file: &MappingFile, path: &str) -> bool {
    file.users.mapping.attributes().iter().any(|one| one.rule.path.as_str().eq_ignore_ascii_case(path))
}

/// Tries every attribute of the mapping in every form; a row for each.
pub(super) async fn check(
    cx: &mut Conversation,
    file: &MappingFile,
    wanted: impl Fn(&str) -> bool,
    forms: &[Form],
) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut number = 0;
    for mapping in objects(file) {
        let from = rows.len();
        for attribute in mapping.attributes() {
            number += 1;
            rows.push(Row::new(about(number, attribute)));
        }
        let tried: Vec<Tried> = mapping.attributes().iter().map(Tried::of).collect();
        let chosen: Vec<bool> = rows[from..].iter().map(|row| wanted(&row.check.id)).collect();
        if !chosen.contains(&true) {
            continue;
        }
        for form in forms {
            let found = round(cx, mapping.kind(), &tried, &chosen, *form).await;
            for ((row, ended), _) in rows[from..].iter_mut().zip(found).zip(&chosen).filter(|(_, chosen)| **chosen) {
                row.add(*form, ended);
            }
            cx.tidy().await;
            if cx.interrupted() {
                break;
            }
        }
    }
    rows.retain(|row| wanted(&row.check.id));
    rows
}

fn about(number: usize, attribute: &AttributeMapping) -> About {
    let path = attribute.rule.path.as_str();
    About {
        id: Cow::Owned(id(number)),
        name: Cow::Owned(path.to_owned()),
        title: Cow::Borrowed("is taken, changed and returned as the mapping sends it"),
        severity: Severity::Must,
        forms: &Form::ALL,
        hits: &[],
        reference: Cow::Borrowed("wire.md 8, 10"),
        remedy: Cow::Owned(format!("take `{path}` in a create and in an update, and return what was sent")),
    }
}

impl Tried {
    fn of(mapping: &AttributeMapping) -> Self {
        Self {
            rule: mapping.rule.clone(),
            kind: mapping.kind,
            multivalued: mapping.multivalued,
            constant: mapping.constant().cloned(),
        }
    }

    /// The values it is tried with; none where it is never sent or only with another object's identifier.
    fn sample(&self, cx: &mut Conversation, kind: ObjectKind) -> Sample {
        let rule = self.rule.clone();
        if rule.mutability == Mutability::ReadOnly || rule.reference || self.kind == ValueKind::Reference {
            return Sample { rule, first: None, second: None };
        }
        let first = self.constant.clone().unwrap_or_else(|| self.value(cx, kind, true));
        let changes = self.constant.is_none()
            && rule.apply != ApplyMode::OnCreate
            && rule.mutability != Mutability::Immutable
            && !(cx.kintone && rule.path.is_core("userName"));
        let second = changes.then(|| self.value(cx, kind, false)).filter(|second| *second != first);
        Sample { rule, first: Some(first), second }
    }

    fn value(&self, cx: &mut Conversation, kind: ObjectKind, first: bool) -> TargetValue {
        let text = self.text(cx, kind, first);
        let path = &self.rule.path;
        match self.kind {
            ValueKind::Boolean => TargetValue::Boolean(first),
            ValueKind::Integer => TargetValue::Integer(if first { 17 } else { 18 }),
            ValueKind::DateTime => {
                TargetValue::DateTime(if first { "2026-01-31T09:00:00Z" } else { "2026-02-28T15:30:00Z" }.to_owned())
            }
            ValueKind::Binary => TargetValue::Text(if first { "AQIDBA==" } else { "BAMCAQ==" }.to_owned()),
            ValueKind::String | ValueKind::Reference if self.multivalued && path.is_core("roles") => {
                let role = Role { id: None, value: text.clone(), display: Some(text) };
                TargetValue::Roles(RoleForm::Assertive, vec![role])
            }
            ValueKind::String | ValueKind::Reference if self.multivalued => TargetValue::List(vec![text]),
            ValueKind::String | ValueKind::Reference => TargetValue::Text(text),
        }
    }

    /// A text that suits the attribute; names and addresses are those of nobody else.
    fn text(&self, cx: &mut Conversation, kind: ObjectKind, first: bool) -> String {
        let path = &self.rule.path;
        let sub = path.sub().unwrap_or_default().to_ascii_lowercase();
        let pick = |one: &str, two: &str| if first { one } else { two }.to_owned();
        let attribute = path.attribute().to_ascii_lowercase();
        match (attribute.as_str(), sub.as_str()) {
            ("username", _) => format!("{}@example.com", cx.name()),
            ("emails", "" | "value") => format!("{}@example.com", cx.name()),
            ("displayname", _) if kind == ObjectKind::Group => cx.name(),
            ("displayname" | "externalid", _) => cx.name(),
            ("password", _) => format!("Pv1-{}", uuid::Uuid::new_v4().simple()),
            ("phonenumbers", "" | "value") => pick("+81 3-1234-5678", "+81 3-8765-4321"),
            ("photos", "" | "value") | ("profileurl", _) => pick("https://example.com/one", "https://example.com/two"),
            ("preferredlanguage" | "locale", _) => pick("en-US", "ja-JP"),
            ("timezone", _) => pick("Asia/Tokyo", "Europe/Berlin"),
            ("addresses", "country") => pick("JP", "DE"),
            ("usertype", _) => pick("Employee", "Contractor"),
            (_, "type") => pick("work", "other"),
            _ => pick("One of 山田", "Two of Jørgen"),
        }
    }
}

/// Makes one object with everything that is mapped, then changes one attribute after the other.
async fn round(cx: &mut Conversation, kind: ObjectKind, tried: &[Tried], chosen: &[bool], form: Form) -> Vec<Checked> {
    if kind == ObjectKind::Group
        && let Err(finding) = cx.with_groups()
    {
        return tried.iter().map(|_| Err(finding.clone())).collect();
    }
    let wire = cx.wire(form.dialect());
    let samples: Vec<Sample> = tried.iter().map(|one| one.sample(cx, kind)).collect();
    let whole = create(cx, &wire, kind, &samples.iter().collect::<Vec<_>>()).await;
    let mut found = Vec::with_capacity(samples.len());
    for (index, sample) in samples.iter().enumerate() {
        let ended = match (&sample.first, &whole) {
            _ if !chosen[index] => Ok(()),
            (None, _) => reference(cx, &wire, kind, sample, &samples).await,
            (Some(_), Ok(made)) => one(cx, &wire, kind, sample, made.clone(), form).await,
            // Which attribute is refused is found out by making objects with as little as can be.
            (Some(_), Err(why)) => match alone(cx, &wire, kind, sample, &samples).await {
                Ok(made) => one(cx, &wire, kind, sample, made, form).await,
                Err(finding) if needed(sample) => Err(why.clone_as(finding)),
                Err(finding) => Err(finding),
            },
        };
        found.push(ended);
    }
    found
}

impl Finding {
    /// The same, where the other is only a consequence.
    fn clone_as(&self, other: Self) -> Self {
        Self { exchange: other.exchange.or_else(|| self.exchange.clone()), ..self.clone() }
    }
}

/// No object comes about without these.
fn needed(sample: &Sample) -> bool {
    sample.rule.matching.is_some() || sample.rule.path.is_core("userName") || sample.rule.path.is_core("displayName")
}

async fn create(cx: &mut Conversation, wire: &Wire, kind: ObjectKind, samples: &[&Sample]) -> Checked<Resource> {
    let desired: Vec<Desired<'_>> = samples
        .iter()
        .filter(|sample| sample.first.is_some())
        .map(|sample| Desired { path: &sample.rule.path, value: sample.first.as_ref(), single_role: false })
        .collect();
    let password = format!("Pv1{}", &uuid::Uuid::new_v4().simple().to_string()[..5]);
    let seen = cx.raw(bare(wire.create(kind, &desired, Some(&password)))).await?;
    let made = Resource::new(seen.body.clone()).filter(|_| seen.status < 300);
    let Some(made) = made else { return cx.fails(format!("a create is refused: {}", refused(&seen))) };
    read(cx, kind, &made).await
}

async fn alone(
    cx: &mut Conversation,
    wire: &Wire,
    kind: ObjectKind,
    sample: &Sample,
    all: &[Sample],
) -> Checked<Resource> {
    // Names that were sent with what was refused may be taken all the same: they are not what is tried here.
    let with: Vec<&Sample> =
        all.iter().filter(|other| needed(other) && other.rule.path != sample.rule.path).chain([sample]).collect();
    create(cx, wire, kind, &with).await
}

async fn read(cx: &mut Conversation, kind: ObjectKind, made: &Resource) -> Checked<Resource> {
    let collection = match kind {
        ObjectKind::User => "/Users",
        ObjectKind::Group => "/Groups",
    };
    let write = cx.last.clone();
    let seen = cx.get(&format!("{collection}/{}", segment(made.id().as_str())), "").await?;
    cx.last = write;
    match Resource::new(seen.body.clone()).filter(|_| seen.status == 200) {
        Some(read) => Ok(read),
        None => cx.fails(format!("cannot be read afterwards: {}", refused(&seen))),
    }
}

/// The value of the create, that of an update, and the filter where it is a matching attribute.
async fn one(
    cx: &mut Conversation,
    wire: &Wire,
    kind: ObjectKind,
    sample: &Sample,
    made: Resource,
    form: Form,
) -> Checked {
    let rule = &sample.rule;
    // Others changed it meanwhile, so that it is read again.
    let mut now = read(cx, kind, &made).await?;
    if let Some(first) = &sample.first {
        holds(cx, rule, first, &now, "after the create")?;
    }
    if let Some(second) = &sample.second {
        let change = Change { path: &rule.path, set: Some(second), present: now.get(&rule.path).is_some() };
        for request in wire.update(kind, &now, &[change], None).requests {
            let seen = cx.raw(bare(request)).await?;
            if seen.status >= 300 {
                return cx.fails(format!("an update is refused: {}", refused(&seen)));
            }
        }
        now = read(cx, kind, &now).await?;
        holds(cx, rule, second, &now, "after an update")?;
    }
    let Some(value) = sample.second.as_ref().or(sample.first.as_ref()).filter(|_| rule.matching.is_some()) else {
        return Ok(());
    };
    let mut seen = cx.find(form, kind, rule.path.as_str(), &value.to_text()).await?;
    seen.current = Value::Object(now.body().clone());
    match judge("C-03", &seen) {
        Some(wrong) if wrong.status != Status::Pass => cx.fails(format!("as a matching attribute: {}", wrong.why)),
        Some(_) | None => Ok(()),
    }
}

fn holds(cx: &Conversation, rule: &AttributeRule, wanted: &TargetValue, now: &Resource, when: &str) -> Checked {
    if rule.mutability == Mutability::WriteOnly || rule.path.is_core("password") {
        return Ok(());
    }
    match now.get(&rule.path) {
        Some(held) if wanted.agrees_with(held, rule.case_exact) => Ok(()),
        held => {
            let found = held.map_or_else(|| "nothing".to_owned(), Value::to_string);
            cx.fails(format!("{found} instead of {} {when}", wanted.to_json()))
        }
    }
}

/// A manager, and members of a group, lead to another object, which has to be there first.
async fn reference(cx: &mut Conversation, wire: &Wire, kind: ObjectKind, sample: &Sample, all: &[Sample]) -> Checked {
    let rule = &sample.rule;
    if rule.mutability == Mutability::ReadOnly {
        return Err(Finding::not_here("it is never sent"));
    }
    if rule.path.is_core("members") {
        return Err(Finding::not_here("membership is tried by C-09, C-10 and C-30"));
    }
    let other = cx.user(serde_json::json!({})).await?;
    let least: Vec<&Sample> = all.iter().filter(|other| needed(other)).collect();
    // Names are taken once; the object of this check gets its own.
    let mut fresh: Vec<Sample> = Vec::with_capacity(least.len());
    for sample in least {
        let first = match &sample.first {
            Some(TargetValue::Text(_)) => Some(TargetValue::Text(format!("{}@example.com", cx.name()))),
            other => other.clone(),
        };
        fresh.push(Sample { rule: sample.rule.clone(), first, second: None });
    }
    let made = create(cx, wire, kind, &fresh.iter().collect::<Vec<_>>()).await?;
    let value = TargetValue::Reference(id_of(&other).to_owned());
    let change = Change { path: &rule.path, set: Some(&value), present: false };
    for request in wire.update(kind, &made, &[change], None).requests {
        let seen = cx.raw(bare(request)).await?;
        if seen.status >= 300 {
            return cx.fails(format!("an update is refused: {}", refused(&seen)));
        }
    }
    let now = read(cx, kind, &made).await?;
    holds(cx, rule, &value, &now, "after an update")
}
