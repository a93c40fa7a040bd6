//! One cycle (service.md 5 and 6).

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::apply::Reviewed;
use super::error::ServiceError;
use super::evaluate::{Evaluated, is_staged};
use super::import::{self, Imported, Refused, import};
use super::intended::Review;
use super::line::{Line, Protect, Run, run_error};
use super::lock::{Busy, CycleLock};
use super::notify::Healthy;
use super::phases::{Phase, forecast};
use super::progress::Observer;
use super::quarantine::{self, Health, Thresholds};
use super::service::{JobRules, Service, job_runs, meaning};
use super::standing::Standing;
use super::tally::{CameTo, Tally};
use super::transcript::Transcript;
use crate::config::{Job, ScopeMode};
use crate::model::{
    Counts, CycleKind, CycleReport, CycleState, Escrow, Initiator, LoggedAction, ObjectKind, Operation, Pace,
    Quarantine, QuarantineReason, RunError, RunSummary, SourceAnchor, StagedBatch, StagedObject, Trigger,
};
use crate::plan::Protection;
use crate::store::{Claimed, FollowUp, JobKey, JobState, ObjectCommit, Staged, StoreError, Watermark};
use crate::target::Transport;
use crate::telemetry::events::{
    CycleBegan, CycleEnded, DeletionsStaged, JobQuarantined, ObjectProvisioned, QuarantineLifted,
};

/// Objects that need no request are stored this many at a time.
const TOGETHER: usize = 500;
/// How long an object is waited for that somebody else works on.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// How a cycle is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CycleOptions {
    /// Reads only; nothing is sent, nothing is stored.
    pub dry_run: bool,
    /// Evaluates every object, changed or not.
    pub initial: bool,
}

/// What a cycle knows of itself from its beginning on.
struct Begun {
    key: JobKey,
    state: JobState,
    id: String,
    kind: CycleKind,
    began: Timestamp,
    meaning: String,
    options: CycleOptions,
    review: Option<Arc<Review>>,
}

