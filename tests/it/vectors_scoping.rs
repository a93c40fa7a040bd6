//! The published behaviour of scoping filters, as data (service.md 9 and 25.1).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use provisiond::model::{Attributes, Deletion, ObjectKind, Origin, SourceAnchor, SourceObject, SourceValue};
use provisiond::scoping::{AttributeType, Filter, Schema, published};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    filter: Value,
    source: Map<String, Value>,
    #[serde(default)]
    schema: Map<String, Value>,
    expected: Value,
}

#[test]
fn vectors_of_scoping_filters_hold() {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let given = std::env::var_os("PROVISIOND_VECTORS").map(PathBuf::from);
    let path = given.as_ref().unwrap_or(&own).join("scoping.json");
    let text = std::fs::read_to_string(&path).expect("the vectors can be read");
    let file: File = serde_json::from_str(&text).expect("the vectors have their documented form");
    let mut wrong = Vec::new();
    for vector in &file.vectors {
        let found = run(vector);
        println!("{}: {}", vector.id, if found == vector.expected { "ok" } else { "WRONG" });
        if found != vector.expected {
            wrong.push(format!("{}: expected {}, found {found}", vector.id, vector.expected));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let ids: BTreeSet<&str> = file.vectors.iter().map(|vector| vector.id.as_str()).collect();
    assert_eq!(ids.len(), file.vectors.len(), "an id comes twice");
    match given {
        None => assert_eq!(ids.len(), 66, "cases are missing"),
        Some(_) => assert!(!ids.is_empty(), "no cases"),
    }
}

fn run(vector: &Vector) -> Value {
    let error = |code: &str| serde_json::json!({"error": code});
    let drafts = match published(&vector.filter) {
        Ok(found) => found.scope,
        Err(refused) => return error(&refused.to_string()),
    };
    let filter = match Filter::compile(&drafts, &schema(&vector.schema)) {
        Ok((filter, _)) => filter,
        Err(faults) => return error(faults[0].code.as_str()),
    };
    let object = object(&vector.source);
    let explained = filter.explain(&object);
    match filter.passes(&object) {
        Ok(passes) => {
            assert_eq!(explained.passes, passes, "{}: the log tells another story", vector.id);
            Value::Bool(passes)
        }
        Err(fault) => {
            assert!(!explained.passes, "{}: the log tells another story", vector.id);
            error(fault.code.as_str())
        }
    }
}

/// A type is a name, or `{"type": NAME, "multivalued": true}`.
fn schema(types: &Map<String, Value>) -> Schema {
    Schema::new(types.iter().map(|(name, ty)| {
        let several = ty.get("multivalued").or_else(|| ty.get("multiValued")).and_then(Value::as_bool) == Some(true);
        let named = ty.as_str().or_else(|| ty.get("type").and_then(Value::as_str)).unwrap_or("String");
        let ty = if several {
            AttributeType::MultiValued
        } else {
            AttributeType::parse(named).unwrap_or_else(|| panic!("`{named}` is no type"))
        };
        (name.clone(), ty)
    }))
}

fn object(source: &Map<String, Value>) -> SourceObject {
    let values = source.iter().filter_map(|(name, value)| {
        let value: SourceValue = match value {
            Value::Null => return None,
            Value::Array(elements) if elements.is_empty() => return None,
            other => serde_json::from_value(other.clone()).expect("source values are typed JSON"),
        };
        Some((name.clone(), value))
    });
    SourceObject {
        kind: ObjectKind::User,
        anchor: SourceAnchor("u-1".to_owned()),
        deletion: Deletion::None,
        attributes: values.collect(),
        rest: Attributes::new(),
        unknown: BTreeSet::new(),
        cleared: BTreeSet::new(),
        incomplete: BTreeSet::new(),
        unresolved: BTreeMap::new(),
        choices: BTreeMap::new(),
        removed: BTreeMap::new(),
        partial: false,
        origin: Origin { file: "vectors".into(), line: 1 },
    }
}
