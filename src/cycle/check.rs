//! What `check` says of the source: exactly what a cycle would find, without drawing a conclusion (sources.md 2).

use std::collections::HashSet;

use super::assignment::{Heard, UNSAID};
use super::error::ServiceError;
use super::import::{Request, import};
use super::service::Service;
use crate::config::{Job, ScopeMode};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{self, Level, Nothing, Problem, Read, SetMemory, SetMode};

/// What `check` found in the source of one job.
#[derive(Debug)]
pub struct SourceCheck {
    pub problems: Vec<Diagnostic>,
    /// A cycle would refuse the export.
    pub refused: bool,
}

impl Service {
    /// Reads the source folder and returns every problem.
    pub fn check_source(&self, job: &Job) -> Result<SourceCheck, ServiceError> {
        let store = self.store();
        let state = store.job_state(store.job(&job.name)?)?;
        let began = state.watermark.is_some();
        let memory: Option<SetMemory> =
            state.watermark.and_then(|watermark| serde_json::from_str(&watermark.memory).ok());
        let assigned_only = job.scope_mode == ScopeMode::Assigned;
        let mut heard = Heard::default();
        let mut hear = |read: Read<'_>| {
            if assigned_only && let Read::Object { object, .. } = read {
                heard.hear(&object.into_object());
            }
            Ok::<(), ServiceError>(())
        };
        let set = source::find(&job.source);
        let read = source::read(&job.source, &set, memory.as_ref(), &mut Nothing, &mut hear)?;
        // Before the first export there is nothing to refuse yet: `init` leaves the folder so.
        let awaited = |problem: &Problem| !began && set.files.is_empty() && problem.code == "set.empty";
        let mut check = SourceCheck { problems: Vec::new(), refused: false };
        for problem in &read.problems {
            let mut diagnostic = problem.to_diagnostic();
            if awaited(problem) {
                diagnostic.severity = Severity::Warning;
            } else {
                check.refused |= matches!(problem.level, Level::File | Level::Set);
            }
            check.problems.push(diagnostic);
        }
        for problem in self.judge_source(job)? {
            if !read.problems.iter().any(|known| known.code == problem.code) {
                check.refused |= matches!(problem.level, Level::File | Level::Set);
                check.problems.push(problem.to_diagnostic());
            }
        }
        if assigned_only && !read.refused && read.mode == SetMode::Snapshot && heard.judge(&read).is_none() {
            let (message, help) = UNSAID;
            check.problems.push(Diagnostic::error("set.no_assignments", message).with_help(help));
            check.refused = true;
        }
        Ok(check)
    }

    /// What a cycle would say of the export as a whole, held against the last one that was taken (sources.md 16); nothing
    /// before there is one.
    pub fn judge_source(&self, job: &Job) -> Result<Vec<Problem>, ServiceError> {
        let store = self.store();
        let key = store.job(&job.name)?;
        let state = store.job_state(key)?;
        let Some(previous) = &state.watermark else { return Ok(Vec::new()) };
        let imported = import(&Request {
            settings: &job.source,
            store,
            job: key,
            previous: Some(previous),
            all: false,
            due: &HashSet::new(),
            accepted: state.accepted_identity.as_deref(),
            assigned_only: job.scope_mode == ScopeMode::Assigned,
            keep_refused_at: None,
        })?;
        Ok(match imported {
            Ok(imported) => imported.judged,
            Err(refused) => refused.judged,
        })
    }
}
