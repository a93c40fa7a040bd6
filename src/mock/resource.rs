//! Create, read, replace, patch and delete of one resource.

use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::defect::Defect;
use super::edit::broken;
use super::failure::Refusal;
use super::filter::clip;
use super::journal::Record;
use super::members::Member;
use super::patch::Patcher;
use super::profile::Profile;
use super::query::{Projection, Query};
use super::rules::names_tag;
use super::schema::Resource;
use super::service::Service;
use super::shape::Shaper;
use super::store::{Entry, Store};

impl Service {
    pub(super) fn shaper(&self, resource: Resource) -> Shaper {
        Shaper { resource, defects: self.defects }
    }

    pub(super) fn create(&self, resource: Resource, body: &Map<String, Value>) -> Result<Answer, Refusal> {
        let mut attributes = self.shaper(resource).body(body)?;
        self.finish(resource, &mut attributes)?;
        let mut store = self.write();
        self.check_unique(&store, resource, None, &attributes)?;
        let id = self.new_id(&store, resource, store.next_seq);
        self.commit(&mut store, resource, &id, attributes, None)?;
        let entry = known(store.of(resource).get(&id))?;
        let body = self.render(&store, resource, &id, entry, &Projection::default());
        let mut answer = Answer::new(StatusCode::CREATED, body);
        answer.location = Some(self.location(resource, &id));
        answer.etag = self.etag(entry.version);
        Ok(answer)
    }

    pub(super) fn get(
        &self,
        resource: Resource,
        id: &str,
        query: &Query,
        headers: &HeaderMap,
    ) -> Result<Answer, Refusal> {
        let store = self.read();
        let entry = self.find(&store, resource, id)?;
        let etag = self.etag(entry.version);
        let asked = headers.get(header::IF_NONE_MATCH);
        if let (Some(etag), Some(asked)) = (&etag, asked.and_then(|tag| tag.to_str().ok()))
            && names_tag(asked, etag)
        {
            let mut answer = Answer::empty(StatusCode::NOT_MODIFIED);
            answer.etag = Some(etag.clone());
            return Ok(answer);
        }
        let mut answer = Answer::ok(self.render(&store, resource, id, entry, &query.projection));
        answer.etag = etag;
        answer.location = Some(self.location(resource, id));
        Ok(answer)
    }

