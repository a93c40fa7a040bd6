//! What of an exchange must not be kept.
//!
//! Bodies are edited as text, so that what is broken in them stays broken as it was.

use std::collections::VecDeque;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::har::Pair;
use crate::model::secrecy::names_secret;
use crate::wire::mask;

/// What stands in the place of a secret.
pub(super) const REMOVED: &str = "[removed]";
/// How many credentials are remembered.
const REMEMBERED: usize = 256;
/// Shorter ones would be found in innocent text.
const SHORTEST: usize = 4;
/// Nesting that is followed in a body; what is deeper is nobody's JSON.
const DEEPEST: usize = 256;

/// Credentials that were seen, so that they are found wherever they are quoted.
#[derive(Default)]
pub(super) struct Secrets {
    seen: VecDeque<(u32, SecretString)>,
    count: u32,
}

impl Secrets {
    /// Takes the secrets out of headers and remembers those that prove who asks.
    pub fn headers(&mut self, headers: &mut [Pair]) {
        for header in headers.iter_mut() {
            if header.name.eq_ignore_ascii_case("authorization")
                || header.name.eq_ignore_ascii_case("proxy-authorization")
            {
                header.value = self.labelled(&header.value);
            } else if names_secret(&header.name) {
                header.value = REMOVED.to_owned();
            }
        }
    }

    /// The scheme and a label: the same for the same secret, so that a replay can tell right from wrong ones.
    fn labelled(&mut self, value: &str) -> String {
        let (scheme, secret) = value.split_once(' ').unwrap_or(("", value));
        let known = self.seen.iter().find(|(_, known)| known.expose_secret() == secret).map(|(label, _)| *label);
        let label = known.unwrap_or_else(|| {
            self.count += 1;
            self.remember(self.count, secret);
            let basic = STANDARD.decode(secret).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"));
            if let Some((_, password)) =
                basic.as_deref().and_then(|pair| std::str::from_utf8(pair).ok()?.split_once(':'))
            {
                self.remember(self.count, password);
            }
            self.count
        });
        format!("{scheme} [secret-{label}]").trim_start().to_owned()
    }

    fn remember(&mut self, label: u32, secret: &str) {
        if self.seen.len() >= REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back((label, SecretString::from(secret)));
    }

    /// Masks every credential that was seen.
    pub fn masked(&self, bytes: Vec<u8>) -> Vec<u8> {
        let known: Vec<&str> = self
            .seen
            .iter()
            .map(|(_, secret)| secret.expose_secret())
            .filter(|secret| secret.len() >= SHORTEST)
            .collect();
        mask(&bytes, &known).unwrap_or(bytes)
    }

    pub fn masked_text(&self, text: String) -> String {
        match String::from_utf8(self.masked(text.into_bytes())) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }
}

/// Takes the values of secret names out of a query or a form; `None` where there are none.
pub(super) fn form(text: &str) -> Option<String> {
    let mut found = false;
    let pairs = text.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if !value.is_empty() && (names_secret(name) || name == "code") => {
            found = true;
            format!("{name}={REMOVED}")
        }
        _ => pair.to_owned(),
    });
    let text = pairs.collect::<Vec<_>>().join("&");
    found.then_some(text)
}

/// Takes the values of secret members out of JSON, whole or broken; `None` where it is nested beyond reason.
pub(super) fn json(text: &[u8]) -> Option<Vec<u8>> {
    let mut scan = Scan { text, at: 0, frames: Vec::new(), edits: Vec::new() };
    scan.run()?;
    let mut edits = scan.edits;
    edits.sort_by_key(|edit| edit.start);
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for edit in edits {
        if edit.start < from {
            continue;
        }
        out.extend_from_slice(&text[from..edit.start]);
        out.extend_from_slice(b"\"[removed]\"");
        from = edit.end;
    }
    out.extend_from_slice(&text[from..]);
    Some(out)
}

/// An open brace or bracket.
struct Frame {
    start: usize,
    object: bool,
    /// The member whose value comes next or was just read.
    key: Option<String>,
    /// Its `path` names something secret, as in an operation of a PATCH.
    secret_path: bool,
    /// Its `value`.
    value: Option<Range<usize>>,
}

struct Scan<'t> {
    text: &'t [u8],
    at: usize,
    frames: Vec<Frame>,
    edits: Vec<Range<usize>>,
}

