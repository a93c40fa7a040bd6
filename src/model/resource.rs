//! An object as the target returned it.

use serde_json::{Map, Value};

use super::value::boolean;
use super::{TargetId, TargetPath};

/// A SCIM resource read back from the target.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    id: TargetId,
    body: Map<String, Value>,
    etag: Option<String>,
}

impl Resource {
    /// Takes a JSON object with a non-empty string `id`; anything else is no resource (wire.md 14).
    pub fn new(body: Value) -> Option<Self> {
        let Value::Object(body) = body else { return None };
        let id = body.get("id")?.as_str().filter(|id| !id.is_empty())?.to_owned();
        Some(Self { id: TargetId(id), body, etag: None })
    }

    /// Notes the `ETag` header that came with the resource.
    #[must_use]
    pub fn with_etag(mut self, etag: Option<String>) -> Self {
        self.etag = etag;
        self
    }

    /// The version the target gave: its `ETag` header, else `meta.version` (wire.md 19).
    pub fn version(&self) -> Option<&str> {
        let meta = || member(&self.body, "meta")?.as_object().and_then(|meta| member(meta, "version"))?.as_str();
        self.etag.as_deref().or_else(meta).filter(|version| !version.is_empty())
    }

    pub fn id(&self) -> &TargetId {
        &self.id
    }

    pub fn body(&self) -> &Map<String, Value> {
        &self.body
    }

    /// Looks up what `path` addresses; `null`, `""` and `[]` count as absent (wire.md 1.2).
    pub fn get(&self, path: &TargetPath) -> Option<&Value> {
        let found = self.element(path)?;
        let found = match path.sub() {
            None if path.is_manager() => manager(found)?,
            None => found,
            Some(sub) => member(found.as_object()?, sub)?,
        };
        (!is_empty(found)).then_some(found)
    }

    /// Looks up the attribute or, for a value path, the element of it that `path` addresses.
    pub fn element(&self, path: &TargetPath) -> Option<&Value> {
        let found = match path.urn() {
            None => member(&self.body, path.attribute()),
            Some(urn) => member(&self.body, urn)
                .and_then(Value::as_object)
                .and_then(|extension| member(extension, path.attribute()))
                .or_else(|| member(&self.body, &format!("{urn}:{}", path.attribute()))),
        }?;
        let Some(filter) = path.filter() else { return Some(found) };
        found.as_array()?.iter().find(|element| {
            let held = element.as_object().and_then(|element| member(element, &filter.sub));
            held.is_some_and(|held| match held {
                Value::String(text) => equal_fold(text, &filter.literal),
                other => boolean(other).is_some_and(|flag| flag.to_string().eq_ignore_ascii_case(&filter.literal)),
            })
        })
    }

    /// Whether the resource is active; a target that does not say leaves it open.
    pub fn active(&self) -> Option<bool> {
        member(&self.body, "active").and_then(boolean)
    }

    /// The name that people know the resource by.
    pub fn display_name(&self) -> Option<&str> {
        let name = member(&self.body, "displayName").or_else(|| member(&self.body, "userName"))?;
        name.as_str()
    }
}

/// Servers return the manager as an object, a text or an array of one object.
fn manager(found: &Value) -> Option<&Value> {
    match found {
        Value::Object(object) => member(object, "value"),
        Value::Array(elements) => manager(elements.first()?),
        other => Some(other),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

fn equal_fold(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || a.to_lowercase() == b.to_lowercase()
}

/// Attribute names and URNs compare without regard to ASCII case (RFC 7643 2.1).
fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_found_where_targets_put_them() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let resource = Resource::new(json!({
            "id": "7", "UserName": "a", "active": "False", "title": "",
            "emails": [{"type": "home", "value": "h"}, {"type": "Work", "value": "w"}],
            "roles": [{"primary": true, "value": "Admin"}],
            urn: {"department": "Sales", "manager": {"value": "9"}},
        }))
        .expect("it has an id");
        let get = |path: &str| resource.get(&path.parse().expect(path)).cloned();
        assert_eq!(get("userName"), Some(json!("a")));
        assert_eq!(get("title"), None);
        assert_eq!(get(r#"emails[type eq "work"].value"#), Some(json!("w")));
        assert_eq!(get(r#"roles[primary eq "True"].value"#), Some(json!("Admin")));
        assert_eq!(get(&format!("{urn}:department")), Some(json!("Sales")));
        assert_eq!(get(&format!("{urn}:manager")), Some(json!("9")));
        assert_eq!(resource.active(), Some(false));
    }

    #[test]
    fn what_has_no_text_id_is_no_resource() {
        for body in [json!([]), json!({}), json!({"id": 7}), json!({"id": ""})] {
            assert_eq!(Resource::new(body), None);
        }
    }
}
