//! Walks over everybody that write nothing: drift of linked accounts (D-40) and account discovery (service.md 22.3).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use super::error::ServiceError;
use super::evaluate::absent_object;
use super::import::{self, Imported, import};
use super::line::{Line, Protect, Run, run_error};
use super::record::modified;
use super::references::{is_left_alone, managed};
use super::service::{JobRules, Service};
use super::standing::Standing;
use super::transcript::Transcript;
use crate::config::{Job, ScopeMode};
use crate::model::{
    Account, AccountState, Change, Deletion, Desired, Drift, DriftState, Flow, Initiator, Link, Mutability, ObjectKind,
    Resource, RunError, Sent, SourceAnchor, SourceObject, TargetValue, Trigger,
};
use crate::plan::{self, ReadAnswer, Reference, Scope, Wanted};
use crate::store::{JobKey, JobState, Staged, StoreError};
use crate::target::{Client, Transport};

/// How a walk ended: what was found was handed out before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Walk {
    /// Why it ended before everybody was looked at.
    pub error: Option<RunError>,
    /// Accounts that could not be read, with the reason.
    pub failures: Vec<(String, RunError)>,
    /// What was odd about the target's lists, with its name and in words.
    pub warnings: Vec<(&'static str, String)>,
}

impl Walk {
    fn warn(&mut self, code: &'static str, detail: impl Into<String>) {
        let warning = (code, detail.into());
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// The number of the one phase of a walk.
const PHASE: u8 = 0;

impl Service {
    /// Compares every linked account with the source; `each` gets them in the order of source anchors.
    pub async fn verify(&self, job: &Job, each: &mut dyn FnMut(Drift)) -> Result<Walk, ServiceError> {
        self.walk(job, async |line, imported| {
            line.sort(&imported.staging, |staged, row| {
                let linked = row.is_some_and(|row| row.link != Link::None);
                (linked && line.kind(staged.kind).is_some()).then_some(PHASE)
            })?;
            let mut walk = Walk::default();
            let mut after = None;
            loop {
                let page = imported.staging.next(PHASE, after.as_ref(), 256)?;
                let Some(last) = page.last() else { return Ok(walk) };
                after = Some(last.anchor.clone());
                let mut looked = futures_util::stream::iter(page)
                    .map(|staged| look(line, staged, imported))
                    .buffered(job.target.concurrency.max(1));
                while let Some(found) = looked.next().await {
                    match found? {
                        None => {}
                        Some(Ok(drift)) => each(drift),
                        Some(Err((source, error, critical))) => {
                            if critical {
                                return Ok(Walk { error: Some(error), ..walk });
                            }
                            walk.failures.push((source, error));
                        }
                    }
                }
            }
        })
        .await
    }

    /// Sorts every account of the target; `each` gets them in the target's order.
    pub async fn discover(&self, job: &Job, each: &mut dyn FnMut(Account)) -> Result<Walk, ServiceError> {
        self.walk(job, async |line, imported| {
            let Some(path) = line.users.mapping.matching().first().map(|first| first.rule.path.clone()) else {
                return Ok(Walk::default());
            };
            // Only the first matching attribute counts (22.3); of each person no more is kept than its value and anchor.
            let mut people: HashMap<String, (String, bool)> = HashMap::new();
            line.sort(&imported.staging, |staged, row| {
                if let (ObjectKind::User, Some(object)) = (staged.kind, &staged.object) {
                    let assigned = imported.assigned.holds(object);
                    let standing =
                        Standing::of_present(object, row.as_ref(), line.scope, &line.users, assigned, line.now());
                    let assigned = standing.scope.as_ref().is_ok_and(|scope| scope.in_scope());
                    let mapped = line.map(&line.users, object, true).unwrap_or_default();
                    let value = mapped.iter().find(|one| one.rule.path == path).and_then(|one| match &one.flow {
                        Flow::Value(value) => Some(value.to_text()),
                        Flow::Null | Flow::Ignore => None,
                    });
                    if let Some(value) = value {
                        people.insert(value.to_lowercase(), (staged.anchor.to_string(), assigned));
                    }
                }
                None
            })?;
            let mut walk = Walk::default();
            let mut seen: HashSet<String> = HashSet::new();
            let mut start = 1;
            loop {
                let answer = line.transport.send(&line.wire.list(ObjectKind::User, start)).await;
                let page = match line.wire.listed(&answer, line.now()) {
                    Ok(read) => {
                        read.remarks.into_iter().for_each(|remark| walk.warn(remark.code, remark.detail));
                        read.value
                    }
                    Err(refusal) => {
                        walk.error = Some(run_error(&refusal.failure));
                        return Ok(walk);
                    }
                };
                let before = seen.len();
                for resource in &page.resources {
                    if !seen.insert(resource.id().to_string()) {
                        walk.warn("unstable-order", "the target lists accounts twice, so others may be missing");
                        continue;
                    }
                    let value = resource.get(&path).and_then(|value| value.as_str()).unwrap_or_default();
                    let person = people.get(&value.to_lowercase());
                    each(Account {
                        target: resource.id().to_string(),
                        name: value.to_owned(),
                        source: person.map(|(anchor, _)| anchor.clone()),
                        state: match person {
                            None => AccountState::Local,
                            Some((_, false)) => AccountState::Unassigned,
                            Some((_, true)) => AccountState::Assigned,
                        },
                    });
                }
                // A target that does not page answers with the same accounts again.
                let listed = seen.len() as u64;
                if page.resources.is_empty() || seen.len() == before || listed >= page.total {
                    if listed != page.total {
                        let detail = format!("`totalResults` is {}, and {listed} accounts were listed", page.total);
                        walk.warn("list-count", detail);
                    }
                    return Ok(walk);
                }
                start += page.resources.len() as u64;
            }
        })
        .await
    }

    /// Reads everybody, tests the connection, and then does `go`.
    async fn walk(
        &self,
        job: &Job,
        go: impl AsyncFnOnce(&Line<'_, Client>, &Imported) -> Result<Walk, ServiceError>,
    ) -> Result<Walk, ServiceError> {
        let key = self.store().job(&job.name)?;
        let state = self.store().job_state(key)?;
        let imported = match self.everybody(job, key, &state).await? {
            Ok(imported) => imported,
            Err(error) => return Ok(Walk { error: Some(error), ..Walk::default() }),
        };
        let (client, rules) = (self.client(job, &CancellationToken::new())?, JobRules::of(job));
        let mut line = self.line(key, job, &rules, &client, looking(self))?;
        if let Some(failure) = self.open_cycle(&mut line).await {
            return Ok(Walk { error: Some(run_error(&failure)), ..Walk::default() });
        }
        go(&line, &imported).await
    }

    /// Everybody of the source, and whoever is remembered and absent.
    pub(super) async fn everybody(
        &self,
        job: &Job,
        key: JobKey,
        state: &JobState,
    ) -> Result<Result<Imported, RunError>, ServiceError> {
        let store = Arc::clone(self.store());
        let (settings, previous) = (job.source.clone(), state.watermark.clone());
        let accepted = state.accepted_identity.clone();
        let assigned_only = job.scope_mode == ScopeMode::Assigned;
        let read = tokio::task::spawn_blocking(move || {
            import(&import::Request {
                settings: &settings,
                store: &store,
                job: key,
                previous: previous.as_ref(),
                all: true,
                due: &HashSet::new(),
                accepted: accepted.as_deref(),
                assigned_only,
                keep_refused_at: None,
            })
        });
        let imported = read.await.map_err(|error| ServiceError::Internal(error.to_string()))??;
        Ok(imported.map_err(|refused| refused.error))
    }
}

/// A run that looks and does not touch.
pub(super) fn looking(service: &Service) -> Run {
    let seed = super::ids::seed();
    Run {
        cycle_id: super::ids::Ids::new(seed).next(service.now()),
        trigger: Trigger::OnDemand,
        dry_run: true,
        initiator: Initiator::System,
        owner: String::new(),
        job_runs: true,
        export_complete: true,
        protect: Protect::default(),
        seed,
        review: None,
        rollback_of: None,
    }
}

/// What an evaluation would make of the references of an account, as far as both ends exist. The members of groups are not
/// read, and so not compared (service.md 14.3).
fn references_astray<T: Transport>(
    line: &Line<'_, T>,
    object: &SourceObject,
    desired: &[Desired],
    resource: &Resource,
) -> Result<Vec<Change>, StoreError> {
    let mut changes = Vec::new();
    if object.deletion != Deletion::None {
        return Ok(changes);
    }
    for Reference { rule, wanted } in plan::references(desired, false, resource) {
        let before = resource.get(&rule.path).cloned();
        let set = match wanted {
            Wanted::Members(_) => continue,
            Wanted::Nothing if is_left_alone(object) => continue,
            Wanted::Nothing => None,
            Wanted::One(anchor) => {
                let other = line.store.object(line.job, &SourceAnchor(anchor))?;
                let Some(id) = other.as_ref().and_then(managed) else { continue };
                let set = TargetValue::Reference(id.to_string());
                if before.as_ref().is_some_and(|held| set.agrees_with(held, true)) {
                    continue;
                }
                Some(set)
            }
        };
        changes.push(Change { rule, set, before });
    }
    Ok(changes)
}

type Looked = Option<Result<Drift, (String, RunError, bool)>>;

async fn look<T: Transport>(line: &Line<'_, T>, staged: Staged, imported: &Imported) -> Result<Looked, StoreError> {
    let Some(row) = line.store.object(line.job, &staged.anchor)? else { return Ok(None) };
    let (Some(kind), Some(target)) = (line.kind(staged.kind), row.link.target()) else { return Ok(None) };
    let absent = absent_object(&staged);
    let (object, standing) = match staged.object.as_deref() {
        Some(object) => {
            let assigned = imported.assigned.holds(object);
            (object, Standing::of_present(object, Some(&row), line.scope, kind, assigned, line.now()))
        }
        None => (&absent, line.of_absent(&row, kind, line.now())?),
    };
    let entitled = standing.scope.as_ref().is_ok_and(Scope::is_entitled);
    let source = staged.anchor.to_string();
    let desired = match line.map(kind, object, entitled) {
        Ok(mut desired) => {
            line.mark_sent(kind, &staged.anchor, Some(target), &mut desired)?;
            // What nobody noted is not known to differ.
            desired.retain(|one| one.rule.mutability != Mutability::WriteOnly || one.sent == Sent::Other);
            desired
        }
        Err(failure) => return Ok(Some(Err((source, run_error(&failure), false)))),
    };
    let mut transcript = Transcript::default();
    let answer = line.read(staged.kind, target, &desired, &mut transcript).await;
    let drift = |state, changes: &[Change]| Drift {
        source: source.clone(),
        target: target.to_string(),
        state,
        differences: modified(changes),
    };
    Ok(Some(match answer {
        Ok(ReadAnswer::Missing) => Ok(drift(DriftState::Missing, &[])),
        Ok(ReadAnswer::Found(resource)) => {
            let mut changes = plan::changes_on_update(&desired, &resource);
            if entitled && matches!(row.link, Link::Managed(_)) {
                changes.extend(references_astray(line, object, &desired, &resource)?);
            }
            let turned_on =
                |change: &Change| change.rule.path.is_core("active") && change.set == Some(TargetValue::Boolean(true));
            let state = if changes.is_empty() {
                DriftState::Same
            } else if resource.active() == Some(false) && changes.iter().any(turned_on) {
                DriftState::Inactive
            } else {
                DriftState::Differs
            };
            Ok(drift(state, &changes))
        }
        Err(trouble) => {
            let critical = trouble.failure.class == crate::model::Class::Critical;
            Err((source, run_error(&trouble.failure), critical))
        }
    }))
}