impl Scan<'_> {
    fn run(&mut self) -> Option<()> {
        while let Some(&byte) = self.text.get(self.at) {
            let start = self.at;
            match byte {
                b'"' => {
                    self.string();
                    let key = self.frames.last().is_some_and(|frame| frame.object && frame.key.is_none());
                    if key && self.colon_follows() {
                        let name = unquoted(&self.text[start..self.at]);
                        if let Some(frame) = self.frames.last_mut() {
                            frame.key = Some(name);
                        }
                    } else {
                        self.value(start..self.at, &self.text[start..self.at] != b"\"\"");
                    }
                }
                b'{' | b'[' => {
                    if self.frames.len() >= DEEPEST {
                        return None;
                    }
                    self.frames.push(Frame { start, object: byte == b'{', key: None, secret_path: false, value: None });
                    self.at += 1;
                }
                b'}' | b']' => {
                    self.at += 1;
                    if let Some(frame) = self.frames.pop() {
                        let whole = frame.start..self.at;
                        self.close(frame);
                        self.value(whole, false);
                    }
                }
                b',' => {
                    if let Some(frame) = self.frames.last_mut() {
                        frame.key = None;
                    }
                    self.at += 1;
                }
                b':' | b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                _ => {
                    let rest = &self.text[start..];
                    let length = rest.iter().position(|byte| b",:]}[{\" \t\r\n".contains(byte)).unwrap_or(rest.len());
                    self.at += length;
                    let word = matches!(&rest[..length], b"null" | b"true" | b"false");
                    self.value(start..self.at, !word);
                }
            }
        }
        while let Some(frame) = self.frames.pop() {
            self.close(frame);
        }
        Some(())
    }

    /// Goes behind a string; one without an end reaches to the end of the text.
    fn string(&mut self) {
        self.at += 1;
        while let Some(&byte) = self.text.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => return,
                b'\\' => self.at = (self.at + 1).min(self.text.len()),
                _ => {}
            }
        }
    }

    fn colon_follows(&self) -> bool {
        self.text[self.at..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
    }

    /// Takes note of a value of the open frame; `plain` is a text or a number that is not empty.
    fn value(&mut self, range: Range<usize>, plain: bool) {
        let Some(frame) = self.frames.last_mut() else { return };
        let Some(key) = &frame.key else { return };
        if plain && names_secret(key) {
            self.edits.push(range);
        } else if key.eq_ignore_ascii_case("path") {
            frame.secret_path = names_secret(&unquoted(&self.text[range]));
        } else if key.eq_ignore_ascii_case("value") && !matches!(&self.text[range.clone()], b"null" | b"\"\"") {
            frame.value = Some(range);
        }
    }

    fn close(&mut self, frame: Frame) {
        if let Some(range) = frame.value.filter(|_| frame.secret_path) {
            self.edits.push(range);
        }
    }
}

/// The text of a JSON string, as far as it is one.
fn unquoted(quoted: &[u8]) -> String {
    serde_json::from_slice(quoted).unwrap_or_else(|_| String::from_utf8_lossy(quoted).trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_names_leave_a_body_and_nothing_else_does() {
        let cases = [
            (r#"{"password":"p", "userName" : "u"}"#, r#"{"password":"[removed]", "userName" : "u"}"#),
            (r#"{"a":{"client_secret":"x\"y"},"n":1}"#, r#"{"a":{"client_secret":"[removed]"},"n":1}"#),
            (
                r#"{"Operations":[{"op":"replace","path":"password","value":"p"}]}"#,
                r#"{"Operations":[{"op":"replace","path":"password","value":"[removed]"}]}"#,
            ),
            (
                r#"{"Operations":[{"value":"p","op":"Add","path":"urn:x:2.0:User:apiToken"}]}"#,
                r#"{"Operations":[{"value":"[removed]","op":"Add","path":"urn:x:2.0:User:apiToken"}]}"#,
            ),
            (r#"{"value":{"urn:x:2.0:User:password":"p"}}"#, r#"{"value":{"urn:x:2.0:User:password":"[removed]"}}"#),
            (r#"{"path":"password","value":12}"#, r#"{"path":"password","value":"[removed]"}"#),
            (r#"{"path":"password","value":{"a":"p"}}"#, r#"{"path":"password","value":"[removed]"}"#),
            // broken in several ways
            (r#"{"password":"p"#, r#"{"password":"[removed]""#),
            (r#"{"password" "p","x":1"#, r#"{"password" "p","x":1"#),
            (
                r#"{"Operations":[{"path":"password","value":"p""#,
                r#"{"Operations":[{"path":"password","value":"[removed]""#,
            ),
            (r#"}]{"pin_token":12]"#, r#"}]{"pin_token":"[removed]"]"#),
            // innocent
            (
                r#"{"changePassword":{"supported":false},"password":null}"#,
                r#"{"changePassword":{"supported":false},"password":null}"#,
            ),
            (r#"{"hasPassword":true,"password":""}"#, r#"{"hasPassword":true,"password":""}"#),
            (r#"{"name":"password","type":"string"}"#, r#"{"name":"password","type":"string"}"#),
            (r#"{"path":"title","value":"x"}"#, r#"{"path":"title","value":"x"}"#),
            ("", ""),
            ("plain text", "plain text"),
        ];
        for (body, expected) in cases {
            let edited = json(body.as_bytes()).map(|edited| String::from_utf8(edited).expect("UTF-8"));
            assert_eq!(edited.as_deref(), Some(expected), "{body}");
        }
        assert_eq!(json("[".repeat(100_000).as_bytes()), None);
    }

    #[test]
    fn forms_and_headers_lose_their_secrets() {
        let cases = [
            (
                "grant_type=client_credentials&client_secret=s&scope=x",
                Some("grant_type=client_credentials&client_secret=[removed]&scope=x"),
            ),
            ("client_assertion=j&client_assertion_type=t", Some("client_assertion=[removed]&client_assertion_type=t")),
            ("filter=userName+eq+%22a%22", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(form(text).as_deref(), expected, "{text}");
        }
        let mut secrets = Secrets::default();
        let pair = |name: &str, value: &str| Pair { name: name.to_owned(), value: value.to_owned() };
        let mut headers = [
            pair("authorization", "Bearer one-token"),
            pair("Authorization", "Basic dXNlcjpwYXNzLXdvcmQ="),
            pair("authorization", "Bearer one-token"),
            pair("x-api-key", "k"),
            pair("set-cookie", "a=b"),
            pair("content-type", "application/json"),
        ];
        secrets.headers(&mut headers);
        let values: Vec<&str> = headers.iter().map(|header| header.value.as_str()).collect();
        assert_eq!(
            values,
            ["Bearer [secret-1]", "Basic [secret-2]", "Bearer [secret-1]", REMOVED, REMOVED, "application/json"]
        );
        let quoted = secrets.masked(b"token one-token of user with pass-word".to_vec());
        assert_eq!(quoted, b"token *** of user with ***");
    }
}
