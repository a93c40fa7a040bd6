//! A checked configuration before it is given its types: every value with its place, defaults filled in.

use std::ops::Range;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::secret::Secret;
use super::yaml::Node;

/// A checked value; `span` is empty-handed where it is a default.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) value: Value,
    pub(crate) span: Option<Range<usize>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Also choices, paths, URLs, dates and addresses.
    Text(String),
    Flag(bool),
    Count(u64),
    Number(f64),
    Percent(f64),
    Duration {
        text: String,
        value: Duration,
    },
    Size {
        text: String,
        bytes: u64,
    },
    Secret(Secret),
    /// As it was written.
    Data(Node),
    List(Vec<Item>),
    Block(Block),
}

/// The keys of a block in the order of the table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Block {
    pub(crate) entries: Vec<(String, Item)>,
}

impl Item {
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> &[Item] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn block(&self) -> Option<&Block> {
        match &self.value {
            Value::Block(block) => Some(block),
            _ => None,
        }
    }

    /// The value as `check --output json` prints it; a secret as the place it comes from.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Text(text) | Value::Duration { text, .. } | Value::Size { text, .. } => Json::from(text.as_str()),
            Value::Flag(flag) => Json::from(*flag),
            Value::Count(count) => Json::from(*count),
            Value::Number(number) => Json::from(*number),
            Value::Percent(number) => Json::from(format!("{number}%")),
            Value::Secret(secret) => secret.to_json(),
            Value::Data(node) => node.scalar().map_or(Json::Null, |scalar| Json::from(scalar.text.as_str())),
            Value::List(items) => items.iter().map(Item::to_json).collect(),
            Value::Block(block) => block.to_json(),
        }
    }
}

impl Block {
    pub(crate) fn get(&self, name: &str) -> Option<&Item> {
        self.entries.iter().find(|(key, _)| key == name).map(|(_, item)| item)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)?.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        match self.get(name)?.value {
            Value::Count(count) => Some(count),
            _ => None,
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)?.value {
            Value::Number(number) | Value::Percent(number) => Some(number),
            Value::Count(count) => Some(count as f64),
            _ => None,
        }
    }

    pub(crate) fn duration(&self, name: &str) -> Option<Duration> {
        match self.get(name)?.value {
            Value::Duration { value, .. } => Some(value),
            _ => None,
        }
    }

    pub(crate) fn bytes(&self, name: &str) -> Option<u64> {
        match self.get(name)?.value {
            Value::Size { bytes, .. } => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        match &self.get(name)?.value {
            Value::Secret(secret) => Some(secret.clone()),
            _ => None,
        }
    }

    pub(crate) fn block(&self, name: &str) -> Option<&Block> {
        self.get(name)?.block()
    }

    pub(crate) fn list(&self, name: &str) -> &[Item] {
        self.get(name).map_or(&[], Item::list)
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).iter().filter_map(|item| item.text().map(str::to_owned)).collect()
    }

    pub(crate) fn to_json(&self) -> Json {
        let members = self.entries.iter().map(|(name, item)| (name.clone(), item.to_json()));
        Json::Object(members.collect::<Map<String, Json>>())
    }
}
