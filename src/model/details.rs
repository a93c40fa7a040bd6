//! What a record of the log says beside its sentences.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Values by their names, in the order in which they came; an object in JSON.
///
/// So few that looking through them is faster than hashing their names: a cycle makes seven of these for each object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details(Vec<(Cow<'static, str>, Value)>);

impl Details {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Sets a value; one of the same name keeps its place.
    pub fn insert(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            details.insert(name, value);
        }
        Ok(details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_come_back_in_their_order() {
        let text = r#"{"b":1,"a":{"y":null,"x":["1"]}}"#;
        let mut details: Details = serde_json::from_str(text).expect("an object");
        assert_eq!(serde_json::to_string(&details).expect("it has a form"), text);
        details.insert("b", "two");
        details.insert("c", true);
        assert_eq!(details.get("b"), Some(&Value::from("two")));
        assert_eq!(
            serde_json::to_string(&details).expect("it has a form"),
            r#"{"b":"two","a":{"y":null,"x":["1"]},"c":true}"#
        );
        assert!(serde_json::from_str::<Details>("[]").is_err());
    }
}
