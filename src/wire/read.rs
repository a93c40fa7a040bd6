//! Reading answers (wire.md 6 to 11, 14, 18, 19).

use serde_json::Value;

use crate::model::{ErrorCode, Resource, TargetId, TargetPath, TargetValue};

use super::create::{COMPLEX_LISTS, CORE_GROUP, CORE_USER};
use super::dialect::Probe;
use super::refuse::{ERROR_URN, cut};
use super::{Announced, Answer, Desired, Exchange, Refusal, Remark, Request, Response, Retry, Wire};

const LIST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// Something read, and what was odd about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Read<T> {
    pub value: T,
    pub remarks: Vec<Remark>,
}

/// What a matching query found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    None,
    One(Resource),
}

/// How a delete ended; both are success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    Done,
    AlreadyGone,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub resources: Vec<Resource>,
    pub total: u64,
}

type Result<T> = std::result::Result<Read<T>, Refusal>;

impl Wire {
    /// Reads the answer to one of [`Wire::probes`] (wire.md 6).
    pub fn probed(&self, request: &Request, answer: &Answer, now: jiff::Timestamp) -> Result<()> {
        if request.path == "/ServiceProviderConfig" {
            let read = self.announced(answer, now)?;
            return Ok(Read { value: (), remarks: read.remarks });
        }
        let response = self.success(Exchange::Probe, answer, now)?;
        let Read { value: list, mut remarks } = list(response)?;
        // Any other probe asks for the first of many.
        if self.dialect.probe == Probe::RandomFilter {
            remarks.extend(list.miscounted());
        }
        if self.dialect.probe == Probe::RandomFilter && !list.resources.is_empty() {
            let message = format!(
                "the target returned {} objects for a value that nobody has: it ignores filters",
                list.resources.len()
            );
            let refusal = refusal(ErrorCode::ScimServiceIncompatibleFiltering, response, message);
            return Err(Refusal { remarks, ..refusal });
        }
        Ok(Read { value: (), remarks })
    }

    /// Reads the answer to [`Wire::find`], and checks that the target did not ignore the filter (wire.md 7).
    pub fn found(
        &self,
        path: &TargetPath,
        value: &TargetValue,
        answer: &Answer,
        now: jiff::Timestamp,
    ) -> Result<Found> {
        if let Ok(answer @ Response { status: 404, .. }) = answer
            && self.dialect.no_hit_may_be_404
            && json(answer).is_ok_and(|body| has_urn(&body, ERROR_URN))
        {
            return Ok(Read { value: Found::None, remarks: Vec::new() });
        }
        let response = self.success(Exchange::Find, answer, now)?;
        let Read { value: list, mut remarks } = list(response)?;
        remarks.extend(list.miscounted());
        let mut resources = list.resources.into_iter();
        let (Some(body), more) = (resources.next(), resources.len()) else {
            return Ok(Read { value: Found::None, remarks });
        };
        if more > 0 {
            let message = format!("{} objects of the target hold `{}` in `{path}`", more + 1, value.to_text());
            return Err(Refusal { remarks, ..refusal(ErrorCode::DuplicateTargetEntries, response, message) });
        }
        let resource = resource(body, response, &mut remarks)?;
        match resource.get(path) {
            None => remarks.push(Remark::new(
                "match-attribute-not-returned",
                format!("the target does not return `{path}`, so the match cannot be checked"),
            )),
            Some(held) if !value.agrees_with(held, false) => {
                let message =
                    format!("the target answered a query for `{path}` with an object that does not hold the value");
                let refusal = refusal(ErrorCode::ScimServiceIncompatibleFiltering, response, message);
                return Err(Refusal { remarks, ..refusal });
            }
            Some(_) => {}
        }
        Ok(Read { value: Found::One(resource), remarks })
    }

