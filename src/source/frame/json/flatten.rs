//! Flattens a JSON object to attributes (sources.md 8.2).

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use memchr::memchr;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue as JsonText;

use super::super::{Limits, Wanted};
use crate::source::raw::{RawAttribute, RawValue, RawValues};

/// How many names are remembered from record to record.
const REMEMBERED: usize = 8192;

/// Why an object cannot be flattened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    NotAnObject,
    /// With the parser's message, which holds no value.
    Syntax(String),
    Nul,
    Columns,
    Values,
}

/// Members of an object in file order, each value as its text.
struct Members<'a>(Vec<(Cow<'a, str>, &'a JsonText)>);

/// Reads objects; knows their names from record to record.
pub(super) struct Flattened {
    limits: Limits,
    wanted: Option<Wanted>,
    /// By name: its place in `names`.
    known: HashMap<Rc<str>, usize>,
    names: Vec<Name>,
    /// Counts the records.
    stamp: u64,
    /// The name that was asked for last.
    last: usize,
}

struct Name {
    name: Rc<str>,
    is_wanted: bool,
    /// The name that was asked for after it last time: records have their names in much the same order.
    next: usize,
    /// The record that the rest is about.
    stamp: u64,
    /// Its place among the attributes.
    at: usize,
    values: usize,
}

/// The attributes of one record while they are gathered.
struct Gathered<'a> {
    attributes: Vec<RawAttribute<'a>>,
    /// Names met, those included that nobody wants.
    count: usize,
    line: u64,
}

impl Flattened {
    pub(super) fn new(limits: Limits, wanted: Option<Wanted>) -> Self {
        Self { limits, wanted, known: HashMap::new(), names: Vec::new(), stamp: 0, last: 0 }
    }

    /// Reads one object, which is not nested deeper than a recursive reader may go.
    pub(super) fn read<'a>(&mut self, text: &'a str, line: u64) -> Result<Vec<RawAttribute<'a>>, Problem> {
        self.stamp += 1;
        if self.names.len() > REMEMBERED {
            self.names.clear();
            self.known.clear();
        }
        if !text.trim_ascii_start().starts_with('{') {
            return Err(serde_json::from_str::<&JsonText>(text).map_or_else(syntax, |_| Problem::NotAnObject));
        }
        let mut gathered = Gathered { attributes: Vec::with_capacity(32), count: 0, line };
        self.object(text, "", true, &mut gathered)?;
        Ok(gathered.attributes)
    }

    fn object<'a>(
        &mut self,
        text: &'a str,
        prefix: &str,
        may_select: bool,
        into: &mut Gathered<'a>,
    ) -> Result<(), Problem> {
        let Members(members) = serde_json::from_str(text).map_err(syntax)?;
        for (name, value) in self.last_of_each(members)? {
            if name.contains('\0') {
                return Err(Problem::Nul);
            }
            if prefix.is_empty() {
                self.value(value.get(), &name, may_select, into)?;
            } else {
                self.value(value.get(), &format!("{prefix}.{name}"), may_select, into)?;
            }
        }
        Ok(())
    }

    /// Of members with the same name the last counts.
    fn last_of_each<'a>(
        &self,
        mut members: Vec<(Cow<'a, str>, &'a JsonText)>,
    ) -> Result<Vec<(Cow<'a, str>, &'a JsonText)>, Problem> {
        if members.len() > self.limits.columns {
            return Err(Problem::Columns);
        }
        if !has_twins(&members) {
            return Ok(members);
        }
        let mut last = HashMap::with_capacity(members.len());
        for (at, (name, _)) in members.iter().enumerate() {
            last.insert(name.as_ref(), at);
        }
        let mut kept = vec![false; members.len()];
        last.into_values().for_each(|at| kept[at] = true);
        let mut kept = kept.into_iter();
        members.retain(|_| kept.next().unwrap_or(true));
        Ok(members)
    }

    fn value<'a>(
        &mut self,
        text: &'a str,
        name: &str,
        may_select: bool,
        into: &mut Gathered<'a>,
    ) -> Result<(), Problem> {
        match text.as_bytes().first() {
            Some(b'{') => {
                self.place(name, into)?;
                self.object(text, name, may_select, into)
            }
            Some(b'[') => self.array(text, name, may_select, into),
            _ => {
                let value = scalar(text)?;
                self.push(name, value, into)
            }
        }
    }

    /// Reads an array; of objects with `type` or `primary` the members are there under these too, and of the changes of a
    /// list (`members@delta` of Graph) what is no more is apart from what is new.
    fn array<'a>(
        &mut self,
        text: &'a str,
        name: &str,
        may_select: bool,
        into: &mut Gathered<'a>,
    ) -> Result<(), Problem> {
        self.place(name, into)?;
        let elements: Vec<&'a JsonText> = serde_json::from_str(text).map_err(syntax)?;
        for element in elements {
            let text = element.get();
            match text.as_bytes().first() {
                Some(b'{') if name.ends_with("@delta") && is_removed(text)? => {
                    self.object(text, &format!("{name}[@removed]"), false, into)?;
                }
                Some(b'{') => {
                    self.object(text, name, false, into)?;
                    if may_select {
                        for selector in selectors(text)? {
                            self.object(text, &format!("{name}[{selector}]"), false, into)?;
                        }
                    }
                }
                Some(b'[') => self.array(text, name, false, into)?,
                _ => {
                    let value = scalar(text)?;
                    self.push(name, value, into)?;
                }
            }
        }
        Ok(())
    }

    fn push<'a>(&mut self, name: &str, value: RawValue<'a>, into: &mut Gathered<'a>) -> Result<(), Problem> {
        let number = self.place(name, into)?;
        let name = &mut self.names[number];
        if name.values >= self.limits.values {
            return Err(Problem::Values);
        }
        name.values += 1;
        if name.is_wanted {
            into.attributes[name.at].values.push(value);
        }
        Ok(())
    }

    /// Returns the number of the name, whose attribute is made if the record has it not yet and somebody wants it.
    fn place(&mut self, name: &str, into: &mut Gathered<'_>) -> Result<usize, Problem> {
        let number = self.number(name);
        let known = &mut self.names[number];
        if known.stamp == self.stamp {
            return Ok(number);
        }
        if into.count >= self.limits.columns {
            return Err(Problem::Columns);
        }
        into.count += 1;
        (known.stamp, known.at, known.values) = (self.stamp, into.attributes.len(), 0);
        if known.is_wanted {
            let (name, values) = (Rc::clone(&known.name), RawValues::new());
            into.attributes.push(RawAttribute { name, values, line: into.line, incomplete: None });
        }
        Ok(number)
    }

    fn number(&mut self, name: &str) -> usize {
        let expected = self.names.get(self.last).map_or(0, |last| last.next);
        if self.names.get(expected).is_some_and(|known| *known.name == *name) {
            self.last = expected;
            return expected;
        }
        let number = match self.known.get(name) {
            Some(number) => *number,
            None => {
                let shared: Rc<str> = name.into();
                let is_wanted = self.wanted.as_ref().is_none_or(|wanted| wanted(name));
                self.names.push(Name { name: Rc::clone(&shared), is_wanted, next: 0, stamp: 0, at: 0, values: 0 });
                self.known.insert(shared, self.names.len() - 1);
                self.names.len() - 1
            }
        };
        if let Some(last) = self.names.get_mut(self.last) {
            last.next = number;
        }
        self.last = number;
        number
    }
}

