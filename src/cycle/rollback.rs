//! `rollback`: the inverse of what a cycle sent, out of the log (contract.md 2).
//!
//! The state keeps what was evaluated of each source object, so that the next cycle has nothing to say about it until the
//! object changes or the job restarts.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::error::ServiceError;
use super::intended::held;
use super::line::{KindRules, Line, Protect, Run, run_error};
use super::progress::Observer;
use super::record::{REDACTED, modified};
use super::run::refusal_by_state;
use super::service::{JobRules, Service, job_runs};
use super::talk::Written;
use super::transcript::Transcript;
use crate::config::Job;
use crate::mapping::AttributeMapping;
use crate::model::{
    Change, Counts, CycleKind, CycleReport, CycleState, Entry, ErrorCode, Failure, Identity, Initiator, Link,
    LoggedAction, LoggedStatus, ModifiedProperty, Mutability, ObjectKind, Operation, Resource, Role, RoleForm,
    RunError, SourceAnchor, SourceCounts, SourceState, Step, StepKind, TargetId, TargetValue, Trigger, ValueKind,
};
use crate::plan::ReadAnswer;
use crate::store::{Claimed, Committed, EscrowChange, JobKey, LogQuery, ObjectCommit, ObjectRow, RowChange};
use crate::target::Transport;
use crate::telemetry::events::{CycleBegan, CycleEnded, ObjectProvisioned};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RollbackOptions {
    /// Reads only; nothing is sent, nothing is stored.
    pub dry_run: bool,
    /// Goes on although something cannot be restored, and over accounts that changed since.
    pub yes: bool,
}

/// What one entry of the log did, as far as it has to be undone.
#[derive(Debug, Clone)]
struct Done {
    entry: String,
    kind: ObjectKind,
    action: LoggedAction,
    source: Identity,
    target: TargetId,
    modified: Vec<ModifiedProperty>,
    /// Attributes that the target does not show; named in the warnings of the entry.
    hidden: Vec<String>,
    /// Of a deleted account: the attributes to create it with.
    last_known: Vec<ModifiedProperty>,
}

/// How the undoing of one entry ended.
struct Undone {
    action: LoggedAction,
    changes: Vec<ModifiedProperty>,
    target: TargetId,
    row: RowChange,
}

/// Why it was not undone.
enum Left {
    /// Nothing is left to undo.
    Settled,
    Failed(Failure),
}

