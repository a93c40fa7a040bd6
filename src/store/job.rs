//! What is remembered of a job.

use std::sync::Arc;

use super::{JobKey, SnapshotPiece, Staging, Store, StoreError, open, snapshots};
use crate::model::{Pace, Quarantine, RunSummary};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

/// Everything about a job that outlives a process, but its objects (service.md 4, 7, 17, 21).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobState {
    /// The published id of the job.
    pub id: String,
    /// Rises with every change that a running cycle must notice before it writes its watermark.
    pub revision: u64,
    /// Started by somebody, or its connection passed the test: no longer `NotConfigured` (service.md 4.1).
    #[serde(default)]
    pub configured: bool,
    #[serde(default)]
    pub paused: bool,
    /// More than four weeks in quarantine, or so configured (service.md 4.1).
    #[serde(default)]
    pub disabled: bool,
    /// `pause --now`: the running cycle ends after the objects in hand.
    #[serde(default)]
    pub stop_now: bool,
    /// The next cycle is an initial one.
    #[serde(default)]
    pub initial_due: bool,
    #[serde(default)]
    pub watermark: Option<Watermark>,
    /// When the last cycle began, by the wall clock (D-17).
    #[serde(default)]
    pub last_start: Option<Timestamp>,
    #[serde(default)]
    pub running_since: Option<Timestamp>,
    #[serde(default)]
    pub progress: Option<(u64, u64, Timestamp)>,
    #[serde(default)]
    pub pace: Option<Pace>,
    #[serde(default)]
    pub last_execution: Option<RunSummary>,
    #[serde(default)]
    pub last_successful_execution: Option<RunSummary>,
    #[serde(default)]
    pub last_successful_execution_with_exports: Option<RunSummary>,
    #[serde(default)]
    pub complete_failures: u64,
    /// Cycles in a row whose source was refused or missing (D-48).
    #[serde(default)]
    pub source_failures: u64,
    #[serde(default)]
    pub escrows_pruned: bool,
    #[serde(default)]
    pub quarantine: Option<Quarantine>,
    /// Attempts made in the present quarantine (D-49).
    #[serde(default)]
    pub quarantine_attempts: u32,
    #[serde(default)]
    pub steady_first: Option<Timestamp>,
    #[serde(default)]
    pub steady_last: Option<Timestamp>,
    /// Objects evaluated since the last initial cycle began (D-48).
    #[serde(default)]
    pub events: u64,
    /// The batch of staged deprovisionings that is open, and when it began.
    #[serde(default)]
    pub batch: Option<(String, Timestamp)>,
    /// The batch came of more deprovisionings than the threshold allows, not only of unproven absences (D-52, D-60).
    #[serde(default)]
    pub batch_over: bool,
    /// The batch whose deprovisionings may be sent.
    #[serde(default)]
    pub approved_batch: Option<String>,
    /// The identity of a refused export that a person confirmed (`source accept`).
    #[serde(default)]
    pub accepted_identity: Option<String>,
    /// The identity of the export that was refused last, for `source accept`.
    #[serde(default)]
    pub refused_identity: Option<String>,
}

/// The point up to which the source was processed (service.md D-15).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watermark {
    /// Identity of the last complete export that was processed.
    pub identity: String,
    /// Digest of mapping, filters and scope mode; another one starts an initial cycle.
    pub meaning: String,
    /// How large its files are together; none of an export of an older version.
    #[serde(default)]
    pub octets: Option<u64>,
    /// Objects of that export.
    pub users: u64,
    pub groups: u64,
    /// What the source remembers between exports, as JSON (`source::SetMemory`).
    pub memory: String,
    pub at: Timestamp,
}

/// What a cycle learned of the attributes of objects, for change files to apply to.
pub struct Learned {
    pub staging: Arc<Staging>,
    /// It learned everything there is.
    pub whole: bool,
    /// What the source remembers, for a job that begins anew with nothing but changes in its folder.
    pub memory: String,
}

impl JobState {
    pub fn new(id: String) -> Self {
        Self {
            id,
            revision: 0,
            configured: false,
            paused: false,
            disabled: false,
            stop_now: false,
            initial_due: true,
            watermark: None,
            last_start: None,
            running_since: None,
            progress: None,
            pace: None,
            last_execution: None,
            last_successful_execution: None,
            last_successful_execution_with_exports: None,
            complete_failures: 0,
            source_failures: 0,
            escrows_pruned: false,
            quarantine: None,
            quarantine_attempts: 0,
            steady_first: None,
            steady_last: None,
            events: 0,
            batch: None,
            batch_over: false,
            approved_batch: None,
            accepted_identity: None,
            refused_identity: None,
        }
    }
}

impl Store {
    /// The id of this installation, the "tenant" of its log records.
    pub fn instance(&self) -> Result<String, StoreError> {
        self.read(|connection| {
            Ok(connection.query_row("SELECT value FROM meta WHERE key = 'instance'", [], |row| row.get(0))?)
        })
    }

    /// A secret of this state file, for digests that nobody else can make.
    pub fn secret(&self) -> Result<[u8; 32], StoreError> {
        let text: String = self.read(|connection| {
            Ok(connection.query_row("SELECT value FROM meta WHERE key = 'secret'", [], |row| row.get(0))?)
        })?;
        Ok(*blake3::hash(text.as_bytes()).as_bytes())
    }

