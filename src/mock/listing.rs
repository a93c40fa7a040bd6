//! Lists: filter, order, page; and how a resource is written out.

use axum::body::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::defect::Defect;
use super::failure::Refusal;
use super::filter::{Filter, PatchPath};
use super::matching::{Matcher, fold};
use super::members::Member;
use super::path::{AttributePath, get};
use super::profile::{Profile, kintone_filter};
use super::query::{Projection, Query};
use super::resource::is_active;
use super::schema::Resource;
use super::service::Service;
use super::store::{Entry, Index, Store};

/// One resource of a list.
type Found<'s> = (Resource, &'s str, &'s Entry);

impl Service {
    /// Lists resources of one kind, or of both in a search from the root.
    pub(super) fn list(&self, kinds: &[Resource], query: &Query) -> Result<Answer, Refusal> {
        let (default, cap) = self.profile.page();
        let start = usize::try_from(query.start.unwrap_or(1).max(1)).unwrap_or(usize::MAX);
        let count = match query.count {
            Some(count) => usize::try_from(count.max(0)).map_or(cap, |count| count.min(cap)),
            None => default,
        };
        let sort_by = query.sort_by.as_deref();
        let sort_by = sort_by.filter(|_| self.profile == Profile::Rfc7644);
        let filtered = query.filter.is_some();
        let store = self.read();
        let mut found: Vec<Found<'_>> = Vec::new();
        let mut total = 0;
        for resource in kinds.iter().copied() {
            let filter = self.list_filter(resource, query)?;
            let hides = resource == Resource::User
                && (self.defects.has(Defect::InactiveHidden) || filtered && self.defects.has(Defect::InactiveConflict));
            let collection = store.of(resource);
            if kinds.len() == 1 && filter.is_none() && sort_by.is_none() && !hides {
                total = collection.len();
                found.extend(collection.page(start - 1, count).map(|(id, entry)| (resource, id, entry)));
                break;
            }
            let mut some = self.select(&store, resource, filter.as_ref());
            if hides {
                some.retain(|(_, entry)| is_active(&entry.doc()));
            }
            found.extend(some.into_iter().map(|(id, entry)| (resource, id, entry)));
        }
        if total == 0 {
            total = found.len();
            if let Some(path) = sort_by {
                self.sort(&store, &mut found, path, query.descending)?;
            }
            found = found.into_iter().skip(start - 1).take(count).collect();
        }
        if total == 0 && filtered && self.defects.has(Defect::Nomatch404) {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "nothing was found"));
        }
        let mut body = format!(
            "{{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:ListResponse\"],\
             \"totalResults\":{total},\"startIndex\":{start},\"itemsPerPage\":{},\"Resources\":[",
            found.len()
        )
        .into_bytes();
        for (place, (resource, id, entry)) in found.into_iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            self.render_into(&mut body, &store, resource, id, entry, &query.projection);
        }
        body.extend_from_slice(b"]}");
        let mut answer = Answer::ok(Bytes::from(body));
        answer.no_hit = total == 0 && filtered;
        Ok(answer)
    }

    /// Parses the filter and refuses what this target does not understand.
    fn list_filter(&self, resource: Resource, query: &Query) -> Result<Option<Filter>, Refusal> {
        let Some(text) = &query.filter else {
            return Ok(None);
        };
        let has = |defect| self.defects.has(defect);
        if has(Defect::FilterIgnored) {
            return Ok(None);
        }
        if has(Defect::GroupFilterRefused) && resource == Resource::Group {
            return Err(Refusal::invalid_filter("groups cannot be filtered"));
        }
        if has(Defect::CoreUrnRefused) && text.contains(resource.urn()) {
            return Err(Refusal::invalid_filter("the attribute is unknown"));
        }
        let filter = Filter::parse(text, resource)?;
        if self.profile == Profile::Kintone {
            kintone_filter(&filter)?;
        }
        if has(Defect::FilterValuepathRefused) && filter.has_element_path() {
            return Err(Refusal::invalid_filter("value paths are not supported"));
        }
        if has(Defect::FilterExternalidRefused) && filter.mentions("externalId") {
            return Err(Refusal::invalid_filter("`externalId` cannot be filtered"));
        }
        Ok(Some(filter))
    }

    /// Returns the resources that match, in the order of creation.
    fn select<'s>(&self, store: &'s Store, resource: Resource, filter: Option<&Filter>) -> Vec<(&'s str, &'s Entry)> {
        let collection = store.of(resource);
        let Some(filter) = filter else {
            return collection.iter().collect();
        };
        let matcher = Matcher { resource, defects: self.defects };
        let (members, groups) = (filter.mentions("members"), filter.mentions("groups"));
        let matches = |(id, entry): &(&str, &Entry)| {
            let mut doc = entry.doc();
            if members || groups {
                self.complete(store, resource, id, entry, &mut doc);
            }
            matcher.matches(filter, &doc)
        };
        // An index gives candidates; the filter decides, for it also knows about case.
        let name = match resource {
            Resource::User => "userName",
            Resource::Group => "displayName",
        };
        for (attribute, index) in [(name, Index::Name), ("externalId", Index::ExternalId)] {
            if let Some(text) = filter.required_text(attribute) {
                return collection.find(index, text).filter(matches).collect();
            }
        }
        if let Some(id) = filter.required_text("id") {
            let one = collection.get_with_id(id);
            return one.into_iter().filter(matches).collect();
        }
        collection.iter().filter(matches).collect()
    }

    fn sort(&self, store: &Store, found: &mut [Found<'_>], path: &str, descending: bool) -> Result<(), Refusal> {
        let user = sort_path(path, Resource::User)?;
        let group = sort_path(path, Resource::Group)?;
        found.sort_by_cached_key(|(resource, id, entry)| {
            let path = match resource {
                Resource::User => &user,
                Resource::Group => &group,
            };
            let mut doc = entry.doc();
            if ["members", "groups"].contains(&path.name.as_str()) {
                self.complete(store, *resource, id, entry, &mut doc);
            }
            let key = sort_key(&doc, path, *resource);
            // Those without a value come last going up and first going down (RFC 7644 3.4.2.3).
            (key.is_none(), key)
        });
        if descending {
            found.reverse();
        }
        Ok(())
    }

    /// Returns a resource as it is sent.
    pub(super) fn render(
        &self,
        store: &Store,
        resource: Resource,
        id: &str,
        entry: &Entry,
        projection: &Projection,
    ) -> Bytes {
        let bare = match resource {
            Resource::User => store.groups_of(id).is_empty(),
            Resource::Group => entry.members.is_empty(),
        };
        if bare && projection.is_empty() && !self.renames_display() {
            return entry.bytes.clone();
        }
        let mut out = Vec::with_capacity(entry.bytes.len() + 64);
        self.render_into(&mut out, store, resource, id, entry, projection);
        Bytes::from(out)
    }

    fn render_into(
        &self,
        out: &mut Vec<u8>,
        store: &Store,
        resource: Resource,
        id: &str,
        entry: &Entry,
        projection: &Projection,
    ) {
        let ignored = Projection::default();
        let excludes = !projection.without.is_empty() && self.defects.has(Defect::ExcludeIgnored);
        let projection = if excludes { &ignored } else { projection };
        // The common exclusion needs no parsing: members are not in the bytes.
        let no_members = resource == Resource::Group && projection.only_without("members");
        if !self.renames_display() && (projection.is_empty() || no_members) {
            let list = match no_members {
                true => Vec::new(),
                false => self.memberships(store, resource, id, entry),
            };
            let Some(open) = entry.bytes.strip_suffix(b"}").filter(|_| !list.is_empty()) else {
                out.extend_from_slice(&entry.bytes);
                return;
            };
            let name = match resource {
                Resource::User => "groups",
                Resource::Group => "members",
            };
            out.extend_from_slice(open);
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            out.extend_from_slice(Value::Array(list).to_string().as_bytes());
            out.push(b'}');
            return;
        }
        let mut doc = entry.doc();
        let list = match resource {
            Resource::User => "groups",
            Resource::Group => "members",
        };
        if projection.wants(list) {
            self.complete(store, resource, id, entry, &mut doc);
        }
        if self.renames_display() {
            rename_display(&mut doc);
        }
        projection.apply(&mut doc);
        out.extend_from_slice(Value::Object(doc).to_string().as_bytes());
    }

    fn renames_display(&self) -> bool {
        self.defects.has(Defect::DisplayNameMixed)
    }

    /// Adds the members of a group or the groups of a user.
    pub(super) fn complete(
        &self,
        store: &Store,
        resource: Resource,
        id: &str,
        entry: &Entry,
        doc: &mut Map<String, Value>,
    ) {
        let list = self.memberships(store, resource, id, entry);
        if !list.is_empty() {
            let name = match resource {
                Resource::User => "groups",
                Resource::Group => "members",
            };
            doc.insert(name.into(), Value::Array(list));
        }
    }

    fn memberships(&self, store: &Store, resource: Resource, id: &str, entry: &Entry) -> Vec<Value> {
        match resource {
            Resource::User => store
                .groups_of(id)
                .iter()
                .filter_map(|group| Some((group, store.groups.get(group)?)))
                .map(|(group, entry)| {
                    json!({
                        "value": group,
                        "$ref": self.location(Resource::Group, group),
                        "display": entry.doc().get("displayName"),
                        "type": "direct",
                    })
                })
                .collect(),
            Resource::Group => entry.members.iter().map(|member| self.member(store, member)).collect(),
        }
    }

    fn member(&self, store: &Store, member: &Member) -> Value {
        let mut out = member.to_json();
        let kind =
            [Resource::User, Resource::Group].into_iter().find(|kind| store.of(*kind).get(&member.value).is_some());
        if let Some(kind) = kind {
            out.entry("type").or_insert_with(|| kind.name().into());
            let location = self.location(kind, &member.value);
            out.insert("$ref".into(), location.into());
        }
        Value::Object(out)
    }
}

