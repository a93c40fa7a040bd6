//! The questions and the writes of one object, and what their answers mean.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::line::Line;
use super::record::REDACTED;
use super::transcript::Transcript;
use crate::config::VerifyWrites;
use crate::model::{
    Change, Class, Desired, ErrorCode, Failure, Mutability, ObjectKind, Operation, Resource, SourceAnchor, TargetId,
    TargetValue,
};
use crate::plan::{MatchAnswer, ReadAnswer};
use crate::store::StoreError;
use crate::target::Transport;
use crate::wire::{self, Body, Found, Read, Refusal, Request, Response, Retry};

/// How often a probe that met a passing trouble is sent again: one bad answer must not cost everybody a cycle.
const PROBE_REPEATS: u32 = 2;

/// A failed exchange, with what was being done.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub failure: Failure,
    pub operation: Operation,
}

/// What a write came to.
pub(super) enum Written {
    Done,
    /// It was to be disabled or deleted, and is gone already.
    AlreadyGone,
}

impl Transcript {
    /// Turns a refusal into the failure of the object.
    pub(super) fn trouble(&mut self, operation: Operation, refusal: Refusal) -> Trouble {
        self.remark(refusal.remarks);
        for hint in refusal.hints {
            self.hint(hint);
        }
        let mut failure = match refusal.retry {
            Retry::Quarantine => refusal.failure.with_class(Class::Critical),
            Retry::NextCycle | Retry::After(_) | Retry::Admin => refusal.failure,
        };
        // The target's words may quote a hidden value.
        failure.message = self.masked(failure.message);
        Trouble { failure, operation }
    }
}

/// The identifier of an account that a dry run would create.
pub(super) fn placeholder(anchor: &SourceAnchor) -> TargetId {
    TargetId(format!("{PLACEHOLDER}{anchor}"))
}

const PLACEHOLDER: &str = "new:";

