//! One cycle (service.md 5 and 6).

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::apply::Reviewed;
use super::ending::refused_report;
use super::error::ServiceError;
use super::import::{self, Imported, Refused, import};
use super::intended::Review;
use super::line::{Protect, Run};
use super::lock::{Busy, CycleLock};
use super::notify::Healthy;
use super::own_thread;
use super::progress::Observer;
use super::quarantine;
use super::service::{JobRules, Service, job_runs, meaning};
use super::work::Work;
use crate::config::{Job, ScopeMode};
use crate::model::{
    CycleKind, CycleReport, Initiator, ObjectKind, Quarantine, RunError, SourceAnchor, StagedBatch, Trigger,
};
use crate::source;
use crate::store::{JobKey, JobState, StoreError};
use crate::telemetry::events::{CycleBegan, CycleEnded, DeletionsStaged, JobQuarantined, QuarantineLifted};

/// How a cycle is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CycleOptions {
    /// Reads only; nothing is sent, nothing is stored.
    pub dry_run: bool,
    /// Evaluates every object, changed or not.
    pub initial: bool,
}

/// What a cycle knows of itself from its beginning on.
pub(super) struct Begun {
    pub key: JobKey,
    pub state: JobState,
    pub id: String,
    pub kind: CycleKind,
    pub began: Timestamp,
    pub meaning: String,
    pub options: CycleOptions,
    pub review: Option<Arc<Review>>,
}

impl Service {
    /// Runs one cycle of a job to its end, or until `stop`: then the objects in flight are finished first.
    ///
    /// # Errors
    /// Where nothing could be begun or the state cannot be written. What goes wrong with the source, the target or single
    /// objects is in the report.
    pub async fn cycle(
        &self,
        job: &Job,
        options: CycleOptions,
        observer: Arc<dyn Observer>,
        stop: CancellationToken,
    ) -> Result<CycleReport, ServiceError> {
        self.cycle_of(job, options, None, observer, stop).await
    }

    /// [`Service::cycle`], or one that is reviewed.
    pub(super) async fn cycle_of(
        &self,
        job: &Job,
        options: CycleOptions,
        reviewed: Option<Reviewed>,
        observer: Arc<dyn Observer>,
        stop: CancellationToken,
    ) -> Result<CycleReport, ServiceError> {
        let store = self.store();
        let key = store.job(&job.name)?;
        let _lock = match options.dry_run {
            true => None,
            false => Some(self.lock(job)?),
        };
        let mut state = store.job_state(key)?;
        let now = self.now();
        if !options.dry_run && state.quarantine.is_some() {
            state = store.update_job(key, move |state| quarantine::expire(state, now)).await?;
        }
        let meaning = meaning(job);
        let fresh = state.watermark.as_ref().is_none_or(|watermark| watermark.meaning != meaning);
        // Saving mappings or filters restarts, which takes the job out of quarantine (service.md 17.3).
        let reconfigured = state.watermark.is_some() && fresh;
        let initial = options.initial || state.initial_due || fresh;
        let kind = if initial { CycleKind::Initial } else { CycleKind::Incremental };
        let seed = super::ids::seed();
        let id = super::ids::Ids::new(seed).next(now);
        if let Some(error) = refusal_by_state(&state, now).filter(|error| error.code != "Quarantine" || !reconfigured) {
            return Ok(refused_report(job, &state, id, kind, now, error, options));
        }
        if let Some(reviewed) = &reviewed {
            self.still_stands(job, key, &state, reviewed)?;
        }
        let review = reviewed.map(|reviewed| reviewed.review);
        if !options.dry_run {
            let began = now;
            state = store
                .update_job(key, move |state| {
                    state.last_start = Some(began);
                    state.running_since = Some(began);
                    state.stop_now = false;
                    state.progress = None;
                    if initial {
                        state.events = 0;
                    }
                    if reconfigured {
                        // A restart, as saving mappings is, runs a job again that a long quarantine disabled.
                        state.disabled &= state.quarantine.is_none();
                        quarantine::lift(state, quarantine::slows);
                    }
                })
                .await?;
            store.begin_cycle(key, id.clone(), now).await?;
        }
        let begun = Begun { key, state, id, kind, began: now, meaning, options, review };
        let name = job.name.as_str();
        CycleBegan { job: name, cycle: &begun.id, initial, dry_run: options.dry_run }.emit();
        let result = self.go(job, &begun, seed, &observer, &stop).await;
        match result {
            Ok(mut report) => {
                if !options.dry_run {
                    let batch = begun.state.batch.clone().filter(|_| begun.state.batch_over);
                    let before = Healthy {
                        quarantine: begun.state.quarantine.clone(),
                        staged: batch.map(|(batch, began)| StagedBatch { batch, began, count: 0 }),
                    };
                    let over = store.job_state(key)?.batch_over;
                    let staged = report.staged.clone().filter(|_| over);
                    let after = Healthy { quarantine: report.quarantine.clone(), staged };
                    report.warnings.extend(self.notify(job, &before, &after).await);
                }
                CycleEnded(&report).emit();
                let reason = |quarantine: &Option<Quarantine>| quarantine.as_ref().map(|quarantine| quarantine.reason);
                match &report.quarantine {
                    Some(quarantine) if reason(&begun.state.quarantine) != Some(quarantine.reason) => {
                        JobQuarantined { job: name, quarantine }.emit();
                    }
                    None if begun.state.quarantine.is_some() => QuarantineLifted { job: name }.emit(),
                    Some(_) | None => {}
                }
                if let Some(staged) = &report.staged {
                    DeletionsStaged { job: name, batch: &staged.batch, count: staged.count }.emit();
                }
                Ok(report)
            }
            Err(error) => {
                if !options.dry_run {
                    // The error itself is what matters; the note that nothing runs any more is repaired by the next cycle.
                    drop(self.end_unbegun(job, &begun, &error).await);
                }
                Err(error)
            }
        }
    }

