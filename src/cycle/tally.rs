//! The counts of a cycle as it goes.

use super::evaluate::{Evaluated, is_staged};
use crate::model::Counts;
use crate::plan::Decision;

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub counts: Counts,
    /// Writes that were decided.
    pub exports: u64,
    /// Writes that went through, or would.
    pub exported: u64,
    /// Objects whose turn never came.
    pub not_reached: u64,
}

impl Tally {
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
            Decision::Skip { .. } => counts.skipped += 1,
            Decision::Fail(_) => counts.failure += 1,
            Decision::Pass(_) => counts.not_evaluated += 1,
        }
    }
}
