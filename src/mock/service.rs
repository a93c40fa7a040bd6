//! The stand-in as a function from request to response; no socket, no waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use axum::body::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use serde_json::{Map, Value};

use super::answer::{Answer, html, page, refusal_response};
use super::defect::{Defect, DefectSet};
use super::failure::Refusal;
use super::journal::Journal;
use super::profile::Profile;
use super::query::{Query, decode};
use super::schema::Resource;
use super::store::Store;
use super::token::Tokens;

/// Tells the time to the stand-in.
pub type Clock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// The stand-in without its socket: answers requests from memory.
pub struct Service {
    pub(super) profile: Profile,
    pub(super) defects: DefectSet,
    /// The URL that `meta.location` begins with.
    pub(super) base: String,
    pub(super) seed: u64,
    pub(super) clock: Clock,
    pub(super) tokens: Tokens,
    pub(super) store: RwLock<Store>,
    pub(super) journal: Mutex<Option<Journal>>,
    counts: Mutex<BTreeMap<String, u64>>,
    recent: Mutex<(u64, u32)>,
}

/// What the path of a request names, whatever base stands before it.
#[derive(Debug, PartialEq, Eq)]
enum Place<'p> {
    Collection(Resource),
    One(Resource, &'p str),
    Search(&'static [Resource]),
    Discovery(&'static str, Option<&'p str>),
    Bulk,
    Unknown,
}

impl Service {
    pub(super) fn new(options: &super::Options, base: String, store: Store, journal: Option<Journal>) -> Self {
        Self {
            profile: options.profile,
            defects: options.defects.iter().copied().collect(),
            base,
            seed: options.seed,
            clock: options.clock.clone(),
            tokens: Tokens::new(options),
            store: RwLock::new(store),
            journal: Mutex::new(journal),
            counts: Mutex::new(BTreeMap::new()),
            recent: Mutex::new((0, 0)),
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request. The base path may be any: what counts is what follows it.
    pub fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path();
        if let Some(control) = path.strip_prefix("/_standin/") {
            return self.control(control, request);
        }
        if path == "/oauth/token" {
            return self.tokens.issue(request, (self.clock)());
        }
        self.count(request.method());
        if let Some(response) = self.before_scim(request) {
            return response;
        }
        match self.scim(request) {
            Ok(answer) => answer.into_response(self.defects),
            Err(refusal) => refusal_response(refusal, self.defects),
        }
    }

    pub(super) fn count(&self, method: &Method) {
        let mut counts = self.counts();
        match counts.get_mut(method.as_str()) {
            Some(count) => *count += 1,
            // Extension methods are counted as one, so that no client can fill the table.
            None => {
                let known = [
                    Method::GET,
                    Method::POST,
                    Method::PUT,
                    Method::PATCH,
                    Method::DELETE,
                    Method::HEAD,
                    Method::OPTIONS,
                ];
                let name = match known.contains(method) {
                    true => method.as_str(),
                    false => "OTHER",
                };
                *counts.entry(name.into()).or_insert(0) += 1;
            }
        }
    }

    /// Shows the defects of what stands before the application.
    fn before_scim(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let has = |defect| self.defects.has(defect);
        let headers = request.headers();
        let changing = [Method::PATCH, Method::PUT, Method::DELETE];
        if has(Defect::VerbsBlocked) && changing.contains(request.method()) {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            return Some(page(status, "text/html", html(status)));
        }
        if has(Defect::AcceptRequired) && !headers.contains_key(header::ACCEPT) {
            let status = StatusCode::NOT_ACCEPTABLE;
            return Some(page(status, "text/html", html(status)));
        }
        if has(Defect::Throttle) && self.over_ten_a_second() {
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many requests");
            return Some(refusal_response(refusal, self.defects));
        }
        None
    }

    fn over_ten_a_second(&self) -> bool {
        let second = (self.clock)().as_second().unsigned_abs();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.0 != second {
            *recent = (second, 0);
        }
        recent.1 += 1;
        recent.1 > 10
    }

    fn scim(&self, request: &Request<Bytes>) -> Result<Answer, Refusal> {
        let headers = request.headers();
        let expired = self.defects.has(Defect::TokenExpired);
        if expired || !self.tokens.accepts(headers, (self.clock)()) {
            return Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "the bearer token is unknown, disabled or past its validity",
            ));
        }
        if self.profile == Profile::Kintone && !self.read().propagate {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "Propagate Provisioning is switched off"));
        }
        let path = request.uri().path();
        if self.defects.has(Defect::PathSlash404) && (path.contains("//") || path.ends_with('/')) {
            return Err(Refusal::not_found(&super::filter::clip(path)));
        }
        let query = request.uri().query().unwrap_or("");
        self.dispatch(request.method(), path, query, headers, request.body())
    }

    /// Carries out a request whose sender is known; also each operation of a bulk request.
    pub(super) fn dispatch(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Answer, Refusal> {
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let not_found = || Refusal::not_found(&super::filter::clip(path));
        let place = self.place(&segments);
        let body = || self.body(headers, body);
        let verb = match method.as_str() {
            "HEAD" => "GET",
            verb => verb,
        };
        match (place, verb) {
            (Place::Unknown, _) => Err(not_found()),
            (Place::Collection(resource), "GET") => self.list(&[resource], &Query::parse(query)?),
            (Place::Collection(resource), "POST") => self.create(resource, &body()?),
            (Place::One(resource, id), "GET") => self.get(resource, &unescape(id)?, &Query::parse(query)?, headers),
            (Place::One(resource, id), "PUT") => self.replace(resource, &unescape(id)?, &body()?, headers),
            (Place::One(resource, id), "PATCH") => {
                let query = Query::parse(query)?;
                self.patch(resource, &unescape(id)?, &body()?, &query, headers)
            }
            (Place::One(resource, id), "DELETE") => self.delete(resource, &unescape(id)?, headers),
            (Place::Search(kinds), "POST") => self.list(kinds, &Query::from_json(&body()?)?),
            (Place::Discovery(what, one), "GET") => self.discovery(what, one),
            (Place::Bulk, "POST") => self.bulk(&body()?),
            (Place::Collection(_) | Place::One(..) | Place::Search(_) | Place::Discovery(..) | Place::Bulk, _) => {
                Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("`{method}` is not supported here")))
            }
        }
    }

    /// Finds the collection or document in a path; everything before it is the base.
    fn place<'p>(&self, segments: &[&'p str]) -> Place<'p> {
        let kintone = self.profile == Profile::Kintone;
        let no_groups = kintone || self.defects.has(Defect::NoGroups);
        for (at, segment) in segments.iter().enumerate() {
            let rest = &segments[at + 1..];
            let is = |name: &str| segment.eq_ignore_ascii_case(name);
            for resource in [Resource::User, Resource::Group] {
                if !is(resource.endpoint()) {
                    continue;
                }
                return match rest {
                    _ if resource == Resource::Group && no_groups => Place::Unknown,
                    [] => Place::Collection(resource),
                    [".search"] if !kintone => Place::Search(match resource {
                        Resource::User => &[Resource::User],
                        Resource::Group => &[Resource::Group],
                    }),
                    [id] => Place::One(resource, id),
                    _ => Place::Unknown,
                };
            }
            for document in ["ServiceProviderConfig", "Schemas", "ResourceTypes"] {
                if is(document) {
                    return match rest {
                        [] => Place::Discovery(document, None),
                        [one] => Place::Discovery(document, Some(one)),
                        _ => Place::Unknown,
                    };
                }
            }
            if is(".search") && rest.is_empty() && !kintone {
                return Place::Search(match no_groups {
                    true => &[Resource::User],
                    false => &[Resource::User, Resource::Group],
                });
            }
            if is("Bulk") && rest.is_empty() && !kintone {
                return Place::Bulk;
            }
        }
        Place::Unknown
    }

    /// Reads a JSON object from the body of a request.
    fn body(&self, headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, Refusal> {
        let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or(""));
        let kind = kind.unwrap_or("").to_ascii_lowercase();
        let essence = kind.split(';').next().unwrap_or("").trim();
        let known = ["", "application/scim+json", "application/json", "text/json"];
        let charset = kind.contains("charset") && self.defects.has(Defect::CharsetRefused);
        if !known.contains(&essence) || charset {
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be `application/scim+json`"));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(body)) => Ok(body),
            Ok(_) => Err(Refusal::invalid_syntax("the body must be a JSON object")),
            Err(error) => Err(Refusal::invalid_syntax(format!("the body is not JSON: {error}"))),
        }
    }
}

/// Decodes an id in a path; a plus sign is itself there.
fn unescape(segment: &str) -> Result<String, Refusal> {
    decode(&segment.replace('+', "%2B"))
}
