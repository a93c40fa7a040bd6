//! References between objects: what an evaluation finds out about them, and sending them once all objects are done
//! (service.md 15, D-11, D-39, D-44).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::error::ServiceError;
use super::escrow;
use super::intended::{Held, Side};
use super::line::Line;
use super::progress::Observer;
use super::service::Service;
use super::talk::Trouble;
use super::tally::{CameTo, Tally};
use super::transcript::Transcript;
use crate::model::{
    Change, Deletion, Details, Entry, ErrorCode, Escrow, Failure, Identity, Intended, IntendedReference, Link,
    LoggedAction, LoggedStatus, ModifiedProperty, ObjectKind, Operation, Resource, SourceAnchor, SourceObject,
    SourceValue, Step, StepKind, TargetId, TargetValue,
};
use crate::plan::{Decision, ReadAnswer, Reason, Reference, Wanted, references};
use crate::store::{
    Choices, Claimed, EscrowChange, Exported, FollowUp, Logged, ObjectCommit, ObjectRow, Pending, Ready,
    ReferenceChange, Remembered, RowChange, Staging, StoreError, WantedMembers,
};
use crate::target::Transport;

/// Objects that are asked for together.
const PAGE: u32 = 256;

/// What an evaluation came to, as far as references go.
pub(super) struct Evaluation<'a> {
    pub object: &'a SourceObject,
    pub row: Option<&'a ObjectRow>,
    pub decision: &'a Decision,
    pub link: &'a Link,
    pub desired: &'a [crate::model::Desired],
    /// The account as it was last seen; none of an account that a dry run would create.
    pub resource: Option<&'a Resource>,
}

