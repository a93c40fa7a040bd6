//! `mapping import` and `mapping export`: Entra's synchronisation schema and back, through the program.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use provisiond::config::MappingFile;
use provisiond::mapping::{GENERIC, Known};
use serde_json::{Value, json};

fn schema() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema/scim-application.json")
}

fn parsed(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn mapping(folder: &Path, arguments: &[&str], status: i32) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provisiond"));
    let output = command.current_dir(folder).arg("mapping").args(arguments).output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {stdout}{stderr}");
    (stdout, stderr)
}

fn digest(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("it can be read");
    let (mapping, problems) = MappingFile::read("m.yaml", &text, &GENERIC, &Known::default());
    let mapping = mapping.unwrap_or_else(|| panic!("{problems:?}\n{text}"));
    mapping.digest().to_string()
}

fn imported() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(schema(), folder.path().join("in.json")).expect("it is copied");
    mapping(folder.path(), &["import", "in.json", "--out", "app.yaml"], 0);
    folder
}

#[test]
fn an_export_after_an_import_changes_nothing() {
    let folder = imported();
    mapping(folder.path(), &["export", "app.yaml", "--out", "out.json"], 0);
    assert_eq!(parsed(&folder.path().join("out.json")), parsed(&schema()));
    let (printed, _) = mapping(folder.path(), &["export", "app.yaml"], 0);
    assert_eq!(serde_json::from_str::<Value>(&printed).expect("JSON"), parsed(&schema()));
}

