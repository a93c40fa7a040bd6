//! The service on one state file: what commands and the daemon call.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::error::ServiceError;
use super::ids::Ids;
use super::line::{Breaker, KindRules, Line, Run};
use super::standing::ScopeRules;
use crate::config::{Config, Environment, Job, ObjectRules, ScopeMode};
use crate::model::Trigger;
use crate::plan::Rules;
use crate::store::{JobKey, JobState, Store};
use crate::target::{self, Client};
use crate::wire::{Mode, Wire};

/// See the module.
pub struct Service {
    store: Arc<Store>,
    clock: Clock,
    environment: Environment,
}

/// What the daemon must know to find out when a job is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueFacts {
    pub last_start: Option<Timestamp>,
    pub paused: bool,
    pub disabled: bool,
    /// The next attempt of a quarantine that slows the job.
    pub quarantine_next: Option<Timestamp>,
}

impl Service {
    /// Opens the state file that the configuration names.
    pub fn open(config: &Config, environment: Environment, clock: Clock) -> Result<Self, ServiceError> {
        Ok(Self { store: Arc::new(Store::open(&config.state)?), clock, environment })
    }

    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn due(&self, job: &Job) -> Result<DueFacts, ServiceError> {
        let state = self.store.job_state(self.store.job(&job.name)?)?;
        let slowing = state.quarantine.as_ref().filter(|quarantine| super::quarantine::slows(quarantine.reason));
        Ok(DueFacts {
            last_start: state.last_start,
            paused: state.paused,
            disabled: state.disabled,
            quarantine_next: slowing.and_then(|quarantine| quarantine.next_attempt),
        })
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The client of a job's target; secrets are read now.
    ///
    /// Once `stop` is cancelled it waits for no pause that the target asks for.
    pub(super) fn client(&self, job: &Job, stop: &CancellationToken) -> Result<Client, ServiceError> {
        let settings = target::Settings { stop: stop.clone(), ..job.target.settings(&self.environment)? };
        Client::new(&settings).map_err(|error| ServiceError::Target(error.to_string()))
    }

    /// Puts the line of a run together.
    pub(super) fn line<'a, T>(
        &'a self,
        key: JobKey,
        job: &'a Job,
        rules: &'a JobRules,
        transport: &'a T,
        run: Run,
    ) -> Result<Line<'a, T>, ServiceError> {
        Ok(Line {
            store: &self.store,
            book: (!run.dry_run).then_some(&*self.store),
            job_name: &job.name,
            job: key,
            users: rules.users(job),
            groups: rules.groups(job),
            scope: &rules.scope,
            wire: self.wire(job, run.trigger == Trigger::OnDemand)?,
            transport,
            clock: self.clock,
            escrow: job.escrow,
            expired: Default::default(),
            kept_key: super::kept::key(&self.store.secret()?),
            breaker: Breaker::default(),
            seekers: Default::default(),
            reserved: Default::default(),
            accounts: Default::default(),
            gathers: false,
            doubtful: std::collections::BTreeSet::new(),
            verify_writes: job.target.verify_writes,
            verbose_skips: job.logs.verbose_skips,
            resolve_later: job.resolve_references_later,
            flattens: job.mapping.groups.as_ref().is_some_and(|groups| groups.flatten),
            withheld: Default::default(),
            ids: Ids::new(run.seed),
            run,
        })
    }

    pub(super) fn wire(&self, job: &Job, on_demand: bool) -> Result<Wire, ServiceError> {
        let url = job.target.tenant_url(on_demand).map_err(|fault| ServiceError::Target(fault.message))?;
        let mut wire = Wire::new(&url, job.target.options.clone(), job.target.profile, Mode::Provisioning);
        let mapped = job.mapping.groups.iter().flat_map(|groups| groups.mapping.attributes());
        let paths = mapped.map(|mapping| &mapping.rule.path);
        wire.mapped_in_groups =
            paths.filter(|path| !path.is_core("displayName") && !path.is_core("members")).cloned().collect();
        Ok(wire)
    }
}

/// Everything of a job that a [`Line`] borrows.
pub(super) struct JobRules {
    user_rules: Rules,
    group_rules: Option<Rules>,
    used: BTreeSet<String>,
    pub scope: ScopeRules,
}

impl JobRules {
    pub(super) fn of(job: &Job) -> Self {
        let rules = |object: &ObjectRules, enabled: bool| Rules {
            actions: object.actions,
            mapping_enabled: enabled,
            skip_out_of_scope_deletions: job.skip_out_of_scope_deletions,
            supports_soft_delete: job.target.supports_soft_delete,
            on_missing_target: job.on_missing_target,
        };
        let lower = |list: &[String]| list.iter().map(|text| text.to_lowercase()).collect();
        Self {
            user_rules: rules(&job.mapping.users, true),
            group_rules: job.mapping.groups.as_ref().map(|groups| rules(groups, true)),
            used: job.mapping.names(),
            scope: ScopeRules {
                assigned_only: job.scope_mode == ScopeMode::Assigned,
                include: lower(&job.include),
                exclude: lower(&job.exclude),
                retention: SignedDuration::try_from(job.soft_delete_retention).unwrap_or(SignedDuration::MAX),
            },
        }
    }

    fn kind<'a>(&'a self, object: &'a ObjectRules, rules: &'a Rules) -> KindRules<'a> {
        KindRules {
            mapping: &object.mapping,
            rules,
            scope: &object.scope,
            input_scope: &object.input_scope,
            used: &self.used,
            hidden: object.mapping.redacted_sources(),
        }
    }

    pub(super) fn users<'a>(&'a self, job: &'a Job) -> KindRules<'a> {
        self.kind(&job.mapping.users, &self.user_rules)
    }

    pub(super) fn groups<'a>(&'a self, job: &'a Job) -> Option<KindRules<'a>> {
        let (object, rules) = (job.mapping.groups.as_ref()?, self.group_rules.as_ref()?);
        Some(self.kind(object, rules))
    }
}

/// What must be the same for a cycle to be an incremental one (service.md 7).
pub(super) fn meaning(job: &Job) -> String {
    let mut digest = blake3::Hasher::new();
    digest.update(job.mapping.digest().as_bytes());
    digest.update(match job.scope_mode {
        ScopeMode::All => b"all",
        ScopeMode::Assigned => b"assigned",
    });
    for list in [&job.include, &job.exclude] {
        digest.update(&(list.len() as u64).to_le_bytes());
        for name in list {
            digest.update(&(name.len() as u64).to_le_bytes());
            digest.update(name.as_bytes());
        }
    }
    digest.finalize().to_hex().to_string()
}

/// Does the job run at all, by its own state?
pub(super) fn job_runs(state: &JobState) -> bool {
    !state.paused && !state.disabled
}
