//! PATCH requests of users and groups (wire.md 10, 19).

use serde_json::{Map, Value, json};

use crate::model::{Resource, Role, RoleForm, TargetPath, TargetValue};

use super::create::{as_object, list_value, role_elements};
use super::dialect::{ManagerForm, ManagerRemoval, MissingElement, OpCase, PatchLayout, RoleAddition, ValueForm};
use super::query::{quote, spell};
use super::{Change, SinglePlain, Wire};

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    Replace,
    Remove,
}

/// The envelope around operations (wire.md 10.1).
pub(super) fn envelope(operations: Vec<Value>) -> Value {
    json!({ "schemas": [PATCH_OP], "Operations": operations })
}

impl Wire {
    /// One operation; key order is `op`, `path`, `value`.
    pub(super) fn operation(&self, verb: Verb, path: Option<&str>, value: Option<Value>) -> Value {
        let mut operation = Map::with_capacity(3);
        let spelling = match (self.dialect.op_case, verb) {
            (OpCase::Capital, Verb::Add) => "Add",
            (OpCase::Capital, Verb::Replace) => "Replace",
            (OpCase::Capital, Verb::Remove) => "Remove",
            (OpCase::Lower, Verb::Add) => "add",
            (OpCase::Lower, Verb::Replace) => "replace",
            (OpCase::Lower, Verb::Remove) => "remove",
        };
        operation.insert("op".to_owned(), Value::from(spelling));
        operation.extend(path.map(|path| ("path".to_owned(), Value::from(path))));
        operation.extend(value.map(|value| ("value".to_owned(), value)));
        Value::Object(operation)
    }

