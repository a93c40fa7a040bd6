//! Which element of one list is which of another: lists of SCIM have no order (RFC 7643 2.4).

use std::collections::HashMap;

use serde_json::Value;

/// What tells elements apart that are not equal, the best first.
const NAMES: [&[&str]; 5] = [&["id"], &["userName"], &["externalId"], &["displayName"], &["value", "type"]];

/// Pairs the elements of two lists: equal ones, then those of one name, then the rest in their order.
pub(super) fn pairs<'v>(old: &'v [Value], new: &'v [Value]) -> Vec<(Option<&'v Value>, Option<&'v Value>)> {
    let mut partner: Vec<Option<usize>> = vec![None; old.len()];
    let mut free: Vec<bool> = vec![true; new.len()];
    let by_name = |names: &'static [&'static str]| {
        move |value: &Value| {
            let parts: Option<Vec<String>> = names.iter().map(|name| value.get(name).map(Value::to_string)).collect();
            parts.map(|parts| parts.join("\n"))
        }
    };
    claim(old, new, &mut partner, &mut free, |value| Some(value.to_string()));
    for names in NAMES {
        claim(old, new, &mut partner, &mut free, by_name(names));
    }
    let mut rest = (0..new.len()).filter(|at| free[*at]).collect::<Vec<_>>().into_iter();
    let mut found: Vec<_> = old
        .iter()
        .zip(partner)
        .map(|(value, partner)| (Some(value), partner.or_else(|| rest.next()).map(|at| &new[at])))
        .collect();
    found.extend(rest.map(|at| (None, Some(&new[at]))));
    found
}

/// Pairs those that are still alone and have the same key.
fn claim(
    old: &[Value],
    new: &[Value],
    partner: &mut [Option<usize>],
    free: &mut [bool],
    key: impl Fn(&Value) -> Option<String>,
) {
    let mut waiting: HashMap<String, Vec<usize>> = HashMap::new();
    for at in (0..new.len()).rev().filter(|at| free[*at]) {
        if let Some(key) = key(&new[at]) {
            waiting.entry(key).or_default().push(at);
        }
    }
    for (value, partner) in old.iter().zip(partner).filter(|(_, partner)| partner.is_none()) {
        let found = key(value).and_then(|key| waiting.get_mut(&key)?.pop());
        if let Some(at) = found {
            free[at] = false;
            *partner = Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn elements_find_each_other() {
        let old = [json!({"value": "a", "x": 1}), json!("s"), json!({"userName": "u", "id": "1"}), json!(5)];
        let new = [json!({"userName": "u", "id": "2"}), json!("s"), json!(6), json!({"value": "a", "x": 2}), json!(7)];
        let found = pairs(&old, &new);
        let numbers: Vec<_> = found
            .iter()
            .map(|(a, b)| {
                let place = |list: &[Value], one: &Option<&Value>| {
                    one.and_then(|one| list.iter().position(|other| other == one))
                };
                (place(&old, a), place(&new, b))
            })
            .collect();
        // `value` alone is a name only together with `type`.
        assert_eq!(
            numbers,
            [(Some(0), Some(2)), (Some(1), Some(1)), (Some(2), Some(0)), (Some(3), Some(3)), (None, Some(4))]
        );
    }
}
