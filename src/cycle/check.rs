//! What `check` says of the source: exactly what a cycle would find, without drawing a conclusion (sources.md 2).

use super::error::ServiceError;
use super::service::Service;
use crate::config::Job;
use crate::diagnostic::Diagnostic;
use crate::source::{self, Nothing, SetMemory};

impl Service {
    /// Reads the source folder and returns every problem.
    pub fn check_source(&self, job: &Job) -> Result<Vec<Diagnostic>, ServiceError> {
        let store = self.store();
        let state = store.job_state(store.job(&job.name)?)?;
        let memory: Option<SetMemory> =
            state.watermark.and_then(|watermark| serde_json::from_str(&watermark.memory).ok());
        let set = source::find(&job.source);
        let read = source::read(&job.source, &set, memory.as_ref(), &mut Nothing, &mut |_| Ok::<(), ServiceError>(()))?;
        Ok(read.problems.iter().map(source::Problem::to_diagnostic).collect())
    }
}
