//! The state of a job as `synchronizationJob` (service.md 21.1).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cycle::{run_error_json, state_name};
use super::time::time;
use crate::model::{
    JobCode, JobStatus, ObjectKind, Pace, Quarantine, QuarantineReason, RunError, RunSummary, ScheduleState,
    StagedBatch,
};

/// Where the service has no time yet, published samples print the first instant of .NET.
const NEVER: &str = "0001-01-01T00:00:00Z";
/// The interval of published samples before a job was configured: the longest span of .NET.
const NO_INTERVAL: &str = "P10675199DT2H48M5.4775807S";

/// Returns the `status` document of contract.md 5.
pub fn status_json(jobs: &[JobStatus]) -> Value {
    json!({ "jobs": jobs.iter().map(job_json).collect::<Value>() })
}

fn job_json(job: &JobStatus) -> Value {
    let interval = match job.code {
        JobCode::NotConfigured => NO_INTERVAL,
        JobCode::NotRun | JobCode::Active | JobCode::Paused | JobCode::Quarantine => &job.interval,
    };
    json!({
        "id": job.id,
        "templateId": "scim",
        "schedule": { "expiration": null, "interval": interval, "state": schedule_name(job.schedule) },
        "status": {
            "code": code_name(job.code),
            "countSuccessiveCompleteFailures": job.count_successive_complete_failures,
            "escrowsPruned": job.escrows_pruned,
            "lastExecution": job.last_execution.as_ref().map(run_json),
            "lastSuccessfulExecution": job.last_successful_execution.as_ref().map(run_json),
            "lastSuccessfulExecutionWithExports": job.last_successful_execution_with_exports.as_ref().map(run_json),
            "progress": progress(job),
            "quarantine": job.quarantine.as_ref().map(quarantine_json),
            "steadyStateFirstAchievedTime": time_or_never(job.steady_state_first_achieved),
            "steadyStateLastAchievedTime": time_or_never(job.steady_state_last_achieved),
            "synchronizedEntryCountByType": entry_counts(job),
            "troubleshootingUrl": null,
        },
        "synchronizationJobSettings": [],
        "name": job.name,
        "nextCycle": job.next_cycle.map(time),
        "runningSince": job.running_since.map(time),
        "pace": pace_json(job.pace),
        "escrows": job.escrows,
        "abandonedEscrows": job.abandoned,
        "stagedDeletions": job.staged.as_ref().map(staged_json),
        "degraded": job.degraded,
        "warnings": job.warnings,
    })
}

/// How fast the target is asked; the published resource has no place for it, so it stands beside.
pub(super) fn pace_json(pace: Option<Pace>) -> Value {
    pace.map_or(Value::Null, |pace| json!({ "concurrency": pace.concurrency, "rate": pace.rate }))
}

pub(super) fn code_name(code: JobCode) -> &'static str {
    match code {
        JobCode::NotConfigured => "NotConfigured",
        JobCode::NotRun => "NotRun",
        JobCode::Active => "Active",
        JobCode::Paused => "Paused",
        JobCode::Quarantine => "Quarantine",
    }
}

pub(super) fn reason_name(reason: QuarantineReason) -> &'static str {
    match reason {
        QuarantineReason::EncounteredQuarantineException => "EncounteredQuarantineException",
        QuarantineReason::EncounteredEscrowProportionThreshold => "EncounteredEscrowProportionThreshold",
        QuarantineReason::EncounteredBaseEscrowThreshold => "EncounteredBaseEscrowThreshold",
        QuarantineReason::EncounteredTotalEscrowThreshold => "EncounteredTotalEscrowThreshold",
        QuarantineReason::TooManyDeletes => "TooManyDeletes",
        QuarantineReason::QuarantinedOnDemand => "QuarantinedOnDemand",
        QuarantineReason::IngestionInterrupted => "IngestionInterrupted",
        QuarantineReason::Unknown => "Unknown",
    }
}

pub(super) fn schedule_name(state: ScheduleState) -> &'static str {
    match state {
        ScheduleState::Active => "Active",
        ScheduleState::Disabled => "Disabled",
        ScheduleState::Paused => "Paused",
    }
}

