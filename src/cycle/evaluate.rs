//! One object along the line: scope, map, ask, decide, push, classify, record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::afterwards::Afterwards;
use super::line::{KindRules, Line};
use super::record::{self, Recorded};
use super::rivals::not_linked_to_itself;
use super::standing::Standing;
use super::talk::Trouble;
use super::transcript::Transcript;
use crate::expr::{Context, DateTime, SeededRandom};
use crate::model::{
    Attributes, Change, Deletion, Desired, Entry, ErrorCode, Escrow, Failure, Intended, Link, ModifiedProperty,
    ObjectKind, Operation, Origin, Resource, Sent, SourceObject, SourceValue, Trigger,
};
use crate::plan::{
    self, Decision, Knowledge, MatchAnswer, Next, Protection, Question, ReadAnswer, Reason, Scope, Situation,
};
use crate::store::{ObjectCommit, ObjectRow, Staged, StoreError};
use crate::target::Transport;

/// What an evaluation came to.
pub(super) struct Evaluated {
    pub entry: Arc<Entry>,
    pub decision: Decision,
    /// The link it began with.
    pub link_before: Link,
    /// The account as it was last seen, for references that are sent later.
    pub resource: Option<Box<Resource>>,
    /// What must be written down; nothing where nobody writes down.
    pub commit: Option<Arc<ObjectCommit>>,
    /// What would be sent; only while planning.
    pub intended: Option<Intended>,
    /// The program ended before the target heard of the object: it was not reached, and nothing of this is to be kept.
    pub is_unreached: bool,
}

/// How far an evaluation got before it failed.
pub(super) struct Course {
    pub knowledge: Knowledge,
    pub transcript: Transcript,
    pub desired: Vec<Desired>,
    /// The values that need the target's word are among those to create already.
    pub uniques_known: bool,
    pub intended: Option<Intended>,
    /// What an account held that is deleted, where it was read before.
    pub lost: Vec<ModifiedProperty>,
}

