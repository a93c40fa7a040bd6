//! The query of a list or read: filter, order, page, projection.

use serde_json::{Map, Value};

use super::failure::Refusal;
use super::path::{get, split_urn};

/// What a list request asks for.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) filter: Option<String>,
    pub(super) start: Option<i64>,
    pub(super) count: Option<i64>,
    pub(super) sort_by: Option<String>,
    pub(super) descending: bool,
    pub(super) projection: Projection,
}

/// Which attributes are wanted (RFC 7644 section 3.9).
#[derive(Debug, Default)]
pub(super) struct Projection {
    pub(super) only: Vec<String>,
    pub(super) without: Vec<String>,
}

impl Query {
    /// Reads a query string; unknown parameters are ignored.
    pub(super) fn parse(query: &str) -> Result<Self, Refusal> {
        let mut out = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            out.set(&decode(name)?, decode(value)?)?;
        }
        Ok(out)
    }

    /// Reads a SearchRequest (RFC 7644 section 3.4.3).
    pub(super) fn from_json(body: &Map<String, Value>) -> Result<Self, Refusal> {
        let mut out = Self::default();
        for (name, value) in body {
            match value {
                Value::String(text) => out.set(name, text.clone())?,
                Value::Number(number) => out.set(name, number.to_string())?,
                Value::Array(items) if name != "schemas" => {
                    let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
                    out.set(name, items.join(","))?;
                }
                Value::Array(_) | Value::Null | Value::Bool(_) | Value::Object(_) => {}
            }
        }
        Ok(out)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Refusal> {
        let number = |value: &str| {
            value.parse::<i64>().map(Some).map_err(|_| Refusal::invalid_value(format!("`{name}` must be an integer")))
        };
        let list = |value: &str| {
            let names = value.split(',').map(str::trim);
            names.filter(|name| !name.is_empty()).map(Into::into).collect()
        };
        match name.to_ascii_lowercase().as_str() {
            "filter" if value.trim().is_empty() => {
                return Err(Refusal::invalid_filter("the filter is empty"));
            }
            "filter" => self.filter = Some(value),
            "startindex" => self.start = number(&value)?,
            "count" => self.count = number(&value)?,
            "sortby" => self.sort_by = Some(value).filter(|path| !path.is_empty()),
            "sortorder" => self.descending = value.eq_ignore_ascii_case("descending"),
            "attributes" => self.projection.only = list(&value),
            "excludedattributes" => self.projection.without = list(&value),
            _ => {}
        }
        Ok(())
    }
}

/// Decodes a form-encoded part: `+` is a blank, `%XX` a byte of UTF-8.
pub(super) fn decode(text: &str) -> Result<String, Refusal> {
    if !text.contains(['+', '%']) {
        return Ok(text.into());
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, hex) {
            (b'+', _) => out.push(b' '),
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            _ => out.push(*byte),
        }
        at += 1;
    }
    String::from_utf8(out).map_err(|_| Refusal::invalid_value("the query is not UTF-8"))
}

impl Projection {
    pub(super) fn is_empty(&self) -> bool {
        self.only.is_empty() && self.without.is_empty()
    }

    /// Says whether a top-level attribute is wanted at all.
    pub(super) fn wants(&self, name: &str) -> bool {
        let names = |list: &[String], whole: bool| {
            list.iter().any(|one| {
                let one = plain(one);
                let top = one.split('.').next().unwrap_or(one);
                top.eq_ignore_ascii_case(name) && (!whole || top.len() == one.len())
            })
        };
        (self.only.is_empty() || names(&self.only, false)) && !names(&self.without, true)
    }

    /// Says whether nothing but one top-level attribute is left out.
    pub(super) fn only_without(&self, name: &str) -> bool {
        let rest = |one: &String| plain(one).eq_ignore_ascii_case(name);
        self.only.is_empty() && !self.without.is_empty() && self.without.iter().all(rest)
    }

