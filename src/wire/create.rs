//! The body of a create (wire.md 8, 18.1, 19).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::{ObjectKind, Role, RoleForm, TargetPath, TargetValue};

use super::dialect::{Dialect, GroupCreate, RoleElement, UserSchemas};
use super::{Desired, Wire};

pub(super) const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const CORE_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const ADSCIM_GROUP: &str = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";
const ROLE_TYPE: &str = "WindowsAzureActiveDirectoryRole";

/// Multi-valued attributes of RFC 7643 whose elements are objects.
pub(super) const COMPLEX_LISTS: [&str; 10] = [
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "groups",
    "entitlements",
    "roles",
    "x509Certificates",
    "members",
];

impl Wire {
    /// The body that creates an object with the desired values; what has no value is left out.
    pub(super) fn create_body(&self, kind: ObjectKind, desired: &[Desired<'_>], password: Option<&str>) -> Value {
        let mut body = Draft::default();
        for entry in desired {
            match entry.value {
                None if self.options.empty_roles && entry.path.is_core("roles") => {
                    body.core.insert("roles".to_owned(), json!([]));
                }
                None => {}
                Some(TargetValue::Roles(_, roles)) if roles.is_empty() && !self.options.empty_roles => {}
                Some(TargetValue::Reference(_)) if !self.options.manager_in_create => {}
                Some(value) => self.place(&mut body, entry, self.create_value(entry.path, value)),
            }
        }
        if self.dialect.resource_type {
            let name = match kind {
                ObjectKind::User => "User",
                ObjectKind::Group => "Group",
            };
            body.core.insert("meta".to_owned(), json!({ "resourceType": name }));
        }
        let schemas = self.create_schemas(kind, &body);
        match kind {
            ObjectKind::User if self.dialect.user_extras => {
                body.core.insert("groups".to_owned(), json!([]));
                if let Some(password) = password.filter(|_| self.sends_password()) {
                    body.core.insert("password".to_owned(), Value::from(password));
                }
            }
            ObjectKind::Group
                if self.options.empty_members_in_create || self.dialect.group_create == GroupCreate::EmptyMembers =>
            {
                body.core.insert("members".to_owned(), json!([]));
            }
            ObjectKind::User | ObjectKind::Group => {}
        }
        body.finish(schemas)
    }

    /// Whether a create wants a throw-away password of 8 random characters.
    pub fn sends_password(&self) -> bool {
        let habit = matches!(self.mode, super::Mode::StandIn);
        self.dialect.user_extras && self.options.okta_password.unwrap_or(habit)
    }

    fn create_schemas(&self, kind: ObjectKind, body: &Draft) -> Vec<Value> {
        let (core, extra) = match kind {
            ObjectKind::User => {
                (CORE_USER, (self.dialect.user_schemas == UserSchemas::CoreAndEnterprise).then_some(ENTERPRISE))
            }
            ObjectKind::Group => {
                let adscim = self.dialect.group_create == GroupCreate::Adscim && self.options.adscim_group_schema;
                (CORE_GROUP, adscim.then_some(ADSCIM_GROUP))
            }
        };
        let mut schemas = vec![Value::from(core)];
        schemas.extend(extra.map(Value::from));
        if self.dialect.user_schemas == UserSchemas::Used {
            schemas.extend(body.extensions.keys().map(|urn| Value::from(urn.as_str())));
        }
        schemas
    }

    /// The JSON of a value outside a PATCH: native types, elements of roles as objects.
    pub(super) fn create_value(&self, path: &TargetPath, value: &TargetValue) -> Value {
        match value {
            TargetValue::Roles(form, roles) => role_elements(self.dialect, *form, roles),
            TargetValue::Reference(id) => self.manager_value(id),
            TargetValue::List(list) => list_value(path, list),
            TargetValue::Text(_) | TargetValue::Boolean(_) | TargetValue::Integer(_) | TargetValue::DateTime(_) => {
                value.to_json()
            }
        }
    }

    fn place(&self, body: &mut Draft, entry: &Desired<'_>, value: Value) {
        let path = entry.path;
        let slot = match path.urn() {
            None => body.core.entry(path.attribute().to_owned()).or_insert(Value::Null),
            Some(urn) => body.extension(urn).entry(path.attribute()).or_insert(Value::Null),
        };
        let object = match path.filter() {
            None => match path.sub() {
                None => {
                    *slot = value;
                    return;
                }
                Some(_) => as_object(slot),
            },
            Some(_) => {
                let element = self.element(slot, path);
                if entry.single_role && self.dialect.role_element == RoleElement::Entra && !element.contains_key("type")
                {
                    element.insert("type".to_owned(), Value::from(ROLE_TYPE));
                }
                element
            }
        };
        object.insert(path.sub().unwrap_or("value").to_owned(), value);
    }

    /// The element that `path` addresses in an array, made where it is missing.
    pub(super) fn element<'a>(&self, slot: &'a mut Value, path: &TargetPath) -> &'a mut Map<String, Value> {
        if !slot.is_array() {
            *slot = Value::Array(Vec::new());
        }
        let (Value::Array(elements), Some(filter)) = (slot, path.filter()) else {
            unreachable!("the slot was just made an array, and only value paths have elements");
        };
        let literal = self.literal(&filter.sub, &filter.literal);
        let wanted = |element: &Value| {
            let held = element.get(&filter.sub);
            held.is_some_and(|held| match (held.as_str(), literal.as_str()) {
                (Some(held), Some(literal)) => held.eq_ignore_ascii_case(literal),
                _ => *held == literal,
            })
        };
        let at = elements.iter().position(wanted).unwrap_or_else(|| {
            let mut element = Map::new();
            element.insert(filter.sub.clone(), literal.clone());
            let is_work = filter.sub.eq_ignore_ascii_case("type") && filter.literal.eq_ignore_ascii_case("work");
            let listed = || self.options.primary_on_work.iter().any(|name| name.eq_ignore_ascii_case(path.attribute()));
            if is_work && self.dialect.primary_on_work && listed() {
                element.insert("primary".to_owned(), self.literal("primary", "true"));
            }
            elements.push(Value::Object(element));
            elements.len() - 1
        });
        as_object(&mut elements[at])
    }

    /// What a filter literal is in an element: a filter on `primary` yields a boolean.
    fn literal(&self, sub: &str, literal: &str) -> Value {
        let flag = literal.eq_ignore_ascii_case("true");
        if !sub.eq_ignore_ascii_case("primary") || !(flag || literal.eq_ignore_ascii_case("false")) {
            return Value::from(literal);
        }
        match (self.options.primary_as_string, flag) {
            (true, true) => Value::from("True"),
            (true, false) => Value::from("False"),
            (false, flag) => Value::from(flag),
        }
    }
}

