//! The conversation with the endpoint: sends, keeps what was sent, reads back, and removes what it made.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::judge::{Judgement, Seen, Status, fail, judge, refused};
use super::state::get;
use crate::config::MappingFile;
use crate::model::{ObjectKind, TargetPath, TargetValue, secrecy};
use crate::target::{Client, Raw, Shown};
use crate::wire::{
    Dialect, ENTRA_2020, ENTRA_LEGACY, Mode, OKTA_AIW, OKTA_OIN, Options, Profile, Request, STRICT, TenantUrl, Wire,
    segment,
};

pub(super) const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const CORE_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Whose habits a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Legacy,
    Flag,
    /// Okta, built on a template of its catalogue.
    Okta,
    /// Okta, built with its App Integration Wizard.
    Wizard,
    Rfc,
}

impl Form {
    /// Every form, in the order in which checks try them.
    pub const ALL: [Self; 5] = [Self::Legacy, Self::Flag, Self::Okta, Self::Wizard, Self::Rfc];

    /// The dialect that the form stands for.
    pub fn dialect(self) -> &'static Dialect {
        match self {
            Self::Legacy => &ENTRA_LEGACY,
            Self::Flag => &ENTRA_2020,
            Self::Okta => &OKTA_OIN,
            Self::Wizard => &OKTA_AIW,
            Self::Rfc => &STRICT,
        }
    }
}

/// One exchange, without the secret.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: Vec<(&'static str, String)>,
    pub sent: Value,
    /// Status, type and body of the answer, or why there is none.
    pub answer: Result<(u16, Option<String>, Value), String>,
}

/// How a check ended, other than by passing, and by which exchange.
#[derive(Debug, Clone)]
pub struct Finding {
    pub status: Status,
    pub observed: String,
    pub exchange: Option<Box<Exchange>>,
    /// What is checked concerns this endpoint; where not, no client is hurt by it.
    pub applies: bool,
}

/// What a check comes to: passes, or has a finding.
pub(super) type Checked<T = ()> = Result<T, Finding>;

impl Finding {
    pub(super) fn new(status: Status, observed: impl Into<String>) -> Self {
        Self { status, observed: observed.into(), exchange: None, applies: true }
    }

    pub(super) fn skip(why: impl Into<String>) -> Self {
        Self::new(Status::Skip, why)
    }

    /// Skipped for good: the endpoint has no such thing, or the mapping sends none.
    pub(super) fn not_here(why: impl Into<String>) -> Self {
        Self { applies: false, ..Self::skip(why) }
    }
}

/// A conversation for the length of a validation.
pub struct Conversation {
    client: Client,
    url: TenantUrl,
    stop: CancellationToken,
    prefix: String,
    serial: u32,
    /// Paths of what was made and is still there.
    made: Vec<String>,
    /// Paths of what earlier checks could not remove.
    left: Vec<String>,
    /// Creates whose fate is unknown: collection and name.
    doubtful: Vec<(&'static str, String)>,
    pub(super) last: Option<Exchange>,
    pub(super) kintone: bool,
    pub(super) load: bool,
    pub(super) groups: bool,
    /// The attributes to keep to; `None` for any.
    pub(super) mapping: Option<Arc<MappingFile>>,
    /// Answers 429 that did not say how long to wait, and those that did.
    pub(super) throttled: (u32, u32),
    /// The media types of answers with a body that were not as they should be.
    pub(super) odd_types: Vec<Judgement>,
    /// No token was given.
    pub(super) open: bool,
}

/// How long a conversation waits when it is told to slow down without being told for how long.
const PAUSE: Duration = Duration::from_millis(1100);

impl Conversation {
    pub(super) fn new(client: Client, url: TenantUrl, stop: CancellationToken, prefix: String) -> Self {
        Self {
            client,
            url,
            stop,
            prefix,
            serial: 0,
            made: Vec::new(),
            left: Vec::new(),
            doubtful: Vec::new(),
            last: None,
            kintone: false,
            load: false,
            groups: true,
            mapping: None,
            throttled: (0, 0),
            odd_types: Vec::new(),
            open: false,
        }
    }

    pub(super) fn wire(&self, dialect: &'static Dialect) -> Wire {
        let url = TenantUrl { dialect, ..self.url.clone() };
        Wire::new(&url, Options::default(), Profile::Generic, Mode::StandIn)
    }