fn sort_path(path: &str, resource: Resource) -> Result<AttributePath, Refusal> {
    match PatchPath::parse(path, resource)? {
        PatchPath::Attribute(path) => Ok(path),
        PatchPath::Element(_) => Err(Refusal::invalid_path("`sortBy` takes an attribute")),
    }
}

/// Returns the text by which a resource is ordered: of a list the primary element, else the first.
fn sort_key(doc: &Map<String, Value>, path: &AttributePath, resource: Resource) -> Option<String> {
    let attribute = path.attribute(resource);
    let mut value = path.value(doc, Default::default())?;
    if let Value::Array(items) = value {
        let primary = |item: &&Value| item.get("primary") == Some(&Value::Bool(true));
        value = items.iter().find(primary).or(items.first())?;
    }
    let mut exact = attribute.is_some_and(|attribute| attribute.case_exact);
    if let Value::Object(members) = value {
        let name = path.sub.as_deref().unwrap_or("value");
        let sub = attribute.and_then(|attribute| attribute.sub(name));
        exact = sub.is_some_and(|sub| sub.case_exact);
        value = get(members, name, Default::default())?;
    }
    match value {
        Value::String(text) if exact => Some(text.clone()),
        Value::String(text) => Some(fold(text)),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn rename_display(doc: &mut Map<String, Value>) {
    for list in ["members", "roles"] {
        let Some(Value::Array(items)) = doc.get_mut(list) else {
            continue;
        };
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            if let Some(display) = item.shift_remove("display") {
                item.insert("displayName".into(), display);
            }
        }
    }
}