/// A resource in the making: core attributes apart from extensions.
#[derive(Default)]
struct Draft {
    /// In the order in which they are sent, but for the first.
    core: BTreeMap<String, Value>,
    extensions: Map<String, Value>,
}

impl Draft {
    fn extension(&mut self, urn: &str) -> &mut Map<String, Value> {
        let known = self.extensions.keys().find(|key| key.eq_ignore_ascii_case(urn)).cloned();
        as_object(self.extensions.entry(known.unwrap_or_else(|| urn.to_owned())).or_insert(Value::Null))
    }

    /// Puts the keys in order: `schemas`, `externalId`, `userName`, the others by name, then extensions (wire.md 3).
    fn finish(mut self, schemas: Vec<Value>) -> Value {
        let mut body = Map::with_capacity(self.core.len() + self.extensions.len() + 1);
        body.insert("schemas".to_owned(), Value::Array(schemas));
        for first in ["externalId", "userName"] {
            if let Some((key, value)) = self.core.remove_entry(first) {
                body.insert(key, value);
            }
        }
        body.extend(self.core);
        body.extend(self.extensions);
        Value::Object(body)
    }
}

/// The value as an object, made one if it is something else.
pub(super) fn as_object(slot: &mut Value) -> &mut Map<String, Value> {
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    match slot {
        Value::Object(object) => object,
        _ => unreachable!("it was just made an object"),
    }
}

/// Elements of `roles` as a create and the dialects without stringified roles send them (wire.md 10.6).
pub(super) fn role_elements(dialect: &Dialect, form: RoleForm, roles: &[Role]) -> Value {
    let name_key = match (dialect.role_element, form) {
        (RoleElement::Entra, RoleForm::Additive) => "displayName",
        (RoleElement::Entra, RoleForm::Assertive) | (RoleElement::Plain, _) => "display",
    };
    let element = |role: &Role| {
        let mut element = Map::new();
        if dialect.role_element == RoleElement::Entra {
            element.insert("primary".to_owned(), Value::Bool(false));
            element.insert("type".to_owned(), Value::from(ROLE_TYPE));
        }
        if let Some(display) = &role.display {
            element.insert(name_key.to_owned(), Value::from(display.as_str()));
        }
        element.insert("value".to_owned(), Value::from(role.value.as_str()));
        Value::Object(element)
    };
    roles.iter().map(element).collect()
}

/// Several values: as objects where RFC 7643 has objects, else as they are.
pub(super) fn list_value(path: &TargetPath, list: &[String]) -> Value {
    let objects = path.urn().is_none()
        && path.sub().is_none()
        && COMPLEX_LISTS.iter().any(|name| name.eq_ignore_ascii_case(path.attribute()));
    list.iter().map(|text| if objects { json!({ "value": text }) } else { Value::from(text.as_str()) }).collect()
}
