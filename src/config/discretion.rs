//! What of a configuration may be quoted: never a secret, even one that is written where none belongs (contract.md 6).
//!
//! The text is looked at line by line instead of as YAML, because it has to be kept from sight where it is no YAML as well.
//! Where in doubt, less is shown.

use std::ops::Range;
use std::sync::OnceLock;

use serde_json::Value as Json;

use super::keys;
use super::shape::{Key, Shape};
use crate::diagnostic::{Diagnostic, Excerpt, nearest};
use crate::model::secrecy;

/// Shorter words would be found in innocent text.
const DISTINCT: usize = 4;

/// Takes out of diagnostics about a configuration what nobody else may see.
pub(super) fn veil(text: &str, faults: &mut [Diagnostic]) {
    if faults.is_empty() {
        return;
    }
    let hidden = hidden(text);
    let words: Vec<&str> = hidden.iter().filter_map(|range| word(text.get(range.clone())?)).collect();
    let veiled = |text: &mut String| {
        for word in &words {
            if text.contains(word) {
                *text = text.replace(word, secrecy::HIDDEN);
            }
        }
        *text = secrecy::shown(text);
    };
    for fault in faults {
        veiled(&mut fault.message);
        fault.help.iter_mut().for_each(veiled);
        let Some(place) = &mut fault.place else { continue };
        if let (Some(excerpt), Some(line)) =
            (&mut place.excerpt, place.line.and_then(|line| usize::try_from(line).ok()))
        {
            let start = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
            let end = start + excerpt.text.len();
            let here = hidden.iter().filter(|range| range.start < end && range.end > start);
            let here: Vec<_> = here.map(|range| range.start.max(start) - start..range.end.min(end) - start).collect();
            *excerpt = veiled_excerpt(excerpt, &here);
        }
    }
}

/// The values of a configuration as they may be printed: URLs can carry more than an address.
pub(super) fn shown(value: Json) -> Json {
    match value {
        Json::String(text) => Json::String(secrecy::shown(&text)),
        Json::Array(items) => items.into_iter().map(shown).collect(),
        Json::Object(members) => members.into_iter().map(|(name, value)| (name, shown(value))).collect(),
        other => other,
    }
}

fn veiled_excerpt(excerpt: &Excerpt, hidden: &[Range<usize>]) -> Excerpt {
    // where a byte of the line is to be found in what is shown of it
    let shown_at = |at: usize, end: bool| {
        let mut taken = 0;
        let mut given = 0;
        for range in hidden {
            if at < range.end {
                return match at > range.start {
                    true => range.start - taken + given + if end { secrecy::HIDDEN.len() } else { 0 },
                    false => at - taken + given,
                };
            }
            taken += range.len();
            given += secrecy::HIDDEN.len();
        }
        at - taken + given
    };
    let range = shown_at(excerpt.range.start, false)..shown_at(excerpt.range.end, true);
    Excerpt { text: secrecy::without(&excerpt.text, hidden), range, label: excerpt.label.clone() }
}

/// The secret itself in a part of a line that is hidden up to its end.
fn word(hidden: &str) -> Option<&str> {
    let word = hidden.trim_matches(|c: char| c.is_whitespace() || "\"'{}[],:".contains(c));
    (word.len() >= DISTINCT).then_some(word)
}

/// The bytes of `text` that are not shown, in order.
fn hidden(text: &str) -> Vec<Range<usize>> {
    let mut found = secrecy::secret_url_parts(text);
    let mut scan = Scan::default();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        found.extend(scan.line(line.trim_end()).map(|range| range.start + start..range.end + start));
        start += line.len();
    }
    found.sort_by_key(|range| range.start);
    found.dedup_by(|next, last| {
        let touches = next.start <= last.end;
        if touches {
            last.end = last.end.max(next.end);
        }
        touches
    });
    found
}

