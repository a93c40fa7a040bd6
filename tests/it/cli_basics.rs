//! Usage, errors, and the commands that need no target.

use std::path::Path;

use crate::cli_bench::{Bench, Run, run_in};

fn run(folder: &Path, arguments: &[&str]) -> Run {
    run_in(folder, env!("CARGO_BIN_EXE_provisiond"), arguments)
}

#[test]
fn errors_have_code_help_and_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = run(folder.path(), &["status"]);
    assert_eq!(missing.status, Some(2));
    assert_eq!(missing.out, "");
    assert_eq!(
        missing.err,
        "error[configuration_missing]: no configuration was found; tried `provisiond.yaml`, \
         `/etc/provisiond/provisiond.yaml`\n  = help: name it with `--config`, or write one with `provisiond init DIR --preset \
         kintone`\n"
    );
    let json = run(folder.path(), &["--output", "json", "status"]);
    let error: serde_json::Value = serde_json::from_str(&json.err).expect("JSON");
    assert_eq!(error["error"]["code"], "configuration_missing");
    let usage = run(folder.path(), &["cycle", "--output=json", "--nosuch"]);
    let error: serde_json::Value = serde_json::from_str(&usage.err).expect("JSON");
    assert_eq!((usage.status, &error["error"]["code"]), (Some(2), &serde_json::json!("usage")));
    assert_eq!(run(folder.path(), &["nosuch"]).status, Some(2));
    assert_eq!(run(folder.path(), &["--help"]).status, Some(0));
}

#[test]
fn every_problem_of_a_configuration_is_shown_at_once() {
    let bench = Bench::new();
    bench.write("provisiond.yaml", "jobs:\n  - name: a\n    sorce: { directory: source }\n    mapping: nosuch.yaml\n");
    let run = bench.run(&["check"]);
    assert_eq!(run.status, Some(2));
    assert!(run.out.contains("sorce") && run.out.contains("provisiond.yaml:3:5"), "{}", run.out);
    let document = bench.json(&["check"], 2);
    assert_eq!(document["ok"], false);
    assert!(document["problems"].as_array().is_some_and(|problems| problems.len() > 1), "{document}");
    assert_eq!(bench.run(&["cycle"]).status, Some(2));
}

