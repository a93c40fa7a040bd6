//! What all evaluations of one run share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use jiff::Timestamp;

use super::clock::Clock;
use super::ids::Ids;
use super::intended::Review;
use super::standing::ScopeRules;
use crate::config::{Escrow as EscrowRules, VerifyWrites};
use crate::mapping::ObjectMapping;
use crate::model::{
    Class, ErrorCode, Escrow, Failure, Initiator, ObjectKind, RunError, SourceAnchor, TargetId, Trigger,
};
use crate::plan::{Protection, Rules};
use crate::scoping::Filter;
use crate::store::{EscrowChange, JobKey, ObjectRow, Staged, Staging, Store, StoreError};
use crate::wire::{Profile, Wire};

/// Transient failures in a row that end a cycle (D-47).
const BREAKER: u32 = 10;
/// Objects that are looked up and judged at once when they are given their phases.
const SORTED_TOGETHER: usize = 100;

/// The mapping of one kind of object with everything that goes with it.
pub(super) struct KindRules<'a> {
    pub mapping: &'a ObjectMapping,
    pub rules: &'a Rules,
    pub scope: &'a Filter,
    pub input_scope: &'a Filter,
    /// Source attributes whose change is a change of the object.
    pub used: &'a BTreeSet<String>,
    /// Source attributes whose values are never shown (expressions.md 4).
    pub hidden: BTreeSet<String>,
}

/// The line that each object of a run goes along.
pub(super) struct Line<'a, T> {
    pub store: &'a Arc<Store>,
    /// Where this run writes down what it did, and finds whose references can be sent: the state, or of a dry run the copy
    /// that it rehearses on. `None`: nothing is written down, and no reference is looked at.
    pub book: Option<&'a Store>,
    pub job_name: &'a str,
    pub job: JobKey,
    pub users: KindRules<'a>,
    pub groups: Option<KindRules<'a>>,
    pub scope: &'a ScopeRules,
    pub wire: Wire,
    pub transport: &'a T,
    pub clock: Clock,
    pub run: Run,
    pub escrow: EscrowRules,
    /// Objects whose time ended in this run where `escrow.strict_expiry` is set.
    pub expired: AtomicU64,
    /// Key of the digests of values that the target never shows.
    pub kept_key: [u8; 32],
    pub breaker: Breaker,
    /// Who of those in flight looks for an account by which first matching value: two must not find one account at once.
    pub seekers: Mutex<Seekers>,
    /// Unique values handed out in this run, by attribute, in lower case (expressions.md 5, `SelectUniqueValue`).
    pub reserved: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// Accounts that objects of this run got, before they are stored.
    pub accounts: Mutex<BTreeMap<TargetId, SourceAnchor>>,
    /// Many objects are under way at once, so that what is stored of one can wait a moment for the others.
    pub gathers: bool,
    /// Whom a run that was killed was at: their accounts may be other than the state says.
    pub doubtful: BTreeSet<SourceAnchor>,
    pub verify_writes: VerifyWrites,
    pub verbose_skips: bool,
    /// References wait for the other object (D-44).
    pub resolve_later: bool,
    /// Inner groups give their members to the groups around them.
    pub flattens: bool,
    /// References that could be sent, but that the plan which is carried out does not hold.
    pub withheld: AtomicU64,
    pub ids: Ids,
}

/// What one run is.
pub(super) struct Run {
    pub cycle_id: String,
    pub trigger: Trigger,
    pub dry_run: bool,
    pub initiator: Initiator,
    /// Who holds the claims of this run.
    pub owner: String,
    pub job_runs: bool,
    pub export_complete: bool,
    pub protect: Protect,
    /// A fresh draw of the system's generator.
    pub seed: [u8; 32],
    /// The run is a plan, or carries one out.
    pub review: Option<Arc<Review>>,
    /// The cycle that the run undoes.
    pub rollback_of: Option<String>,
}

/// Objects in flight, by what they look for and what looks for it.
#[derive(Debug, Default)]
pub(super) struct Seekers {
    by_value: BTreeMap<(ObjectKind, String), SourceAnchor>,
    values: BTreeMap<SourceAnchor, Vec<(ObjectKind, String)>>,
}

/// Which deprovisionings wait for approval in this run (service.md 18).
#[derive(Debug, Clone, Default)]
pub(super) struct Protect {
    /// All but those of the approved batch.
    pub all: bool,
    /// Those that follow from an absence which is not proven (D-60).
    pub absent: bool,
    /// The members of the batch that is open: they wait on, whatever this cycle plans.
    pub waiting: BTreeSet<SourceAnchor>,
    pub approved: BTreeSet<SourceAnchor>,
}

impl Protect {
    pub(super) fn of(&self, anchor: &SourceAnchor, is_absent: bool) -> Protection {
        let stage =
            (self.all || self.absent && is_absent || self.waiting.contains(anchor)) && !self.approved.contains(anchor);
        if stage { Protection::Stage } else { Protection::Open }
    }

