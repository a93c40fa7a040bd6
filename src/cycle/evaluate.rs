//! One object along the line: scope, map, ask, decide, push, classify, record.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Instant;

use super::escrow;
use super::line::{KindRules, Line};
use super::record::{self, Recorded};
use super::references::Evaluation;
use super::standing::Standing;
use super::talk::{Transcript, Trouble, Written};
use crate::expr::{Class as ExpressionClass, Context, DateTime, Random, SeededRandom};
use crate::model::{
    Change, Class, Deletion, Desired, Entry, ErrorCode, Escrow, Failure, Flow, Intended, Link, ModifiedProperty,
    ObjectKind, Operation, Origin, Resource, SourceAnchor, SourceObject, SourceState, TargetId, Trigger,
};
use crate::plan::{
    self, Decision, Knowledge, MatchAnswer, Next, Protection, Question, ReadAnswer, Reason, Scope, Situation,
};
use crate::store::{EscrowChange, ObjectCommit, ObjectRow, RowChange, Staged, StoreError};
use crate::target::Transport;

/// What an evaluation came to.
pub(super) struct Evaluated {
    pub entry: Entry,
    pub decision: Decision,
    /// The link it began with.
    pub link_before: Link,
    /// The account as it was last seen, for references that are sent later.
    pub resource: Option<Box<Resource>>,
    /// What must be written down; nothing where nobody writes down.
    pub commit: Option<ObjectCommit>,
    /// What would be sent; only while planning.
    pub intended: Option<Intended>,
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
            (None, Some(row)) => Standing::of_absent(row, self.scope, self.as_of()),
            (None, None) => return Ok(self.unevaluated(object, row, Decision::Pass(Reason::NotManaged), began)),
        };
        let mut course = Course {
            knowledge: Knowledge::Nothing,
            transcript: Transcript::default(),
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
            (decision, None) if decision.writes() => {
                match self.carry_out(kind, object, &decision, &mut course).await? {
                    Ok(written) => (decision, None, Some(written)),
                    Err(trouble) => (decision, Some(trouble), None),
                }
            }
            (decision, trouble) => (decision, trouble, None),
        };
        course.intended = course
            .intended
            .take()
            .filter(|_| trouble.is_none())
            .map(|intended| Intended { requests: course.transcript.take_rehearsed(), ..intended });
        if !course.transcript.exchanges.is_empty() {
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
            if last.modified.iter().any(|sent| sent.name == path && sent.new == value) {
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
            Ok(desired) => {
                course.desired = desired;
                None
            }
            Err(failure) => Some(failure),
        };
        let desired = course.desired.clone();
        let protection = self.run.protect.of(&object.anchor, object.origin.file.is_empty());
        let mut situation = Situation {
            kind: object_kind,
            trigger: self.run.trigger,
            rules: kind.rules,
            job_runs: self.run.job_runs,
            export_complete: self.run.export_complete,
            // Whoever is in a batch is looked at each time, so that it can leave it (D-52).
            changed: standing.differs_from(row) || self.run.protect.is_member(&object.anchor),
            retry_due: escrow.map(|escrow| escrow.next_due.is_some_and(|due| due <= self.as_of())),
            input_passed: standing.input_passed,
            scope: standing.scope.clone(),
            left_scope_before: row.is_some_and(|row| !row.in_scope()),
            link: link.clone(),
            desired: &desired,
            protection,
            known: Knowledge::Nothing,
        };
        loop {
            match plan::next(&situation) {
                Next::Decide(decision) => {
                    course.knowledge = situation.known;
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
                Next::Ask(Question::Read(id)) => {
                    match self.read(object_kind, &id, &desired, &mut course.transcript).await {
                        Ok(answer) => situation.known = Knowledge::Read(answer),
                        Err(trouble) => return Ok(Err(trouble)),
                    }
                }
                Next::Ask(Question::Match) => {
                    let lost = matches!(situation.known, Knowledge::Read(_));
                    if let Some(trouble) = self.rival(object_kind, object, &desired) {
                        return Ok(Err(trouble));
                    }
                    match self.find(object_kind, &desired, &mut course.transcript).await? {
                        Ok(answer) => {
                            // An account may be its own other owner where the link was lost.
                            let answer = self.first_come(not_linked_to_itself(answer, object), object)?;
                            situation.known =
                                if lost { Knowledge::MatchedAfterLoss(answer) } else { Knowledge::Matched(answer) };
                        }
                        Err(trouble) => return Ok(Err(trouble)),
                    }
                }
            }
        }
    }

    /// Somebody in flight who looks for the same account: one of the two would get the other's.
    fn rival(&self, kind: ObjectKind, object: &SourceObject, desired: &[Desired]) -> Option<Trouble> {
        let matching = desired.iter().filter(|one| one.rule.matching.is_some() && one.value().is_some());
        let first = matching.min_by_key(|one| one.rule.matching)?;
        let other = self.seek(kind, &first.value()?.to_text(), &object.anchor)?;
        let message = format!("the source object `{other}` has the same value in `{}`", first.rule.path);
        let failure = Failure::new(ErrorCode::DuplicateSourceEntries, message);
        Some(Trouble { failure, operation: Operation::Match })
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
    fn random(&self, object: &SourceObject) -> SeededRandom {
        let draws = self.run.review.as_ref().map_or(self.run.seed, |review| review.draws());
        let seed = blake3::keyed_hash(&draws, object.anchor.as_str().as_bytes());
        SeededRandom::new(*seed.as_bytes())
    }

    /// Adds the values that need the target's word, on creation only (`SelectUniqueValue`).
    pub(super) async fn unique_values(
        &self,
        kind: &KindRules<'_>,
        object: &SourceObject,
        values: &mut Vec<Change>,
        transcript: &mut Transcript,
    ) -> Result<(), Trouble> {
        for (index, mapping) in kind.mapping.attributes().iter().enumerate() {
            if mapping.class != ExpressionClass::Target {
                continue;
            }
            let path = mapping.rule.path.as_str();
            let mut answers: BTreeMap<String, bool> = BTreeMap::new();
            loop {
                let open = RefCell::new(None);
                let flow = {
                    let random = self.random(object);
                    let ask = |value: &str| -> Result<bool, String> {
                        answers.get(value).copied().ok_or_else(|| {
                            *open.borrow_mut() = Some(value.to_owned());
                            "not asked yet".to_owned()
                        })
                    };
                    let context = Context { now: DateTime::from(self.as_of()), random: &random, uniqueness: &ask };
                    kind.mapping.evaluate_one(index, object, false, &context)
                };
                let open = open.into_inner();
                match (open, flow) {
                    (Some(value), _) => {
                        let taken = self.reserve(path, &value)
                            || self.is_taken(kind.mapping.kind(), &mapping.rule, &value, transcript).await?;
                        answers.insert(value, taken);
                    }
                    (None, Some(Ok(Flow::Value(value)))) => {
                        values.push(Change { rule: mapping.rule.clone(), set: Some(value), before: None });
                        break;
                    }
                    (None, Some(Err(failure))) => return Err(Trouble { failure, operation: Operation::Evaluate }),
                    (None, Some(Ok(Flow::Null | Flow::Ignore)) | None) => break,
                }
            }
        }
        Ok(())
    }

    /// Reserves a unique value for this run; true where it was handed out before.
    fn reserve(&self, path: &str, value: &str) -> bool {
        let mut reserved = self.reserved.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        !reserved.entry(path.to_owned()).or_default().insert(value.to_lowercase())
    }

    async fn carry_out(
        &self,
        kind: &KindRules<'_>,
        object: &SourceObject,
        decision: &Decision,
        course: &mut Course,
    ) -> Result<Result<Carried, Trouble>, StoreError> {
        match self.write(kind, object, decision, course).await {
            Ok(Carried::Created(resource)) => Ok(match self.claim_account(object, resource.id())? {
                None => Ok(Carried::Created(resource)),
                Some(other) => {
                    let message = format!(
                        "the target answered the create with the identifier `{}`, which belongs to the source object `{other}`",
                        resource.id()
                    );
                    let failure = Failure::new(ErrorCode::ScimServiceIncompatible, message).with_remedy(
                        "the target must give each account an identifier of its own; see whether the account was made",
                    );
                    Err(Trouble { failure, operation: Operation::Create })
                }
            }),
            other => Ok(other),
        }
    }

    /// Notes whose account `id` is; returns the other source object that has it already.
    fn claim_account(&self, object: &SourceObject, id: &TargetId) -> Result<Option<SourceAnchor>, StoreError> {
        if let Some(other) = self.store.owner_of(self.job, id)?.filter(|other| *other != object.anchor) {
            return Ok(Some(other));
        }
        let mut accounts = self.accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let owner = accounts.entry(id.clone()).or_insert_with(|| object.anchor.clone());
        Ok(Some(owner.clone()).filter(|owner| *owner != object.anchor))
    }

    /// Of two objects that match one account in the same run the first one gets it (D-26).
    fn first_come(&self, answer: MatchAnswer, object: &SourceObject) -> Result<MatchAnswer, StoreError> {
        Ok(match answer {
            MatchAnswer::One { resource, linked_to: None } => {
                let linked_to = self.claim_account(object, resource.id())?;
                MatchAnswer::One { resource, linked_to }
            }
            other @ (MatchAnswer::One { .. } | MatchAnswer::None | MatchAnswer::Many { .. }) => other,
        })
    }

    async fn write(
        &self,
        kind: &KindRules<'_>,
        object: &SourceObject,
        decision: &Decision,
        course: &mut Course,
    ) -> Result<Carried, Trouble> {
        let object_kind = kind.mapping.kind();
        match decision {
            Decision::Create { values, .. } => {
                let mut values = values.clone();
                if !course.uniques_known {
                    self.unique_values(kind, object, &mut values, &mut course.transcript).await?;
                }
                let password = self.password();
                let (password, transcript) = (password.as_deref(), &mut course.transcript);
                let resource = self.create(object_kind, &object.anchor, &values, password, transcript).await?;
                Ok(Carried::Created(Box::new(resource)))
            }
            Decision::Update { changes, .. } => {
                let current = read_back(&course.knowledge);
                let Some(current) = current.cloned() else { return Err(lost_track(Operation::Update)) };
                self.update(object_kind, &current, changes, Operation::Update, &mut course.transcript).await?;
                Ok(Carried::Changed)
            }
            Decision::Disable { changes, .. } => {
                let current = read_back(&course.knowledge);
                let Some(current) = current.cloned() else { return Err(lost_track(Operation::Disable)) };
                match self.update(object_kind, &current, changes, Operation::Disable, &mut course.transcript).await? {
                    Written::Done => Ok(Carried::Changed),
                    Written::AlreadyGone => Ok(Carried::Gone),
                }
            }
            Decision::Delete { target, .. } if self.wire.deletes(object_kind) => {
                self.delete(object_kind, target, &mut course.transcript).await?;
                Ok(Carried::Gone)
            }
            // A dialect that never deletes deactivates instead (wire.md 25).
            Decision::Delete { target, .. } => {
                let ReadAnswer::Found(current) =
                    self.read(object_kind, target, &course.desired, &mut course.transcript).await?
                else {
                    return Ok(Carried::Gone);
                };
                let changes = plan::changes_on_update(&course.desired, &current);
                self.update(object_kind, &current, &changes, Operation::Disable, &mut course.transcript).await?;
                Ok(Carried::Gone)
            }
            Decision::Skip { .. } | Decision::Fail(_) | Decision::Pass(_) => Ok(Carried::Changed),
        }
    }

    /// Eight characters that nobody keeps, where the dialect sends some (wire.md 18.1).
    pub(super) fn password(&self) -> Option<String> {
        if !self.wire.sends_password() {
            return None;
        }
        if self.run.dry_run {
            return Some(record::REDACTED.to_owned());
        }
        let mut bytes = [0; 8];
        let mut seed = self.run.seed;
        seed[0] ^= 0x5a;
        SeededRandom::new(seed).fill(&mut bytes);
        const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
        Some(bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect())
    }

    /// The end of an evaluation that panicked: the object is set aside, nothing of it is known to be wrong in the target.
    pub(super) fn broke_down(&self, staged: &Staged, row: Option<&ObjectRow>, escrow: Option<&Escrow>) -> Evaluated {
        let absent = absent_object(staged);
        let object = staged.object.as_deref().unwrap_or(&absent);
        let failure = Failure::new(ErrorCode::InternalError, "a part of the program failed on this object");
        let target = row.and_then(|row| row.link.target());
        let set_aside =
            escrow::entry(&staged.anchor, target, Operation::Evaluate, &failure, escrow, self.now(), self.first_retry);
        let mut evaluated = self.unevaluated(object, row, Decision::Fail(failure.clone()), Instant::now());
        evaluated.entry.failure = Some(failure);
        evaluated.commit = self.book.is_some().then(|| ObjectCommit {
            anchor: staged.anchor.clone(),
            row: RowChange::Keep,
            escrow: EscrowChange::Put(set_aside),
            unstage: false,
            references: None,
            entry: Some(Box::new(evaluated.entry.clone())),
        });
        evaluated
    }

    fn unevaluated(
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
        let entry = record::entry(self, recorded);
        let link_before = row.map_or(Link::None, |row| row.link.clone());
        Evaluated { entry, decision, link_before, resource: None, commit: None, intended: None }
    }
}

/// What a write left behind.
enum Carried {
    Created(Box<Resource>),
    Changed,
    Gone,
}

/// Everything needed to store and record how an evaluation ended.
struct Afterwards<'a, 'l, T> {
    line: &'a Line<'l, T>,
    object: &'a SourceObject,
    staged: &'a Staged,
    standing: &'a Standing,
    row: Option<&'a ObjectRow>,
    escrow: Option<&'a Escrow>,
    link: &'a Link,
}

impl<T: Transport> Afterwards<'_, '_, T> {
    fn finish(
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
                line.first_retry,
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
        let commit = line.book.is_some().then(|| {
            let row = self.row_after(&decision, failure.as_ref().map(|(_, failure)| failure), link, broke, &course);
            ObjectCommit {
                anchor: self.staged.anchor.clone(),
                row,
                escrow: match (escrow, &failure) {
                    // D-53: an on-demand run adds no entry, and leaves the timetable of one that is there.
                    (Some(_), _) if on_demand => EscrowChange::Keep,
                    (Some(escrow), _) => EscrowChange::Put(escrow),
                    (None, Some(_)) => EscrowChange::Keep,
                    // The timetable of a refused reference goes on until the reference is set.
                    (None, None) if waits && is_reference(self.escrow) => EscrowChange::Keep,
                    (None, None) if matches!(decision, Decision::Pass(_)) => EscrowChange::Keep,
                    (None, None) => EscrowChange::Clear,
                },
                unstage: failure.is_none() && !is_staged(&decision),
                references: found.map(Box::new),
                entry: record::is_logged(line, &decision, failure.is_some(), self.link)
                    .then(|| Box::new(entry.clone())),
            }
        });
        Ok(Evaluated {
            entry,
            decision,
            link_before: self.link.clone(),
            resource: follow_up,
            commit,
            intended: course.intended,
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
        let nothing_seen = matches!(decision, Decision::Pass(_) | Decision::Skip { reason: Reason::InputFilter, .. });
        if nothing_seen || is_staged(decision) {
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
            active_in_target: active,
            left_at: self.standing.left_at,
        })
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

fn is_reference(escrow: Option<&Escrow>) -> bool {
    escrow.is_some_and(|escrow| escrow.operation == Operation::Reference)
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

fn carried_target(carried: Option<&Carried>) -> Option<&TargetId> {
    match carried {
        Some(Carried::Created(resource)) => Some(resource.id()),
        Some(Carried::Changed | Carried::Gone) | None => None,
    }
}

fn not_linked_to_itself(answer: MatchAnswer, object: &SourceObject) -> MatchAnswer {
    match answer {
        MatchAnswer::One { resource, linked_to } => {
            MatchAnswer::One { resource, linked_to: linked_to.filter(|other| *other != object.anchor) }
        }
        other @ (MatchAnswer::None | MatchAnswer::Many { .. }) => other,
    }
}

fn lost_track(operation: Operation) -> Trouble {
    let failure = Failure::new(ErrorCode::InternalError, "the account to change was not read before");
    Trouble { failure, operation }
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

/// An object that the export lacks, as far as it is known.
pub(super) fn absent_object(staged: &Staged) -> SourceObject {
    SourceObject {
        kind: staged.kind,
        anchor: staged.anchor.clone(),
        deletion: Deletion::Soft,
        attributes: BTreeMap::new(),
        rest: BTreeMap::new(),
        unknown: Default::default(),
        cleared: Default::default(),
        incomplete: Default::default(),
        unresolved: BTreeMap::new(),
        removed: BTreeMap::new(),
        partial: false,
        origin: Origin { file: String::new(), line: 0 },
    }
}
