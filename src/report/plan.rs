//! A plan: every intended action of a cycle, for whoever reviews it (contract.md 2 and 5, `plan`).

use serde_json::{Map, Value, json};

use super::cycle::cycle_json;
use super::entry::kind_name;
use super::plain;
use super::time::time;
use crate::model::{CycleReport, Entry, Intended, LoggedAction, LoggedStatus, ModifiedProperty, StepKind};

/// The groups of a review in their order: the word of the action or status, and its title.
pub const GROUPS: [(&str, &str); 6] = [
    ("create", "To be created"),
    ("update", "To be changed"),
    ("disable", "To be disabled"),
    ("delete", "To be deleted"),
    ("staged", "Withheld until approved"),
    ("failed", "Cannot be done"),
];

/// Returns one action of a plan; `None` for an object with which nothing is intended.
///
/// `status` is `planned`, `staged` (it waits for approval) or `failed`; only what is planned has requests and a digest.
pub fn action_json(entry: &Entry, intended: Option<&Intended>) -> Option<Value> {
    let status = match (entry.action, entry.status, intended) {
        (_, LoggedStatus::Failure, _) => "failed",
        (LoggedAction::StagedAction | LoggedAction::StagedDelete, _, _) => "staged",
        (_, _, Some(_)) => "planned",
        (_, _, None) => return None,
    };
    let step_of = |kind: StepKind| entry.steps.iter().find(|step| step.kind == kind);
    let references = step_of(StepKind::ReferenceResolution).map(|step| &step.details);
    let step = step_of(StepKind::Processing);
    let why = step.map(|step| step.description.as_str());
    let mut source = Map::new();
    source.insert("id".to_owned(), json!(entry.source.id));
    source.insert("displayName".to_owned(), json!(entry.source.display_name));
    source.extend(entry.source.details.clone());
    let mut action = json!({
        "action": entry.action.as_str(),
        "status": status,
        "kind": kind_name(entry.kind),
        "reason": entry.reason,
        "why": entry.failure.as_ref().map(|failure| failure.message.as_str()).or(why),
        "source": source,
        "target": entry.target.as_ref().map(|target| json!({ "id": target.id, "displayName": target.display_name })),
        "changes": changes(&entry.modified),
        "references": references,
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
        if !intended.digest.is_empty() {
            action["digest"] = json!(intended.digest);
        }
    }
    Some(action)
}

fn changes(modified: &[ModifiedProperty]) -> Value {
    modified.iter().map(|one| json!({ "attribute": one.name, "before": one.old, "after": one.new })).collect()
}

/// The counts of a plan, as those of a cycle.
pub fn plan_counts(report: &CycleReport) -> Value {
    cycle_json(report)["counts"].take()
}

/// The group of an action, as a place in [`GROUPS`].
pub fn action_group(action: &Value) -> usize {
    let word = match text(action, "status") {
        "planned" => text(action, "action"),
        other => other,
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
        let side = |name: &str| change[name].as_str().map_or("-".into(), plain);
        line(&format!("{}: {} → {}", plain(text(change, "attribute")), side("before"), side("after")));
    }
    for (attribute, said) in action["references"].as_object().into_iter().flatten() {
        line(&format!("{}: {}", plain(attribute), plain(said.as_str().unwrap_or_default())));
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
