//! What an expression yields (expressions.md 3, contract.md 5 `eval`).

use std::fmt;

use serde_json::json;

use super::time::DateTime;
use super::value::{Value, name_of, value_of};
use crate::model::{Role, RoleForm};

/// The outcome of one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<'a> {
    /// Never [`Value::Null`].
    Value(Value<'a>),
    Null,
    /// The attribute is left out of this operation, its default is not used.
    Ignore,
}

/// A value that no longer borrows, ready to become a target value.
#[derive(Clone, PartialEq, Eq)]
pub enum OwnedValue {
    Text(String),
    Boolean(bool),
    Integer(i64),
    DateTime(DateTime),
    /// Never empty.
    List(Vec<String>),
    Roles(RoleForm, Vec<Role>),
}

impl<'a> Outcome<'a> {
    /// The value without its borrows; null and ignore give `None`.
    pub fn into_owned(self) -> Option<OwnedValue> {
        let Self::Value(value) = self else { return None };
        Some(match value {
            Value::Null => return None,
            Value::Text(text) => OwnedValue::Text(text.into_owned()),
            Value::Boolean(flag) => OwnedValue::Boolean(flag),
            Value::Integer(number) => OwnedValue::Integer(number),
            Value::DateTime(instant) => OwnedValue::DateTime(instant),
            binary @ Value::Binary(_) => OwnedValue::Text(text_of(binary)),
            Value::List(list) => OwnedValue::List(list.into_texts().into_iter().map(Into::into).collect()),
            Value::Assignments(roles) => OwnedValue::List(roles.iter().map(|role| name_of(role).to_owned()).collect()),
            Value::Roles(form, roles) => {
                let role = |role| Role {
                    id: crate::model::RoleAssignment::clone(role).id,
                    value: value_of(role).to_owned(),
                    display: Some(name_of(role).to_owned()),
                };
                OwnedValue::Roles(form, roles.iter().map(role).collect())
            }
        })
    }

    /// The outcome in the language's own text form as JSON (contract.md 5, `eval`).
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Ignore => json!({ "ignore": true }),
            Self::Value(Value::List(list)) => list.iter().map(serde_json::Value::from).collect(),
            Self::Value(Value::Assignments(roles)) => roles.iter().map(name_of).map(serde_json::Value::from).collect(),
            Self::Value(Value::Roles(_, roles)) => roles
                .iter()
                .map(|role| {
                    json!({
                        "primary": false,
                        "type": ROLE_TYPE,
                        "display": name_of(role),
                        "value": value_of(role),
                    })
                })
                .collect(),
            Self::Value(Value::Null) => serde_json::Value::Null,
            Self::Value(single) => serde_json::Value::String(text_of(single.clone())),
        }
    }
}

/// The type that Entra gives every role it sends (wire.md 10.6).
pub const ROLE_TYPE: &str = "WindowsAzureActiveDirectoryRole";

/// The text of a value that always has one.
fn text_of(value: Value<'_>) -> String {
    value.into_text().ok().flatten().map(Into::into).unwrap_or_default()
}

/// Names the kind only: a value may be secret.
impl fmt::Debug for OwnedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "text",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::DateTime(_) => "a date",
            Self::List(_) => "a list",
            Self::Roles(..) => "a list of role objects",
        })
    }
}
