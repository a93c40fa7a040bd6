//! Operations on a job: pause, start, restart, approve, accept (service.md 4.2, 4.3, 18).

use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;

use tokio_util::sync::CancellationToken;

use super::error::ServiceError;
use super::lock::CycleLock;
use super::notify::Healthy;
use super::quarantine;
use super::service::{JobRules, Service};
use super::standing::Standing;
use super::survey::looking;
use crate::config::Job;
use crate::model::{Link, QuarantineReason, SourceAnchor};
use crate::source;
use crate::store::{JobKey, JobState, StoredLink};

/// How a job is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// A running cycle goes on to its end.
    AfterCycle,
    /// It ends after the objects in hand (D-06).
    Now,
    /// Not paused, but put into quarantine.
    Quarantine,
}

/// What a restart clears (service.md 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResetScopes {
    pub quarantine: bool,
    pub watermark: bool,
    pub escrows: bool,
    pub connector_data_store: bool,
    pub force_deletes: bool,
}

/// The published names with what they clear.
const SCOPES: [(&str, ResetScopes); 7] = {
    const NONE: ResetScopes = ResetScopes {
        quarantine: false,
        watermark: false,
        escrows: false,
        connector_data_store: false,
        force_deletes: false,
    };
    [
        ("QuarantineState", ResetScopes { quarantine: true, ..NONE }),
        ("Watermark", ResetScopes { watermark: true, ..NONE }),
        ("Escrows", ResetScopes { escrows: true, ..NONE }),
        ("ConnectorDataStore", ResetScopes { connector_data_store: true, ..NONE }),
        ("ForceDeletes", ResetScopes { force_deletes: true, ..NONE }),
        (
            "Full",
            ResetScopes {
                quarantine: true,
                watermark: true,
                escrows: true,
                connector_data_store: true,
                force_deletes: true,
            },
        ),
        ("None", NONE),
    ]
};

impl FromStr for ResetScopes {
    type Err = String;

    /// Letter case and blanks do not matter; an empty text is what the portal's restart does (D-08).
    fn from_str(text: &str) -> Result<Self, String> {
        let mut scopes = Self::default();
        let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            return Ok(Self { quarantine: true, watermark: true, escrows: true, ..scopes });
        }
        for name in names {
            let Some((_, add)) = SCOPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
                let known: Vec<&str> = SCOPES.iter().map(|(known, _)| *known).collect();
                return Err(format!("`{name}` is no reset scope; there are: {}", known.join(", ")));
            };
            scopes.quarantine |= add.quarantine;
            scopes.watermark |= add.watermark;
            scopes.escrows |= add.escrows;
            scopes.connector_data_store |= add.connector_data_store;
            scopes.force_deletes |= add.force_deletes;
        }
        Ok(scopes)
    }
}

