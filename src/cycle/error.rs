//! Why a command of the service could not be carried out.

use crate::config::SecretError;
use crate::store::StoreError;

/// Nothing was done, or the run broke off; what was committed until then stays.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a cycle of the job `{job}` runs already{}", if whose.is_empty() { String::new() } else { format!(" ({whose})") })]
    CycleRuns { job: String, whose: String },
    #[error("the lock file `{path}` cannot be used: {source}")]
    Lock { path: String, source: std::io::Error },
    #[error("{0}")]
    Secret(#[from] SecretError),
    #[error("the connection to the target cannot be set up: {0}")]
    Target(String),
    #[error("{0}")]
    Refused(String, &'static str),
    /// The job must not run while this is done.
    #[error("{0}")]
    Conflict(String, &'static str),
    /// The plan file is not one that can be applied.
    #[error("the plan file {0}")]
    PlanFile(String, &'static str),
    /// What a plan stands on changed; names what.
    #[error("the plan does not hold any more: {0}; nothing was sent")]
    PlanMoved(String),
    /// What cannot be restored by a rollback, one sentence each.
    #[error("some of it cannot be restored, and nothing was sent: {}", .0.join("; "))]
    Irrevocable(Vec<String>),
    #[error("the log of the job holds no cycle `{0}`")]
    CycleUnknown(String),
    #[error("a part of the program failed: {0}")]
    Internal(String),
}

impl ServiceError {
    pub fn code(&self) -> &str {
        match self {
            Self::Store(error) => error.code(),
            Self::CycleRuns { .. } => "cycle_running",
            Self::Lock { .. } => "lock",
            Self::Secret(_) => "secret",
            Self::Target(_) => "target",
            Self::Refused(..) => "refused",
            Self::Conflict(..) => "conflict",
            Self::PlanFile(..) => "plan_file",
            Self::Irrevocable(_) => "irrevocable",
            Self::CycleUnknown(_) => "cycle_unknown",
            Self::PlanMoved(_) => "plan_moved",
            Self::Internal(_) => "internal",
        }
    }

    /// What a person can do about it.
    pub fn help(&self) -> &str {
        match self {
            Self::Store(error) => error.help(),
            Self::CycleRuns { .. } => {
                "wait until it has ended (`provisiond status`), or run one person with `provision-now --user`"
            }
            Self::Lock { .. } => "make the folder of the state file writable for this user",
            Self::Secret(_) => "put the secret where `target.auth` in the configuration says it is",
            Self::Target(_) => "correct `target` in the configuration",
            Self::Refused(_, help) | Self::Conflict(_, help) | Self::PlanFile(_, help) => help,
            Self::Irrevocable(_) => "run it again with `--yes` to undo the rest, and this as far as said",
            Self::CycleUnknown(_) => "see `provisiond log --output json`: `cycleId` of a record is the id of its cycle",
            Self::PlanMoved(_) => "make the plan again with `provisiond plan`, and review it",
            Self::Internal(_) => "run again; please report the defect",
        }
    }

    /// The exit status of contract.md 2.
    pub fn exit(&self) -> u8 {
        match self {
            Self::CycleRuns { .. } | Self::Refused(..) | Self::Conflict(..) | Self::PlanMoved(_) => 4,
            Self::Store(_)
            | Self::Lock { .. }
            | Self::Secret(_)
            | Self::Target(_)
            | Self::PlanFile(..)
            | Self::Irrevocable(_)
            | Self::CycleUnknown(_)
            | Self::Internal(_) => 2,
        }
    }
}
