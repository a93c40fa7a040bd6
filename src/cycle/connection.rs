//! "Test connection" (service.md 4.2, wire.md 6).

use tokio_util::sync::CancellationToken;

use super::error::ServiceError;
use super::quarantine;
use super::service::Service;
use crate::config::Job;
use crate::model::{ConnectionCheck, ConnectionReport, QuarantineReason};
use crate::store::JobKey;
use crate::target::Transport;

impl Service {
    /// Asks the target for people that cannot exist; a test that passes lifts the quarantine of bad credentials (D-50).
    pub async fn test_connection(&self, job: &Job) -> Result<ConnectionReport, ServiceError> {
        let client = self.client(job, &CancellationToken::new())?;
        let wire = self.wire(job, false)?;
        let now = self.now();
        let guids = super::ids::guids(&super::ids::seed());
        let mapping = &job.mapping.users.mapping;
        let matching = mapping.matching().first().map(|matching| matching.rule.path.clone());
        let requests = matching
            .map(|path| wire.probes(&path, job.mapping.groups.is_some(), [&guids[0], &guids[1]]))
            .unwrap_or_default();
        let mut checks = Vec::new();
        for request in requests {
            let answer = client.send(&request).await;
            let shown = format!("{} {}{}", request.method, job.target.url.base, request.shown_path());
            let name = match request.path.as_str() {
                "/Users" => "users",
                "/Groups" => "groups",
                _ => "configuration",
            };
            let check = match wire.probed(&request, &answer, now) {
                Ok(read) => ConnectionCheck {
                    name: name.to_owned(),
                    ok: true,
                    code: None,
                    message: "the target answers as it should".to_owned(),
                    help: None,
                    request: Some(shown),
                    warnings: read.remarks.iter().map(|remark| format!("{}: {}", remark.code, remark.detail)).collect(),
                    hints: Vec::new(),
                },
                Err(refusal) => ConnectionCheck {
                    name: name.to_owned(),
                    ok: false,
                    code: Some(refusal.failure.code.to_string()),
                    message: refusal.failure.message,
                    help: Some(refusal.failure.remedy),
                    request: Some(shown),
                    warnings: refusal
                        .remarks
                        .iter()
                        .map(|remark| format!("{}: {}", remark.code, remark.detail))
                        .collect(),
                    hints: refusal.hints.iter().map(|hint| hint.as_str().to_owned()).collect(),
                },
            };
            checks.push(check);
        }
        let ok = !checks.is_empty() && checks.iter().all(|check| check.ok);
        if ok {
            let key = self.store().job(&job.name)?;
            self.lift_connection_quarantine(key).await?;
            if !self.store().job_state(key)?.configured {
                self.store().update_job(key, |state| state.configured = true).await?;
            }
        }
        Ok(ConnectionReport { ok, checks })
    }

    /// Tests the connection of a job that is in quarantine because of it, as after new credentials (D-50).
    pub async fn try_credentials(&self, job: &Job) -> Result<(), ServiceError> {
        let state = self.store().job_state(self.store().job(&job.name)?)?;
        let for_connection = |reason| reason == QuarantineReason::EncounteredQuarantineException;
        if !state.disabled && state.quarantine.is_some_and(|quarantine| for_connection(quarantine.reason)) {
            self.test_connection(job).await?;
        }
        Ok(())
    }

    pub(super) async fn lift_connection_quarantine(&self, key: JobKey) -> Result<(), ServiceError> {
        let for_connection = |reason| reason == QuarantineReason::EncounteredQuarantineException;
        let state = self.store().job_state(key)?;
        if state.quarantine.is_some_and(|quarantine| for_connection(quarantine.reason)) {
            self.store().update_job(key, move |state| quarantine::lift(state, for_connection)).await?;
        }
        Ok(())
    }
}
