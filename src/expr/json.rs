//! A source object given as JSON, for `eval` (expressions.md 10).

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::slots::{Record, Slots};
use super::value::{Input, truth};
use crate::model::{RoleAssignment, SourceValue};

/// The attribute whose values are role assignments, be they names or objects.
const ASSIGNMENTS: &str = "appRoleAssignments";

/// The attributes of one source object.
#[derive(Debug, Default)]
pub struct JsonSource(BTreeMap<String, SourceValue>);

/// What in a JSON source is no attribute value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    pub attribute: Option<String>,
    pub message: String,
}

impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.attribute {
            Some(name) => write!(f, "attribute `{name}` {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for SourceError {}

impl JsonSource {
    /// Reads a JSON object: texts, numbers, booleans, lists of these, null, and role assignments.
    pub fn read(source: Json) -> Result<Self, SourceError> {
        let Json::Object(members) = source else {
            return Err(SourceError { attribute: None, message: "the source object is not a JSON object".to_owned() });
        };
        let mut attributes = BTreeMap::new();
        for (name, value) in members {
            match value_of(&name, value) {
                Ok(Some(value)) => {
                    attributes.insert(name, value);
                }
                Ok(None) => {}
                Err(message) => return Err(SourceError { attribute: Some(name), message: message.to_owned() }),
            }
        }
        Ok(Self(attributes))
    }

    pub fn record<'a>(&'a self, slots: &Slots) -> Record<'a> {
        Record::new(slots, |name| self.0.get(name).map_or(Input::Null, Input::from))
    }
}

fn value_of(name: &str, value: Json) -> Result<Option<SourceValue>, &'static str> {
    Ok(Some(match value {
        Json::Null => return Ok(None),
        Json::String(text) if name == ASSIGNMENTS => SourceValue::Roles(vec![role_of(Json::String(text))?]),
        Json::Array(values) => {
            let values: Vec<Json> = values.into_iter().filter(|value| !value.is_null()).collect();
            if values.is_empty() {
                return Ok(None);
            }
            if name == ASSIGNMENTS || values.iter().any(Json::is_object) {
                SourceValue::Roles(values.into_iter().map(role_of).collect::<Result<_, _>>()?)
            } else {
                SourceValue::List(values.into_iter().map(text_of).collect::<Result<_, _>>()?)
            }
        }
        role @ Json::Object(_) => SourceValue::Roles(vec![role_of(role)?]),
        Json::Bool(flag) => SourceValue::Bool(flag),
        Json::String(text) => SourceValue::Text(text),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => SourceValue::Integer(integer),
            None => SourceValue::Text(number.to_string()),
        },
    }))
}

fn text_of(value: Json) -> Result<String, &'static str> {
    match value {
        Json::String(text) => Ok(text),
        Json::Number(number) => Ok(number.to_string()),
        Json::Bool(flag) => Ok(truth(flag).to_owned()),
        Json::Null | Json::Array(_) | Json::Object(_) => Err("holds a list within a list"),
    }
}

fn role_of(value: Json) -> Result<RoleAssignment, &'static str> {
    match value {
        Json::Object(mut members) => {
            let mut text = |key: &str| match members.remove(key) {
                None | Some(Json::Null) => Ok(None),
                Some(value) => {
                    text_of(value).map(Some).map_err(|_| "holds a role assignment with a member that is no text")
                }
            };
            let role = RoleAssignment { id: text("id")?, value: text("value")?, display_name: text("displayName")? };
            if role.value.is_none() && role.display_name.is_none() {
                return Err("holds an object without `value` and `displayName`, which is no role assignment");
            }
            Ok(role)
        }
        Json::Array(_) => Err("holds a list within a list"),
        name => {
            let name = text_of(name)?;
            Ok(RoleAssignment { id: None, value: Some(name.clone()), display_name: Some(name) })
        }
    }
}
