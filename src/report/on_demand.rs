//! The answer of an on-demand run (service.md 19, contract.md 5).

use serde_json::{Value, json};

use super::entry::{JobContext, entry_json, outcome_sentence};
use crate::model::{Entry, LoggedStatus, RunError};

/// What became of one person named on the command line.
#[derive(Debug, Clone, Copy)]
pub struct OnDemandRow<'a> {
    /// As it was typed.
    pub id: &'a str,
    pub entry: Option<&'a Entry>,
    /// Why there is no entry, such as that nobody was found.
    pub error: Option<&'a RunError>,
}

/// Returns the published pair of result and log record; `value` is null where nothing was evaluated.
pub fn on_demand_json(row: OnDemandRow<'_>, job: &JobContext) -> Value {
    let (result, details) = match (row.entry, row.error) {
        (_, Some(error)) => ("Failure", json!({ "errorCode": error.code, "errorMessage": error.message })),
        (Some(entry), None) => result(entry),
        (None, None) => ("Skipped", Value::Null),
    };
    json!({
        "key": { "result": result, "details": details },
        "value": row.entry.map(|entry| entry_json(entry, job)),
    })
}

fn result(entry: &Entry) -> (&'static str, Value) {
    match entry.status {
        LoggedStatus::Success | LoggedStatus::Warning => ("Success", Value::Null),
        LoggedStatus::Skipped | LoggedStatus::NotEvaluated => {
            ("Skipped", json!({ "errorCode": entry.reason, "errorMessage": outcome_sentence(entry) }))
        }
        LoggedStatus::Failure => match &entry.failure {
            Some(failure) => {
                ("Failure", json!({ "errorCode": failure.code.as_str(), "errorMessage": failure.message }))
            }
            None => ("Failure", json!({ "errorCode": entry.reason, "errorMessage": outcome_sentence(entry) })),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::{job, redundant, refused};
    use super::*;

    #[test]
    fn the_key_says_how_it_ended() {
        let (refused, redundant) = (refused(), redundant());
        let mut done = redundant.clone();
        done.status = LoggedStatus::Success;
        let nobody = RunError {
            code: "SourceObjectNotFound".into(),
            message: "nobody is called `x`".into(),
            help: String::new(),
        };
        let row = |entry, error| OnDemandRow { id: "x", entry, error };
        let cases = [
            (
                row(Some(&refused), None),
                json!({"result": "Failure", "details": {"errorCode": "EntryConflict", "errorMessage": "409 uniqueness: userName `taro` is taken"}}),
            ),
            (
                row(Some(&redundant), None),
                json!({"result": "Skipped", "details": {"errorCode": "RedundantExport", "errorMessage": "source and target already agree"}}),
            ),
            (row(Some(&done), None), json!({"result": "Success", "details": null})),
            (
                row(None, Some(&nobody)),
                json!({"result": "Failure", "details": {"errorCode": "SourceObjectNotFound", "errorMessage": "nobody is called `x`"}}),
            ),
        ];
        for (row, expected) in cases {
            let answer = on_demand_json(row, &job());
            assert_eq!(answer["key"], expected);
            assert_eq!(answer["value"].is_object(), row.entry.is_some());
        }
    }
}