    /// Returns a resource that may be seen.
    fn find<'s>(&self, store: &'s Store, resource: Resource, id: &str) -> Result<&'s Entry, Refusal> {
        let entry = store.of(resource).get(id);
        let hidden = |entry: &Entry| self.defects.has(Defect::InactiveHidden) && !is_active(&entry.doc());
        entry.filter(|entry| !hidden(entry)).ok_or_else(|| Refusal::not_found(&clip(id)))
    }

    pub(super) fn replace(
        &self,
        resource: Resource,
        id: &str,
        body: &Map<String, Value>,
        headers: &HeaderMap,
    ) -> Result<Answer, Refusal> {
        let mut attributes = self.shaper(resource).body(body)?;
        let mut store = self.write();
        let entry = self.find(&store, resource, id)?;
        self.check_version(entry, headers)?;
        let old = entry.doc();
        if resource == Resource::Group && self.defects.has(Defect::PutRenameIgnored) {
            let name = old.get("displayName").cloned().unwrap_or_default();
            attributes.insert("displayName".into(), name);
        }
        self.finish(resource, &mut attributes)?;
        self.check_immutable(resource, &old, &attributes)?;
        self.check_unique(&store, resource, Some(id), &attributes)?;
        self.commit(&mut store, resource, id, attributes, Some(&old))?;
        self.written(&store, resource, id, &Query::default())
    }

    /// Answers a write with the resource as it is now.
    fn written(&self, store: &Store, resource: Resource, id: &str, query: &Query) -> Result<Answer, Refusal> {
        let entry = known(store.of(resource).get(id))?;
        let mut answer = Answer::ok(self.render(store, resource, id, entry, &query.projection));
        answer.etag = self.etag(entry.version);
        answer.location = Some(self.location(resource, id));
        Ok(answer)
    }

    pub(super) fn patch(
        &self,
        resource: Resource,
        id: &str,
        body: &Map<String, Value>,
        query: &Query,
        headers: &HeaderMap,
    ) -> Result<Answer, Refusal> {
        let patcher = Patcher { shaper: self.shaper(resource), lenient: self.profile == Profile::Kintone };
        let operations = patcher.operations(body)?;
        let mut store = self.write();
        let entry = self.find(&store, resource, id)?;
        self.check_version(entry, headers)?;
        let changes = match resource {
            Resource::Group => self.member_changes(patcher.shaper, &operations)?,
            Resource::User => None,
        };
        if let Some((add, remove)) = changes {
            self.change_members(&mut store, id, add, remove)?;
        } else {
            let old = entry.doc();
            let mut attributes = own_attributes(old.clone());
            if !entry.members.is_empty() {
                let members = entry.members.iter().map(Member::to_json);
                let members = members.map(Value::Object).collect();
                attributes.insert("members".into(), members);
            }
            patcher.apply(&mut attributes, &operations)?;
            self.check_immutable(resource, &old, &attributes)?;
            self.finish(resource, &mut attributes)?;
            self.check_unique(&store, resource, Some(id), &attributes)?;
            self.commit(&mut store, resource, id, attributes, Some(&old))?;
        }
        // A group may be large: it comes back only when asked for (RFC 7644 section 3.5.2).
        if resource == Resource::Group && query.projection.is_empty() {
            let entry = known(store.of(resource).get(id))?;
            let mut answer = Answer::empty(StatusCode::NO_CONTENT);
            answer.etag = self.etag(entry.version);
            return Ok(answer);
        }
        self.written(&store, resource, id, query)
    }

    pub(super) fn delete(&self, resource: Resource, id: &str, headers: &HeaderMap) -> Result<Answer, Refusal> {
        let mut store = self.write();
        let entry = self.find(&store, resource, id)?;
        self.check_version(entry, headers)?;
        self.record(&Record::Gone { resource, id })?;
        store.remove(resource, id);
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }

    /// Writes a resource: `attributes` is all that the client may set.
    pub(super) fn commit(
        &self,
        store: &mut Store,
        resource: Resource,
        id: &str,
        mut attributes: Map<String, Value>,
        old: Option<&Map<String, Value>>,
    ) -> Result<(), Refusal> {
        let members = match attributes.shift_remove("members") {
            Some(Value::Array(items)) => items.iter().filter_map(Member::from_json).collect(),
            _ => Vec::new(),
        };
        let (seq, version) = match store.of(resource).get(id) {
            Some(entry) => (entry.seq, entry.version + 1),
            None => (store.next_seq, 1),
        };
        let mut doc = self.assemble(resource, id, attributes, old);
        self.stamp(&mut doc, version);
        self.record(&Record::Put { resource, id, seq, version, doc: &doc, members: &members })?;
        store.of_mut(resource).put(id, seq, version, &doc);
        store.next_seq = store.next_seq.max(seq + 1);
        if resource == Resource::Group {
            let twice = self.defects.has(Defect::MemberDuplicate);
            store.set_members(id, members, twice);
        }
        Ok(())
    }

    /// Puts the parts of a resource together that are the server's.
    fn assemble(
        &self,
        resource: Resource,
        id: &str,
        attributes: Map<String, Value>,
        old: Option<&Map<String, Value>>,
    ) -> Map<String, Value> {
        let created =
            old.and_then(|old| old.get("meta")?.get("created").cloned()).unwrap_or_else(|| Value::from(self.now()));
        let extensions =
            attributes.keys().filter(|key| key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")));
        let schemas: Vec<&str> = std::iter::once(resource.urn()).chain(extensions.map(String::as_str)).collect();
        let mut doc = Map::new();
        doc.insert("schemas".into(), json!(schemas));
        doc.insert("id".into(), id.into());
        doc.insert(
            "meta".into(),
            json!({
                "resourceType": resource.name(),
                "created": created,
                "location": self.location(resource, id),
            }),
        );
        doc.extend(attributes);
        doc
    }

    /// Marks a resource as changed now.
    pub(super) fn stamp(&self, doc: &mut Map<String, Value>, version: u64) {
        let etag = self.etag(version);
        if let Some(Value::Object(meta)) = doc.get_mut("meta") {
            let modified = match version {
                1 => meta.get("created").cloned(),
                _ => None,
            };
            let modified = modified.unwrap_or_else(|| self.now().into());
            meta.insert("lastModified".into(), modified);
            if let Some(etag) = etag {
                meta.insert("version".into(), etag.into());
            }
        }
    }

    fn now(&self) -> String {
        format!("{:.3}", (self.clock)())
    }

    pub(super) fn location(&self, resource: Resource, id: &str) -> String {
        format!("{}/{}/{id}", self.base, resource.endpoint())
    }

    /// Returns the weak version tag; a Kintone-like target has none.
    pub(super) fn etag(&self, version: u64) -> Option<String> {
        (self.profile == Profile::Rfc7644).then(|| format!("W/\"{version}\""))
    }

    /// Returns an id that nobody has: a number in Kintone, a UUID from the seed elsewhere.
    fn new_id(&self, store: &Store, resource: Resource, seq: u64) -> String {
        let id = |turn: u64| match self.profile {
            Profile::Kintone => (5000 + seq + turn).to_string(),
            Profile::Rfc7644 => {
                let kind = resource as u64;
                let high = super::chance::mix(self.seed ^ kind, seq.wrapping_add(turn << 40));
                let low = super::chance::mix(high, seq);
                let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
                uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
            }
        };
        (0..).map(id).find(|id| store.of(resource).get(id).is_none()).unwrap_or_else(|| id(u64::MAX))
    }
}

/// Returns what the client may set of a stored resource.
pub(super) fn own_attributes(mut doc: Map<String, Value>) -> Map<String, Value> {
    for name in ["schemas", "id", "meta"] {
        doc.shift_remove(name);
    }
    doc
}

pub(super) fn is_active(doc: &Map<String, Value>) -> bool {
    doc.get("active") != Some(&Value::Bool(false))
}

/// The entry was put or found under the same lock.
pub(super) fn known(entry: Option<&Entry>) -> Result<&Entry, Refusal> {
    entry.ok_or_else(|| broken("the resource is gone"))
}