#[test]
fn what_is_honoured_is_in_the_mapping_file() {
    let folder = imported();
    let text = fs::read_to_string(folder.path().join("app.yaml")).expect("it was written");
    let lines = [
        "  actions: [create, update, delete]",
        "    - - { attribute: department, operator: EQUALS, value: 'Sales' }",
        "      - { attribute: mail, operator: IS NOT NULL }",
        "    - - { attribute: employeeId, operator: REGEX MATCH, value: '^[0-9]{4}$' }",
        "  input_scope:",
        "    userName: { source: userPrincipalName, match: 1, required: true, case_exact: false }",
        "    displayName: displayName",
        "    title: { source: jobTitle, source_flow_null_values: true }",
        "    name.formatted: 'Join(\" \", [givenName], [surname])'",
        "    nickName: { expression: 'Mid([mailNickname], 1, 20)', apply: on-create, mutability: Immutable }",
        "    userType: { constant: 'Employee' }",
        "    timezone: { none: true, default: 'Asia/Tokyo' }",
        "    'phoneNumbers[type eq \"work\"].value': { source: telephoneNumber, flow: always }",
        "    externalId: { source: mailNickname, match: 2 }",
        "  actions: [create, update]",
    ];
    for line in lines {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let (printed, _) = mapping(folder.path(), &["import", "in.json"], 0);
    assert_eq!(printed, text, "what is printed is what is written");
}

#[test]
fn an_import_after_an_export_changes_nothing() {
    let ready = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("mappings");
    let rich = r#"users:
  endpoint: /People
  actions: [create, update]
  scope:
    - - { attribute: department, operator: '!&', value: "a 'b'\n" }
    - - { attribute: accountEnabled, operator: IS TRUE }
  input_scope:
    - - { attribute: city, operator: INCLUDES, value: o }
  attributes:
    userName: { source: userPrincipalName, match: 2, case_exact: false, required: true }
    displayName: { expression: 'IIF([a]="x, y", "\\\"", [b])', default: 'no: name', flow: always }
    title: { source: jobTitle, flow_null_values: true, source_flow_null_values: true }
    externalId: { source: objectId, match: 1, type: Integer }
    active: { expression: 'Not([IsSoftDeleted])', type: String }
    nickName: { constant: '007' }
    locale: { constant: 'a "b" \c' }
    entitlements: { source: otherMails, apply: multi-value-add-only }
    groups: { source: companyName, multivalued: false, mutability: WriteOnly }
    timezone: { none: true, default: Asia/Tokyo }
groups:
  attributes:
    displayName: { source: displayName, match: 1 }
    members: members
"#;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("rich.yaml"), rich).expect("it is written");
    for name in ["kintone.yaml", "kintone-2023.yaml", "scim.yaml"] {
        fs::copy(ready.join(name), folder.path().join(name)).expect("it is copied");
    }
    for name in ["kintone.yaml", "kintone-2023.yaml", "scim.yaml", "rich.yaml"] {
        mapping(folder.path(), &["export", name, "--out", "e.json", "--force"], 0);
        mapping(folder.path(), &["import", "e.json", "--out", "again.yaml", "--force"], 0);
        let again = folder.path().join("again.yaml");
        let text = fs::read_to_string(&again).expect("it was written");
        assert_eq!(digest(&again), digest(&folder.path().join(name)), "{name}\n{text}");
        mapping(folder.path(), &["export", "again.yaml", "--out", "e2.json", "--force"], 0);
        assert_eq!(parsed(&folder.path().join("e2.json")), parsed(&folder.path().join("e.json")), "{name}");
    }
}

#[test]
fn an_edit_of_the_mapping_file_is_the_only_difference() {
    let folder = imported();
    let path = folder.path().join("app.yaml");
    let text = fs::read_to_string(&path).expect("it was written");
    let text = text
        .replace("    title: { source: jobTitle, source_flow_null_values: true }\n", "")
        .replace("displayName: displayName\n", "displayName: 'Trim([displayName])'\n")
        .replace("actions: [create, update]", "actions: [create]")
        .replace("value: 'Sales'", "value: 'Support'");
    fs::write(&path, text + "    nickName: mailNickname\n").expect("it is written");
    let (printed, _) = mapping(folder.path(), &["export", "app.yaml"], 0);
    let given: Value = serde_json::from_str(&printed).expect("JSON");
    let mut wanted = parsed(&schema());
    let objects = &mut wanted["synchronizationRules"][0]["objectMappings"];
    let name = "displayName";
    objects[0]["attributeMappings"][2]["source"] = json!({
        "expression": format!("Trim([{name}])"), "name": "Trim", "type": "Function", "parameters": [
            { "key": "source", "value": { "expression": format!("[{name}]"), "name": name, "parameters": [], "type": "Attribute" } },
        ]
    });
    objects[0]["attributeMappings"].as_array_mut().expect("a list").remove(3);
    objects[0]["scope"]["groups"] = json!([
        { "name": "filter 1", "clauses": [
            { "operatorName": "EQUALS", "sourceOperandName": "department", "targetOperand": { "values": ["Support"] } },
            { "operatorName": "IS NOT NULL", "sourceOperandName": "mail", "targetOperand": { "values": [] } },
        ]},
        { "name": "filter 2", "clauses": [
            { "operatorName": "REGEX MATCH", "sourceOperandName": "employeeId", "targetOperand": { "values": ["^[0-9]{4}$"] } },
        ]},
    ]);
    objects[1]["flowTypes"] = json!("Add");
    objects[1]["attributeMappings"].as_array_mut().expect("a list").push(json!({
        "defaultValue": null, "exportMissingReferences": false, "flowBehavior": "FlowWhenChanged", "flowType": "Always",
        "matchingPriority": 0, "targetAttributeName": "nickName",
        "source": { "expression": "[mailNickname]", "name": "mailNickname", "parameters": [], "type": "Attribute" },
    }));
    for index in 0..3 {
        let of = |document: &Value| document["synchronizationRules"][0]["objectMappings"][index].clone();
        assert_eq!(of(&given), of(&wanted), "object mapping {index}");
    }
    assert_eq!(given["directories"], wanted["directories"]);
    assert_eq!(given, wanted);
}

#[test]
fn a_stale_parsed_form_is_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut document = parsed(&schema());
    let source = &mut document["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"][5]["source"];
    source["parameters"][1]["value"]["name"] = json!("_");
    fs::write(folder.path().join("in.json"), document.to_string()).expect("it is written");
    mapping(folder.path(), &["import", "in.json", "--out", "app.yaml"], 0);
    let (printed, _) = mapping(folder.path(), &["export", "app.yaml"], 0);
    assert_eq!(serde_json::from_str::<Value>(&printed).expect("JSON"), parsed(&schema()), "the expression decides");
}

