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

/// Two rows that differ only in who they are.
fn called(rows: &[(u32, &str, &str, bool)]) -> Vec<String> {
    let row = |(number, login, mail, enabled): &(u32, &str, &str, bool)| {
        let enabled = if *enabled { "True" } else { "False" };
        format!("{login},Person {number},x,{mail},x,7c9e6679-7425-40de-944b-{number:012},{enabled}")
    };
    rows.iter().map(row).collect()
}

#[test]
fn who_is_meant_is_not_guessed() {
    let bench = Bench::new();
    let shared = "shared@example.jp";
    let rows = called(&[
        (1, "bob@example.jp", shared, true),
        (2, "bob2@example.jp", shared, true),
        (3, "bob3@example.jp", shared, false),
        (4, "Dup@example.jp", "", false),
        (5, "dup@example.jp", "", true),
        (6, "DUP@example.jp", "dup@example.jp", true),
        // gone, and so not who is meant
        (7, "new@example.jp", "", true),
    ]);
    bench.people(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    bench.write(
        "source/gone.csv",
        &format!("{HEADER},deletedDateTime\nnew@example.jp,Old,x,,x,7c9e6679-7425-40de-944b-000000000008,True,2026-01-01T00:00:00Z\n"),
    );
    for command in ["provision-now", "explain"] {
        let run = bench.run(&[command, "--user", shared]);
        assert_eq!(run.status, Some(1), "{}", run.out);
        for told in [
            "`7c9e6679-7425-40de-944b-000000000001` (users.csv:2)",
            "`7c9e6679-7425-40de-944b-000000000002` (users.csv:3)",
            "`7c9e6679-7425-40de-944b-000000000003` (users.csv:4)",
            "DuplicateSourceEntries",
        ] {
            assert!(run.out.contains(told), "{told} in {}", run.out);
        }
        assert!(!run.out.contains("is not in the export"), "{}", run.out);
    }
    assert_eq!(bench.standin().users().len(), 0);
    // what is written exactly so is stronger than what differs in case, and a login name than an address
    for (name, number) in [("dup@example.jp", 5), ("DUP@example.jp", 6), ("bob2@EXAMPLE.jp", 2), ("new@example.jp", 7)]
    {
        let answer = bench.json(&["provision-now", "--dry-run", "--user", name], 0);
        let id = answer["value"]["sourceIdentity"]["id"].as_str().expect("an id");
        assert_eq!(id, format!("7c9e6679-7425-40de-944b-{number:012}"), "{name}");
    }
    let answer = bench.json(&["provision-now", "--user", "dUP@example.jp"], 1);
    assert_eq!(answer["key"]["details"]["errorCode"], "DuplicateSourceEntries");
}

#[test]
fn a_name_is_compared_as_texts_of_the_source_are() {
    let bench = Bench::new();
    bench.people(&called(&[(1, "rené@example.jp", "", true)]).iter().map(String::as_str).collect::<Vec<_>>());
    for name in [" rené@example.jp ", "rene\u{301}@example.jp", "RENE\u{301}@example.jp"] {
        bench.json(&["provision-now", "--dry-run", "--user", name], 0);
    }
    bench.json(&["provision-now", "--user", "rené@example.jp"], 0);
    let log = bench.json(&["log", "--user", "rene\u{301}@example.jp "], 0);
    assert_eq!(log.as_array().map(Vec::len), Some(1), "{log}");
    let run = bench.run(&["provision-now", "rené@example.jp"]);
    assert_eq!(run.status, Some(2));
    assert!(run.err.contains("`--user rené@example.jp`"), "{}", run.err);
    let run = bench.run(&["provision-now", "--group", "Sales"]);
    assert!(run.out.contains("no group in the source is called `Sales`"), "{}", run.out);
}

#[test]
fn whoever_stands_in_a_refused_record_or_export_is_told_which() {
    let bench = Bench::unpaced();
    let rows: Vec<String> = (1..=10).map(|number| person(number, &format!("u{number}"), "A", true)).collect();
    bench.people(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(bench.run(&["cycle"]).status, Some(0));

    // of ten, two are left
    bench.people(&[&rows[0].replace(",A,", ",B,"), &rows[1]]);
    let told = |arguments: &[&str]| {
        let answer = bench.json(&[&["provision-now", "--user"], arguments].concat(), 6);
        let details = &answer["key"]["details"];
        format!("{} {}", details["errorMessage"], answer)
    };
    assert!(told(&["u1@example.jp"]).contains("set.shrink"));
    for force in [&["u9@example.jp"][..], &["u9@example.jp", "--force"]] {
        let told = told(force);
        assert!(
            told.contains("`u9@example.jp` is not in the export, and the export was refused: set.shrink"),
            "{told}"
        );
        let mut arguments = vec!["provision-now", "--user"];
        arguments.extend(force);
        let text = bench.run(&arguments).out;
        assert!(!text.contains("--force") && text.contains("source accept"), "{text}");
    }
    bench.json(&["provision-now", "--user", "u1@example.jp", "--force"], 0);

    let quoted = person(11, "b", "\"B\"x", true);
    let unsaid = person(12, "c", "C", true).replace(",True", ",maybe");
    let mut all: Vec<&str> = rows.iter().map(String::as_str).collect();
    all.extend([quoted.as_str(), &unsaid]);
    bench.people(&all);
    for (name, place) in
        [("b@example.jp", "users.csv:12: csv.text_after_quote"), ("C@example.jp", "users.csv:13: value.")]
    {
        let run = bench.run(&["provision-now", "--user", name]);
        assert_eq!(run.status, Some(1), "{}", run.out);
        assert!(run.out.contains(place), "{}", run.out);
    }
    // `b` is only a part of other names
    let run = bench.run(&["provision-now", "--user", "xb@example.jp"]);
    assert!(run.out.contains("nobody in the source"), "{}", run.out);
}
