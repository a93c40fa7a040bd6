//! The stored pair of a source object and a resource (service.md 10).

use serde::{Deserialize, Serialize};

use super::TargetId;

/// Whether and how the job holds an account in the target (service.md 13.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Link {
    #[default]
    None,
    Managed(TargetId),
    /// Disabled because it left the scope: not managed until it returns.
    Released(TargetId),
}

/// A [`Link`] without its identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    None,
    Managed,
    Released,
}

impl Link {
    pub fn new(state: LinkState, id: TargetId) -> Self {
        match state {
            LinkState::None => Self::None,
            LinkState::Managed => Self::Managed(id),
            LinkState::Released => Self::Released(id),
        }
    }

    pub fn target(&self) -> Option<&TargetId> {
        match self {
            Self::None => None,
            Self::Managed(id) | Self::Released(id) => Some(id),
        }
    }

    pub fn state(&self) -> LinkState {
        match self {
            Self::None => LinkState::None,
            Self::Managed(_) => LinkState::Managed,
            Self::Released(_) => LinkState::Released,
        }
    }
}