impl Service {
    /// Sends the inverse of what the cycle `id` sent.
    ///
    /// # Errors
    /// [`ServiceError::Irrevocable`] where something cannot be restored and nobody said `yes`: nothing was sent then.
    pub async fn rollback(
        &self,
        job: &Job,
        id: &str,
        options: RollbackOptions,
        observer: Arc<dyn Observer>,
        stop: CancellationToken,
    ) -> Result<CycleReport, ServiceError> {
        let store = self.store();
        let key = store.job(&job.name)?;
        let _lock = if options.dry_run { None } else { Some(self.lock(job)?) };
        let state = store.job_state(key)?;
        let now = self.now();
        let seed = super::ids::seed();
        let own = super::ids::Ids::new(seed).next(now);
        let mut report = blank(job, own.clone(), now, options);
        if let Some(error) = refusal_by_state(&state, now) {
            report.state = CycleState::Failed;
            report.error = Some(error);
            report.quarantine = state.quarantine;
            return Ok(report);
        }
        let rules = JobRules::of(job);
        let mut done = self.done_by(key, id)?;
        let client = self.client(job)?;
        let run = Run {
            cycle_id: own.clone(),
            trigger: Trigger::Incremental,
            dry_run: options.dry_run,
            initiator: Initiator::Operator(super::on_demand::operator()),
            owner: format!("cycle:{own}"),
            job_runs: job_runs(&state),
            export_complete: true,
            protect: Protect::default(),
            seed,
            review: None,
        };
        let mut line = self.line(key, job, &rules, &client, run)?;
        for one in &mut done {
            if one.action == LoggedAction::Delete {
                one.last_known = self.last_known(key, one)?;
            }
        }
        let mut lost: Vec<String> = done.iter().flat_map(|one| lost(&line, one)).collect();
        let created = done.iter().filter(|one| one.action == LoggedAction::Create).count() as u64;
        if job.accidental_deletion.enabled && created > job.accidental_deletion.threshold {
            lost.push(format!("{created} accounts that the cycle created would be removed, more than the threshold"));
        }
        if !lost.is_empty() && !options.yes && !options.dry_run {
            return Err(ServiceError::Irrevocable(lost));
        }
        report.warnings = lost;
        if done.is_empty() {
            report.warnings.push(format!("the cycle `{id}` sent nothing"));
            return Ok(report);
        }
        if !options.dry_run {
            store.void_claims(key, &super::on_demand::is_alive)?;
            store.begin_cycle(key, own.clone(), now).await?;
        }
        let name = job.name.as_str();
        CycleBegan { job: name, cycle: &own, initial: false, dry_run: options.dry_run }.emit();
        if let Some(failure) = self.open_cycle(&mut line).await {
            report.error = Some(run_error(&failure));
            report.counts.not_evaluated = done.len() as u64;
        } else {
            let total = done.len() as u64;
            let line = &line;
            let undoing = done.into_iter().map(|one| self.undo(line, id, one, options, &stop));
            let mut undoing = futures_util::stream::iter(undoing).buffer_unordered(job.target.concurrency.max(1));
            let mut reached = 0;
            while let Some(entry) = undoing.next().await {
                reached += 1;
                observer.progress(reached, total);
                match entry? {
                    Some(entry) => {
                        count(&mut report.counts, &entry);
                        ObjectProvisioned { job: name, entry: &entry }.emit();
                        observer.entry(&entry);
                    }
                    None => report.counts.not_evaluated += 1,
                }
            }
            report.error = line.breaker.cause().map(|failure| run_error(&failure));
            if report.error.is_none() && report.counts.not_evaluated > 0 {
                report.error = Some(RunError {
                    code: "Interrupted".to_owned(),
                    message: format!(
                        "the rollback was ended early; {} objects were not reached",
                        report.counts.not_evaluated
                    ),
                    help: "run it again: what is undone already is left alone".to_owned(),
                });
            }
        }
        report.requests = client.requests();
        report.ended = self.now();
        report.state = match (&report.error, report.counts.failure) {
            (Some(_), _) => CycleState::Failed,
            (None, 0) => CycleState::Succeeded,
            (None, _) => CycleState::EntryLevelErrors,
        };
        CycleEnded(&report).emit();
        if !options.dry_run {
            let mut record = super::run::report_record(&report);
            record["rollbackOf"] = json!(id);
            store.end_cycle(own, report.ended, record).await?;
        }
        Ok(report)
    }

    /// What a cycle sent, newest first.
    fn done_by(&self, key: JobKey, id: &str) -> Result<Vec<Done>, ServiceError> {
        let store = self.store();
        let mut done: Vec<Done> = Vec::new();
        let mut place = BTreeMap::new();
        let mut known = store.cycle_record(key, id)?.is_some();
        let query = LogQuery { cycle: Some(id.to_owned()), ..LogQuery::default() };
        store.log(key, &query, &mut |entry| {
            known = true;
            let Some(new) = Done::of(entry) else { return ControlFlow::Continue(()) };
            let anchor = new.source.id.clone();
            match place.get(&anchor).and_then(|index: &usize| done.get_mut(*index)) {
                // What followed the object itself, such as its manager, is undone with it.
                Some(known) if known.target == new.target => known.add(new),
                Some(_) | None => {
                    place.insert(anchor, done.len());
                    done.push(new);
                }
            }
            ControlFlow::Continue(())
        })?;
        done.reverse();
        if known {
            return Ok(done);
        }
        Err(ServiceError::CycleUnknown(id.to_owned()))
    }