    /// The key of a job, which is made where the file has not seen the job yet.
    pub fn job(&self, name: &str) -> Result<JobKey, StoreError> {
        let find = "SELECT id FROM jobs WHERE name = ?1";
        let known = self.read(|connection| Ok(connection.query_row(find, [name], |row| row.get(0)).optional()?))?;
        if let Some(id) = known {
            return Ok(JobKey(id));
        }
        let name = name.to_owned();
        self.write_now(None, move |connection| {
            let state = serde_json::to_string(&JobState::new(uuid::Uuid::new_v4().to_string()))?;
            connection.execute("INSERT OR IGNORE INTO jobs (name, state) VALUES (?1, ?2)", params![name, state])?;
            Ok(JobKey(connection.query_row(find, [&name], |row| row.get(0))?))
        })
    }

    pub fn job_state(&self, job: JobKey) -> Result<JobState, StoreError> {
        self.read(|connection| state(connection, job))
    }

    /// Changes the state of a job and returns it as it is afterwards.
    pub async fn update_job(
        &self,
        job: JobKey,
        change: impl FnOnce(&mut JobState) + Send + 'static,
    ) -> Result<JobState, StoreError> {
        self.write(None, move |connection| update(connection, job, change)).await
    }

    /// [`Store::update_job`] for callers without a runtime.
    pub fn update_job_now(
        &self,
        job: JobKey,
        change: impl FnOnce(&mut JobState) + Send + 'static,
    ) -> Result<JobState, StoreError> {
        self.write_now(None, move |connection| update(connection, job, change))
    }

    /// Ends a cycle: the watermark and the snapshot, in pieces, in one transaction, only if the job is still at `revision`.
    ///
    /// Returns false, having changed nothing, where somebody restarted or reset the job meanwhile. The first cycle that ends makes
    /// the index of keys (`keys.rs`).
    pub async fn move_watermark(
        &self,
        job: JobKey,
        revision: u64,
        watermark: Watermark,
        snapshot: Option<Vec<SnapshotPiece>>,
        learned: Option<Learned>,
    ) -> Result<bool, StoreError> {
        if let Some(learned) = learned.as_ref().filter(|learned| learned.whole) {
            if self.job_state(job)?.revision != revision {
                return Ok(false);
            }
            self.take_over_whole(job, learned).await?;
        }
        let write = self.write(None, move |connection| {
            if state(connection, job)?.revision != revision {
                return Ok(false);
            }
            if let Some(pieces) = snapshot {
                // In the usual cache its pages would only make the peak of memory higher.
                open::cache(connection, open::PASSING)?;
                let written = snapshots::write(connection, job, &pieces);
                open::cache(connection, open::CACHE)?;
                written?;
            }
            if let Some(learned) = learned {
                super::known::take_over(connection, job, &learned)?;
            }
            update(connection, job, |state| {
                state.watermark = Some(watermark);
                state.initial_due = false;
            })?;
            Ok(true)
        });
        let is_moved = write.await?;
        if is_moved {
            self.index_keys().await?;
        }
        Ok(is_moved)
    }

    /// Drops the watermark, so that every source object is evaluated again (service.md 4.3).
    pub fn reset_watermark(&self, job: JobKey) -> Result<(), StoreError> {
        self.write_now(Some(job), move |connection| {
            // What is known of people was said in part by changes that followed the snapshot: it tells which records say no more.
            for table in ["snapshot_changes", "snapshots"] {
                let unknown = "NOT EXISTS (SELECT 1 FROM known_attributes WHERE job = ?1)";
                connection.execute(&format!("DELETE FROM {table} WHERE job = ?1 AND {unknown}"), [job.0])?;
            }
            update(connection, job, |state| {
                state.watermark = None;
                state.initial_due = true;
                state.revision += 1;
            })
            .map(drop)
        })
    }

    /// Drops every remembered object, link and failure of a job (`ConnectorDataStore`).
    pub fn clear_objects(&self, job: JobKey) -> Result<(), StoreError> {
        self.write_now(Some(job), move |connection| {
            for table in [
                "objects",
                "kept_values",
                "staged",
                "escrows",
                "claims",
                "pending_references",
                "exported_references",
                "memberships",
                "direct_members",
                "regrouped",
            ] {
                connection.execute(&format!("DELETE FROM {table} WHERE job = ?1"), [job.0])?;
            }
            update(connection, job, |state| {
                state.batch = None;
                state.batch_over = false;
                state.approved_batch = None;
                state.revision += 1;
            })
            .map(drop)
        })
    }

    /// Erases every piece of state of a job; the target is not touched.
    pub fn forget(&self, job: JobKey) -> Result<(), StoreError> {
        self.write_now(Some(job), move |connection| {
            for table in [
                "log",
                "cycles",
                "staged",
                "escrows",
                "claims",
                "kept_values",
                "objects",
                "snapshot_changes",
                "snapshots",
                "known_attributes",
            ] {
                connection.execute(&format!("DELETE FROM {table} WHERE job = ?1"), [job.0])?;
            }
            connection.execute("DELETE FROM jobs WHERE id = ?1", [job.0])?;
            Ok(())
        })
    }
}

fn state(connection: &Connection, job: JobKey) -> Result<JobState, StoreError> {
    let sql = "SELECT state FROM jobs WHERE id = ?1";
    let text: String = connection.prepare_cached(sql)?.query_row([job.0], |row| row.get(0))?;
    Ok(serde_json::from_str(&text)?)
}

fn update(connection: &Connection, job: JobKey, change: impl FnOnce(&mut JobState)) -> Result<JobState, StoreError> {
    let mut state = state(connection, job)?;
    change(&mut state);
    let text = serde_json::to_string(&state)?;
    connection.prepare_cached("UPDATE jobs SET state = ?2 WHERE id = ?1")?.execute(params![job.0, text])?;
    Ok(state)
}