impl<T: Transport> Line<'_, T> {
    /// Takes one object along the line; `row` and `escrow` are what is remembered of it.
    ///
    /// # Errors
    /// Only the state can fail: everything else is the object's own failure.
    pub(super) async fn evaluate(
        &self,
        staged: &Staged,
        row: Option<&ObjectRow>,
        escrow: Option<&Escrow>,
        assigned: bool,
    ) -> Result<Evaluated, StoreError> {
        let began = Instant::now();
        let absent = absent_object(staged);
        let object = staged.object.as_deref().unwrap_or(&absent);
        let Some(kind) = self.kind(staged.kind) else {
            let decision = Decision::Pass(Reason::MappingDisabled);
            return Ok(self.unevaluated(object, row, decision, began));
        };
        if let Some(row) = row.filter(|row| row.kind != staged.kind) {
            let word = |kind| if kind == ObjectKind::User { "user" } else { "group" };
            let message = format!(
                "`{}` is the id of this {} and of a {} that was provisioned before",
                staged.anchor,
                word(staged.kind),
                word(row.kind)
            );
            let failure = Failure::new(ErrorCode::DuplicateSourceEntries, message)
                .with_remedy("give them different ids, or leave one of them out of the export");
            return Ok(self.unevaluated(object, Some(row), Decision::Fail(failure), began));
        }
        let standing = match (&staged.object, row) {
            (Some(object), _) => Standing::of_present(object, row, self.scope, kind, assigned, self.as_of()),
            (None, Some(row)) => self.of_absent(row, kind, self.as_of())?,
            (None, None) => return Ok(self.unevaluated(object, row, Decision::Pass(Reason::NotManaged), began)),
        };
        let mut course = Course {
            knowledge: Knowledge::Nothing,
            transcript: Transcript::about(kind),
            desired: Vec::new(),
            uniques_known: false,
            intended: None,
            lost: Vec::new(),
        };
        let link = row.map_or(Link::None, |row| row.link.clone());
        let outcome = self.decide(kind, object, &standing, row, escrow, &link, &mut course).await?;
        let (decision, trouble) = match outcome {
            Ok(decision) => (decision, None),
            Err(trouble) => (Decision::Fail(trouble.failure.clone()), Some(trouble)),
        };
        if let Decision::Update { changes, .. } = &decision {
            self.name_repeated(object, changes, &mut course.transcript)?;
        }
        let (decision, trouble) = match (&self.run.review, trouble) {
            (Some(review), None) if decision.writes() => {
                self.reviewed(review, kind, object, row, decision, &mut course).await
            }
            (_, trouble) => (decision, trouble),
        };
        let (decision, trouble, written) = match (decision, trouble) {
            (decision, None) if decision.writes() => match self.carry_out(kind, object, &decision, &mut course).await {
                Ok(written) => (decision, None, Some(written)),
                Err(trouble) => (decision, Some(trouble), None),
            },
            (decision, trouble) => (decision, trouble, None),
        };
        course.intended = course
            .intended
            .take()
            .filter(|_| trouble.is_none())
            .map(|intended| Intended { requests: course.transcript.take_rehearsed(), ..intended });
        if !course.transcript.exchanges.is_empty() && !course.transcript.given_up {
            self.breaker.note(trouble.as_ref().map(|trouble| &trouble.failure));
        }
        let failure = trouble.map(|trouble| (trouble.operation, trouble.failure)).or_else(|| match &decision {
            Decision::Fail(failure) => Some((operation_of(failure.code), failure.clone())),
            _ => None,
        });
        let after = Afterwards { line: self, object, staged, standing: &standing, row, escrow, link: &link };
        after.finish(kind, decision, failure, written, course, began)
    }

    /// Names attributes that were sent last time already and that the target does not return (service.md 12).
    fn name_repeated(
        &self,
        object: &SourceObject,
        changes: &[Change],
        transcript: &mut Transcript,
    ) -> Result<(), StoreError> {
        let is_hidden = |change: &&Change| change.before.is_none() && change.set.is_some() && !change.rule.redacted;
        let mut hidden = changes.iter().filter(is_hidden).peekable();
        if hidden.peek().is_none() {
            return Ok(());
        }
        let Some(last) = self.store.last_write(self.job, &object.anchor)? else { return Ok(()) };
        for change in hidden {
            let (path, value) = (change.rule.path.as_str(), change.set.as_ref().map(|value| value.to_text()));
            if last.modified.iter().any(|sent| sent.name == path && sent.new.as_deref() == value.as_deref()) {
                transcript.warn(
                    "attribute-not-returned",
                    &format!("`{path}` was sent before and the target does not return it: it is sent at every evaluation; map only what the target stores and returns"),
                );
            }
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the facts of one object, each of another kind")]
    async fn decide(
        &self,
        kind: &KindRules<'_>,
        object: &SourceObject,
        standing: &Standing,
        row: Option<&ObjectRow>,
        escrow: Option<&Escrow>,
        link: &Link,
        course: &mut Course,
    ) -> Result<Result<Decision, Trouble>, StoreError> {
        let object_kind = kind.mapping.kind();
        let entitled = standing.scope.as_ref().is_ok_and(Scope::is_entitled);
        let mapped = self.map(kind, object, entitled);
        let mapping_failure = match mapped {
            Ok(mut desired) => {
                course.transcript.hide_desired(&desired);
                self.mark_sent(kind, &object.anchor, link.target(), &mut desired)?;
                if entitled {
                    name_several_roles(kind, object, &mut course.transcript);
                }
                course.desired = desired;
                None
            }
            Err(failure) => Some(failure),
        };
        let Course { desired, transcript, knowledge, .. } = course;
        let desired = desired.as_slice();
        // An account that takes the place of a lost one was never sent anything.
        let unsent: Vec<Desired> = match kind.mapping.has_write_only() {
            true => desired.iter().map(|one| Desired { sent: Sent::Unknown, ..one.clone() }).collect(),
            false => Vec::new(),
        };
        let protection = self.run.protect.of(&object.anchor, object.origin.file.is_empty());
        let mut situation = Situation {
            kind: object_kind,
            trigger: self.run.trigger,
            rules: kind.rules,
            job_runs: self.run.job_runs,
            export_complete: self.run.export_complete,
            // Whoever is in a batch is looked at each time, so that it can leave it (D-52).
            changed: standing.differs_from(row)
                || self.run.protect.is_member(&object.anchor)
                || self.doubtful.contains(&object.anchor),
            retry_due: escrow.map(|escrow| escrow.next_due.is_some_and(|due| due <= self.as_of())),
            input_passed: standing.input_passed,
            scope: standing.scope.clone(),
            left_scope_before: row.is_some_and(|row| !row.in_scope()),
            link: link.clone(),
            desired,
            protection,
            known: Knowledge::Nothing,
        };
        loop {
            match plan::next(&situation) {
                Next::Decide(decision) => {
                    *knowledge = situation.known;
                    return Ok(match (mapping_failure, &decision) {
                        // Nothing of an object is sent while one of its values cannot be told.
                        (Some(failure), Decision::Create { .. } | Decision::Update { .. })
                        | (Some(failure), Decision::Skip { reason: Reason::ImportSkipped, .. }) => {
                            Err(Trouble { failure, operation: Operation::Evaluate })
                        }
                        _ => Ok(decision),
                    });
                }
                // A mapping that failed fails the object before the target is asked.
                Next::Ask(_) if mapping_failure.is_some() => {
                    let failure = mapping_failure.unwrap_or_else(|| Failure::new(ErrorCode::InternalError, ""));
                    return Ok(Err(Trouble { failure, operation: Operation::Evaluate }));
                }
                // N10 in a cycle that stages: what the target holds makes no difference (D-52).
                Next::Ask(Question::Read(_))
                    if !entitled
                        && protection == Protection::Stage
                        && self.run.trigger != Trigger::OnDemand
                        && row.and_then(|row| row.active_in_target) != Some(false) =>
                {
                    return Ok(Ok(Decision::Skip { reason: Reason::StagedAction, link_after: link.clone() }));
                }
                Next::Ask(Question::Read(id)) => match self.read(object_kind, &id, desired, transcript).await {
                    Ok(answer) => situation.known = Knowledge::Read(answer),
                    Err(trouble) => return Ok(Err(trouble)),
                },
                Next::Ask(Question::Match) => {
                    let lost = matches!(situation.known, Knowledge::Read(_));
                    if !unsent.is_empty() {
                        situation.desired = &unsent;
                    }
                    if let Some(trouble) = self.rival(object_kind, object, desired) {
                        return Ok(Err(trouble));
                    }
                    match self.find(object_kind, desired, transcript).await? {
                        Ok(answer) => {
                            // An account may be its own other owner where the link was lost.
                            let answer = not_linked_to_itself(answer, object);
                            let answer = self.first_come(answer, object, row).await?;
                            situation.known =
                                if lost { Knowledge::MatchedAfterLoss(answer) } else { Knowledge::Matched(answer) };
                        }
                        Err(trouble) => return Ok(Err(trouble)),
                    }
                }
            }
        }
    }

    /// The mapped values; of an object that is not entitled only those that follow its state (D-36).
    pub(super) fn map(
        &self,
        kind: &KindRules<'_>,
        object: &SourceObject,
        entitled: bool,
    ) -> Result<Vec<Desired>, Failure> {
        let random = self.random(object);
        let never = |_: &str| -> Result<bool, String> { Err("the target is asked only on creation".to_owned()) };
        let context = Context { now: DateTime::from(self.as_of()), random: &random, uniqueness: &never };
        let mapped = kind.mapping.evaluate(object, !entitled, &context);
        if entitled {
            return kind.mapping.desired(mapped);
        }
        let follows = |index: usize| kind.mapping.attributes().get(index).is_some_and(|one| one.rule.follows_state);
        kind.mapping.desired(mapped.into_iter().filter(|one| follows(one.index)).collect())
    }

    /// The same object draws the same values in the same run, however often it is evaluated.
    pub(super) fn random(&self, object: &SourceObject) -> SeededRandom {
        let draws = self.run.review.as_ref().map_or(self.run.seed, |review| review.draws());
        let seed = blake3::keyed_hash(&draws, object.anchor.as_str().as_bytes());
        SeededRandom::new(*seed.as_bytes())
    }

    pub(super) fn unevaluated(
        &self,
        object: &SourceObject,
        row: Option<&ObjectRow>,
        decision: Decision,
        began: Instant,
    ) -> Evaluated {
        let recorded = Recorded {
            object,
            row,
            standing: None,
            scoping: None,
            decision: &decision,
            failure: None,
            retry: None,
            target: None,
            matched: None,
            transcript: &Transcript::default(),
            began,
        };
        let entry = Arc::new(record::entry(self, recorded));
        let link_before = row.map_or(Link::None, |row| row.link.clone());
        Evaluated { entry, decision, link_before, resource: None, commit: None, intended: None, is_unreached: false }
    }
}

/// What was being done when the planner itself found the failure.
fn operation_of(code: ErrorCode) -> Operation {
    match code {
        ErrorCode::DuplicateSourceEntries | ErrorCode::DuplicateTargetEntries => Operation::Match,
        ErrorCode::InvalidAnchor => Operation::Read,
        _ => Operation::Evaluate,
    }
}

/// Is the decision a deprovisioning that waits for approval?
pub(super) fn is_staged(decision: &Decision) -> bool {
    matches!(decision, Decision::Skip { reason: Reason::StagedAction | Reason::StagedDelete, .. })
}

/// The account as it was read before anything was sent.
pub(super) fn read_back(known: &Knowledge) -> Option<&Resource> {
    match known {
        Knowledge::Read(ReadAnswer::Found(resource))
        | Knowledge::Matched(MatchAnswer::One { resource, .. })
        | Knowledge::MatchedAfterLoss(MatchAnswer::One { resource, .. }) => Some(resource),
        Knowledge::Nothing
        | Knowledge::Read(ReadAnswer::Missing)
        | Knowledge::Matched(MatchAnswer::None | MatchAnswer::Many { .. })
        | Knowledge::MatchedAfterLoss(MatchAnswer::None | MatchAnswer::Many { .. }) => None,
    }
}

/// Of several roles where one is mapped the first is taken, and which is first nobody promises (expressions.md 5).
fn name_several_roles(kind: &KindRules<'_>, object: &SourceObject, transcript: &mut Transcript) {
    for (index, mapping) in kind.mapping.attributes().iter().enumerate().filter(|(_, mapping)| mapping.single_role) {
        for name in kind.mapping.reads(index) {
            let count = match object.attribute(&name) {
                Some(SourceValue::Roles(roles)) => roles.len(),
                Some(SourceValue::List(roles)) => roles.len(),
                _ => 0,
            };
            if count > 1 {
                let detail = format!("`{}` takes the first of {count} roles of `{name}`", mapping.rule.path);
                transcript.warn("several-roles", &detail);
            }
        }
    }
}

/// An object that the export lacks, as far as it is known.
pub(super) fn absent_object(staged: &Staged) -> SourceObject {
    SourceObject {
        kind: staged.kind,
        anchor: staged.anchor.clone(),
        deletion: Deletion::Soft,
        attributes: Attributes::new(),
        rest: Attributes::new(),
        unknown: Default::default(),
        cleared: Default::default(),
        incomplete: Default::default(),
        unresolved: BTreeMap::new(),
        choices: BTreeMap::new(),
        removed: BTreeMap::new(),
        partial: false,
        origin: Origin { file: "".into(), line: 0 },
    }
}