impl<T: Transport> Line<'_, T> {
    /// Compares what an object refers to with what is known of the target; nothing is asked or sent.
    pub(super) fn references_of(&self, evaluation: &Evaluation<'_>) -> Result<Option<ReferenceChange>, StoreError> {
        let Evaluation { object, row, decision, link, desired, resource } = evaluation;
        let created = matches!(decision, Decision::Create { .. });
        let settled = match decision {
            Decision::Create { .. } | Decision::Update { .. } => true,
            Decision::Skip { reason, .. } => *reason == Reason::RedundantExport,
            Decision::Disable { .. } | Decision::Delete { .. } | Decision::Fail(_) | Decision::Pass(_) => false,
        };
        // What a group holds matters to the groups around it, whether or not it is provisioned itself.
        let is_inner = self.flattens && object.kind == ObjectKind::Group && object.deletion == Deletion::None;
        let whole_list = || match object.attribute("members") {
            Some(SourceValue::List(members)) => members.clone(),
            _ => object.text("members").map(str::to_owned).into_iter().collect(),
        };
        if !settled || object.deletion != Deletion::None || !matches!(link, Link::Managed(_)) {
            let is_noted = is_inner && !matches!(decision, Decision::Fail(_));
            return Ok(is_noted.then(|| {
                let members = Some(self.wanted_members(object, std::sync::Arc::new(whole_list())));
                ReferenceChange { members, ..ReferenceChange::default() }
            }));
        }
        let nobody;
        let resource = match resource {
            Some(resource) => *resource,
            None => {
                let Some(new) = Resource::new(json!({ "id": "new" })) else { return Ok(None) };
                nobody = new;
                &nobody
            }
        };
        let (mut pending, mut exported) = (Vec::new(), Vec::new());
        let mut members = None;
        let mut is_mapped = false;
        for Reference { rule, wanted } in references(desired, created, resource) {
            match wanted {
                Wanted::Members(list) => members = Some(self.wanted_members(object, list)),
                Wanted::Nothing if is_left_alone(object) => {}
                Wanted::Nothing => pending.push(Pending { attribute: rule.path.to_string(), wanted: None }),
                Wanted::One(anchor) => {
                    is_mapped = true;
                    let anchor = SourceAnchor(anchor);
                    let other = self.store.object(self.job, &anchor)?;
                    let id = other.as_ref().and_then(managed);
                    let held = resource.get(&rule.path);
                    let is_held = id
                        .zip(held)
                        .is_some_and(|(id, held)| TargetValue::Reference(id.to_string()).agrees_with(held, true));
                    let attribute = rule.path.to_string();
                    match is_held {
                        true if self.resolve_later => exported.push(Exported { attribute, wanted: anchor }),
                        true => {}
                        false => pending.push(Pending { attribute, wanted: Some(anchor) }),
                    }
                }
            }
        }
        let moved = link.target() != row.and_then(|row| row.link.target());
        let was_inactive =
            row.is_some_and(|row| row.active_in_target == Some(false) || matches!(row.link, Link::Released(_)));
        let reactivated = self.resolve_later && was_inactive && matches!(decision, Decision::Update { .. });
        let is_mapped = is_mapped || !pending.is_empty() || row.is_some();
        let is_change = moved || reactivated || is_mapped || members.is_some();
        let pending = is_mapped.then_some(pending);
        Ok(is_change.then_some(ReferenceChange { moved, reactivated, pending, exported, members }))
    }

    fn wanted_members(&self, object: &SourceObject, members: std::sync::Arc<Vec<String>>) -> WantedMembers {
        let dangling = object.unresolved.contains_key("members");
        let is_unknown = object.incomplete.contains("members") || object.unknown.contains("members");
        WantedMembers {
            complete: !is_unknown && (!dangling || !members.is_empty()),
            dangling,
            later: self.resolve_later,
            nested: self.flattens,
            members,
        }
    }

    /// Sets the references of one account, whose object is claimed.
    async fn set_references(
        &self,
        ready: &[Ready],
        resource: Option<Resource>,
        transcript: &mut Transcript,
    ) -> Result<Result<Vec<(Change, Option<SourceAnchor>)>, Trouble>, StoreError> {
        let Some(first) = ready.first() else { return Ok(Ok(Vec::new())) };
        // An account that is only rehearsed cannot be read.
        let is_new = self.is_placeholder(&first.holder);
        let made = || Resource::new(json!({ "id": first.holder.as_str() })).filter(|_| is_new);
        let current = match resource.filter(|_| is_new || !self.wire.needs_current()).or_else(made) {
            Some(resource) => resource,
            None => match self.read(ObjectKind::User, &first.holder, &[], transcript).await {
                Ok(ReadAnswer::Found(resource)) => *resource,
                Ok(ReadAnswer::Missing) => {
                    let message = format!("the account `{}` is gone from the target", first.holder);
                    let failure = Failure::new(ErrorCode::InvalidAnchor, message);
                    return Ok(Err(Trouble { failure, operation: Operation::Reference }));
                }
                Err(trouble) => return Ok(Err(Trouble { operation: Operation::Reference, ..trouble })),
            },
        };
        let mut changes = Vec::new();
        let mut settled = Vec::new();
        for one in ready {
            let mapped = self.users.mapping.attributes().iter();
            let rule = mapped.map(|mapping| &mapping.rule).find(|rule| rule.path.as_str() == one.attribute);
            // A mapping that is no more wants nothing.
            let Some(rule) = rule else {
                settled.push((one, None));
                continue;
            };
            let whom = one.wanted.as_ref().map(|(anchor, _)| anchor.clone());
            let before = current.get(&rule.path).cloned();
            let set = one.wanted.as_ref().map(|(_, id)| TargetValue::Reference(id.to_string()));
            let agrees = match (&set, &before) {
                (Some(set), Some(before)) => set.agrees_with(before, true),
                (None, before) => before.is_none(),
                (Some(_), None) => false,
            };
            if !agrees {
                let side = Side::Set {
                    before: before.as_ref().and_then(Value::as_str),
                    whom: whom.as_ref().map(SourceAnchor::as_str),
                };
                match self.planned().map(|planned| planned.holds_reference(&one.anchor, &one.attribute, side)) {
                    None | Some(Held::AsIs) => {}
                    Some(Held::Otherwise) => {
                        let message = format!(
                            "`{}` of the account, or whom it is to name, changed since the plan was made: nothing was sent for it",
                            one.attribute
                        );
                        let failure = Failure::new(ErrorCode::Conflict, message)
                            .with_remedy("look at `provisiond plan` again; the next cycle sets it as it is then");
                        return Ok(Err(Trouble { failure, operation: Operation::Reference }));
                    }
                    Some(Held::No) => {
                        self.withheld.fetch_add(1, Ordering::Relaxed);
                        continue;
                    }
                }
                changes.push((Change { rule: rule.clone(), set, before }, whom.clone()));
            }
            settled.push((one, whom.filter(|_| self.resolve_later)));
        }
        let sent: Vec<Change> = changes.iter().map(|(change, _)| change.clone()).collect();
        if !sent.is_empty()
            && let Err(trouble) = self.update(ObjectKind::User, &current, &sent, Operation::Reference, transcript).await
        {
            return Ok(Err(trouble));
        }
        for (one, exported) in settled {
            let (anchor, attribute) = (one.anchor.clone(), one.attribute.clone());
            self.book().settle_reference(self.job, anchor, attribute, exported).await?;
        }
        Ok(Ok(changes))
    }
}

