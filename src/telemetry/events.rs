//! What is logged; ids, never values of attributes.

use crate::model::{CycleReport, Entry, LoggedStatus, Quarantine, RunError};

/// A cycle began.
#[derive(Debug, Clone, Copy)]
pub struct CycleBegan<'a> {
    pub job: &'a str,
    pub cycle: &'a str,
    pub initial: bool,
    pub dry_run: bool,
}

/// A cycle ended, well or not.
#[derive(Debug, Clone, Copy)]
pub struct CycleEnded<'a>(pub &'a CycleReport);

/// An object was brought to its state, skipped, or failed.
#[derive(Debug, Clone, Copy)]
pub struct ObjectProvisioned<'a> {
    pub job: &'a str,
    pub entry: &'a Entry,
}

/// A job went into quarantine, or its reason changed.
#[derive(Debug, Clone, Copy)]
pub struct JobQuarantined<'a> {
    pub job: &'a str,
    pub quarantine: &'a Quarantine,
}

/// A job left quarantine.
#[derive(Debug, Clone, Copy)]
pub struct QuarantineLifted<'a> {
    pub job: &'a str,
}

/// Deprovisionings were withheld because they are too many.
#[derive(Debug, Clone, Copy)]
pub struct DeletionsStaged<'a> {
    pub job: &'a str,
    pub batch: &'a str,
    pub count: u64,
}

/// Nobody was told of the health of a job, though somebody should have been.
#[derive(Debug, Clone, Copy)]
pub struct MailNotSent<'a> {
    pub job: &'a str,
    pub why: &'a str,
}

impl MailNotSent<'_> {
    pub fn emit(self) {
        let Self { job, why } = self;
        tracing::warn!(event = "MailNotSent", job, "no mail was sent: {why}");
    }
}

impl CycleBegan<'_> {
    pub fn emit(self) {
        let Self { job, cycle, initial, dry_run } = self;
        tracing::info!(event = "CycleBegan", job, cycle, initial, dry_run, "cycle began");
    }
}

impl CycleEnded<'_> {
    pub fn emit(self) {
        let Self(report) = self;
        let (job, cycle, requests, counts) = (&report.job, &report.id, report.requests, &report.counts);
        match &report.error {
            Some(RunError { code, message, help }) => {
                tracing::error!(event = "CycleEnded", job, cycle, requests, code, help, "cycle ended early: {message}");
            }
            None => tracing::info!(
                event = "CycleEnded",
                job,
                cycle,
                requests,
                concurrency = report.pace.map(|pace| pace.concurrency),
                rate = report.pace.and_then(|pace| pace.rate),
                create = counts.create,
                update = counts.update,
                disable = counts.disable,
                delete = counts.delete,
                skipped = counts.skipped,
                failure = counts.failure,
                staged = counts.staged,
                "cycle ended"
            ),
        }
    }
}

impl ObjectProvisioned<'_> {
    pub fn emit(self) {
        let Self { job, entry } = self;
        let (cycle, change, action) = (&entry.cycle_id, &entry.change_id, entry.action.as_str());
        let source = &entry.source.id;
        // `target` is what a line calls the part of the program that wrote it
        let target_id = entry.target.as_ref().map(|target| target.id.as_str());
        match entry.status {
            LoggedStatus::Failure => {
                let code = entry.failure.as_ref().map_or(entry.reason.as_str(), |failure| failure.code.as_str());
                tracing::warn!(
                    event = "ObjectProvisioned",
                    job,
                    cycle,
                    change,
                    action,
                    source,
                    target_id,
                    code,
                    "object failed"
                );
            }
            LoggedStatus::Warning => {
                tracing::warn!(
                    event = "ObjectProvisioned",
                    job,
                    cycle,
                    change,
                    action,
                    source,
                    target_id,
                    "object done with a warning"
                );
            }
            LoggedStatus::Success => {
                tracing::info!(
                    event = "ObjectProvisioned",
                    job,
                    cycle,
                    change,
                    action,
                    source,
                    target_id,
                    "object done"
                );
            }
            LoggedStatus::Skipped | LoggedStatus::NotEvaluated => {
                let reason = &entry.reason;
                tracing::debug!(
                    event = "ObjectProvisioned",
                    job,
                    cycle,
                    change,
                    action,
                    source,
                    target_id,
                    reason,
                    "object skipped"
                );
            }
        }
    }
}

impl JobQuarantined<'_> {
    pub fn emit(self) {
        let Self { job, quarantine } = self;
        let next = quarantine.next_attempt.map(tracing::field::display);
        let code = quarantine.error.as_ref().map(|error| error.code.as_str());
        tracing::error!(event = "JobQuarantined", job, reason = ?quarantine.reason, code, next, "job in quarantine");
    }
}

impl QuarantineLifted<'_> {
    pub fn emit(self) {
        tracing::info!(event = "QuarantineLifted", job = self.job, "job out of quarantine");
    }
}

impl DeletionsStaged<'_> {
    pub fn emit(self) {
        let Self { job, batch, count } = self;
        tracing::warn!(event = "DeletionsStaged", job, batch, count, "deprovisionings await approval");
    }
}
