//! Which references an object is to hold; they are sent after all objects (service.md 15).

use std::sync::Arc;

use crate::model::{ApplyMode, AttributeRule, Desired, Flow, Mutability, Resource, TargetValue};

/// One reference attribute that has to be looked at once both ends exist.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    pub rule: Arc<AttributeRule>,
    pub wanted: Wanted,
}

/// What a reference attribute is to hold, named by source anchors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    One(String),
    /// Nothing: both gates of null flow are open, and the target holds something (service.md 11.3).
    Nothing,
    /// The members of a group; none of them are wanted where the list is empty.
    Members(Arc<Vec<String>>),
}

/// Returns the references of an object that was just created or brought to its state.
///
/// `created` is true for a new account; `resource` is how the target holds it.
pub fn references(desired: &[Desired], created: bool, resource: &Resource) -> Vec<Reference> {
    desired.iter().filter_map(|desired| reference(desired, created, resource)).collect()
}

fn reference(desired: &Desired, created: bool, resource: &Resource) -> Option<Reference> {
    let rule = &desired.rule;
    let sent = match rule.mutability {
        Mutability::ReadOnly => false,
        Mutability::Immutable => created,
        Mutability::ReadWrite | Mutability::WriteOnly => created || rule.apply != ApplyMode::OnCreate,
    };
    if !rule.reference || !sent {
        return None;
    }
    let wanted = match &desired.flow {
        Flow::Ignore => return None,
        Flow::Value(TargetValue::List(members)) => Wanted::Members(Arc::new(members.clone())),
        Flow::Value(TargetValue::Reference(anchor) | TargetValue::Text(anchor)) if rule.path.is_core("members") => {
            Wanted::Members(Arc::new(vec![anchor.clone()]))
        }
        Flow::Value(TargetValue::Reference(anchor) | TargetValue::Text(anchor)) => Wanted::One(anchor.clone()),
        Flow::Value(
            TargetValue::Boolean(_) | TargetValue::Integer(_) | TargetValue::DateTime(_) | TargetValue::Roles(..),
        ) => return None,
        // A group that lost its last member is an empty group: membership follows the source (service.md 15).
        Flow::Null if rule.path.is_core("members") => Wanted::Members(Arc::new(Vec::new())),
        Flow::Null if rule.clears && resource.get(&rule.path).is_some() => Wanted::Nothing,
        Flow::Null => return None,
    };
    Some(Reference { rule: rule.clone(), wanted })
}
