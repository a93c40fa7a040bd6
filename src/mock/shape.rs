//! Brings what a client sent into the shape that is stored: canonical names, native types.

use http::StatusCode;
use serde_json::{Map, Value};

use super::defect::{Defect, DefectSet};
use super::failure::Refusal;
use super::filter::clip;
use super::matching::boolean;
use super::path::{is_empty, key, split_urn};
use super::schema::{Access, Attribute, Kind, Resource};

/// Shapes values for resources of one kind. Liberal in what it takes, as targets must be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shaper {
    pub(super) resource: Resource,
    pub(super) defects: DefectSet,
}

impl Shaper {
    /// Returns the attributes of a POST or PUT body, without those that the server owns.
    /// Attributes that no schema knows are ignored, unknown extensions are kept.
    pub(super) fn body(self, body: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
        self.check_schemas(body)?;
        let mut doc = Map::new();
        for (name, value) in body {
            match split_urn(name) {
                (Some(urn), "") => self.extension(&mut doc, urn, value)?,
                (Some(urn), attribute) => {
                    let known = self.resource.extension_attribute(urn, attribute);
                    match (known, value) {
                        (None, Value::Object(_)) => self.extension(&mut doc, name, value)?,
                        _ => self.set_in(&mut doc, Some(urn), attribute, value)?,
                    }
                }
                (None, plain) => self.set_in(&mut doc, None, plain, value)?,
            }
        }
        Ok(doc)
    }

    fn check_schemas(self, body: &Map<String, Value>) -> Result<(), Refusal> {
        if !self.defects.has(Defect::UnknownUrnRefused) {
            return Ok(());
        }
        let listed = body.get("schemas").and_then(Value::as_array);
        let listed = listed.into_iter().flatten().filter_map(Value::as_str);
        let keys = body.keys().map(String::as_str).filter(|key| key.starts_with("urn:"));
        for urn in listed.chain(keys) {
            let known = urn.eq_ignore_ascii_case(self.resource.urn())
                || self.extension_urn(urn).is_some()
                || matches!(split_urn(urn), (Some(urn), name) if self.resource.extension_attribute(urn, name).is_some());
            if !known {
                return Err(Refusal::invalid_value(format!("the schema `{}` is unknown", clip(urn))));
            }
        }
        Ok(())
    }

