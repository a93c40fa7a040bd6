//! Objects set aside: after a failure, or because too many would go at once (service.md 16.2, 18).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Class, ErrorCode, ObjectKind, SourceAnchor, TargetId};

/// What was being done when an object failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Scoping or mapping, before the target was asked.
    Evaluate,
    Match,
    Read,
    Create,
    Update,
    Disable,
    Delete,
    Reference,
}

/// An object-level failure put aside for later retries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Escrow {
    pub source_anchor: SourceAnchor,
    pub target_anchor: Option<TargetId>,
    pub operation: Operation,
    pub error_code: ErrorCode,
    pub class: Class,
    pub reference: bool,
    pub first_failure: Timestamp,
    pub attempts: u32,
    /// `None`: only a person, a change or a restart can go on.
    pub next_due: Option<Timestamp>,
    /// Its 28 days are over.
    pub abandoned: bool,
    pub message: String,
    pub remedy: String,
}

/// One withheld deprovisioning of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StagedObject {
    pub batch: String,
    pub source_anchor: SourceAnchor,
    /// `disable` or `delete`.
    pub action: Operation,
    pub reason: String,
    pub name: String,
    pub kind: ObjectKind,
    pub target: Option<TargetId>,
}
