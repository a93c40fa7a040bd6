//! Conditions that are tested before the tables, and the one that is tested after them (service.md 13.5).

use super::{Decision, Protection, Reason, Situation};
use crate::model::{Link, Trigger};

/// X1 to X5 and X7; X6, a scope that could not be evaluated, is in [`Situation::scope`] and comes between them.
pub(super) fn before_tables(situation: &Situation<'_>) -> Option<Decision> {
    let incremental = situation.trigger == Trigger::Incremental;
    let unchanged = incremental && !situation.changed;
    let reason = if !situation.rules.mapping_enabled {
        Reason::MappingDisabled
    } else if !situation.job_runs && situation.trigger != Trigger::OnDemand {
        Reason::JobPaused
    } else if !situation.export_complete {
        Reason::SourceIncomplete
    } else if unchanged && situation.retry_due == Some(false) {
        Reason::EscrowNotDue
    } else if unchanged && situation.retry_due.is_none() {
        Reason::NotEvaluated
    } else if situation.scope.is_ok() && !situation.input_passed {
        return Some(Decision::Skip { reason: Reason::InputFilter, link_after: situation.link.clone() });
    } else {
        return None;
    };
    Some(Decision::Pass(reason))
}

/// X8: more deprovisionings than the threshold are staged, not sent; a run on demand is never staged.
pub(super) fn after_tables(situation: &Situation<'_>, decision: Decision) -> Decision {
    if situation.protection == Protection::Open || situation.trigger == Trigger::OnDemand {
        return decision;
    }
    let stage = |reason, link: &Link| Decision::Skip { reason, link_after: link.clone() };
    match decision {
        Decision::Disable { .. } => stage(Reason::StagedAction, &situation.link),
        Decision::Delete { .. } => stage(Reason::StagedDelete, &situation.link),
        other @ (Decision::Create { .. }
        | Decision::Update { .. }
        | Decision::Skip { .. }
        | Decision::Fail(_)
        | Decision::Pass(_)) => other,
    }
}
