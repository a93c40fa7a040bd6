//! From a mapping file to a schema.

use serde_json::{Value as Json, json};

use super::attribute::{self, Definitions, normal};
use super::find::{At, KINDS, definitions, endpoint, kind_of, list, object_mappings, set_endpoint, text};
use super::import::without_titles;
use super::source;
use crate::config::mapping_file::{MappingFile, ObjectRules};
use crate::mapping::{Draft, IS_SOFT_DELETED, Source, is_canonical};
use crate::model::{Actions, ObjectKind};
use crate::scoping::{GroupDraft, published};

const TARGET: &str = "customappsso";
const SOURCE: &str = "Azure Active Directory";

/// Writes a mapping file as a synchronisation schema.
///
/// `before` is the document that the mapping was taken over from; what the mapping says already is left as it stands there,
/// members without a key in mapping files included.
pub fn export(mapping: &MappingFile, before: Option<&Json>) -> Json {
    let mut document = before.cloned().unwrap_or_else(skeleton);
    for (kind, name) in KINDS {
        let rules = match kind {
            ObjectKind::User => Some(&mapping.users),
            ObjectKind::Group => mapping.groups.as_ref(),
        };
        let at = object_mappings(&document).find(|(_, one)| kind_of(one) == Some(kind)).map(|(at, _)| at);
        match (rules, at) {
            (Some(rules), at) => {
                let at = at.unwrap_or_else(|| add_object(&mut document, name));
                object(&mut document, at, rules);
            }
            (None, Some(at)) => {
                let mapping = mapping_at(&mut document, at);
                if mapping.get("enabled") != Some(&json!(false)) {
                    mapping["enabled"] = json!(false);
                }
            }
            (None, None) => {}
        }
    }
    document
}

fn skeleton() -> Json {
    let directory = |id: &str, name: &str| {
        let objects: Vec<Json> = Vec::new();
        json!({ "id": id, "name": name, "objects": objects })
    };
    json!({
        "directories": [directory("source", SOURCE), directory("target", TARGET)],
        "synchronizationRules": [{
            "editable": true,
            "id": "outbound",
            "name": "USER_OUTBOUND_USER",
            "objectMappings": [],
            "priority": 1,
            "sourceDirectoryName": SOURCE,
            "targetDirectoryName": TARGET,
        }],
    })
}

fn mapping_at(document: &mut Json, at: At) -> &mut Json {
    &mut document["synchronizationRules"][at.rule]["objectMappings"][at.mapping]
}

/// Adds an empty object mapping to the first rule.
fn add_object(document: &mut Json, name: &str) -> At {
    let mapping = json!({
        "attributeMappings": [],
        "enabled": true,
        "flowTypes": "Add, Update, Delete",
        "metadata": [],
        "name": format!("Provision {name}s"),
        "scope": null,
        "sourceObjectName": name,
        "targetObjectName": name,
    });
    if list(document, "synchronizationRules").is_empty() {
        document["synchronizationRules"] = skeleton()["synchronizationRules"].clone();
    }
    let mappings = &mut document["synchronizationRules"][0]["objectMappings"];
    if !mappings.is_array() {
        *mappings = json!([]);
    }
    let index = mappings.as_array().map_or(0, Vec::len);
    if let Json::Array(mappings) = mappings {
        mappings.push(mapping);
    }
    At { rule: 0, mapping: index }
}

fn object(document: &mut Json, at: At, rules: &ObjectRules) {
    let rule = document["synchronizationRules"][at.rule].clone();
    let names = |member| text(&rule["objectMappings"][at.mapping], member).unwrap_or_default().to_owned();
    let (source_name, target_name) = (names("sourceObjectName"), names("targetObjectName"));
    let known = Definitions {
        source: definitions(document, &rule, "sourceDirectoryName", &source_name),
        target: definitions(document, &rule, "targetDirectoryName", &target_name),
    };
    let drafts: Vec<Draft> = rules.written.attributes.iter().cloned().map(normal).collect();
    let mut left: Vec<&Draft> = drafts.iter().collect();
    let mut mappings = Vec::new();
    let mut changed = Vec::new();
    for value in list(&rule["objectMappings"][at.mapping], "attributeMappings") {
        let (before, _) = attribute::read(value, known);
        let Some(index) = left.iter().position(|draft| draft.target == before.target) else { continue };
        let draft = left.remove(index);
        let mut value = value.clone();
        attribute::write(&mut value, Some(&before), draft);
        mappings.push(value);
        if before != *draft {
            changed.push((before, draft));
        }
    }
    for draft in left {
        let mut value = json!({});
        attribute::write(&mut value, None, draft);
        mappings.push(value);
        let (before, _) = attribute::read(mappings.last().unwrap_or(&Json::Null), known);
        changed.push((before, draft));
    }
    for (before, draft) in changed {
        define(document, &rule, &target_name, &source_name, &before, draft);
    }
    let mapping = mapping_at(document, at);
    mapping["attributeMappings"] = Json::Array(mappings);
    if mapping.get("enabled").and_then(Json::as_bool) == Some(false) {
        mapping["enabled"] = json!(true);
    }
    if actions(mapping) != rules.actions {
        mapping["flowTypes"] = json!(flow_types(rules.actions));
    }
    if kind_of(mapping).is_some_and(|kind| endpoint(kind, mapping) != rules.endpoint) {
        set_endpoint(mapping, &rules.endpoint);
    }
    filters(mapping, rules);
}

