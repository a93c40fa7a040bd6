//! The table of keys as JSON Schema, for editors (`provisiond schema`).

use serde_json::{Map, Value as Json, json};

use super::shape::{Key, Shape};
use super::{keys, mapping_keys, mapping_test_keys};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The JSON Schema of `provisiond.yaml`.
pub fn config_schema() -> Json {
    document("provisiond.yaml", keys::ROOT)
}

/// The JSON Schema of a mapping file.
pub fn mapping_schema() -> Json {
    document("a mapping file of provisiond", mapping_keys::ROOT)
}

/// The JSON Schema of a file of mapping tests.
pub fn mapping_test_schema() -> Json {
    document("mapping tests of provisiond", mapping_test_keys::ROOT)
}

fn document(title: &str, keys: &'static [Key]) -> Json {
    let mut schema = block(keys, &[]);
    if let Json::Object(members) = &mut schema {
        members.insert("$schema".to_owned(), json!(DRAFT));
        members.insert("title".to_owned(), json!(title));
    }
    schema
}

fn block(keys: &'static [Key], one: &'static [Key]) -> Json {
    let all = one.iter().chain(keys);
    let properties: Map<String, Json> = all.clone().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = all.filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !one.is_empty() {
        schema["oneOf"] = one.iter().map(|key| json!({ "required": [key.name] })).collect();
    }
    schema
}

fn property(key: &Key) -> Json {
    let mut schema = of(&key.shape);
    schema["description"] = json!(key.doc);
    if let Some(default) = key.default.filter(|default| *default != "{}") {
        schema["default"] = match super::check::default_item(default, &key.shape) {
            Some(item) => item.to_json(),
            None => json!(default),
        };
    }
    schema
}

fn of(shape: &Shape) -> Json {
    match shape {
        Shape::Text => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Path => json!({ "type": "string" }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Count { least } => json!({ "type": "integer", "minimum": least }),
        Shape::Share => json!({ "type": "number", "minimum": 0, "maximum": 100 }),
        Shape::Percent => json!({ "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?%$" }),
        Shape::Duration { .. } => json!({ "type": "string", "pattern": r"^P[0-9.WDTHMS]+$" }),
        Shape::Size => json!({ "type": ["string", "integer"], "pattern": r"^[0-9]+ ?([KMG]i?)?B?$" }),
        Shape::Url => json!({ "type": "string", "format": "uri" }),
        Shape::Date => json!({ "type": "string", "format": "date" }),
        Shape::Time => json!({ "type": "string", "format": "date-time" }),
        Shape::Data => json!({ "type": ["string", "number", "boolean", "array", "object", "null"] }),
        Shape::Address => json!({ "type": "string", "pattern": r"^.+:[0-9]+$" }),
        Shape::Choice(words) => json!({ "enum": words }),
        Shape::Or(word, other) => json!({ "anyOf": [{ "const": word }, of(other)] }),
        Shape::TextOr(other) => json!({ "anyOf": [{ "type": "string" }, of(other)] }),
        Shape::Secret => json!({
            "type": "object",
            "properties": {
                "credential": { "type": "string", "description": "Name of a systemd credential." },
                "env": { "type": "string", "description": "Name of an environment variable." },
                "file": { "type": "string", "description": "Path of a file." },
            },
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false,
        }),
        Shape::List(inner) => json!({ "type": "array", "items": of(inner) }),
        Shape::Block(keys) => block(keys, &[]),
        Shape::OneOf { one, beside } => block(beside, one),
        Shape::Table(inner) => json!({ "type": "object", "additionalProperties": of(inner) }),
    }
}
