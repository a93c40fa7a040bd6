//! Drift, account discovery and one person's story (contract.md 5).

use serde_json::{Map, Value, json};

use super::entry::{JobContext, entry_json};
use crate::model::{Account, AccountState, Drift, DriftState, Entry, Story};

pub fn drift_json(drift: &Drift) -> Value {
    let differences: Vec<Value> = drift
        .differences
        .iter()
        .map(|one| json!({ "displayName": one.name, "oldValue": one.old, "newValue": one.new }))
        .collect();
    json!({
        "source": drift.source,
        "target": drift.target,
        "state": drift_name(drift.state),
        "differences": differences,
    })
}

pub(super) fn drift_name(state: DriftState) -> &'static str {
    match state {
        DriftState::Same => "same",
        DriftState::Differs => "differs",
        DriftState::Missing => "missing",
        DriftState::Inactive => "inactive",
    }
}

pub fn account_json(account: &Account) -> Value {
    json!({
        "target": account.target,
        "name": account.name,
        "source": account.source,
        "state": account_name(account.state),
    })
}

pub(super) fn account_name(state: AccountState) -> &'static str {
    match state {
        AccountState::Local => "local",
        AccountState::Unassigned => "unassigned",
        AccountState::Assigned => "assigned",
    }
}

pub fn story_json(story: &Story, job: &JobContext) -> Value {
    let expressions: Vec<Value> = story
        .expressions
        .iter()
        .map(|one| {
            let inputs: Map<String, Value> =
                one.inputs.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            let (value, error) = match &one.value {
                Ok(value) => (json!(value), Value::Null),
                Err(why) => (Value::Null, json!(why)),
            };
            json!({ "target": one.target, "text": one.text, "inputs": inputs, "value": value, "error": error })
        })
        .collect();
    json!({
        "user": story.id,
        "source": story.origin.as_ref().map(|origin| json!({ "file": origin.file, "line": origin.line })),
        "expressions": expressions,
        "now": story.now.as_ref().map(|entry| told(entry, job)),
        "error": story.error.as_ref().map(super::cycle::run_error_json),
        "log": story.log.iter().map(|entry| told(entry, job)).collect::<Vec<Value>>(),
    })
}

/// A record of the log with the requests and answers of that time, which the published record has no place for.
fn told(entry: &Entry, job: &JobContext) -> Value {
    let body = |text: &Option<String>| match text {
        // What was cut is no JSON any more, and is shown as it stands.
        Some(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        None => Value::Null,
    };
    let exchanges: Vec<Value> = entry
        .exchanges
        .iter()
        .map(|one| {
            json!({
                "request": one.request,
                "body": body(&one.body),
                "status": one.status,
                "answer": body(&one.answer),
                "fault": one.fault,
            })
        })
        .collect();
    let mut record = entry_json(entry, job);
    record["exchanges"] = json!(exchanges);
    record
}
