//! Two source objects and one account: who gets it (D-25, D-26).

use std::sync::Arc;

use super::escrow;
use super::evaluate::Evaluated;
use super::line::Line;
use super::talk::Trouble;
use crate::model::{
    Desired, ErrorCode, Escrow, Failure, Link, LoggedStatus, ObjectKind, Operation, Retry, SourceAnchor, SourceObject,
    SourceState, TargetId, Trigger,
};
use crate::plan::{Decision, MatchAnswer};
use crate::store::{Committed, EscrowChange, Logged, ObjectRow, RowChange, StoreError};
use crate::target::Transport;

impl<T: Transport> Line<'_, T> {
    /// Somebody in flight who looks for the same account: one of the two would get the other's.
    pub(super) fn rival(&self, kind: ObjectKind, object: &SourceObject, desired: &[Desired]) -> Option<Trouble> {
        let matching = desired.iter().filter(|one| one.rule.matching.is_some() && one.value().is_some());
        let first = matching.min_by_key(|one| one.rule.matching)?;
        let other = self.seek(kind, &first.value()?.to_text(), &object.anchor)?;
        let message = format!("the source object `{other}` has the same value in `{}`", first.rule.path);
        let failure = Failure::new(ErrorCode::DuplicateSourceEntries, message);
        Some(Trouble { failure, operation: Operation::Match })
    }

    /// Notes whose account `id` is; returns the other source object that has it already.
    pub(super) fn claim_account(
        &self,
        object: &SourceObject,
        id: &TargetId,
    ) -> Result<Option<SourceAnchor>, StoreError> {
        if let Some(other) = self.store.owner_of(self.job, id)?.filter(|other| *other != object.anchor) {
            return Ok(Some(other));
        }
        Ok(self.account_in_flight(object, id))
    }

    /// [`Line::claim_account`] among the objects of this cycle only.
    pub(super) fn account_in_flight(&self, object: &SourceObject, id: &TargetId) -> Option<SourceAnchor> {
        let mut accounts = self.accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let owner = accounts.entry(id.clone()).or_insert_with(|| object.anchor.clone());
        Some(owner.clone()).filter(|owner| *owner != object.anchor)
    }

    /// Of two objects that match one account at once the first one gets it, whatever process it is of (D-26). Its link is
    /// stored before anything is sent (D-25).
    pub(super) async fn first_come(
        &self,
        answer: MatchAnswer,
        object: &SourceObject,
        row: Option<&ObjectRow>,
    ) -> Result<MatchAnswer, StoreError> {
        let resource = match answer {
            MatchAnswer::One { resource, linked_to: None } => resource,
            other @ (MatchAnswer::One { .. } | MatchAnswer::None | MatchAnswer::Many { .. }) => return Ok(other),
        };
        let mut linked_to = self.claim_account(object, resource.id())?;
        if linked_to.is_none() && !self.run.dry_run {
            let link = Link::Managed(resource.id().clone());
            let linked = match row {
                Some(row) => ObjectRow { link, used: 0, ..row.clone() },
                None => ObjectRow {
                    anchor: object.anchor.clone(),
                    kind: object.kind,
                    link,
                    // Whatever ends this evaluation before its end: the object is evaluated again.
                    used: 0,
                    state: SourceState::Active,
                    assigned: true,
                    filter_passed: true,
                    left_out: false,
                    active_in_target: resource.active(),
                    left_at: None,
                },
            };
            if let Committed::Taken(other) = self.store.put_link(self.job, linked).await? {
                linked_to = Some(other);
            }
        }
        Ok(MatchAnswer::One { resource, linked_to })
    }

    /// The end of an evaluation whose account another object got while it was under way.
    pub(super) fn lost(&self, evaluated: &mut Evaluated, other: &SourceAnchor, before: Option<&Escrow>) {
        let Some(commit) = evaluated.commit.as_mut().map(Arc::make_mut) else { return };
        let target = evaluated.entry.target_id();
        let unknown = TargetId("?".to_owned());
        let account = target.as_ref().unwrap_or(&unknown);
        let (operation, failure) = match &evaluated.decision {
            Decision::Create { .. } => (Operation::Create, not_its_own(account, other)),
            _ => {
                let message = format!("the account `{account}` was linked to the source object `{other}` meanwhile");
                (Operation::Match, Failure::new(ErrorCode::DuplicateSourceEntries, message))
            }
        };
        let retry = self.escrow.first_retry;
        let escrow = escrow::entry(&commit.anchor, None, operation, &failure, before, self.now(), retry);
        let entry = Arc::make_mut(&mut evaluated.entry);
        (entry.status, entry.reason) = (LoggedStatus::Failure, failure.code.to_string());
        entry.retry = Some(Retry { attempts: escrow.attempts - 1, next: escrow.next_due });
        entry.failure = Some(failure);
        commit.row = RowChange::Keep;
        commit.escrow = match self.run.trigger {
            Trigger::OnDemand => EscrowChange::Keep,
            Trigger::Initial | Trigger::Incremental => self.set_aside(escrow),
        };
        commit.references = None;
        commit.kept.clear();
        commit.entry = Some(Logged::new(Arc::clone(&evaluated.entry)));
        evaluated.resource = None;
    }
}

/// The target gave a new account the identifier of another object's.
pub(super) fn not_its_own(id: &TargetId, other: &SourceAnchor) -> Failure {
    let message = format!(
        "the target answered the create with the identifier `{id}`, which belongs to the source object `{other}`"
    );
    Failure::new(ErrorCode::ScimServiceIncompatible, message)
        .with_remedy("the target must give each account an identifier of its own; see whether the account was made")
}

pub(super) fn not_linked_to_itself(answer: MatchAnswer, object: &SourceObject) -> MatchAnswer {
    match answer {
        MatchAnswer::One { resource, linked_to } => {
            MatchAnswer::One { resource, linked_to: linked_to.filter(|other| *other != object.anchor) }
        }
        other @ (MatchAnswer::None | MatchAnswer::Many { .. }) => other,
    }
}
