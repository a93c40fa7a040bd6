//! What one cycle did, around its objects (contract.md 5, `cycle`).

use serde_json::{Value, json};

use super::status::{pace_json, quarantine_json, staged_json};
use super::time::time;
use crate::model::{CycleKind, CycleReport, CycleState, RunError};

/// Returns the document of a cycle with an empty `objects`, which may be a million and are written by the caller.
pub fn cycle_json(report: &CycleReport) -> Value {
    json!({
        "cycle": {
            "id": report.id,
            "job": report.job,
            "kind": kind_name(report.kind),
            "dryRun": report.dry_run,
            "began": time(report.began),
            "ended": time(report.ended),
            "state": state_name(report.state),
        },
        "source": {
            "files": report.source.files,
            "records": report.source.records,
            "refused": report.source.refused,
        },
        "counts": {
            "create": report.counts.create,
            "update": report.counts.update,
            "disable": report.counts.disable,
            "delete": report.counts.delete,
            "skipped": report.counts.skipped,
            "failure": report.counts.failure,
            "staged": report.counts.staged,
            "notEvaluated": report.counts.not_evaluated,
        },
        "requests": report.requests,
        "pace": pace_json(report.pace),
        "objects": [],
        "quarantine": report.quarantine.as_ref().map(quarantine_json),
        "stagedDeletions": report.staged.as_ref().map(staged_json),
        "error": report.error.as_ref().map(run_error_json),
        "warnings": report.warnings,
    })
}

pub(super) fn kind_name(kind: CycleKind) -> &'static str {
    match kind {
        CycleKind::Initial => "initial",
        CycleKind::Incremental => "incremental",
    }
}

pub(super) fn state_name(state: CycleState) -> &'static str {
    match state {
        CycleState::Succeeded => "Succeeded",
        CycleState::Failed => "Failed",
        CycleState::EntryLevelErrors => "EntryLevelErrors",
    }
}

pub(super) fn run_error_json(error: &RunError) -> Value {
    json!({ "code": error.code, "message": error.message, "help": error.help })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Counts, Pace, SourceCounts, StagedBatch};

    pub fn report() -> CycleReport {
        CycleReport {
            id: "cycle-1".into(),
            job: "kintone".into(),
            kind: CycleKind::Incremental,
            dry_run: false,
            began: "2026-11-21T03:00:00Z".parse().expect("a time"),
            ended: "2026-11-21T03:00:02.5Z".parse().expect("a time"),
            state: CycleState::EntryLevelErrors,
            source: SourceCounts { files: 1, records: 7, refused: 0 },
            counts: Counts { create: 1, update: 2, failure: 1, staged: 1, ..Counts::default() },
            requests: 9,
            pace: Some(Pace { concurrency: 4, rate: None }),
            quarantine: None,
            staged: Some(StagedBatch {
                batch: "batch-1".into(),
                began: "2026-11-21T03:00:01Z".parse().expect("a time"),
                count: 1,
            }),
            error: None,
            warnings: vec!["set.shrunk: 3 people fewer than last time".into()],
        }
    }

    #[test]
    fn the_document_is_as_in_the_contract() {
        assert_eq!(
            cycle_json(&report()),
            json!({
                "cycle": {
                    "id": "cycle-1", "job": "kintone", "kind": "incremental", "dryRun": false,
                    "began": "2026-11-21T03:00:00Z", "ended": "2026-11-21T03:00:02.5Z", "state": "EntryLevelErrors",
                },
                "source": {"files": 1, "records": 7, "refused": 0},
                "counts": {
                    "create": 1, "update": 2, "disable": 0, "delete": 0,
                    "skipped": 0, "failure": 1, "staged": 1, "notEvaluated": 0,
                },
                "requests": 9,
                "pace": {"concurrency": 4, "rate": null},
                "objects": [],
                "quarantine": null,
                "stagedDeletions": {"batch": "batch-1", "began": "2026-11-21T03:00:01Z", "count": 1},
                "error": null,
                "warnings": ["set.shrunk: 3 people fewer than last time"],
            })
        );
    }
}
