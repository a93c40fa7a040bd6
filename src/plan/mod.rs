//! The heart of the service: facts about one object in, a question or a decision out (service.md 13).
//!
//! [`next`] does no input or output. The shell asks what it is told to ask, adds the answer to the [`Situation`] and calls again.
//! The decision tables are one file each, their rows named as in the specification.

mod deprovision;
mod diff;
mod entitled;
mod hard_deleted;
mod overrides;
mod references;
mod situation;
mod verdict;

pub use diff::{changes_on_create, changes_on_update};
pub use references::{Reference, Wanted, references};
pub use situation::{Knowledge, MatchAnswer, Protection, ReadAnswer, Rules, Scope, Situation};
pub use verdict::{Action, Decision, Next, Question, Reason, Status};

/// Returns what to ask the target, or what to do, for one object.
///
/// It terminates: every answer added to [`Situation::known`] leads at most one question further, and there are at most two.
pub fn next(situation: &Situation<'_>) -> Next {
    if let Some(decision) = overrides::before_tables(situation) {
        return Next::Decide(decision);
    }
    match &situation.scope {
        Err(failure) => Next::Decide(Decision::Fail(failure.clone())),
        Ok(scope) if scope.state == crate::model::SourceState::HardDeleted => {
            Next::Decide(overrides::after_tables(situation, hard_deleted::decide(situation)))
        }
        Ok(scope) if scope.is_entitled() => entitled::next(situation),
        Ok(scope) => match deprovision::next(situation, scope) {
            Next::Ask(question) => Next::Ask(question),
            Next::Decide(decision) => Next::Decide(overrides::after_tables(situation, decision)),
        },
    }
}
