//! What the source says about one person or group.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::de::{self, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Attributes;

/// The immutable identifier of a source object (service.md D-05, sources.md 13).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceAnchor(pub String);

/// The identifier that the target gave a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetId(pub String);

impl SourceAnchor {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TargetId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    User,
    Group,
}

/// What the record itself says about deletion (sources.md 12.2); absence is judged later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Deletion {
    None,
    Soft,
    Hard,
}

/// The state of a source object in one cycle (service.md 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceState {
    Active,
    Disabled,
    SoftDeleted,
    HardDeleted,
}

/// One application role assigned in the source (expressions.md 10).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoleAssignment {
    pub id: Option<String>,
    pub value: Option<String>,
    #[serde(rename = "displayName")]
    pub display_name: Option<String>,
}

/// The value of one source attribute; absence is the absence of the key.
///
/// Written as the JSON value itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum SourceValue {
    Bool(bool),
    Integer(i64),
    Text(String),
    /// Never empty.
    List(Vec<String>),
    /// Never empty.
    Roles(Vec<RoleAssignment>),
}

impl<'de> Deserialize<'de> for SourceValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// Reads each value once; `untagged` would try every variant in turn and write an error text for each that fails.
struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = SourceValue;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a truth value, an integer, a text, or a list of texts or of roles")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<SourceValue, E> {
        Ok(SourceValue::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<SourceValue, E> {
        Ok(SourceValue::Integer(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<SourceValue, E> {
        let integer = i64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))?;
        Ok(SourceValue::Integer(integer))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<SourceValue, E> {
        Ok(SourceValue::Text(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<SourceValue, E> {
        Ok(SourceValue::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<SourceValue, A::Error> {
        let (mut texts, mut roles) = (Vec::new(), Vec::new());
        while let Some(item) = items.next_element()? {
            match item {
                Item::Text(text) => texts.push(text),
                Item::Role(role) => roles.push(role),
            }
        }
        match (texts.is_empty(), roles.is_empty()) {
            (_, true) => Ok(SourceValue::List(texts)),
            (true, false) => Ok(SourceValue::Roles(roles)),
            (false, false) => Err(de::Error::custom("a list of texts and of roles")),
        }
    }
}

/// One member of a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Text(String),
    Role(RoleAssignment),
}

/// Where a record lies; lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Path relative to the source directory.
    pub file: Arc<str>,
    pub line: u64,
}

/// One object as an export describes it, under canonical attribute names (sources.md 10).
///
/// A name is in at most one of `attributes`, `unknown` and `cleared`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceObject {
    pub kind: ObjectKind,
    pub anchor: SourceAnchor,
    pub deletion: Deletion,
    pub attributes: Attributes,
    /// Names that `rest: keep` carries along under the source's own spelling.
    pub rest: Attributes,
    /// Could not be read: the last known value holds.
    pub unknown: BTreeSet<String>,
    /// Change files only: explicitly emptied.
    pub cleared: BTreeSet<String>,
    /// Multi-values of which a part is missing: members may be added from it, never removed.
    pub incomplete: BTreeSet<String>,
    /// All values of a single attribute of which the source gives several, in its order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub choices: BTreeMap<String, Vec<String>>,
    /// References to nobody in the set, as the source writes them.
    pub unresolved: BTreeMap<String, Vec<String>>,
    /// Change files only: anchors that a list has no more, by the list's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub removed: BTreeMap<String, Vec<String>>,
    /// From a change file: what is not named is unchanged.
    pub partial: bool,
    pub origin: Origin,
}

impl SourceObject {
    /// Returns the attribute called `name`, canonical or kept, ignoring ASCII case (sources.md 10).
    pub fn attribute(&self, name: &str) -> Option<&SourceValue> {
        self.attributes.get(name).or_else(|| self.rest.get(name)).or_else(|| {
            let mut all = self.attributes.iter().chain(self.rest.iter());
            all.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        })
    }

    /// Says whether the source has the attribute in a form that could not be read.
    pub fn is_unknown(&self, name: &str) -> bool {
        self.unknown.iter().any(|other| other.eq_ignore_ascii_case(name))
    }

    /// The text of a single-valued attribute.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.attribute(name)? {
            SourceValue::Text(text) => Some(text),
            SourceValue::List(list) => list.first().map(String::as_str),
            SourceValue::Bool(true) => Some("True"),
            SourceValue::Bool(false) => Some("False"),
            SourceValue::Integer(_) | SourceValue::Roles(_) => None,
        }
    }

    /// The state in which this record puts its object (service.md D-02).
    ///
    /// How long a soft deletion has lasted is not seen here: retention is judged by the cycle.
    pub fn state(&self) -> SourceState {
        match self.deletion {
            Deletion::Hard => SourceState::HardDeleted,
            Deletion::Soft => SourceState::SoftDeleted,
            Deletion::None => match self.attribute("accountEnabled") {
                Some(SourceValue::Bool(false)) => SourceState::Disabled,
                _ => SourceState::Active,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_back_as_it_was_written() {
        let role = RoleAssignment { id: Some("1".to_owned()), value: None, display_name: Some("Admin".to_owned()) };
        for value in [
            SourceValue::Bool(true),
            SourceValue::Integer(-7),
            SourceValue::Text("true".to_owned()),
            SourceValue::List(vec!["a".to_owned(), String::new()]),
            SourceValue::Roles(vec![role]),
        ] {
            let text = serde_json::to_string(&value).expect("plain data");
            assert_eq!(serde_json::from_str::<SourceValue>(&text).expect("just written"), value, "{text}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in ["null", "1.5", "18446744073709551615", "{}", r#"["a",{"id":"1"}]"#, r#"[1]"#] {
            assert!(serde_json::from_str::<SourceValue>(text).is_err(), "{text}");
        }
    }
}
