//! The requests of each step (wire.md 6 to 12, 16, 18, 19).

use std::borrow::Cow;

use http::Method;
use serde_json::Value;

use crate::model::{ObjectKind, Resource, TargetId, TargetPath, TargetValue};

use super::dialect::{PageStep, Probe, UpdateVerb};
use super::options::ProbeStyle;
use super::patch::envelope;
use super::query::{Query, segment, spell};
use super::{
    Announced, Body, Change, Desired, Dialect, Hint, Membership, Mode, Options, Profile, Request, TenantUrl, Update,
    Wire,
};

const PAGE: u32 = 100;

impl Wire {
    /// Speaks to the target of `url`.
    pub fn new(url: &TenantUrl, options: Options, profile: Profile, mode: Mode) -> Self {
        Self {
            dialect: url.dialect,
            options,
            profile,
            mode,
            announced: Announced::default(),
            host: url.host.clone(),
            extra_query: url.extra_query.clone(),
            mapped_in_groups: Vec::new(),
        }
    }

    /// The requests that test the connection; `guids` must be fresh and random (wire.md 6).
    pub fn probes(&self, matching: &TargetPath, groups: bool, guids: [&str; 2]) -> Vec<Request> {
        let groups = groups && self.profile != Profile::Kintone;
        let list =
            |kind, count| self.get(collection(kind).to_owned(), &Query { page: Some((1, count)), ..Query::default() });
        let lists = |users, in_groups| {
            let group_list = groups.then(|| list(ObjectKind::Group, in_groups));
            std::iter::once(list(ObjectKind::User, users)).chain(group_list)
        };
        match self.dialect.probe {
            Probe::RandomFilter => {
                let name = |guid: &str| match self.options.probe_style {
                    ProbeStyle::Guid => guid.to_owned(),
                    ProbeStyle::Prefixed => format!("AzureAD_Test-{guid}"),
                };
                let user = self.query(ObjectKind::User, spell(self.dialect, matching), name(guids[0]));
                let group = groups.then(|| self.query(ObjectKind::Group, "displayName".to_owned(), name(guids[1])));
                std::iter::once(user).chain(group).collect()
            }
            Probe::List { users, groups } => lists(users, groups).collect(),
            Probe::ConfigThenList { users, groups } => {
                std::iter::once(self.service_provider_config()).chain(lists(users, groups)).collect()
            }
        }
    }

    /// Asks for the objects that hold `value` at `path` (wire.md 7).
    pub fn find(&self, kind: ObjectKind, path: &TargetPath, value: &TargetValue) -> Request {
        self.query(kind, spell(self.dialect, path), value.to_text())
    }