    /// Reads the answer to [`Wire::create`] (wire.md 8.3).
    pub fn created(&self, desired: &[Desired<'_>], answer: &Answer, now: jiff::Timestamp) -> Result<Resource> {
        let response = self.success(Exchange::Create, answer, now)?;
        let mut remarks = Vec::new();
        if response.status != 201 {
            remarks.push(Remark::new("create-not-201", format!("a create was answered {}", response.status)));
        }
        let resource = resource(json(response)?, response, &mut remarks)?;
        if self.dialect.needs_location && response.status == 201 && response.location.is_none() {
            let message = format!("`{}` was created, but the answer has no `Location`", resource.id());
            return Err(refusal(ErrorCode::ScimServiceIncompatible, response, message));
        }
        let differs = |entry: &&Desired<'_>| match entry.value {
            None | Some(TargetValue::Reference(_)) => false,
            Some(value) => !resource.get(entry.path).is_some_and(|held| value.agrees_with(held, true)),
        };
        let different: Vec<&str> = desired.iter().filter(differs).map(|entry| entry.path.as_str()).collect();
        if !different.is_empty() {
            let detail =
                format!("the answer to the create does not show what was sent in `{}`", different.join("`, `"));
            remarks.push(Remark::new("create-echo", detail));
        }
        Ok(Read { value: resource, remarks })
    }

    /// Reads the answer to [`Wire::read`] (wire.md 9).
    pub fn resource(&self, id: &TargetId, answer: &Answer, now: jiff::Timestamp) -> Result<Resource> {
        let response = self.success(Exchange::Read, answer, now)?;
        let body = json(response)?;
        let several = match &body {
            Value::Array(entries) => entries.len() > 1,
            _ => body.get("Resources").and_then(Value::as_array).is_some_and(|entries| entries.len() > 1),
        };
        if several {
            let message = "the target returned several entries where one was asked for";
            return Err(refusal(ErrorCode::ScimMultipleEntriesInResponse, response, message));
        }
        let mut remarks = Vec::new();
        let resource = resource(body, response, &mut remarks)?;
        if resource.id() != id {
            let message = format!("the target returned `{}` where `{id}` was asked for", resource.id());
            return Err(refusal(ErrorCode::ScimServiceIncompatible, response, message));
        }
        Ok(Read { value: resource, remarks })
    }

    /// Reads the answer to a request of [`Wire::update`]; the resource where the target returned it (wire.md 10.1).
    pub fn updated(&self, id: &TargetId, answer: &Answer, now: jiff::Timestamp) -> Result<Option<Resource>> {
        let response = self.success(Exchange::Update, answer, now)?;
        let mut remarks = Vec::new();
        if response.body.iter().all(u8::is_ascii_whitespace) {
            if response.status == 200 {
                remarks.push(Remark::new("patch-empty-200", "an update was answered 200 without a body"));
            }
            return Ok(Read { value: None, remarks });
        }
        let body = json(response)?;
        if has_urn(&body, ERROR_URN) {
            let said = body.get("detail").and_then(Value::as_str).map(|said| format!(": {}", cut(said, 256)));
            let message = format!("the target answered {} with an error{}", response.status, said.unwrap_or_default());
            return Err(refusal(ErrorCode::ScimServiceIncompatible, response, message));
        }
        let Some(read) = Resource::new(body) else { return Ok(Read { value: None, remarks }) };
        if read.id() != id {
            let detail = format!("an update of `{id}` was answered with the resource `{}`", read.id());
            remarks.push(Remark::new("update-other-id", detail));
            return Ok(Read { value: None, remarks });
        }
        remark_on(&read, &mut remarks);
        Ok(Read { value: Some(read.with_etag(response.etag.clone())), remarks })
    }

    /// Reads the answer to [`Wire::delete`] (wire.md 11).
    pub fn deleted(&self, answer: &Answer, now: jiff::Timestamp) -> Result<Deleted> {
        let value = match answer {
            Ok(Response { status: 404, .. }) => Deleted::AlreadyGone,
            _ => {
                self.success(Exchange::Delete, answer, now)?;
                Deleted::Done
            }
        };
        Ok(Read { value, remarks: Vec::new() })
    }

    /// Reads the answer to [`Wire::list`] (wire.md 16).
    pub fn listed(&self, answer: &Answer, now: jiff::Timestamp) -> Result<Page> {
        let response = self.success(Exchange::List, answer, now)?;
        let Read { value: list, mut remarks } = list(response)?;
        let resources = list.resources.into_iter().map(|body| resource(body, response, &mut remarks));
        let resources = resources.collect::<std::result::Result<Vec<_>, _>>()?;
        remarks.dedup();
        Ok(Read { value: Page { resources, total: list.total }, remarks })
    }

