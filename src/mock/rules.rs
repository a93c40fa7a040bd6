//! What a resource must satisfy before it is stored.

use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value};

use super::defect::Defect;
use super::edit::broken;
use super::failure::Refusal;
use super::matching::fold;
use super::profile::{Profile, kintone_keeps};
use super::schema::Resource;
use super::service::Service;
use super::store::{Entry, Index, Store};

/// What Kintone says to a taken login name or external id (wire.md 20.1).
const SLASH_SC03: &str = "[SLASH_SC03] The specified resource already exists.";

impl Service {
    /// Brings attributes into the form that is stored and refuses what cannot be.
    pub(super) fn finish(&self, resource: Resource, doc: &mut Map<String, Value>) -> Result<(), Refusal> {
        if resource == Resource::User && self.profile == Profile::Kintone {
            kintone_keeps(doc);
        }
        let name = match resource {
            Resource::User => "userName",
            Resource::Group => "displayName",
        };
        let text = doc.get(name).and_then(Value::as_str).map(str::trim);
        if text.is_none_or(str::is_empty) {
            return Err(Refusal::invalid_value(format!("`{name}` is required")));
        }
        if self.defects.has(Defect::LowercasesValues) {
            lowercase_values(doc);
        }
        Ok(())
    }

    /// Refuses what would make two resources one.
    pub(super) fn check_unique(
        &self,
        store: &Store,
        resource: Resource,
        id: Option<&str>,
        doc: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        if resource == Resource::Group {
            return Ok(());
        }
        let text = |name: &str| doc.get(name).and_then(Value::as_str);
        let kintone = self.profile == Profile::Kintone;
        let refusal = |name: &str| match kintone {
            true => Refusal::uniqueness(SLASH_SC03),
            false => Refusal::uniqueness(format!("another user has this `{name}`")),
        };
        let name = text("userName").unwrap_or_default();
        let others = |index, value: &str| -> Vec<Map<String, Value>> {
            let found = store.users.find(index, value);
            let others = found.filter(|(other, _)| Some(*other) != id);
            others.map(|(_, entry)| entry.doc()).collect()
        };
        if !others(Index::Name, name).is_empty() {
            return Err(refusal("userName"));
        }
        if kintone && id.is_none() && store.deleted_locally.contains(&fold(name)) {
            return Err(refusal("userName"));
        }
        let Some(external) = text("externalId") else {
            return Ok(());
        };
        let taken = |doc: &Map<String, Value>| doc.get("externalId").and_then(Value::as_str) == Some(external);
        let unique = kintone || external.is_empty();
        if unique && others(Index::ExternalId, external).iter().any(taken) {
            return Err(match external.is_empty() && id.is_some() {
                true => broken("duplicate key value violates unique constraint"),
                false => refusal("externalId"),
            });
        }
        Ok(())
    }

    /// Refuses a new login name where it cannot change (wire.md 20.1).
    pub(super) fn check_immutable(
        &self,
        resource: Resource,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        let fixed = self.profile == Profile::Kintone && resource == Resource::User;
        match fixed && old.get("userName") != new.get("userName") {
            true => Err(Refusal::mutability("the login name of a user cannot be changed")),
            false => Ok(()),
        }
    }

    pub(super) fn check_version(&self, entry: &Entry, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(etag) = self.etag(entry.version) else {
            return Ok(());
        };
        let refusal = |detail| Err(Refusal::new(StatusCode::PRECONDITION_FAILED, detail));
        match headers.get(header::IF_MATCH).map(|tag| tag.to_str()) {
            None if self.defects.has(Defect::Etag412) => refusal("`If-Match` is missing"),
            None => Ok(()),
            Some(Ok(asked)) if names_tag(asked, &etag) => Ok(()),
            Some(_) => refusal("the resource has changed since that version"),
        }
    }
}

/// Says whether a header names a version; weak and strong tags compare alike here.
pub(super) fn names_tag(header: &str, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    header.trim() == "*" || header.split(',').any(|tag| bare(tag) == bare(etag))
}

fn lowercase_values(doc: &mut Map<String, Value>) {
    if let Some(Value::String(name)) = doc.get_mut("userName") {
        *name = fold(name);
    }
    if let Some(Value::Array(emails)) = doc.get_mut("emails") {
        for email in emails {
            if let Some(Value::String(address)) = email.get_mut("value") {
                *address = fold(address);
            }
        }
    }
}