    /// Creates an object; `password` is 8 random characters where [`Wire::sends_password`] wants them.
    pub fn create(&self, kind: ObjectKind, desired: &[Desired<'_>], password: Option<&str>) -> Request {
        let body = self.create_body(kind, desired, password);
        self.request(Method::POST, collection(kind).to_owned(), String::new(), Some(body), None)
    }

    /// Reads an object before it is changed (wire.md 9).
    pub fn read(&self, kind: ObjectKind, id: &TargetId) -> Request {
        // A group that is replaced as a whole must be known as a whole.
        let is_whole = self.membership_form() == super::MembershipForm::Whole;
        let exclude_members = kind == ObjectKind::Group && self.dialect.excludes_members && !is_whole;
        self.get(path_of(kind, id), &Query { exclude_members, ..Query::default() })
    }

    /// Brings `current` to its state: changed attributes, then references, then members.
    ///
    /// `membership` is `None` where it is left alone; a full push takes `add` as the whole list (wire.md 18). Only the
    /// first request is conditional: it gives the resource a new version.
    pub fn update(
        &self,
        kind: ObjectKind,
        current: &Resource,
        changes: &[Change<'_>],
        membership: Option<Membership<'_>>,
    ) -> Update {
        let mut update = Update::default();
        let held_back = |change: &&Change<'_>| {
            self.profile == Profile::Kintone && kind == ObjectKind::User && change.path.is_core("userName")
        };
        let changes: Vec<&Change<'_>> = match changes.iter().any(|change| held_back(&change)) {
            true => {
                update.hints.push(Hint::KintoneUsernameImmutable);
                changes.iter().filter(|change| !held_back(change)).collect()
            }
            false => changes.iter().collect(),
        };
        let membership = membership.filter(|membership| self.options.full_push || !membership.is_empty());
        if changes.is_empty() && membership.is_none() {
            return update;
        }
        let send = |method: Method, body: Value| {
            self.request(method, path_of(kind, current.id()), String::new(), Some(body), None)
        };
        let patch = |operations| send(Method::PATCH, envelope(operations));
        match (self.dialect.update, kind) {
            (UpdateVerb::PatchElsePut, _) if !self.announced.patch => {
                let body = match kind {
                    ObjectKind::User => self.overlaid_writable(current, &changes),
                    ObjectKind::Group => self.group_put(current, &changes, membership),
                };
                update.requests.push(send(Method::PUT, body));
            }
            (UpdateVerb::Patch | UpdateVerb::PatchElsePut, _) => {
                let (references, plain): (Vec<_>, Vec<_>) = changes.iter().partition(|change| is_reference(change));
                if !plain.is_empty() {
                    update.requests.push(patch(self.operations(current, &plain)));
                }
                let references = references.into_iter().map(|change| self.reference_operation(current, change));
                update.requests.extend(references.map(|operation| patch(vec![operation])));
                let members = self.membership_patches(membership.unwrap_or_default()).into_iter();
                update.requests.extend(members.map(|body| send(Method::PATCH, body)));
            }
            (UpdateVerb::PutStatusByPatch, ObjectKind::Group) => {
                let bodies = self.named_group_patches(current, &changes, membership).into_iter();
                update.requests.extend(bodies.map(|body| send(Method::PATCH, body)));
            }
            (UpdateVerb::PutStatusByPatch, ObjectKind::User) => {
                let status = changes.iter().find(|change| change.path.is_core("active")).and_then(|change| change.set);
                if let Some(value) = status {
                    let value = serde_json::json!({ "active": value.to_json() });
                    update.requests.push(patch(vec![self.operation(super::patch::Verb::Replace, None, Some(value))]));
                }
                if changes.len() > usize::from(status.is_some()) {
                    update.requests.push(send(Method::PUT, self.overlaid(current, &changes)));
                }
            }
            (UpdateVerb::Put, ObjectKind::User) => {
                update.requests.push(send(Method::PUT, self.overlaid(current, &changes)));
            }
            (UpdateVerb::Put, ObjectKind::Group) => {
                update.requests.push(send(Method::PUT, self.group_put(current, &changes, membership)));
            }
        }
        if let (Some(first), Some(version)) = (update.requests.first_mut(), self.version(current)) {
            first.headers.push(("if-match", Cow::Owned(version.to_owned())));
        }
        update
    }