pub(super) fn quarantine_json(quarantine: &Quarantine) -> Value {
    json!({
        "reason": reason_name(quarantine.reason),
        "seriesBegan": time(quarantine.series_began),
        "currentBegan": time(quarantine.current_began),
        "seriesCount": quarantine.series_count,
        "nextAttempt": quarantine.next_attempt.map(time),
        "error": quarantine.error.as_ref().map(synchronization_error),
    })
}

pub(super) fn staged_json(staged: &StagedBatch) -> Value {
    json!({ "batch": staged.batch, "began": time(staged.began), "count": staged.count })
}

/// What ends a job's cycles is always for its operator to mend, hence `tenantActionable`.
fn synchronization_error(error: &RunError) -> Value {
    json!({ "code": error.code, "message": error.message, "tenantActionable": true })
}

fn run_json(run: &RunSummary) -> Value {
    json!({
        "activityIdentifier": run.activity_identifier,
        "state": state_name(run.state),
        "timeBegan": time(run.time_began),
        "timeEnded": time(run.time_ended),
        "error": run.error.as_ref().map(run_error_json),
        "countImported": run.count_imported,
        "countImportedDeltas": run.count_imported_deltas,
        "countImportedReferenceDeltas": run.count_imported_reference_deltas,
        "countEntitled": run.count_entitled,
        "countEntitledForProvisioning": run.count_entitled_for_provisioning,
        "countExports": run.count_exports,
        "countExported": run.count_exported,
        "countEscrowed": run.count_escrowed,
        "countEscrowedRaw": run.count_escrowed_raw,
    })
}

/// Objects of a page (service.md D-56).
const PAGE: u64 = 100;

fn progress(job: &JobStatus) -> Value {
    let Some((done, total, observed)) = job.progress else { return json!([]) };
    let row = |done: u64, total: u64, units: &str| {
        json!({
            "completedUnits": done,
            "totalUnits": total,
            "units": units,
            "progressObservationDateTime": time(observed),
        })
    };
    // A page counts as completed when all of it is; the last one may be short.
    let pages = total.div_ceil(PAGE);
    let completed = if done >= total { pages } else { done / PAGE };
    json!([row(completed, pages, "pages"), row(done, total, "objects")])
}

fn entry_counts(job: &JobStatus) -> Value {
    [(ObjectKind::User, job.users), (ObjectKind::Group, job.groups)]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| json!({ "key": super::entry::kind_name(kind), "value": count }))
        .collect()
}