impl fmt::Display for ResetScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.quarantine, "QuarantineState"),
            (self.watermark, "Watermark"),
            (self.escrows, "Escrows"),
            (self.connector_data_store, "ConnectorDataStore"),
            (self.force_deletes, "ForceDeletes"),
        ];
        let names: Vec<&str> = parts.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
        f.write_str(if names.is_empty() { "None" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

impl Service {
    pub async fn pause(&self, job: &Job, how: Pause) -> Result<(), ServiceError> {
        let now = self.now();
        let (store, key) = (self.store(), self.store().job(&job.name)?);
        let before = store.job_state(key)?;
        let change = move |state: &mut JobState| match how {
            Pause::AfterCycle => state.paused = true,
            Pause::Now => {
                state.paused = true;
                state.stop_now = true;
            }
            Pause::Quarantine => quarantine::enter(state, QuarantineReason::QuarantinedOnDemand, None, now),
        };
        let after = store.update_job(key, change).await?;
        let health = |state: JobState| Healthy { quarantine: state.quarantine, staged: None };
        // A mail that cannot be sent is an event; the job is paused all the same.
        drop(self.notify(job, &health(before), &health(after)).await);
        Ok(())
    }

    /// Goes on where the job was stopped, and clears a quarantine (service.md 4.2).
    pub fn start(&self, job: &Job) -> Result<(), ServiceError> {
        self.store().update_job_now(self.store().job(&job.name)?, |state| {
            state.configured = true;
            state.paused = false;
            state.disabled = false;
            state.stop_now = false;
            state.escrows_pruned = false;
            quarantine::lift(state, quarantine::slows);
        })?;
        Ok(())
    }

    /// Puts the job back to an initial cycle, as far as `scopes` say; the scope `None` only starts it.
    ///
    /// # Errors
    /// Breaking the links would leave accounts that nobody manages any more, and `accept_orphans` is not given (D-07).
    pub async fn restart(&self, job: &Job, scopes: ResetScopes, accept_orphans: bool) -> Result<(), ServiceError> {
        if scopes == ResetScopes::default() {
            return self.start(job);
        }
        let store = self.store();
        let key = store.job(&job.name)?;
        if scopes.connector_data_store {
            let orphans = if accept_orphans { Vec::new() } else { self.orphans(job, key).await? };
            if !orphans.is_empty() {
                let named: Vec<String> = orphans.iter().take(20).map(|anchor| format!("`{anchor}`")).collect();
                let message = format!(
                    "breaking the links would leave {} accounts unmanaged whose person is not entitled any more: {}{}",
                    orphans.len(),
                    named.join(", "),
                    if orphans.len() > named.len() { ", …" } else { "" }
                );
                return Err(ServiceError::Refused(
                    message,
                    "run it again with `--accept-orphans` to leave them as they are",
                ));
            }
            store.clear_objects(key)?;
        }
        if scopes.escrows {
            store.drop_escrows(key)?;
        }
        if scopes.watermark || scopes.connector_data_store {
            store.reset_watermark(key)?;
        }
        store.update_job_now(key, move |state| {
            if scopes.quarantine {
                state.disabled = false;
                quarantine::lift(state, |_| true);
            }
            if scopes.escrows {
                state.escrows_pruned = false;
                state.events = 0;
            }
            if scopes.force_deletes {
                state.approved_batch = state.batch.as_ref().map(|(batch, _)| batch.clone());
            }
            state.configured = true;
            state.paused = false;
            state.stop_now = false;
        })?;
        Ok(())
    }

    /// Linked accounts whose source object is not entitled, by the export as it lies there: who left since the last cycle, or is in
    /// a batch that waits, is not known to the state.
    async fn orphans(&self, job: &Job, key: JobKey) -> Result<Vec<SourceAnchor>, ServiceError> {
        let mut is_any_linked = false;
        self.store().each_object(key, &mut |row| {
            is_any_linked = row.link != Link::None;
            if is_any_linked { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if !is_any_linked {
            return Ok(Vec::new());
        }
        let imported = match self.everybody(job, key, &self.store().job_state(key)?).await? {
            Ok(imported) => imported,
            Err(error) => {
                let message = format!(
                    "whose accounts would be left unmanaged cannot be told, for the export is refused: {}",
                    error.message
                );
                let help =
                    "mend the export first, or run it again with `--accept-orphans` to leave such accounts as they are";
                return Err(ServiceError::Refused(message, help));
            }
        };
        let (client, rules) = (self.client(job, &CancellationToken::new())?, JobRules::of(job));
        let line = self.line(key, job, &rules, &client, looking(self))?;
        let now = line.as_of();
        let mut orphans = Vec::new();
        line.sort(&imported.staging, |staged, row| {
            let row = row.filter(|row| row.link != Link::None)?;
            let kind = line.kind(staged.kind)?;
            // who is absent is entitled to nothing
            let is_entitled = staged.object.as_deref().is_some_and(|object| {
                let assigned = imported.assigned.holds(object);
                let standing = Standing::of_present(object, Some(&row), line.scope, kind, assigned, now);
                standing.scope.is_ok_and(|scope| scope.is_entitled())
            });
            if !is_entitled {
                orphans.push(staged.anchor.clone());
            }
            None
        })?;
        Ok(orphans)
    }

    /// Lets the next cycle carry out the staged batch; returns how many objects it holds.
    pub fn approve(&self, job: &Job, batch: &str) -> Result<u64, ServiceError> {
        let store = self.store();
        let key = store.job(&job.name)?;
        let open = self.staged_batch(key)?;
        match open {
            Some(open) if open.batch == batch => {
                let batch = batch.to_owned();
                store.update_job_now(key, move |state| state.approved_batch = Some(batch))?;
                Ok(open.count)
            }
            Some(open) => Err(ServiceError::Refused(
                format!("no batch `{batch}` awaits approval; the open one is `{}`", open.batch),
                "run `provisiond deletions list` and look at it first",
            )),
            None => {
                Err(ServiceError::Refused("no deprovisionings await approval".to_owned(), "nothing needs to be done"))
            }
        }
    }

    /// Confirms, once, the export that was refused and now lies in the folder; returns its identity.
    pub fn accept_source(&self, job: &Job) -> Result<String, ServiceError> {
        let store = self.store();
        let key = store.job(&job.name)?;
        let state = store.job_state(key)?;
        let identity = source::find(&job.source).identity().map(|identity| identity.digest());
        let identity = identity.map_err(|error| {
            ServiceError::Refused(
                format!("the source cannot be read: {error}"),
                "make the files readable for this user",
            )
        })?;
        if state.refused_identity.as_ref() != Some(&identity) {
            return Err(ServiceError::Refused(
                "the last cycle refused no export that can be accepted as it lies in the folder".to_owned(),
                "run `provisiond cycle` first, and look at what it refuses; an export that holds nobody is never accepted",
            ));
        }
        let accepted = identity.clone();
        store.update_job_now(key, move |state| state.accepted_identity = Some(accepted))?;
        Ok(identity)
    }

    /// Removes the link that `id` of either side names, and returns it; one that is not there is as good as removed
    /// (service.md 10, D-28).
    ///
    /// # Errors
    /// The job is neither paused nor disabled, or a cycle of it still runs.
    pub fn remove_link(&self, job: &Job, id: &str) -> Result<Option<StoredLink>, ServiceError> {
        let store = self.store();
        let key = store.job(&job.name)?;
        let state = store.job_state(key)?;
        if !state.paused && !state.disabled {
            return Err(ServiceError::Conflict(
                format!("the job `{}` is not paused, and its next cycle may need the link", job.name),
                "run `provisiond pause`, remove the link, mend the data, run the person on demand, then `provisiond start`",
            ));
        }
        if CycleLock::is_held(store.path(), &job.name) {
            return Err(ServiceError::CycleRuns { job: job.name.clone(), whose: String::new() });
        }
        let link = store.link(key, id)?;
        if let Some(link) = &link {
            store.remove_link(key, &link.source)?;
        }
        Ok(link)
    }

    /// Erases every piece of state of a job; the target is not touched.
    pub fn forget(&self, job: &Job) -> Result<(), ServiceError> {
        let store = self.store();
        if CycleLock::is_held(store.path(), &job.name) {
            return Err(ServiceError::CycleRuns { job: job.name.clone(), whose: String::new() });
        }
        Ok(store.forget(store.job(&job.name)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reset_scopes_are_read_as_people_write_them() {
        let cases = [
            ("", Ok("QuarantineState, Watermark, Escrows")),
            (" watermark ,ESCROWS", Ok("Watermark, Escrows")),
            ("Full", Ok("QuarantineState, Watermark, Escrows, ConnectorDataStore, ForceDeletes")),
            ("None", Ok("None")),
            ("Watermarks", Err(())),
        ];
        for (text, expected) in cases {
            let found = text.parse::<ResetScopes>().map(|scopes| scopes.to_string());
            assert_eq!(found.as_deref().map_err(|_| ()), expected, "{text:?}");
        }
    }
}
