//! Entitled objects (service.md 13.2).

use super::{
    Decision, Knowledge, MatchAnswer, Next, Question, ReadAnswer, Reason, Situation, changes_on_create,
    changes_on_update,
};
use crate::model::{Change, ErrorCode, Failure, Link, Resource, TargetValue};

pub(super) fn next(situation: &Situation<'_>) -> Next {
    match (&situation.known, situation.link.target()) {
        (Knowledge::Nothing, Some(target)) => Next::Ask(Question::Read(target.clone())),
        (Knowledge::Nothing, None) if situation.has_matching_value() => Next::Ask(Question::Match),
        // E16
        (Knowledge::Nothing, None) => {
            Next::Decide(Decision::Skip { reason: Reason::ImportSkipped, link_after: Link::None })
        }
        (Knowledge::Read(ReadAnswer::Found(resource)), _) => Next::Decide(linked(situation, resource)),
        (Knowledge::Read(ReadAnswer::Missing), _) if !situation.rematches() => Next::Decide(invalid_anchor(situation)),
        (Knowledge::Read(ReadAnswer::Missing), _) if situation.has_matching_value() => Next::Ask(Question::Match),
        // E14 as E16
        (Knowledge::Read(ReadAnswer::Missing), _) => {
            Next::Decide(Decision::Skip { reason: Reason::ImportSkipped, link_after: Link::None })
        }
        (Knowledge::Matched(answer), _) => {
            Next::Decide(matched(situation, answer, Reason::NotFoundInTarget, Reason::MatchedExisting))
        }
        (Knowledge::MatchedAfterLoss(answer), _) => {
            Next::Decide(matched(situation, answer, Reason::TargetMissingRecreated, Reason::RematchedAfterLoss))
        }
    }
}

/// E1 to E7, and E12 to E14 where the linked account is gone.
fn matched(situation: &Situation<'_>, answer: &MatchAnswer, created: Reason, updated: Reason) -> Decision {
    match answer {
        MatchAnswer::None if situation.rules.actions.create => match missing_required(situation) {
            Some(failure) => Decision::Fail(failure),
            None => Decision::Create { values: changes_on_create(situation.desired), reason: created },
        },
        MatchAnswer::None => Decision::Skip { reason: Reason::CreateDisabled, link_after: Link::None },
        MatchAnswer::Many { count, attribute } => Decision::Fail(Failure::new(
            ErrorCode::DuplicateTargetEntries,
            format!("{count} objects in the target match by `{attribute}`"),
        )),
        MatchAnswer::One { resource, linked_to: Some(other) } => Decision::Fail(Failure::new(
            ErrorCode::DuplicateSourceEntries,
            format!("the matching account `{}` already belongs to the source object `{other}`", resource.id()),
        )),
        MatchAnswer::One { resource, linked_to: None } => found(situation, resource, |_| updated),
    }
}

/// E8 to E11.
fn linked(situation: &Situation<'_>, resource: &Resource) -> Decision {
    found(situation, resource, |changes| {
        let becomes_active =
            |change: &Change| change.rule.path.is_core("active") && change.set == Some(TargetValue::Boolean(true));
        if resource.active() == Some(false) && changes.iter().any(becomes_active) {
            Reason::Reactivated
        } else {
            Reason::AttributesChanged
        }
    })
}

fn found(situation: &Situation<'_>, resource: &Resource, reason: impl FnOnce(&[Change]) -> Reason) -> Decision {
    let target = resource.id().clone();
    let changes = changes_on_update(situation.desired, resource);
    let skip = |reason| Decision::Skip { reason, link_after: Link::Managed(target.clone()) };
    match (changes.is_empty(), situation.rules.actions.update) {
        (true, _) => skip(Reason::RedundantExport),
        (false, false) => skip(Reason::UpdateDisabled),
        (false, true) => Decision::Update { reason: reason(&changes), changes, target },
    }
}

/// E15.
fn invalid_anchor(situation: &Situation<'_>) -> Decision {
    let target = situation.link.target().map_or("?", |target| target.as_str());
    Decision::Fail(Failure::new(
        ErrorCode::InvalidAnchor,
        format!("the linked account `{target}` no longer exists in the target"),
    ))
}

/// A matching attribute that is `required` was checked by the mapping; here only that there is something to create.
fn missing_required(situation: &Situation<'_>) -> Option<Failure> {
    changes_on_create(situation.desired)
        .is_empty()
        .then(|| Failure::new(ErrorCode::MissingValues, "no mapping gives a value, so there is nothing to create"))
}
