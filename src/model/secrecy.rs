//! What of a text that people see gives a secret away: values of names that say so, and parts of URLs.

use std::ops::Range;

/// What stands in the place of what is not shown.
pub const HIDDEN: &str = "…";

/// The endings of names whose values are secret; names are compared by their letters and digits alone.
const ENDINGS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "accesskey",
    "subscriptionkey",
    "functionskey",
    "assertion",
    "authorization",
    "cookie",
];
/// Secret as they stand.
const NAMES: [&str; 4] = ["pwd", "codeverifier", "xsession", "xsessionid"];

/// Items of a query that say how SCIM is asked for: the protocol's own (RFC 7644, 3.4.2) and the flags of a tenant URL.
const OPEN_ITEMS: [&str; 9] = [
    "attributes",
    "excludedAttributes",
    "filter",
    "sortBy",
    "sortOrder",
    "startIndex",
    "count",
    "aadOptscim062020",
    "AzureAdScimPatch2017",
];

/// Says whether the value of something called so is secret.
pub fn names_secret(name: &str) -> bool {
    let last = name.rsplit([':', '.']).next().unwrap_or(name);
    let plain: String = last.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    ENDINGS.iter().any(|ending| plain.ends_with(ending)) || NAMES.contains(&plain.as_str())
}

/// Returns `text` without the parts of its URLs that may be secret: user-info, fragment, and what no SCIM client asks.
pub fn shown(text: &str) -> String {
    without(text, &secret_url_parts(text))
}

/// Returns a path and its query without what may be secret.
pub fn shown_path(text: &str) -> String {
    without(
        text,
        &match text.split_once('?') {
            Some((path, query)) => secret_items(query, path.len() + 1),
            None => Vec::new(),
        },
    )
}

/// Returns the items of a query, without a question mark, with the values that may be secret left out.
pub fn shown_query(query: &str) -> String {
    without(query, &secret_items(query, 0))
}

/// Finds the bytes of every URL in `text` that nobody else may see.
///
/// What is no URL in the end is looked at too: a mistake in a URL must not print what stands in it.
pub fn secret_url_parts(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while from < text.len() {
        let Some(begin) = text[from..].find(|c| !ends_url(c)).map(|at| from + at) else { break };
        let end = text[begin..].find(ends_url).map_or(text.len(), |at| begin + at);
        in_word(text, begin..end, &mut found);
        from = end;
    }
    found
}

/// Returns `text` with each of `ranges` replaced; they are in order and do not overlap.
pub fn without(text: &str, ranges: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for range in ranges {
        shown.push_str(text.get(from..range.start).unwrap_or_default());
        shown.push_str(HIDDEN);
        from = range.end;
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    shown
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>')
}

/// One word without blanks or quotes that may be a URL or hold one, as in `(https://…`.
fn in_word(text: &str, word: Range<usize>, found: &mut Vec<Range<usize>>) {
    let scheme = text[word.clone()].find("://").map(|at| word.start + at + 3);
    let authority = scheme.unwrap_or(word.start);
    let rest = &text[authority..word.end];
    let path = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // a password with a slash in it ends the authority early, and leaves a port that is none
    let odd = rest[..path].split_once(':').is_some_and(|(_, port)| !port.bytes().all(|byte| byte.is_ascii_digit()));
    let within = match scheme {
        Some(_) if !odd => &rest[..path],
        Some(_) => rest,
        // without a scheme: a name and a password before a host, but neither a mail address nor a URN
        None => rest.find('@').filter(|at| rest[..*at].contains(':')).map_or("", |_| rest),
    };
    let mut shown_from = authority;
    if let Some(at) = within.rfind('@') {
        found.push(authority..authority + at);
        shown_from = authority + at + 1;
    }
    if scheme.is_none() {
        return;
    }
    let rest = &text[shown_from..word.end];
    let fragment = rest.find('#').map_or(word.end, |at| shown_from + at);
    if let Some(query) = text[shown_from..fragment].find('?').map(|at| shown_from + at + 1) {
        found.extend(secret_items(&text[query..fragment], query));
    }
    if fragment + 1 < word.end {
        found.push(fragment + 1..word.end);
    }
}

/// The values of the items of a query; of an item without one, the item.
fn secret_items(query: &str, offset: usize) -> Vec<Range<usize>> {
    let mut at = offset;
    let mut found = Vec::new();
    for item in query.split('&') {
        let name = item.split_once('=').map(|(name, _)| name);
        let named = name.unwrap_or(item);
        let from = name.map_or(0, |name| name.len() + 1);
        if from < item.len() && !OPEN_ITEMS.iter().any(|open| open.eq_ignore_ascii_case(named)) {
            found.push(at + from..at + item.len());
        }
        at += item.len() + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_what_may_be_secret() {
        let cases = [
            ("https://a.example/scim", "https://a.example/scim"),
            ("https://a.example:8443/@x/", "https://a.example:8443/@x/"),
            ("https://u:p@a.example/scim", "https://…@a.example/scim"),
            ("https://u:p/w@a.example/scim", "https://…@a.example/scim"),
            ("https://u:p?w@a.example/scim", "https://…@a.example/scim"),
            ("https://token@a.example", "https://…@a.example"),
            ("u:p@a.example/scim", "…@a.example/scim"),
            ("ann@a.example", "ann@a.example"),
            ("urn:a:b", "urn:a:b"),
            ("http://a/s?aadOptscim062020&token=x&y", "http://a/s?aadOptscim062020&token=…&…"),
            ("`http://a/s?t=x` and 'http://u:p@b'", "`http://a/s?t=…` and 'http://…@b'"),
            ("http://a/s#access=x", "http://a/s#…"),
            ("http://[::1]:9/s?t=", "http://[::1]:9/s?t="),
            ("GET http://a/Users?filter=x+eq+%22y%22&t=1", "GET http://a/Users?filter=x+eq+%22y%22&t=…"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text}");
        }
        assert_eq!(shown_path("/Users?filter=a&code=x"), "/Users?filter=a&code=…");
        assert_eq!(shown_path("/Users/1"), "/Users/1");
    }
}
