//! In which part of a cycle an object has its turn, decided without the target (D-11, D-52).

use super::line::KindRules;
use super::standing::Standing;
use crate::model::{Link, ObjectKind, SourceState};
use crate::store::ObjectRow;

/// The parts of a cycle in their order; the numbers are those of the staging file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(super) enum Phase {
    /// Needs no request.
    Pass = 0,
    Disable = 1,
    Write = 2,
    WriteGroup = 3,
    Delete = 4,
    DeleteGroup = 5,
}

impl Phase {
    pub(super) const ALL: [Self; 6] =
        [Self::Pass, Self::Disable, Self::Write, Self::WriteGroup, Self::Delete, Self::DeleteGroup];

    /// Does it ask the target?
    pub(super) fn asks(self) -> bool {
        self != Self::Pass
    }
}

/// What is forecast for one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forecast {
    pub phase: Phase,
    /// An account would be disabled or deleted: counts towards accidental deletion prevention.
    pub deprovisions: bool,
}

pub(super) fn forecast(standing: &Standing, row: Option<&ObjectRow>, kind: &KindRules<'_>) -> Forecast {
    let object_kind = kind.mapping.kind();
    let of = |user: Phase, group: Phase| match object_kind {
        ObjectKind::User => user,
        ObjectKind::Group => group,
    };
    let pass = Forecast { phase: Phase::Pass, deprovisions: false };
    let delete = Forecast { phase: of(Phase::Delete, Phase::DeleteGroup), deprovisions: true };
    let Ok(scope) = &standing.scope else { return pass };
    if !kind.rules.mapping_enabled || !standing.input_passed {
        return pass;
    }
    let managed = row.is_some_and(|row| matches!(row.link, Link::Managed(_)));
    let skips = kind.rules.skip_out_of_scope_deletions;
    let actions = kind.rules.actions;
    if scope.is_entitled() {
        return Forecast { phase: of(Phase::Write, Phase::WriteGroup), deprovisions: false };
    }
    if !managed {
        return pass;
    }
    if scope.state == SourceState::HardDeleted {
        let held_back = skips && row.is_some_and(|row| !row.in_scope());
        return if actions.delete && !held_back { delete } else { pass };
    }
    if skips {
        return pass;
    }
    if !kind.rules.supports_soft_delete || object_kind == ObjectKind::Group {
        return if actions.delete { delete } else { pass };
    }
    if !kind.mapping.follows_state() || !actions.update {
        return pass;
    }
    let inactive = row.is_some_and(|row| row.active_in_target == Some(false));
    Forecast { phase: Phase::Disable, deprovisions: !inactive }
}