    /// The values of an account before it was deleted, as far as the log goes back.
    fn last_known(&self, key: JobKey, deleted: &Done) -> Result<Vec<ModifiedProperty>, ServiceError> {
        // A rollback that deleted it noted what it held.
        if !deleted.modified.is_empty() {
            let held = deleted.modified.iter().map(|one| ModifiedProperty { new: one.old.clone(), ..one.clone() });
            return Ok(held.collect());
        }
        let mut values: BTreeMap<String, ModifiedProperty> = BTreeMap::new();
        self.store().history(key, &SourceAnchor(deleted.source.id.clone()), &mut |entry| {
            if entry.id == deleted.entry {
                return ControlFlow::Break(());
            }
            let same = entry.target.as_ref().is_none_or(|target| target.id == deleted.target.as_str());
            if let Some(done) = Done::of(entry).filter(|_| same) {
                for one in done.modified {
                    values.insert(one.name.clone(), one);
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(values.into_values().filter(|one| one.new.is_some()).collect())
    }

    /// Undoes one entry; `None` where its turn never came.
    async fn undo<T: Transport>(
        &self,
        line: &Line<'_, T>,
        cycle: &str,
        done: Done,
        options: RollbackOptions,
        stop: &CancellationToken,
    ) -> Result<Option<Entry>, ServiceError> {
        if stop.is_cancelled() || line.breaker.is_open() {
            return Ok(None);
        }
        let began = Instant::now();
        let anchor = SourceAnchor(done.source.id.clone());
        let mut transcript = line.kind(done.kind).map(Transcript::about).unwrap_or_default();
        let row = if options.dry_run {
            line.store.object(line.job, &anchor)?
        } else {
            match line.store.claim(line.job, anchor.clone(), line.run.owner.clone(), Timestamp::now()).await? {
                Claimed::Ours(row) => row.map(|row| *row),
                Claimed::Theirs { owner, .. } => {
                    let failure =
                        Failure::new(ErrorCode::Conflict, format!("somebody else works on this object ({owner})"))
                            .with_remedy("run it again in a moment");
                    let left = Left::Failed(failure);
                    return Ok(Some(entry(line, cycle, &done, Err(&left), &transcript, began)));
                }
            }
        };
        let result = match line.kind(done.kind) {
            Some(kind) => inverse(line, kind, &done, row.as_ref(), options, &mut transcript).await,
            None => Err(Left::Failed(
                Failure::new(ErrorCode::NotPermitted, "groups are not provisioned any more")
                    .with_remedy("switch groups on in the mapping file"),
            )),
        };
        let failure = match &result {
            Err(Left::Failed(failure)) => Some(failure),
            Ok(_) | Err(Left::Settled) => None,
        };
        if !transcript.exchanges.is_empty() {
            line.breaker.note(failure);
        }
        let entry = entry(line, cycle, &done, result.as_ref(), &transcript, began);
        if !options.dry_run {
            let (row, escrow) = match result {
                Ok(undone) => (undone.row, EscrowChange::Clear),
                Err(_) => (RowChange::Keep, EscrowChange::Keep),
            };
            let commit = ObjectCommit {
                anchor,
                row,
                escrow,
                kept: Vec::new(),
                unstage: false,
                references: None,
                entry: Some(Box::new(entry.clone())),
            };
            if let Committed::Taken(_) = line.store.commit(line.job, commit.clone()).await? {
                // What was sent is noted all the same; the next cycle finds out whose account it is.
                let _ = line.store.commit(line.job, ObjectCommit { row: RowChange::Keep, ..commit }).await?;
            }
        }
        Ok(Some(entry))
    }
}

impl Done {
    /// `None` for an entry that changed nothing in the target.
    fn of(entry: Entry) -> Option<Self> {
        let went_through = matches!(entry.status, LoggedStatus::Success | LoggedStatus::Warning);
        let writes = match entry.action {
            LoggedAction::Create | LoggedAction::Update | LoggedAction::Disable | LoggedAction::Delete => true,
            LoggedAction::StagedDelete | LoggedAction::StagedAction | LoggedAction::Other => false,
        };
        let target = entry.target_id().filter(|_| went_through && writes)?;
        let named = |name: &str| entry.warnings.iter().any(|warning| warning.contains(&format!("`{name}`")));
        let hidden = entry.modified.iter().map(|one| one.name.clone()).filter(|name| named(name)).collect();
        Some(Self {
            entry: entry.id,
            kind: entry.kind,
            action: entry.action,
            source: entry.source,
            target,
            modified: entry.modified,
            hidden,
            last_known: Vec::new(),
        })
    }

    /// Takes in what the same cycle did afterwards.
    fn add(&mut self, later: Self) {
        self.hidden.extend(later.hidden);
        if self.action == LoggedAction::Create {
            return;
        }
        for one in later.modified {
            match self.modified.iter_mut().find(|known| known.name == one.name) {
                Some(known) => known.new = one.new,
                None => self.modified.push(one),
            }
        }
    }

    fn called(&self) -> String {
        format!("`{}` ({})", self.source.display_name, self.source.id)
    }
}

/// The mapping of an attribute that a rollback restores; who belongs to a group is logged only in part.
fn restorable<'a>(kind: &KindRules<'a>, name: &str) -> Option<&'a AttributeMapping> {
    attribute(kind, name).filter(|mapping| !mapping.rule.path.is_core("members"))
}

/// Says of each thing that cannot be restored what it is.
fn lost<T>(line: &Line<'_, T>, done: &Done) -> Vec<String> {
    let called = done.called();
    let Some(kind) = line.kind(done.kind) else {
        return vec![format!("{called}: groups are not provisioned any more")];
    };
    match done.action {
        LoggedAction::Delete if !line.wire.deletes(done.kind) => Vec::new(),
        LoggedAction::Delete if done.last_known.is_empty() => {
            vec![format!("{called}: the account was deleted, and the log does not hold what it was")]
        }
        LoggedAction::Delete => {
            let id = done.target.as_str();
            let mut lost =
                vec![format!("{called}: the account `{id}` was deleted; it is created anew and gets another id")];
            for one in done.last_known.iter().filter(|one| one.new.as_deref() == Some(REDACTED)) {
                lost.push(format!("{called}: `{}` is not in the log, as it is hidden there", one.name));
            }
            lost
        }
        LoggedAction::Update | LoggedAction::Disable => {
            let why = |one: &ModifiedProperty| match (attribute(kind, &one.name), one.old.as_deref()) {
                (Some(mapping), _) if mapping.rule.path.is_core("members") => Some("is in the log only in part"),
                (None, _) => Some("is not mapped any more"),
                (Some(_), Some(REDACTED)) => Some("is not in the log, as it is hidden there"),
                (Some(_), None) if done.hidden.contains(&one.name) => Some("was never shown by the target"),
                (Some(_), _) => None,
            };
            done.modified
                .iter()
                .filter_map(|one| Some(format!("{called}: the value of `{}` before {}", one.name, why(one)?)))
                .collect()
        }
        LoggedAction::Create | LoggedAction::StagedDelete | LoggedAction::StagedAction | LoggedAction::Other => {
            Vec::new()
        }
    }
}

fn attribute<'a>(kind: &KindRules<'a>, name: &str) -> Option<&'a AttributeMapping> {
    kind.mapping.attributes().iter().find(|mapping| mapping.rule.path.as_str() == name)
}

