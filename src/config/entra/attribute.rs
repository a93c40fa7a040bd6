//! One attribute mapping together with the definitions of its attributes.

use serde_json::{Value as Json, json};

use super::find::{definition, text};
use super::source;
use crate::mapping::{Draft, Source, is_multivalued, kind_of};
use crate::model::{ApplyMode, Mutability, TargetPath, ValueKind};

/// What the directories of a rule say about the attributes of one object.
#[derive(Clone, Copy)]
pub(super) struct Definitions<'j> {
    pub source: &'j [Json],
    pub target: &'j [Json],
}

const TYPES: [(&str, ValueKind); 6] = [
    ("String", ValueKind::String),
    ("Boolean", ValueKind::Boolean),
    ("Integer", ValueKind::Integer),
    ("DateTime", ValueKind::DateTime),
    ("Reference", ValueKind::Reference),
    ("Binary", ValueKind::Binary),
];

const MUTABILITY: [(&str, Mutability); 4] = [
    ("ReadWrite", Mutability::ReadWrite),
    ("ReadOnly", Mutability::ReadOnly),
    ("Immutable", Mutability::Immutable),
    ("WriteOnly", Mutability::WriteOnly),
];

const FLOW_TYPES: [(&str, ApplyMode); 3] = [
    ("Always", ApplyMode::Always),
    ("ObjectAddOnly", ApplyMode::OnCreate),
    ("MultiValueAddOnly", ApplyMode::MultiValueAddOnly),
];

/// A member whose value is not honoured.
#[derive(Debug)]
pub(super) struct Refused {
    pub member: &'static str,
    pub value: String,
    pub known: Vec<&'static str>,
}

/// Reads an attribute mapping, with every value that is not honoured.
pub(super) fn read(mapping: &Json, definitions: Definitions<'_>) -> (Draft, Vec<Refused>) {
    let mut refused = Vec::new();
    let target = text(mapping, "targetAttributeName").unwrap_or_default();
    let source = mapping.get("source").filter(|source| !source.is_null()).and_then(source::read);
    let defined = definition(definitions.target, target);
    let word = |one: Option<&Json>, member| one.and_then(|one| text(one, member).map(str::to_owned));
    let flag = |one: Option<&Json>, member| one.and_then(|one| one.get(member)).and_then(Json::as_bool);
    let apply = choose(&FLOW_TYPES, "flowType", word(Some(mapping), "flowType"), &mut refused);
    let flows = [("FlowWhenChanged", false), ("FlowAlways", true)];
    let always = choose(&flows, "flowBehavior", word(Some(mapping), "flowBehavior"), &mut refused);
    let kind = choose(&TYPES, "type", word(defined, "type"), &mut refused);
    let mutability = choose(&MUTABILITY, "mutability", word(defined, "mutability"), &mut refused);
    let read_from = match &source {
        Some(Source::Attribute(name)) => definition(definitions.source, name),
        _ => None,
    };
    let priority = mapping.get("matchingPriority").and_then(Json::as_u64).filter(|priority| *priority > 0);
    let draft = Draft {
        default: word(Some(mapping), "defaultValue").filter(|default| !default.is_empty()),
        matching: priority.map(|priority| u32::try_from(priority).unwrap_or(u32::MAX)),
        apply,
        always: always.unwrap_or(false),
        kind,
        multivalued: flag(defined, "multivalued"),
        required: flag(defined, "required").unwrap_or(false),
        case_exact: flag(defined, "caseExact").unwrap_or(true),
        mutability: mutability.unwrap_or_default(),
        flow_null_values: flag(Some(mapping), "flowNullValues").unwrap_or(false),
        source_flow_null_values: flag(read_from, "flowNullValues").unwrap_or(false),
        ..Draft::new(target, source.unwrap_or(Source::None))
    };
    (normal(draft), refused)
}

