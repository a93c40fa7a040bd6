//! What the replay's target calls things that the recorded one had named.

use std::collections::{HashMap, HashSet};

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::wire;

/// An identifier of at least this length is known wherever it stands; a shorter one only where identifiers stand.
const UNMISTAKABLE: usize = 8;

/// The names of the recorded target and those that the new one gave for them.
#[derive(Debug, Default)]
pub(super) struct Renamed {
    ids: HashMap<String, String>,
    taken: HashSet<String>,
    /// By resource (its new path) and recorded version.
    versions: HashMap<(String, String), String>,
    /// GUIDs that the client sent, which are therefore not the server's.
    sent: HashSet<String>,
    old_base: String,
    new_base: String,
}

impl Renamed {
    pub fn new(old_base: &str, new_base: &str) -> Self {
        Self { old_base: old_base.to_owned(), new_base: new_base.to_owned(), ..Self::default() }
    }

    /// Takes note of what a recorded request says by itself.
    pub fn said(&mut self, text: &str) {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        self.sent.extend(words.filter(|word| is_guid(word)).map(str::to_ascii_lowercase));
    }

    /// Learns that `new` is what was `old`, unless one of them is known by another name.
    pub fn id(&mut self, old: &str, new: &str) {
        if !old.is_empty() && !self.ids.contains_key(old) && !self.taken.contains(new) {
            self.ids.insert(old.to_owned(), new.to_owned());
            self.taken.insert(new.to_owned());
        }
    }

    /// Whether something is called so at the replay's target.
    pub fn knows(&self, new: &str) -> bool {
        self.taken.contains(new)
    }

    /// A value that only the server can have made: a GUID that nobody sent.
    pub fn value(&mut self, old: &str, new: &str) {
        if is_guid(old) && is_guid(new) && !self.sent.contains(&old.to_ascii_lowercase()) {
            self.id(old, new);
        }
    }

    pub fn version(&mut self, resource: &str, old: &str, new: &str) {
        self.versions.insert((resource.to_owned(), old.to_owned()), new.to_owned());
    }

    /// The version of `resource` to name in a condition.
    pub fn version_of(&self, resource: &str, old: &str) -> Option<&str> {
        self.versions.get(&(resource.to_owned(), old.to_owned())).map(String::as_str)
    }

    /// Path and query below the base.
    pub fn target(&self, target: &str) -> String {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let segments = path.split('/').map(|segment| match self.ids.get(&decode(segment, false)) {
            Some(new) => encode(new, false),
            None => segment.to_owned(),
        });
        let mut renamed = segments.collect::<Vec<_>>().join("/");
        if let Some(query) = query {
            let items = query.split('&').map(|item| {
                let (name, value) = item.split_once('=').unwrap_or((item, ""));
                let plain = decode(value, true);
                let new = self.text(&plain);
                if new == plain { item.to_owned() } else { format!("{name}={}", encode(&new, value.contains('+'))) }
            });
            renamed.push('?');
            renamed.push_str(&items.collect::<Vec<_>>().join("&"));
        }
        renamed
    }

    /// A body, as it stands where nothing in it has another name.
    pub fn body(&self, body: &[u8]) -> Vec<u8> {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return match std::str::from_utf8(body) {
                Ok(text) => self.text(text).into_bytes(),
                Err(_) => body.to_vec(),
            };
        };
        let renamed = self.json(&value);
        if renamed == value { body.to_vec() } else { renamed.to_string().into_bytes() }
    }

    /// JSON with every name replaced, also in its strings.
    pub fn json(&self, value: &Value) -> Value {
        self.member("", value)
    }

    fn member(&self, key: &str, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::from(self.string(key, text)),
            Value::Array(items) => items.iter().map(|item| self.member(key, item)).collect(),
            Value::Object(members) => {
                let renamed = members.iter().map(|(key, value)| (key.clone(), self.member(key, value)));
                Value::Object(renamed.collect::<Map<_, _>>())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    /// The string that stands at `key`.
    pub fn string(&self, key: &str, text: &str) -> String {
        let last = key.rsplit([':', '.']).next().unwrap_or(key);
        let is_place =
            ["id", "value", "$ref", "manager", "location"].iter().any(|name| last.eq_ignore_ascii_case(name));
        match self.ids.get(text) {
            Some(new) if is_place || text.len() >= UNMISTAKABLE => new.clone(),
            _ => self.text(text),
        }
    }

    /// Free text: identifiers between quotes or slashes, long ones as any word, and the base.
    pub fn text(&self, text: &str) -> String {
        let moved = match text.strip_prefix(self.old_base.as_str()) {
            Some(rest) if rest.is_empty() || rest.starts_with(['/', '?']) => format!("{}{rest}", self.new_base),
            Some(_) | None => text.to_owned(),
        };
        if self.ids.is_empty() {
            return moved;
        }
        let mut out = String::with_capacity(moved.len());
        let mut before = None;
        let mut rest = moved.as_str();
        while !rest.is_empty() {
            let length = rest.find(is_edge).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(length);
            let after = tail.chars().next();
            let enclosed = matches!(before, Some('/' | '"')) && matches!(after, None | Some('/' | '"' | '?' | '#'));
            match self.ids.get(word) {
                Some(new) if enclosed || word.len() >= UNMISTAKABLE => out.push_str(new),
                _ => out.push_str(word),
            }
            out.extend(after);
            before = after;
            rest = &tail[after.map_or(0, char::len_utf8)..];
        }
        out
    }
}

/// Where a word of free text ends.
fn is_edge(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '/' | '"' | '\'' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | ',' | ';' | '?' | '#' | '`')
}

