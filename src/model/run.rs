//! Cycles and the state of a job (service.md 4, 17, 21).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CycleKind {
    Initial,
    Incremental,
}

/// How a cycle ended (service.md 21.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CycleState {
    Succeeded,
    Failed,
    EntryLevelErrors,
}

/// How many objects met which end; each object is counted once (contract.md 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    pub create: u64,
    pub update: u64,
    pub disable: u64,
    pub delete: u64,
    pub skipped: u64,
    pub failure: u64,
    pub staged: u64,
    pub not_evaluated: u64,
}

/// What was read of the source for a cycle (contract.md 5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceCounts {
    pub files: u64,
    pub records: u64,
    pub refused: u64,
}

/// A cycle that ended, or the forecast of one. Its entries go to an observer as they come: they may be a million.
#[derive(Debug, Clone, PartialEq)]
pub struct CycleReport {
    pub id: String,
    pub job: String,
    pub kind: CycleKind,
    pub dry_run: bool,
    pub began: Timestamp,
    pub ended: Timestamp,
    pub state: CycleState,
    pub source: SourceCounts,
    pub counts: Counts,
    /// Requests to the target, probes and repeats included.
    pub requests: u64,
    /// `None` where the target was not asked.
    pub pace: Option<Pace>,
    pub quarantine: Option<Quarantine>,
    pub staged: Option<StagedBatch>,
    /// Why the cycle ended early, if it did.
    pub error: Option<RunError>,
    /// Problems of the source set, and other warnings of the job.
    pub warnings: Vec<String>,
}

impl CycleReport {
    /// The report of a cycle in which nothing happened yet.
    pub fn blank(id: String, job: &str, kind: CycleKind, dry_run: bool, began: Timestamp) -> Self {
        Self {
            id,
            job: job.to_owned(),
            kind,
            dry_run,
            began,
            ended: began,
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
}

/// How fast a target was asked at last: it is found out in the run (service.md D-46).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pace {
    /// Requests in flight.
    pub concurrency: u64,
    /// Requests a second; `None` is no limit.
    pub rate: Option<f64>,
}

/// A run-level error with the code of service.md 17 or 20.5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    pub code: String,
    pub message: String,
    pub help: String,
}

/// Deprovisionings that wait for approval (service.md 18).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedBatch {
    pub batch: String,
    pub began: Timestamp,
    pub count: u64,
}

/// Why a job is in quarantine (service.md 17.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum QuarantineReason {
    EncounteredQuarantineException,
    EncounteredEscrowProportionThreshold,
    EncounteredBaseEscrowThreshold,
    EncounteredTotalEscrowThreshold,
    TooManyDeletes,
    QuarantinedOnDemand,
    IngestionInterrupted,
    Unknown,
}

/// The unhealthy state of a job (service.md 17.2, 21.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quarantine {
    pub reason: QuarantineReason,
    pub series_began: Timestamp,
    pub current_began: Timestamp,
    pub series_count: u32,
    pub next_attempt: Option<Timestamp>,
    pub error: Option<RunError>,
}

/// The published status code of a job (service.md 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JobCode {
    NotConfigured,
    NotRun,
    Active,
    Paused,
    Quarantine,
}

/// The published state of a schedule (service.md 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScheduleState {
    Active,
    Disabled,
    Paused,
}

/// A run as the status shows it (service.md 21.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    pub activity_identifier: String,
    pub state: CycleState,
    pub time_began: Timestamp,
    pub time_ended: Timestamp,
    pub error: Option<RunError>,
    pub count_imported: u64,
    pub count_imported_deltas: u64,
    pub count_imported_reference_deltas: u64,
    pub count_entitled: u64,
    pub count_entitled_for_provisioning: u64,
    pub count_exports: u64,
    pub count_exported: u64,
    pub count_escrowed: u64,
    pub count_escrowed_raw: u64,
}

/// Everything that `status` shows of one job (service.md 21.1, contract.md 5).
#[derive(Debug, Clone, PartialEq)]
pub struct JobStatus {
    pub id: String,
    pub name: String,
    pub interval: String,
    pub schedule: ScheduleState,
    pub code: JobCode,
    pub next_cycle: Option<Timestamp>,
    /// A cycle is under way since.
    pub running_since: Option<Timestamp>,
    pub count_successive_complete_failures: u64,
    pub escrows_pruned: bool,
    pub last_execution: Option<RunSummary>,
    pub last_successful_execution: Option<RunSummary>,
    pub last_successful_execution_with_exports: Option<RunSummary>,
    /// Objects of the running or last cycle: done, in all, observed when.
    pub progress: Option<(u64, u64, Timestamp)>,
    /// Of the running cycle, else of the last one that asked the target.
    pub pace: Option<Pace>,
    pub quarantine: Option<Quarantine>,
    pub steady_state_first_achieved: Option<Timestamp>,
    pub steady_state_last_achieved: Option<Timestamp>,
    pub users: u64,
    pub groups: u64,
    /// Objects set aside whose retries go on.
    pub escrows: u64,
    /// Objects set aside that nobody tries again before they change (D-43).
    pub abandoned: u64,
    pub staged: Option<StagedBatch>,
    pub degraded: Option<String>,
    /// Warnings such as a token that ends soon.
    pub warnings: Vec<String>,
}
