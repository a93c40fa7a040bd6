//! The two target profiles: what RFC 7644 says, and a Kintone-like endpoint (wire.md 20.2).

use std::{fmt, str::FromStr};

use serde_json::{Map, Value, json};

use super::defect::UnknownName;
use super::failure::Refusal;
use super::filter::{Filter, Operator, Test};

/// What kind of target the stand-in is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Everything of RFC 7643 and 7644, without restrictions.
    #[default]
    Rfc7644,
    /// What a Kintone / cybozu.com endpoint accepts and refuses (wire.md 20).
    Kintone,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 2] = [Self::Rfc7644, Self::Kintone];

    /// Returns the name that `--profile` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rfc7644 => "rfc7644",
            Self::Kintone => "kintone",
        }
    }

    /// Returns the page size and its cap.
    pub(super) fn page(self) -> (usize, usize) {
        match self {
            Self::Rfc7644 => (100, 1000),
            Self::Kintone => (100, 100),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or_else(|| UnknownName::new("profile", name, Self::ALL.into_iter().map(Self::name)))
    }
}

/// The core attributes that a Kintone-like target stores.
pub(super) const KINTONE_ATTRIBUTES: &[&str] = &["userName", "active", "displayName", "emails", "name"];

/// Drops what a Kintone-like target does not store: all but seven attributes.
pub(super) fn kintone_keeps(doc: &mut Map<String, Value>) {
    doc.retain(|name, _| name == "externalId" || KINTONE_ATTRIBUTES.contains(&name.as_str()));
    if let Some(Value::Object(name)) = doc.get_mut("name") {
        name.retain(|part, _| part == "givenName" || part == "familyName");
    }
    if let Some(Value::Array(emails)) = doc.get_mut("emails") {
        let is_work = |email: &Value| {
            let kind = email.get("type").and_then(Value::as_str);
            kind.is_some_and(|kind| kind.eq_ignore_ascii_case("work"))
        };
        let work = emails
            .iter()
            .rfind(|email| is_work(email))
            .and_then(|email| email.get("value"))
            .map(|value| json!({"type": "work", "value": value}));
        *emails = work.into_iter().collect();
    }
    doc.retain(|_, value| !super::path::is_empty(value));
    // An account of Kintone is always in one of the two states.
    doc.entry("active").or_insert(Value::Bool(true));
}

/// Refuses every filter but `userName eq "…"` and `externalId eq "…"`.
pub(super) fn kintone_filter(filter: &Filter) -> Result<(), Refusal> {
    if let Filter::Attribute(path, Test::Compare(Operator::Eq, Value::String(_))) = filter {
        let known = ["userName", "externalId"].iter().any(|name| path.name.eq_ignore_ascii_case(name));
        if known && path.urn.is_none() && path.sub.is_none() {
            return Ok(());
        }
    }
    Err(Refusal::invalid_filter("only `userName eq \"…\"` and `externalId eq \"…\"` are supported"))
}