    pub(super) fn lock(&self, job: &Job) -> Result<CycleLock, ServiceError> {
        CycleLock::take(self.store().path(), &job.name).map_err(|busy| match busy {
            Busy::Running(whose) => ServiceError::CycleRuns { job: job.name.clone(), whose },
            Busy::Failed(path, source) => ServiceError::Lock { path: path.display().to_string(), source },
        })
    }

    async fn go(
        &self,
        job: &Job,
        begun: &Begun,
        seed: [u8; 32],
        observer: &Arc<dyn Observer>,
        stop: &CancellationToken,
    ) -> Result<CycleReport, ServiceError> {
        let mut due = self.due_objects(job, begun)?;
        // A run that was killed may have written whom it was at, and not have come to say so.
        let broken_off = self.store().dead_claims(begun.key, &super::on_demand::is_alive)?;
        due.extend(self.with_kinds(begun.key, &broken_off)?);
        let doubtful = broken_off.into_iter().collect();
        observer.note("reading the source");
        let looked_at = self.written_since(begun)?.into_iter().chain(due.iter().cloned()).collect();
        let imported = self.import(job, begun, looked_at).await?;
        let mut imported = match imported {
            Ok(imported) => imported,
            Err(refused) => return self.end_refused(job, begun, refused).await,
        };
        if begun.review.as_ref().is_some_and(|review| review.identity != imported.identity) {
            return Err(ServiceError::PlanMoved("the source changed while it was read".to_owned()));
        }
        if !begun.options.dry_run {
            self.store().void_claims(begun.key, &super::on_demand::is_alive)?;
            if !imported.renames.is_empty() {
                self.store().rename_objects(begun.key, imported.renames.clone()).await?;
            }
        }
        let client = self.client(job, stop)?;
        let rules = JobRules::of(job);
        let run = Run {
            cycle_id: begun.id.clone(),
            trigger: match begun.kind {
                CycleKind::Initial => Trigger::Initial,
                CycleKind::Incremental => Trigger::Incremental,
            },
            dry_run: begun.options.dry_run,
            initiator: match &begun.review {
                Some(_) => Initiator::Operator(super::on_demand::operator()),
                None => Initiator::System,
            },
            owner: format!("cycle:{}", begun.id),
            job_runs: job_runs(&begun.state),
            export_complete: true,
            protect: Protect::default(),
            seed,
            review: begun.review.clone(),
            rollback_of: None,
        };
        let rehearsal;
        let mut line = self.line(begun.key, job, &rules, &client, run)?;
        let outlook = self.sort(&line, &imported, &due)?;
        let previous = begun.state.watermark.as_ref().map_or(0, |watermark| watermark.users + watermark.groups);
        let mass_change = source::judge_changes(&job.source, outlook.changed, previous, &outlook.examples);
        imported.warnings.extend(mass_change.as_ref().map(import::said));
        imported.warnings.extend(outlook.unnamed.iter().map(|name| {
            format!(
                "scope.nobody: `source.include` or `source.exclude` names `{name}`, and nobody in the export is called so; write the \
                 immutable id or the login name"
            )
        }));
        for warning in &imported.warnings {
            observer.note(warning);
        }
        let waits = self.store().has_ready_references(begun.key, line.as_of())?;
        if begun.options.dry_run && (outlook.total > 0 || waits) && line.has_references() {
            rehearsal = self.store().rehearsal(begun.key)?;
            line.book = Some(&rehearsal);
        }
        let staging = self.protect(job, begun, &imported, &outlook)?;
        line.run.protect = staging.protect.clone();
        line.gathers = job.target.concurrency > 1;
        line.doubtful = doubtful;
        let work = Work {
            service: self,
            job,
            begun,
            imported: &imported,
            outlook: &outlook,
            staging: &staging,
            waits,
            observer,
            stop,
            client: &client,
        };
        let worked = own_thread::run(|| work.all(&mut line))?;
        imported.staging.give_up();
        self.end(job, begun, imported, worked, staging.over).await
    }

