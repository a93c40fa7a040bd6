//! The problems of a configuration (contract.md 5, `check`).

use serde_json::{Value, json};

use crate::diagnostic::Diagnostic;

/// Returns the document of `check`; `configuration` is the effective one, null where it could not be read.
pub fn check_json(problems: &[Diagnostic], configuration: Value) -> Value {
    json!({
        "ok": !problems.iter().any(Diagnostic::is_error),
        "problems": problems_json(problems),
        "configuration": configuration,
    })
}

/// Returns the problems alone, as they stand beside an error of the process too.
pub fn problems_json(problems: &[Diagnostic]) -> Value {
    problems.iter().map(Diagnostic::to_json).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Place;

    #[test]
    fn problems_keep_their_place() {
        let warning = Diagnostic::warning("row_short", "row has 3 cells").with_place(Place::of_line("users.csv", 7));
        let error = Diagnostic::error("unknown_key", "unknown key `targt`").with_help("did you mean `target`");
        assert_eq!(
            check_json(&[warning.clone(), error], json!({"state": "state.db"})),
            json!({
                "ok": false,
                "problems": [
                    {"severity": "warning", "file": "users.csv", "line": 7, "column": null, "code": "row_short",
                     "message": "row has 3 cells", "help": null},
                    {"severity": "error", "file": null, "line": null, "column": null, "code": "unknown_key",
                     "message": "unknown key `targt`", "help": "did you mean `target`"},
                ],
                "configuration": {"state": "state.db"},
            })
        );
        assert_eq!(check_json(&[warning], Value::Null)["ok"], true);
    }
}
