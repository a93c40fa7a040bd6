//! What a cycle has before it, known without a request: who has a turn in which phase, and what is withheld.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::error::ServiceError;
use super::import::Imported;
use super::line::{Line, Protect};
use super::phases::forecast;
use super::run::Begun;
use super::service::Service;
use super::standing::{ScopeRules, Standing};
use crate::config::Job;
use crate::model::{ObjectKind, SourceAnchor, StagedObject, Trigger};
use crate::plan::Protection;
use crate::target::Transport;

/// Changed objects that are named where most of them changed.
const MOST_EXAMPLES: usize = 5;

/// What is known before the first request.
#[derive(Default)]
pub(super) struct Outlook {
    /// Objects to evaluate.
    pub total: u64,
    /// Read, and found the same.
    pub unchanged: u64,
    pub entitled: u64,
    /// Objects whose used attributes are not those of the last evaluation.
    pub changed: u64,
    /// Some of them.
    pub examples: Vec<String>,
    /// Names of `source.include` and `source.exclude` that nobody has; looked for where everybody is looked at.
    pub unnamed: Vec<String>,
    /// Who would be disabled or deleted; true where the export lacks the object.
    pub deprovisions: BTreeMap<SourceAnchor, bool>,
    /// Something has to be asked or sent besides the deprovisionings.
    pub asks: bool,
}

/// Which deprovisionings a cycle withholds, and under which number.
pub(super) struct StagingPlan {
    pub protect: Protect,
    pub batch: String,
    /// There are more than the threshold allows.
    pub over: bool,
}

impl Service {
    /// Gives every object its phase, and counts who would be deprovisioned (D-52).
    pub(super) fn sort<T: Transport>(
        &self,
        line: &Line<'_, T>,
        imported: &Imported,
        due: &HashSet<(ObjectKind, SourceAnchor)>,
    ) -> Result<Outlook, ServiceError> {
        let initial = line.run.trigger == Trigger::Initial;
        let now = line.as_of();
        let mut sorted = Outlook::default();
        let named = line.scope.include.iter().chain(&line.scope.exclude).filter(|_| initial);
        let mut unnamed: BTreeSet<&str> = named.map(String::as_str).collect();
        line.sort(&imported.staging, |staged, row| {
            let Some(kind) = line.kind(staged.kind) else {
                sorted.unchanged += 1;
                return None;
            };
            let standing = match (&staged.object, &row) {
                (Some(object), row) => {
                    let assigned = imported.assigned.holds(object);
                    ScopeRules::strike_out(&mut unnamed, object, kind);
                    Standing::of_present(object, row.as_ref(), line.scope, kind, assigned, now)
                }
                // Where the log cannot be read the turn fails by it; until then nothing is known of the names.
                (None, Some(row)) => line
                    .of_absent(row, kind, now)
                    .unwrap_or_else(|_| Standing::of_absent(row, line.scope, kind, &[], now)),
                (None, None) => return None,
            };
            if !initial && row.as_ref().is_some_and(|row| standing.changed_since(row)) {
                sorted.changed += 1;
                if sorted.examples.len() < MOST_EXAMPLES {
                    sorted.examples.push(staged.anchor.to_string());
                }
            }
            let is_due = !due.is_empty() && due.contains(&(staged.kind, staged.anchor.clone()));
            let vanished = staged.object.is_none() && row.as_ref().is_some_and(|row| row.left_at.is_some()) && !is_due;
            if (!initial && !is_due && !standing.differs_from(row.as_ref()))
                || (vanished && !standing.differs_from(row.as_ref()))
            {
                sorted.unchanged += u64::from(staged.object.is_some());
                return None;
            }
            sorted.entitled += u64::from(standing.scope.as_ref().is_ok_and(crate::plan::Scope::is_entitled));
            let forecast = forecast(&standing, row.as_ref(), kind);
            if forecast.deprovisions {
                sorted.deprovisions.insert(staged.anchor.clone(), staged.object.is_none());
            }
            sorted.asks |= forecast.phase.asks() && !forecast.deprovisions;
            sorted.total += 1;
            Some(forecast.phase as u8)
        })?;
        sorted.unnamed = unnamed.into_iter().map(str::to_owned).collect();
        Ok(sorted)
    }

    /// Decides which deprovisionings are withheld (service.md 18).
    pub(super) fn protect(
        &self,
        job: &Job,
        begun: &Begun,
        imported: &Imported,
        outlook: &Outlook,
    ) -> Result<StagingPlan, ServiceError> {
        let (approved, waiting): (Vec<StagedObject>, Vec<StagedObject>) = self
            .store()
            .staged(begun.key)?
            .into_iter()
            .partition(|staged| begun.state.approved_batch.as_ref() == Some(&staged.batch));
        // What was approved never lends its number to what was staged later.
        let batch = waiting.first().map_or_else(|| begun.id.clone(), |staged| staged.batch.clone());
        let anchors = |staged: Vec<StagedObject>| staged.into_iter().map(|staged| staged.source_anchor).collect();
        let mut protect = Protect {
            absent: imported.stage_absences,
            waiting: anchors(waiting),
            approved: anchors(approved),
            all: false,
        };
        // Absences that nothing proves wait whatever the threshold, and do not count towards it (D-60).
        let counted = outlook
            .deprovisions
            .iter()
            .filter(|(anchor, absent)| {
                protect.of(anchor, **absent) == Protection::Open && !protect.approved.contains(*anchor)
            })
            .count() as u64;
        let over = job.accidental_deletion.enabled && counted > job.accidental_deletion.threshold;
        // While a batch of too many waits, whoever else would go waits with it.
        protect.all = over || (begun.state.batch_over && !protect.waiting.is_empty());
        Ok(StagingPlan { protect, batch, over })
    }
}
