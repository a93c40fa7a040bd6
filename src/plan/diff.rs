//! Which attributes a request must carry (service.md 11 and 12).

use crate::model::{ApplyMode, Change, Desired, Flow, Mutability, Resource, RoleForm, Sent, TargetValue};

/// Returns the attributes of a new resource, defaults included; references follow later.
pub fn changes_on_create(desired: &[Desired]) -> Vec<Change> {
    desired
        .iter()
        .filter(|desired| desired.rule.mutability != Mutability::ReadOnly && !desired.rule.reference)
        .filter_map(|desired| {
            let value = match &desired.flow {
                Flow::Value(value) => value.clone(),
                Flow::Null => desired.rule.default.clone()?,
                Flow::Ignore => return None,
            };
            Some(Change { rule: desired.rule.clone(), set: Some(value), before: None })
        })
        .collect()
}

/// Returns what must be sent to bring `resource` to what is desired; empty when they agree.
///
/// The comparison is with the live resource (service.md 12), so an attribute the target hides is sent each time.
pub fn changes_on_update(desired: &[Desired], resource: &Resource) -> Vec<Change> {
    let changes: Vec<Change> = desired.iter().filter_map(|desired| change_on_update(desired, resource)).collect();
    // A random value alone is no change, or every evaluation would write (expressions.md 4).
    if changes.iter().all(|change| change.rule.random) { Vec::new() } else { changes }
}

/// Returns the part of [`changes_on_update`] that depends on `IsSoftDeleted` (D-36).
pub(super) fn changes_of_state(desired: &[Desired], resource: &Resource) -> Vec<Change> {
    desired
        .iter()
        .filter(|desired| desired.rule.follows_state)
        .filter_map(|desired| change_on_update(desired, resource))
        .collect()
}

fn change_on_update(desired: &Desired, resource: &Resource) -> Option<Change> {
    let rule = &desired.rule;
    if rule.reference
        || rule.apply == ApplyMode::OnCreate
        || matches!(rule.mutability, Mutability::ReadOnly | Mutability::Immutable)
    {
        return None;
    }
    let current = resource.get(&rule.path);
    let set = match (&desired.flow, current) {
        (Flow::Ignore, _) => return None,
        (Flow::Value(value), _) if rule.mutability == Mutability::WriteOnly => {
            if desired.sent == Sent::Same && !rule.always {
                return None;
            }
            Some(value.clone())
        }
        (Flow::Null, _) if rule.mutability == Mutability::WriteOnly => {
            if !rule.clears || desired.sent != Sent::Other {
                return None;
            }
            None
        }
        (Flow::Value(value), Some(current)) => {
            let settled = match rule.apply {
                ApplyMode::MultiValueAddOnly => holds_all(value, current),
                ApplyMode::Always | ApplyMode::OnCreate => value.agrees_with(current, rule.case_exact),
            };
            if settled && !rule.always {
                return None;
            }
            Some(value.clone())
        }
        (Flow::Value(value), None) => Some(value.clone()),
        (Flow::Null, None) if rule.default_when_empty => Some(rule.default.clone()?),
        // A person whose last role went has none.
        (Flow::Null, Some(_)) if rule.asserts => Some(TargetValue::Roles(RoleForm::Assertive, Vec::new())),
        (Flow::Null, Some(_)) if rule.clears => None,
        (Flow::Null, _) => return None,
    };
    Some(Change { rule: rule.clone(), set, before: current.cloned() })
}

/// Whether the target already has every value of a multi-valued attribute, whatever else it holds.
fn holds_all(value: &TargetValue, current: &serde_json::Value) -> bool {
    let TargetValue::List(wanted) = value else { return true };
    let held = |text: &String| match current.as_array() {
        Some(elements) => elements.iter().any(|element| element.get("value").unwrap_or(element).as_str() == Some(text)),
        None => current.as_str() == Some(text),
    };
    wanted.iter().all(held)
}
