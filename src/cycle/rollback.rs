//! `rollback`: the inverse of what a cycle sent, out of the log and the members that it sent (contract.md 2).
//!
//! What was deleted comes first, so that others can refer to it; then members, then attributes, and at last whatever the cycle
//! created goes. The state keeps what was evaluated of each source object, so that the next cycle has nothing to say about it
//! until the object changes or the job restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::error::ServiceError;
use super::line::{Line, Protect, Run, run_error};
use super::members::Which;
use super::progress::Observer;
use super::references::managed;
use super::run::refusal_by_state;
use super::service::{JobRules, Service, job_runs};
use super::transcript::Transcript;
use super::undo::{self, Done, Left, Renewed};
use crate::config::Job;
use crate::model::{
    Counts, CycleKind, CycleReport, CycleState, Entry, ErrorCode, Failure, Initiator, Link, LoggedAction, LoggedStatus,
    ModifiedProperty, ObjectKind, RunError, SourceAnchor, Trigger,
};
use crate::store::{
    Choices, Claimed, Committed, EscrowChange, JobKey, Joining, LogQuery, Logged, ObjectCommit, RowChange,
};
use crate::target::Transport;
use crate::telemetry::events::{CycleBegan, CycleEnded, ObjectProvisioned};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RollbackOptions {
    /// Reads only; nothing is sent, nothing is stored.
    pub dry_run: bool,
    /// Goes on although something cannot be restored, and over accounts that changed since.
    pub yes: bool,
}

/// What one rollback undoes, in the order in which it does.
struct Undoing<'a> {
    /// The cycle that is undone.
    cycle: &'a str,
    options: RollbackOptions,
    deleted: Vec<Done>,
    changed: Vec<Done>,
    created: Vec<Done>,
    /// Groups whose members it changed, or whose members had an account that it deleted.
    groups: BTreeMap<SourceAnchor, BTreeSet<SourceAnchor>>,
    renewed: Renewed,
}

/// What became of each object, which may have been undone in several steps.
#[derive(Default)]
struct Outcomes(BTreeMap<SourceAnchor, Outcome>);

/// From what counts least to what counts most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    NotReached,
    Skipped,
    Update,
    Disable,
    Create,
    Delete,
    Failure,
}

impl Outcomes {
    fn note(&mut self, anchor: SourceAnchor, outcome: Outcome) {
        let known = self.0.entry(anchor).or_insert(outcome);
        *known = outcome.max(*known);
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for outcome in self.0.values() {
            *match outcome {
                Outcome::NotReached => &mut counts.not_evaluated,
                Outcome::Skipped => &mut counts.skipped,
                Outcome::Update => &mut counts.update,
                Outcome::Disable => &mut counts.disable,
                Outcome::Create => &mut counts.create,
                Outcome::Delete => &mut counts.delete,
                Outcome::Failure => &mut counts.failure,
            } += 1;
        }
        counts
    }
}