async fn inverse<T: Transport>(
    line: &Line<'_, T>,
    kind: &KindRules<'_>,
    done: &Done,
    row: Option<&ObjectRow>,
    options: RollbackOptions,
    transcript: &mut Transcript,
) -> Result<Undone, Left> {
    let failed = |trouble: super::talk::Trouble| Left::Failed(trouble.failure);
    let found = match line.read(done.kind, &done.target, &[], transcript).await.map_err(failed)? {
        ReadAnswer::Found(resource) => Some(*resource),
        ReadAnswer::Missing => None,
    };
    let elsewhere = row.and_then(|row| row.link.target()).filter(|target| **target != done.target);
    if let Some(other) = elsewhere {
        return Err(changed(format!("the object is linked to another account since, `{other}`")));
    }
    match (done.action, found) {
        (LoggedAction::Create, None) => Err(Left::Settled),
        (LoggedAction::Create, Some(current)) => {
            if !options.yes {
                agree(kind, done, &current)?;
            }
            remove(line, kind, done, row, &current, transcript).await
        }
        (LoggedAction::Update | LoggedAction::Disable, None) => {
            Err(changed(format!("the account `{}` is gone since", done.target)))
        }
        (LoggedAction::Update | LoggedAction::Disable, Some(current)) => {
            if !options.yes {
                agree(kind, done, &current)?;
            }
            let changes: Vec<Change> = done.modified.iter().filter_map(|one| back(kind, done, one, &current)).collect();
            restore(line, done, row, &current, changes, transcript).await
        }
        (LoggedAction::Delete, Some(current)) => {
            let active = kind.mapping.attributes().iter().filter(|mapping| mapping.rule.follows_state);
            let changes = active.filter_map(|mapping| {
                let set = value(mapping, "True")?;
                let before = current.get(&mapping.rule.path);
                let settled = before.is_some_and(|before| set.agrees_with(before, mapping.rule.case_exact));
                (!settled).then(|| Change { rule: Arc::clone(&mapping.rule), set: Some(set), before: before.cloned() })
            });
            restore(line, done, row, &current, changes.collect(), transcript).await
        }
        (LoggedAction::Delete, None) => recreate(line, kind, done, row, transcript).await,
        (LoggedAction::StagedDelete | LoggedAction::StagedAction | LoggedAction::Other, _) => Err(Left::Settled),
    }
}

