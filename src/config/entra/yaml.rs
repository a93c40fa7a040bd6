//! Writes a mapping file.

use super::super::yaml::quoted;
use crate::mapping::{Draft, Source};
use crate::model::{Actions, ApplyMode, Mutability, ObjectKind, ValueKind};
use crate::scoping::GroupDraft;

/// One of the two blocks of a mapping file.
pub(super) struct Section<'d> {
    pub kind: ObjectKind,
    pub endpoint: &'d str,
    pub enabled: bool,
    pub actions: Actions,
    pub scope: &'d [GroupDraft],
    pub input_scope: &'d [GroupDraft],
    pub attributes: &'d [Draft],
}

pub(super) fn write(out: &mut String, section: &Section<'_>) {
    match section.kind {
        ObjectKind::User => out.push_str("users:\n"),
        ObjectKind::Group => out.push_str(&format!("groups:\n  enabled: {}\n", section.enabled)),
    }
    let endpoint = section.endpoint;
    let usual = endpoint.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.'));
    out.push_str(&format!("  endpoint: {}\n", if usual { endpoint.to_owned() } else { always_quoted(endpoint) }));
    let Actions { create, update, delete } = section.actions;
    let actions = [("create", create), ("update", update), ("delete", delete)];
    let actions: Vec<&str> = actions.into_iter().filter(|(_, may)| *may).map(|(name, _)| name).collect();
    out.push_str(&format!("  actions: [{}]\n", actions.join(", ")));
    filter(out, "scope", section.scope);
    filter(out, "input_scope", section.input_scope);
    out.push_str("  attributes:\n");
    for draft in section.attributes {
        out.push_str(&format!("    {}: {}\n", scalar(&draft.target), value(draft)));
    }
}

fn filter(out: &mut String, key: &str, groups: &[GroupDraft]) {
    if groups.is_empty() {
        return;
    }
    out.push_str(&format!("  {key}:\n"));
    for group in groups {
        for (index, clause) in group.clauses.iter().enumerate() {
            let lead = if index == 0 { "    - -" } else { "      -" };
            let value = clause.values.first().filter(|value| !value.is_empty());
            let value = value.map(|value| format!(", value: {}", always_quoted(value))).unwrap_or_default();
            let (attribute, operator) = (scalar(&clause.attribute), scalar(&clause.operator));
            out.push_str(&format!("{lead} {{ attribute: {attribute}, operator: {operator}{value} }}\n"));
        }
    }
}

fn value(draft: &Draft) -> String {
    let plain = *draft == Draft::new(draft.target.clone(), draft.source.clone());
    let text = draft.source.text();
    if plain && Source::of_text(text) == draft.source && !matches!(draft.source, Source::None) {
        return match draft.source {
            Source::Attribute(_) => scalar(text),
            Source::Expression(_) | Source::Constant(_) | Source::None => always_quoted(text),
        };
    }
    let mut members = vec![match &draft.source {
        Source::Attribute(name) => format!("source: {}", scalar(name)),
        Source::Expression(text) => format!("expression: {}", always_quoted(text)),
        Source::Constant(text) => format!("constant: {}", always_quoted(text)),
        Source::None => "none: true".to_owned(),
    }];
    if let Some(default) = &draft.default {
        members.push(format!("default: {}", always_quoted(default)));
    }
    if let Some(precedence) = draft.matching {
        members.push(format!("match: {precedence}"));
    }
    match draft.apply {
        Some(ApplyMode::OnCreate) => members.push("apply: on-create".to_owned()),
        Some(ApplyMode::MultiValueAddOnly) => members.push("apply: multi-value-add-only".to_owned()),
        Some(ApplyMode::Always) | None => {}
    }
    if let Some(kind) = draft.kind {
        let name = match kind {
            ValueKind::String => "String",
            ValueKind::Boolean => "Boolean",
            ValueKind::Integer => "Integer",
            ValueKind::DateTime => "DateTime",
            ValueKind::Reference => "Reference",
            ValueKind::Binary => "Binary",
        };
        members.push(format!("type: {name}"));
    }
    if let Some(several) = draft.multivalued {
        members.push(format!("multivalued: {several}"));
    }
    let flags = [
        (draft.always, "flow: always"),
        (draft.required, "required: true"),
        (!draft.case_exact, "case_exact: false"),
        (draft.mutability == Mutability::ReadOnly, "mutability: ReadOnly"),
        (draft.mutability == Mutability::Immutable, "mutability: Immutable"),
        (draft.mutability == Mutability::WriteOnly, "mutability: WriteOnly"),
        (draft.flow_null_values, "flow_null_values: true"),
        (draft.source_flow_null_values, "source_flow_null_values: true"),
    ];
    members.extend(flags.into_iter().filter(|(given, _)| *given).map(|(_, text)| text.to_owned()));
    format!("{{ {} }}", members.join(", "))
}

/// Bare where YAML cannot misread it, else quoted.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 8] = ["true", "false", "null", "yes", "no", "on", "off", "y"];
    let safe = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '))
        && !text.ends_with(' ')
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    if safe { text.to_owned() } else { always_quoted(text) }
}

fn always_quoted(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return quoted(text);
    }
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            letter if letter.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}