/// A manager whom the export names, but does not hold, is left alone (sources.md 14.1).
pub(super) fn is_left_alone(object: &SourceObject) -> bool {
    object.unresolved.contains_key("manager") || object.unknown.contains("manager")
}

/// The account of an object that the job manages.
pub(super) fn managed(row: &ObjectRow) -> Option<&TargetId> {
    match &row.link {
        Link::Managed(id) => Some(id),
        Link::None | Link::Released(_) => None,
    }
}

/// What became of the references of one object.
pub(super) struct Settled {
    pub entry: Entry,
    /// While planning.
    pub intended: Option<Intended>,
    pub came_to: CameTo,
    /// Something was sent.
    pub sent: bool,
}

impl Settled {
    /// Whether there is anything to tell of it.
    pub(super) fn is_told(&self) -> bool {
        self.sent || self.entry.failure.is_some()
    }
}

impl Service {
    /// Sends every reference whose both ends have an account, managers first, then members.
    pub(super) async fn send_references<T: Transport>(
        &self,
        line: &Line<'_, T>,
        staging: &Staging,
        concurrency: usize,
        tally: &mut Tally,
        observer: &dyn Observer,
        stop: &CancellationToken,
    ) -> Result<(), ServiceError> {
        let Some(book) = line.book else { return Ok(()) };
        self.report_unresolved(line, staging, observer).await?;
        if line.resolve_later && book.references_rest(line.job, line.as_of())? {
            return Ok(());
        }
        book.look_at_references(line.job).await?;
        if !line.resolve_later {
            book.drop_unresolved(line.job).await?;
        }
        let mut is_quiet = true;
        let mut queue: std::collections::VecDeque<Vec<Ready>> = Default::default();
        let mut after = None;
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < concurrency && !stop.is_cancelled() && !line.breaker.is_open() {
                if queue.is_empty() {
                    let page = book.ready_references(line.job, after.as_ref(), line.as_of(), PAGE)?;
                    queue.extend(page.chunk_by(|a, b| a.anchor == b.anchor).map(<[Ready]>::to_vec));
                    after = page.last().map(|ready| ready.anchor.clone()).or(after);
                }
                let Some(ready) = queue.pop_front() else { break };
                is_quiet = false;
                running.push(self.refer(line, Some(staging), ready));
            }
            let Some(settled) = running.next().await else { break };
            note(tally, observer, settled?);
        }
        for warning in self.flatten(line).await? {
            observer.note(&warning);
            tally.warnings.push(warning);
        }
        book.drop_members_without_account(line.job).await?;
        let mut queue: std::collections::VecDeque<(SourceAnchor, TargetId)> = Default::default();
        let mut after = None;
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < concurrency && !stop.is_cancelled() && !line.breaker.is_open() {
                if queue.is_empty() {
                    queue.extend(book.ready_groups(line.job, after.as_ref(), line.as_of(), PAGE)?);
                    after = queue.back().map(|(group, _)| group.clone()).or(after);
                }
                let Some((group, target)) = queue.pop_front() else { break };
                is_quiet = false;
                running.push(self.deliver(line, Some(staging), group, target, super::members::Which::All, stop));
            }
            let Some(settled) = running.next().await else { break };
            note(tally, observer, settled?);
        }
        let withheld = line.withheld.load(Ordering::Relaxed);
        if withheld > 0 {
            tally.warnings.push(format!(
                "{withheld} references and members could be sent that the plan does not hold: they are left to the next cycle"
            ));
        }
        if is_quiet && !stop.is_cancelled() && !line.breaker.is_open() {
            book.let_references_rest(line.job, line.as_of()).await?;
        }
        tally.not_reached += u64::from(stop.is_cancelled() && book.has_ready_references(line.job, line.as_of())?);
        Ok(())
    }

    /// Gives groups the members of their inner groups, where the mapping file says so; names the loops among them.
    pub(super) async fn flatten<T: Transport>(&self, line: &Line<'_, T>) -> Result<Vec<String>, ServiceError> {
        let book = line.book();
        if !line.flattens || !book.is_regrouped(line.job)? {
            return Ok(Vec::new());
        }
        let loops = book.flatten_members(line.job, line.resolve_later).await?;
        let said = loops.iter().map(|round| {
            let way = round.iter().chain(round.first()).map(|group| format!("`{group}`")).collect::<Vec<_>>();
            format!("groups.loop: groups hold each other: {}; each has the members of all of them", way.join(" → "))
        });
        Ok(said.collect())
    }

    /// Sets the references of one object.
    pub(super) async fn refer<T: Transport>(
        &self,
        line: &Line<'_, T>,
        staging: Option<&Staging>,
        ready: Vec<Ready>,
    ) -> Result<Option<Settled>, ServiceError> {
        let began = Instant::now();
        let Some(first) = ready.first().cloned() else { return Ok(None) };
        let Some((row, escrow)) = self.claim_linked(line, &first.anchor, &first.holder).await? else { return Ok(None) };
        let follow_up = staging.map(|staging| staging.followed_up(&first.anchor)).transpose()?.flatten();
        let resource = follow_up.as_ref().and_then(|follow_up| follow_up.resource.clone()).and_then(Resource::new);
        let name = self.named(line, &first.anchor, follow_up.as_ref(), resource.as_ref())?;
        let mut transcript = Transcript::default();
        let result = line.set_references(&ready, resource, &mut transcript).await?;
        if transcript.is_unreached() {
            line.book().release(line.job, first.anchor.clone()).await?;
            return Ok(None);
        }
        if !transcript.exchanges.is_empty() && !transcript.given_up {
            line.breaker.note(result.as_ref().err().map(|trouble| &trouble.failure));
        }
        let (changes, failure) = match result {
            Ok(changes) => (changes, None),
            Err(trouble) => (Vec::new(), Some(trouble.failure)),
        };
        let mut details = Details::new();
        for one in &ready {
            let said = one.wanted.as_ref().map_or("nobody", |(anchor, _)| anchor.as_str());
            details.insert(one.attribute.clone(), said);
        }
        let modified = changes.iter().map(|(change, _)| ModifiedProperty {
            name: change.rule.path.word(),
            old: change.before.as_ref().and_then(Value::as_str).map(|text| text.to_owned().into()),
            new: change.set.as_ref().map(TargetValue::to_word),
        });
        let modified: Vec<ModifiedProperty> = modified.collect();
        let mut references = Vec::new();
        if line.is_planning() {
            for (one, (_, whom)) in modified.iter().zip(&changes) {
                references.push(IntendedReference {
                    attribute: one.name.to_string(),
                    before: one.old.as_deref().map(str::to_owned),
                    after: one.new.as_deref().map(str::to_owned),
                    name: whom.as_ref().map(|whom| self.name_of(line, staging, whom)).transpose()?.flatten(),
                    source: whom.clone(),
                });
            }
        }
        let story = Story {
            kind: row.kind,
            anchor: &first.anchor,
            target: &first.holder,
            name: &name,
            details,
            modified,
            references,
            failure,
            transcript,
            began,
        };
        let sent = !changes.is_empty();
        self.settle(line, story, escrow, follow_up.as_ref(), sent, EscrowChange::Clear).await.map(Some)
    }

    /// Claims an object that still has the account it had; `None` where somebody else works on it or it moved.
    pub(super) async fn claim_linked<T: Transport>(
        &self,
        line: &Line<'_, T>,
        anchor: &SourceAnchor,
        target: &TargetId,
    ) -> Result<Option<(ObjectRow, Option<Escrow>)>, ServiceError> {
        let now = jiff::Timestamp::now();
        let book = line.book();
        match book.claim(line.job, anchor.clone(), line.run.owner.clone(), now).await? {
            Claimed::Ours(remembered) => match *remembered {
                Remembered { row: Some(row), escrow } if managed(&row) == Some(target) => Ok(Some((row, escrow))),
                Remembered { .. } => {
                    book.release(line.job, anchor.clone()).await?;
                    Ok(None)
                }
            },
            Claimed::Theirs { .. } => Ok(None),
        }
    }

    /// Records how the references of one object ended, and gives up the claim.
    pub(super) async fn settle<T: Transport>(
        &self,
        line: &Line<'_, T>,
        mut story: Story<'_>,
        escrow: Option<Escrow>,
        follow_up: Option<&FollowUp>,
        sent: bool,
        on_success: EscrowChange,
    ) -> Result<Settled, ServiceError> {
        let before = escrow.as_ref();
        let is_critical = |failure: &Failure| failure.class == crate::model::Class::Critical;
        let on_demand = line.run.trigger == crate::model::Trigger::OnDemand;
        let new = story.failure.as_ref().filter(|failure| !is_critical(failure)).map(|failure| {
            let (anchor, target) = (story.anchor, Some(story.target));
            escrow::entry(anchor, target, Operation::Reference, failure, before, line.now(), line.escrow.first_retry)
        });
        let retry =
            new.as_ref().map(|escrow| crate::model::Retry { attempts: escrow.attempts - 1, next: escrow.next_due });
        let mine = before.is_some_and(|escrow| escrow.operation == Operation::Reference);
        let change = match new {
            Some(_) if on_demand => EscrowChange::Keep,
            Some(escrow) => line.set_aside(escrow),
            None if story.failure.is_none() && mine => on_success,
            None => EscrowChange::Keep,
        };
        let logged = sent || story.failure.is_some();
        let anchor = story.anchor.clone();
        let intended = self.intended(line, &mut story)?;
        let entry = story.entry(line, retry);
        let commit = ObjectCommit {
            anchor,
            row: RowChange::Keep,
            escrow: change,
            kept: Vec::new(),
            choices: Choices::default(),
            unstage: false,
            references: None,
            entry: logged.then(|| Logged::new(Arc::new(entry.clone()))),
        };
        // The link stays as it is, so nobody can be in its way.
        let _ = line.book().commit(line.job, commit).await?;
        let came_to = follow_up.map_or(CameTo::NotEvaluated, |follow_up| CameTo::from_number(follow_up.came_to));
        Ok(Settled { entry, intended, came_to, sent })
    }

    /// The name that people know an object by whose references are sent.
    pub(super) fn named<T: Transport>(
        &self,
        line: &Line<'_, T>,
        anchor: &SourceAnchor,
        follow_up: Option<&FollowUp>,
        resource: Option<&Resource>,
    ) -> Result<String, ServiceError> {
        let known = follow_up.map(|follow_up| follow_up.name.as_str()).filter(|name| !name.is_empty());
        match known.or_else(|| resource.and_then(Resource::display_name)) {
            Some(name) => Ok(name.to_owned()),
            None => Ok(self.store().last_name(line.job, anchor)?.unwrap_or_default()),
        }
    }

    /// The name of whom a reference is to: as the source has it where it was read for this cycle, else as the log has it.
    pub(super) fn name_of<T: Transport>(
        &self,
        line: &Line<'_, T>,
        staging: Option<&Staging>,
        anchor: &SourceAnchor,
    ) -> Result<Option<String>, ServiceError> {
        let staged = staging.map(|staging| staging.get(anchor)).transpose()?.flatten();
        let name =
            staged.and_then(|staged| staged.object).and_then(|object| object.text("displayName").map(str::to_owned));
        Ok(match name {
            Some(name) => Some(name),
            None => self.store().last_name(line.job, anchor)?,
        })
    }

    /// What a plan shows of references that would be sent.
    fn intended<T: Transport>(
        &self,
        line: &Line<'_, T>,
        story: &mut Story<'_>,
    ) -> Result<Option<Intended>, ServiceError> {
        let review = line.run.review.as_ref().filter(|review| review.planned.is_none() && story.failure.is_none());
        let Some(review) = review else { return Ok(None) };
        let row = self.store().object(line.job, story.anchor)?;
        let references = std::mem::take(&mut story.references);
        let digest = format!("{}-{}", review.state_of(row.as_ref()), review.print_of(&references));
        let requests = story.transcript.take_rehearsed();
        Ok(Some(Intended { at: review.at, requests, references, digest }))
    }

    /// Names the references of this cycle's objects that cannot be sent yet.
    async fn report_unresolved<T: Transport>(
        &self,
        line: &Line<'_, T>,
        staging: &Staging,
        observer: &dyn Observer,
    ) -> Result<(), ServiceError> {
        let mut after = None;
        loop {
            let page = staging.follow_ups(after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.anchor.clone());
            let mut commits = Vec::new();
            for follow_up in &page {
                let Some(entry) = self.unresolved(line, follow_up)? else { continue };
                observer.entry(&entry);
                commits.push(Arc::new(ObjectCommit {
                    anchor: follow_up.anchor.clone(),
                    row: RowChange::Keep,
                    escrow: EscrowChange::Keep,
                    kept: Vec::new(),
                    choices: Choices::default(),
                    unstage: false,
                    references: None,
                    entry: Some(Logged::new(Arc::new(entry))),
                }));
            }
            // Somebody else may hold claims of these objects, so none is given up here.
            line.book().commit_all(line.job, commits).await?;
        }
    }

    /// The warning about references of one object that cannot be sent; `None` where all can.
    pub(super) fn unresolved<T: Transport>(
        &self,
        line: &Line<'_, T>,
        follow_up: &FollowUp,
    ) -> Result<Option<Entry>, ServiceError> {
        let mut details = Details::new();
        let book = line.book();
        for pending in book.pending_references(line.job, &follow_up.anchor)? {
            let Some(wanted) = pending.wanted else { continue };
            let other = book.object(line.job, &wanted)?;
            if other.as_ref().and_then(managed).is_none() {
                details.insert(pending.attribute, wanted.as_str());
            }
        }
        if follow_up.kind == ObjectKind::Group {
            let open = book.open_members(line.job, &follow_up.anchor)?;
            if open.waiting > 0 {
                details.insert("members", open.waiting);
            }
        }
        if details.is_empty() {
            return Ok(None);
        }
        let Some(row) = book.object(line.job, &follow_up.anchor)? else { return Ok(None) };
        let Some(target) = managed(&row) else { return Ok(None) };
        let later = match line.resolve_later {
            true => "it is set as soon as that object is provisioned",
            false => "it is left out until this object is evaluated again",
        };
        let story = Story {
            kind: row.kind,
            anchor: &follow_up.anchor,
            target,
            name: &follow_up.name,
            details,
            modified: Vec::new(),
            references: Vec::new(),
            failure: None,
            transcript: Transcript::default(),
            began: Instant::now(),
        };
        let mut entry = story.entry(line, None);
        let code = ErrorCode::UnableToResolveReferenceAttributeValue;
        let described = format!("{code}: an object that is referred to has no account in the target; {later}");
        entry.action = LoggedAction::Other;
        entry.status = LoggedStatus::Warning;
        entry.reason = code.to_string();
        entry.warnings.push(described.clone());
        entry.steps.truncate(1);
        for step in &mut entry.steps {
            step.status = LoggedStatus::Warning;
            step.description = described.clone().into();
            step.details.insert("errorCode", code.as_str());
        }
        Ok(Some(entry))
    }
}

