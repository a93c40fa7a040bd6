//! What comes out of the planner.

use serde::{Deserialize, Serialize};

use crate::model::{Change, Failure, Link, LinkState, TargetId};

/// One step of the planner: it needs to know more, or it has decided.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    Ask(Question),
    Decide(Decision),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Look for the object by its matching attributes.
    Match,
    /// Read the linked account.
    Read(TargetId),
}

/// What is done with one object in this evaluation.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    Create {
        values: Vec<Change>,
        reason: Reason,
    },
    Update {
        target: TargetId,
        changes: Vec<Change>,
        reason: Reason,
    },
    Disable {
        target: TargetId,
        changes: Vec<Change>,
        reason: Reason,
        link_after: LinkState,
    },
    Delete {
        target: TargetId,
        reason: Reason,
    },
    Skip {
        reason: Reason,
        link_after: Link,
    },
    /// Nothing is written; the link stays as it was.
    Fail(Failure),
    /// Not looked at.
    Pass(Reason),
}

/// The name of a decision in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    Create,
    Update,
    Disable,
    Delete,
    Skip,
    None,
}

/// How an evaluation ends when what it decided goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    Success,
    Skipped,
    Failure,
    NotEvaluated,
}

/// Why, in the words of the decision tables (service.md 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    NotFoundInTarget,
    CreateDisabled,
    MatchedExisting,
    UpdateDisabled,
    RedundantExport,
    Reactivated,
    AttributesChanged,
    TargetMissingRecreated,
    RematchedAfterLoss,
    ImportSkipped,
    NotEffectivelyEntitled,
    SkipOutOfScopeDeletions,
    SoftDeleteUnsupported,
    DeleteDisabled,
    NoDisableMapping,
    TargetNotFound,
    SoftDeleted,
    AccountDisabled,
    Unassigned,
    ScopingFilterFailed,
    NotManaged,
    HardDeleted,
    MappingDisabled,
    JobPaused,
    SourceIncomplete,
    NotEvaluated,
    EscrowNotDue,
    InputFilter,
    StagedAction,
    StagedDelete,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFoundInTarget => "NotFoundInTarget",
            Self::CreateDisabled => "CreateDisabled",
            Self::MatchedExisting => "MatchedExisting",
            Self::UpdateDisabled => "UpdateDisabled",
            Self::RedundantExport => "RedundantExport",
            Self::Reactivated => "Reactivated",
            Self::AttributesChanged => "AttributesChanged",
            Self::TargetMissingRecreated => "TargetMissingRecreated",
            Self::RematchedAfterLoss => "RematchedAfterLoss",
            Self::ImportSkipped => "ImportSkipped",
            Self::NotEffectivelyEntitled => "NotEffectivelyEntitled",
            Self::SkipOutOfScopeDeletions => "SkipOutOfScopeDeletions",
            Self::SoftDeleteUnsupported => "SoftDeleteUnsupported",
            Self::DeleteDisabled => "DeleteDisabled",
            Self::NoDisableMapping => "NoDisableMapping",
            Self::TargetNotFound => "TargetNotFound",
            Self::SoftDeleted => "SoftDeleted",
            Self::AccountDisabled => "AccountDisabled",
            Self::Unassigned => "Unassigned",
            Self::ScopingFilterFailed => "ScopingFilterFailed",
            Self::NotManaged => "NotManaged",
            Self::HardDeleted => "HardDeleted",
            Self::MappingDisabled => "MappingDisabled",
            Self::JobPaused => "JobPaused",
            Self::SourceIncomplete => "SourceIncomplete",
            Self::NotEvaluated => "NotEvaluated",
            Self::EscrowNotDue => "EscrowNotDue",
            Self::InputFilter => "InputFilter",
            Self::StagedAction => "StagedAction",
            Self::StagedDelete => "StagedDelete",
        }
    }

    /// What the reason means, in a sentence for a person.
    pub fn explain(self) -> &'static str {
        match self {
            Self::NotFoundInTarget => "no account in the target matches, so one is created",
            Self::CreateDisabled => "no account in the target matches, and the mapping does not permit creating one",
            Self::MatchedExisting => "an existing account matches and differs from the source",
            Self::UpdateDisabled => "the account differs, and the mapping does not permit updates",
            Self::RedundantExport => "source and target already agree",
            Self::Reactivated => "the account was inactive and is entitled again",
            Self::AttributesChanged => "the source and the target differ",
            Self::TargetMissingRecreated => {
                "the linked account is gone from the target and none matches, so a new one is created"
            }
            Self::RematchedAfterLoss => "the linked account is gone from the target and another one matches",
            Self::ImportSkipped => "the object has no value for any matching attribute",
            Self::NotEffectivelyEntitled => "the object is not entitled and the job does not manage an account for it",
            Self::SkipOutOfScopeDeletions => "`skip_out_of_scope_deletions` is on, so nothing is done",
            Self::SoftDeleteUnsupported => "the object is not entitled any more and the target has no soft delete",
            Self::DeleteDisabled => "the object is gone, and the mapping does not permit deleting",
            Self::NoDisableMapping => "no mapping expresses that the object is inactive, so nothing can be sent",
            Self::TargetNotFound => "the account is gone from the target already, nothing is left to disable",
            Self::SoftDeleted => "the object is deleted in the source",
            Self::AccountDisabled => "the account is disabled in the source",
            Self::Unassigned => "the object is not assigned any more",
            Self::ScopingFilterFailed => "the object does not pass the scoping filter any more",
            Self::NotManaged => "the job does not manage an account for the object",
            Self::HardDeleted => "the object is permanently deleted in the source",
            Self::MappingDisabled => "the object mapping is switched off",
            Self::JobPaused => "the job is paused or disabled",
            Self::SourceIncomplete => "the export was refused as incomplete, so nothing is concluded from it",
            Self::NotEvaluated => "nothing about the object changed",
            Self::EscrowNotDue => "an earlier failure is not due for a retry yet",
            Self::InputFilter => "the object does not pass the input filter",
            Self::StagedAction => {
                "the disable waits for approval, because too many are planned at once or nothing proves that they left"
            }
            Self::StagedDelete => {
                "the delete waits for approval, because too many are planned at once or nothing proves that they left"
            }
        }
    }
}