fn choose<T: Copy>(
    table: &[(&'static str, T)],
    member: &'static str,
    value: Option<String>,
    refused: &mut Vec<Refused>,
) -> Option<T> {
    let value = value?;
    let found = table.iter().find(|(name, _)| name.eq_ignore_ascii_case(&value)).map(|(_, choice)| *choice);
    if found.is_none() {
        refused.push(Refused { member, value, known: table.iter().map(|(name, _)| *name).collect() });
    }
    found
}

fn name_of<T: Copy + PartialEq>(table: &[(&'static str, T)], wanted: T) -> Json {
    table.iter().find(|(_, choice)| *choice == wanted).map_or(Json::Null, |(name, _)| json!(name))
}

/// Leaves out what goes without saying, so that two spellings of one mapping are equal.
pub(super) fn normal(draft: Draft) -> Draft {
    let path: Option<TargetPath> = draft.target.parse().ok();
    let usual = path.as_ref().map_or((ValueKind::String, false), |path| (kind_of(path), is_multivalued(path)));
    Draft {
        kind: draft.kind.filter(|kind| *kind != usual.0),
        multivalued: draft.multivalued.filter(|several| *several != usual.1),
        apply: draft.apply.filter(|apply| *apply != ApplyMode::Always),
        ..draft
    }
}

/// Writes what differs from `before` into an attribute mapping; a new one gets every member.
pub(super) fn write(mapping: &mut Json, before: Option<&Draft>, draft: &Draft) {
    let differs = |of: &dyn Fn(&Draft) -> bool| before.is_none_or(of);
    if differs(&|before| before.default != draft.default) {
        mapping["defaultValue"] = json!(draft.default);
    }
    if before.is_none() {
        mapping["exportMissingReferences"] = json!(false);
    }
    if differs(&|before| before.always != draft.always) {
        mapping["flowBehavior"] = json!(if draft.always { "FlowAlways" } else { "FlowWhenChanged" });
    }
    if differs(&|before| before.apply != draft.apply) {
        mapping["flowType"] = name_of(&FLOW_TYPES, draft.apply.unwrap_or(ApplyMode::Always));
    }
    if differs(&|before| before.matching != draft.matching) {
        mapping["matchingPriority"] = json!(draft.matching.unwrap_or(0));
    }
    if differs(&|before| before.source != draft.source) || !mapping.get("source").is_none_or(source::agrees) {
        mapping["source"] = source::write(&draft.source);
    }
    if differs(&|before| before.target != draft.target) {
        mapping["targetAttributeName"] = json!(draft.target);
    }
    if before.map_or(draft.flow_null_values, |before| before.flow_null_values != draft.flow_null_values) {
        mapping["flowNullValues"] = json!(draft.flow_null_values);
    }
}

/// A definition for a target attribute.
pub(super) fn define(draft: &Draft) -> Json {
    let path: Option<TargetPath> = draft.target.parse().ok();
    let usual = path.as_ref().map_or((ValueKind::String, false), |path| (kind_of(path), is_multivalued(path)));
    json!({
        "anchor": false,
        "apiExpressions": [],
        "caseExact": draft.case_exact,
        "defaultValue": null,
        "metadata": [],
        "multivalued": draft.multivalued.unwrap_or(usual.1),
        "mutability": name_of(&MUTABILITY, draft.mutability),
        "name": draft.target,
        "referencedObjects": [],
        "required": draft.required,
        "type": name_of(&TYPES, draft.kind.unwrap_or(usual.0)),
    })
}

/// Writes into an existing definition of the target attribute what the mapping says otherwise.
pub(super) fn redefine(definition: &mut Json, before: &Draft, draft: &Draft) {
    let wanted = define(draft);
    let changed = [
        ("caseExact", before.case_exact != draft.case_exact),
        ("multivalued", before.multivalued != draft.multivalued),
        ("mutability", before.mutability != draft.mutability),
        ("required", before.required != draft.required),
        ("type", before.kind != draft.kind),
    ];
    for (member, _) in changed.into_iter().filter(|(_, changed)| *changed) {
        definition[member] = wanted[member].clone();
    }
}
