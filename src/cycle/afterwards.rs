//! What is written down of an evaluation that has ended.

use std::sync::Arc;
use std::time::Instant;

use super::carry_out::{Carried, carried_target};
use super::escrow;
use super::evaluate::{Course, Evaluated, absent_object, is_staged, read_back};
use super::line::{KindRules, Line};
use super::record::{self, Recorded};
use super::references::Evaluation;
use super::standing::Standing;
use super::transcript::Transcript;
use crate::model::{
    Class, Deletion, Desired, ErrorCode, Escrow, Failure, Link, Operation, Resource, SourceAnchor, SourceObject,
    SourceState, Trigger,
};
use crate::plan::{Decision, Knowledge, MatchAnswer, Reason};
use crate::store::{Choices, Committed, EscrowChange, Logged, ObjectCommit, ObjectRow, RowChange, Staged, StoreError};
use crate::target::Transport;

/// Everything needed to store and record how an evaluation ended.
pub(super) struct Afterwards<'a, 'l, T> {
    pub line: &'a Line<'l, T>,
    pub object: &'a SourceObject,
    pub staged: &'a Staged,
    pub standing: &'a Standing,
    pub row: Option<&'a ObjectRow>,
    pub escrow: Option<&'a Escrow>,
    pub link: &'a Link,
}

impl<T: Transport> Afterwards<'_, '_, T> {
    pub(super) fn finish(
        self,
        kind: &KindRules<'_>,
        decision: Decision,
        failure: Option<(Operation, Failure)>,
        carried: Option<Carried>,
        mut course: Course,
        began: Instant,
    ) -> Result<Evaluated, StoreError> {
        let line = self.line;
        let resource = read_back(&course.knowledge);
        if line.is_kintone()
            && let Some(resource) = resource
        {
            login_name_finding(&course.desired, resource, &mut course.transcript);
        }
        let link = self.link_after(&decision, failure.is_some(), carried.as_ref(), &course.knowledge);
        let named = carried_target(carried.as_ref()).or(link.target()).or(self.link.target());
        let target = named.filter(|id| !line.is_placeholder(id)).cloned();
        let broke = failure.as_ref().is_some_and(|(_, failure)| failure.class == Class::Critical);
        let escrow = failure.as_ref().filter(|_| !broke).map(|(operation, failure)| {
            let before = self.escrow;
            escrow::entry(
                &self.staged.anchor,
                target.as_ref(),
                *operation,
                failure,
                before,
                line.now(),
                line.escrow.first_retry,
            )
        });
        let last_seen = match &carried {
            Some(Carried::Created(resource)) => Some(&**resource),
            Some(Carried::Changed | Carried::Gone) | None => read_back(&course.knowledge),
        };
        let found = match &failure {
            Some(_) => None,
            None => line.references_of(&Evaluation {
                object: self.object,
                row: self.row,
                decision: &decision,
                link: &link,
                desired: &course.desired,
                resource: last_seen,
            })?,
        };
        let waits = found.as_ref().is_some_and(crate::store::ReferenceChange::is_open);
        let follow_up = last_seen.filter(|_| waits).cloned().map(Box::new);
        let on_demand = line.run.trigger == Trigger::OnDemand;
        let retry = escrow.as_ref().map(|escrow| crate::model::Retry {
            attempts: escrow.attempts - 1,
            next: if on_demand { self.escrow.and_then(|before| before.next_due) } else { escrow.next_due },
        });
        let recorded = Recorded {
            object: self.object,
            row: self.row,
            standing: Some(self.standing),
            scoping: Some(kind.scope.explain(self.object)),
            decision: &decision,
            failure: failure.as_ref().map(|(operation, failure)| (*operation, failure)),
            retry,
            target: target.as_ref(),
            matched: read_back(&course.knowledge),
            transcript: &course.transcript,
            began,
        };
        let mut entry = record::entry(line, recorded);
        if entry.source.display_name.is_empty() {
            // Whoever is absent from the export is known by the name of before.
            entry.source.display_name = line.store.last_name(line.job, &self.staged.anchor)?.unwrap_or_default();
        }
        if entry.modified.is_empty() {
            entry.modified = std::mem::take(&mut course.lost);
        }
        entry.exchanges = course.transcript.take_kept();
        let entry = Arc::new(entry);
        let commit = line.book.is_some().then(|| {
            let row = self.row_after(&decision, failure.as_ref().map(|(_, failure)| failure), link, broke, &course);
            Arc::new(ObjectCommit {
                anchor: self.staged.anchor.clone(),
                row,
                escrow: match (escrow, &failure) {
                    // D-53: an on-demand run adds no entry, and leaves the timetable of one that is there.
                    (Some(_), _) if on_demand => EscrowChange::Keep,
                    (Some(escrow), _) => line.set_aside(escrow),
                    (None, Some(_)) => EscrowChange::Keep,
                    // The timetable of a refused reference goes on until the reference is set.
                    (None, None) if waits && is_reference(self.escrow) => EscrowChange::Keep,
                    (None, None) if matches!(decision, Decision::Pass(_)) => EscrowChange::Keep,
                    (None, None) => EscrowChange::Clear,
                },
                kept: match failure {
                    Some(_) => Vec::new(),
                    None => line.kept_after(&decision, target.as_ref()),
                },
                choices: Choices::of(self.object),
                unstage: failure.is_none() && !is_staged(&decision),
                references: found.map(Box::new),
                entry: record::is_logged(line, &decision, failure.is_some(), self.link)
                    .then(|| Logged::new(Arc::clone(&entry))),
            })
        });
        Ok(Evaluated {
            entry,
            decision,
            link_before: self.link.clone(),
            resource: follow_up,
            commit,
            intended: course.intended,
            is_unreached: course.transcript.is_unreached(),
        })
    }

