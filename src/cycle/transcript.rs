//! What was said about one object, as it may be kept: without hidden values, and cut where long.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::line::KindRules;
use super::record::REDACTED;
use crate::model::{AttributeRule, Change, Desired, Exchange, IntendedRequest, Resource, TargetValue};
use crate::wire::{self, Body, FaultKind, Hint, Remark, Request};

/// Exchanges that are kept whole; a large group takes thousands.
const KEPT: usize = 20;
/// Octets of a body that are kept.
const LONGEST: usize = 4_000;
/// A hidden text shorter than this is taken out only where it stands alone: it may be part of any other word.
const DISTINCT: usize = 4;

/// What was said about one object, for its log entry.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    /// One for each request.
    pub exchanges: Vec<Exchange>,
    pub warnings: Vec<String>,
    /// What a plan would have sent.
    pub rehearsed: Vec<Request>,
    /// How the match was found, for people.
    pub matched_by: Option<String>,
    /// The program ended before the target wanted to hear the last request.
    pub given_up: bool,
    /// The target took a write.
    wrote: bool,
    mask: Mask,
}

/// Values that nothing which is kept may hold.
#[derive(Default)]
struct Mask {
    /// Attributes whose values are hidden, whoever says them.
    rules: Vec<Arc<AttributeRule>>,
    texts: Vec<String>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mask").field("rules", &self.rules.len()).field("texts", &self.texts.len()).finish()
    }
}

impl Transcript {
    /// A transcript about an object of `kind`, some of whose values may be hidden.
    pub(super) fn about(kind: &KindRules<'_>) -> Self {
        let rules = kind.mapping.attributes().iter().map(|mapping| &mapping.rule);
        let rules = rules.filter(|rule| rule.redacted).cloned().collect();
        Self { mask: Mask { rules, texts: Vec::new() }, ..Self::default() }
    }

    /// Hides a text from here on.
    pub(super) fn hide(&mut self, text: &str) {
        self.mask.hide(text);
    }

    /// Hides the hidden ones of an object's values.
    pub(super) fn hide_desired(&mut self, desired: &[Desired]) {
        for one in desired.iter().filter(|one| one.rule.redacted) {
            one.value().into_iter().for_each(|value| self.mask.hide_value(value));
        }
    }

    /// Hides the hidden ones of the values of changes.
    pub(super) fn hide_changes(&mut self, changes: &[Change]) {
        for change in changes.iter().filter(|change| change.rule.redacted) {
            change.set.iter().for_each(|value| self.mask.hide_value(value));
        }
    }

    /// A text of the target without what must not be seen.
    pub(super) fn masked(&self, text: String) -> String {
        self.mask.text(&text).unwrap_or(text)
    }

    /// Keeps a request and what came of it.
    pub(super) fn keep(&mut self, request: &Request, answer: &wire::Answer) {
        let line = format!("{} {}", request.method, request.shown_path());
        let mut exchange = Exchange { request: self.masked_line(line), ..Exchange::default() };
        let whole = self.exchanges.len() < KEPT;
        if let Some(body) = request.body.as_ref().filter(|_| whole) {
            exchange.body = Some(self.kept(body.text()));
        }
        match answer {
            Ok(response) => {
                self.wrote |= !request.is_read() && response.status < 300;
                exchange.status = Some(response.status);
                if whole && !response.body.is_empty() {
                    exchange.answer = Some(self.kept(&response.body));
                }
            }
            Err(fault) => {
                self.given_up |= fault.kind == FaultKind::GivenUp;
                exchange.fault = Some(self.masked(fault.message.clone()));
            }
        }
        self.exchanges.push(exchange);
    }

    /// The program ends before anything was changed: it is as if the object's turn had not come.
    pub(super) fn is_unreached(&self) -> bool {
        self.given_up && !self.wrote
    }

    /// The exchanges that an entry keeps.
    pub(super) fn take_kept(&mut self) -> Vec<Exchange> {
        let mut exchanges = std::mem::take(&mut self.exchanges);
        exchanges.truncate(KEPT);
        exchanges
    }

