//! Query strings, filters and path segments (wire.md 2, 5).

use std::fmt::Write;

use crate::model::TargetPath;

use super::dialect::{Dialect, QueryEncoding};

/// Encodes a query value the dialect's way.
fn encode(encoding: QueryEncoding, text: &str, out: &mut String) {
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        // Writing to a string does not fail.
        let _ = match (encoding, byte) {
            (_, byte) if plain => out.write_char(char::from(byte)),
            (QueryEncoding::Form, b' ') => out.write_char('+'),
            (QueryEncoding::Form, b'!' | b'*' | b'(' | b')') | (QueryEncoding::Rfc3986, b'~') => {
                out.write_char(char::from(byte))
            }
            (QueryEncoding::Form, byte) => write!(out, "%{byte:02x}"),
            (QueryEncoding::Rfc3986, byte) => write!(out, "%{byte:02X}"),
        };
    }
}

/// Encodes a value of a form.
pub(super) fn form(text: &str, out: &mut String) {
    encode(QueryEncoding::Form, text, out);
}

/// Encodes `id` as one segment of a path; the same in all dialects.
pub fn segment(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    encode(QueryEncoding::Rfc3986, id, &mut out);
    out
}

/// Writes `text` as a JSON string: quotes, backslashes and control characters escaped, everything else itself.
pub(super) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// The path as the dialect writes it: verbatim, or with a boolean for a filter on `primary` (wire.md 19).
pub(super) fn spell(dialect: &Dialect, path: &TargetPath) -> String {
    let flag = path.filter().filter(|_| dialect.boolean_literals).and_then(|filter| {
        let literal = filter.literal.to_ascii_lowercase();
        (filter.sub.eq_ignore_ascii_case("primary") && matches!(literal.as_str(), "true" | "false"))
            .then_some((&filter.sub, literal))
    });
    let Some((sub, literal)) = flag else { return path.as_str().to_owned() };
    let text = path.as_str();
    match (text.find('['), text.rfind(']')) {
        (Some(open), Some(close)) => format!("{}[{sub} eq {literal}{}", &text[..open], &text[close..]),
        _ => text.to_owned(),
    }
}

/// The items of a query in the dialect's order, encoded.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub exclude_members: bool,
    /// Path and value of the condition.
    pub filter: Option<(String, String)>,
    /// `startIndex` and `count`.
    pub page: Option<(u64, u32)>,
}

impl Query {
    pub fn encode(&self, dialect: &Dialect, extra: &str) -> String {
        let mut out = String::new();
        let mut next = |name: &str, write: &mut dyn FnMut(&mut String)| {
            if !out.is_empty() {
                out.push('&');
            }
            out.push_str(name);
            write(&mut out);
        };
        if self.exclude_members {
            next("excludedAttributes=members", &mut |_| {});
        }
        if let Some((path, value)) = &self.filter {
            let mut filter = format!("{path} eq ");
            quote(value, &mut filter);
            next("filter=", &mut |out| encode(dialect.query, &filter, out));
        }
        if let Some((start, count)) = self.page {
            next("startIndex=", &mut |out| out.push_str(&start.to_string()));
            next("count=", &mut |out| out.push_str(&count.to_string()));
        }
        if !extra.is_empty() {
            next(extra, &mut |_| {});
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ENTRA_LEGACY, OKTA_OIN, STRICT};
    use super::*;

    #[test]
    fn filters_are_encoded_by_dialect() {
        let cases = [
            (&ENTRA_LEGACY, "a+b@x.com", "filter=userName+eq+%22a%2bb%40x.com%22"),
            (&OKTA_OIN, "a+b@x.com", "filter=userName%20eq%20%22a%2Bb%40x.com%22"),
            (&ENTRA_LEGACY, "(é~)*!'", "filter=userName+eq+%22(%c3%a9%7e)*!%27%22"),
            (&STRICT, "(é~)*!'", "filter=userName%20eq%20%22%28%C3%A9~%29%2A%21%27%22"),
            (&ENTRA_LEGACY, "a\u{1}b", "filter=userName+eq+%22a%5cu0001b%22"),
        ];
        for (dialect, value, expected) in cases {
            let query = Query { filter: Some(("userName".into(), value.into())), ..Query::default() };
            assert_eq!(query.encode(dialect, ""), expected);
        }
    }

    #[test]
    fn items_keep_their_order() {
        let query = Query { exclude_members: true, filter: Some(("a".into(), "b".into())), page: Some((1, 100)) };
        let expected = "excludedAttributes=members&filter=a+eq+%22b%22&startIndex=1&count=100&t=4";
        assert_eq!(query.encode(&ENTRA_LEGACY, "t=4"), expected);
    }

    #[test]
    fn only_strict_compares_primary_with_a_boolean() {
        let path: TargetPath = r#"roles[primary eq "True"].value"#.parse().expect("a path");
        assert_eq!(spell(&STRICT, &path), "roles[primary eq true].value");
        assert_eq!(spell(&ENTRA_LEGACY, &path), path.as_str());
    }
}
