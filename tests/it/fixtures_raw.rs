//! The raw records of every fixture, against what python-ldap and Python's csv module read (fixtures/README.md).
//!
//! Reads `$PROVISIOND_FIXTURES` where it is set, else the copies in `tests/fixtures`, which are those that are free of other
//! projects' terms.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provisiond::source::encoding::{Choice, Look, by_label, choose};
use provisiond::source::frame::csv::{CsvFormat, split_cells};
use provisiond::source::frame::ldif::LdifFormat;
use provisiond::source::frame::{Decoder, Format, FormatGuess, Framed, Framer, Limits, guess_format, sniff};
use provisiond::source::raw::{LdifChange, RawBody, RawRecord, RawValue};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Files in `tests/fixtures/expected/raw`.
const COPIED: usize = 19;

fn folder() -> (PathBuf, Option<usize>) {
    match std::env::var_os("PROVISIOND_FIXTURES") {
        Some(folder) => (folder.into(), None),
        None => (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures"), Some(COPIED)),
    }
}

#[test]
fn fixtures_raw() {
    let (folder, count) = folder();
    let mut names: Vec<PathBuf> = fs::read_dir(folder.join("expected/raw"))
        .expect("the fixtures have a folder expected/raw")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    names.sort();
    let mut problems = Vec::new();
    for name in &names {
        let expected: Value = serde_json::from_slice(&fs::read(name).expect("it can be read")).expect("it is JSON");
        let fixture = expected["fixture"].as_str().expect("every expectation names its fixture");
        if let Err(problem) = compare(&folder.join(fixture), &expected) {
            problems.push(format!("{fixture}: {problem}"));
        }
    }
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), names.len(), problems.join("\n"));
    assert!(!names.is_empty());
    if let Some(count) = count {
        assert_eq!(names.len(), count, "copied expectations");
    }
}

fn compare(path: &Path, expected: &Value) -> Result<(), String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    sniff(&bytes).map_err(|fault| fault.to_string())?;
    let is_csv = path.extension().is_some_and(|extension| extension == "csv");
    let records = if is_csv { read_csv(path, expected)? } else { read_ldif(path)? };
    if expected["record_count"] != json!(records.len()) {
        return Err(format!("{} records instead of {}", records.len(), expected["record_count"]));
    }
    let listed = expected["records"].as_array();
    for (number, (got, want)) in records.iter().zip(listed.into_iter().flatten()).enumerate() {
        if got != want {
            return Err(format!("record {number}:\n   got {got}\n  want {want}"));
        }
    }
    match expected["sha256_of_records"].as_str() {
        Some(digest) if digest != digest_of(&records) => Err("the digest of the records differs".to_owned()),
        None if listed.is_none() => Err("the expectation has neither records nor digest".to_owned()),
        Some(_) | None => Ok(()),
    }
}

/// One line a record: without `line`, keys sorted, no spaces, non-ASCII as it is.
fn digest_of(records: &[Value]) -> String {
    let mut digest = Sha256::new();
    for record in records {
        let sorted = sort(record);
        digest.update(sorted.to_string().as_bytes());
        digest.update(b"\n");
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sort(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().filter(|(name, _)| *name != "line").collect();
            Value::Object(members.into_iter().map(|(name, value)| (name.clone(), sort(value))).collect())
        }
        other => other.clone(),
    }
}

fn choice(path: &Path, format: FormatGuess, label: Option<&str>) -> Result<Choice, String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let configured = label.map(|label| by_label(label).expect("the label is one of the Encoding Standard"));
    choose(&mut file, format, configured, &[], Look::Whole).map_err(|fault| fault.to_string())
}

fn read_csv(path: &Path, expected: &Value) -> Result<Vec<Value>, String> {
    let label = match expected["encoding"].as_str() {
        Some("utf-8" | "utf-8-sig") => None,
        // Python's name of Windows-31J
        Some("cp932") => Some("shift_jis"),
        other => other,
    };
    let choice = choice(path, FormatGuess::Csv, label)?;
    let format = Format::Csv(CsvFormat {
        delimiter: expected["delimiter"].as_str().expect("it has a delimiter").as_bytes()[0],
        skip_lines_starting: vec!["version:".to_owned()],
        heading: false,
        columns: Vec::new(),
        unquoted_doubled_quotes: false,
    });
    let Format::Csv(CsvFormat { delimiter, .. }) = format else { unreachable!("it was just made") };
    let mut records = Vec::new();
    each_record(path, &choice, &format, |line, bytes| {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let mut cells = Vec::new();
        split_cells(text, delimiter, false, |_, cell| cells.push(json!(cell))).map_err(|fault| format!("{fault:?}"))?;
        records.push(json!({"line": line, "cells": cells}));
        Ok(())
    })?;
    Ok(records)
}

fn read_ldif(path: &Path) -> Result<Vec<Value>, String> {
    let choice = choice(path, FormatGuess::Ldif, None)?;
    let format = Format::Ldif(LdifFormat::default());
    let mut decoder = Decoder::new(&format, Limits::default());
    let mut records = Vec::new();
    each_record(path, &choice, &format, |line, bytes| {
        let record = decoder.decode(bytes, line).map_err(|fault| format!("{fault:?}"))?;
        records.push(shape(&record)?);
        Ok(())
    })?;
    Ok(records)
}

fn each_record(
    path: &Path,
    choice: &Choice,
    format: &Format,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut framer = Framer::new(file, choice, format, Limits::default());
    loop {
        match framer.next().map_err(|fault| format!("{fault:?}"))? {
            Some(Framed::Record { line, bytes }) => each(line, bytes)?,
            Some(Framed::Refused { fault, .. }) => return Err(format!("{fault:?}")),
            None => return Ok(()),
        }
    }
}

fn shape(record: &RawRecord) -> Result<Value, String> {
    match &record.body {
        RawBody::Content | RawBody::Change(LdifChange::Add) => {}
        RawBody::Change(_) => return Err(format!("line {} is a change", record.line)),
    }
    let mut dn = Value::Null;
    let mut attributes = serde_json::Map::new();
    for attribute in &record.attributes {
        let values: Vec<Value> = attribute.values.iter().map(print).collect();
        if &*attribute.name == "dn" {
            dn = values[0].clone();
        } else {
            attributes.insert(attribute.name.to_string(), Value::Array(values));
        }
    }
    Ok(json!({"line": record.line, "dn": dn, "attributes": attributes}))
}

fn print(value: &RawValue) -> Value {
    let octets = value.as_octets().expect("LDIF has texts and octets only");
    match std::str::from_utf8(octets) {
        Ok(text) if !text.chars().any(|c| c < ' ' && !matches!(c, '\n' | '\r' | '\t')) => json!(text),
        _ => json!({"base64": STANDARD.encode(octets)}),
    }
}

#[test]
fn formats_are_recognised() {
    let (folder, _) = folder();
    for (kind, format) in [("csv", FormatGuess::Csv), ("ldif", FormatGuess::Ldif), ("json", FormatGuess::Json)] {
        for entry in fs::read_dir(folder.join(kind)).expect("each format has a folder") {
            let path = entry.expect("the folder can be read").path();
            let choice = choice(&path, format, None).expect("it has an encoding");
            let head = fs::read(&path).expect("it can be read");
            let text = provisiond::source::encoding::decode_head(&head, &choice);
            assert_eq!(guess_format(&text), format, "{}", path.display());
        }
    }
}
