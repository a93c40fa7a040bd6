//! What a resource must be after a PATCH, and how what it is differs from that.
//!
//! The rules are those that Entra and Okta count on: a value path makes the element it names, keys without a path are
//! paths themselves, and a list of values with `remove` takes out only those.

use serde_json::{Map, Value, json};

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:";

/// A path taken apart.
struct Path<'a> {
    urn: Option<&'a str>,
    attribute: &'a str,
    filter: Option<(&'a str, &'a str)>,
    sub: Option<&'a str>,
}

fn parse(text: &str) -> Path<'_> {
    let (head, filter, tail) = match (text.find('['), text.rfind(']')) {
        (Some(open), Some(close)) if open < close => {
            (&text[..open], Some(&text[open + 1..close]), text[close + 1..].strip_prefix('.'))
        }
        _ => (text, None, None),
    };
    let (urn, name) = match head.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")) {
        true => head.rsplit_once(':').map_or((None, head), |(urn, name)| (Some(urn), name)),
        false => (None, head),
    };
    let urn = urn.filter(|urn| !urn.get(..CORE.len()).is_some_and(|start| start.eq_ignore_ascii_case(CORE)));
    let (attribute, dotted) = match name.split_once('.') {
        Some((attribute, sub)) => (attribute, Some(sub)),
        None => (name, None),
    };
    let filter = filter.and_then(|filter| {
        let (sub, literal) = filter.split_once(" eq ")?;
        Some((sub.trim(), literal.trim().trim_matches('"')))
    });
    Path { urn, attribute, filter, sub: tail.or(dotted) }
}

/// Returns `current` as it must be after the operations.
pub(super) fn apply(current: &Value, operations: &[Value]) -> Value {
    let mut after = current.as_object().cloned().unwrap_or_default();
    for operation in operations {
        let verb = operation["op"].as_str().unwrap_or_default().to_ascii_lowercase();
        match operation["path"].as_str() {
            Some(path) => at_path(&mut after, &verb, path, &operation["value"]),
            None => keys(&mut after, &verb, None, &operation["value"]),
        }
    }
    Value::Object(after)
}

fn keys(after: &mut Map<String, Value>, verb: &str, urn: Option<&str>, value: &Value) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let schema = key.starts_with("urn:") && (key.ends_with(":User") || key.ends_with(":Group"));
        match (schema && value.is_object(), urn) {
            (true, _) => keys(after, verb, Some(key), value),
            (false, Some(urn)) => at_path(after, verb, &format!("{urn}:{key}"), value),
            // What the server owns is echoed by Okta beside a rename.
            (false, None) if ["id", "schemas", "meta"].contains(&key.as_str()) => {}
            (false, None) => at_path(after, verb, key, value),
        }
    }
}

fn at_path(after: &mut Map<String, Value>, verb: &str, text: &str, value: &Value) {
    let path = parse(text);
    let holder = match path.urn {
        None => after,
        Some(urn) => {
            let key = find(after, urn).unwrap_or(urn).to_owned();
            object(after.entry(key).or_insert(Value::Null))
        }
    };
    let key = find(holder, path.attribute).unwrap_or(path.attribute).to_owned();
    let value = coerce(path.sub.unwrap_or(&key), value);
    match (path.filter, path.sub) {
        (Some((by, literal)), sub) => elements(holder, &key, verb, by, literal, sub, &value),
        (None, Some(sub)) => {
            let inner = object(holder.entry(key).or_insert(Value::Null));
            let sub = find(inner, sub).unwrap_or(sub).to_owned();
            put(inner, &sub, verb, value);
        }
        (None, None) => put(holder, &key, verb, value),
    }
}