/// How the work on the objects ended.
struct Worked {
    counts: Counts,
    requests: u64,
    pace: Option<Pace>,
    exports: u64,
    exported: u64,
    entitled: u64,
    /// Why the cycle ended before its objects did.
    error: Option<RunError>,
    /// The error is one that quarantines at once.
    critical: bool,
    interrupted: bool,
    staged: u64,
    /// Objects that failed for 28 days, where one such object disables the job (`escrow.strict_expiry`).
    expired: u64,
    warnings: Vec<String>,
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
        if !options.dry_run {
            store.void_claims(key, &super::on_demand::is_alive)?;
            if state.quarantine.is_some() {
                state = store.update_job(key, move |state| quarantine::expire(state, now)).await?;
            }
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
                    drop(store.update_job(key, |state| state.running_since = None).await);
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
        let due = self.due_objects(job, begun)?;
        observer.note("reading the source");
        let imported = self.import(job, begun, due.clone()).await?;
        let imported = match imported {
            Ok(imported) => imported,
            Err(refused) => return self.end_refused(job, begun, refused).await,
        };
        if begun.review.as_ref().is_some_and(|review| review.identity != imported.identity) {
            return Err(ServiceError::PlanMoved("the source changed while it was read".to_owned()));
        }
        if !begun.options.dry_run && !imported.renames.is_empty() {
            self.store().rename_objects(begun.key, imported.renames.clone()).await?;
        }
        for warning in &imported.warnings {
            observer.note(warning);
        }
        let client = self.client(job)?;
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
        let forecast = self.sort(&line, &imported, &due)?;
        let waits = self.store().has_ready_references(begun.key, line.as_of())?;
        if begun.options.dry_run && (forecast.total > 0 || waits) && line.has_references() {
            rehearsal = self.store().rehearsal(begun.key)?;
            line.book = Some(&rehearsal);
        }
        let staging = self.protect(job, begun, &imported, &forecast)?;
        line.run.protect = staging.protect.clone();
        let worked =
            self.work(job, begun, &mut line, &imported, &forecast, &staging, waits, observer, stop, &client).await?;
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

    /// Gives every object its phase, and counts who would be deprovisioned (D-52).
    fn sort<T: Transport>(
        &self,
        line: &Line<'_, T>,
        imported: &Imported,
        due: &HashSet<(ObjectKind, SourceAnchor)>,
    ) -> Result<Forecast, ServiceError> {
        let initial = line.run.trigger == Trigger::Initial;
        let now = line.as_of();
        let mut sorted = Forecast::default();
        imported.staging.sort(|staged| {
            let row = line.store.object(line.job, &staged.anchor)?;
            let Some(kind) = line.kind(staged.kind) else {
                sorted.unchanged += 1;
                return Ok(None);
            };
            let standing = match (&staged.object, &row) {
                (Some(object), row) => {
                    let assigned = imported.assigned.holds(object);
                    Standing::of_present(object, row.as_ref(), line.scope, kind, assigned, now)
                }
                (None, Some(row)) => Standing::of_absent(row, line.scope, now),
                (None, None) => return Ok(None),
            };
            let is_due = due.contains(&(staged.kind, staged.anchor.clone()));
            let vanished = staged.object.is_none() && row.as_ref().is_some_and(|row| row.left_at.is_some()) && !is_due;
            if (!initial && !is_due && !standing.differs_from(row.as_ref()))
                || (vanished && !standing.differs_from(row.as_ref()))
            {
                sorted.unchanged += u64::from(staged.object.is_some());
                return Ok(None);
            }
            sorted.entitled += u64::from(standing.scope.as_ref().is_ok_and(crate::plan::Scope::is_entitled));
            let forecast = forecast(&standing, row.as_ref(), kind);
            if forecast.deprovisions {
                sorted.deprovisions.insert(staged.anchor.clone(), staged.object.is_none());
            }
            sorted.asks |= forecast.phase.asks() && !forecast.deprovisions;
            sorted.total += 1;
            Ok(Some(forecast.phase as u8))
        })?;
        Ok(sorted)
    }

    /// Decides which deprovisionings are withheld (service.md 18).
    fn protect(
        &self,
        job: &Job,
        begun: &Begun,
        imported: &Imported,
        forecast: &Forecast,
    ) -> Result<StagingPlan, ServiceError> {
        let (approved, waiting): (Vec<StagedObject>, Vec<StagedObject>) = self
            .store()
            .staged(begun.key)?
            .into_iter()
            .partition(|staged| begun.state.approved_batch.as_ref() == Some(&staged.batch));
        // What was approved never lends its number to what was staged later.
        let batch = waiting.first().map_or_else(|| begun.id.clone(), |staged| staged.batch.clone());
        let anchors = |staged: Vec<StagedObject>| staged.into_iter().map(|staged| staged.source_anchor).collect();
        let mut protect = Protect {
            absent: imported.stage_absences,
            waiting: anchors(waiting),
            approved: anchors(approved),
            all: false,
        };
        // Absences that nothing proves wait whatever the threshold, and do not count towards it (D-60).
        let counted = forecast
            .deprovisions
            .iter()
            .filter(|(anchor, absent)| {
                protect.of(anchor, **absent) == Protection::Open && !protect.approved.contains(*anchor)
            })
            .count() as u64;
        let over = job.accidental_deletion.enabled && counted > job.accidental_deletion.threshold;
        // While a batch of too many waits, whoever else would go waits with it.
        protect.all = over || (begun.state.batch_over && !protect.waiting.is_empty());
        Ok(StagingPlan { protect, batch, over })
    }

    #[expect(clippy::too_many_arguments, reason = "one cycle's parts, each of another kind")]
    async fn work<T: Transport>(
        &self,
        job: &Job,
        begun: &Begun,
        line: &mut Line<'_, T>,
        imported: &Imported,
        forecast: &Forecast,
        staging: &StagingPlan,
        waits: bool,
        observer: &Arc<dyn Observer>,
        stop: &CancellationToken,
        counter: &crate::target::Client,
    ) -> Result<Worked, ServiceError> {
        let mut tally = Tally::default();
        let mut worked = Worked {
            counts: Counts::default(),
            requests: 0,
            pace: None,
            exports: 0,
            exported: 0,
            entitled: forecast.entitled,
            error: None,
            critical: false,
            interrupted: false,
            staged: 0,
            expired: 0,
            warnings: Vec::new(),
        };
        // What is withheld asks nothing (D-12); an attempt in quarantine always tests the connection (17.2).
        let asks = forecast.asks
            || forecast
                .deprovisions
                .iter()
                .any(|(anchor, absent)| staging.protect.of(anchor, *absent) == Protection::Open);
        let is_attempt = begun.state.quarantine.as_ref().is_some_and(|quarantine| quarantine::slows(quarantine.reason));
        let probe = asks || waits || job.target.options.probe_every_cycle || is_attempt;
        if probe && let Some(failure) = self.open_cycle(line).await {
            worked.requests = counter.requests();
            worked.pace = pace_of(counter);
            worked.critical = failure.class != crate::model::Class::Transient;
            worked.error = Some(run_error(&failure));
            worked.counts.not_evaluated = imported.recognised + forecast.unchanged + forecast.total;
            return Ok(worked);
        }
        let done = AtomicU64::new(0);
        let total = forecast.total;
        let mut deferred = Vec::new();
        let mut noted = std::time::Instant::now();
        for phase in Phase::ALL {
            if phase == Phase::Delete {
                let concurrency = job.target.concurrency.max(1);
                let staging = &imported.staging;
                self.send_references(line, staging, concurrency, &mut tally, observer.as_ref(), stop).await?;
            }
            let concurrency = if phase.asks() { job.target.concurrency.max(1) } else { 64 };
            let mut queue = Queue { staging: &imported.staging, phase, after: None, page: VecDeque::new() };
            let line: &Line<'_, T> = line;
            let mut running = FuturesUnordered::new();
            let mut is_empty = false;
            let mut pending: Vec<ObjectCommit> = Vec::new();
            loop {
                while !is_empty && running.len() < concurrency {
                    match queue.next()? {
                        Some(staged) => running.push(self.take_turn(line, phase, staged, imported, stop)),
                        None => is_empty = true,
                    }
                }
                let Some(turn) = running.next().await else { break };
                match turn? {
                    Turn::NotReached => tally.not_reached += 1,
                    Turn::Taken(staged) => deferred.push((phase, staged)),
                    Turn::Done(evaluated) => {
                        self.note(line, &staging.batch, &evaluated, &mut tally, observer).await?;
                        follow_up(&imported.staging, &evaluated)?;
                        pending.extend(evaluated.commit.filter(|_| !phase.asks()));
                        if pending.len() >= TOGETHER {
                            line.book().commit_all(line.job, std::mem::take(&mut pending)).await?;
                        }
                    }
                }
                observer.progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
                if noted.elapsed().as_secs() >= 2 && !begun.options.dry_run {
                    noted = std::time::Instant::now();
                    self.note_progress(begun.key, (done.load(Ordering::Relaxed), total), pace_of(counter), stop)
                        .await?;
                }
            }
            if !pending.is_empty() {
                line.book().commit_all(line.job, pending).await?;
            }
        }
        for (phase, staged) in deferred {
            match self.wait_for(line, phase, staged, imported, stop).await? {
                Turn::Done(evaluated) => self.note(line, &staging.batch, &evaluated, &mut tally, observer).await?,
                Turn::NotReached | Turn::Taken(_) => tally.not_reached += 1,
            }
        }
        worked.requests = counter.requests();
        worked.pace = pace_of(counter);
        worked.warnings = std::mem::take(&mut tally.warnings);
        worked.interrupted = tally.not_reached > 0;
        worked.exports = tally.exports;
        worked.exported = tally.exported;
        worked.staged = tally.counts.staged;
        worked.expired = line.expired.load(Ordering::Relaxed);
        if worked.expired > 0 {
            worked.warnings.push(format!(
                "escrow.expired: {} objects failed for 28 days: the job is disabled, as `escrow.strict_expiry` demands; \
                 mend the cause, then run `provisiond start`",
                worked.expired
            ));
        }
        worked.counts = tally.counts;
        worked.counts.not_evaluated += imported.recognised + forecast.unchanged + tally.not_reached;
        worked.counts.not_evaluated = worked.counts.not_evaluated.saturating_sub(tally.followed);
        if let Some(failure) = line.breaker.cause() {
            worked.critical = failure.class == crate::model::Class::Critical;
            worked.error = Some(run_error(&failure));
        } else if worked.interrupted {
            worked.error = Some(RunError {
                code: "Interrupted".to_owned(),
                message: format!("the cycle was ended early; {} objects were not reached", tally.not_reached),
                help: "run the cycle again: it goes on where it ended".to_owned(),
            });
        }
        Ok(worked)
    }

    /// Discovery and probes (wire.md 6, 19); the failure that ends the cycle, if one does.
    pub(super) async fn open_cycle<T: Transport>(&self, line: &mut Line<'_, T>) -> Option<crate::model::Failure> {
        let mut transcript = Transcript::default();
        line.discover(&mut transcript).await;
        let guids = super::ids::guids(&line.run.seed);
        line.probe([&guids[0], &guids[1]], &mut transcript).await.err()
    }

    /// [`Service::turn`], unless the cycle is ending.
    async fn take_turn<T: Transport>(
        &self,
        line: &Line<'_, T>,
        phase: Phase,
        staged: Staged,
        imported: &Imported,
        stop: &CancellationToken,
    ) -> Result<Turn, ServiceError> {
        if stop.is_cancelled() || line.breaker.is_open() {
            return Ok(Turn::NotReached);
        }
        self.turn(line, phase, staged, imported).await
    }

    /// One object's turn: claim, evaluate, store.
    async fn turn<T: Transport>(
        &self,
        line: &Line<'_, T>,
        phase: Phase,
        staged: Staged,
        imported: &Imported,
    ) -> Result<Turn, ServiceError> {
        let row = if line.run.dry_run || !phase.asks() {
            line.store.object(line.job, &staged.anchor)?
        } else {
            let claim = line.store.claim(line.job, staged.anchor.clone(), line.run.owner.clone(), Timestamp::now());
            match claim.await? {
                Claimed::Ours(row) => row.map(|row| *row),
                Claimed::Theirs { .. } => return Ok(Turn::Taken(staged)),
            }
        };
        let escrow: Option<Escrow> = line.store.escrow(line.job, &staged.anchor)?;
        let assigned = staged.object.as_deref().is_some_and(|object| imported.assigned.holds(object));
        let evaluation = line.evaluate(&staged, row.as_ref(), escrow.as_ref(), assigned);
        // A defect of ours that one object meets must not cost the others their cycle.
        let mut evaluated = match AssertUnwindSafe(evaluation).catch_unwind().await {
            Ok(evaluated) => evaluated?,
            Err(_) => line.broke_down(&staged, row.as_ref(), escrow.as_ref()),
        };
        if phase.asks() {
            line.store(&staged.anchor, &mut evaluated, escrow.as_ref()).await?;
        }
        line.has_found(&staged.anchor);
        Ok(Turn::Done(Box::new(evaluated)))
    }

    /// Waits for an object that an on-demand run is working on.
    async fn wait_for<T: Transport>(
        &self,
        line: &Line<'_, T>,
        phase: Phase,
        staged: Staged,
        imported: &Imported,
        stop: &CancellationToken,
    ) -> Result<Turn, ServiceError> {
        let until = tokio::time::Instant::now() + PATIENCE;
        let mut staged = staged;
        loop {
            line.store.void_claims(line.job, &|owner| owner == line.run.owner || super::on_demand::is_alive(owner))?;
            match self.turn(line, phase, staged, imported).await? {
                Turn::Taken(again) if tokio::time::Instant::now() < until && !stop.is_cancelled() => staged = again,
                other => return Ok(other),
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    async fn note<T: Transport>(
        &self,
        line: &Line<'_, T>,
        batch: &str,
        evaluated: &Evaluated,
        tally: &mut Tally,
        observer: &Arc<dyn Observer>,
    ) -> Result<(), ServiceError> {
        tally.add(evaluated);
        let shown = evaluated.commit.as_ref().map_or_else(
            || {
                super::record::is_logged(
                    line,
                    &evaluated.decision,
                    evaluated.entry.failure.is_some(),
                    &evaluated.link_before,
                )
            },
            |commit| commit.entry.is_some(),
        );
        if shown {
            ObjectProvisioned { job: line.job_name, entry: &evaluated.entry }.emit();
            match &evaluated.intended {
                Some(intended) => observer.intended(&evaluated.entry, intended),
                None => observer.entry(&evaluated.entry),
            }
        }
        if is_staged(&evaluated.decision) && !line.run.dry_run {
            let action = match evaluated.entry.action {
                LoggedAction::StagedDelete => Operation::Delete,
                _ => Operation::Disable,
            };
            let staged = StagedObject {
                batch: batch.to_owned(),
                source_anchor: evaluated.entry.source_anchor(),
                action,
                reason: evaluated.entry.reason.clone(),
                name: evaluated.entry.source.display_name.clone(),
                kind: evaluated.entry.kind,
                target: evaluated.link_before.target().cloned(),
            };
            line.store.stage(line.job, staged).await?;
        }
        Ok(())
    }

    /// Shows how far the cycle is, and obeys `pause --now`.
    async fn note_progress(
        &self,
        key: JobKey,
        (done, total): (u64, u64),
        pace: Option<Pace>,
        stop: &CancellationToken,
    ) -> Result<(), ServiceError> {
        let now = self.now();
        let change = move |state: &mut JobState| {
            state.progress = Some((done, total, now));
            state.pace = pace.or(state.pace);
        };
        let state = self.store().update_job(key, change).await?;
        if state.stop_now {
            stop.cancel();
        }
        Ok(())
    }

    async fn end_refused(&self, job: &Job, begun: &Begun, refused: Refused) -> Result<CycleReport, ServiceError> {
        let now = self.now();
        let error = refused.error;
        let mut report = blank_report(job, begun, now);
        report.state = CycleState::Failed;
        report.source = refused.counts;
        report.warnings = refused.warnings;
        report.error = Some(error.clone());
        report.counts.not_evaluated =
            begun.state.watermark.as_ref().map_or(0, |watermark| watermark.users + watermark.groups);
        if begun.options.dry_run {
            return Ok(report);
        }
        let identity = refused.identity;
        let summary = summary(&report, 0, 0, 0, 0);
        let state = self
            .store()
            .update_job(begun.key, move |state| {
                state.running_since = None;
                state.refused_identity = identity;
                state.last_execution = Some(summary);
                quarantine::note_source_failure(state, error, now);
            })
            .await?;
        report.quarantine = state.quarantine;
        report.staged = self.staged_batch(begun.key)?;
        self.store().end_cycle(begun.id.clone(), now, report_record(&report)).await?;
        Ok(report)
    }

    async fn end(
        &self,
        job: &Job,
        begun: &Begun,
        imported: Imported,
        worked: Worked,
        over: bool,
    ) -> Result<CycleReport, ServiceError> {
        let now = self.now();
        let store = self.store();
        let mut report = blank_report(job, begun, now);
        report.source = imported.counts;
        report.counts = worked.counts;
        report.requests = worked.requests;
        report.pace = worked.pace;
        report.error = worked.error.clone();
        report.warnings = imported.warnings;
        report.warnings.extend(worked.warnings);
        report.state = match (&worked.error, worked.counts.failure) {
            (Some(_), _) => CycleState::Failed,
            (None, 0) => CycleState::Succeeded,
            (None, _) => CycleState::EntryLevelErrors,
        };
        if begun.options.dry_run {
            report.staged = self.staged_batch(begun.key)?;
            return Ok(report);
        }
        if worked.error.is_none() {
            let watermark = Watermark {
                identity: imported.identity,
                meaning: begun.meaning.clone(),
                users: imported.users,
                groups: imported.groups,
                memory: imported.memory,
                at: now,
            };
            store
                .move_watermark(begun.key, begun.state.revision, watermark, imported.snapshot, imported.learned)
                .await?;
        }
        let retention = SignedDuration::try_from(job.logs.retention).unwrap_or(SignedDuration::MAX);
        if let Ok(before) = now.checked_sub(retention) {
            store.prune_log(begun.key, before).await?;
        }
        let (failures, references) = store.escrow_counts(begun.key)?;
        let staged: BTreeSet<String> = store.staged(begun.key)?.into_iter().map(|staged| staged.batch).collect();
        let thresholds = Thresholds {
            minimum_failures: job.quarantine.minimum_failures,
            proportion: job.quarantine.proportion,
            base: job.quarantine.base_threshold,
            total: job.quarantine.total_threshold,
        };
        let summary = summary(&report, imported.recognised, worked.entitled, worked.exports, worked.exported);
        let evaluated = evaluated(&worked.counts);
        let begin = (begun.began, begun.kind);
        let (error, critical, interrupted) = (worked.error.clone(), worked.critical, worked.interrupted);
        let (expired, pace) = (worked.expired > 0, worked.pace);
        let state = store
            .update_job(begun.key, move |state| {
                let (began, kind) = begin;
                state.running_since = None;
                state.events += evaluated;
                state.disabled |= expired;
                state.pace = pace.or(state.pace);
                state.last_execution = Some(summary.clone());
                let waits = open_batch(state, &staged, over, began);
                match error {
                    Some(error) if error.code == "Interrupted" => {}
                    Some(error) => quarantine::note_complete_failure(state, error, critical, now),
                    None => {
                        state.complete_failures = 0;
                        state.source_failures = 0;
                        state.refused_identity = None;
                        quarantine::lift(state, |reason| {
                            matches!(
                                reason,
                                QuarantineReason::EncounteredQuarantineException
                                    | QuarantineReason::IngestionInterrupted
                                    | QuarantineReason::Unknown
                                    | QuarantineReason::QuarantinedOnDemand
                            )
                        });
                        judge(state, failures, references, &thresholds, kind, now);
                        let slowed = state.quarantine.as_ref().is_some_and(|known| quarantine::slows(known.reason));
                        if waits && !slowed {
                            quarantine::enter(state, QuarantineReason::TooManyDeletes, None, now);
                        } else if !waits {
                            quarantine::lift(state, |reason| reason == QuarantineReason::TooManyDeletes);
                        }
                        if report_succeeded(&summary) {
                            state.last_successful_execution = Some(summary.clone());
                            if summary.count_exported > 0 {
                                state.last_successful_execution_with_exports = Some(summary);
                            }
                        }
                        if !interrupted && failures == 0 {
                            state.steady_first = state.steady_first.or(Some(now));
                            state.steady_last = Some(now);
                        }
                    }
                }
            })
            .await?;
        if state.escrows_pruned && begun.kind == CycleKind::Initial {
            store.drop_escrows(begun.key)?;
        }
        report.quarantine = state.quarantine;
        report.staged = self.staged_batch(begun.key)?;
        store.end_cycle(begun.id.clone(), now, report_record(&report)).await?;
        Ok(report)
    }

    /// The open batch of withheld deprovisionings.
    pub(super) fn staged_batch(&self, key: JobKey) -> Result<Option<StagedBatch>, ServiceError> {
        let Some((batch, began)) = self.store().job_state(key)?.batch else { return Ok(None) };
        let count = self.store().staged_count(key, &batch)?;
        Ok((count > 0).then_some(StagedBatch { batch, began, count }))
    }
}

/// Which deprovisionings a cycle withholds, and under which number.
pub(super) struct StagingPlan {
    protect: Protect,
    batch: String,
    /// There are more than the threshold allows.
    over: bool,
}

/// Notes which batch is open after a cycle; returns whether it quarantines the job (D-52, not D-60).
fn open_batch(state: &mut JobState, staged: &BTreeSet<String>, over: bool, began: Timestamp) -> bool {
    let waiting = staged.iter().find(|batch| state.approved_batch.as_ref() != Some(*batch));
    match waiting {
        Some(batch) if state.batch.as_ref().is_none_or(|(known, _)| known != batch) => {
            state.batch = Some((batch.clone(), began));
            state.batch_over = over;
        }
        Some(_) => state.batch_over |= over,
        None => {
            state.batch_over = false;
            if staged.is_empty() {
                state.batch = None;
                state.approved_batch = None;
            }
        }
    }
    waiting.is_some() && state.batch_over
}

/// How fast the target is asked by now; `None` where it was not asked.
fn pace_of(client: &crate::target::Client) -> Option<Pace> {
    let pace = client.pace();
    (client.requests() > 0).then_some(Pace { concurrency: pace.concurrency as u64, rate: pace.rate })
}

/// What is known before the first request.
#[derive(Default)]
pub(super) struct Forecast {
    /// Objects to evaluate.
    total: u64,
    /// Read, and found the same.
    unchanged: u64,
    entitled: u64,
    /// Who would be disabled or deleted; true where the export lacks the object.
    deprovisions: BTreeMap<SourceAnchor, bool>,
    /// Something has to be asked or sent besides the deprovisionings.
    asks: bool,
}

enum Turn {
    Done(Box<Evaluated>),
    /// Somebody else works on it.
    Taken(Staged),
    /// The cycle ended before.
    NotReached,
}

/// The objects of a phase, a page at a time.
struct Queue<'a> {
    staging: &'a crate::store::Staging,
    phase: Phase,
    after: Option<SourceAnchor>,
    page: VecDeque<Staged>,
}

impl Queue<'_> {
    fn next(&mut self) -> Result<Option<Staged>, StoreError> {
        if self.page.is_empty() {
            self.page = self.staging.next(self.phase as u8, self.after.as_ref(), 256)?.into();
            self.after = self.page.back().map(|staged| staged.anchor.clone()).or(self.after.take());
        }
        Ok(self.page.pop_front())
    }
}

/// Keeps what was seen of an object whose references are sent later.
fn follow_up(staging: &crate::store::Staging, evaluated: &Evaluated) -> Result<(), StoreError> {
    let Some(resource) = &evaluated.resource else { return Ok(()) };
    staging.follow_up(&FollowUp {
        anchor: evaluated.entry.source_anchor(),
        kind: evaluated.entry.kind,
        came_to: CameTo::of(evaluated) as u8,
        resource: Some(serde_json::Value::Object(resource.body().clone())),
        name: evaluated.entry.source.display_name.clone(),
    })
}

/// Thresholds of failures; in an initial cycle they prune and pause instead (service.md 5).
fn judge(
    state: &mut JobState,
    failures: u64,
    references: u64,
    thresholds: &Thresholds,
    kind: CycleKind,
    now: Timestamp,
) {
    match quarantine::health(failures, references, state.events, thresholds) {
        Health::Unhealthy(_) if kind == CycleKind::Initial => {
            state.escrows_pruned = true;
            state.paused = true;
            // Nothing else remembers who failed.
            state.initial_due = true;
        }
        Health::Unhealthy(reason) => quarantine::enter(state, reason, None, now),
        Health::Well | Health::Degraded(_) => quarantine::lift(state, |reason| {
            matches!(
                reason,
                QuarantineReason::EncounteredEscrowProportionThreshold
                    | QuarantineReason::EncounteredBaseEscrowThreshold
                    | QuarantineReason::EncounteredTotalEscrowThreshold
            )
        }),
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

fn refused_report(
    job: &Job,
    state: &JobState,
    id: String,
    kind: CycleKind,
    now: Timestamp,
    error: RunError,
    options: CycleOptions,
) -> CycleReport {
    let known = state.watermark.as_ref().map_or(0, |watermark| watermark.users + watermark.groups);
    CycleReport {
        state: CycleState::Failed,
        counts: Counts { not_evaluated: known, ..Counts::default() },
        quarantine: state.quarantine.clone(),
        error: Some(error),
        ..CycleReport::blank(id, &job.name, kind, options.dry_run, now)
    }
}

fn blank_report(job: &Job, begun: &Begun, now: Timestamp) -> CycleReport {
    let blank = CycleReport::blank(begun.id.clone(), &job.name, begun.kind, begun.options.dry_run, begun.began);
    CycleReport { ended: now, quarantine: begun.state.quarantine.clone(), ..blank }
}

fn summary(report: &CycleReport, recognised: u64, entitled: u64, exports: u64, exported: u64) -> RunSummary {
    let evaluated = evaluated(&report.counts);
    RunSummary {
        activity_identifier: report.id.clone(),
        state: report.state,
        time_began: report.began,
        time_ended: report.ended,
        error: report.error.clone(),
        count_imported: recognised + evaluated,
        count_imported_deltas: evaluated,
        count_imported_reference_deltas: 0,
        count_entitled: entitled,
        count_entitled_for_provisioning: entitled,
        count_exports: exports,
        count_exported: exported,
        count_escrowed: report.counts.failure,
        count_escrowed_raw: report.counts.failure,
    }
}

fn evaluated(counts: &Counts) -> u64 {
    counts.create + counts.update + counts.disable + counts.delete + counts.skipped + counts.failure + counts.staged
}

fn report_succeeded(summary: &RunSummary) -> bool {
    summary.state == CycleState::Succeeded
}

/// What is remembered of a cycle.
pub(super) fn report_record(report: &CycleReport) -> serde_json::Value {
    serde_json::json!({
        "kind": report.kind,
        "state": report.state,
        "source": report.source,
        "counts": report.counts,
        "requests": report.requests,
        "error": report.error,
    })
}