/// A way through the lines of a configuration that knows what stands inside what, roughly.
#[derive(Default)]
struct Scan {
    /// The lines that hold this one by their indentation, and whether what is below them is secret.
    around: Vec<(usize, bool)>,
    /// Brackets that are open.
    depth: usize,
    /// The depth at which brackets opened that hold a secret.
    guarded_from: Option<usize>,
}

impl Scan {
    /// The part of the line that is not shown: it always goes to the end.
    fn line(&mut self, line: &str) -> Option<Range<usize>> {
        let mut at = line.len() - line.trim_start().len();
        while let Some(rest) = line[at..].strip_prefix('-').filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
            at = line.len() - rest.trim_start().len();
        }
        if line[at..].is_empty() {
            return None;
        }
        if line[at..].starts_with('#') {
            return Self::default().flow(line, at + 1, false).0.map(|from| from..line.len());
        }
        let outside = self.depth == 0;
        if outside {
            self.around.retain(|(indent, _)| *indent < at);
        }
        let guarded = self.around.iter().any(|(_, guarded)| *guarded);
        let (from, opens) = self.flow(line, at, guarded);
        if outside {
            self.around.push((at, opens));
        }
        from.map(|from| from..line.len())
    }

    /// Where a secret begins, and whether the lines below hold more of one.
    fn flow(&mut self, line: &str, mut at: usize, guarded: bool) -> (Option<usize>, bool) {
        let mut opens = false;
        while let Some(next) = line[at..].chars().next() {
            match next {
                '{' | '[' => self.depth += 1,
                '}' | ']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.guarded_from = self.guarded_from.filter(|from| self.depth > *from);
                }
                '#' if line[..at].ends_with(char::is_whitespace) => break,
                _ if next.is_whitespace() || next == ',' => {}
                _ => {
                    let guarded = guarded || self.guarded_from.is_some();
                    let (end, is_key) = self.token(&line[at..]);
                    let token = line[at..at + end].trim_matches(['"', '\'', ' ']);
                    if !is_key && guarded {
                        return (Some(at), true);
                    }
                    at += end;
                    if !is_key {
                        continue;
                    }
                    at += line[at..].find(':').map_or(0, |colon| colon + 1);
                    at = line.len() - line[at..].trim_start().len();
                    let secret = guards(token);
                    match line[at..].chars().next() {
                        None | Some('|' | '>') => {
                            opens |= secret || (guarded && !is_plain(token));
                            at = line.len();
                        }
                        Some('{' | '[') => {
                            if secret && self.guarded_from.is_none() {
                                self.guarded_from = Some(self.depth);
                            }
                        }
                        Some(_) if secret || (guarded && !is_plain(token)) => return (Some(at), true),
                        Some(_) => at += self.token(&line[at..]).0,
                    }
                    continue;
                }
            }
            at += next.len_utf8();
        }
        (None, opens)
    }

    /// How far the key or value at the beginning goes, and whether a colon makes it a key.
    fn token(&self, text: &str) -> (usize, bool) {
        if let Some(quote @ ('"' | '\'')) = text.chars().next() {
            let Some(end) = text[1..].find(quote).map(|end| end + 2) else { return (text.len(), false) };
            return (end, text[end..].trim_start().starts_with(':'));
        }
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                ':' if chars.peek().is_none_or(|(_, next)| next.is_whitespace()) => return (at, true),
                ',' | '{' | '}' | '[' | ']' if self.depth > 0 => return (at, false),
                _ => {}
            }
        }
        (text.len(), false)
    }
}

/// Whether what stands under `key` is or holds a secret.
fn guards(key: &str) -> bool {
    match known(key) {
        Some(plain) => !plain,
        None => {
            let secrets = table().iter().filter(|(_, plain)| !plain).map(|(name, _)| *name);
            secrecy::names_secret(key) || nearest(key, secrets).is_some()
        }
    }
}

