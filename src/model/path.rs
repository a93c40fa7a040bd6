//! Where a mapped value goes in a SCIM resource (wire.md 1.1).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Word;

const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const CORE_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// A target path such as `name.givenName`, `emails[type eq "work"].value` or `URN:department`.
///
/// Two paths that address the same place may be spelled differently; comparison is of the spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TargetPath {
    text: Arc<str>,
    urn: Option<String>,
    attribute: String,
    filter: Option<ElementFilter>,
    sub: Option<String>,
}

/// The one filter form that a mapped path may have: `sub eq "literal"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementFilter {
    pub sub: String,
    pub literal: String,
}

/// Why a text is no target path, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PathError {
    pub message: String,
    /// Byte offset in the text.
    pub at: usize,
}

impl TargetPath {
    /// The path as it was written; Entra's dialects send it verbatim.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// [`TargetPath::as_str`], not copied.
    pub fn word(&self) -> Word {
        Word::Shared(Arc::clone(&self.text))
    }

    /// The extension the attribute belongs to; `None` for core attributes, also where they are spelled long.
    pub fn urn(&self) -> Option<&str> {
        self.urn.as_deref()
    }

    /// The attribute without URN, filter and sub-attribute.
    pub fn attribute(&self) -> &str {
        &self.attribute
    }

    pub fn filter(&self) -> Option<&ElementFilter> {
        self.filter.as_ref()
    }

    pub fn sub(&self) -> Option<&str> {
        self.sub.as_deref()
    }

    /// Is this `emails[type eq "work"].value`-like?
    pub fn is_value_path(&self) -> bool {
        self.filter.is_some()
    }

    /// Is this the attribute `name` of the core schema, as a whole?
    pub fn is_core(&self, name: &str) -> bool {
        self.urn.is_none() && self.filter.is_none() && self.sub.is_none() && self.attribute.eq_ignore_ascii_case(name)
    }

    /// Is this the manager of the enterprise extension?
    pub fn is_manager(&self) -> bool {
        self.filter.is_none() && self.urn.is_some() && self.attribute.eq_ignore_ascii_case("manager")
    }
}

impl FromStr for TargetPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let fail = |message: &str, at: usize| Err(PathError { message: message.to_owned(), at });
        let head_end = text.find('[').unwrap_or(text.len());
        let is_urn = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
        let (urn, rest_at) = match text[..head_end].rfind(':') {
            Some(colon) if is_urn => (Some(&text[..colon]), colon + 1),
            Some(colon) => return fail("a `:` may stand only in a name that begins with `urn:`", colon),
            None => (None, 0),
        };
        let rest = &text[rest_at..];
        let (attribute, filter, sub) = match rest.find('[') {
            None => match rest.split_once('.') {
                Some((attribute, sub)) => (attribute, None, Some(sub)),
                None => (rest, None, None),
            },
            Some(open) => {
                let Some(close) = rest[open..].rfind(']').map(|at| open + at) else {
                    return fail("the `[` is not closed", rest_at + open);
                };
                let Some(filter) = parse_filter(&rest[open + 1..close]) else {
                    return fail("a filter in a target path reads `sub eq \"literal\"`", rest_at + open + 1);
                };
                let sub = match &rest[close + 1..] {
                    "" => None,
                    tail => match tail.strip_prefix('.') {
                        Some(sub) => Some(sub),
                        None => return fail("after `]` only `.sub` may follow", rest_at + close + 1),
                    },
                };
                (&rest[..open], Some(filter), sub)
            }
        };
        for (name, at) in [(attribute, rest_at), (sub.unwrap_or("x"), rest_at + attribute.len() + 1)] {
            if !is_name(name) {
                return fail(&format!("`{name}` is not an attribute name"), at.min(text.len()));
            }
        }
        Ok(Self {
            text: text.into(),
            urn: urn
                .filter(|urn| !urn.eq_ignore_ascii_case(CORE_USER) && !urn.eq_ignore_ascii_case(CORE_GROUP))
                .map(str::to_owned),
            attribute: attribute.to_owned(),
            filter,
            sub: sub.map(str::to_owned),
        })
    }
}

fn parse_filter(text: &str) -> Option<ElementFilter> {
    let (sub, rest) = text.trim().split_once(' ')?;
    let (operator, literal) = rest.trim_start().split_once(' ')?;
    let literal = literal.trim().strip_prefix('"')?.strip_suffix('"')?;
    (operator.eq_ignore_ascii_case("eq") && is_name(sub) && !literal.contains('"'))
        .then(|| ElementFilter { sub: sub.to_owned(), literal: literal.to_owned() })
}

/// RFC 7643 2.1 names, with the `$` of `$ref`.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'$')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$'))
}

impl TryFrom<String> for TargetPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<TargetPath> for String {
    fn from(path: TargetPath) -> Self {
        path.text.to_string()
    }
}

impl fmt::Display for TargetPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        let cases = [
            ("userName", None, "userName", None, None),
            ("name.givenName", None, "name", None, Some("givenName")),
            (r#"emails[type eq "work"].value"#, None, "emails", Some(("type", "work")), Some("value")),
            ("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName", None, "name", None, Some("givenName")),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                Some("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"),
                "department",
                None,
                None,
            ),
        ];
        for (text, urn, attribute, filter, sub) in cases {
            let path: TargetPath = text.parse().expect(text);
            let found = path.filter().map(|filter| (filter.sub.as_str(), filter.literal.as_str()));
            assert_eq!((path.urn(), path.attribute(), found, path.sub()), (urn, attribute, filter, sub), "{text}");
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in
            ["", "a b", "emails[type eq work].value", "emails[type", "a.b.c", "urn:x:", "x:y", "emails[type eq \"w\"]x"]
        {
            assert!(text.parse::<TargetPath>().is_err(), "{text}");
        }
    }
}
