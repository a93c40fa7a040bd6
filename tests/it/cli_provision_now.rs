//! `provision-now`, by both of its names.

use crate::cli_bench::{Bench, person, run_in};

#[test]
fn one_person_is_created_with_every_step() {
    let bench = Bench::new();
    bench.people(&[&person(1, "taro", "佐藤", true), &person(2, "hanako", "鈴木", true)]);
    let run =
        run_in(bench.path(), env!("CARGO_BIN_EXE_provision-now"), &["--user", "TARO@example.jp", "--output", "json"]);
    assert_eq!(run.status, Some(0), "{}{}", run.out, run.err);
    let answer: serde_json::Value = serde_json::from_str(&run.out).expect("one document");
    assert_eq!(answer["key"], serde_json::json!({"result": "Success", "details": null}));
    assert_eq!(answer["value"]["provisioningAction"], "create");
    assert_eq!(answer["value"]["initiatedBy"]["displayName"], "tester");
    let kinds: Vec<_> = answer["value"]["provisioningSteps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| step["provisioningStepType"].as_str().expect("a type"))
        .collect();
    for kind in ["import", "scoping", "matching", "export"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert_eq!(bench.standin().users().len(), 1);
}

#[test]
fn the_story_names_file_line_and_attributes() {
    let bench = Bench::new();
    bench.people(&[&person(1, "taro", "佐藤", true)]);
    let run = bench.run(&["provision-now", "--user", "taro@example.jp", "--dry-run"]);
    assert_eq!(run.status, Some(0), "{}{}", run.out, run.err);
    for words in [
        "  1  import  success  ",
        "users.csv:2",
        "  2  scope ",
        "  3  match ",
        "  4  action",
        "  5  result",
        "userName",
    ] {
        assert!(run.out.contains(words), "`{words}` in\n{}", run.out);
    }
    assert!(bench.standin().users().is_empty());
}

#[test]
fn several_people_give_an_array_and_nobody_an_error() {
    let bench = Bench::new();
    bench.people(&[&person(1, "taro", "佐藤", true)]);
    bench.write("ids.txt", "# people\n\ntaro@example.jp\nnobody@example.jp\n");
    let answers = bench.json(&["provision-now", "--file", "ids.txt"], 1);
    assert_eq!(answers.as_array().map(Vec::len), Some(2));
    assert_eq!(answers[0]["key"]["result"], "Success");
    assert_eq!(answers[1]["key"]["details"]["errorCode"], "SourceObjectNotFound");
    assert!(answers[1]["value"].is_null());
}

#[test]
fn somebody_unknown_is_no_refused_export() {
    let bench = Bench::new();
    bench.people(&[&person(1, "taro", "佐藤", true)]);
    let answer = bench.json(&["provision-now", "--user", "nobody@example.jp"], 1);
    assert_eq!(answer["key"]["details"]["errorCode"], "SourceObjectNotFound");
}