    /// A name that nobody has.
    pub(super) fn name(&mut self) -> String {
        self.serial += 1;
        format!("{}-{}", self.prefix, self.serial)
    }

    pub(super) async fn raw(&mut self, raw: Raw) -> Checked<Seen> {
        if self.stop.is_cancelled() {
            return Err(Finding::skip("the run was interrupted"));
        }
        self.carry(raw).await
    }

    async fn carry(&mut self, raw: Raw) -> Checked<Seen> {
        let sent = raw.body.as_ref().map_or(Value::Null, |body| {
            serde_json::from_slice(body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body).into_owned()))
        });
        let mut repeats = 0;
        let answer = loop {
            let answer = self.client.send_raw(&raw).await;
            match &answer {
                Ok(response) if response.status == 429 && repeats < 5 => {
                    repeats += 1;
                    let told = response.retry_after.as_deref().and_then(|text| text.trim().parse::<u64>().ok());
                    match told {
                        Some(_) => self.throttled.1 += 1,
                        None => self.throttled.0 += 1,
                    }
                    tokio::time::sleep(told.map_or(PAUSE, |seconds| Duration::from_secs(seconds.min(60)))).await;
                }
                _ => break answer,
            }
        };
        let mut exchange = Exchange {
            method: raw.method.clone(),
            path: raw.path.clone(),
            query: secrecy::shown_query(&raw.query),
            headers: raw.headers,
            sent: sent.clone(),
            answer: Err(String::new()),
        };
        let created = raw.method == Method::POST && matches!(raw.path.as_str(), "/Users" | "/Groups");
        let collection = if raw.path == "/Groups" { "/Groups" } else { "/Users" };
        let own_name = || {
            let name = get(&sent, if collection == "/Groups" { "displayName" } else { "userName" });
            name.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let response = match answer {
            Ok(response) => response,
            Err(fault) => {
                if created {
                    self.doubtful.push((collection, own_name()));
                }
                exchange.answer = Err(fault.message.clone());
                self.last = Some(exchange.clone());
                return Err(Finding {
                    exchange: Some(Box::new(exchange)),
                    ..Finding::new(Status::Fail, fault.message)
                });
            }
        };
        let body: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        let shown = match &body {
            Value::Null => Value::from(String::from_utf8_lossy(&response.body).chars().take(2048).collect::<String>()),
            body => body.clone(),
        };
        exchange.answer = Ok((response.status, response.content_type.clone(), shown));
        self.last = Some(exchange);
        if created && response.status < 300 {
            match get(&body, "id").and_then(Value::as_str) {
                Some(id) => self.made.push(format!("{collection}/{}", segment(id))),
                None => self.doubtful.push((collection, own_name())),
            }
        }
        if raw.method == Method::DELETE && response.status < 300 {
            self.made.retain(|path| *path != raw.path);
        }
        let seen = Seen {
            current: Value::Null,
            method: raw.method.to_string(),
            sent,
            status: response.status,
            content_type: response.content_type,
            location: response.location,
            base: self.url.base.clone(),
            has_body: !response.body.is_empty(),
            body,
        };
        if raw.identity == Shown::Own
            && let Some(odd) = judge("C-17", &seen).filter(|odd| odd.status != Status::Pass)
            && !self.odd_types.contains(&odd)
        {
            self.odd_types.push(odd);
        }
        Ok(seen)
    }

    pub(super) async fn send(&mut self, request: Request) -> Checked<Seen> {
        self.raw(bare(request)).await
    }

    /// A write with the headers of the form.
    pub(super) async fn write(&mut self, form: Form, method: Method, path: &str, body: Option<Value>) -> Checked<Seen> {
        let request = self.wire(form.dialect()).write(method, path.to_owned(), body);
        self.send(request).await
    }

    /// An independent read, as a correct client does it.
    pub(super) async fn get(&mut self, path: &str, query: &str) -> Checked<Seen> {
        let mut request = self.wire(&STRICT).write(Method::GET, path.to_owned(), None);
        request.query = query.to_owned();
        self.send(request).await
    }

    /// A filter, encoded as the form does it, with `Accept`.
    pub(super) async fn find(&mut self, form: Form, kind: ObjectKind, path: &str, value: &str) -> Checked<Seen> {
        let parsed: TargetPath = path.parse().map_err(|_| Finding::skip(format!("`{path}` is no path")))?;
        let request = self.wire(form.dialect()).find(kind, &parsed, &TargetValue::Text(value.to_owned()));
        let mut raw = bare(request);
        if !raw.headers.iter().any(|(name, _)| *name == "accept") {
            raw.headers.push(("accept", "application/scim+json".to_owned()));
        }
        self.raw(raw).await
    }