/// Says whether two members have the same name.
fn has_twins(members: &[(Cow<'_, str>, &JsonText)]) -> bool {
    if members.len() > 256 {
        // a table is quicker
        return true;
    }
    // names that share a bit are compared
    let mut met = 0_u128;
    members.iter().enumerate().any(|(at, (name, _))| {
        let bytes = name.as_bytes();
        let middle = bytes.get(bytes.len() / 2).map_or(0, |byte| usize::from(*byte));
        let end = bytes.last().map_or(0, |byte| usize::from(*byte));
        let bit = 1 << ((bytes.len() * 37 + middle * 5 + end * 11) % 128);
        let is_twin = met & bit != 0 && members[..at].iter().any(|(other, _)| other == name);
        met |= bit;
        is_twin
    })
}

/// Says whether an element of a list of changes is one that went.
fn is_removed(text: &str) -> Result<bool, Problem> {
    let members: Members<'_> = serde_json::from_str(text).map_err(syntax)?;
    Ok(members.0.iter().any(|(name, _)| name == "@removed"))
}

/// Returns what an element of an array can be selected by: `type=work`, `primary=true`.
fn selectors(text: &str) -> Result<Vec<String>, Problem> {
    let members: Members<'_> = serde_json::from_str(text).map_err(syntax)?;
    let mut selectors = Vec::new();
    for name in ["type", "primary"] {
        let Some((_, value)) = members.0.iter().rev().find(|(member, _)| member == name) else { continue };
        if matches!(value.get().as_bytes().first(), Some(b'{' | b'[')) {
            continue;
        }
        if let Some(value) = scalar(value.get())?.as_text() {
            selectors.push(format!("{name}={value}"));
        }
    }
    Ok(selectors)
}

fn scalar(text: &str) -> Result<RawValue<'_>, Problem> {
    Ok(match text.as_bytes().first() {
        // the parser has been over it: between the quotes is the text
        Some(b'"') if memchr(b'\\', text.as_bytes()).is_none() => {
            RawValue::Text(text.get(1..text.len() - 1).unwrap_or_default().into())
        }
        Some(b'"') => {
            let text = text_of(text).map_err(syntax)?;
            if text.contains('\0') {
                return Err(Problem::Nul);
            }
            RawValue::Text(text)
        }
        Some(b't') => RawValue::Bool(true),
        Some(b'f') => RawValue::Bool(false),
        Some(b'n') => RawValue::Null,
        _ => RawValue::Number(text.into()),
    })
}

/// What the parser says, without its place: that is counted from where the record, or a part of it, begins.
fn syntax(error: serde_json::Error) -> Problem {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    Problem::Syntax(format!("the record is not JSON: {}", message.strip_suffix(&place).unwrap_or(&message)))
}

/// Reads a string with its quotes.
pub fn text_of(text: &str) -> serde_json::Result<Cow<'_, str>> {
    serde_json::from_str(text).map(|Text(text)| text)
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Gather;

        impl<'de> Visitor<'de> for Gather {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de JsonText>()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Gather)
    }
}
