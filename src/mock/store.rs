//! What the stand-in keeps: users and groups as bytes ready to send, with indexes over them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::body::Bytes;
use serde_json::{Map, Value};

use super::matching::fold;
use super::members::{Member, Members};
use super::schema::Resource;

/// One resource.
#[derive(Debug)]
pub(super) struct Entry {
    /// The place in the order of creation.
    pub(super) seq: u64,
    pub(super) version: u64,
    /// The whole resource as JSON, without the members of a group and the groups of a user.
    pub(super) bytes: Bytes,
    pub(super) members: Members,
}

impl Entry {
    /// Returns the resource as JSON, without members and groups.
    pub(super) fn doc(&self) -> Map<String, Value> {
        serde_json::from_slice(&self.bytes).expect("the store wrote these bytes from a map")
    }
}

/// The attributes that an index answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Index {
    /// `userName` of a user, `displayName` of a group.
    Name,
    ExternalId,
}

/// All resources of one kind.
#[derive(Debug)]
pub(super) struct Collection {
    resource: Resource,
    entries: HashMap<Box<str>, Entry>,
    order: BTreeMap<u64, Box<str>>,
    /// Folded value to the places of those that have it.
    indexes: [HashMap<String, Vec<u64>>; 2],
}

impl Collection {
    fn new(resource: Resource) -> Self {
        Self { resource, entries: HashMap::new(), order: BTreeMap::new(), indexes: [HashMap::new(), HashMap::new()] }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// Returns a resource with its id, the latter as long-lived as the store.
    pub(super) fn get_with_id(&self, id: &str) -> Option<(&str, &Entry)> {
        let (id, entry) = self.entries.get_key_value(id)?;
        Some((id, entry))
    }

    /// Returns the resources in the order of their creation.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.page(0, usize::MAX)
    }

    /// Returns those of them that are on a page, behind so many; nothing is done for those before but to count them.
    pub(super) fn page(&self, behind: usize, count: usize) -> impl Iterator<Item = (&str, &Entry)> {
        let page = self.order.values().skip(behind).take(count);
        page.filter_map(|id| Some((&**id, self.entries.get(id)?)))
    }

    /// Returns those whose indexed value equals `text` without regard to case.
    pub(super) fn find(&self, index: Index, text: &str) -> impl Iterator<Item = (&str, &Entry)> {
        self.indexes[index as usize]
            .get(&fold(text))
            .into_iter()
            .flatten()
            .filter_map(|seq| self.order.get(seq))
            .filter_map(|id| Some((&**id, self.entries.get(id)?)))
    }

    fn indexed(&self, doc: &Map<String, Value>, index: Index) -> Option<String> {
        let name = match (index, self.resource) {
            (Index::Name, Resource::User) => "userName",
            (Index::Name, Resource::Group) => "displayName",
            (Index::ExternalId, _) => "externalId",
        };
        doc.get(name).and_then(Value::as_str).map(fold)
    }

    fn unindex(&mut self, id: &str) {
        let Some(entry) = self.entries.get(id) else {
            return;
        };
        let (doc, seq) = (entry.doc(), entry.seq);
        for index in [Index::Name, Index::ExternalId] {
            let Some(text) = self.indexed(&doc, index) else {
                continue;
            };
            let places = &mut self.indexes[index as usize];
            if let Some(list) = places.get_mut(&text) {
                list.retain(|place| *place != seq);
                if list.is_empty() {
                    places.remove(&text);
                }
            }
        }
    }

    /// Puts a resource in place of the one with its id; the members stay.
    pub(super) fn put(&mut self, id: &str, seq: u64, version: u64, doc: &Map<String, Value>) {
        self.unindex(id);
        for index in [Index::Name, Index::ExternalId] {
            if let Some(text) = self.indexed(doc, index) {
                self.indexes[index as usize].entry(text).or_default().push(seq);
            }
        }
        let bytes = Bytes::from(serde_json::to_vec(doc).expect("a map with text keys is JSON"));
        match self.entries.get_mut(id) {
            Some(entry) => {
                entry.version = version;
                entry.bytes = bytes;
            }
            None => {
                self.order.insert(seq, id.into());
                let entry = Entry { seq, version, bytes, members: Members::default() };
                self.entries.insert(id.into(), entry);
            }
        }
    }

    fn remove(&mut self, id: &str) -> Option<Entry> {
        self.unindex(id);
        let entry = self.entries.remove(id)?;
        self.order.remove(&entry.seq);
        Some(entry)
    }
}

/// Everything the stand-in knows.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) users: Collection,
    pub(super) groups: Collection,
    /// Member id to the ids of the groups it is in.
    member_of: HashMap<Box<str>, Vec<Box<str>>>,
    /// The place of the next resource in the order of creation.
    pub(super) next_seq: u64,
    /// Folded login names of users deleted in Kintone itself (wire.md 20.1).
    pub(super) deleted_locally: BTreeSet<String>,
    /// The switch Propagate Provisioning.
    pub(super) propagate: bool,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            users: Collection::new(Resource::User),
            groups: Collection::new(Resource::Group),
            member_of: HashMap::new(),
            next_seq: 1,
            deleted_locally: BTreeSet::new(),
            propagate: true,
        }
    }
}

impl Store {
    pub(super) fn of(&self, resource: Resource) -> &Collection {
        match resource {
            Resource::User => &self.users,
            Resource::Group => &self.groups,
        }
    }

    pub(super) fn of_mut(&mut self, resource: Resource) -> &mut Collection {
        match resource {
            Resource::User => &mut self.users,
            Resource::Group => &mut self.groups,
        }
    }

    /// Returns the groups that a user or group is a direct member of.
    pub(super) fn groups_of(&self, id: &str) -> &[Box<str>] {
        self.member_of.get(id).map_or(&[], Vec::as_slice)
    }

    /// Replaces the whole membership of a group.
    pub(super) fn set_members(&mut self, group: &str, members: Vec<Member>, twice: bool) {
        let old: Vec<Box<str>> = match self.groups.entries.get(group) {
            Some(entry) => entry.members.iter().map(|one| one.value.clone()).collect(),
            None => return,
        };
        for id in old {
            self.remove_member(group, &id);
        }
        for member in members {
            self.add_member(group, member, twice);
        }
    }

    pub(super) fn add_member(&mut self, group: &str, member: Member, twice: bool) {
        let Some(entry) = self.groups.entries.get_mut(group) else {
            return;
        };
        if !entry.members.contains(&member.value) {
            let groups = self.member_of.entry(member.value.clone()).or_default();
            groups.push(group.into());
        }
        entry.members.add(member, twice);
    }

    pub(super) fn remove_member(&mut self, group: &str, id: &str) {
        let Some(entry) = self.groups.entries.get_mut(group) else {
            return;
        };
        if !entry.members.remove(id) {
            return;
        }
        if let Some(groups) = self.member_of.get_mut(id) {
            groups.retain(|one| &**one != group);
            if groups.is_empty() {
                self.member_of.remove(id);
            }
        }
    }

    /// Removes a resource and every mention of it in memberships; says whether it was there.
    pub(super) fn remove(&mut self, resource: Resource, id: &str) -> bool {
        if self.of(resource).get(id).is_none() {
            return false;
        }
        for group in self.groups_of(id).to_vec() {
            self.remove_member(&group, id);
        }
        if resource == Resource::Group {
            self.set_members(id, Vec::new(), false);
        }
        self.of_mut(resource).remove(id).is_some()
    }
}
