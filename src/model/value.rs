//! Values on their way to the target, and when two of them agree (wire.md 1).

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Word;

/// How a target attribute's values are compared and sent (service.md 11.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ValueKind {
    String,
    Boolean,
    Integer,
    DateTime,
    Reference,
    Binary,
}

/// A mapped value; "no value" is its absence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TargetValue {
    Text(String),
    Boolean(bool),
    Integer(i64),
    /// RFC 3339 text of an instant.
    DateTime(String),
    /// The identifier of another resource in the target.
    Reference(String),
    /// Never empty.
    List(Vec<String>),
    Roles(RoleForm, Vec<Role>),
}

/// Which of the two role expressions gave the roles; they are sent differently (wire.md 10.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoleForm {
    /// `AppRoleAssignmentsComplex`: only ever adds.
    Additive,
    /// `AssertiveAppRoleAssignmentsComplex`: replaces the whole attribute.
    Assertive,
}

/// One role of a user as a role expression gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    pub id: Option<String>,
    pub value: String,
    pub display: Option<String>,
}

impl TargetValue {
    /// Returns whether the resource already holds this value (wire.md 1.3).
    ///
    /// `current` is what [`super::Resource::get`] found; `case_exact` false ignores a pure change of case.
    pub fn agrees_with(&self, current: &Value, case_exact: bool) -> bool {
        match self {
            Self::Text(text) | Self::Reference(text) => {
                scalar_text(current).is_some_and(|other| same_text(text, &other, case_exact))
            }
            Self::Boolean(wanted) => boolean(current) == Some(*wanted),
            Self::Integer(wanted) => integer(current) == Some(*wanted),
            Self::DateTime(wanted) => {
                match (wanted.parse::<Timestamp>(), current.as_str().map(str::parse::<Timestamp>)) {
                    (Ok(wanted), Some(Ok(current))) => wanted == current,
                    _ => current.as_str() == Some(wanted),
                }
            }
            Self::List(wanted) => {
                let fold = |text: &str| if case_exact { text.to_owned() } else { fold(text) };
                let wanted: BTreeSet<String> = wanted.iter().map(|text| fold(text)).collect();
                let current: BTreeSet<String> = element_texts(current).iter().map(|text| fold(text)).collect();
                wanted == current
            }
            Self::Roles(form, roles) => {
                let held: BTreeSet<String> = element_texts(current).into_iter().map(|text| role_value(&text)).collect();
                let wanted: BTreeSet<String> = roles.iter().map(|role| role.value.clone()).collect();
                match form {
                    RoleForm::Additive => wanted.is_subset(&held),
                    RoleForm::Assertive => wanted == held,
                }
            }
        }
    }

    /// The value as people read it in logs and matching filters.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) | Self::DateTime(text) | Self::Reference(text) => text.clone(),
            Self::Boolean(true) => "True".to_owned(),
            Self::Boolean(false) => "False".to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::List(list) => list.join(", "),
            Self::Roles(_, roles) => roles.iter().map(|role| role.value.as_str()).collect::<Vec<_>>().join(", "),
        }
    }

    /// [`TargetValue::to_text`], for whoever passes it on.
    pub fn to_word(&self) -> Word {
        match self {
            Self::Text(text) | Self::DateTime(text) | Self::Reference(text) => Word::Shared(text.as_str().into()),
            Self::Boolean(true) => Word::Constant("True"),
            Self::Boolean(false) => Word::Constant("False"),
            Self::Integer(_) | Self::List(_) | Self::Roles(..) => Word::Own(self.to_text()),
        }
    }

    /// The value with its native JSON type.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) | Self::DateTime(text) | Self::Reference(text) => Value::from(text.as_str()),
            Self::Boolean(flag) => Value::from(*flag),
            Self::Integer(number) => Value::from(*number),
            Self::List(list) => Value::from(list.clone()),
            Self::Roles(_, roles) => roles.iter().map(|role| Value::from(role.value.as_str())).collect(),
        }
    }
}

/// The legacy dialect stores roles as JSON text; such an element holds the role its text names (wire.md 10.6).
fn role_value(text: &str) -> String {
    let inner = serde_json::from_str::<Value>(text).ok();
    inner.as_ref().and_then(|role| role.get("value")?.as_str()).unwrap_or(text).to_owned()
}

/// Booleans that targets send as text count (wire.md 1.3).
pub(super) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn scalar_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(true) => Some(Cow::Borrowed("True")),
        Value::Bool(false) => Some(Cow::Borrowed("False")),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The texts of a multi-valued attribute, whose elements are texts or objects with a `value`.
fn element_texts(value: &Value) -> Vec<Cow<'_, str>> {
    match value {
        Value::Array(elements) => {
            elements.iter().filter_map(|element| scalar_text(element.get("value").unwrap_or(element))).collect()
        }
        single => scalar_text(single).into_iter().collect(),
    }
}

fn same_text(a: &str, b: &str, case_exact: bool) -> bool {
    a == b || (!case_exact && fold(a) == fold(b))
}

/// Simple case folding, one character to one character (service.md 12, D-32).
fn fold(text: &str) -> String {
    let single = |mut mapped: std::char::ToLowercase, original: char| match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => original,
    };
    text.chars()
        .map(|original| {
            let upper = match (original.to_uppercase().next(), original.to_uppercase().nth(1)) {
                (Some(one), None) => one,
                _ => original,
            };
            single(upper.to_lowercase(), upper)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn agreement_is_by_kind() {
        let text = |text: &str| TargetValue::Text(text.to_owned());
        let cases = [
            (text("a"), json!("a"), true, true),
            (text("a"), json!("A"), true, false),
            (text("STRASSE"), json!("strasse"), false, true),
            (text("a "), json!("a"), true, false),
            (TargetValue::Boolean(true), json!("True"), true, true),
            (TargetValue::Boolean(false), json!("true"), true, false),
            (TargetValue::Integer(7), json!("7"), true, true),
            (TargetValue::DateTime("2026-01-01T00:00:00Z".into()), json!("2026-01-01T09:00:00+09:00"), true, true),
            (TargetValue::List(vec!["a".into(), "b".into()]), json!(["b", "a"]), true, true),
            (TargetValue::List(vec!["a".into()]), json!([{"value": "a"}]), true, true),
            (TargetValue::List(vec!["a".into()]), json!(["a", "b"]), true, false),
        ];
        for (wanted, current, case_exact, expected) in cases {
            assert_eq!(wanted.agrees_with(&current, case_exact), expected, "{wanted:?} and {current}");
        }
    }
}
