//! How an answer differs from the recorded one, apart from what no two runs have in common.

use jiff::Timestamp;
use serde_json::Value;

use super::har::Response;
use super::load;
use super::pairs::pairs;
use super::renamed::Renamed;
use super::secrets::REMOVED;

/// How many differences of one exchange are told.
const TOLD: usize = 50;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `status`, `header location`, or a path into the body.
    pub at: String,
    /// What the recording has; `None` for nothing.
    pub recorded: Option<String>,
    pub answered: Option<String>,
}

/// An answer as the comparison needs it.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub status: u16,
    pub headers: &'a http::HeaderMap,
    pub body: &'a [u8],
}

/// Times that count as "now" in each of the two runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spans {
    pub recorded: (Timestamp, Timestamp),
    pub replayed: (Timestamp, Timestamp),
}

/// Compares and learns names on the way.
pub(super) struct Comparison<'a> {
    pub renamed: &'a mut Renamed,
    pub spans: Spans,
    pub old_base: &'a str,
    pub new_base: &'a str,
    pub found: Vec<Difference>,
}

impl Comparison<'_> {
    /// Compares two answers; `recorded` is the recorded body, `None` where it is not known.
    pub fn answers(&mut self, old: &Response, recorded: Option<&[u8]>, new: &Answer<'_>) {
        let class = |status: i64| status / 100;
        let other_class = class(old.status) != class(i64::from(new.status));
        if old.status != i64::from(new.status) {
            self.differ("status", Some(old.status.to_string()), Some(told(new)));
        }
        if other_class {
            // An error and a success have nothing else in common.
            return;
        }
        let bodies =
            recorded.map(|old| (serde_json::from_slice::<Value>(old), serde_json::from_slice::<Value>(new.body)));
        if let Some((Ok(old), Ok(new))) = &bodies {
            self.learn("", old, new);
        }
        self.headers(old, new);
        match (recorded, bodies) {
            (Some(_), Some((Ok(old), Ok(new)))) => {
                let old = self.renamed.json(&old);
                self.compare("", "", &old, &new);
            }
            (Some(old), Some(_)) => {
                let renamed = self.renamed.body(old);
                if renamed != new.body {
                    self.differ("body", Some(excerpt(&renamed)), Some(excerpt(new.body)));
                }
            }
            (None, _) | (_, None) => {}
        }
    }

    fn differ(&mut self, at: &str, recorded: Option<String>, answered: Option<String>) {
        if self.found.len() < TOLD {
            self.found.push(Difference { at: at.to_owned(), recorded, answered });
        }
    }

    fn headers(&mut self, old: &Response, new: &Answer<'_>) {
        let told =
            |name: &str| new.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let kind = |text: Option<&str>| text.map(|text| text.to_ascii_lowercase().replace(' ', ""));
        let (was, is) = (kind(old.header("content-type")), kind(told("content-type").as_deref()));
        if was != is {
            self.differ("header content-type", was, is);
        }
        let (was, is) = (old.header("location"), told("location"));
        let place = |base: &str, url: &str| load::below(base, url).unwrap_or_else(|| url.to_owned());
        let was_at = was.map(|url| self.renamed.target(&place(self.old_base, url)));
        let is_at = is.as_deref().map(|url| place(self.new_base, url));
        if was_at.as_deref().map(tail) != is_at.as_deref().map(tail) {
            self.differ("header location", was.map(str::to_owned), is);
        }
        // The values are the server's own; whether there is one is not.
        for name in ["etag", "retry-after", "www-authenticate"] {
            let (was, is) = (old.header(name), told(name));
            if was.is_some() != is.is_some() {
                self.differ(&format!("header {name}"), was.map(str::to_owned), is);
            }
        }
    }

    /// Learns the names that the new answer has for things of the old one.
    fn learn(&mut self, key: &str, old: &Value, new: &Value) {
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                for (key, old) in old {
                    if let Some(new) = new.get(key) {
                        self.learn(key, old, new);
                    }
                }
            }
            (Value::Array(old), Value::Array(new)) => {
                let strangers = |old: &Value, new: &Value| {
                    let names = old.get("userName").zip(new.get("userName"));
                    names.is_some_and(|(old, new)| old != new)
                };
                let renamed: Vec<Value> = old.iter().map(|one| self.renamed.json(one)).collect();
                for (old, new) in pairs(&renamed, new) {
                    if let (Some(old), Some(new)) = (old, new)
                        && !strangers(old, new)
                    {
                        self.learn(key, old, new);
                    }
                }
            }
            (Value::String(old), Value::String(new)) if key == "id" => self.renamed.id(old, new),
            (Value::String(old), Value::String(new)) => self.renamed.value(old, new),
            _ => {}
        }
    }

    /// `old` has the new names already.
    fn compare(&mut self, at: &str, key: &str, old: &Value, new: &Value) {
        match (old, new) {
            (Value::Object(was), Value::Object(is)) => {
                // The words of an error are the server's own.
                let is_error =
                    was.get("schemas").is_some_and(|schemas| schemas.to_string().contains("messages:2.0:Error"));
                let owned = |name: &str| is_error && name == "detail";
                let inside = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
                let total = was.get("totalResults").and_then(Value::as_u64);
                for (name, was) in was.iter().filter(|(name, _)| !owned(name)) {
                    if let (Value::Array(was), Some(Value::Array(is)), "Resources", Some(total)) =
                        (was, is.get(name), name.as_str(), total)
                        && total > was.len() as u64
                    {
                        self.page(&inside(name), was, is);
                        continue;
                    }
                    self.compare(&inside(name), name, was, is.get(name).unwrap_or(&Value::Null));
                }
                let added = is.iter().filter(|(name, _)| !(was.contains_key(*name) || owned(name)));
                for (name, is) in added {
                    self.compare(&inside(name), name, &Value::Null, is);
                }
            }
            (Value::Array(was), Value::Array(is)) => {
                for (number, (was, is)) in pairs(was, is).into_iter().enumerate() {
                    let (was, is) = (was.unwrap_or(&Value::Null), is.unwrap_or(&Value::Null));
                    self.compare(&format!("{at}[{number}]"), key, was, is);
                }
            }
            (was, is) if self.same(at, key, was, is) => {}
            (was, is) => {
                let shown = |value: &Value| (!value.is_null()).then(|| excerpt(value.to_string().as_bytes()));
                self.differ(at, shown(was), shown(is));
            }
        }
    }

    /// Who comes on which page is up to the server's order, which may be that of its identifiers.
    fn page(&mut self, at: &str, was: &[Value], is: &[Value]) {
        let known = |value: Option<&Value>| {
            value.and_then(|value| value.get("id")?.as_str()).is_some_and(|id| self.renamed.knows(id))
        };
        let both: Vec<_> = pairs(was, is)
            .into_iter()
            .enumerate()
            .filter(|(_, (was, is))| {
                let id = |value: &Option<&Value>| value.and_then(|value| value.get("id").cloned());
                id(was) == id(is) || !(known(*was) && known(*is))
            })
            .collect();
        for (number, (was, is)) in both {
            let (was, is) = (was.unwrap_or(&Value::Null), is.unwrap_or(&Value::Null));
            self.compare(&format!("{at}[{number}]"), "Resources", was, is);
        }
    }

    fn same(&self, at: &str, key: &str, old: &Value, new: &Value) -> bool {
        match (old, new) {
            (Value::Number(old), Value::Number(new)) => old == new || old.as_f64() == new.as_f64(),
            (Value::String(old), Value::String(new)) if old == new || old == REMOVED => true,
            (Value::String(old), Value::String(new)) => {
                let times = old.parse::<Timestamp>().ok().zip(new.parse::<Timestamp>().ok());
                let in_meta = at == "meta" || at.ends_with(".meta") || at.contains("meta.");
                match key {
                    "created" | "lastModified" if in_meta => times.is_some(),
                    "version" if in_meta => true,
                    "location" | "$ref" => tail(old) == tail(new),
                    _ => times.is_some_and(|(old, new)| {
                        let during = |time, (from, to)| from <= time && time <= to;
                        during(old, self.spans.recorded) && during(new, self.spans.replayed)
                    }),
                }
            }
            // Absent, null and an empty list are the same (RFC 7643 2.5).
            (old, new) if is_nothing(old) => is_nothing(new),
            (old, new) => old == new,
        }
    }
}

