//! The counts of a cycle as it goes.

use std::collections::BTreeMap;

use super::evaluate::{Evaluated, is_staged};
use crate::model::{Counts, ObjectKind};
use crate::plan::{Decision, Reason};

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub counts: Counts,
    /// Writes that were decided.
    pub exports: u64,
    /// Writes that went through, or would.
    pub exported: u64,
    /// Objects whose turn never came.
    pub not_reached: u64,
    /// Objects that were not evaluated, but whose references were sent.
    pub followed: u64,
    /// Users and groups without a value that accounts are matched by.
    pub unmatched: BTreeMap<ObjectKind, u64>,
    /// What is to be said of the cycle as a whole.
    pub warnings: Vec<String>,
}

/// How the evaluation of an object was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum CameTo {
    NotEvaluated = 0,
    Create = 1,
    Update = 2,
    Skipped = 3,
    Other = 4,
}

impl CameTo {
    pub(super) fn of(evaluated: &Evaluated) -> Self {
        match &evaluated.decision {
            _ if evaluated.entry.failure.is_some() => Self::Other,
            Decision::Create { .. } => Self::Create,
            Decision::Update { .. } => Self::Update,
            staged if is_staged(staged) => Self::Other,
            Decision::Skip { .. } => Self::Skipped,
            Decision::Disable { .. } | Decision::Delete { .. } | Decision::Fail(_) | Decision::Pass(_) => Self::Other,
        }
    }

    /// Reads back `self as u8`.
    pub(super) fn from_number(number: u8) -> Self {
        let all = [Self::NotEvaluated, Self::Create, Self::Update, Self::Skipped];
        all.into_iter().find(|one| *one as u8 == number).unwrap_or(Self::Other)
    }
}

impl Tally {
    /// Counts what became of an object's references; the object itself stays counted once.
    pub(super) fn follow(&mut self, came_to: CameTo, sent: bool, failed: bool) {
        let counts = &mut self.counts;
        self.exports += u64::from(sent || failed);
        self.exported += u64::from(sent && !failed);
        if !sent && !failed {
            return;
        }
        match (came_to, failed) {
            (CameTo::Create | CameTo::Update, false) | (CameTo::Other, _) => return,
            (CameTo::Create, true) => counts.create -= 1,
            (CameTo::Update, true) => counts.update -= 1,
            (CameTo::Skipped, _) => counts.skipped -= 1,
            (CameTo::NotEvaluated, _) => self.followed += 1,
        }
        match failed {
            true => counts.failure += 1,
            false => counts.update += 1,
        }
    }

    /// Counts one object once, under how it ended (contract.md 5).
    pub(super) fn add(&mut self, evaluated: &Evaluated) {
        let counts = &mut self.counts;
        let writes = evaluated.decision.writes();
        self.exports += u64::from(writes);
        if evaluated.entry.failure.is_some() {
            counts.failure += 1;
            return;
        }
        self.exported += u64::from(writes);
        match &evaluated.decision {
            Decision::Create { .. } => counts.create += 1,
            Decision::Update { .. } => counts.update += 1,
            Decision::Disable { .. } => counts.disable += 1,
            Decision::Delete { .. } => counts.delete += 1,
            staged if is_staged(staged) => counts.staged += 1,
            Decision::Skip { reason, .. } => {
                counts.skipped += 1;
                if *reason == Reason::ImportSkipped {
                    *self.unmatched.entry(evaluated.entry.kind).or_default() += 1;
                }
            }
            Decision::Fail(_) => counts.failure += 1,
            Decision::Pass(_) => counts.not_evaluated += 1,
        }
    }
}
