//! `provision-now`, by both of its names.

use serde_json::json;

use crate::cli_bench::{Bench, HEADER, person, run_in};

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

#[test]
fn a_file_whose_beginning_only_is_utf8_is_read_in_its_encoding() {
    let bench = Bench::new();
    let configuration = std::fs::read_to_string(bench.path().join("provisiond.yaml")).expect("it was written");
    bench.write("provisiond.yaml", &configuration.replace("profile: kintone", "profile: kintone\n      rate: none"));
    // more than is looked at of a beginning, and more than one thread reads
    let plain = |number: u32| person(number, &format!("u{number}"), "Plain", true);
    let rows: Vec<String> = (1..6000).map(plain).chain([person(6000, "hanako", "鈴木花子", true)]).collect();
    let text = format!("{HEADER}\n{}\n", rows.join("\n"));
    let (sjis, _, _) = encoding_rs::SHIFT_JIS.encode(&text);
    std::fs::create_dir_all(bench.path().join("source")).expect("a folder");
    std::fs::write(bench.path().join("source/users.csv"), sjis).expect("an export");
    let answer = bench.json(&["provision-now", "--dry-run", "--user", "hanako@example.jp"], 0);
    assert_eq!(answer["value"]["sourceIdentity"]["displayName"], "鈴木花子", "{answer}");
    let document = bench.json(&["cycle", "--dry-run"], 0);
    assert_eq!((&document["counts"]["create"], &document["counts"]["failure"]), (&json!(6000), &json!(0)));
    assert!(
        document["objects"]
            .as_array()
            .expect("all")
            .iter()
            .any(|one| one["sourceIdentity"]["displayName"] == "鈴木花子")
    );
    let warnings = document["warnings"].to_string();
    assert!(warnings.contains("encoding.guessed") && warnings.contains("shift_jis"), "{warnings}");
}
