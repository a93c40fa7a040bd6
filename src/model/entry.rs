//! The provisioning log: what was done with one object in one evaluation, step by step (service.md 20).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Details, Failure, ObjectKind, SourceAnchor, TargetId, Word};

/// One record of the provisioning log, and the answer of an on-demand run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub id: String,
    pub change_id: String,
    pub cycle_id: String,
    pub at: Timestamp,
    pub duration_ms: u64,
    pub kind: ObjectKind,
    pub action: LoggedAction,
    pub status: LoggedStatus,
    /// The row's reason (service.md 13) or an error code.
    pub reason: String,
    pub failure: Option<Failure>,
    /// What the message of a failure says about retries so far and the next one (service.md 16.2).
    pub retry: Option<Retry>,
    pub source: Identity,
    pub target: Option<Identity>,
    pub initiator: Initiator,
    pub steps: Vec<Step>,
    pub modified: Vec<ModifiedProperty>,
    /// Findings that did not stop the evaluation: `code: what it means`.
    pub warnings: Vec<String>,
    /// The requests and their answers; of many the first ones. For `explain`: the published record has no place for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
}

/// A request and what came of it, without what must not be seen, and cut where long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Method, path and query.
    pub request: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Retries of a failed object so far, and the next one; `None` where only a person can go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    pub attempts: u32,
    pub next: Option<Timestamp>,
}

/// The action as the log names it (service.md 20.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoggedAction {
    Create,
    Update,
    Disable,
    Delete,
    StagedDelete,
    StagedAction,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LoggedStatus {
    Success,
    Failure,
    Skipped,
    Warning,
    /// Not looked at; such entries are answers of on-demand runs, never stored.
    NotEvaluated,
}

/// One side of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    pub id: String,
    pub display_name: String,
    /// Shown beside the identity: login name, file and line.
    pub details: Details,
}

/// Who set the evaluation going.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Initiator {
    /// The schedule or a `cycle` command.
    System,
    /// `provision-now`, by this user of the machine.
    Operator(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepKind {
    Import,
    Scoping,
    Matching,
    Processing,
    ReferenceResolution,
    Export,
}

/// One stage of an evaluation that really ran (service.md 20.3, D-10).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub kind: StepKind,
    /// As published, such as `EntryExportAdd` (D-54).
    pub name: Word,
    pub status: LoggedStatus,
    /// One sentence for a person.
    pub description: Word,
    pub details: Details,
}

/// An attribute before and after, as text; redacted values are `[Redact]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModifiedProperty {
    pub name: Word,
    pub old: Option<Word>,
    pub new: Option<Word>,
}

impl Entry {
    pub fn source_anchor(&self) -> SourceAnchor {
        SourceAnchor(self.source.id.clone())
    }

    pub fn target_id(&self) -> Option<TargetId> {
        self.target.as_ref().map(|target| TargetId(target.id.clone()))
    }
}

impl Identity {
    /// What it is called besides its display name: the texts of its details that are no place.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.details.iter().filter(|(key, _)| *key != "file").filter_map(|(_, value)| value.as_str())
    }
}

impl LoggedAction {
    pub const ALL: [Self; 7] =
        [Self::Create, Self::Update, Self::Disable, Self::Delete, Self::StagedDelete, Self::StagedAction, Self::Other];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::StagedDelete => "stageddelete",
            Self::StagedAction => "stagedaction",
            Self::Other => "other",
        }
    }
}

impl LoggedStatus {
    pub const ALL: [Self; 5] = [Self::Success, Self::Failure, Self::Skipped, Self::Warning, Self::NotEvaluated];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::NotEvaluated => "notEvaluated",
        }
    }
}