/// What is told of one object's references.
pub(super) struct Story<'a> {
    pub kind: ObjectKind,
    pub anchor: &'a SourceAnchor,
    pub target: &'a TargetId,
    pub name: &'a str,
    pub details: Details,
    pub modified: Vec<ModifiedProperty>,
    /// While planning: each reference or member.
    pub references: Vec<IntendedReference>,
    pub failure: Option<Failure>,
    pub transcript: Transcript,
    pub began: Instant,
}

impl Story<'_> {
    fn entry<T>(mut self, line: &Line<'_, T>, retry: Option<crate::model::Retry>) -> Entry {
        let id = line.ids.next(line.now());
        let status = match (&self.failure, self.transcript.warnings.is_empty()) {
            (Some(_), _) => LoggedStatus::Failure,
            (None, false) => LoggedStatus::Warning,
            (None, true) => LoggedStatus::Success,
        };
        if let Some(cycle) = &line.run.rollback_of {
            self.details.insert("RollbackOf", cycle.as_str());
        }
        let reason = if line.run.rollback_of.is_some() { "RolledBack" } else { Reason::AttributesChanged.as_str() };
        let resolution = Step {
            kind: StepKind::ReferenceResolution,
            name: "EntryReferenceResolution".into(),
            status: LoggedStatus::Success,
            description: "both ends of the reference have an account".into(),
            details: self.details,
        };
        let export = Step {
            kind: StepKind::Export,
            name: "EntryExportUpdate".into(),
            status: if self.failure.is_some() { LoggedStatus::Failure } else { LoggedStatus::Success },
            description: match &self.failure {
                Some(failure) => failure.message.clone().into(),
                None => self.transcript.sent().into(),
            },
            details: Details::new(),
        };
        let identity =
            |id: &str| Identity { id: id.to_owned(), display_name: self.name.to_owned(), details: Details::new() };
        Entry {
            change_id: id.clone(),
            id,
            cycle_id: line.run.cycle_id.clone(),
            at: line.now(),
            duration_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            kind: self.kind,
            action: LoggedAction::Update,
            status,
            reason: match &self.failure {
                Some(failure) => failure.code.to_string(),
                None => reason.to_owned(),
            },
            failure: self.failure,
            retry,
            source: identity(self.anchor.as_str()),
            target: Some(identity(self.target.as_str())),
            initiator: line.run.initiator.clone(),
            steps: vec![resolution, export],
            modified: self.modified,
            exchanges: self.transcript.take_kept(),
            warnings: self.transcript.warnings,
        }
    }
}

fn note(tally: &mut Tally, observer: &dyn Observer, settled: Option<Settled>) {
    let Some(settled) = settled else { return };
    tally.follow(settled.came_to, settled.sent, settled.entry.failure.is_some());
    if settled.is_told() {
        match &settled.intended {
            Some(intended) => observer.intended(&settled.entry, intended),
            None => observer.entry(&settled.entry),
        }
    }
}
