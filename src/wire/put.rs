//! PUT bodies: the read-back with the changes laid over it (wire.md 18, 19).

use serde_json::{Map, Value};

use crate::model::{ElementFilter, Resource, TargetPath};

use super::create::as_object;
use super::{Change, Wire};

/// Attributes that only the target writes.
const READ_ONLY: [&str; 3] = ["id", "meta", "groups"];

impl Wire {
    /// The read-back with the changes laid over it, everything else echoed as returned.
    pub(super) fn overlaid(&self, current: &Resource, changes: &[&Change<'_>]) -> Value {
        let mut body = current.body().clone();
        for change in changes {
            match change.set {
                Some(value) => self.overlay(&mut body, change.path, self.create_value(change.path, value)),
                None => erase(&mut body, change.path),
            }
        }
        Value::Object(body)
    }

    /// The same without what only the target writes.
    pub(super) fn overlaid_writable(&self, current: &Resource, changes: &[&Change<'_>]) -> Value {
        let mut body = self.overlaid(current, changes);
        if let Value::Object(object) = &mut body {
            object.retain(|key, _| !READ_ONLY.iter().any(|name| name.eq_ignore_ascii_case(key)));
        }
        body
    }

    pub(super) fn overlay(&self, body: &mut Map<String, Value>, path: &TargetPath, value: Value) {
        let object = match path.urn() {
            None => body,
            Some(urn) => {
                let flat = format!("{urn}:{}", path.attribute());
                if let Some(key) = key_of(body, &flat) {
                    body.insert(key, value);
                    return;
                }
                use_schema(body, urn);
                as_object(slot(body, urn))
            }
        };
        let held = slot(object, path.attribute());
        match (path.filter(), path.sub()) {
            (None, None) => *held = value,
            (None, Some(sub)) => *slot(as_object(held), sub) = value,
            (Some(_), sub) => *slot(self.element(held, path), sub.unwrap_or("value")) = value,
        }
    }
}

/// Whether `filter` finds the element.
fn holds(element: &Value, filter: &ElementFilter) -> bool {
    element.get(&filter.sub).is_some_and(|held| match held {
        Value::String(text) => text.eq_ignore_ascii_case(&filter.literal),
        other => other.to_string().eq_ignore_ascii_case(&filter.literal),
    })
}

/// Leaves the key out (wire.md 25, cleared values).
pub(super) fn erase(body: &mut Map<String, Value>, path: &TargetPath) {
    let object = match path.urn() {
        None => Some(body),
        Some(urn) => {
            if let Some(key) = key_of(body, &format!("{urn}:{}", path.attribute())) {
                body.shift_remove(&key);
            }
            key_of(body, urn).and_then(|key| body.get_mut(&key)).and_then(Value::as_object_mut)
        }
    };
    let Some(object) = object else { return };
    let Some(key) = key_of(object, path.attribute()) else { return };
    let inside = match (path.filter(), path.sub()) {
        (None, None) => {
            object.shift_remove(&key);
            return;
        }
        (None, Some(_)) => object.get_mut(&key).and_then(Value::as_object_mut),
        // The path of a whole element.
        (Some(filter), None) => {
            if let Some(elements) = object.get_mut(&key).and_then(Value::as_array_mut) {
                elements.retain(|element| !holds(element, filter));
            }
            return;
        }
        (Some(filter), Some(_)) => object
            .get_mut(&key)
            .and_then(Value::as_array_mut)
            .and_then(|elements| elements.iter_mut().find(|element| holds(element, filter)))
            .and_then(Value::as_object_mut),
    };
    if let Some((inside, key)) =
        inside.and_then(|inside| key_of(inside, path.sub().unwrap_or("value")).map(|key| (inside, key)))
    {
        inside.shift_remove(&key);
    }
}

/// The key under which `object` has `name`, ignoring ASCII case (RFC 7643 2.1).
fn key_of(object: &Map<String, Value>, name: &str) -> Option<String> {
    if object.contains_key(name) {
        return Some(name.to_owned());
    }
    object.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()
}

fn slot<'a>(object: &'a mut Map<String, Value>, name: &str) -> &'a mut Value {
    let key = key_of(object, name).unwrap_or_else(|| name.to_owned());
    object.entry(key).or_insert(Value::Null)
}

/// Lists the URN of an extension that comes into use.
pub(super) fn use_schema(body: &mut Map<String, Value>, urn: &str) {
    if let Value::Array(schemas) = slot(body, "schemas") {
        let listed = |schema: &Value| schema.as_str().is_some_and(|schema| schema.eq_ignore_ascii_case(urn));
        if !schemas.iter().any(listed) {
            schemas.push(Value::from(urn));
        }
    }
}