impl<T: Transport> Line<'_, T> {
    /// Whether `id` stands for an account that this dry run would create.
    pub(super) fn is_placeholder(&self, id: &TargetId) -> bool {
        self.run.dry_run && id.as_str().starts_with(PLACEHOLDER)
    }

    /// The values as they may be seen: those of a dry run are for people.
    fn seen<'a>(&self, changes: &'a [Change]) -> Cow<'a, [Change]> {
        if !self.run.dry_run || changes.iter().all(|change| !change.rule.redacted) {
            return Cow::Borrowed(changes);
        }
        let hidden = |change: &Change| {
            let set = change.set.as_ref().map(|value| match change.rule.redacted {
                true => TargetValue::Text(REDACTED.to_owned()),
                false => value.clone(),
            });
            Change { set, ..change.clone() }
        };
        changes.iter().map(hidden).collect()
    }

    /// Sends a request; a dry run sends reads only, and what it would write is noted.
    pub(super) async fn send(&self, request: &Request, transcript: &mut Transcript) -> wire::Answer {
        if self.run.dry_run && !request.is_read() {
            return self.rehearse(request, None, transcript);
        }
        let answer = self.transport.send(request).await;
        transcript.keep(request, &answer);
        answer
    }

    /// Answers a write in the place of the target, and notes it where somebody will review it.
    fn rehearse(&self, request: &Request, id: Option<&TargetId>, transcript: &mut Transcript) -> wire::Answer {
        if self.run.review.is_some() {
            transcript.rehearsed.push(request.clone());
        }
        Ok(as_taken(request, id))
    }

    /// Looks for the object by its matching attributes, first precedence first (wire.md 7).
    pub(super) async fn find(
        &self,
        kind: ObjectKind,
        desired: &[Desired],
        transcript: &mut Transcript,
    ) -> Result<Result<MatchAnswer, Trouble>, StoreError> {
        let mut by: Vec<&Desired> = desired.iter().filter(|one| one.rule.matching.is_some()).collect();
        by.sort_by_key(|one| one.rule.matching);
        for one in by {
            let Some(value) = one.value() else { continue };
            let path = &one.rule.path;
            let answer = self.send(&self.wire.find(kind, path, value), transcript).await;
            match self.wire.found(path, value, &answer, self.now()) {
                Err(refusal) => return Ok(Err(transcript.trouble(Operation::Match, refusal))),
                Ok(Read { value: Found::None, remarks }) => transcript.remark(remarks),
                Ok(Read { value: Found::One(resource), remarks }) => {
                    transcript.remark(remarks);
                    transcript.matched_by = Some(path.to_string());
                    let linked_to = self.store.owner_of(self.job, resource.id())?;
                    let paths = desired.iter().map(|one| &one.rule.path);
                    transcript.remark(self.wire.remarks_on(&resource, paths));
                    return Ok(Ok(MatchAnswer::One { resource: Box::new(resource), linked_to }));
                }
            }
        }
        Ok(Ok(MatchAnswer::None))
    }

    /// Whether an object of the target has `value` already, for `SelectUniqueValue`.
    pub(super) async fn is_taken(
        &self,
        kind: ObjectKind,
        one: &crate::model::AttributeRule,
        value: &str,
        transcript: &mut Transcript,
    ) -> Result<bool, Trouble> {
        let wanted = TargetValue::Text(value.to_owned());
        let answer = self.send(&self.wire.find(kind, &one.path, &wanted), transcript).await;
        match self.wire.found(&one.path, &wanted, &answer, self.now()) {
            Ok(Read { value: Found::None, .. }) => Ok(false),
            Ok(Read { value: Found::One(_), .. }) => Ok(true),
            // Several objects with the value: taken all the same.
            Err(refusal) if refusal.failure.code == ErrorCode::DuplicateTargetEntries => Ok(true),
            Err(refusal) => Err(transcript.trouble(Operation::Match, refusal)),
        }
    }

    /// Reads a linked account (wire.md 9).
    pub(super) async fn read(
        &self,
        kind: ObjectKind,
        id: &TargetId,
        desired: &[Desired],
        transcript: &mut Transcript,
    ) -> Result<ReadAnswer, Trouble> {
        let answer = self.send(&self.wire.read(kind, id), transcript).await;
        match self.wire.resource(id, &answer, self.now()) {
            Ok(read) => {
                transcript.remark(read.remarks);
                let paths = desired.iter().map(|one| &one.rule.path);
                transcript.remark(self.wire.remarks_on(&read.value, paths));
                Ok(ReadAnswer::Found(Box::new(read.value)))
            }
            Err(refusal) if refusal.is_gone() => {
                for hint in refusal.hints {
                    transcript.hint(hint);
                }
                Ok(ReadAnswer::Missing)
            }
            Err(refusal) => Err(transcript.trouble(Operation::Read, refusal)),
        }
    }

    pub(super) async fn create(
        &self,
        kind: ObjectKind,
        anchor: &SourceAnchor,
        values: &[Change],
        password: Option<&str>,
        transcript: &mut Transcript,
    ) -> Result<Resource, Trouble> {
        let values = &*self.seen(values);
        let desired: Vec<wire::Desired<'_>> = values
            .iter()
            .map(|change| wire::Desired {
                path: &change.rule.path,
                value: change.set.as_ref(),
                single_role: self.is_single_role(kind, change),
            })
            .collect();
        let request = self.wire.create(kind, &desired, password);
        password.into_iter().for_each(|password| transcript.hide(password));
        transcript.hide_changes(values);
        let answer = match self.run.dry_run {
            true => self.rehearse(&request, Some(&placeholder(anchor)), transcript),
            false => self.send(&request, transcript).await,
        };
        // What is never shown is not missed in the answer.
        let shown = values.iter().zip(desired).filter(|(change, _)| change.rule.mutability != Mutability::WriteOnly);
        let shown: Vec<wire::Desired<'_>> = shown.map(|(_, desired)| desired).collect();
        match self.wire.created(&shown, &answer, self.now()) {
            Ok(read) if self.run.dry_run => Ok(read.value),
            Ok(read) => {
                let remarks = read
                    .remarks
                    .into_iter()
                    .filter(|remark| self.verify_writes != VerifyWrites::Off || remark.code != "create-echo");
                transcript.remark(remarks.collect());
                if self.verify_writes == VerifyWrites::ReadBack {
                    self.read_back(kind, read.value.id(), values, transcript).await;
                }
                Ok(read.value)
            }
            Err(refusal) => Err(transcript.trouble(Operation::Create, refusal)),
        }
    }

    /// Sends the requests of an update or a disable, one after the other.
    pub(super) async fn update(
        &self,
        kind: ObjectKind,
        current: &Resource,
        changes: &[Change],
        operation: Operation,
        transcript: &mut Transcript,
    ) -> Result<Written, Trouble> {
        match self.update_once(kind, current, changes, operation, transcript).await {
            Err(Unwritten::Stale(first)) => {
                // Somebody else wrote it since it was read: once more, with what still differs (wire.md 15.1).
                let answer = self.send(&self.wire.read(kind, current.id()), transcript).await;
                let fresh = match self.wire.resource(current.id(), &answer, self.now()) {
                    Ok(read) => read.value,
                    Err(_) => return Err(transcript.trouble(operation, *first)),
                };
                let left: Vec<Change> = changes.iter().filter_map(|change| still_differs(change, &fresh)).collect();
                if left.is_empty() {
                    return Ok(Written::Done);
                }
                self.update_once(kind, &fresh, &left, operation, transcript).await.map_err(
                    |unwritten| match unwritten {
                        Unwritten::Stale(refusal) => transcript.trouble(operation, *refusal),
                        Unwritten::Refused(trouble) => *trouble,
                    },
                )
            }
            Err(Unwritten::Refused(trouble)) => Err(*trouble),
            Ok(written) => Ok(written),
        }
    }

    async fn update_once(
        &self,
        kind: ObjectKind,
        current: &Resource,
        changes: &[Change],
        operation: Operation,
        transcript: &mut Transcript,
    ) -> Result<Written, Unwritten> {
        let changes = &*self.seen(changes);
        let wanted: Vec<wire::Change<'_>> = changes
            .iter()
            .map(|change| wire::Change { path: &change.rule.path, set: change.set.as_ref(), present: change.is_held() })
            .collect();
        transcript.hide_changes(changes);
        let update = self.wire.update(kind, current, &wanted, None);
        for hint in update.hints {
            transcript.hint(hint);
        }
        let mut last = None;
        for request in &update.requests {
            let answer = self.send(request, transcript).await;
            match self.wire.updated(current.id(), &answer, self.now()) {
                Ok(read) => {
                    transcript.remark(read.remarks);
                    last = read.value.map(Box::new).or(last);
                }
                Err(refusal) if refusal.is_gone() && operation == Operation::Disable => {
                    return Ok(Written::AlreadyGone);
                }
                Err(refusal) if self.wire.is_stale(&refusal) => return Err(Unwritten::Stale(Box::new(refusal))),
                Err(refusal) => return Err(Unwritten::Refused(Box::new(transcript.trouble(operation, refusal)))),
            }
        }
        match self.verify_writes {
            _ if self.run.dry_run => {}
            VerifyWrites::Off => {}
            VerifyWrites::Answer => {
                if let Some(resource) = &last {
                    verify(resource, changes, transcript);
                }
            }
            VerifyWrites::ReadBack => self.read_back(kind, current.id(), changes, transcript).await,
        }
        Ok(Written::Done)
    }

    /// Whether the value comes from `SingleAppRoleAssignment`, which Entra writes in a form of its own (wire.md 8.1).
    pub(super) fn is_single_role(&self, kind: ObjectKind, change: &Change) -> bool {
        let mapped = self.kind(kind).into_iter().flat_map(|kind| kind.mapping.attributes());
        let mut of_rule = mapped.filter(|mapping| std::sync::Arc::ptr_eq(&mapping.rule, &change.rule));
        of_rule.any(|mapping| {
            mapping.single_role && mapping.text.trim_start().to_ascii_lowercase().starts_with("singleapproleassignment")
        })
    }

    pub(super) async fn delete(
        &self,
        kind: ObjectKind,
        id: &TargetId,
        transcript: &mut Transcript,
    ) -> Result<Written, Trouble> {
        let answer = self.send(&self.wire.delete(kind, id, None), transcript).await;
        match self.wire.deleted(&answer, self.now()) {
            Ok(Read { value: wire::Deleted::Done, remarks }) => {
                transcript.remark(remarks);
                Ok(Written::Done)
            }
            Ok(Read { value: wire::Deleted::AlreadyGone, .. }) => Ok(Written::AlreadyGone),
            Err(refusal) => Err(transcript.trouble(Operation::Delete, refusal)),
        }
    }

    /// Compares the account after a write with what was sent; a failed read-back only leaves the write unchecked.
    async fn read_back(&self, kind: ObjectKind, id: &TargetId, changes: &[Change], transcript: &mut Transcript) {
        let answer = self.send(&self.wire.read(kind, id), transcript).await;
        match self.wire.resource(id, &answer, self.now()) {
            Ok(read) => verify(&read.value, changes, transcript),
            Err(refusal) => transcript.warn("read-back-failed", &refusal.failure.message),
        }
    }

    /// The probes that open a cycle and test a connection (wire.md 6).
    pub(super) async fn probe(&self, guids: [&str; 2], transcript: &mut Transcript) -> Result<(), Failure> {
        let Some(matching) = self.users.mapping.matching().first().map(|mapping| mapping.rule.path.clone()) else {
            return Ok(());
        };
        for request in self.wire.probes(&matching, self.groups.is_some(), guids) {
            let mut repeats = PROBE_REPEATS;
            loop {
                let answer = self.send(&request, transcript).await;
                let Err(refusal) = self.wire.probed(&request, &answer, self.now()) else { break };
                if repeats == 0 || refusal.failure.class != Class::Transient {
                    return Err(transcript.trouble(Operation::Match, refusal).failure);
                }
                repeats -= 1;
            }
        }
        Ok(())
    }

    /// What a dialect asks once a run before anything else (wire.md 19).
    pub(super) async fn discover(&mut self, transcript: &mut Transcript) {
        let first = self.wire.discovery().into_iter().next();
        let Some(request) = first else { return };
        let answer = self.send(&request, transcript).await;
        match self.wire.announced(&answer, self.now()) {
            Ok(read) => self.wire.announced = read.value,
            Err(refusal) => transcript.warn("discovery", &refusal.failure.message),
        }
    }
}