    /// The link as it must be stored: a match is kept even where the update behind it failed (D-25).
    fn link_after(&self, decision: &Decision, failed: bool, carried: Option<&Carried>, known: &Knowledge) -> Link {
        if failed {
            return match (known, decision) {
                (
                    Knowledge::Matched(MatchAnswer::One { resource, linked_to: None })
                    | Knowledge::MatchedAfterLoss(MatchAnswer::One { resource, linked_to: None }),
                    _,
                ) => Link::Managed(resource.id().clone()),
                // The account is known to be gone and a new one could not be made.
                (Knowledge::MatchedAfterLoss(_), Decision::Create { .. }) => Link::None,
                _ => self.link.clone(),
            };
        }
        match (decision, carried) {
            (Decision::Create { .. }, Some(Carried::Created(resource))) => Link::Managed(resource.id().clone()),
            (Decision::Update { target, .. }, _) => Link::Managed(target.clone()),
            (Decision::Disable { .. }, Some(Carried::Gone)) => Link::None,
            (Decision::Disable { target, link_after, .. }, _) => Link::new(*link_after, target.clone()),
            (Decision::Delete { .. }, _) => Link::None,
            (Decision::Skip { link_after, .. }, _) => link_after.clone(),
            (Decision::Create { .. } | Decision::Fail(_) | Decision::Pass(_), _) => self.link.clone(),
        }
    }