    fn version<'a>(&self, current: &'a Resource) -> Option<&'a str> {
        current.version().filter(|_| self.dialect.if_match)
    }

    /// Whether objects of `kind` are ever deleted; where not, they are deactivated (wire.md 25).
    pub fn deletes(&self, kind: ObjectKind) -> bool {
        match kind {
            ObjectKind::User => self.dialect.deletes_users,
            ObjectKind::Group => true,
        }
    }

    /// Deletes an object; only where [`Wire::deletes`] says so. `current` is the last read-back, where there is one.
    pub fn delete(&self, kind: ObjectKind, id: &TargetId, current: Option<&Resource>) -> Request {
        let version = current.and_then(|current| self.version(current));
        self.request(Method::DELETE, path_of(kind, id), String::new(), None, version)
    }

    /// One page of all objects, from the 1-based `start` (wire.md 16).
    pub fn list(&self, kind: ObjectKind, start: u64) -> Request {
        let exclude_members = kind == ObjectKind::Group && self.dialect.excludes_members;
        let query = Query { exclude_members, page: Some((start, PAGE)), ..Query::default() };
        self.get(collection(kind).to_owned(), &query)
    }

    /// Where the page after the one from `start` begins; `None` when the walk ends.
    pub fn next_start(&self, start: u64, received: usize, total: u64) -> Option<u64> {
        let step = match (self.dialect.page_step, received) {
            (_, 0) => return None,
            (PageStep::Received, received) => received as u64,
            (PageStep::Fixed, _) => u64::from(PAGE),
        };
        start.checked_add(step).filter(|next| *next <= total)
    }

    /// What is asked once a run; the answers to all but the first are for information (wire.md 19).
    pub fn discovery(&self) -> Vec<Request> {
        if !self.dialect.discovery {
            return Vec::new();
        }
        let others = ["/Schemas", "/ResourceTypes"].map(|path| self.get(path.to_owned(), &Query::default()));
        std::iter::once(self.service_provider_config()).chain(others).collect()
    }

    fn service_provider_config(&self) -> Request {
        self.get("/ServiceProviderConfig".to_owned(), &Query::default())
    }

    fn query(&self, kind: ObjectKind, path: String, value: String) -> Request {
        let query = Query {
            exclude_members: kind == ObjectKind::Group && self.dialect.excludes_members,
            filter: Some((path, value)),
            page: self.dialect.match_page.map(|(start, count)| (u64::from(start), count)),
        };
        self.get(collection(kind).to_owned(), &query)
    }

    fn get(&self, path: String, query: &Query) -> Request {
        self.request(Method::GET, path, query.encode(self.dialect, &self.extra_query), None, None)
    }

    fn request(
        &self,
        method: Method,
        path: String,
        query: String,
        body: Option<Value>,
        version: Option<&str>,
    ) -> Request {
        let query = if query.is_empty() { self.extra_query.clone() } else { query };
        Request { headers: self.headers(body.is_some(), version), method, path, query, body: body.map(Body::from) }
    }

    /// A write whose body the caller decides, with the headers of the dialect; for testing an endpoint.
    pub fn write(&self, method: Method, path: String, body: Option<Value>) -> Request {
        self.request(method, path, String::new(), body, None)
    }

    fn headers(&self, has_body: bool, version: Option<&str>) -> Vec<(&'static str, Cow<'static, str>)> {
        let Dialect { accept, accept_charset, accept_encoding, content_type, .. } = self.dialect;
        let agent = match self.mode {
            Mode::Provisioning => self.dialect.user_agent,
            Mode::StandIn => self.dialect.user_agent_stand_in,
        };
        let accept = match self.options.accept.as_deref() {
            None => accept.map(Cow::Borrowed),
            Some(none) if none.eq_ignore_ascii_case("none") => None,
            Some(literal) => Some(Cow::Owned(literal.to_owned())),
        };
        let agent = self.options.user_agent.clone().map_or(Cow::Borrowed(agent), Cow::Owned);
        let mut headers = Vec::with_capacity(6);
        headers.extend(accept.map(|accept| ("accept", accept)));
        headers.extend(accept_charset.map(|charset| ("accept-charset", Cow::Borrowed(charset))));
        headers.push(("accept-encoding", Cow::Borrowed(accept_encoding)));
        if has_body {
            headers.push(("content-type", Cow::Borrowed(content_type)));
        }
        headers.push(("user-agent", agent));
        headers.extend(version.map(|version| ("if-match", Cow::Owned(version.to_owned()))));
        headers
    }
}

fn is_reference(change: &Change<'_>) -> bool {
    change.path.is_manager() || matches!(change.set, Some(TargetValue::Reference(_)))
}

fn collection(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::User => "/Users",
        ObjectKind::Group => "/Groups",
    }
}

fn path_of(kind: ObjectKind, id: &TargetId) -> String {
    format!("{}/{}", collection(kind), segment(id.as_str()))
}