/// What a target answers that takes the request, with `id` for a new account.
fn as_taken(request: &Request, id: Option<&TargetId>) -> Response {
    let answer = Response { status: 204, ..Response::default() };
    let (Some(id), Some(Value::Object(body))) = (id, request.body.as_ref().map(Body::value)) else { return answer };
    let mut body = body.clone();
    body.insert("id".to_owned(), json!(id.as_str()));
    let content_type = Some("application/scim+json".to_owned());
    let (body, location) = (Value::Object(body).to_string().into(), Some(format!("{}/{id}", request.path)));
    Response { status: 201, content_type, location, body, ..answer }
}

/// Why an update did not go through.
enum Unwritten {
    /// The account changed since it was read.
    Stale(Box<Refusal>),
    Refused(Box<Trouble>),
}

/// The change as it must be sent to `resource`, if it still must.
fn still_differs(change: &Change, resource: &Resource) -> Option<Change> {
    let held = resource.get(&change.rule.path);
    let settled = match (&change.set, held) {
        (Some(value), Some(held)) => value.agrees_with(held, change.rule.case_exact),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    (!settled).then(|| Change { before: held.cloned(), ..change.clone() })
}

/// Names what the target silently dropped or changed.
fn verify(resource: &Resource, changes: &[Change], transcript: &mut Transcript) {
    for change in changes.iter().filter(|change| change.rule.mutability != Mutability::WriteOnly) {
        let path = change.rule.path.as_str();
        let held = resource.get(&change.rule.path);
        match (&change.set, held) {
            (Some(value), Some(held)) if value.agrees_with(held, change.rule.case_exact) => {}
            (None, None) => {}
            (Some(_), None) => transcript.warn(
                "attribute-not-returned",
                &format!("the target does not return `{path}` after it was sent: it will be sent at every evaluation"),
            ),
            (Some(_), Some(_)) => {
                transcript.warn("attribute-not-taken", &format!("the target still holds another value in `{path}`"));
            }
            (None, Some(_)) => transcript.warn("attribute-not-cleared", &format!("the target still holds `{path}`")),
        }
    }
}
