//! What a mapping wants of a resource, and what must be sent for it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ApplyMode, TargetPath, TargetValue};

/// Whether and when the target takes an attribute (RFC 7643 7, service.md 11.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    #[default]
    ReadWrite,
    /// Never sent.
    ReadOnly,
    /// Sent on create only.
    Immutable,
    /// Never returned, so it is compared with what was last sent.
    WriteOnly,
}

/// Everything about a mapping that decisions depend on but its value (service.md 11.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeRule {
    pub path: TargetPath,
    pub apply: ApplyMode,
    /// Matching precedence, 1 first.
    pub matching: Option<u32>,
    /// Used where the value is null, on create only.
    pub default: Option<TargetValue>,
    /// A mapping of type None: its default also fills the attribute where the target has none.
    pub default_when_empty: bool,
    pub case_exact: bool,
    /// `FlowAlways`: part of every request, even when equal.
    pub always: bool,
    /// Both gates of null flow are open (service.md D-31).
    pub clears: bool,
    /// What the mapping gives is all that there is: nothing, where it gives nothing (wire.md 10.6).
    pub asserts: bool,
    pub mutability: Mutability,
    /// Changes with every evaluation, so it is sent only beside another change (expressions.md 4).
    pub random: bool,
    /// The value depends on `IsSoftDeleted`.
    pub follows_state: bool,
    /// Another object: sent after both exist (service.md 15).
    pub reference: bool,
    /// Shown as `[Redact]` in every log.
    pub redacted: bool,
}

/// What a mapping gave for one object (expressions.md 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    Value(TargetValue),
    Null,
    /// Left out of this operation, the default too.
    Ignore,
}

/// One mapped attribute of one object; lists of them are in mapping order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    pub rule: Arc<AttributeRule>,
    pub flow: Flow,
    /// What was sent last, of a `WriteOnly` attribute.
    pub sent: Sent,
}

/// What the account was sent last for an attribute that it never shows (service.md 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sent {
    /// Nothing, or nobody knows what; always so where the target shows the attribute.
    #[default]
    Unknown,
    /// This value.
    Same,
    /// Another one, or one where there is none now.
    Other,
}

/// One attribute that a request must carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub rule: Arc<AttributeRule>,
    /// `None` clears the attribute.
    pub set: Option<TargetValue>,
    /// What the resource holds now; `None` where it holds nothing.
    pub before: Option<Value>,
}

impl Change {
    /// Whether the resource holds something there; what is cleared is there, even where the target does not show it.
    pub fn is_held(&self) -> bool {
        self.before.is_some() || self.set.is_none()
    }
}

impl Desired {
    pub fn value(&self) -> Option<&TargetValue> {
        match &self.flow {
            Flow::Value(value) => Some(value),
            Flow::Null | Flow::Ignore => None,
        }
    }
}