#[test]
fn what_cannot_be_honoured_is_listed_completely_and_refused_as_a_whole() {
    let mut document = parsed(&schema());
    let object = &mut document["synchronizationRules"][0]["objectMappings"][0];
    object["attributeMappings"][2]["source"]["expression"] = json!("CNum([displayName])");
    object["attributeMappings"][3]["source"]["expression"] = json!("[jobTitel]");
    object["attributeMappings"][4]["flowType"] = json!("ValueAddOnly");
    object["flowTypes"] = json!("Add, Sync");
    object["scope"]["groups"][0]["clauses"][0]["operatorName"] = json!("IsMemberOf");
    object["scope"]["groups"][1]["clauses"][0]["targetOperand"]["values"] = json!(["^["]);
    let groups = &mut document["synchronizationRules"][0]["objectMappings"][1];
    groups["scope"] = json!({ "categoryFilterGroups": [{ "clauses": [] }] });
    groups["attributeMappings"][1]["targetAttributeName"] = json!("id");
    document["synchronizationRules"][0]["objectMappings"][2]["enabled"] = json!(true);
    let folder = tempfile::tempdir().expect("a folder");
    let text = serde_json::to_string_pretty(&document).expect("JSON");
    fs::write(folder.path().join("in.json"), &text).expect("it is written");
    let (printed, problems) = mapping(folder.path(), &["import", "in.json", "--out", "app.yaml"], 2);
    assert_eq!(printed, "");
    let wanted = [
        "unknown_function",
        "jobTitel",
        "ValueAddOnly",
        "`Sync`",
        "UnsupportedOperator",
        "InvalidRegex",
        "categoryFilterGroups",
        "`Device`",
        "objectMappings[1].attributeMappings[1].targetAttributeName",
    ];
    for part in wanted {
        assert!(problems.contains(part), "{part}:\n{problems}");
    }
    let line = 1 + text.lines().position(|line| line.contains("CNum")).expect("it is there");
    assert!(problems.contains(&format!("in.json:{line}:")), "{line}: {problems}");
    assert!(!folder.path().join("app.yaml").exists() && !folder.path().join("app.schema.json").exists());
}

#[test]
fn files_are_not_overwritten_and_nonsense_is_refused() {
    let folder = imported();
    let (_, error) = mapping(folder.path(), &["import", "in.json", "--out", "app.yaml"], 2);
    assert!(error.contains("file_exists"), "{error}");
    mapping(folder.path(), &["import", "in.json", "--out", "app.yaml", "--force"], 0);
    for (text, part) in [
        ("{", "in.json:1:"),
        ("[]", "no_schema"),
        ("{\"synchronizationRules\": []}", "no mapping of users"),
        ("{\"secrets\": [\"hidden-token\"], \"synchronizationRules\": []}", "plain_secret"),
        (
            "{\"synchronizationRules\": [{\"objectMappings\": [{\"sourceObjectName\": \"User\", \"attributeMappings\": [7, null, {}]}]}]}",
            "error[",
        ),
    ] {
        fs::write(folder.path().join("in.json"), text).expect("it is written");
        let (_, error) = mapping(folder.path(), &["import", "in.json"], 2);
        assert!(error.contains(part) && !error.contains("hidden-token"), "{text}: {error}");
    }
    fs::write(folder.path().join("in.json"), b"\xff{}").expect("it is written");
    assert!(mapping(folder.path(), &["import", "in.json"], 2).1.contains("UTF-8"));
    fs::write(folder.path().join("in.json"), "[".repeat(100_000)).expect("it is written");
    mapping(folder.path(), &["import", "in.json"], 2);
}
