//! The expression vectors (expressions.md 10), the examples of all functions and the reference made from them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use provisiond::expr::{self, SeededRandom};
use serde_json::{Value, json};

fn vectors() -> PathBuf {
    let directory = std::env::var_os("PROVISIOND_VECTORS").map(PathBuf::from);
    let directory = directory.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"));
    directory.join("expressions.json")
}

/// Answers one case through the same function as `eval --batch`.
fn answer(case: &Value) -> Value {
    let now = expr::DateTime::from(jiff::Timestamp::now());
    let line = serde_json::to_string(case).expect("a JSON value has a text");
    let answer = expr::answer_line(&line, now, &SeededRandom::new([7; 32]));
    let answer: Value = serde_json::from_str(&answer).expect("the answer is JSON");
    assert_eq!(answer["id"], case["id"]);
    match answer.get("error") {
        Some(error) => json!({ "error": error["code"] }),
        None => answer["value"].clone(),
    }
}

#[test]
fn vectors_of_expressions_hold() {
    let path = vectors();
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut failed = Vec::new();
    let mut held = 0;
    for case in &cases {
        let given = answer(case);
        if given == case["expected"] {
            held += 1;
        } else {
            failed.push(format!("{}: expected {}, got {given}", case["id"], case["expected"]));
        }
    }
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
    assert_eq!(held, cases.len(), "every case of the file was run");
    assert!(held > 0, "the file has cases");
    let ids: BTreeSet<String> = cases.iter().map(|case| case["id"].to_string()).collect();
    assert_eq!(ids.len(), cases.len(), "every case has an id of its own");
}

#[test]
fn examples_of_all_functions_hold() {
    let mut count = 0;
    for (function, expression, source, gives) in expr::examples() {
        let parse = |text: &str| -> Value {
            serde_json::from_str(text).unwrap_or_else(|error| panic!("example of {function}: {error}: {text}"))
        };
        let case = json!({ "id": function, "expression": expression, "source": parse(source) });
        assert_eq!(answer(&case), parse(gives), "{expression}");
        count += 1;
    }
    assert!(count > 50, "only {count} examples");
}

#[test]
fn reference_is_up_to_date() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("mappings/FUNCTIONS.md");
    let made = expr::reference_markdown();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &made).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(kept, made, "run this test with UPDATE_REFERENCE=1 to write {}", path.display());
}
