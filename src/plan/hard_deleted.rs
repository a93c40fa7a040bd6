//! Objects that are gone from the source for good (service.md 13.4).

use super::{Decision, Reason, Situation};
use crate::model::Link;

pub(super) fn decide(situation: &Situation<'_>) -> Decision {
    let dropped = |reason| Decision::Skip { reason, link_after: Link::None };
    match &situation.link {
        // H1
        Link::None => Decision::Pass(Reason::NotManaged),
        // H2
        Link::Released(_) => dropped(Reason::NotManaged),
        // H3
        Link::Managed(_) if situation.rules.skip_out_of_scope_deletions && situation.left_scope_before => {
            dropped(Reason::SkipOutOfScopeDeletions)
        }
        // H4
        Link::Managed(target) if situation.rules.actions.delete => {
            Decision::Delete { target: target.clone(), reason: Reason::HardDeleted }
        }
        // H5
        Link::Managed(_) => dropped(Reason::DeleteDisabled),
    }
}