fn put(holder: &mut Map<String, Value>, key: &str, verb: &str, value: Value) {
    let listed = |one: &Value, list: &[Value]| list.iter().any(|other| same_element(one, other));
    match (verb, holder.get_mut(key), value) {
        ("remove", Some(Value::Array(held)), Value::Array(unwanted)) => held.retain(|one| !listed(one, &unwanted)),
        ("remove", _, _) => drop(holder.remove(key)),
        ("add", Some(Value::Array(held)), Value::Array(new)) => {
            for one in new {
                match held.iter_mut().find(|other| same_element(&one, other)) {
                    Some(place) => *place = one,
                    None => held.push(one),
                }
            }
        }
        (_, Some(Value::Object(held)), Value::Object(new)) => held.extend(new),
        (_, _, value) if is_empty(&value) => drop(holder.remove(key)),
        (_, _, value) => drop(holder.insert(key.to_owned(), value)),
    }
}

fn same_element(a: &Value, b: &Value) -> bool {
    a == b
        || a.get("value").is_some() && a.get("value") == b.get("value") && a.get("type") == b.get("type")
        || a.get("value").is_some()
            && a.get("value") == b.get("value")
            && (a.get("type").is_none() || b.get("type").is_none())
}

fn elements(
    holder: &mut Map<String, Value>,
    key: &str,
    verb: &str,
    by: &str,
    literal: &str,
    sub: Option<&str>,
    value: &Value,
) {
    let selects = |one: &Value| match one.get(by) {
        Some(Value::String(held)) => held.eq_ignore_ascii_case(literal),
        Some(Value::Bool(held)) => held.to_string().eq_ignore_ascii_case(literal),
        _ => false,
    };
    if verb == "remove" {
        match holder.get_mut(key) {
            Some(Value::Array(held)) if sub.is_none() => held.retain(|one| !selects(one)),
            Some(one @ Value::Object(_)) if selects(one) => drop(holder.remove(key)),
            _ => {}
        }
        return;
    }
    let slot = holder.entry(key.to_owned()).or_insert_with(|| json!([]));
    let Value::Array(held) = slot else { return };
    let at = held.iter().position(selects).unwrap_or_else(|| {
        held.push(json!({ by: coerce(by, &Value::from(literal)) }));
        held.len() - 1
    });
    let element = object(&mut held[at]);
    match (sub, value) {
        (Some(sub), value) => put(element, sub, verb, value.clone()),
        (None, Value::Object(members)) => element.extend(members.clone()),
        (None, _) => {}
    }
}

/// The value as a server has to understand it.
fn coerce(name: &str, value: &Value) -> Value {
    match (name, value) {
        ("active" | "primary", Value::String(text)) if text.eq_ignore_ascii_case("true") => Value::Bool(true),
        ("active" | "primary", Value::String(text)) if text.eq_ignore_ascii_case("false") => Value::Bool(false),
        ("manager", Value::String(id)) if !id.is_empty() => json!({ "value": id }),
        ("members", Value::Array(list)) => list.iter().map(|one| json!({ "value": one["value"] })).collect(),
        _ => value.clone(),
    }
}

fn object(slot: &mut Value) -> &mut Map<String, Value> {
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    match slot {
        Value::Object(members) => members,
        _ => unreachable!("it was just made an object"),
    }
}

fn find<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.keys().find(|key| key.eq_ignore_ascii_case(name)).map(String::as_str)
}

/// The member of `resource` called `name`, whatever its case.
pub(super) fn get<'a>(resource: &'a Value, name: &str) -> Option<&'a Value> {
    let members = resource.as_object()?;
    members.get(find(members, name)?)
}

pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Says in words where `observed` is not what was expected; `before` is the state before the write.
pub(super) fn differences(before: &Value, expected: &Value, observed: &Value) -> Vec<String> {
    let mut out = Vec::new();
    compare("", before, expected, observed, &mut out);
    for (key, value) in observed.as_object().into_iter().flatten() {
        let literal = !key.starts_with("urn:") && (key.contains('.') || key.contains('['));
        let glued = key.starts_with("urn:") && !value.is_object() && !value.is_null();
        if (literal || glued) && get(before, key).is_none() {
            out.push(format!("the key `{key}` was stored as it stands"));
        }
    }
    out
}