pub(super) fn is_guid(word: &str) -> bool {
    word.len() == 36 && uuid::Uuid::try_parse(word).is_ok()
}

/// Undoes percent-encoding; in a query `+` is a space.
fn decode(text: &str, query: bool) -> String {
    let spaced = if query { text.replace('+', " ") } else { text.to_owned() };
    percent_decode_str(&spaced).decode_utf8().map_or_else(|_| text.to_owned(), |decoded| decoded.into_owned())
}

/// Encodes what RFC 3986 does not leave as it is; a space as `+` where the original did so.
fn encode(text: &str, plus: bool) -> String {
    let encoded = wire::segment(text);
    if plus { encoded.replace("%20", "+") } else { encoded }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_replaced_where_they_are_names() {
        let mut renamed = Renamed::new("http://old/s", "https://new/t");
        renamed.id("1", "77");
        renamed.id("2819c223-7f76-453a-919d-413861904646", "c0ffee00-0000-4000-8000-000000000001");
        renamed.id("a b@x", "é");
        let long = "2819c223-7f76-453a-919d-413861904646";
        let new = "c0ffee00-0000-4000-8000-000000000001";
        let targets = [
            ("/Users/1".to_owned(), "/Users/77".to_owned()),
            ("/Users/a%20b%40x".to_owned(), "/Users/%C3%A9".to_owned()),
            ("/Users?startIndex=1&count=1".to_owned(), "/Users?startIndex=1&count=1".to_owned()),
            (
                format!("/Groups?filter=members%5bvalue+eq+%22{long}%22%5d"),
                format!("/Groups?filter=members%5Bvalue+eq+%22{new}%22%5D"),
            ),
            ("/Users?filter=id%20eq%20%221%22".to_owned(), "/Users?filter=id%20eq%20%2277%22".to_owned()),
            ("/Users?filter=userName+eq+%22x%22".to_owned(), "/Users?filter=userName+eq+%22x%22".to_owned()),
        ];
        for (old, expected) in targets {
            assert_eq!(renamed.target(&old), expected, "{old}");
        }
        let bodies = [
            (json!({"title": "1", "id": "1"}), json!({"title": "1", "id": "77"})),
            (json!({"path": "members[value eq \"1\"]"}), json!({"path": "members[value eq \"77\"]"})),
            (json!({"$ref": "http://old/s/Users/1"}), json!({"$ref": "https://new/t/Users/77"})),
            (json!({"urn:x:User:manager": "1"}), json!({"urn:x:User:manager": "77"})),
            (json!({"detail": format!("no {long}.")}), json!({"detail": format!("no {long}.")})),
            (json!({"detail": format!("no `{long}`")}), json!({"detail": format!("no `{new}`")})),
            (json!({"n": 1}), json!({"n": 1})),
        ];
        for (old, expected) in bodies {
            assert_eq!(renamed.json(&old), expected, "{old}");
        }
        assert_eq!(renamed.body(b"{ \"n\" : 1 }"), b"{ \"n\" : 1 }", "what has no names stays as it was written");
    }

    #[test]
    fn what_the_client_sent_is_not_the_servers() {
        let mut renamed = Renamed::default();
        let (a, b) = ("2819c223-7f76-453a-919d-413861904646", "c0ffee00-0000-4000-8000-000000000001");
        renamed.said(&format!("{{\"externalId\":\"{a}\"}}"));
        renamed.value(a, b);
        assert_eq!(renamed.string("value", a), a);
        renamed.value(b, a);
        assert_eq!(renamed.string("value", b), a);
    }
}