    /// The operations for changed attributes other than references.
    pub(super) fn operations(&self, current: &Resource, changes: &[&Change<'_>]) -> Vec<Value> {
        match self.dialect.patch {
            PatchLayout::PathEach => self.path_each(current, changes),
            PatchLayout::Classes => self.classes(changes),
        }
    }

    fn path_each(&self, current: &Resource, changes: &[&Change<'_>]) -> Vec<Value> {
        let mut operations: Vec<Value> = Vec::with_capacity(changes.len());
        // Elements that are being added whole, by the text of their path up to `]`, and where.
        let mut added: Vec<(&str, usize)> = Vec::new();
        for change in changes {
            let whole = self.dialect.missing_element == MissingElement::WholeElement
                && change.path.is_value_path()
                && current.element(change.path).is_none();
            match change.set {
                Some(value) if whole => self.add_to_element(&mut operations, &mut added, change.path, value),
                _ => operations.push(self.change_operation(change)),
            }
        }
        operations
    }

    /// Adds a whole element; several of its sub-attributes become one object.
    fn add_to_element<'a>(
        &self,
        operations: &mut Vec<Value>,
        added: &mut Vec<(&'a str, usize)>,
        path: &'a TargetPath,
        value: &TargetValue,
    ) {
        let text = path.as_str();
        let element_text = text.rfind(']').map_or(text, |close| &text[..close]);
        let known = added.iter().find(|(known, _)| known.eq_ignore_ascii_case(element_text)).map(|(_, at)| *at);
        let at = known.unwrap_or_else(|| {
            let attribute = match path.urn() {
                None => path.attribute().to_owned(),
                Some(urn) => format!("{urn}:{}", path.attribute()),
            };
            operations.push(self.operation(Verb::Add, Some(&attribute), Some(Value::Array(Vec::new()))));
            added.push((element_text, operations.len() - 1));
            operations.len() - 1
        });
        let slot = as_object(&mut operations[at]).entry("value").or_insert(Value::Null);
        let sub = path.sub().unwrap_or("value").to_owned();
        self.element(slot, path).insert(sub, self.patch_value(path, value));
    }

    fn change_operation(&self, change: &Change<'_>) -> Value {
        let path = spell(self.dialect, change.path);
        match change.set {
            None => self.operation(Verb::Remove, Some(&path), None),
            Some(TargetValue::Roles(form, roles)) => self.roles_operation(&path, *form, roles, change.present),
            Some(value) => self.operation(by_presence(change), Some(&path), Some(self.patch_value(change.path, value))),
        }
    }

    fn roles_operation(&self, path: &str, form: RoleForm, roles: &[Role], present: bool) -> Value {
        let objects = || role_elements(self.dialect, form, roles);
        match (form, self.dialect.role_addition) {
            (RoleForm::Additive, RoleAddition::Stringified) => {
                let text = |role: &Role| json!({ "value": role_text(role) });
                self.operation(Verb::Add, Some(path), Some(roles.iter().map(text).collect()))
            }
            (RoleForm::Additive, RoleAddition::Objects) => self.operation(Verb::Add, Some(path), Some(objects())),
            (RoleForm::Assertive, _) => {
                // The strict client may only replace what is there.
                let strict = self.dialect.missing_element == MissingElement::WholeElement;
                let verb = if strict && !present { Verb::Add } else { Verb::Replace };
                self.operation(verb, Some(path), Some(objects()))
            }
        }
    }

    /// The order of `entra-2020`: value paths, roles, plain additions, plain replacements, removals, `active`.
    fn classes(&self, changes: &[&Change<'_>]) -> Vec<Value> {
        let class = |change: &Change<'_>| match change.set {
            None => Class::Removal,
            Some(_) if change.path.is_core("active") => Class::Active,
            Some(_) if change.path.is_value_path() => Class::ValuePath,
            Some(TargetValue::Roles(..)) => Class::Roles,
            Some(_) if change.present => Class::Replacement,
            Some(_) => Class::Addition,
        };
        let of = |wanted: Class| changes.iter().copied().filter(move |change| class(change) == wanted);
        let mut operations: Vec<Value> = Vec::with_capacity(changes.len());
        operations.extend(of(Class::ValuePath).map(|change| self.change_operation(change)));
        operations.extend(of(Class::Roles).map(|change| self.change_operation(change)));
        operations.extend(self.plain(Verb::Add, &of(Class::Addition).collect::<Vec<_>>()));
        operations.extend(self.plain(Verb::Replace, &of(Class::Replacement).collect::<Vec<_>>()));
        operations.extend(of(Class::Removal).map(|change| self.change_operation(change)));
        operations.extend(of(Class::Active).map(|change| self.change_operation(change)));
        operations
    }

    fn plain(&self, verb: Verb, changes: &[&Change<'_>]) -> Option<Value> {
        match (changes, self.options.single_plain) {
            ([], _) => None,
            ([single], SinglePlain::Path) => Some(self.change_operation(single)),
            (several, _) => {
                let value = several.iter().filter_map(|change| {
                    let value = self.patch_value(change.path, change.set?);
                    Some((change.path.as_str().to_owned(), value))
                });
                Some(self.operation(verb, None, Some(Value::Object(value.collect()))))
            }
        }
    }

    /// A value as the dialect writes it in a PATCH.
    fn patch_value(&self, path: &TargetPath, value: &TargetValue) -> Value {
        match (value, self.dialect.values) {
            (TargetValue::List(list), _) => list_value(path, list),
            (TargetValue::Roles(form, roles), _) => role_elements(self.dialect, *form, roles),
            (TargetValue::Reference(id), _) => self.manager_value(id),
            (
                TargetValue::Text(_) | TargetValue::Boolean(_) | TargetValue::Integer(_) | TargetValue::DateTime(_),
                ValueForm::Text,
            ) => Value::from(value.to_text()),
            (
                TargetValue::Text(_) | TargetValue::Boolean(_) | TargetValue::Integer(_) | TargetValue::DateTime(_),
                ValueForm::Native,
            ) => value.to_json(),
        }
    }

    /// A reference in the form of the dialect (wire.md 10.5).
    pub(super) fn manager_value(&self, id: &str) -> Value {
        match self.options.manager_form.unwrap_or(self.dialect.manager) {
            ManagerForm::String => Value::from(id),
            ManagerForm::Object => json!({ "value": id }),
            ManagerForm::Array => json!([{ "value": id }]),
        }
    }

    /// The operation that sets or takes away a reference.
    pub(super) fn reference_operation(&self, current: &Resource, change: &Change<'_>) -> Value {
        let path = change.path.as_str();
        let Some(value) = change.set else {
            let old = current.get(change.path).and_then(Value::as_str);
            return match (self.options.manager_removal.unwrap_or(self.dialect.manager_removal), old) {
                (ManagerRemoval::Value, Some(old)) => {
                    self.operation(Verb::Remove, Some(path), Some(json!([{ "value": old }])))
                }
                (ManagerRemoval::Filter, Some(old)) => {
                    let mut filtered = format!("{path}[value eq ");
                    quote(old, &mut filtered);
                    filtered.push(']');
                    self.operation(Verb::Remove, Some(&filtered), None)
                }
                (ManagerRemoval::Path, _) | (ManagerRemoval::Value | ManagerRemoval::Filter, None) => {
                    self.operation(Verb::Remove, Some(path), None)
                }
            };
        };
        self.operation(by_presence(change), Some(path), Some(self.patch_value(change.path, value)))
    }
}

/// The classes of `entra-2020` (wire.md 10.3, 10.6, 10.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    ValuePath,
    Roles,
    Addition,
    Replacement,
    Removal,
    Active,
}

fn by_presence(change: &Change<'_>) -> Verb {
    if change.present { Verb::Replace } else { Verb::Add }
}

/// `{"id":…,"value":…,"displayName":…}` as text, keys in that order, no spaces (wire.md 10.6).
fn role_text(role: &Role) -> String {
    let mut object = Map::new();
    let entries = [("id", &role.id), ("value", &Some(role.value.clone())), ("displayName", &role.display)];
    object
        .extend(entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::from(value.as_deref()?)))));
    Value::Object(object).to_string()
}
