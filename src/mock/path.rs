//! Attribute paths: `name.givenName`, `URN:department`, and what they name in a resource.

use serde_json::{Map, Value};

use super::defect::{Defect, DefectSet};
use super::schema::{Attribute, Resource};

/// An attribute path as it was written, split into its parts (RFC 7644 section 3.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttributePath {
    /// The schema URN of an extension; `None` for core and common attributes.
    pub(super) urn: Option<String>,
    /// The attribute; empty when the path names a whole extension.
    pub(super) name: String,
    pub(super) sub: Option<String>,
}

impl AttributePath {
    /// Splits a path. The URN ends at the last colon, so that the dot of `2.0` splits nothing.
    /// Returns `None` when a part is no attribute name.
    pub(super) fn parse(text: &str, resource: Resource) -> Option<Self> {
        let (urn, rest) = split_urn(text);
        // The core URN is just the long way to write a plain attribute.
        let urn = urn.filter(|urn| !urn.eq_ignore_ascii_case(resource.urn()));
        if rest.is_empty() {
            return urn.map(|urn| Self { urn: Some(urn.into()), name: String::new(), sub: None });
        }
        let (name, sub) = match rest.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (rest, None),
        };
        if !is_name(name) || !sub.is_none_or(is_name) {
            return None;
        }
        Some(Self { urn: urn.map(Into::into), name: name.into(), sub: sub.map(Into::into) })
    }

    /// Returns the attribute that the path names, as far as a schema knows it.
    pub(super) fn attribute(&self, resource: Resource) -> Option<&'static Attribute> {
        match &self.urn {
            Some(urn) => resource.extension_attribute(urn, &self.name),
            None => resource.attribute(&self.name),
        }
    }

    /// Returns the value of the attribute, the sub-attribute not yet taken.
    pub(super) fn value<'v>(&self, doc: &'v Map<String, Value>, defects: DefectSet) -> Option<&'v Value> {
        let holder = match &self.urn {
            Some(urn) => get(doc, urn, DefectSet::default())?.as_object()?,
            None => doc,
        };
        get(holder, &self.name, defects)
    }
}

/// Splits `URN:attribute`; a bare URN of a schema gives an empty attribute.
pub(super) fn split_urn(text: &str) -> (Option<&str>, &str) {
    let is_urn = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
    if !is_urn {
        return (None, text);
    }
    match text.rsplit_once(':') {
        // `…:2.0:User` names the schema itself: a version stands before the last colon.
        Some((before, last)) if is_version(before.rsplit(':').next().unwrap_or("")) => {
            // An extension may end in its version, with the attribute right behind it.
            if last.starts_with(char::is_uppercase) || ["user", "group"].contains(&last.to_ascii_lowercase().as_str()) {
                (Some(text), "")
            } else {
                (Some(before), last)
            }
        }
        Some((before, last)) => (Some(before), last),
        None => (None, text),
    }
}

fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// Says whether `text` is an attribute name: a letter (or `$ref`), then letters, digits, `-`, `_`.
fn is_name(text: &str) -> bool {
    let body = text.strip_prefix('$').unwrap_or(text);
    body.starts_with(|c: char| c.is_alphabetic()) && body.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

/// Returns the key of `map` that equals `name`; names ignore case (RFC 7643 section 2.1).
pub(super) fn key<'m>(map: &'m Map<String, Value>, name: &str, defects: DefectSet) -> Option<&'m str> {
    if let Some((key, _)) = map.get_key_value(name) {
        return Some(key);
    }
    if defects.has(Defect::AttributeCaseSensitive) {
        return None;
    }
    map.keys().find(|key| key.eq_ignore_ascii_case(name)).map(String::as_str)
}

/// Returns the member of `map` called `name`, see [`key`].
pub(super) fn get<'m>(map: &'m Map<String, Value>, name: &str, defects: DefectSet) -> Option<&'m Value> {
    map.get(key(map, name, defects)?)
}

/// Says whether a value counts as none (RFC 7643 section 2.5; the empty string is ours).
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_at_the_right_place() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let core = "urn:ietf:params:scim:schemas:core:2.0:User";
        for (text, expected) in [
            ("userName".to_owned(), Some((None, "userName", None))),
            ("name.givenName".to_owned(), Some((None, "name", Some("givenName")))),
            (format!("{core}:name.givenName"), Some((None, "name", Some("givenName")))),
            (format!("{enterprise}:department"), Some((Some(enterprise), "department", None))),
            (format!("{enterprise}:manager.value"), Some((Some(enterprise), "manager", Some("value")))),
            (enterprise.to_owned(), Some((Some(enterprise), "", None))),
            ("urn:example:ext:1.0:badge".to_owned(), Some((Some("urn:example:ext:1.0"), "badge", None))),
            ("members[value".to_owned(), None),
            ("name.".to_owned(), None),
            ("a b".to_owned(), None),
            (String::new(), None),
        ] {
            let parsed = AttributePath::parse(&text, Resource::User);
            let parts = parsed.as_ref().map(|p| (p.urn.as_deref(), p.name.as_str(), p.sub.as_deref()));
            assert_eq!(parts, expected, "{text}");
        }
    }
}
