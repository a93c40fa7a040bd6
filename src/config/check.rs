//! Checks what a person wrote against the table of keys, and collects every fault.

use std::ops::Range;

use super::discretion;
use super::item::{Block, Item, Value};
use super::secret::Secret;
use super::shape::{Key, Shape};
use super::units;
use super::yaml::{self, Entry, Kind, Node, Style, quoted};
use crate::diagnostic::{Diagnostic, nearest};

/// One file under check: its text for the carets, its faults.
pub(crate) struct File<'t> {
    /// As people know it.
    pub(crate) name: &'t str,
    pub(crate) text: &'t str,
    pub(crate) faults: Vec<Diagnostic>,
    /// Something secret can stand in it, though none should.
    discreet: bool,
}

impl<'t> File<'t> {
    pub(crate) fn new(name: &'t str, text: &'t str) -> Self {
        Self { name, text, faults: Vec::new(), discreet: false }
    }

    /// A file with credentials in it, or with what was meant as such: its faults are told without them.
    pub(crate) fn discreet(name: &'t str, text: &'t str) -> Self {
        Self { discreet: true, ..Self::new(name, text) }
    }

    /// The faults in the order of writing.
    pub(crate) fn into_faults(self) -> Vec<Diagnostic> {
        let mut faults = self.faults;
        if self.discreet {
            discretion::veil(self.text, &mut faults);
        }
        faults.sort_by_key(|fault| fault.place.as_ref().map(|place| (place.line, place.column)));
        faults
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.faults.iter().any(Diagnostic::is_error)
    }

    /// Parses the file; `None` where it is empty or no YAML, which is then reported.
    pub(crate) fn parse(&mut self) -> Option<Node> {
        match yaml::parse(self.name, self.text) {
            Ok(Some(root)) => Some(root),
            Ok(None) => {
                let empty = Diagnostic::error("empty_file", "the file is empty")
                    .at(self.name, self.text, 0..0, None)
                    .with_help("`provisiond init DIR --preset kintone` writes a working example");
                self.faults.push(empty);
                None
            }
            Err(fault) => {
                self.faults.push(*fault);
                None
            }
        }
    }