impl Decision {
    pub fn action(&self) -> Action {
        match self {
            Self::Create { .. } => Action::Create,
            Self::Update { .. } => Action::Update,
            Self::Disable { .. } => Action::Disable,
            Self::Delete { .. } => Action::Delete,
            Self::Skip { .. } => Action::Skip,
            Self::Fail(_) | Self::Pass(_) => Action::None,
        }
    }

    pub fn status(&self) -> Status {
        match self {
            Self::Create { .. } | Self::Update { .. } | Self::Disable { .. } | Self::Delete { .. } => Status::Success,
            Self::Skip { .. } => Status::Skipped,
            Self::Fail(_) => Status::Failure,
            Self::Pass(_) => Status::NotEvaluated,
        }
    }

    /// The reason as it stands in logs: a row's reason, or the error code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Create { reason, .. }
            | Self::Update { reason, .. }
            | Self::Disable { reason, .. }
            | Self::Delete { reason, .. }
            | Self::Skip { reason, .. }
            | Self::Pass(reason) => reason.as_str(),
            Self::Fail(failure) => failure.code.as_str(),
        }
    }

    /// The attributes that the request carries, in mapping order.
    pub fn changes(&self) -> &[Change] {
        match self {
            Self::Create { values: changes, .. } | Self::Update { changes, .. } | Self::Disable { changes, .. } => {
                changes
            }
            Self::Delete { .. } | Self::Skip { .. } | Self::Fail(_) | Self::Pass(_) => &[],
        }
    }

    /// Is something sent that changes the target?
    pub fn writes(&self) -> bool {
        matches!(self, Self::Create { .. } | Self::Update { .. } | Self::Disable { .. } | Self::Delete { .. })
    }

    /// The state of the link once the decision went through; `before` is the link it began with.
    pub fn link_state_after(&self, before: &Link) -> LinkState {
        match self {
            Self::Create { .. } | Self::Update { .. } => LinkState::Managed,
            Self::Disable { link_after, .. } => *link_after,
            Self::Delete { .. } => LinkState::None,
            Self::Skip { link_after, .. } => link_after.state(),
            Self::Fail(_) | Self::Pass(_) => before.state(),
        }
    }
}