fn time_or_never(instant: Option<Timestamp>) -> String {
    instant.map_or_else(|| NEVER.to_owned(), time)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::CycleState;

    /// A job as it is before anything was done with it.
    pub fn fresh() -> JobStatus {
        JobStatus {
            id: "job-1".into(),
            name: "kintone".into(),
            interval: "PT40M".into(),
            schedule: ScheduleState::Disabled,
            code: JobCode::NotConfigured,
            next_cycle: None,
            running_since: None,
            count_successive_complete_failures: 0,
            escrows_pruned: false,
            last_execution: None,
            last_successful_execution: None,
            last_successful_execution_with_exports: None,
            progress: None,
            pace: None,
            quarantine: None,
            steady_state_first_achieved: None,
            steady_state_last_achieved: None,
            users: 0,
            groups: 0,
            escrows: 0,
            abandoned: 0,
            staged: None,
            degraded: None,
            warnings: vec![],
        }
    }

    /// A job in quarantine in the middle of a cycle.
    pub fn troubled() -> JobStatus {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        JobStatus {
            schedule: ScheduleState::Active,
            code: JobCode::Quarantine,
            next_cycle: Some(time("2026-11-21T09:00:00Z")),
            running_since: Some(time("2026-11-21T03:00:00Z")),
            last_execution: Some(RunSummary {
                activity_identifier: "cycle-1".into(),
                state: CycleState::Failed,
                time_began: time("2026-11-20T03:00:00Z"),
                time_ended: time("2026-11-20T03:00:09Z"),
                error: Some(RunError {
                    code: "Unauthorized".into(),
                    message: "the target answered 401".into(),
                    help: "renew the token".into(),
                }),
                count_imported: 250,
                count_imported_deltas: 3,
                count_imported_reference_deltas: 0,
                count_entitled: 240,
                count_entitled_for_provisioning: 240,
                count_exports: 3,
                count_exported: 0,
                count_escrowed: 1,
                count_escrowed_raw: 1,
            }),
            progress: Some((149, 250, time("2026-11-21T03:00:01Z"))),
            pace: Some(Pace { concurrency: 8, rate: Some(12.5) }),
            quarantine: Some(Quarantine {
                reason: QuarantineReason::EncounteredQuarantineException,
                series_began: time("2026-11-20T03:00:09Z"),
                current_began: time("2026-11-20T09:00:09Z"),
                series_count: 2,
                next_attempt: Some(time("2026-11-21T09:00:00Z")),
                error: Some(RunError {
                    code: "Unauthorized".into(),
                    message: "the target answered 401".into(),
                    help: "renew the token".into(),
                }),
            }),
            users: 240,
            escrows: 1,
            abandoned: 2,
            staged: Some(StagedBatch { batch: "batch-1".into(), began: time("2026-11-20T03:00:00Z"), count: 612 }),
            degraded: Some("6 of 12 objects failed".into()),
            warnings: vec!["the token of `kintone` ends in 7 days".into()],
            ..fresh()
        }
    }

    #[test]
    fn a_fresh_job_is_as_in_published_samples() {
        assert_eq!(
            status_json(&[fresh()])["jobs"][0],
            json!({
                "id": "job-1",
                "templateId": "scim",
                "schedule": {"expiration": null, "interval": "P10675199DT2H48M5.4775807S", "state": "Disabled"},
                "status": {
                    "code": "NotConfigured",
                    "countSuccessiveCompleteFailures": 0,
                    "escrowsPruned": false,
                    "lastExecution": null,
                    "lastSuccessfulExecution": null,
                    "lastSuccessfulExecutionWithExports": null,
                    "progress": [],
                    "quarantine": null,
                    "steadyStateFirstAchievedTime": "0001-01-01T00:00:00Z",
                    "steadyStateLastAchievedTime": "0001-01-01T00:00:00Z",
                    "synchronizedEntryCountByType": [],
                    "troubleshootingUrl": null,
                },
                "synchronizationJobSettings": [],
                "name": "kintone",
                "nextCycle": null,
                "runningSince": null,
                "pace": null,
                "escrows": 0,
                "abandonedEscrows": 0,
                "stagedDeletions": null,
                "degraded": null,
                "warnings": [],
            })
        );
    }

    #[test]
    fn a_troubled_job_says_why() {
        let job = &status_json(&[troubled()])["jobs"][0];
        assert_eq!(job["schedule"]["interval"], "PT40M");
        assert_eq!(
            job["status"]["quarantine"],
            json!({
                "reason": "EncounteredQuarantineException",
                "seriesBegan": "2026-11-20T03:00:09Z",
                "currentBegan": "2026-11-20T09:00:09Z",
                "seriesCount": 2,
                "nextAttempt": "2026-11-21T09:00:00Z",
                "error": {"code": "Unauthorized", "message": "the target answered 401", "tenantActionable": true},
            })
        );
        assert_eq!(
            job["status"]["progress"],
            json!([
                {"completedUnits": 1, "totalUnits": 3, "units": "pages", "progressObservationDateTime": "2026-11-21T03:00:01Z"},
                {"completedUnits": 149, "totalUnits": 250, "units": "objects", "progressObservationDateTime": "2026-11-21T03:00:01Z"},
            ])
        );
        assert_eq!(job["status"]["synchronizedEntryCountByType"], json!([{"key": "User", "value": 240}]));
        assert_eq!(job["status"]["lastExecution"]["countEscrowed"], 1);
        assert_eq!(job["stagedDeletions"]["count"], 612);
        assert_eq!(job["pace"], json!({"concurrency": 8, "rate": 12.5}));
    }
}
