//! How a cycle ends: watermark, health, batch, report (service.md 6, 17, 18).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::error::ServiceError;
use super::import::{Imported, Refused};
use super::quarantine::{self, Health, Thresholds};
use super::run::{Begun, CycleOptions};
use super::service::Service;
use super::work::Worked;
use crate::config::Job;
use crate::model::{
    Counts, CycleKind, CycleReport, CycleState, Pace, QuarantineReason, RunError, RunSummary, StagedBatch,
};
use crate::store::{JobKey, JobState, Watermark};

impl Service {
    /// Ends a cycle whose source said nothing that may be believed.
    pub(super) async fn end_refused(
        &self,
        job: &Job,
        begun: &Begun,
        refused: Refused,
    ) -> Result<CycleReport, ServiceError> {
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

    /// Notes that a cycle broke off. Of one that could not even turn to its target, as where the token cannot be read, whoever looks
    /// after the daemon is told by `status` too.
    pub(super) async fn end_unbegun(&self, job: &Job, begun: &Begun, error: &ServiceError) -> Result<(), ServiceError> {
        let mut report = blank_report(job, begun, self.now());
        report.state = CycleState::Failed;
        report.error =
            Some(RunError { code: error.code().to_owned(), message: error.to_string(), help: error.help().to_owned() });
        let shown = matches!(error, ServiceError::Secret(_) | ServiceError::Target(_));
        let summary = shown.then(|| summary(&report, 0, 0, 0, 0));
        let note = |state: &mut JobState| {
            state.running_since = None;
            state.last_execution = summary.or(state.last_execution.take());
        };
        self.store().update_job(begun.key, note).await?;
        self.store().end_cycle(begun.id.clone(), report.ended, report_record(&report)).await?;
        Ok(())
    }

    /// Moves the watermark of a cycle that went through, judges the job's health and writes the report down.
    pub(super) async fn end(
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
                octets: Some(imported.octets),
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
        let outcome = Outcome {
            summary: summary(&report, imported.recognised, worked.entitled, worked.exports, worked.exported),
            evaluated: evaluated(&worked.counts),
            pace: worked.pace,
            error: worked.error,
            critical: worked.critical,
            interrupted: worked.interrupted,
            expired: worked.expired > 0,
            failures,
            references,
            staged: store.staged(begun.key)?.into_iter().map(|staged| staged.batch).collect(),
            over,
            thresholds: Thresholds {
                minimum_failures: job.quarantine.minimum_failures,
                proportion: job.quarantine.proportion,
                base: job.quarantine.base_threshold,
                total: job.quarantine.total_threshold,
            },
            began: begun.began,
            kind: begun.kind,
            now,
        };
        let state = store.update_job(begun.key, move |state| outcome.note(state)).await?;
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

/// What a cycle came to, as far as the state of its job has to know.
struct Outcome {
    summary: RunSummary,
    evaluated: u64,
    pace: Option<Pace>,
    error: Option<RunError>,
    critical: bool,
    interrupted: bool,
    expired: bool,
    /// Open escrows.
    failures: u64,
    /// Those among them that only lack references.
    references: u64,
    /// Batches of withheld deprovisionings.
    staged: BTreeSet<String>,
    over: bool,
    thresholds: Thresholds,
    began: Timestamp,
    kind: CycleKind,
    now: Timestamp,
}

impl Outcome {
    fn note(&self, state: &mut JobState) {
        state.running_since = None;
        state.events += self.evaluated;
        state.disabled |= self.expired;
        state.pace = self.pace.or(state.pace);
        state.last_execution = Some(self.summary.clone());
        let waits = open_batch(state, &self.staged, self.over, self.began);
        match &self.error {
            Some(error) if matches!(error.code.as_str(), "Interrupted" | "Paused") => {}
            Some(error) => quarantine::note_complete_failure(state, error.clone(), self.critical, self.now),
            None => self.note_completion(state, waits),
        }
    }

    /// The cycle saw the whole source and a target that answers.
    fn note_completion(&self, state: &mut JobState, waits: bool) {
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
        self.judge(state);
        let slowed = state.quarantine.as_ref().is_some_and(|known| quarantine::slows(known.reason));
        if waits && !slowed {
            quarantine::enter(state, QuarantineReason::TooManyDeletes, None, self.now);
        } else if !waits {
            quarantine::lift(state, |reason| reason == QuarantineReason::TooManyDeletes);
        }
        if self.summary.state == CycleState::Succeeded {
            state.last_successful_execution = Some(self.summary.clone());
            if self.summary.count_exported > 0 {
                state.last_successful_execution_with_exports = Some(self.summary.clone());
            }
        }
        if !self.interrupted && self.failures == 0 {
            state.steady_first = state.steady_first.or(Some(self.now));
            state.steady_last = Some(self.now);
        }
    }

    /// Thresholds of failures; in an initial cycle they prune and pause instead (service.md 5).
    fn judge(&self, state: &mut JobState) {
        match quarantine::health(self.failures, self.references, state.events, &self.thresholds) {
            Health::Unhealthy(_) if self.kind == CycleKind::Initial => {
                state.escrows_pruned = true;
                state.paused = true;
                // Nothing else remembers who failed.
                state.initial_due = true;
            }
            Health::Unhealthy(reason) => quarantine::enter(state, reason, None, self.now),
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

/// The report of a cycle that the state of its job did not let run.
pub(super) fn refused_report(
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
