//! Flattens a JSON object to attributes (sources.md 8.2).

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue as JsonText;

use super::super::Limits;
use crate::source::raw::{RawAttribute, RawValue};

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

/// The attributes of one record while they are gathered, and names from record to record.
pub(super) struct Flattened {
    limits: Limits,
    /// By name: itself, and its place in the record of this stamp.
    names: HashMap<Box<str>, (Arc<str>, u64, usize)>,
    stamp: u64,
    line: u64,
    attributes: Vec<RawAttribute>,
}

impl Flattened {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, names: HashMap::new(), stamp: 0, line: 0, attributes: Vec::new() }
    }

    /// Reads one object, which is not nested deeper than a recursive reader may go.
    pub(super) fn read(&mut self, text: &str, line: u64) -> Result<Vec<RawAttribute>, Problem> {
        self.stamp += 1;
        self.line = line;
        self.attributes.clear();
        if self.names.len() > REMEMBERED {
            self.names.clear();
        }
        if !text.trim_ascii_start().starts_with('{') {
            return Err(serde_json::from_str::<&JsonText>(text).map_or_else(syntax, |_| Problem::NotAnObject));
        }
        self.object(text, "", true)?;
        Ok(std::mem::take(&mut self.attributes))
    }

    fn object(&mut self, text: &str, prefix: &str, may_select: bool) -> Result<(), Problem> {
        let members: Members<'_> = serde_json::from_str(text).map_err(syntax)?;
        for (name, value) in self.last_of_each(members)? {
            if name.contains('\0') {
                return Err(Problem::Nul);
            }
            if prefix.is_empty() {
                self.value(value.get(), &name, may_select)?;
            } else {
                self.value(value.get(), &format!("{prefix}.{name}"), may_select)?;
            }
        }
        Ok(())
    }

    /// Of members with the same name the last counts.
    fn last_of_each<'a>(&self, members: Members<'a>) -> Result<Vec<(Cow<'a, str>, &'a JsonText)>, Problem> {
        let mut members = members.0;
        if members.len() > self.limits.columns {
            return Err(Problem::Columns);
        }
        let mut last = HashMap::with_capacity(members.len());
        for (at, (name, _)) in members.iter().enumerate() {
            last.insert(name.as_ref(), at);
        }
        if last.len() < members.len() {
            let mut kept = vec![false; members.len()];
            last.into_values().for_each(|at| kept[at] = true);
            let mut kept = kept.into_iter();
            members.retain(|_| kept.next().unwrap_or(true));
        }
        Ok(members)
    }

    fn value(&mut self, text: &str, name: &str, may_select: bool) -> Result<(), Problem> {
        match text.as_bytes().first() {
            Some(b'{') => {
                self.place(name)?;
                self.object(text, name, may_select)
            }
            Some(b'[') => self.array(text, name, may_select),
            _ => {
                let value = scalar(text)?;
                self.push(name, value)
            }
        }
    }

    /// Reads an array; of objects with `type` or `primary` the members are there under these too.
    fn array(&mut self, text: &str, name: &str, may_select: bool) -> Result<(), Problem> {
        self.place(name)?;
        let elements: Vec<&JsonText> = serde_json::from_str(text).map_err(syntax)?;
        for element in elements {
            let text = element.get();
            match text.as_bytes().first() {
                Some(b'{') => {
                    self.object(text, name, false)?;
                    if may_select {
                        for selector in selectors(text)? {
                            self.object(text, &format!("{name}[{selector}]"), false)?;
                        }
                    }
                }
                Some(b'[') => self.array(text, name, false)?,
                _ => {
                    let value = scalar(text)?;
                    self.push(name, value)?;
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, name: &str, value: RawValue) -> Result<(), Problem> {
        let limit = self.limits.values;
        let place = self.place(name)?;
        let values = &mut self.attributes[place].values;
        if values.len() >= limit {
            return Err(Problem::Values);
        }
        values.push(value);
        Ok(())
    }

    /// Returns the place of the attribute of this name, which is made if it is not there.
    fn place(&mut self, name: &str) -> Result<usize, Problem> {
        let next = self.attributes.len();
        let shared = match self.names.get_mut(name) {
            Some((_, stamp, place)) if *stamp == self.stamp => return Ok(*place),
            Some((shared, stamp, place)) => {
                *stamp = self.stamp;
                *place = next;
                shared.clone()
            }
            None => {
                let shared: Arc<str> = name.into();
                self.names.insert(name.into(), (shared.clone(), self.stamp, next));
                shared
            }
        };
        if next >= self.limits.columns {
            return Err(Problem::Columns);
        }
        self.attributes.push(RawAttribute { name: shared, values: Vec::new(), line: self.line, incomplete: None });
        Ok(next)
    }
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

fn scalar(text: &str) -> Result<RawValue, Problem> {
    Ok(match text.as_bytes().first() {
        Some(b'"') => {
            let Text(text) = serde_json::from_str(text).map_err(syntax)?;
            if text.contains('\0') {
                return Err(Problem::Nul);
            }
            RawValue::Text(text.into_owned())
        }
        Some(b't') => RawValue::Bool(true),
        Some(b'f') => RawValue::Bool(false),
        Some(b'n') => RawValue::Null,
        _ => RawValue::Number(text.to_owned()),
    })
}

fn syntax(error: serde_json::Error) -> Problem {
    Problem::Syntax(format!("the record is not JSON: {error}"))
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
