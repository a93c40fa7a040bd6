//! `provisiond test`: the tests of the ready mappings, and what becomes of wrong ones.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

fn ready() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("mappings")
}

fn test(folder: &Path, arguments: &[&str], status: i32) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provisiond"));
    let output = command.current_dir(folder).arg("test").args(arguments).output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {stdout}{stderr}");
    (stdout, stderr)
}

#[test]
fn every_ready_mapping_has_tests_that_hold_and_leave_nothing_out() {
    let mut mappings = 0;
    for entry in fs::read_dir(ready()).expect("the folder is there") {
        let name = entry.expect("it can be listed").file_name().into_string().expect("plain names");
        let Some(stem) = name.strip_suffix(".yaml").filter(|stem| !stem.ends_with(".test")) else { continue };
        let (printed, warnings) = test(&ready(), &[&format!("{stem}.test.yaml"), "--output", "json"], 0);
        assert_eq!(warnings, "", "{name}");
        let report: Value = serde_json::from_str(&printed).expect("it is JSON");
        assert_eq!(report["ok"], true, "{report}");
        assert_eq!(report["files"][0]["notExercised"], serde_json::json!([]), "{name}");
        assert_eq!(report["files"][0]["mapping"], name);
        assert!(report["passed"].as_u64() >= Some(3), "{name}: {report}");
        mappings += 1;
    }
    assert!(mappings >= 3, "only {mappings} mappings");
}

const MAPPING: &str = r#"users:
  scope:
    - - { attribute: department, operator: EQUALS, value: Sales }
      - { attribute: mail, operator: IS NOT NULL }
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    nickName: { expression: 'SelectUniqueValue([mailNickname], Append([mailNickname], "1"))', apply: on-create }
    title: { source: jobTitle, default: none }
    displayName: displayName
    userType: 'FormatDateTime([employeeHireDate], , "yyyy-MM-dd", "yyyy")'
"#;

fn folder(test: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("m.yaml"), MAPPING).expect("it is written");
    fs::write(folder.path().join("m.test.yaml"), test).expect("it is written");
    folder
}

const DIFFERENT: &str = r#"mapping: m.yaml
cases:
  - name: right
    source: { userPrincipalName: a, mailNickname: T, department: Sales, mail: a@b, employeeHireDate: 2026-04-01 }
    taken: [t]
    expect: { userName: a, nickName: T1, title: none, userType: '2026' }
    scope: true
  - name: wrong
    source: { userPrincipalName: a, mailNickname: t, jobTitle: Boss, department: HR }
    expect: { userName: b, nickName: t, displayName: A }
    scope: true
  - name: wrong error
    source: { userPrincipalName: a, mailNickname: t, employeeHireDate: soon }
    error: MandatoryFieldsMissing
  - name: right error
    source: { userPrincipalName: a, mailNickname: t, employeeHireDate: soon }
    error: AttributeEvaluationFailed
"#;

