//! Settings that decisions depend on (service.md 2).

use serde::{Deserialize, Serialize};

/// What set an evaluation going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    Initial,
    Incremental,
    OnDemand,
}

/// Which operations an object mapping permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actions {
    pub create: bool,
    pub update: bool,
    pub delete: bool,
}

impl Default for Actions {
    fn default() -> Self {
        Self { create: true, update: true, delete: true }
    }
}

/// What happens when a linked account is gone from the target (service.md D-24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnMissingTarget {
    /// Fails in incremental cycles, matches again otherwise.
    #[default]
    Service,
    Rematch,
    Error,
}

/// When a mapping applies (service.md 11.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApplyMode {
    #[default]
    Always,
    OnCreate,
    /// Only when the change adds values to a multi-valued attribute.
    MultiValueAddOnly,
}
