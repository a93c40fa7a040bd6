//! Reads the fixtures as `source --output json` does and compares with `expected/records` (sources.md 24).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use provisiond::source::{Settings, document, write_document};
use serde_json::Value;

/// Codes that the expected files leave out.
const LEFT_OUT: [&str; 7] = [
    "encoding.guessed",
    "value.lossy",
    "record.conflict",
    "record.duplicate_value",
    "csv.unknown_column",
    "file.skipped",
    "file.older",
];
const LEFT_OUT_FAMILIES: [&str; 3] = ["reference.", "assignment.", "set."];

fn folder() -> PathBuf {
    match std::env::var_os("PROVISIOND_FIXTURES") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures"),
    }
}

#[test]
fn every_fixture_gives_the_expected_records() {
    let root = folder();
    let mut names: Vec<PathBuf> = fs::read_dir(root.join("expected/records"))
        .expect("the fixtures have expected records")
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    names.sort();
    let mut count = 0;
    let mut failures = Vec::new();
    for path in names {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let expected: Value = serde_json::from_slice(&fs::read(&path).expect("readable")).expect("JSON");
        let present = texts(&expected["fixtures"]).iter().all(|fixture| root.join(fixture).is_file());
        if !present {
            println!("{name}: left out, its files are not here");
            continue;
        }
        let differences = compare(&root, &expected);
        println!("{name}: {}", if differences.is_empty() { "same" } else { "DIFFERS" });
        failures.extend(differences.into_iter().map(|difference| format!("{name}: {difference}")));
        count += 1;
    }
    println!("{count} expected files compared");
    assert!(count > 0, "no expected file was found in {}", root.display());
    assert!(failures.is_empty(), "{} differences\n{}", failures.len(), failures.join("\n"));
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The document as it is written record by record, which is the one that is held.
fn printed(settings: &Settings) -> Value {
    let mut bytes = Vec::new();
    let refused = write_document(settings, &[], &mut bytes).expect("written");
    let written: Value = serde_json::from_slice(&bytes).expect("JSON");
    let (held, left) = document(settings, usize::MAX, &[]);
    assert_eq!((&written, refused, left), (&held, held["set"]["refused"] == true, 0));
    let (short, left) = document(settings, 1, &[]);
    let count = |document: &Value| document["records"].as_array().map_or(0, Vec::len);
    assert_eq!(count(&short) + left, count(&held));
    written
}

fn compare(root: &Path, expected: &Value) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    for fixture in texts(&expected["fixtures"]) {
        let name = Path::new(fixture).file_name().expect("a file");
        fs::copy(root.join(fixture), folder.path().join(name)).expect("copied");
    }
    let mut settings = Settings {
        directory: folder.path().to_owned(),
        preset: expected["preset"].as_str().expect("a preset").to_owned(),
        allow_mutable_anchor: true,
        ..Settings::default()
    };
    for pair in texts(&expected["arguments"]).chunks(2) {
        assert_eq!(pair[0], "--encoding", "an argument that this test knows");
        settings.encoding = Some(pair[1].to_owned());
    }
    let document = printed(&settings);
    let mut differences = Vec::new();
    let order: Vec<&str> =
        expected["files"].as_array().expect("files").iter().filter_map(|file| file["file"].as_str()).collect();
    let mut files = document["files"].as_array().expect("files").clone();
    files.sort_by_key(|file| order.iter().position(|name| file["file"] == **name));
    let files: Vec<Value> = files.iter().map(without_left_out).collect();
    let wanted: Vec<Value> = expected["files"].as_array().expect("files").iter().map(without_left_out).collect();
    differ("files", &Value::Array(wanted), &Value::Array(files), &mut differences);
    differ("counts", &expected["counts"], &document["counts"], &mut differences);
    differ("refused", &expected["refused"], &document["refused"], &mut differences);
    if let Some(records) = expected.get("records") {
        let mut given = document["records"].as_array().expect("records").clone();
        given.sort_by_key(|record| order.iter().position(|name| record["file"] == **name));
        differ("records", records, &Value::Array(given), &mut differences);
    }
    differences
}

/// The file with its warnings sorted, without those that the expected files leave out.
fn without_left_out(file: &Value) -> Value {
    let mut file = file.clone();
    let kept: BTreeSet<String> = file["warnings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|warning| {
            let code = warning["code"].as_str().unwrap_or_default();
            !LEFT_OUT.contains(&code) && !LEFT_OUT_FAMILIES.iter().any(|family| code.starts_with(family))
        })
        .map(|warning| {
            format!("{} {} {}", warning["line"], warning["code"], warning.get("attribute").unwrap_or(&Value::Null))
        })
        .collect();
    file["warnings"] = kept.into_iter().map(Value::String).collect();
    file
}

fn differ(path: &str, expected: &Value, given: &Value, differences: &mut Vec<String>) {
    match (expected, given) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let null = Value::Null;
                differ(
                    &format!("{path}.{name}"),
                    a.get(name).unwrap_or(&null),
                    b.get(name).unwrap_or(&null),
                    differences,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differ(&format!("{path}[{index}]"), a, b, differences);
            }
        }
        _ if expected == given => {}
        _ => differences.push(format!("{path}: expected {expected}, got {given}")),
    }
}
