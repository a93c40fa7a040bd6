//! `eval`, `eval --batch` and `functions` as a person uses them.

use std::collections::BTreeSet;
use std::io::Write;

use assert_cmd::Command;
use provisiond::expr;
use serde_json::{Value, json};

use super::vectors;

fn provisiond(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provisiond"));
    command.args(arguments);
    command
}

fn out(arguments: &[&str], status: i32) -> (String, String) {
    let output = provisiond(arguments).output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {stdout}{stderr}");
    (stdout, stderr)
}

#[test]
fn vectors_of_expressions_hold_through_the_program() {
    let cases = vectors::load("expressions.json");
    let cases = cases.as_array().expect("a list of cases");
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    for case in cases {
        writeln!(file, "{case}").expect("it is written");
    }
    let path = file.path().to_str().expect("a plain path");
    let (printed, _) = out(&["eval", "--batch", path], 0);
    let answers: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(answers.len(), cases.len(), "every line has an answer");
    let mut answers = answers.iter();
    vectors::run_all(cases, |case| {
        let answer = answers.next().expect("they are as many");
        assert_eq!(answer["id"], case["id"], "answers come in the order of the lines");
        let given = match answer.get("error") {
            Some(error) => json!({ "error": error["code"] }),
            None => answer["value"].clone(),
        };
        if given == case["expected"] { Ok(()) } else { Err(format!("expected {}, got {given}", case["expected"])) }
    });
    let ids: BTreeSet<String> = cases.iter().map(|case| case["id"].to_string()).collect();
    assert_eq!(ids.len(), cases.len(), "every id is there once");
    if std::env::var_os("PROVISIOND_VECTORS").is_none() {
        assert_eq!(cases.len(), OUR_CASES, "our copy has all of its cases");
    }
}

/// Lines of our copy of the vectors.
const OUR_CASES: usize = 199;

#[test]
fn one_expression_gives_a_value_a_failure_or_diagnostics() {
    assert_eq!(out(&["eval", r#"ToLower("Sato")"#], 0).0, "sato\n");
    assert_eq!(out(&["eval", r#"ToLower("Sato")"#, "--output", "json"], 0).0, "\"sato\"\n");
    assert_eq!(out(&["eval", r#"Split("a,b", ",")"#], 0).0, "[\"a\",\"b\"]\n");
    assert_eq!(out(&["eval", r#"Error("no")"#], 1).0, "");
    let (printed, problems) = out(&["eval", r#"Wrod("a", 1"#], 2);
    assert_eq!(printed, "");
    assert!(problems.contains("expression:1:"), "{problems}");
    let (_, problems) = out(&["eval", r#"Wrod("a", 1)"#], 2);
    assert!(
        problems.contains("unknown_function") && problems.contains('^') && problems.contains("`Word`"),
        "{problems}"
    );
    let (_, error) = out(&["eval", r#"Left("a", "x")"#, "--output", "json"], 2);
    let error: Value = serde_json::from_str(&error).expect("an error is JSON too");
    assert!(error["error"]["code"].is_string(), "{error}");
    let deep = "Trim(".repeat(5_000) + r#""a""# + &")".repeat(5_000);
    out(&["eval", &deep], 2);
    out(&["eval", &"[".repeat(9_999)], 2);
}

#[test]
fn every_line_of_a_batch_is_answered() {
    let lines = b"{\"id\":\"a\",\"expression\":\"Trim(\\\" x \\\")\"}\nnot json\n\xff\xfe\n{\"id\":\"b\"}\n{\"id\":\"c\",\"expression\":\"[x]\",\"source\":{\"x\":7}}";
    let output = provisiond(&["eval", "--batch", "-"]).write_stdin(lines.to_vec()).output().expect("the program runs");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).expect("it prints UTF-8");
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), 5, "{text}");
    assert_eq!(answers[0], json!({ "id": "a", "value": "x" }));
    for (index, id) in [(1, Value::Null), (2, Value::Null), (3, json!("b"))] {
        assert_eq!((&answers[index]["id"], &answers[index]["error"]["code"]), (&id, &json!("parse")), "{text}");
    }
    assert_eq!(answers[4], json!({ "id": "c", "value": "7" }));
}

#[test]
fn all_functions_are_listed_and_described() {
    let (list, _) = out(&["functions"], 0);
    let names: BTreeSet<&str> = expr::examples().map(|(function, ..)| function).collect();
    assert!(names.len() >= 50, "{}", names.len());
    for name in names {
        assert!(list.lines().any(|line| line.trim_start().starts_with(name)), "{name} is not listed:\n{list}");
        let (text, _) = out(&["functions", name], 0);
        assert!(text.contains(&format!("{name}(")), "{text}");
    }
    let (_, error) = out(&["functions", "Joyn"], 2);
    assert!(error.contains("unknown_function") && error.contains("`Join`"), "{error}");
}