    /// Makes a user for a check and returns it as it was read back; a check cannot go on without.
    pub(super) async fn user(&mut self, attributes: Value) -> Checked<Value> {
        let mut body = json!({ "schemas": [CORE_USER] });
        let name = self.name();
        body["userName"] = json!(format!("{name}@example.com"));
        body["active"] = json!(true);
        // Many endpoints cannot do without: the least that the clients always send.
        body["displayName"] = json!(name);
        merge(&mut body, attributes);
        self.keep_to_mapping(&mut body);
        self.make("/Users", body).await
    }

    /// Makes a group for a check and returns it as it was read back.
    pub(super) async fn group(&mut self, members: &[&str]) -> Checked<Value> {
        self.with_groups()?;
        let mut body = json!({ "schemas": [CORE_GROUP], "displayName": self.name() });
        if !members.is_empty() {
            body["members"] = members.iter().map(|id| json!({ "value": id })).collect();
        }
        self.make("/Groups", body).await
    }

    /// Replaces the resource as it was read, with these attributes laid over it, and judges the outcome by the check.
    pub(super) async fn replaced(
        &mut self,
        id: &str,
        form: Form,
        resource: &Value,
        attributes: Value,
    ) -> Checked<Value> {
        let mut body = resource.clone();
        if get(resource, "userName").is_none() {
            // A group is sent without what the server owns (wire.md 18).
            body = json!({ "schemas": [CORE_GROUP], "displayName": get(resource, "displayName"),
                "members": get(resource, "members").cloned().unwrap_or_else(|| json!([])) });
        }
        merge(&mut body, attributes.clone());
        let path = path_of(resource);
        let mut seen = self.write(form, Method::PUT, &path, Some(body)).await?;
        self.read_after(&path, &mut seen).await?;
        seen.current = resource.clone();
        seen.sent = json!({ "Operations": [{ "op": "replace", "value": attributes }] });
        self.verdict(id, &seen)?;
        Ok(seen.body)
    }

    pub(super) fn with_groups(&self) -> Checked {
        if self.groups {
            Ok(())
        } else {
            Err(Finding::not_here("the endpoint offers no groups, or the mapping sends none"))
        }
    }

    async fn make(&mut self, collection: &str, body: Value) -> Checked<Value> {
        let seen = self.write(Form::Rfc, Method::POST, collection, Some(body)).await?;
        let id = get(&seen.body, "id").and_then(Value::as_str).filter(|_| seen.status < 300);
        let Some(id) = id else {
            let why = format!("what the check needs could not be made: {}", refused(&seen));
            return Err(self.with_last(Finding::skip(why)));
        };
        let path = format!("{collection}/{}", segment(id));
        let read = self.get(&path, "").await?;
        match read.status {
            200 if get(&read.body, "id").is_some() => Ok(read.body),
            _ => Err(self.with_last(Finding::skip(format!("what was made cannot be read: {}", refused(&read))))),
        }
    }

    /// Sends a PATCH; what is seen is its own answer.
    pub(super) async fn patch_alone(&mut self, form: Form, path: &str, operations: Value) -> Checked<Seen> {
        let body = json!({ "schemas": [PATCH_OP], "Operations": operations });
        self.write(form, Method::PATCH, path, Some(body)).await
    }

    /// Sends a PATCH and reads the resource back.
    pub(super) async fn patch(&mut self, form: Form, resource: &Value, operations: Value) -> Checked<Seen> {
        let path = path_of(resource);
        let mut seen = self.patch_alone(form, &path, operations).await?;
        seen.current = resource.clone();
        self.read_after(&path, &mut seen).await?;
        Ok(seen)
    }

    /// Reads a resource back after a write; the write stays the exchange that findings show.
    async fn read_after(&mut self, path: &str, seen: &mut Seen) -> Checked {
        let write = self.last.clone();
        let read = self.get(path, "").await?;
        if seen.status < 300 {
            if read.status != 200 {
                let why = format!("cannot be read afterwards: {}", refused(&read));
                return Err(self.with_last(Finding::new(Status::Fail, why)));
            }
            seen.body = read.body;
        }
        self.last = write;
        Ok(())
    }