#[test]
fn eval_says_value_error_or_fault_by_its_status() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("p.json"), r#"{"surname": "佐藤", "givenName": "太郎"}"#).expect("a file");
    let cases: [(&[&str], i32, &str); 5] = [
        (&["eval", r#"Join(" ", [surname], [givenName])"#, "--source", "p.json"], 0, "佐藤 太郎\n"),
        (&["eval", r#"ToLower("Sato")"#, "--output", "json"], 0, "\"sato\"\n"),
        (&["eval", "[nobody]", "--output", "json"], 0, "null\n"),
        (&["eval", r#"Error("stop")"#], 1, ""),
        (&["eval", "Wrod([x])"], 2, ""),
    ];
    for (arguments, status, out) in cases {
        let run = run(folder.path(), arguments);
        assert_eq!((run.status, run.out.as_str()), (Some(status), out), "{arguments:?}: {}", run.err);
    }
    let fault = run(folder.path(), &["eval", "Wrod([x])"]);
    assert!(fault.err.contains("^^^^ not a function") && fault.err.contains("`Word`"), "{}", fault.err);
}

#[test]
fn a_batch_answers_every_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut lines = b"{\"id\": 1, \"expression\": \"[a]\", \"source\": {\"a\": \"x\"}}\n\xff\n".to_vec();
    lines.extend_from_slice(
        b"{\"id\": \"3\", \"expression\": \"Wrod(\"}\n{\"id\": 4, \"expression\": \"ToUpper(\\\"a\\\")\"}",
    );
    std::fs::write(folder.path().join("cases"), lines).expect("a file");
    let run = run(folder.path(), &["eval", "--batch", "cases"]);
    assert_eq!(run.status, Some(0), "{}", run.err);
    let answers: Vec<serde_json::Value> =
        run.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), 4);
    assert_eq!(answers[0], serde_json::json!({"id": 1, "value": "x"}));
    assert_eq!((&answers[1]["id"], &answers[1]["error"]["code"]), (&serde_json::Value::Null, &"parse".into()));
    assert_eq!(answers[2]["id"], "3");
    assert!(answers[2]["error"]["code"].is_string());
    assert_eq!(answers[3], serde_json::json!({"id": 4, "value": "A"}));
}

#[test]
fn init_writes_what_check_accepts_and_never_overwrites() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(run(folder.path(), &["init", "work"]).status, Some(0));
    let work = folder.path().join("work");
    std::fs::write(
        work.join("source/users.csv"),
        "userPrincipalName,displayName,surname,mail,givenName,id,accountEnabled\n\
         a@example.jp,A,A,a@example.jp,A,7c9e6679-7425-40de-944b-000000000001,True\n",
    )
    .expect("a file");
    let check = run(&work, &["check"]);
    assert_eq!(check.status, Some(0), "{}{}", check.out, check.err);
    let again = run(folder.path(), &["init", "work"]);
    assert_eq!(again.status, Some(2));
    assert!(again.err.starts_with("error[file_exists]: "), "{}", again.err);
}

#[test]
fn the_demo_needs_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = run(folder.path(), &["demo", "--output", "json"]);
    assert_eq!(demo.status, Some(0), "{}{}", demo.out, demo.err);
    let document: serde_json::Value = serde_json::from_str(&demo.out).expect("one document");
    let counts: Vec<_> = document["cycles"].as_array().expect("cycles").iter().map(|cycle| &cycle["counts"]).collect();
    assert_eq!(counts[0]["create"], 4);
    assert_eq!((&counts[1]["create"], &counts[1]["update"], &counts[1]["disable"]), (&1.into(), &1.into(), &1.into()));
    assert_eq!(document["cycles"][2]["requests"], 0);
    assert_eq!(document["accounts"].as_array().map(Vec::len), Some(5));
    assert!(folder.path().join("provisiond-demo/provisiond.yaml").is_file());
    assert_eq!(run(folder.path(), &["demo"]).status, Some(0));
    assert!(folder.path().join("provisiond-demo-2").is_dir());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::io::Read;
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_provisiond"))
        .arg("functions")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut err).expect("UTF-8");
    assert_eq!((child.wait().expect("it ends").code(), err.as_str()), (Some(0), ""));
}

#[test]
fn shells_and_manuals_know_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = run(folder.path(), &["man"]).out;
    for command in ["demo", "cycle", "provision\\-now", "test\\-connection"] {
        assert!(page.contains(command), "{command}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = run(folder.path(), &["completions", shell]).out;
        assert!(script.contains("provision-now"), "{shell}");
    }
}

#[test]
fn a_damaged_state_is_told_as_such() {
    let bench = crate::bench::Bench::new();
    bench.write_files();
    assert_eq!(bench.run(&["status"]).status(), 0);
    let path = bench.path().join("state.db");
    let bytes = std::fs::read(&path).expect("it was made");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("it is cut");
    let _ = std::fs::remove_file(bench.path().join("state.db-wal"));
    let ran = bench.run(&["status"]);
    let told = ran.errors();
    assert_eq!(ran.status(), 2, "{told}");
    assert!(told.contains("the state file is damaged") && told.contains("restore a backup"), "{told}");
}

#[test]
fn the_examples_of_the_stand_in_name_what_there_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = run(folder.path(), &["target", "-h"]).out;
    let words: Vec<&str> = help
        .lines()
        .filter(|line| line.trim().starts_with("provisiond target"))
        .flat_map(str::split_whitespace)
        .collect();
    let named = |option: &str| {
        words.windows(2).filter(|pair| pair[0] == option).map(|pair| pair[1].to_owned()).collect::<Vec<_>>()
    };
    let (defects, faults) = (named("--defect"), named("--fault"));
    assert!(!defects.is_empty() && !faults.is_empty(), "{help}");
    for name in defects {
        assert!(name.parse::<provisiond::mock::Defect>().is_ok(), "{name}");
    }
    for name in faults {
        assert!(name.parse::<provisiond::mock::Fault>().is_ok(), "{name}");
    }
}
