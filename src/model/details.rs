//! What a record of the log says beside its sentences.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Word;

/// Values by their names, in the order in which they came; an object in JSON.
///
/// So few that looking through them is faster than hashing their names: a cycle makes seven of these for each object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details(Vec<(Word, Detail)>);

/// One value of details.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Detail {
    Text(Word),
    /// Never a text.
    Other(Value),
}

impl Details {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Sets a value; one of the same name keeps its place.
    pub fn insert(&mut self, name: impl Into<Word>, value: impl Into<Detail>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    pub fn get(&self, name: &str) -> Option<&Detail> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Detail)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Detail {
    /// The value where it is a text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(_) => None,
        }
    }

    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Other(value) => value.clone(),
        }
    }
}

impl From<Word> for Detail {
    fn from(text: Word) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Self::Text(Word::Own(text.to_owned()))
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Self::Text(Word::Own(text))
    }
}

impl From<u64> for Detail {
    fn from(number: u64) -> Self {
        Self::Other(number.into())
    }
}

impl From<Value> for Detail {
    fn from(value: Value) -> Self {
        match value {
            Value::String(text) => Self::Text(Word::Own(text)),
            other => Self::Other(other),
        }
    }
}

impl Serialize for Details {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Details {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DetailsVisitor)
    }
}

struct DetailsVisitor;

impl<'de> Visitor<'de> for DetailsVisitor {
    type Value = Details;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Details, M::Error> {
        let mut details = Details::new();
        while let Some((name, value)) = map.next_entry::<Word, Value>()? {
            details.insert(name, value);
        }
        Ok(details)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn details_come_back_in_their_order() {
        let text = r#"{"b":1,"a":{"y":null,"x":["1"]}}"#;
        let mut details: Details = serde_json::from_str(text).expect("an object");
        assert_eq!(serde_json::to_string(&details).expect("it has a form"), text);
        details.insert("b", "two");
        details.insert("c", Value::Bool(true));
        assert_eq!(details.get("b").and_then(Detail::as_str), Some("two"));
        assert_eq!(details.get("a").map(Detail::to_json), Some(json!({"y": null, "x": ["1"]})));
        assert_eq!(
            serde_json::to_string(&details).expect("it has a form"),
            r#"{"b":"two","a":{"y":null,"x":["1"]},"c":true}"#
        );
        assert!(serde_json::from_str::<Details>("[]").is_err());
    }
}
