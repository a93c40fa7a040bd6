//! Bulk requests with `bulkId` references (RFC 7644 section 3.7).

use std::collections::HashMap;

use axum::body::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::failure::Refusal;
use super::path::get;
use super::service::Service;

/// How many operations one request may hold.
pub(super) const MAX_OPERATIONS: usize = 1000;
/// How many bytes a bulk request may have.
pub(super) const MAX_PAYLOAD: usize = 1 << 20;

const REFERENCE: &str = "bulkId:";

impl Service {
    pub(super) fn bulk(&self, body: &Map<String, Value>) -> Result<Answer, Refusal> {
        let operations = get(body, "Operations", Default::default())
            .and_then(Value::as_array)
            .ok_or_else(|| Refusal::invalid_syntax("a bulk request needs an array `Operations`"))?;
        if operations.len() > MAX_OPERATIONS {
            return Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("a bulk request holds at most {MAX_OPERATIONS} operations"),
            ));
        }
        let limit = get(body, "failOnErrors", Default::default()).and_then(Value::as_u64);
        let mut results: Vec<Option<Value>> = vec![None; operations.len()];
        let mut ids: HashMap<String, String> = HashMap::new();
        let mut errors = 0;
        let mut left: Vec<usize> = (0..operations.len()).collect();
        // An operation waits for those it refers to; a round without progress ends the waiting.
        loop {
            let mut waiting = Vec::new();
            let before = left.len();
            for place in left {
                if limit.is_some_and(|limit| limit > 0 && errors >= limit) {
                    break;
                }
                let operation = &operations[place];
                if refers_to_unknown(operation, &ids) {
                    waiting.push(place);
                    continue;
                }
                let result = self.bulk_operation(operation, &mut ids);
                errors += u64::from(result.get("response").is_some());
                results[place] = Some(result);
            }
            if waiting.is_empty() || waiting.len() == before {
                for place in waiting {
                    let refusal =
                        Refusal::new(StatusCode::CONFLICT, "the operation refers to a `bulkId` that is not resolved");
                    results[place] = Some(failed(&operations[place], &refusal));
                }
                break;
            }
            left = waiting;
        }
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
            "Operations": results.into_iter().flatten().collect::<Vec<_>>(),
        });
        Ok(Answer::json(StatusCode::OK, &body))
    }

    fn bulk_operation(&self, operation: &Value, ids: &mut HashMap<String, String>) -> Value {
        let text = |name: &str| operation.get(name).and_then(Value::as_str);
        let answer = self.bulk_request(operation, ids);
        let (status, location, etag) = match answer {
            Ok(answer) => (answer.status, answer.location, answer.etag),
            Err(refusal) => return failed(operation, &refusal),
        };
        let mut result = echo(operation);
        if let (Some(bulk_id), Some(location)) = (text("bulkId"), &location)
            && let Some((_, id)) = location.rsplit_once('/')
        {
            ids.insert(bulk_id.into(), id.into());
        }
        let known = location.or_else(|| {
            let path = resolve_text(text("path")?, ids);
            Some(format!("{}/{}", self.base, path.trim_start_matches('/')))
        });
        result.insert("location".into(), known.into());
        if let Some(etag) = etag {
            result.insert("version".into(), etag.into());
        }
        result.insert("status".into(), status.as_str().into());
        Value::Object(result)
    }

    fn bulk_request(&self, operation: &Value, ids: &HashMap<String, String>) -> Result<Answer, Refusal> {
        let text = |name: &str| operation.get(name).and_then(Value::as_str);
        let method = text("method").unwrap_or("").to_ascii_uppercase();
        let method = match method.as_str() {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            _ => return Err(Refusal::invalid_syntax("`method` is none of a bulk request")),
        };
        if method == Method::POST && text("bulkId").is_none_or(str::is_empty) {
            return Err(Refusal::invalid_syntax("a POST in a bulk request needs a `bulkId`"));
        }
        let path = resolve_text(text("path").unwrap_or(""), ids);
        if path.to_ascii_lowercase().contains("/bulk") {
            return Err(Refusal::invalid_value("a bulk request cannot hold another"));
        }
        let mut headers = HeaderMap::new();
        if let Some(Ok(version)) = text("version").map(HeaderValue::from_str) {
            headers.insert(header::IF_MATCH, version);
        }
        let data = operation.get("data").map(|data| resolve(data, ids));
        let body = Bytes::from(data.map(|data| data.to_string()).unwrap_or_default());
        self.dispatch(&method, &path, "", &headers, &body)
    }
}

fn echo(operation: &Value) -> Map<String, Value> {
    let mut result = Map::new();
    for name in ["method", "bulkId"] {
        if let Some(value) = operation.get(name) {
            result.insert(name.into(), value.clone());
        }
    }
    result
}

fn failed(operation: &Value, refusal: &Refusal) -> Value {
    let mut result = echo(operation);
    result.insert("status".into(), refusal.status.as_str().into());
    result.insert("response".into(), refusal.to_json());
    Value::Object(result)
}

/// Calls `found` with each `bulkId` that a value refers to.
fn each_reference<'v>(value: &'v Value, found: &mut impl FnMut(&'v str)) {
    match value {
        Value::String(text) => {
            if let Some((_, id)) = text.split_once(REFERENCE) {
                found(id.split(['"', '/', ']']).next().unwrap_or(id));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each_reference(item, found)),
        Value::Object(members) => members.values().for_each(|item| each_reference(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn refers_to_unknown(operation: &Value, ids: &HashMap<String, String>) -> bool {
    let mut unknown = false;
    for part in ["path", "data"] {
        if let Some(part) = operation.get(part) {
            each_reference(part, &mut |id| unknown |= !ids.contains_key(id));
        }
    }
    unknown
}

fn resolve_text(text: &str, ids: &HashMap<String, String>) -> String {
    let Some((before, rest)) = text.split_once(REFERENCE) else {
        return text.into();
    };
    let end = rest.find(['"', '/', ']']).unwrap_or(rest.len());
    match ids.get(&rest[..end]) {
        Some(id) => format!("{before}{id}{}", &rest[end..]),
        None => text.into(),
    }
}

fn resolve(value: &Value, ids: &HashMap<String, String>) -> Value {
    match value {
        Value::String(text) => resolve_text(text, ids).into(),
        Value::Array(items) => items.iter().map(|item| resolve(item, ids)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), resolve(value, ids))).collect::<Map<_, _>>().into()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
