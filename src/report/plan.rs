//! A plan: every intended action of a cycle, for whoever reviews it (contract.md 2 and 5, `plan`).

use serde_json::{Map, Value, json};

use super::cycle::cycle_json;
use super::entry::kind_name;
use super::plain;
use super::time::time;
use crate::model::{
    CycleReport, Entry, Intended, IntendedReference, LoggedAction, LoggedStatus, ModifiedProperty, SourceAnchor,
    StepKind,
};

/// The groups of a review in their order: the word of the action or status, and its title.
pub const GROUPS: [(&str, &str); 7] = [
    ("create", "To be created"),
    ("update", "To be changed"),
    ("references", "Members and managers"),
    ("disable", "To be disabled"),
    ("delete", "To be deleted"),
    ("staged", "Withheld until approved"),
    ("failed", "Cannot be done"),
];

/// Returns one action of a plan; `None` for an object with which nothing is intended.
///
/// `status` is `planned`, `staged` (it waits for approval) or `failed`; only what is planned has requests and a digest.
/// `stage` says when it is sent: `references` follow all `objects`, and each of their changes names whom it is about in the
/// source; `before` and `after` are accounts then, of which one that is yet to be created is called `new:` and its source id.
pub fn action_json(entry: &Entry, intended: Option<&Intended>) -> Option<Value> {
    let status = match (entry.action, entry.status, intended) {
        (_, LoggedStatus::Failure, _) => "failed",
        (LoggedAction::StagedAction | LoggedAction::StagedDelete, _, _) => "staged",
        (_, _, Some(_)) => "planned",
        (_, _, None) => return None,
    };
    let step_of = |kind: StepKind| entry.steps.iter().find(|step| step.kind == kind);
    let references =
        intended.map(|intended| intended.references.as_slice()).filter(|references| !references.is_empty());
    let step = step_of(StepKind::Processing).or(step_of(StepKind::ReferenceResolution));
    let why = match references {
        Some(references) => Some(moves(references)),
        None => step.map(|step| step.description.to_string()),
    };
    let mut source = Map::new();
    source.insert("id".to_owned(), json!(entry.source.id));
    source.insert("displayName".to_owned(), json!(entry.source.display_name));
    source.extend(entry.source.details.iter().map(|(name, value)| (name.to_owned(), value.to_json())));
    let mut action = json!({
        "action": entry.action.as_str(),
        "status": status,
        "stage": if step_of(StepKind::ReferenceResolution).is_some() { "references" } else { "objects" },
        "kind": kind_name(entry.kind),
        "reason": entry.reason,
        "why": entry.failure.as_ref().map(|failure| failure.message.clone()).or(why),
        "source": source,
        "target": entry.target.as_ref().map(|target| json!({ "id": target.id, "displayName": target.display_name })),
        "changes": references.map_or_else(|| changes(&entry.modified), named_changes),
        "requests": [],
        "warnings": entry.warnings,
    });
    if let Some(failure) = &entry.failure {
        action["help"] = json!(failure.remedy);
    }
    if let Some(intended) = intended {
        let requests = intended
            .requests
            .iter()
            .map(|request| json!({ "method": request.method, "path": request.path, "body": request.body }));
        action["requests"] = requests.collect();
        action["at"] = json!(time(intended.at));
        action["digest"] = json!(intended.digest);
    }
    Some(action)
}

fn changes(modified: &[ModifiedProperty]) -> Value {
    modified.iter().map(|one| json!({ "attribute": one.name, "before": one.old, "after": one.new })).collect()
}

/// How many references come and go, in words.
fn moves(references: &[IntendedReference]) -> String {
    let come = references.iter().filter(|one| one.before.is_none()).count();
    let go = references.iter().filter(|one| one.after.is_none()).count();
    let other = references.len() - come - go;
    let parts = [(come, "to be added"), (go, "to be taken away"), (other, "to be another one")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    format!("{}, after all objects", parts.join(", "))
}

fn named_changes(references: &[IntendedReference]) -> Value {
    let change = |one: &IntendedReference| {
        json!({
            "attribute": one.attribute, "before": one.before, "after": one.after,
            "source": one.source.as_ref().map(SourceAnchor::as_str), "name": one.name,
        })
    };
    references.iter().map(change).collect()
}

/// One side of a change as people read it: whom it is about, where it says so.
pub(super) fn side<'a>(change: &'a Value, side: &str) -> Option<&'a str> {
    let value = change[side].as_str()?;
    // Of a manager only the new one is known by name.
    let is_known = side == "after" || change["after"].is_null();
    let name = ["name", "source"].iter().find_map(|name| change[*name].as_str());
    Some(name.filter(|_| is_known).unwrap_or(value))
}

/// The counts of a plan, as those of a cycle.
pub fn plan_counts(report: &CycleReport) -> Value {
    cycle_json(report)["counts"].take()
}

/// The group of an action, as a place in [`GROUPS`].
pub fn action_group(action: &Value) -> usize {
    let word = match (text(action, "status"), text(action, "stage")) {
        ("planned", "references") => "references",
        ("planned", _) => text(action, "action"),
        (other, _) => other,
    };
    GROUPS.iter().position(|(name, _)| *name == word).unwrap_or(GROUPS.len() - 1)
}

/// Returns one action as people read it: the person, why, each attribute before and after, and the requests.
pub fn action_text(action: &Value) -> String {
    let source = &action["source"];
    let word = match text(action, "status") {
        "planned" => text(action, "action"),
        other => other,
    };
    let mut lines = format!("  {word:8} {}", plain(text(source, "displayName")));
    for shown in ["userPrincipalName", "id"].iter().filter_map(|name| source[*name].as_str()) {
        lines.push_str(&format!("  {}", plain(shown)));
    }
    lines.push('\n');
    let mut line = |words: &str| lines.push_str(&format!("           {words}\n"));
    if let Some(why) = action["why"].as_str() {
        line(&format!("{} ({})", plain(why), plain(text(action, "reason"))));
    }
    for change in action["changes"].as_array().into_iter().flatten() {
        let side = |name: &str| side(change, name).map_or("-".into(), plain);
        line(&format!("{}: {} → {}", plain(text(change, "attribute")), side("before"), side("after")));
    }
    for request in action["requests"].as_array().into_iter().flatten() {
        let body = match &request["body"] {
            Value::Null => String::new(),
            body => format!(" {}", plain(&body.to_string())),
        };
        line(&format!("{} {}{body}", text(request, "method"), plain(text(request, "path"))));
    }
    for warning in action["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        line(&format!("warning: {}", plain(warning)));
    }
    lines
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
