//! Attributes of a source object by their names.

use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::SourceValue;

/// Values by their names, in the order of the names; an object in JSON.
///
/// All objects of an export share their names, and of the few that an object has one is found fastest in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Vec<(Arc<str>, SourceValue)>);

impl Attributes {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        // Names mostly come in their order, and lists are short: most look-ups end at the last one or soon.
        match self.0.last() {
            Some((last, _)) if **last < *name => Err(self.0.len()),
            _ => self.0.binary_search_by(|(known, _)| (**known).cmp(name)),
        }
    }

    pub fn get(&self, name: &str) -> Option<&SourceValue> {
        self.0.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut SourceValue> {
        self.0.iter_mut().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a value; returns the one of before.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, value: SourceValue) -> Option<SourceValue> {
        let name = name.into();
        match self.place(&name) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }

    pub fn remove(&mut self, name: &str) -> Option<SourceValue> {
        self.place(name).ok().map(|at| self.0.remove(at).1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &SourceValue)> + Clone {
        self.0.iter().map(|(name, value)| (name, value))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Attributes {
    type Item = (Arc<str>, SourceValue);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<N: Into<Arc<str>>> Extend<(N, SourceValue)> for Attributes {
    fn extend<I: IntoIterator<Item = (N, SourceValue)>>(&mut self, values: I) {
        for (name, value) in values {
            self.insert(name, value);
        }
    }
}

impl<N: Into<Arc<str>>> FromIterator<(N, SourceValue)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (N, SourceValue)>>(values: I) -> Self {
        let mut attributes = Self::new();
        attributes.extend(values);
        attributes
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, value)| (&**name, value)))
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AttributesVisitor)
    }
}

struct AttributesVisitor;

impl<'de> Visitor<'de> for AttributesVisitor {
    type Value = Attributes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Attributes, M::Error> {
        let mut attributes = Attributes::new();
        while let Some((name, value)) = map.next_entry::<String, SourceValue>()? {
            attributes.insert(name, value);
        }
        Ok(attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_stand_in_the_order_of_their_names() {
        let text = |text: &str| SourceValue::Text(text.to_owned());
        let mut all: Attributes = [("b", text("1")), ("c", text("2")), ("a", text("3"))].into_iter().collect();
        assert_eq!(all.insert("b", SourceValue::Bool(true)), Some(text("1")));
        assert_eq!(all.insert("ba", SourceValue::Integer(4)), None);
        let written = r#"{"a":"3","b":true,"ba":4,"c":"2"}"#;
        assert_eq!(serde_json::to_string(&all).expect("it has a form"), written);
        assert_eq!(serde_json::from_str::<Attributes>(written).expect("an object"), all);
        let shuffled = r#"{"c":"2","a":"3","ba":4,"b":true}"#;
        assert_eq!(serde_json::from_str::<Attributes>(shuffled).expect("an object"), all);

        assert_eq!((all.get("ba"), all.get("bb")), (Some(&SourceValue::Integer(4)), None));
        assert_eq!((all.remove("a"), all.remove("a")), (Some(text("3")), None));
        assert_eq!((all.len(), all.contains_key("a"), all.contains_key("c")), (3, false, true));
        assert!(serde_json::from_str::<Attributes>("[]").is_err());
    }
}