    /// The requests that were no questions, with their answers, for people; of many only how many.
    pub(super) fn sent(&self) -> String {
        let lines: Vec<String> = self
            .exchanges
            .iter()
            .filter(|exchange| !exchange.request.starts_with("GET "))
            .map(|exchange| {
                let status = exchange.status.map(|status| status.to_string()).unwrap_or_default();
                format!("{}: {status}", exchange.request)
            })
            .collect();
        match lines.len() {
            0..=KEPT => lines.join("; "),
            count => format!("{}; and {} more requests", lines[..KEPT].join("; "), count - KEPT),
        }
    }

    /// What would have been sent, for whoever reviews it.
    pub(super) fn take_rehearsed(&mut self) -> Vec<IntendedRequest> {
        let shown = |request: Request| {
            let (method, path) = (request.method.to_string(), request.shown_path());
            IntendedRequest { method, path, body: request.body.map(Body::into_value) }
        };
        std::mem::take(&mut self.rehearsed).into_iter().map(shown).collect()
    }

    pub(super) fn remark(&mut self, remarks: Vec<Remark>) {
        for remark in remarks {
            self.warn(remark.code, &remark.detail);
        }
    }

    pub(super) fn warn(&mut self, code: &str, detail: &str) {
        let warning = self.masked(format!("{code}: {detail}"));
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    pub(super) fn hint(&mut self, hint: Hint) {
        self.warn(hint.as_str(), hint.advice());
    }

    /// A body as it is kept.
    fn kept(&mut self, body: &[u8]) -> String {
        let kept = |text: &str| wire::cut(text, LONGEST).into_owned();
        if !self.mask.is_needed() {
            let body = &body[..body.len().min(LONGEST + 4)];
            // Repairing text is far slower than reading it.
            return match str::from_utf8(body) {
                Ok(text) => kept(text),
                Err(_) => kept(&String::from_utf8_lossy(body)),
            };
        }
        match serde_json::from_slice::<Value>(body) {
            Ok(mut value) => {
                self.mask.learn(&value);
                self.mask.json(&mut value);
                kept(&value.to_string())
            }
            Err(_) => kept(&self.masked(String::from_utf8_lossy(body).into_owned())),
        }
    }

    /// A request line; a query that holds a hidden value is not kept.
    fn masked_line(&self, line: String) -> String {
        match line.split_once('?') {
            _ if self.mask.texts.is_empty() => line,
            Some((path, query)) if self.mask.text(&unescaped(query)).is_some() => format!("{path}?{REDACTED}"),
            Some(_) | None => line,
        }
    }
}

impl Mask {
    fn is_needed(&self) -> bool {
        !self.rules.is_empty() || !self.texts.is_empty()
    }

    fn hide(&mut self, text: &str) {
        if !text.is_empty() && !self.texts.iter().any(|known| known == text) {
            self.texts.push(text.to_owned());
        }
    }

    fn hide_value(&mut self, value: &TargetValue) {
        match value {
            TargetValue::Text(text) | TargetValue::DateTime(text) | TargetValue::Reference(text) => self.hide(text),
            TargetValue::Integer(number) => self.hide(&number.to_string()),
            TargetValue::List(texts) => texts.iter().for_each(|text| self.hide(text)),
            TargetValue::Roles(_, roles) => roles.iter().for_each(|role| self.hide(&role.value)),
            // Either is in half of what anybody says.
            TargetValue::Boolean(_) => {}
        }
    }

    /// Hides what resources of a body hold in hidden attributes.
    fn learn(&mut self, body: &Value) {
        let listed = body.get("Resources").and_then(Value::as_array).into_iter().flatten();
        for one in std::iter::once(body).chain(listed) {
            // A body that is sent has no `id` yet.
            let mut one = one.clone();
            if let Some(object) = one.as_object_mut() {
                object.entry("id").or_insert_with(|| Value::from("new"));
            }
            let Some(resource) = Resource::new(one) else { continue };
            let held: Vec<Value> = self.rules.iter().filter_map(|rule| resource.get(&rule.path).cloned()).collect();
            held.iter().for_each(|value| self.hide_leaves(value));
        }
    }