#[test]
fn differences_and_gaps_are_reported() {
    let folder = folder(DIFFERENT);
    let (text, _) = test(folder.path(), &["m.test.yaml"], 1);
    let expected = "\
m.test.yaml
  pass  right
  FAIL  wrong  (line 8)
        attribute    expected  got
        scope        true      false
        userName     \"b\"       \"a\"
        title        nothing   \"Boss\"
        displayName  \"A\"       nothing
  FAIL  wrong error  (line 12)
        attribute  expected                  got
        error      \"MandatoryFieldsMissing\"  \"AttributeEvaluationFailed\" (";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("  pass  right error\n"), "{text}");
    assert!(text.contains("not exercised: users `displayName` never gave a value\n"), "{text}");
    assert!(text.ends_with("2 passed, 2 failed\n"), "{text}");
    let (json, _) = test(folder.path(), &["m.test.yaml", "--output", "json"], 1);
    let report: Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!((&report["passed"], &report["failed"]), (&Value::from(2), &Value::from(2)));
    assert_eq!(report["files"][0]["cases"][1]["differences"][1]["got"], "a");
    let (xml, _) = test(folder.path(), &["m.test.yaml", "--output", "junit"], 1);
    assert!(xml.contains(r#"<testsuite name="m.test.yaml" tests="4" failures="2" skipped="0">"#), "{xml}");
    assert!(xml.contains(r#"<testcase classname="m.test.yaml" name="right"/>"#), "{xml}");
    assert!(xml.contains("<system-out>not exercised: users `displayName`"), "{xml}");
}

#[test]
fn clauses_need_both_outcomes() {
    let folder = folder(
        "mapping: m.yaml\ncases:\n  - name: in\n    source: { department: Sales, mail: a@b }\n    scope: true\n",
    );
    let (text, _) = test(folder.path(), &["m.test.yaml"], 0);
    assert!(text.contains("not exercised: users `scope: department EQUALS Sales` never failed\n"), "{text}");
    assert!(text.contains("not exercised: users `scope: mail IS NOT NULL` never failed\n"), "{text}");
    assert!(!text.contains("never held"), "{text}");
}

#[test]
fn a_wrong_test_file_gets_all_its_diagnostics_at_once() {
    let folder = folder(
        r#"mapping: m.yaml
profil: kintone
cases:
  - name: one
    source: { userPrincipalName: a, departmnt: Sales }
    expect: { userNme: a }
  - name: one
    source: { givenName: { a: b } }
    error: Oops
  - name: two
    object: group
    source: [a]
    now: yesterday
  - source: {}
    expect: { title: x }
    error: AttributeEvaluationFailed
"#,
    );
    let (printed, problems) = test(folder.path(), &["m.test.yaml"], 2);
    assert_eq!(printed, "");
    let wanted = [
        "m.test.yaml:2:1",
        "m.test.yaml:9:12",
        "m.test.yaml:12:13",
        "m.test.yaml:13:10",
        "m.test.yaml:14:5",
        "`profile`",
    ];
    for part in wanted {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    assert!(problems.contains('^'), "{problems}");
}

#[test]
fn faults_of_meaning_have_a_place_too() {
    let folder = folder(
        r#"mapping: m.yaml
cases:
  - name: one
    source: { userPrincipalName: a, departmnt: Sales }
    expect: { userNme: a }
  - name: one
    source: { givenName: { a: b } }
    scope: true
  - name: two
    object: group
    source: {}
    expect: { displayName: x }
    error: AttributeEvaluationFailed
  - name: three
    source: {}
"#,
    );
    let (_, problems) = test(folder.path(), &["m.test.yaml"], 2);
    let wanted = [
        "warning[unread_attribute]: no mapping or filter reads `departmnt`\n --> m.test.yaml:4:37",
        "error[unknown_target_attribute]: the mapping has no attribute `userNme`\n --> m.test.yaml:5:15",
        "error[duplicate_case]: the case in line 3 is called `one` too\n --> m.test.yaml:6:11",
        "error[wrong_type]: `givenName` cannot be a map\n --> m.test.yaml:7:26",
        "error[invalid_value]: the mapping does not provision groups\n  --> m.test.yaml:10:13",
        "error[invalid_value]: `error` stands beside `expect`\n  --> m.test.yaml:13:12",
        "error[missing_key]: the case expects nothing\n  --> m.test.yaml:14:5",
    ];
    for part in wanted {
        assert!(problems.contains(part), "{part}: {problems}");
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = folder("mapping: nowhere.yaml\ncases: []\n");
    let (_, problems) = test(folder.path(), &["m.test.yaml", "none.test.yaml"], 2);
    for part in ["nowhere.yaml", "m.test.yaml:1:10", "none.test.yaml"] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    let mut broken = MAPPING.replace("FormatDateTime", "FormatDatTime");
    broken.push_str("    title: x\n");
    fs::write(folder.path().join("m.yaml"), broken).expect("it is written");
    fs::write(folder.path().join("m.test.yaml"), DIFFERENT).expect("it is written");
    let (_, problems) = test(folder.path(), &["m.test.yaml"], 2);
    assert!(problems.contains("unknown_function") && problems.contains("duplicate_key"), "{problems}");
    let mut other = Command::new(env!("CARGO_BIN_EXE_provisiond"));
    let refused = other.args(["functions", "--output", "junit"]).output().expect("the program runs");
    assert_eq!(refused.status.code(), Some(2));
}