    /// Sends a PATCH, reads the resource back and judges the two by the check; returns the state after it.
    pub(super) async fn patched(
        &mut self,
        id: &str,
        form: Form,
        resource: &Value,
        operations: Value,
    ) -> Checked<Value> {
        let seen = self.patch(form, resource, operations).await?;
        self.verdict(id, &seen)?;
        Ok(seen.body)
    }

    pub(super) fn verdict(&self, id: &str, seen: &Seen) -> Checked {
        let judgement = judge(id, seen).unwrap_or_else(|| fail("the check cannot judge this"));
        self.judged(judgement)
    }

    pub(super) fn judged(&self, judgement: Judgement) -> Checked {
        match judgement.status {
            Status::Pass => Ok(()),
            status => Err(self.with_last(Finding::new(status, judgement.why))),
        }
    }

    pub(super) fn fails<T>(&self, why: impl Into<String>) -> Checked<T> {
        Err(self.with_last(Finding::new(Status::Fail, why)))
    }

    pub(super) fn warns<T>(&self, why: impl Into<String>) -> Checked<T> {
        Err(self.with_last(Finding::new(Status::Warn, why)))
    }

    fn with_last(&self, finding: Finding) -> Finding {
        Finding { exchange: self.last.clone().map(Box::new), ..finding }
    }

    pub(super) async fn timed(&mut self, form: Form, path: &str) -> Checked<Duration> {
        let value = uuid::Uuid::new_v4().to_string();
        let begun = Instant::now();
        self.find(form, ObjectKind::User, path, &value).await?;
        Ok(begun.elapsed())
    }

    /// Removes what a check made, and remembers for the end what could not be removed.
    pub(super) async fn tidy(&mut self) {
        let left = self.clean_up().await;
        self.left.extend(left);
    }

    /// Tries what could not be removed once more; says what is still there.
    pub(super) async fn close(mut self) -> Vec<String> {
        self.made = std::mem::take(&mut self.left);
        self.clean_up().await
    }

    pub(super) fn open(&self) -> bool {
        self.open
    }

    pub(super) fn interrupted(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Removes what was made, even after an interruption; says what could not be removed.
    async fn clean_up(&mut self) -> Vec<String> {
        for (collection, name) in std::mem::take(&mut self.doubtful) {
            let (kind, path) = match collection {
                "/Groups" => (ObjectKind::Group, "displayName"),
                _ => (ObjectKind::User, "userName"),
            };
            let Ok(path) = path.parse::<TargetPath>() else { continue };
            let request = self.wire(&STRICT).find(kind, &path, &TargetValue::Text(name.clone()));
            if let Ok(seen) = self.carry(bare(request)).await {
                let held = super::judge::resources(&seen.body).iter().filter(|one| {
                    let found = get(one, path.as_str()).and_then(Value::as_str).unwrap_or_default();
                    found.eq_ignore_ascii_case(&name)
                });
                let ids = held.filter_map(|one| get(one, "id").and_then(Value::as_str));
                self.made.extend(ids.map(|id| format!("{collection}/{}", segment(id))));
            }
        }
        let mut left = Vec::new();
        for path in std::mem::take(&mut self.made).into_iter().rev() {
            let request = self.wire(&STRICT).write(Method::DELETE, path.clone(), None);
            match self.carry(bare(request)).await {
                Ok(seen) if seen.status < 300 || seen.status == 404 => {}
                Ok(_) | Err(_) => left.push(path),
            }
        }
        left
    }
}

pub(super) fn bare(request: Request) -> Raw {
    Raw {
        method: request.method,
        path: request.path,
        query: request.query,
        headers: request.headers.into_iter().map(|(name, value)| (name, value.into_owned())).collect(),
        body: request.body.map(|body| body.text().clone()),
        identity: Shown::Own,
    }
}

/// The path of a resource, by its `meta.resourceType` or what it holds.
pub(super) fn path_of(resource: &Value) -> String {
    let group = get(resource, "userName").is_none();
    format!("/{}/{}", if group { "Groups" } else { "Users" }, segment(id_of(resource)))
}

pub(super) fn id_of(resource: &Value) -> &str {
    get(resource, "id").and_then(Value::as_str).unwrap_or_default()
}

/// Lays the members of `over` onto `body`.
pub(super) fn merge(body: &mut Value, over: Value) {
    if let (Value::Object(body), Value::Object(over)) = (body, over) {
        body.extend(over);
    }
}