    fn hide_leaves(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.hide(text),
            Value::Number(number) => self.hide(&number.to_string()),
            Value::Array(values) => values.iter().for_each(|value| self.hide_leaves(value)),
            Value::Object(object) => object.values().for_each(|value| self.hide_leaves(value)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(masked) = self.text(text) {
                    *text = masked;
                }
            }
            Value::Number(number) => {
                if self.texts.contains(&number.to_string()) {
                    *value = Value::from(REDACTED);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.json(value)),
            Value::Object(object) => object.values_mut().for_each(|value| self.json(value)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// `text` without hidden values; `None` where it holds none.
    fn text(&self, text: &str) -> Option<String> {
        let mut masked: Option<String> = None;
        for secret in &self.texts {
            let now = masked.as_deref().unwrap_or(text);
            let mut out = String::new();
            let mut from = 0;
            for (at, _) in now.match_indices(secret.as_str()) {
                let end = at + secret.len();
                let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                let alone = !joins(now[..at].chars().next_back()) && !joins(now[end..].chars().next());
                if secret.len() >= DISTINCT || alone {
                    out.push_str(&now[from..at]);
                    out.push_str(REDACTED);
                    from = end;
                }
            }
            if from > 0 {
                out.push_str(&now[from..]);
                masked = Some(out);
            }
        }
        masked
    }
}

/// A query with its escapes resolved; for looking at only.
fn unescaped(query: &str) -> String {
    percent_decode_str(&query.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hiding(texts: &[&str]) -> Transcript {
        let mut transcript = Transcript::default();
        texts.iter().for_each(|text| transcript.hide(text));
        transcript
    }

    #[test]
    fn hidden_values_are_taken_out_of_texts() {
        let cases = [
            (&["s3cret"][..], "the value `s3cret` is taken", "the value `[Redact]` is taken"),
            (&["12"], "pin 12 of 120, 312 and `12`", "pin [Redact] of 120, 312 and `[Redact]`"),
            (&["abcd", "xyzw"], "abcdxyzw", "[Redact][Redact]"),
            (&["abcd"], "nothing of it", "nothing of it"),
            (&["日本語の秘密"], "値は日本語の秘密です", "値は[Redact]です"),
        ];
        for (texts, given, expected) in cases {
            assert_eq!(hiding(texts).masked(given.to_owned()), expected);
        }
    }

    #[test]
    fn hidden_values_are_taken_out_of_bodies_and_queries() {
        let mut transcript = hiding(&["geheim \"x\"", "4711"]);
        let body = json!({"a": "geheim \"x\"", "n": 4711, "list": [{"value": "geheim \"x\""}], "m": 47110, "ok": true});
        let kept: Value = serde_json::from_str(&transcript.kept(body.to_string().as_bytes())).expect("JSON");
        assert_eq!(
            kept,
            json!({"a": "[Redact]", "n": "[Redact]", "list": [{"value": "[Redact]"}], "m": 47110, "ok": true})
        );
        assert_eq!(transcript.kept(b"no JSON: geheim \"x\""), "no JSON: [Redact]");
        let line = "GET /Users?filter=title%20eq%20%22geheim%20%5C%22x%5C%22%22".to_owned();
        // The value is escaped in the filter, so only what is left of it is found.
        assert_eq!(hiding(&["geheim"]).masked_line(line), "GET /Users?[Redact]");
        assert_eq!(transcript.masked_line("GET /Users?count=1".to_owned()), "GET /Users?count=1");
    }

    #[test]
    fn bodies_are_cut_and_of_many_exchanges_the_first_are_kept() {
        let mut transcript = Transcript::default();
        let long = format!("\"{}\"", "é".repeat(LONGEST));
        let kept = transcript.kept(long.as_bytes());
        assert!(kept.ends_with('…') && kept.len() <= LONGEST + 3, "{}", kept.len());
        let request = Request {
            method: http::Method::PATCH,
            path: "/Groups/1".to_owned(),
            query: String::new(),
            headers: Vec::new(),
            body: Some(json!({"a": 1}).into()),
        };
        for _ in 0..KEPT + 3 {
            transcript.keep(&request, &Ok(wire::Response { status: 204, ..wire::Response::default() }));
        }
        assert_eq!(transcript.exchanges.iter().filter(|exchange| exchange.body.is_some()).count(), KEPT);
        assert_eq!(transcript.exchanges[KEPT].body, None);
        assert!(transcript.sent().ends_with("and 3 more requests"));
    }
}