    fn row_after(
        &self,
        decision: &Decision,
        failure: Option<&Failure>,
        link: Link,
        broke: bool,
        course: &Course,
    ) -> RowChange {
        if matches!(decision, Decision::Skip { reason: Reason::InputFilter, .. }) {
            let row = self.row.filter(|row| !row.left_out);
            return row.map_or(RowChange::Keep, |row| RowChange::Put(ObjectRow { left_out: true, ..row.clone() }));
        }
        if matches!(decision, Decision::Pass(_)) || is_staged(decision) {
            return RowChange::Keep;
        }
        // A failure on demand or of the target as a whole leaves the object to the next cycle, but a match is never forgotten.
        let unsettled = failure.is_some() && (broke || self.line.run.trigger == Trigger::OnDemand);
        let gone = self.staged.object.is_none() || self.object.deletion != Deletion::None;
        if gone && link == Link::None && failure.is_none() {
            return RowChange::Remove;
        }
        let scope = self.standing.scope.as_ref().ok();
        let last = self.row;
        let state = scope.map(|scope| scope.state).or(last.map(|row| row.state)).unwrap_or(SourceState::Active);
        let active = match decision {
            Decision::Create { .. } | Decision::Update { .. } if failure.is_none() => Some(true),
            Decision::Disable { .. } if failure.is_none() => Some(false),
            Decision::Skip { reason: Reason::RedundantExport, .. } => {
                read_back(&course.knowledge).and_then(Resource::active)
            }
            _ => last.and_then(|row| row.active_in_target),
        };
        RowChange::Put(ObjectRow {
            anchor: self.staged.anchor.clone(),
            kind: self.staged.kind,
            link,
            used: if unsettled { last.map_or(0, |row| row.used) } else { self.standing.used },
            state: if unsettled { last.map_or(state, |row| row.state) } else { state },
            assigned: scope.map(|scope| scope.assigned).or(last.map(|row| row.assigned)).unwrap_or(true),
            filter_passed: scope.map(|scope| scope.filter_passed).or(last.map(|row| row.filter_passed)).unwrap_or(true),
            left_out: !self.standing.input_passed,
            active_in_target: active,
            left_at: self.standing.left_at,
        })
    }
}

impl<T: Transport> Line<'_, T> {
    /// The end of an evaluation that panicked: the object is set aside, nothing of it is known to be wrong in the target.
    pub(super) fn broke_down(&self, staged: &Staged, row: Option<&ObjectRow>, escrow: Option<&Escrow>) -> Evaluated {
        let absent = absent_object(staged);
        let object = staged.object.as_deref().unwrap_or(&absent);
        let failure = Failure::new(ErrorCode::InternalError, "a part of the program failed on this object");
        let target = row.and_then(|row| row.link.target());
        let set_aside = escrow::entry(
            &staged.anchor,
            target,
            Operation::Evaluate,
            &failure,
            escrow,
            self.now(),
            self.escrow.first_retry,
        );
        let mut evaluated = self.unevaluated(object, row, Decision::Fail(failure.clone()), Instant::now());
        Arc::make_mut(&mut evaluated.entry).failure = Some(failure);
        evaluated.commit = self.book.is_some().then(|| {
            Arc::new(ObjectCommit {
                anchor: staged.anchor.clone(),
                row: RowChange::Keep,
                escrow: self.set_aside(set_aside),
                kept: Vec::new(),
                choices: Choices::default(),
                unstage: false,
                references: None,
                entry: Some(Logged::new(Arc::clone(&evaluated.entry))),
            })
        });
        evaluated
    }

    /// Stores what an evaluation came to, and gives up the claim on its object.
    pub(super) async fn store(
        &self,
        anchor: &SourceAnchor,
        evaluated: &mut Evaluated,
        before: Option<&Escrow>,
    ) -> Result<(), StoreError> {
        let Some(book) = self.book else { return Ok(()) };
        let Some(commit) = evaluated.commit.clone() else { return book.release(self.job, anchor.clone()).await };
        if let Committed::Taken(other) = book.commit_among(self.job, commit, self.gathers).await? {
            self.lost(evaluated, &other, before);
            let Some(commit) = evaluated.commit.clone() else { return Ok(()) };
            // Nothing of it is about a link any more, so nobody can be in its way.
            let _ = book.commit(self.job, commit).await?;
        }
        Ok(())
    }
}

fn is_reference(escrow: Option<&Escrow>) -> bool {
    escrow.is_some_and(|escrow| escrow.operation == Operation::Reference)
}

/// A login name that differs on a linked user cannot be sent to Kintone (wire.md 20.3).
fn login_name_finding(desired: &[Desired], resource: &Resource, transcript: &mut Transcript) {
    let login = desired.iter().find(|one| one.rule.path.is_core("userName"));
    if let Some(one) = login
        && let (Some(value), Some(held)) = (one.value(), resource.get(&one.rule.path))
        && !value.agrees_with(held, false)
    {
        transcript.hint(crate::wire::Hint::KintoneUsernameImmutable);
    }
}