fn compare(at: &str, before: &Value, expected: &Value, observed: &Value, out: &mut Vec<String>) {
    let owned = |key: &str| at.is_empty() && ["meta", "schemas", "groups", "password"].contains(&key);
    for (key, wanted) in expected.as_object().into_iter().flatten().filter(|(key, _)| !owned(key)) {
        let found = get(observed, key).unwrap_or(&Value::Null);
        if key.starts_with("urn:") && wanted.is_object() {
            compare(&format!("{key}:"), get(before, key).unwrap_or(&Value::Null), wanted, found, out);
        } else if !covers(wanted, found) {
            out.push(format!("`{at}{key}` is {found} instead of {wanted}"));
        }
    }
    for (key, _) in before.as_object().into_iter().flatten().filter(|(key, _)| !owned(key)) {
        if let (None, Some(found)) = (get(expected, key), get(observed, key))
            && !is_empty(found)
        {
            out.push(format!("`{at}{key}` is still {found}"));
        }
    }
}

/// Whether everything of `wanted` is in `found`, with its type; lists have the same number of elements.
pub(super) fn covers(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (wanted, found) if is_empty(wanted) => is_empty(found),
        (Value::Object(wanted), Value::Object(_)) => {
            wanted.iter().all(|(key, wanted)| covers(wanted, get(found, key).unwrap_or(&Value::Null)))
        }
        (Value::Array(wanted), Value::Array(found)) => {
            let mut left: Vec<&Value> = found.iter().collect();
            wanted.len() == found.len()
                && wanted.iter().all(|one| {
                    let place = left.iter().position(|other| covers(one, other));
                    place.is_some_and(|place| {
                        left.swap_remove(place);
                        true
                    })
                })
        }
        (wanted, found) => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_give_the_state_that_the_clients_count_on() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let cases = [
            (json!({}), json!([{"op": "Replace", "path": "active", "value": "False"}]), json!({"active": false})),
            (
                json!({}),
                json!([{"op": "Add", "path": "emails[type eq \"work\"].value", "value": "a"}]),
                json!({"emails": [{"type": "work", "value": "a"}]}),
            ),
            (
                json!({"members": [{"value": "a"}, {"value": "b"}]}),
                json!([{"op": "Remove", "path": "members", "value": [{"value": "a"}]}]),
                json!({"members": [{"value": "b"}]}),
            ),
            (
                json!({"name": {"familyName": "F"}}),
                json!([{"op": "replace", "value": {"name.givenName": "G", format!("{enterprise}:department"): "D"}}]),
                json!({"name": {"familyName": "F", "givenName": "G"}, enterprise: {"department": "D"}}),
            ),
            (
                json!({enterprise: {"manager": {"value": "m"}}}),
                json!([{"op": "remove", "path": format!("{enterprise}:manager[value eq \"m\"]")}]),
                json!({enterprise: {}}),
            ),
        ];
        for (before, operations, expected) in cases {
            let operations = operations.as_array().cloned().unwrap_or_default();
            assert_eq!(apply(&before, &operations), expected, "{operations:?}");
        }
    }

    #[test]
    fn differences_are_told() {
        let cases = [
            (json!({"a": 1}), json!({"a": 1}), json!({"a": 1, "b": 2}), 0),
            (json!({"a": 1}), json!({"a": true}), json!({"a": "true"}), 1),
            (json!({"a": 1}), json!({}), json!({"a": 1}), 1),
            (json!({}), json!({}), json!({"name.givenName": "x"}), 1),
            (json!({}), json!({"m": [{"value": 1}]}), json!({"m": [{"value": 1}, {"value": 1}]}), 1),
        ];
        for (before, expected, observed, count) in cases {
            assert_eq!(differences(&before, &expected, &observed).len(), count, "{observed}");
        }
    }
}