impl Outcome {
    fn of(entry: &Entry) -> Self {
        match (entry.status, entry.action) {
            (LoggedStatus::Failure, _) => Self::Failure,
            (LoggedStatus::Skipped | LoggedStatus::NotEvaluated, _) => Self::Skipped,
            (_, LoggedAction::Create) => Self::Create,
            (_, LoggedAction::Update) => Self::Update,
            (_, LoggedAction::Disable) => Self::Disable,
            (_, LoggedAction::Delete) => Self::Delete,
            (_, LoggedAction::StagedDelete | LoggedAction::StagedAction | LoggedAction::Other) => Self::Skipped,
        }
    }
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
        let mut report = CycleReport::blank(own.clone(), &job.name, CycleKind::Incremental, options.dry_run, now);
        if let Some(error) = refusal_by_state(&state, now) {
            report.state = CycleState::Failed;
            report.error = Some(error);
            report.quarantine = state.quarantine;
            return Ok(report);
        }
        let rules = JobRules::of(job);
        let client = self.client(job, &stop)?;
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
            rollback_of: Some(id.to_owned()),
        };
        let rehearsal;
        let mut line = self.line(key, job, &rules, &client, run)?;
        let (undoing, lost) = self.undoing(&line, job, id, options)?;
        if !lost.is_empty() && !options.yes && !options.dry_run {
            return Err(ServiceError::Irrevocable(lost));
        }
        report.warnings = lost;
        if undoing.total() == 0 {
            report.warnings.push(format!("the cycle `{id}` sent nothing"));
            return Ok(report);
        }
        if options.dry_run {
            rehearsal = store.rehearsal(key)?;
            line.book = Some(&rehearsal);
        } else {
            store.void_claims(key, &super::on_demand::is_alive)?;
            store.begin_cycle(key, own.clone(), now).await?;
        }
        let name = job.name.as_str();
        CycleBegan { job: name, cycle: &own, initial: false, dry_run: options.dry_run }.emit();
        if let Some(failure) = self.open_cycle(&mut line).await {
            report.error = Some(run_error(&failure));
            report.counts.not_evaluated = undoing.total();
        } else {
            let concurrency = job.target.concurrency.max(1);
            report.counts = self.undo_all(&line, undoing, concurrency, observer.as_ref(), &stop).await?;
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
            let mut record = super::ending::report_record(&report);
            record["rollbackOf"] = json!(id);
            store.end_cycle(own, report.ended, record).await?;
        }
        Ok(report)
    }

    /// What has to be undone, and what of it cannot be.
    fn undoing<'a, T>(
        &self,
        line: &Line<'_, T>,
        job: &Job,
        cycle: &'a str,
        options: RollbackOptions,
    ) -> Result<(Undoing<'a>, Vec<String>), ServiceError> {
        let (store, key) = (self.store(), line.job);
        let mut undoing = Undoing {
            cycle,
            options,
            deleted: Vec::new(),
            changed: Vec::new(),
            created: Vec::new(),
            groups: store.sent_groups(key, cycle)?.into_iter().map(|group| (group, BTreeSet::new())).collect(),
            renewed: Renewed::default(),
        };
        let mut lost = Vec::new();
        for mut one in self.done_by(key, cycle)? {
            let anchor = one.anchor();
            if one.source.display_name.is_empty() {
                one.source.display_name = store.last_name(key, &anchor)?.unwrap_or_default();
            }
            if one.action == LoggedAction::Delete {
                one.last_known = self.last_known(key, &one)?;
            }
            lost.extend(undo::lost(line, &one, undoing.groups.contains_key(&anchor)));
            match one.action {
                LoggedAction::Delete => {
                    for group in store.groups_of(key, &anchor)? {
                        undoing.groups.entry(group).or_default().insert(anchor.clone());
                    }
                    undoing.deleted.push(one);
                }
                LoggedAction::Create => {
                    // The group goes, and all members with it.
                    if one.kind == ObjectKind::Group && undo::removes(line, one.kind) {
                        undoing.groups.remove(&anchor);
                    }
                    undoing.created.push(one);
                }
                LoggedAction::Update if one.modified.is_empty() => {}
                LoggedAction::Update | LoggedAction::Disable => undoing.changed.push(one),
                LoggedAction::StagedDelete | LoggedAction::StagedAction | LoggedAction::Other => {}
            }
        }
        let comes_back: BTreeSet<SourceAnchor> = undoing.deleted.iter().map(Done::anchor).collect();
        for group in undoing.groups.keys() {
            let mut gone = 0;
            for (member, joining) in store.sent_members(key, cycle, group)? {
                let unlinked =
                    || Ok::<_, ServiceError>(store.object(key, &member)?.is_none_or(|row| row.link == Link::None));
                gone += u64::from(joining == Joining::Leaves && !comes_back.contains(&member) && unlinked()?);
            }
            if gone > 0 {
                lost.push(format!("the group `{group}`: {gone} members who left it have no account any more"));
            }
        }
        let created = undoing.created.len() as u64;
        if job.accidental_deletion.enabled && created > job.accidental_deletion.threshold {
            lost.push(format!("{created} accounts that the cycle created would be removed, more than the threshold"));
        }
        Ok((undoing, lost))
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
        self.store().history(key, &deleted.anchor(), &mut |entry| {
            if entry.id == deleted.entry {
                return ControlFlow::Break(());
            }
            let same = entry.target.as_ref().is_none_or(|target| target.id == deleted.target.as_str());
            if let Some(done) = Done::of(entry).filter(|_| same) {
                for one in done.modified {
                    values.insert(one.name.to_string(), one);
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(values.into_values().filter(|one| one.new.is_some()).collect())
    }

    /// Undoes everything, step by step; returns each object counted once.
    async fn undo_all<T: Transport>(
        &self,
        line: &Line<'_, T>,
        mut undoing: Undoing<'_>,
        concurrency: usize,
        observer: &dyn Observer,
        stop: &CancellationToken,
    ) -> Result<Counts, ServiceError> {
        let total = undoing.total();
        let mut outcomes = Outcomes::default();
        let mut reached = 0;
        let mut tell = |outcomes: &mut Outcomes, anchor: SourceAnchor, entry: Option<&Entry>| {
            reached = (reached + 1).min(total);
            observer.progress(reached, total);
            outcomes.note(anchor, entry.map_or(Outcome::NotReached, Outcome::of));
            if let Some(entry) = entry {
                ObjectProvisioned { job: line.job_name, entry }.emit();
                observer.entry(entry);
            }
        };
        let deleted = std::mem::take(&mut undoing.deleted);
        let mut referrers = BTreeSet::new();
        for one in &deleted {
            referrers.extend(line.book().referrers(line.job, &one.anchor())?);
        }
        let mut changed = std::mem::take(&mut undoing.changed);
        let created = std::mem::take(&mut undoing.created);
        // Whoever is deleted in the end waits for an account, not for another change of the group.
        let mut waiting = Vec::new();
        let leavers: BTreeSet<SourceAnchor> =
            created.iter().filter(|one| undo::removes(line, one.kind)).map(Done::anchor).collect();
        for stage in 0..4 {
            let entries = match stage {
                0 => deleted.clone(),
                1 => {
                    for anchor in std::mem::take(&mut referrers) {
                        let ready = line.book().ready_references_of(line.job, &anchor)?;
                        if let Some(settled) = self.refer(line, None, ready).await? {
                            tell(&mut outcomes, anchor, Some(&settled.entry).filter(|_| settled.is_told()));
                        }
                    }
                    for (group, renewed) in std::mem::take(&mut undoing.groups) {
                        let settled = self
                            .undo_members(line, undoing.cycle, &group, &renewed, &leavers, &mut waiting, stop)
                            .await?;
                        if let Some(settled) = settled.filter(super::references::Settled::is_told) {
                            tell(&mut outcomes, group, Some(&settled.entry));
                        }
                    }
                    // Those who came back get their references, too.
                    deleted.iter().filter_map(|one| one.references(line, &undoing.renewed)).collect()
                }
                2 => std::mem::take(&mut changed),
                _ => created.clone(),
            };
            let undone = entries.into_iter().map(|one| async {
                let anchor = one.anchor();
                self.undo(line, &undoing, one, stop).await.map(|entry| (anchor, entry))
            });
            let mut undone = futures_util::stream::iter(undone).buffer_unordered(concurrency);
            while let Some(result) = undone.next().await {
                let (anchor, entry) = result?;
                tell(&mut outcomes, anchor, entry.as_ref());
            }
        }
        line.book().keep_waiting(line.job, waiting).await?;
        Ok(outcomes.counts())
    }

    /// Gives one group back the members that left it, and takes those who joined; `renewed` had an account that was deleted.
    #[expect(clippy::too_many_arguments, reason = "who comes, who goes and who waits")]
    async fn undo_members<T: Transport>(
        &self,
        line: &Line<'_, T>,
        cycle: &str,
        group: &SourceAnchor,
        renewed: &BTreeSet<SourceAnchor>,
        leavers: &BTreeSet<SourceAnchor>,
        waiting: &mut Vec<(SourceAnchor, SourceAnchor)>,
        stop: &CancellationToken,
    ) -> Result<Option<super::references::Settled>, ServiceError> {
        let book = line.book();
        let row = book.object(line.job, group)?;
        let Some(target) = row.as_ref().and_then(managed).cloned() else { return Ok(None) };
        let mut members: BTreeMap<SourceAnchor, Joining> =
            renewed.iter().map(|member| (member.clone(), Joining::Joins)).collect();
        for (member, joining) in self.store().sent_members(line.job, cycle, group)? {
            let back = match joining {
                Joining::Joins | Joining::Rejoins => Joining::Leaves,
                Joining::Leaves => Joining::Joins,
            };
            members.insert(member, back);
        }
        let leave = members.iter().filter(|(member, back)| **back == Joining::Leaves && leavers.contains(*member));
        waiting.extend(leave.map(|(member, _)| (group.clone(), member.clone())));
        let only = Which::Only(members.keys().cloned().collect());
        book.reverse_members(line.job, group.clone(), members.into_iter().collect()).await?;
        self.deliver(line, None, group.clone(), target, only, stop).await
    }

    /// Undoes one entry; `None` where its turn never came.
    async fn undo<T: Transport>(
        &self,
        line: &Line<'_, T>,
        undoing: &Undoing<'_>,
        done: Done,
        stop: &CancellationToken,
    ) -> Result<Option<Entry>, ServiceError> {
        if stop.is_cancelled() || line.breaker.is_open() {
            return Ok(None);
        }
        let (began, anchor, book) = (Instant::now(), done.anchor(), line.book());
        let mut transcript = line.kind(done.kind).map(Transcript::about).unwrap_or_default();
        let row = match book.claim(line.job, anchor.clone(), line.run.owner.clone(), Timestamp::now()).await? {
            Claimed::Ours(remembered) => remembered.row,
            Claimed::Theirs { owner, .. } => {
                let failure =
                    Failure::new(ErrorCode::Conflict, format!("somebody else works on this object ({owner})"))
                        .with_remedy("run it again in a moment");
                let left = Left::Failed(failure);
                return Ok(Some(undo::entry(line, undoing.cycle, &done, Err(&left), &mut transcript, began)));
            }
        };
        let result = match line.kind(done.kind) {
            Some(kind) => {
                let (options, renewed) = (undoing.options, &undoing.renewed);
                undo::inverse(line, kind, &done, row.as_ref(), options, renewed, &mut transcript).await
            }
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
        let entry = undo::entry(line, undoing.cycle, &done, result.as_ref(), &mut transcript, began);
        let (row, references, escrow) = match result {
            Ok(undone) => (undone.row, undone.references, EscrowChange::Clear),
            Err(_) => (RowChange::Keep, None, EscrowChange::Keep),
        };
        let commit = ObjectCommit {
            anchor,
            row,
            escrow,
            kept: Vec::new(),
            choices: Choices::default(),
            unstage: false,
            references,
            entry: Some(Logged::new(Arc::new(entry.clone()))),
        };
        if let Committed::Taken(_) = book.commit(line.job, commit.clone()).await? {
            // What was sent is noted all the same; the next cycle finds out whose account it is.
            let _ = book.commit(line.job, ObjectCommit { row: RowChange::Keep, ..commit }).await?;
        }
        Ok(Some(entry))
    }
}

impl Undoing<'_> {
    /// Objects that have to be undone; a group whose attributes and members both changed counts twice.
    fn total(&self) -> u64 {
        (self.deleted.len() + self.changed.len() + self.created.len() + self.groups.len()) as u64
    }
}