    /// Reads `/ServiceProviderConfig`; where there is none, everything but versions is taken as supported (wire.md 19).
    pub fn announced(&self, answer: &Answer, now: jiff::Timestamp) -> Result<Announced> {
        let mut announced = Announced::default();
        if let Ok(Response { status: 404, .. }) = answer {
            return Ok(Read { value: announced, remarks: Vec::new() });
        }
        let response = self.success(Exchange::Discover, answer, now)?;
        let body = json(response)?;
        let supported = |feature: &str| body.get(feature).and_then(|feature| feature.get("supported")?.as_bool());
        announced.patch = supported("patch").unwrap_or(announced.patch);
        announced.filter = supported("filter").unwrap_or(announced.filter);
        announced.etag = supported("etag").unwrap_or(announced.etag);
        Ok(Read { value: announced, remarks: Vec::new() })
    }

    fn success<'a>(
        &self,
        exchange: Exchange,
        answer: &'a Answer,
        now: jiff::Timestamp,
    ) -> std::result::Result<&'a Response, Refusal> {
        let response = answer.as_ref().map_err(|fault| self.refused_by_fault(fault))?;
        let is_success = match exchange {
            Exchange::Create => matches!(response.status, 200 | 201),
            Exchange::Update | Exchange::Delete => matches!(response.status, 200..=204),
            Exchange::Probe | Exchange::Find | Exchange::Read | Exchange::List | Exchange::Discover => {
                response.status == 200
            }
        };
        if is_success { Ok(response) } else { Err(self.refused(exchange, response, now)) }
    }
}

/// The entries of a ListResponse, not yet looked at.
struct List {
    resources: Vec<Value>,
    total: u64,
}

impl List {
    /// What is odd where the count and the entries of a list that is whole disagree; the entries decide (wire.md 7).
    fn miscounted(&self) -> Option<Remark> {
        let count = self.resources.len();
        (self.total != count as u64)
            .then(|| Remark::new("list-count", format!("`totalResults` is {} for {count} resources", self.total)))
    }
}

/// Reads a ListResponse (wire.md 14).
fn list(response: &Response) -> Result<List> {
    let fail = |message: &str| Err(refusal(ErrorCode::ScimServiceIncompatible, response, message));
    let mut remarks = Vec::new();
    let mut body = json(response)?;
    match body.get("schemas") {
        _ if !body.is_object() => return fail("the answer to a query is no ListResponse"),
        None | Some(Value::Null) => remarks.push(Remark::new("list-schemas", "a ListResponse came without `schemas`")),
        Some(_) if has_urn(&body, LIST_URN) => {}
        Some(_) => return fail("the answer to a query is no ListResponse: its `schemas` name something else"),
    }
    let total = match body.get("totalResults") {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => {
            remarks.push(Remark::new("list-total-string", "`totalResults` of a ListResponse is a text"));
            text.parse().ok()
        }
        _ => None,
    };
    let Some(total) = total else { return fail("the answer to a query has no integer `totalResults`") };
    let resources = match body.get_mut("Resources").map(Value::take) {
        Some(Value::Array(resources)) => resources,
        None | Some(Value::Null) if total == 0 => Vec::new(),
        None | Some(Value::Null) => return fail("the answer to a query counts resources but has no `Resources`"),
        Some(_) => return fail("`Resources` of the answer to a query is no array"),
    };
    Ok(Read { value: List { resources, total }, remarks })
}