fn actions(mapping: &Json) -> Actions {
    let Some(flows) = text(mapping, "flowTypes") else { return Actions { create: true, update: true, delete: true } };
    let has = |name: &str| flows.split(',').any(|flow| flow.trim().eq_ignore_ascii_case(name));
    Actions { create: has("Add"), update: has("Update"), delete: has("Delete") }
}

fn flow_types(Actions { create, update, delete }: Actions) -> String {
    let all = [("Add", create), ("Update", update), ("Delete", delete)];
    let given: Vec<&str> = all.into_iter().filter(|(_, may)| *may).map(|(name, _)| name).collect();
    if given.is_empty() { "None".to_owned() } else { given.join(", ") }
}

fn filters(mapping: &mut Json, rules: &ObjectRules) {
    let before = published(mapping.get("scope").unwrap_or(&Json::Null)).unwrap_or_default();
    let wanted = [
        ("groups", before.scope, &rules.written.scope),
        ("inputFilterGroups", before.input, &rules.written.input_scope),
    ];
    for (member, before, wanted) in wanted {
        if without_titles(before) == without_titles(wanted.clone()) {
            continue;
        }
        if !mapping.get("scope").is_some_and(Json::is_object) {
            mapping["scope"] = json!({ "categoryFilterGroups": [], "groups": [], "inputFilterGroups": [] });
        }
        mapping["scope"][member] = wanted.iter().map(group).collect();
    }
}

fn group(group: &GroupDraft) -> Json {
    let clauses: Vec<Json> = group
        .clauses
        .iter()
        .map(|clause| {
            json!({
                "operatorName": clause.operator,
                "sourceOperandName": clause.attribute,
                "targetOperand": { "values": clause.values },
            })
        })
        .collect();
    json!({ "clauses": clauses, "name": group.name })
}

/// Defines attributes that the directories lack, and redefines those of which the mapping says something else.
fn define(document: &mut Json, rule: &Json, target: &str, source_name: &str, before: &Draft, draft: &Draft) {
    if let Some(attributes) = attributes(document, rule, "targetDirectoryName", target) {
        match attributes.iter_mut().find(|one| text(one, "name") == Some(&draft.target)) {
            Some(definition) => attribute::redefine(definition, before, draft),
            None if *before != *draft || before.kind.is_some() => attributes.push(attribute::define(draft)),
            None => {}
        }
    }
    let Some(attributes) = attributes(document, rule, "sourceDirectoryName", source_name) else { return };
    for name in source::names(&draft.source).into_iter().filter(|name| !is_canonical(name) && name != IS_SOFT_DELETED) {
        find_or_define(attributes, &name);
    }
    if let Source::Attribute(name) = &draft.source
        && before.source_flow_null_values != draft.source_flow_null_values
    {
        find_or_define(attributes, name)["flowNullValues"] = json!(draft.source_flow_null_values);
    }
}

/// The definition of a source attribute, made where it is missing.
fn find_or_define<'j>(attributes: &'j mut Vec<Json>, name: &str) -> &'j mut Json {
    let found = attributes.iter().position(|one| text(one, "name") == Some(name));
    let index = found.unwrap_or_else(|| {
        attributes.push(json!({ "name": name, "type": "String" }));
        attributes.len() - 1
    });
    &mut attributes[index]
}

/// The list of definitions of an object, made where it is missing.
fn attributes<'j>(document: &'j mut Json, rule: &Json, directory: &str, object: &str) -> Option<&'j mut Vec<Json>> {
    let name = text(rule, directory)?;
    let directories = document.get_mut("directories")?.as_array_mut()?;
    let directory = directories.iter_mut().find(|one| text(one, "name") == Some(name))?;
    let objects = directory.get_mut("objects")?.as_array_mut()?;
    let found = objects.iter().position(|one| text(one, "name").is_some_and(|name| name.eq_ignore_ascii_case(object)));
    let index = found.unwrap_or_else(|| {
        objects.push(json!({ "attributes": [], "name": object }));
        objects.len() - 1
    });
    objects.get_mut(index)?.get_mut("attributes")?.as_array_mut()
}