/// The status and what the endpoint says to it.
fn told(answer: &Answer<'_>) -> String {
    let body: Option<Value> = serde_json::from_slice(answer.body).ok();
    let detail = body.as_ref().and_then(|body| body.get("detail")?.as_str());
    match detail.filter(|_| answer.status >= 400) {
        Some(detail) => format!("{}: {}", answer.status, excerpt(detail.as_bytes())),
        None => answer.status.to_string(),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => false,
    }
}

/// The resource that a URL names, wherever the endpoint lies.
fn tail(url: &str) -> &str {
    let places = ["/Users", "/Groups", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/Bulk", "/Me"];
    let found = places.iter().filter_map(|place| url.rfind(place)).max();
    found.map_or(url, |at| &url[at..])
}

fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compared(old: Value, new: Value) -> Vec<String> {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let spans = Spans {
            recorded: (at("2026-01-01T00:00:00Z"), at("2026-01-01T01:00:00Z")),
            replayed: (at("2026-02-01T00:00:00Z"), at("2026-02-01T01:00:00Z")),
        };
        let (old_base, new_base) = ("http://old/s", "http://new/t");
        let mut renamed = Renamed::new(old_base, new_base);
        let mut comparison = Comparison { renamed: &mut renamed, spans, old_base, new_base, found: Vec::new() };
        comparison.learn("", &old, &new);
        let old = comparison.renamed.json(&old);
        comparison.compare("", "", &old, &new);
        comparison.found.into_iter().map(|one| one.at).collect()
    }

    #[test]
    fn the_order_of_pages_is_the_servers() {
        let user = |id: &str, name: &str| json!({ "id": id, "userName": name });
        let page = |users: Value| json!({ "totalResults": 3, "Resources": users });
        let spans = Spans { recorded: (Timestamp::MIN, Timestamp::MAX), replayed: (Timestamp::MIN, Timestamp::MAX) };
        let mut renamed = Renamed::default();
        for (old, new) in [("a", "1"), ("b", "2"), ("c", "3")] {
            renamed.id(old, new);
        }
        let mut comparison = Comparison { renamed: &mut renamed, spans, old_base: "", new_base: "", found: Vec::new() };
        let cases: [(Value, usize); 4] = [
            (json!([user("2", "y"), user("3", "z")]), 0),
            (json!([user("2", "changed"), user("3", "z")]), 1),
            (json!([user("2", "y")]), 1),
            (json!([user("2", "y"), user("9", "stranger")]), 2),
        ];
        for (answered, count) in cases {
            let recorded = page(json!([user("1", "x"), user("2", "y")]));
            comparison.compare("", "", &recorded, &page(answered.clone()));
            assert_eq!(comparison.found.len(), count, "{answered}: {:?}", comparison.found);
            comparison.found.clear();
        }
    }

    #[test]
    fn only_what_a_run_decides_may_differ() {
        let cases: [(Value, Value, &[&str]); 12] = [
            (json!({"id": "1", "userName": "u"}), json!({"id": "2", "userName": "u"}), &[]),
            (json!({"id": "1", "userName": "u"}), json!({"id": "2", "userName": "v"}), &["userName"]),
            (
                json!({"id": "1", "meta": {"created": "2020-01-01T00:00:00Z", "location": "http://old/s/Users/1", "version": "W/\"1\""}}),
                json!({"id": "2", "meta": {"created": "2026-01-01T00:00:00.5Z", "location": "http://x:1/Users/2", "version": "a"}}),
                &[],
            ),
            (
                json!({"id": "1", "meta": {"created": "2020-01-01T00:00:00Z", "location": "http://old/s/Users/1"}}),
                json!({"id": "2", "meta": {"created": "now", "location": "http://old/s/Users/1"}}),
                &["meta.created", "meta.location"],
            ),
            (
                json!({"emails": [{"value": "a"}, {"value": "b"}]}),
                json!({"emails": [{"value": "b"}, {"value": "a"}]}),
                &[],
            ),
            (json!({"emails": [{"value": "a"}]}), json!({"emails": [{"value": "a"}, {"value": "b"}]}), &["emails[1]"]),
            (json!({"active": true}), json!({"active": "true"}), &["active"]),
            (json!({"members": [], "x": null}), json!({}), &[]),
            (json!({}), json!({"title": "t"}), &["title"]),
            (json!({"seen": "2026-01-01T00:10:00Z"}), json!({"seen": "2026-02-01T00:10:00Z"}), &[]),
            (json!({"hired": "2019-01-01T00:10:00Z"}), json!({"hired": "2026-02-01T00:10:00Z"}), &["hired"]),
            (
                json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": "a", "status": "400"}),
                json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": "b", "status": "404"}),
                &["status"],
            ),
        ];
        for (old, new, expected) in cases {
            assert_eq!(compared(old.clone(), new.clone()), expected, "{old} against {new}");
        }
    }
}