    /// Objects that have to be looked at although nothing of them changed.
    fn due_objects(&self, job: &Job, begun: &Begun) -> Result<HashSet<(ObjectKind, SourceAnchor)>, ServiceError> {
        let store = self.store();
        let as_of = begun.review.as_ref().map_or(begun.began, |review| review.at);
        let mut due = HashSet::new();
        let mut add = |anchor: SourceAnchor| -> Result<(), StoreError> {
            let kind = store.object(begun.key, &anchor)?.map_or(ObjectKind::User, |row| row.kind);
            due.insert((kind, anchor));
            Ok(())
        };
        for anchor in store.due_escrows(begun.key, as_of)? {
            add(anchor)?;
        }
        for staged in store.staged(begun.key)? {
            add(staged.source_anchor)?;
        }
        let retention = SignedDuration::try_from(job.soft_delete_retention).unwrap_or(SignedDuration::MAX);
        if let Ok(before) = as_of.checked_sub(retention) {
            for row in store.left_before(begun.key, before)? {
                due.insert((row.kind, row.anchor));
            }
        }
        Ok(due)
    }

    /// Whom a run wrote that was no whole cycle: a cycle that was ended early, or one on demand. The export of the watermark says
    /// nothing of what they were evaluated by, so that one like it is no reason to leave them out (D-15, D-53).
    fn written_since(&self, begun: &Begun) -> Result<Vec<(ObjectKind, SourceAnchor)>, ServiceError> {
        let store = self.store();
        let Some(watermark) = begun.state.watermark.as_ref().filter(|_| begun.kind == CycleKind::Incremental) else {
            return Ok(Vec::new());
        };
        self.with_kinds(begun.key, &store.logged_since(begun.key, watermark.at)?)
    }

    /// Those of the objects that are known.
    fn with_kinds(
        &self,
        key: JobKey,
        anchors: &[SourceAnchor],
    ) -> Result<Vec<(ObjectKind, SourceAnchor)>, ServiceError> {
        let rows = self.store().objects(key, anchors.iter())?;
        Ok(rows.into_iter().flatten().map(|row| (row.kind, row.anchor)).collect())
    }

    async fn import(
        &self,
        job: &Job,
        begun: &Begun,
        due: HashSet<(ObjectKind, SourceAnchor)>,
    ) -> Result<Result<Imported, Refused>, ServiceError> {
        let store = Arc::clone(self.store());
        let settings = job.source.clone();
        let previous = begun.state.watermark.clone();
        let (key, all) = (begun.key, begun.kind == CycleKind::Initial);
        let assigned_only = job.scope_mode == ScopeMode::Assigned;
        let accepted = begun.state.accepted_identity.clone();
        let keep_refused_at = (!begun.options.dry_run).then_some(begun.began);
        let read = tokio::task::spawn_blocking(move || {
            import(&import::Request {
                settings: &settings,
                store: &store,
                job: key,
                previous: previous.as_ref(),
                all,
                due: &due,
                accepted: accepted.as_deref(),
                assigned_only,
                keep_refused_at,
            })
        });
        Ok(read.await.map_err(|error| ServiceError::Internal(error.to_string()))??)
    }
}

/// Why the state of the job lets no cycle run, if it does not.
pub(super) fn refusal_by_state(state: &JobState, now: Timestamp) -> Option<RunError> {
    let error = |code: &str, message: String, help: &str| {
        Some(RunError { code: code.to_owned(), message, help: help.to_owned() })
    };
    if state.disabled && state.quarantine.is_none() {
        let message = "the job is disabled: an object failed for 28 days, and `escrow.strict_expiry` is set".to_owned();
        return error(
            "Paused",
            message,
            "see what failed with `provisiond log --status failure`, then run `provisiond start`",
        );
    }
    if state.disabled {
        let message = "the job is disabled after more than four weeks in quarantine".to_owned();
        return error("Quarantine", message, "mend the cause, then run `provisiond start`");
    }
    if state.paused {
        return error("Paused", "the job is paused".to_owned(), "run `provisiond start` to go on");
    }
    let quarantine = state.quarantine.as_ref().filter(|quarantine| quarantine::slows(quarantine.reason))?;
    let next = quarantine.next_attempt.filter(|next| *next > now)?;
    let why =
        quarantine.error.as_ref().map(|error| format!(" ({}: {})", error.code, error.message)).unwrap_or_default();
    error(
        "Quarantine",
        format!("the job is in quarantine: {:?}{why}; the next attempt is at {next}", quarantine.reason),
        "mend the cause, then run `provisiond test-connection` or `provisiond start` to lift the quarantine",
    )
}
