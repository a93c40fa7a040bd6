//! Objects that are not entitled and not hard-deleted (service.md 13.3).

use super::diff::changes_of_state;
use super::{Decision, Knowledge, Next, Question, ReadAnswer, Reason, Scope, Situation};
use crate::model::{Link, LinkState, SourceState};

pub(super) fn next(situation: &Situation<'_>, scope: &Scope) -> Next {
    let skip = |reason| Next::Decide(Decision::Skip { reason, link_after: situation.link.clone() });
    let actions = situation.rules.actions;
    let target = match &situation.link {
        // N1, N2
        Link::None | Link::Released(_) => return skip(Reason::NotEffectivelyEntitled),
        Link::Managed(target) => target.clone(),
    };
    // N3
    if situation.rules.skip_out_of_scope_deletions {
        return skip(Reason::SkipOutOfScopeDeletions);
    }
    // N4, N5
    if !situation.soft_delete() {
        return if actions.delete {
            Next::Decide(Decision::Delete { target, reason: Reason::SoftDeleteUnsupported })
        } else {
            skip(Reason::DeleteDisabled)
        };
    }
    // N6
    if !situation.maps_state() {
        return skip(Reason::NoDisableMapping);
    }
    // N7
    if !actions.update {
        return skip(Reason::UpdateDisabled);
    }
    let link_after = if scope.in_scope() { LinkState::Managed } else { LinkState::Released };
    match &situation.known {
        // N8
        Knowledge::Read(ReadAnswer::Missing) => {
            Next::Decide(Decision::Skip { reason: Reason::TargetNotFound, link_after: Link::None })
        }
        Knowledge::Read(ReadAnswer::Found(resource)) => {
            let changes = changes_of_state(situation.desired, resource);
            Next::Decide(if changes.is_empty() {
                // N9
                Decision::Skip { reason: Reason::RedundantExport, link_after: Link::new(link_after, target) }
            } else {
                // N10
                Decision::Disable { target, changes, reason: cause(scope), link_after }
            })
        }
        Knowledge::Nothing | Knowledge::Matched(_) | Knowledge::MatchedAfterLoss(_) => {
            Next::Ask(Question::Read(target))
        }
    }
}

/// The first cause in the published order is the one that is reported (service.md 13.1).
fn cause(scope: &Scope) -> Reason {
    match scope.state {
        SourceState::SoftDeleted | SourceState::HardDeleted => Reason::SoftDeleted,
        SourceState::Disabled => Reason::AccountDisabled,
        SourceState::Active if !scope.assigned => Reason::Unassigned,
        SourceState::Active => Reason::ScopingFilterFailed,
    }
}