    pub(crate) fn error(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.faults.push(Diagnostic::error(code, message).at(self.name, self.text, span, None).with_help(help));
    }

    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.faults.push(Diagnostic::warning(code, message).at(self.name, self.text, span, None).with_help(help));
    }

    /// The entries of a map with text keys; anything else is reported. A key that comes twice counts once.
    pub(crate) fn entries<'n>(&mut self, node: &'n Node) -> Option<Vec<(&'n str, &'n Entry)>> {
        let Kind::Map { entries } = &node.kind else {
            self.wrong_type(node, "a map of keys and values");
            return None;
        };
        let mut found: Vec<(&str, &Entry)> = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(key) = entry.key.scalar() else {
                self.error(
                    "wrong_type",
                    entry.key.span.clone(),
                    format!("{} cannot be a key", entry.key.describe()),
                    "inside `{ … }` put a text that has brackets or commas into single quotes",
                );
                continue;
            };
            match found.iter().find(|(name, _)| *name == key.text) {
                Some((_, first)) => {
                    let line = 1 + self.text[..first.key.span.start].matches('\n').count();
                    let message = format!("the key `{}` is already given in line {line}", key.text);
                    self.error("duplicate_key", entry.key.span.clone(), message, "keep one of the two");
                }
                None => found.push((&key.text, entry)),
            }
        }
        Some(found)
    }

    pub(crate) fn wrong_type(&mut self, node: &Node, expected: &str) {
        let span = node.span.clone();
        let raw = self.text.get(span.clone()).unwrap_or_default();
        match &node.kind {
            Kind::List { flow: true, .. } if expected.contains("text") => self.error(
                "wrong_type",
                span,
                format!("expected {expected}, found a list: YAML reads `[…]` as one"),
                format!("put it in single quotes: {}", quoted(raw)),
            ),
            _ => {
                let message = format!("expected {expected}, found {}", node.describe());
                let help = match &node.kind {
                    Kind::Scalar(_) if expected == "a list" && !node.is_null() => format!("write `[{raw}]`"),
                    _ => format!("write {expected}"),
                };
                self.error("wrong_type", span, message, help);
            }
        }
    }

    pub(crate) fn unknown_key<'k>(&mut self, entry: &Entry, key: &str, known: impl Iterator<Item = &'k str> + Clone) {
        let help = match nearest(key, known.clone()) {
            Some(name) => format!("a key with a similar name exists: `{name}`"),
            None => {
                format!("the keys here are {}", known.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
            }
        };
        self.error("unknown_key", entry.key.span.clone(), format!("unknown key `{key}`"), help);
    }

    /// Checks a node against its shape and fills in defaults; `None` where it has a fault.
    pub(crate) fn check(&mut self, node: &Node, shape: &Shape) -> Option<Item> {
        let value = match shape {
            Shape::List(inner) => match &node.kind {
                Kind::List { items, .. } => {
                    Value::List(items.iter().filter_map(|item| self.check(item, inner)).collect())
                }
                Kind::Scalar(_) | Kind::Map { .. } => {
                    self.wrong_type(node, &shape.expected());
                    return None;
                }
            },
            Shape::Block(keys) => Value::Block(self.check_block(node, keys, &[])?),
            Shape::OneOf { one, beside } => Value::Block(self.check_block(node, beside, one)?),
            Shape::Table(inner) => {
                let entries = self.entries(node)?;
                let entries = entries
                    .into_iter()
                    .filter_map(|(name, entry)| Some((name.to_owned(), self.check(&entry.value, inner)?)));
                Value::Block(Block { entries: entries.collect() })
            }
            Shape::Secret => Value::Secret(self.check_secret(node)?),
            Shape::Data => Value::Data(node.clone()),
            Shape::TextOr(other) => match &node.kind {
                Kind::Scalar(scalar) if !node.is_null() => Value::Text(scalar.text.clone()),
                Kind::Map { .. } => return self.check(node, other),
                Kind::Scalar(_) | Kind::List { .. } => {
                    self.wrong_type(node, &shape.expected());
                    return None;
                }
            },
            Shape::Or(word, other) => match node.scalar() {
                Some(scalar) if scalar.text == *word => Value::Text((*word).to_owned()),
                _ if matches!(other, Shape::List(_)) => return self.check(node, other),
                Some(_) => match self.scalar_value(node, other) {
                    Some(value) => value,
                    None => {
                        self.not_expected(node, shape);
                        return None;
                    }
                },
                None => {
                    self.wrong_type(node, &shape.expected());
                    return None;
                }
            },
            Shape::Text
            | Shape::Flag
            | Shape::Count { .. }
            | Shape::Share
            | Shape::Percent
            | Shape::Duration { .. }
            | Shape::Size
            | Shape::Path
            | Shape::Url
            | Shape::Date
            | Shape::Time
            | Shape::Address
            | Shape::Choice(_) => match self.scalar_value(node, shape) {
                Some(value) => value,
                None => {
                    self.not_expected(node, shape);
                    return None;
                }
            },
        };
        Some(Item { value, span: Some(node.span.clone()) })
    }

    /// Checks a block; of `one`, exactly one key has to be given.
    fn check_block(&mut self, node: &Node, keys: &'static [Key], one: &'static [Key]) -> Option<Block> {
        let given = self.entries(node)?;
        let known = one.iter().chain(keys);
        for (name, entry) in &given {
            if !known.clone().any(|key| key.name == *name) {
                self.unknown_key(entry, name, known.clone().map(|key| key.name));
            }
        }
        let mut block = Block { entries: Vec::new() };
        for key in known.clone() {
            let item = match given.iter().find(|(name, _)| *name == key.name) {
                Some((_, entry)) if entry.value.is_null() && (key.default.is_some() || key.required) => {
                    let message = format!("`{}` has no value", key.name);
                    self.error(
                        "missing_value",
                        entry.key.span.clone(),
                        message,
                        format!("write {}", key.shape.expected()),
                    );
                    continue;
                }
                Some((_, entry)) if entry.value.is_null() => continue,
                Some((_, entry)) => self.check(&entry.value, &key.shape),
                None => {
                    // a misspelt key was reported, with this one named
                    let misspelt = |(name, _): &&(&str, &Entry)| {
                        let unknown = !known.clone().any(|other| other.name == *name);
                        unknown && nearest(name, known.clone().map(|other| other.name)) == Some(key.name)
                    };
                    if key.required && !given.iter().any(|entry| misspelt(&entry)) {
                        let message = format!("the key `{}` is missing", key.name);
                        let help =
                            format!("add `{}:` with {}; {}", key.name, key.shape.expected(), lower_first(key.doc));
                        let first = given.first().map_or(node.span.clone(), |(_, entry)| entry.key.span.clone());
                        self.error("missing_key", first, message, help);
                    }
                    key.default.and_then(|default| default_item(default, &key.shape))
                }
            };
            block.entries.extend(item.map(|item| (key.name.to_owned(), item)));
        }
        if !one.is_empty() {
            let chosen: Vec<_> = given.iter().filter(|(name, _)| one.iter().any(|key| key.name == *name)).collect();
            let names = one.iter().map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(", ");
            match chosen.as_slice() {
                [_] => {}
                [] => self.error(
                    "missing_key",
                    node.span.clone(),
                    "none of the methods is given",
                    format!("give one of {names}"),
                ),
                [_, second, ..] => {
                    let message = format!("`{}` is one method too many", second.0);
                    self.error(
                        "exclusive_keys",
                        second.1.key.span.clone(),
                        message,
                        format!("give only one of {names}"),
                    );
                }
            }
        }
        Some(block)
    }

    fn not_expected(&mut self, node: &Node, shape: &Shape) {
        let Some(scalar) = node.scalar().filter(|_| !node.is_null()) else {
            return self.wrong_type(node, &shape.expected());
        };
        let message = format!("`{}` is not {}", scalar.text, shape.expected());
        let help = match shape {
            Shape::Choice(words) => match nearest(&scalar.text, words.iter().copied()) {
                Some(word) => format!("a similar word exists: `{word}`"),
                None => format!("write {}", shape.expected()),
            },
            Shape::Flag => match scalar.text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" => "write `true`".to_owned(),
                "no" | "off" | "n" => "write `false`".to_owned(),
                _ => format!("write {}", shape.expected()),
            },
            Shape::Duration { least } => match units::duration(&scalar.text) {
                Some(_) => format!("write at least `{least}`"),
                None => format!("write {}; months and years have no fixed length", shape.expected()),
            },
            _ => format!("write {}", shape.expected()),
        };
        let message = match shape {
            Shape::Duration { least } if units::duration(&scalar.text).is_some() => {
                format!("`{}` is shorter than `{least}`", scalar.text)
            }
            _ => message,
        };
        self.error("invalid_value", node.span.clone(), message, help);
    }

    fn scalar_value(&mut self, node: &Node, shape: &Shape) -> Option<Value> {
        let scalar = node.scalar().filter(|_| !node.is_null())?;
        let text = scalar.text.as_str();
        let plain = scalar.style == Style::Plain;
        let as_text = || Some(Value::Text(text.to_owned()));
        match shape {
            Shape::Text => as_text(),
            Shape::Path => (!text.is_empty()).then(as_text).flatten(),
            Shape::Flag => match text {
                "true" | "True" | "TRUE" if plain => Some(Value::Flag(true)),
                "false" | "False" | "FALSE" if plain => Some(Value::Flag(false)),
                _ => None,
            },
            Shape::Count { least } => text.parse().ok().filter(|count| count >= least).map(Value::Count),
            Shape::Share => text.parse().ok().filter(|share| (0.0..=100.0).contains(share)).map(Value::Number),
            Shape::Percent => units::percent(text).map(Value::Percent),
            Shape::Duration { least } => {
                let value = units::duration(text)?;
                (value >= units::duration(least)?).then(|| Value::Duration { text: text.to_owned(), value })
            }
            Shape::Size => units::size(text).map(|bytes| Value::Size { text: text.to_owned(), bytes }),
            Shape::Url => {
                let uri: http::Uri = text.trim().parse().ok()?;
                (uri.scheme().is_some() && uri.host().is_some_and(|host| !host.is_empty())).then(as_text).flatten()
            }
            Shape::Date => text.parse::<jiff::civil::Date>().ok().and_then(|_| as_text()),
            Shape::Time => text.parse::<jiff::Timestamp>().ok().and_then(|_| as_text()),
            Shape::Address => text.parse::<std::net::SocketAddr>().ok().and_then(|_| as_text()),
            Shape::Choice(words) => words.contains(&text).then(as_text).flatten(),
            Shape::Or(word, other) => match text == *word {
                true => as_text(),
                false => self.scalar_value(node, other),
            },
            Shape::Secret
            | Shape::Data
            | Shape::List(_)
            | Shape::Block(_)
            | Shape::OneOf { .. }
            | Shape::TextOr(_)
            | Shape::Table(_) => None,
        }
    }

    /// A secret written out is refused without being repeated, excerpt included.
    fn check_secret(&mut self, node: &Node) -> Option<Secret> {
        const FORMS: &str = "write `{ credential: NAME }` for a systemd credential, `{ env: NAME }` for an environment \
                             variable or `{ file: PATH }` for a file";
        let refuse = |file: &mut Self, message: &str| {
            let place = crate::diagnostic::Place::of_span(file.name, file.text, node.span.clone(), None);
            let place = crate::diagnostic::Place { excerpt: None, ..place };
            file.faults.push(Diagnostic::error("plain_secret", message).with_place(place).with_help(FORMS));
            None
        };
        if !matches!(node.kind, Kind::Map { .. }) {
            return refuse(self, "a secret is never written in this file");
        }
        let entries = self.entries(node)?;
        match entries.as_slice() {
            [(name @ ("credential" | "env" | "file"), entry)] => {
                let text = entry.value.scalar().map(|scalar| scalar.text.clone()).filter(|text| !text.is_empty());
                let Some(text) = text else { return refuse(self, "the name of the secret is missing") };
                Some(match *name {
                    "credential" => Secret::Credential(text),
                    "env" => Secret::Env(text),
                    _ => Secret::File(text.into()),
                })
            }
            _ => refuse(self, "a secret is named in one of three ways"),
        }
    }
}

/// The item of a default, which is YAML of our own table.
pub(super) fn default_item(default: &str, shape: &Shape) -> Option<Item> {
    let mut file = File::new("default", default);
    let node = yaml::parse("default", default).ok().flatten()?;
    let mut item = file.check(&node, shape)?;
    forget_places(&mut item);
    Some(item)
}

fn forget_places(item: &mut Item) {
    item.span = None;
    match &mut item.value {
        Value::List(items) => items.iter_mut().for_each(forget_places),
        Value::Block(block) => block.entries.iter_mut().for_each(|(_, item)| forget_places(item)),
        _ => {}
    }
}

fn lower_first(doc: &str) -> String {
    let mut chars = doc.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