/// Whether the table of keys has something else than a secret under `key`.
fn is_plain(key: &str) -> bool {
    known(key) == Some(true)
}

/// What the table says of `key`, wherever it stands: whether its value may be shown; `None` where it has no such key.
fn known(key: &str) -> Option<bool> {
    let mut said =
        table().iter().filter(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, plain)| *plain).peekable();
    said.peek()?;
    Some(said.all(|plain| plain))
}

/// The keys that have a value, and whether it may be shown.
fn table() -> &'static [(&'static str, bool)] {
    static TABLE: OnceLock<Vec<(&str, bool)>> = OnceLock::new();
    TABLE.get_or_init(|| {
        // the three ways to name a secret, which is none itself
        let mut table = vec![("credential", true), ("env", true), ("file", true), ("auth", false)];
        collect(keys::ROOT, &mut table);
        table
    })
}

fn collect(keys: &'static [Key], table: &mut Vec<(&'static str, bool)>) {
    for key in keys {
        below(key.name, &key.shape, table);
    }
}

fn below(name: &'static str, shape: &'static Shape, table: &mut Vec<(&'static str, bool)>) {
    match shape {
        Shape::Secret => table.push((name, false)),
        Shape::Block(keys) => collect(keys, table),
        Shape::OneOf { one, beside } => {
            collect(one, table);
            collect(beside, table);
        }
        Shape::List(inner) | Shape::Table(inner) | Shape::Or(_, inner) | Shape::TextOr(inner) => {
            table.push((name, true));
            below(name, inner, table);
        }
        _ => table.push((name, true)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text as it would be quoted, line by line.
    fn quoted(text: &str) -> String {
        secrecy::without(text, &hidden(text))
    }

    #[test]
    fn a_secret_is_not_quoted_wherever_it_stands() {
        let cases = [
            "auth: { basic: { user: u, password: hunter2 } }",
            "auth: { bearer: \"hunter2",
            "auth: {\n bearer: hunter2\n }",
            "auth: {\nbearer:\nhunter2 }",
            "auth:\n  bearer: |\n    hunter2\n",
            "auth:\n  bearer:\n    - hunter2\n",
            "auth: hunter2",
            "auth: { hunter2 }",
            "auth: [hunter2]",
            "'auth' : { \"bearer\": 'hunter2' }",
            "auth: { bearer: { token: hunter2 } }",
            "auth: { header: { name: X-Key, value: hunter2 } }",
            "auth: { oauth2: { token_url: \"https://u:hunter2@x/t\", client_id: a } }",
            "auth: { bearr: !x hunter2 }",
            "target:\n  token: hunter2\n",
            "target:\n  # token: hunter2\n",
            "jobs:\n- target: { api_key: hunter2 }\n",
            "smtp: { user: a, pasword: hunter2 }",
            "key: \"hunter2\n  hunter2\"\n",
            "url: https://user:hunter2@a.example/scim",
            "url: https://a.example/scim?token=hunter2 # x",
        ];
        for text in cases {
            let shown = quoted(text);
            assert!(!shown.contains("hunter2"), "{text}: {shown}");
        }
    }

    #[test]
    fn what_is_no_secret_is_quoted() {
        let cases = [
            "state: state.db\njobs:\n  - name: j\n    source: { directory: source }\n",
            "target:\n  url: https://a.example/scim?aadOptscim062020\n  auth: { bearer: { env: TOK } }\n  rate: many\n",
            "target: { auth: { bearer: { file: /run/t } }, profil: kintone }",
            "auth:\n  oauth2:\n    token_url: https://x/t\n    client_id: 'a'\n    client_secret: { credential: c }\nrate: 5",
            "auth:\n  basic: { user: u, password: { env: P } }\n  expires: soon\nprofile: kintone",
            "options: { okta_password: maybe }",
            "accidental_deletion: { threshold: -1 } # token: none",
        ];
        for text in cases {
            assert_eq!(quoted(text), text);
        }
    }
}