    /// Takes out of `doc` what is not wanted; `id` and `schemas` always stay.
    pub(super) fn apply(&self, doc: &mut Map<String, Value>) {
        if !self.only.is_empty() {
            let mut kept = Map::new();
            for name in ["schemas", "id"] {
                if let Some(value) = doc.get(name) {
                    kept.insert(name.into(), value.clone());
                }
            }
            for path in &self.only {
                keep(doc, &mut kept, path);
            }
            *doc = kept;
        }
        for path in &self.without {
            drop_path(doc, path);
        }
    }
}

/// Cuts the core URN off a path; the URN of an extension stays.
fn plain(path: &str) -> &str {
    match split_urn(path) {
        (Some(urn), rest) if urn.contains(":core:2.0:") => rest,
        _ => path,
    }
}

/// Splits a path into the extension it is in, the attribute and the sub-attribute.
fn parts(path: &str) -> (Option<&str>, &str, Option<&str>) {
    let (urn, rest) = split_urn(path);
    let urn = urn.filter(|urn| !urn.contains(":core:2.0:"));
    match rest.split_once('.') {
        Some((name, sub)) => (urn, name, Some(sub)),
        None => (urn, rest, None),
    }
}

fn keep(doc: &Map<String, Value>, kept: &mut Map<String, Value>, path: &str) {
    let (urn, name, sub) = parts(path);
    let (from, into) = match urn {
        None => (doc, kept),
        Some(urn) => {
            let Some(urn) = super::path::key(doc, urn, Default::default()) else {
                return;
            };
            let Some(Value::Object(inner)) = doc.get(urn) else {
                return;
            };
            if name.is_empty() {
                kept.insert(urn.into(), Value::Object(inner.clone()));
                return;
            }
            let slot = kept.entry(urn).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(slot) = slot else { return };
            (inner, slot)
        }
    };
    let Some(key) = super::path::key(from, name, Default::default()) else {
        return;
    };
    let value = &from[key];
    match (sub, value) {
        (None, value) => drop(into.insert(key.into(), value.clone())),
        (Some(sub), Value::Object(members)) => {
            let slot = into.entry(key).or_insert_with(|| Value::Object(Map::new()));
            if let (Value::Object(slot), Some(value)) = (slot, get(members, sub, Default::default())) {
                slot.insert(sub.into(), value.clone());
            }
        }
        (Some(sub), Value::Array(items)) => {
            let one = |item: &Value| {
                let mut out = Map::new();
                if let Some(value) = item.as_object().and_then(|item| get(item, sub, Default::default())) {
                    out.insert(sub.into(), value.clone());
                }
                Value::Object(out)
            };
            into.insert(key.into(), items.iter().map(one).collect());
        }
        (Some(_), _) => {}
    }
}

fn drop_path(doc: &mut Map<String, Value>, path: &str) {
    let (urn, name, sub) = parts(path);
    let mut holder = doc;
    if let Some(urn) = urn {
        let Some(urn) = super::path::key(holder, urn, Default::default()).map(str::to_owned) else {
            return;
        };
        if name.is_empty() {
            holder.shift_remove(&urn);
            return;
        }
        let Some(Value::Object(inner)) = holder.get_mut(&urn) else {
            return;
        };
        holder = inner;
    }
    let always = ["id", "schemas"].iter().any(|kept| kept.eq_ignore_ascii_case(name));
    let key = super::path::key(holder, name, Default::default()).map(str::to_owned);
    let Some(key) = key.filter(|_| !always) else {
        return;
    };
    let Some(sub) = sub else {
        holder.shift_remove(&key);
        return;
    };
    let strip = |value: &mut Value| {
        if let Value::Object(members) = value {
            members.retain(|name, _| !name.eq_ignore_ascii_case(sub));
        }
    };
    match &mut holder[&key] {
        Value::Array(items) => items.iter_mut().for_each(strip),
        single => strip(single),
    }
}