    /// Is the object in a batch, approved or not?
    pub(super) fn is_member(&self, anchor: &SourceAnchor) -> bool {
        self.waiting.contains(anchor) || self.approved.contains(anchor)
    }
}

/// Ends a cycle when the target cannot be worked with (D-47).
#[derive(Debug, Default)]
pub(super) struct Breaker {
    transient: AtomicU32,
    open: AtomicBool,
    cause: Mutex<Option<Failure>>,
}

impl Breaker {
    /// Notes how the exchange with the target for one object ended.
    pub(super) fn note(&self, failure: Option<&Failure>) {
        let Some(failure) = failure else {
            self.transient.store(0, Ordering::Relaxed);
            return;
        };
        let trips = match failure.class {
            Class::Critical => true,
            Class::Transient if failure.code != ErrorCode::TooManyRequests => {
                self.transient.fetch_add(1, Ordering::Relaxed) + 1 >= BREAKER
            }
            Class::Transient => false,
            Class::Permanent | Class::Special => {
                self.transient.store(0, Ordering::Relaxed);
                false
            }
        };
        if trips && !self.open.swap(true, Ordering::Relaxed) {
            *self.cause.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(failure.clone());
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Why the cycle ends, where it does.
    pub(super) fn cause(&self) -> Option<Failure> {
        self.cause.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl<T> Line<'_, T> {
    /// Gives every waiting object its phase by what is remembered of it; `None` drops it.
    pub fn sort(
        &self,
        staging: &Staging,
        mut phase_of: impl FnMut(&Staged, Option<ObjectRow>) -> Option<u8>,
    ) -> Result<(), StoreError> {
        let (store, job) = (&**self.store, self.job);
        let rows_of = |part: &[Staged]| store.objects(job, part.iter().map(|staged| &staged.anchor));
        staging.sort(|page| {
            // What is remembered of the next ones is looked up while these are judged.
            thread::scope(|scope| {
                let (hand, rows) = channel();
                scope.spawn(move || page.chunks(SORTED_TOGETHER).map(rows_of).try_for_each(|rows| hand.send(rows)));
                let mut phases = Vec::with_capacity(page.len());
                for (part, rows) in page.chunks(SORTED_TOGETHER).zip(rows) {
                    phases.extend(part.iter().zip(rows?).map(|(staged, row)| phase_of(staged, row)));
                }
                Ok(phases)
            })
        })
    }

    /// [`Line::book`], for those who come here only where there is one.
    pub(super) fn book(&self) -> &Store {
        self.book.unwrap_or(self.store)
    }

    /// Whether a dry run has to be rehearsed on a copy of the state: the mapping has references.
    pub(super) fn has_references(&self) -> bool {
        let mut rules = self.users.mapping.attributes().iter().map(|mapping| &mapping.rule);
        self.groups.is_some() || rules.any(|rule| rule.reference)
    }

    /// Notes that `anchor` looks for an account by `value`; returns who else in flight does.
    pub(super) fn seek(&self, kind: ObjectKind, value: &str, anchor: &SourceAnchor) -> Option<SourceAnchor> {
        let mut seekers = self.seekers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let wanted = (kind, value.to_lowercase());
        match seekers.by_value.get(&wanted) {
            Some(seeker) => Some(seeker.clone()).filter(|seeker| seeker != anchor),
            None => {
                seekers.values.entry(anchor.clone()).or_default().push(wanted.clone());
                seekers.by_value.insert(wanted, anchor.clone());
                None
            }
        }
    }

    /// The turn of `anchor` is over and stored: whoever comes now finds its link.
    pub(super) fn has_found(&self, anchor: &SourceAnchor) {
        let mut seekers = self.seekers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for wanted in seekers.values.remove(anchor).into_iter().flatten() {
            seekers.by_value.remove(&wanted);
        }
    }

    /// Sets a failed object aside; one whose 28 days are over stays as abandoned, or goes and disables the job, as the
    /// setting says (service.md 16.2).
    pub(super) fn set_aside(&self, escrow: Escrow) -> EscrowChange {
        if escrow.abandoned && self.escrow.strict_expiry {
            self.expired.fetch_add(1, Ordering::Relaxed);
            return EscrowChange::Clear;
        }
        EscrowChange::Put(escrow)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time that objects are judged at: a plan is carried out as of when it was made.
    pub(super) fn as_of(&self) -> Timestamp {
        self.run.review.as_ref().map_or_else(|| self.now(), |review| review.at)
    }

    pub(super) fn kind(&self, kind: ObjectKind) -> Option<&KindRules<'_>> {
        match kind {
            ObjectKind::User => Some(&self.users),
            ObjectKind::Group => self.groups.as_ref(),
        }
    }

    pub(super) fn is_kintone(&self) -> bool {
        self.wire.profile == Profile::Kintone
    }
}

/// A failure of one object as the error of a run.
pub(super) fn run_error(failure: &Failure) -> RunError {
    RunError { code: failure.code.to_string(), message: failure.message.clone(), help: failure.remedy.clone() }
}