    /// Returns the canonical spelling of an extension that a schema describes.
    pub(super) fn extension_urn(self, urn: &str) -> Option<&'static str> {
        let enterprise = super::schema::ENTERPRISE_URN;
        (self.resource == Resource::User && urn.eq_ignore_ascii_case(enterprise)).then_some(enterprise)
    }

    /// Merges an object keyed by a schema URN into `doc`.
    pub(super) fn extension(self, doc: &mut Map<String, Value>, urn: &str, value: &Value) -> Result<(), Refusal> {
        let Value::Object(members) = value else {
            return match is_empty(value) {
                true => Ok(()),
                false => Err(Refusal::invalid_value(format!("`{}` must be an object", clip(urn)))),
            };
        };
        for (name, value) in members {
            let urn = (!urn.eq_ignore_ascii_case(self.resource.urn())).then_some(urn);
            self.set_in(doc, urn, name, value)?;
        }
        Ok(())
    }

    /// Shapes one attribute and puts it where it belongs; unknown core attributes are dropped.
    fn set_in(self, doc: &mut Map<String, Value>, urn: Option<&str>, name: &str, value: &Value) -> Result<(), Refusal> {
        let urn = urn.filter(|urn| !urn.eq_ignore_ascii_case(self.resource.urn()));
        let attribute = match urn {
            Some(urn) => self.resource.extension_attribute(urn, name),
            None => self.resource.attribute(name),
        };
        match (attribute, urn) {
            (Some(attribute), _) if self.knows(attribute, name) => {
                if writable(attribute)
                    && let Some(value) = self.value(attribute, value)?
                {
                    self.holder(doc, urn).insert(attribute.name.into(), value);
                }
            }
            // What no schema describes is kept as it came, when it is an extension.
            (None, Some(urn)) if self.extension_urn(urn).is_none() && !is_empty(value) => {
                check_depth(value)?;
                self.holder(doc, Some(urn)).insert(name.into(), value.clone());
            }
            _ => {}
        }
        Ok(())
    }

    /// Says whether `name` is a spelling of the attribute that is understood.
    pub(super) fn knows(self, attribute: &Attribute, name: &str) -> bool {
        !self.defects.has(Defect::AttributeCaseSensitive) || attribute.name == name
    }

    /// Returns the object that holds the attributes of a schema; made where it is missing.
    pub(super) fn holder<'d>(self, doc: &'d mut Map<String, Value>, urn: Option<&str>) -> &'d mut Map<String, Value> {
        let Some(urn) = urn else { return doc };
        let name = match self.extension_urn(urn) {
            Some(canonical) => canonical.to_owned(),
            None => key(doc, urn, DefectSet::default()).unwrap_or(urn).to_owned(),
        };
        let slot = doc
            .entry(name)
            .and_modify(|slot| {
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
            })
            .or_insert_with(|| Value::Object(Map::new()));
        match slot {
            Value::Object(members) => members,
            _ => unreachable!("the slot was just made an object"),
        }
    }

    /// Shapes the value of an attribute; `None` when it is none (null, empty).
    pub(super) fn value(self, attribute: &Attribute, value: &Value) -> Result<Option<Value>, Refusal> {
        if is_empty(value) {
            return self.empty(attribute, value);
        }
        if attribute.multi {
            let items = match value {
                Value::Array(items) => items.as_slice(),
                single => std::slice::from_ref(single),
            };
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                list.extend(self.element(attribute, item)?);
            }
            return Ok((!list.is_empty()).then_some(Value::Array(list)));
        }
        if let Value::Array(items) = value {
            return self.single_of(attribute, items);
        }
        if attribute.kind == Kind::Complex {
            return self.complex(attribute, value);
        }
        self.simple(attribute, value).map(Some)
    }

    fn empty(self, attribute: &Attribute, value: &Value) -> Result<Option<Value>, Refusal> {
        let list = value.is_array() || value.is_object();
        if self.defects.has(Defect::Null500) && !list {
            return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("`{}` has no value", attribute.name)));
        }
        let kept =
            attribute.name == "externalId" && value.is_string() && self.defects.has(Defect::EmptyExternalidCollides);
        Ok(kept.then(|| value.clone()))
    }

    /// Takes the one element of a list sent for a single-valued attribute.
    fn single_of(self, attribute: &Attribute, items: &[Value]) -> Result<Option<Value>, Refusal> {
        let refusal = || Refusal::invalid_value(format!("`{}` takes a single value", attribute.name));
        let ([only], false) = (items, self.defects.has(Defect::ArrayForSingleRefused)) else {
            return Err(refusal());
        };
        match only {
            Value::Array(_) => Err(refusal()),
            Value::Object(members) if attribute.kind != Kind::Complex => {
                let inner = members.get("value").ok_or_else(refusal)?;
                match inner {
                    Value::Array(_) | Value::Object(_) => Err(refusal()),
                    inner => self.value(attribute, inner),
                }
            }
            only => self.value(attribute, only),
        }
    }

    fn simple(self, attribute: &Attribute, value: &Value) -> Result<Value, Refusal> {
        let refusal = |what: &str| Refusal::invalid_value(format!("`{}` must be {what}", attribute.name));
        match attribute.kind {
            Kind::Boolean => match value {
                Value::Bool(_) => Ok(value.clone()),
                Value::String(_) => {
                    if self.defects.has(Defect::StringBooleanRefused) {
                        return Err(refusal("a JSON boolean"));
                    }
                    if self.defects.has(Defect::StringBooleanStored) {
                        return Ok(value.clone());
                    }
                    if self.defects.has(Defect::StringFalseIsTrue) {
                        return Ok(Value::Bool(true));
                    }
                    boolean(value).map(Value::Bool).ok_or_else(|| refusal("a boolean"))
                }
                _ => Err(refusal("a boolean")),
            },
            Kind::Text | Kind::DateTime | Kind::Reference | Kind::Binary => match value {
                Value::String(_) => Ok(value.clone()),
                _ => Err(refusal("a string")),
            },
            Kind::Complex => Err(refusal("an object")),
        }
    }

    /// Shapes a single complex value; a bare text is its `value`, where it has one.
    fn complex(self, attribute: &Attribute, value: &Value) -> Result<Option<Value>, Refusal> {
        let members = match value {
            Value::Object(members) => members,
            Value::String(_) if attribute.sub("value").is_some() => {
                if self.defects.has(Defect::ManagerStringRefused) && attribute.name == "manager" {
                    return Err(Refusal::invalid_value("`manager` must be an object"));
                }
                let mut members = Map::new();
                members.insert("value".into(), value.clone());
                return Ok(Some(Value::Object(members)));
            }
            _ => {
                return Err(Refusal::invalid_value(format!("`{}` must be an object", attribute.name)));
            }
        };
        let mut shaped = Map::new();
        for (name, value) in members {
            let Some(sub) = self.sub(attribute, name) else {
                continue;
            };
            if sub.name == "$ref" && value.is_null() && self.defects.has(Defect::RefNullRefused) {
                return Err(Refusal::invalid_value("`$ref` must not be null"));
            }
            // The display name of a member is the server's, yet clients send it and expect it back.
            let writable = sub.access != Access::ReadOnly || sub.name == "display";
            if writable && let Some(value) = self.value(sub, value)? {
                shaped.insert(sub.name.into(), value);
            }
        }
        Ok((!shaped.is_empty()).then_some(Value::Object(shaped)))
    }

    /// Finds a sub-attribute; `displayName` is understood as `display` (wire.md 10.6).
    pub(super) fn sub(self, attribute: &Attribute, name: &str) -> Option<&'static Attribute> {
        let sub = attribute
            .sub(name)
            .or_else(|| name.eq_ignore_ascii_case("displayName").then(|| attribute.sub("display")).flatten())?;
        (self.knows(sub, name) || name.eq_ignore_ascii_case("displayName")).then_some(sub)
    }

    /// Shapes one element of a list.
    fn element(self, attribute: &Attribute, item: &Value) -> Result<Option<Value>, Refusal> {
        if attribute.kind != Kind::Complex {
            return self.simple(attribute, item).map(Some);
        }
        if attribute.name == "roles"
            && !self.defects.has(Defect::RolesTextStored)
            && let Some(role) = role_in_text(item)
        {
            return self.complex(attribute, &role);
        }
        self.complex(attribute, item)
    }
}

/// Reads a role that came as JSON text inside a string (wire.md 10.6).
fn role_in_text(item: &Value) -> Option<Value> {
    let text = match item {
        Value::Object(members) => members.get("value")?.as_str()?,
        Value::String(text) => text,
        _ => return None,
    };
    if !text.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok().filter(Value::is_object)
}

/// Says whether a client's value of the attribute is stored at all.
fn writable(attribute: &Attribute) -> bool {
    match attribute.access {
        Access::ReadWrite | Access::Immutable => true,
        Access::ReadOnly | Access::WriteOnly => false,
    }
}

/// Refuses values that nest deeper than the journal can read back.
pub(super) fn check_depth(value: &Value) -> Result<(), Refusal> {
    fn fits(value: &Value, left: usize) -> bool {
        match value {
            Value::Array(items) => left > 0 && items.iter().all(|item| fits(item, left - 1)),
            Value::Object(members) => left > 0 && members.values().all(|item| fits(item, left - 1)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        }
    }
    match fits(value, 32) {
        true => Ok(()),
        false => Err(Refusal::invalid_value("the value nests too deep")),
    }
}
