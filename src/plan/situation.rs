//! Everything that a decision about one object depends on (service.md 13.1).

use crate::model::{
    Actions, Desired, Failure, Link, ObjectKind, OnMissingTarget, Resource, SourceAnchor, SourceState, Trigger,
};

/// The facts about one object, as far as they are known.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    pub kind: ObjectKind,
    pub trigger: Trigger,
    pub rules: &'a Rules,
    /// The job is neither paused nor disabled.
    pub job_runs: bool,
    /// The export was not refused; an on-demand run with `--force` may overrule (X3).
    pub export_complete: bool,
    /// The object, its state, scope or assignment differs from what the last evaluation saw.
    pub changed: bool,
    /// `None`: not in escrow; else whether its retry is due.
    pub retry_due: Option<bool>,
    /// The input filter holds (service.md D-20).
    pub input_passed: bool,
    /// An object whose scope cannot be evaluated is neither provisioned nor deprovisioned.
    pub scope: Result<Scope, Failure>,
    /// Unassigned or filtered out when last seen (H3).
    pub left_scope_before: bool,
    pub link: Link,
    pub desired: &'a [Desired],
    pub protection: Protection,
    pub known: Knowledge,
}

/// The parts of entitlement (service.md 13.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    pub state: SourceState,
    /// True in mode all.
    pub assigned: bool,
    pub filter_passed: bool,
}

/// The settings of the job that the tables name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub actions: Actions,
    pub mapping_enabled: bool,
    pub skip_out_of_scope_deletions: bool,
    pub supports_soft_delete: bool,
    pub on_missing_target: OnMissingTarget,
}

/// What accidental deletion prevention says about deprovisioning this object now (service.md 18).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Send it.
    Open,
    /// The cycle plans too many: stage it.
    Stage,
}

/// What the target has said so far.
#[derive(Debug, Clone, PartialEq)]
pub enum Knowledge {
    Nothing,
    Read(ReadAnswer),
    /// Matched because there was no link.
    Matched(MatchAnswer),
    /// Matched because the linked account is gone.
    MatchedAfterLoss(MatchAnswer),
}

#[derive(Debug, Clone, PartialEq)]
pub enum ReadAnswer {
    Found(Box<Resource>),
    Missing,
}

#[derive(Debug, Clone, PartialEq)]
pub enum MatchAnswer {
    None,
    One {
        resource: Box<Resource>,
        /// The account already belongs to this other source object.
        linked_to: Option<SourceAnchor>,
    },
    Many {
        count: usize,
        /// The matching attribute that found them.
        attribute: String,
    },
}

impl Scope {
    pub fn is_entitled(&self) -> bool {
        self.state == SourceState::Active && self.in_scope()
    }

    pub fn in_scope(&self) -> bool {
        self.assigned && self.filter_passed
    }
}

impl Situation<'_> {
    /// Whether any attribute to match by has a value.
    pub(super) fn has_matching_value(&self) -> bool {
        self.desired.iter().any(|desired| desired.rule.matching.is_some() && desired.value().is_some())
    }

    /// Whether some mapping expresses the state of the object, so that a disable can be sent (N6).
    pub(super) fn maps_state(&self) -> bool {
        self.desired
            .iter()
            .any(|desired| desired.rule.follows_state && desired.rule.apply == crate::model::ApplyMode::Always)
    }

    /// Groups have no `active` (D-37).
    pub(super) fn soft_delete(&self) -> bool {
        self.rules.supports_soft_delete && self.kind == ObjectKind::User
    }

    /// Whether an account that is gone is looked for again (D-24).
    pub(super) fn rematches(&self) -> bool {
        match self.rules.on_missing_target {
            OnMissingTarget::Rematch => true,
            OnMissingTarget::Error => false,
            OnMissingTarget::Service => self.trigger != Trigger::Incremental,
        }
    }
}