/// Refuses an account that does not hold what was sent, or what it held before.
fn agree(kind: &KindRules<'_>, done: &Done, current: &Resource) -> Result<(), Left> {
    let differs = |one: &&ModifiedProperty| {
        let Some(mapping) = restorable(kind, &one.name) else { return false };
        let unknown = mapping.rule.mutability == Mutability::WriteOnly || done.hidden.contains(&one.name);
        if unknown || one.new.as_deref() == Some(REDACTED) {
            return false;
        }
        let before = done.action != LoggedAction::Create && holds(mapping, one.old.as_deref(), current);
        !before && !holds(mapping, one.new.as_deref(), current)
    };
    let names: Vec<String> = done.modified.iter().filter(differs).map(|one| format!("`{}`", one.name)).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(changed(format!("the account `{}` was changed since in {}", done.target, names.join(", "))))
}

fn holds(mapping: &AttributeMapping, text: Option<&str>, current: &Resource) -> bool {
    match (text.and_then(|text| value(mapping, text)), current.get(&mapping.rule.path)) {
        (Some(value), Some(held)) => value.agrees_with(held, mapping.rule.case_exact),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn changed(message: String) -> Left {
    let failure = Failure::new(ErrorCode::Conflict, format!("{message}: it is left alone"))
        .with_remedy("look at the account; `--yes` undoes the change all the same");
    Left::Failed(failure)
}

/// One attribute as it was, where the account does not hold that yet.
fn back(kind: &KindRules<'_>, done: &Done, one: &ModifiedProperty, current: &Resource) -> Option<Change> {
    let mapping = restorable(kind, &one.name)?;
    let unknown = one.old.as_deref() == Some(REDACTED) || one.old.is_none() && done.hidden.contains(&one.name);
    if unknown || holds(mapping, one.old.as_deref(), current) {
        return None;
    }
    let set = match one.old.as_deref() {
        Some(text) => Some(value(mapping, text)?),
        None => None,
    };
    Some(Change { rule: Arc::clone(&mapping.rule), set, before: current.get(&mapping.rule.path).cloned() })
}

/// Sends attributes as they were.
async fn restore<T: Transport>(
    line: &Line<'_, T>,
    done: &Done,
    row: Option<&ObjectRow>,
    current: &Resource,
    changes: Vec<Change>,
    transcript: &mut Transcript,
) -> Result<Undone, Left> {
    if changes.is_empty() {
        return Err(Left::Settled);
    }
    let active = changes
        .iter()
        .filter(|change| change.rule.follows_state)
        .find_map(|change| change.set.as_ref().map(|set| set.agrees_with(&Value::Bool(true), false)));
    let (action, operation) = match active {
        Some(false) => (LoggedAction::Disable, Operation::Disable),
        Some(true) | None => (LoggedAction::Update, Operation::Update),
    };
    if !line.run.dry_run {
        match line.update(done.kind, current, &changes, operation, transcript).await {
            Ok(Written::Done) => {}
            Ok(Written::AlreadyGone) => return Err(changed(format!("the account `{}` is gone since", done.target))),
            Err(trouble) => return Err(Left::Failed(trouble.failure)),
        }
    }
    let row = row.map(|row| {
        let active_in_target = active.or(row.active_in_target);
        // Disabled again, the object waits for the end of its retention; active again, nothing waits for it.
        let left_at = match (active, row.state) {
            (Some(true), _) => None,
            (Some(false), SourceState::SoftDeleted) => row.left_at.or(Some(line.now())),
            (Some(false) | None, _) => row.left_at,
        };
        ObjectRow { link: Link::Managed(done.target.clone()), active_in_target, left_at, ..row.clone() }
    });
    Ok(Undone {
        action,
        changes: modified(&changes),
        target: done.target.clone(),
        row: row.map_or(RowChange::Keep, RowChange::Put),
    })
}

/// Removes what was created: deletes it, or disables it where deleting is not permitted.
async fn remove<T: Transport>(
    line: &Line<'_, T>,
    kind: &KindRules<'_>,
    done: &Done,
    row: Option<&ObjectRow>,
    current: &Resource,
    transcript: &mut Transcript,
) -> Result<Undone, Left> {
    if !kind.rules.actions.delete || !line.wire.deletes(done.kind) {
        let state = kind.mapping.attributes().iter().filter(|mapping| mapping.rule.follows_state);
        let changes = state.filter_map(|mapping| {
            let set = value(mapping, "False")?;
            let before = current.get(&mapping.rule.path);
            let settled = before.is_some_and(|before| set.agrees_with(before, mapping.rule.case_exact));
            (!settled).then(|| Change { rule: Arc::clone(&mapping.rule), set: Some(set), before: before.cloned() })
        });
        return restore(line, done, row, current, changes.collect(), transcript).await;
    }
    if !line.run.dry_run {
        let deleted = line.delete(done.kind, &done.target, transcript).await;
        deleted.map_err(|trouble| Left::Failed(trouble.failure))?;
    }
    let row = row.map(|row| ObjectRow { link: Link::None, active_in_target: None, ..row.clone() });
    Ok(Undone {
        action: LoggedAction::Delete,
        changes: held(kind, current),
        target: done.target.clone(),
        row: row.map_or(RowChange::Keep, RowChange::Put),
    })
}

/// Creates a deleted account anew with what is known of it.
async fn recreate<T: Transport>(
    line: &Line<'_, T>,
    kind: &KindRules<'_>,
    done: &Done,
    row: Option<&ObjectRow>,
    transcript: &mut Transcript,
) -> Result<Undone, Left> {
    if row.is_some_and(|row| row.link != Link::None) {
        return Err(changed("the object has an account again".to_owned()));
    }
    let known = done.last_known.iter().filter(|one| one.new.as_deref() != Some(REDACTED));
    let values: Vec<Change> = known
        .filter_map(|one| {
            let mapping = restorable(kind, &one.name)?;
            let set = value(mapping, one.new.as_deref()?)?;
            Some(Change { rule: Arc::clone(&mapping.rule), set: Some(set), before: None })
        })
        .collect();
    if values.is_empty() {
        let failure = Failure::new(ErrorCode::MissingValues, "the log does not hold what the account was")
            .with_remedy("create it by hand, or let `provisiond restart` and a cycle create it from the source");
        return Err(Left::Failed(failure));
    }
    let mut target = done.target.clone();
    if !line.run.dry_run {
        let password = line.password();
        let created = line.create(done.kind, &values, password.as_deref(), transcript).await;
        let created = created.map_err(|trouble| Left::Failed(trouble.failure))?;
        target = created.id().clone();
    }
    let active = values
        .iter()
        .filter(|change| change.rule.follows_state)
        .find_map(|change| change.set.as_ref().map(|set| set.agrees_with(&Value::Bool(true), false)));
    let remembered = row.cloned().unwrap_or_else(|| ObjectRow {
        anchor: SourceAnchor(done.source.id.clone()),
        kind: done.kind,
        link: Link::None,
        used: 0,
        state: SourceState::HardDeleted,
        assigned: true,
        filter_passed: true,
        active_in_target: None,
        left_at: None,
    });
    let row = ObjectRow { link: Link::Managed(target.clone()), active_in_target: active, left_at: None, ..remembered };
    Ok(Undone { action: LoggedAction::Create, changes: modified(&values), target, row: RowChange::Put(row) })
}

/// A value of the log as it is sent.
fn value(mapping: &AttributeMapping, text: &str) -> Option<TargetValue> {
    match mapping.kind {
        ValueKind::Boolean if text.eq_ignore_ascii_case("true") => Some(TargetValue::Boolean(true)),
        ValueKind::Boolean if text.eq_ignore_ascii_case("false") => Some(TargetValue::Boolean(false)),
        ValueKind::Integer => text.parse().ok().map(TargetValue::Integer),
        ValueKind::DateTime => Some(TargetValue::DateTime(text.to_owned())),
        ValueKind::Reference => Some(TargetValue::Reference(text.to_owned())),
        ValueKind::Boolean | ValueKind::String | ValueKind::Binary => Some(match several(text) {
            Some(values) => values,
            None if mapping.multivalued && text.contains(", ") => {
                TargetValue::List(text.split(", ").map(str::to_owned).collect())
            }
            None => TargetValue::Text(text.to_owned()),
        }),
    }
}

/// What the target returned as an array stands in the log as JSON.
fn several(text: &str) -> Option<TargetValue> {
    let elements = text.starts_with('[').then(|| serde_json::from_str::<Vec<Value>>(text).ok())??;
    let texts: Option<Vec<String>> = elements.iter().map(|one| one.as_str().map(str::to_owned)).collect();
    if let Some(texts) = texts.filter(|texts| !texts.is_empty()) {
        return Some(TargetValue::List(texts));
    }
    let part = |one: &Value, name: &str| one[name].as_str().map(str::to_owned);
    let roles: Option<Vec<Role>> = elements
        .iter()
        .map(|one| Some(Role { id: part(one, "id"), value: part(one, "value")?, display: part(one, "display") }))
        .collect();
    roles.filter(|roles| !roles.is_empty()).map(|roles| TargetValue::Roles(RoleForm::Assertive, roles))
}

fn entry<T>(
    line: &Line<'_, T>,
    cycle: &str,
    done: &Done,
    result: Result<&Undone, &Left>,
    transcript: &Transcript,
    began: Instant,
) -> Entry {
    let what = done.action.as_str();
    let sentence = format!("undoes the {what} of the cycle {cycle}");
    let mut details = Map::new();
    details.insert("RollbackOf".to_owned(), json!(done.entry));
    let (action, status, reason, failure, changes, target) = match result {
        Ok(undone) => {
            let noted = if transcript.warnings.is_empty() { LoggedStatus::Success } else { LoggedStatus::Warning };
            (undone.action, noted, "RolledBack", None, undone.changes.clone(), &undone.target)
        }
        Err(Left::Settled) => {
            (LoggedAction::Other, LoggedStatus::Skipped, "RedundantExport", None, Vec::new(), &done.target)
        }
        Err(Left::Failed(failure)) => (
            LoggedAction::Other,
            LoggedStatus::Failure,
            failure.code.as_str(),
            Some(failure.clone()),
            Vec::new(),
            &done.target,
        ),
    };
    let description = match &failure {
        Some(failure) => failure.message.clone(),
        None => sentence,
    };
    let name = "EntrySynchronizationRollback".to_owned();
    let mut steps = vec![Step { kind: StepKind::Processing, name, status, description, details }];
    let sent = transcript.sent();
    if !sent.is_empty() {
        let name = match action {
            LoggedAction::Create => "EntryExportAdd",
            LoggedAction::Delete => "EntryExportDelete",
            _ => "EntryExportUpdate",
        };
        let (name, description) = (name.to_owned(), sent);
        steps.push(Step { kind: StepKind::Export, name, status, description, details: Map::new() });
    }
    let id = line.ids.next(line.now());
    Entry {
        change_id: id.clone(),
        id,
        cycle_id: line.run.cycle_id.clone(),
        at: line.now(),
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        kind: done.kind,
        action,
        status,
        reason: reason.to_owned(),
        failure,
        retry: None,
        source: done.source.clone(),
        target: Some(Identity {
            id: target.to_string(),
            display_name: done.source.display_name.clone(),
            details: Map::new(),
        }),
        initiator: line.run.initiator.clone(),
        steps,
        modified: changes,
        warnings: transcript.warnings.clone(),
        exchanges: transcript.kept_exchanges(),
    }
}

fn count(counts: &mut Counts, entry: &Entry) {
    let counter = match (entry.status, entry.action) {
        (LoggedStatus::Failure, _) => &mut counts.failure,
        (LoggedStatus::Skipped | LoggedStatus::NotEvaluated, _) => &mut counts.skipped,
        (_, LoggedAction::Create) => &mut counts.create,
        (_, LoggedAction::Update) => &mut counts.update,
        (_, LoggedAction::Disable) => &mut counts.disable,
        (_, LoggedAction::Delete) => &mut counts.delete,
        (_, LoggedAction::StagedDelete | LoggedAction::StagedAction) => &mut counts.staged,
        (_, LoggedAction::Other) => &mut counts.skipped,
    };
    *counter += 1;
}

fn blank(job: &Job, id: String, now: Timestamp, options: RollbackOptions) -> CycleReport {
    CycleReport {
        id,
        job: job.name.clone(),
        kind: CycleKind::Incremental,
        dry_run: options.dry_run,
        began: now,
        ended: now,
        state: CycleState::Succeeded,
        source: SourceCounts::default(),
        counts: Counts::default(),
        requests: 0,
        pace: None,
        quarantine: None,
        staged: None,
        error: None,
        warnings: Vec::new(),
    }
}
