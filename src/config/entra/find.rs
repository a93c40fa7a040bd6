//! Finds object mappings and attribute definitions in a document.

use serde_json::{Value as Json, json};

use crate::model::ObjectKind;

/// Indexes of the rule and of the object mapping in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub rule: usize,
    pub mapping: usize,
}

/// The kinds of objects, with the names under which a document knows them.
pub(super) const KINDS: [(ObjectKind, &str); 2] = [(ObjectKind::User, "User"), (ObjectKind::Group, "Group")];

pub(super) fn list<'j>(value: &'j Json, member: &str) -> &'j [Json] {
    value.get(member).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn text<'j>(value: &'j Json, member: &str) -> Option<&'j str> {
    value.get(member).and_then(Json::as_str)
}

/// Every object mapping with its place.
pub(super) fn object_mappings(document: &Json) -> impl Iterator<Item = (At, &Json)> {
    list(document, "synchronizationRules").iter().enumerate().flat_map(|(rule, value)| {
        let mappings = list(value, "objectMappings").iter().enumerate();
        mappings.map(move |(mapping, value)| (At { rule, mapping }, value))
    })
}

/// The entry of an object mapping's `metadata` that names an endpoint other than the usual one.
const ENDPOINT: &str = "provisiondEndpoint";

/// The path of the resources that a mapping writes.
pub(super) fn endpoint(kind: ObjectKind, mapping: &Json) -> &str {
    let entry = list(mapping, "metadata").iter().find(|entry| text(entry, "key") == Some(ENDPOINT));
    entry.and_then(|entry| text(entry, "value")).unwrap_or(match kind {
        ObjectKind::User => "/Users",
        ObjectKind::Group => "/Groups",
    })
}

pub(super) fn set_endpoint(mapping: &mut Json, endpoint: &str) {
    let entry = json!({ "key": ENDPOINT, "value": endpoint });
    match mapping.get_mut("metadata").and_then(Json::as_array_mut) {
        Some(entries) => {
            entries.retain(|entry| text(entry, "key") != Some(ENDPOINT));
            entries.push(entry);
        }
        None => mapping["metadata"] = json!([entry]),
    }
}

/// The kind of object that a mapping reads; `None` where it is of no kind that is provisioned.
pub(super) fn kind_of(mapping: &Json) -> Option<ObjectKind> {
    let name = text(mapping, "sourceObjectName")?;
    KINDS.into_iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(kind, _)| kind)
}

/// The definitions of the attributes of one object in one of the directories of a rule; empty where there are none.
pub(super) fn definitions<'j>(document: &'j Json, rule: &Json, directory: &str, object: &str) -> &'j [Json] {
    let name = text(rule, directory);
    let found = list(document, "directories").iter().find(|one| text(one, "name") == name && name.is_some());
    let objects = found.map_or(&[][..], |directory| list(directory, "objects"));
    let object = objects.iter().find(|one| text(one, "name").is_some_and(|name| name.eq_ignore_ascii_case(object)));
    object.map_or(&[], |object| list(object, "attributes"))
}

pub(super) fn definition<'j>(definitions: &'j [Json], name: &str) -> Option<&'j Json> {
    definitions.iter().find(|one| text(one, "name") == Some(name))
}