/// Reads one resource (wire.md 14).
fn resource(body: Value, response: &Response, remarks: &mut Vec<Remark>) -> std::result::Result<Resource, Refusal> {
    let fail = |message: String| Err(refusal(ErrorCode::ScimServiceIncompatible, response, message));
    let Value::Object(object) = &body else { return fail("the answer is no JSON object".to_owned()) };
    match object.get("id") {
        None | Some(Value::Null) => return fail("the resource in the answer has no `id`".to_owned()),
        Some(Value::String(id)) if id.is_empty() => return fail("the `id` in the answer is empty".to_owned()),
        Some(Value::String(_)) => {}
        Some(other) => {
            return fail(format!("the `id` in the answer is `{}`, not a string", cut(&other.to_string(), 64)));
        }
    }
    for (key, value) in object {
        let is_list = || COMPLEX_LISTS.iter().any(|name| name.eq_ignore_ascii_case(key));
        if !matches!(value, Value::Array(_) | Value::Null) && is_list() {
            return fail(format!("`{key}` in the answer is no array"));
        }
    }
    let Some(resource) = Resource::new(body) else {
        return fail("the answer is no resource".to_owned());
    };
    remark_on(&resource, remarks);
    Ok(resource.with_etag(response.etag.clone()))
}

fn remark_on(resource: &Resource, remarks: &mut Vec<Remark>) {
    let schemas = resource.body().get("schemas").and_then(Value::as_array);
    let named = |urn: &str| schemas.is_some_and(|schemas| schemas.iter().any(|schema| schema == urn));
    if !named(CORE_USER) && !named(CORE_GROUP) {
        remarks.push(Remark::new("resource-schemas", "a resource does not name its schema"));
    }
    if resource.body().get("active").is_some_and(Value::is_string) {
        remarks.push(Remark::new("active-string", "`active` of a resource is a text"));
    }
}

impl Wire {
    /// What is odd about a read-back for a mapping: attributes in another letter case (wire.md 1.2).
    pub fn remarks_on<'a>(&self, resource: &Resource, paths: impl IntoIterator<Item = &'a TargetPath>) -> Vec<Remark> {
        let body = resource.body();
        let other_case = |name: &str| {
            (!body.contains_key(name)).then(|| body.keys().find(|key| key.eq_ignore_ascii_case(name))).flatten()
        };
        let names = paths.into_iter().map(|path| path.urn().unwrap_or(path.attribute()));
        let remark = |name: &str| {
            let held = other_case(name)?;
            Some(Remark::new("attribute-case", format!("the target spells `{name}` as `{held}`")))
        };
        let mut remarks: Vec<Remark> = names.filter_map(remark).collect();
        remarks.dedup();
        if body.get("active").is_some_and(Value::is_string) {
            remarks.push(Remark::new("active-string", "`active` of a resource is a text"));
        }
        remarks
    }
}

fn refusal(code: ErrorCode, response: &Response, message: impl Into<String>) -> Refusal {
    Refusal { status: Some(response.status), retry: Retry::NextCycle, ..Refusal::new(code, message) }
}

/// Whether the media type lets the body be JSON (wire.md 3.2).
pub(super) fn is_json(response: &Response) -> bool {
    let Some(content_type) = response.content_type.as_deref() else { return true };
    let essence = content_type.split(';').next().unwrap_or("").trim();
    ["application/scim+json", "application/json", "text/json", ""].iter().any(|kind| essence.eq_ignore_ascii_case(kind))
}

fn json(response: &Response) -> std::result::Result<Value, Refusal> {
    let fail = |message: String| Err(refusal(ErrorCode::ScimServiceIncompatible, response, message));
    if !is_json(response) {
        let kind = cut(response.content_type.as_deref().unwrap_or(""), 128).into_owned();
        return fail(format!("the target answered {} with `{kind}` instead of SCIM JSON", response.status));
    }
    if response.body.iter().all(u8::is_ascii_whitespace) {
        return fail(format!("the target answered {} without a body", response.status));
    }
    match serde_json::from_slice(&response.body) {
        Ok(body) => Ok(body),
        Err(error) => fail(format!("the target answered {} with a body that is no JSON: {error}", response.status)),
    }
}

/// Whether `schemas` of a message names `urn`, ignoring ASCII case.
pub(super) fn has_urn(body: &Value, urn: &str) -> bool {
    let named = |schema: &Value| schema.as_str().is_some_and(|schema| schema.eq_ignore_ascii_case(urn));
    match body.get("schemas") {
        Some(Value::Array(schemas)) => schemas.iter().any(named),
        Some(single) => named(single),
        None => false,
    }
}
