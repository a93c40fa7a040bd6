//! What may be concluded from a set that was read (sources.md 16, service.md D-03, D-04).

use std::collections::HashSet;
use std::sync::Arc;

use super::absentees::{Absent, absent};
use super::assignment::{Assigned, UNSAID};
use super::footing::{Footing, Memory};
use super::import::{Attempt, Imported, Refused, Request, Way, refusal, said};
use super::known::Known;
use super::new_snapshot::{changed_snapshot, is_to_be_stored, met_and_changed, put_away, to_store, totals};
use super::read_keys::SortedKeys;
use super::reader::{Last, Sorted};
use crate::delta::{Record, SnapshotBuilder};
use crate::model::{RunError, SourceAnchor, SourceCounts};
use crate::source::{self, Absences, Census, ObjectKey, Problem, SetMode, SetReport};
use crate::store::{Learned, Spool, Staged, Staging, StoreError};

/// A set that was read to its end.
pub(super) struct WasRead<'a> {
    pub request: &'a Request<'a>,
    pub way: Way,
    pub memory: &'a Memory,
    pub footing: &'a Footing,
    pub last: &'a Last<'a>,
    pub known: &'a Known<'a>,
    pub staging: &'a Arc<Staging>,
    pub identity: Option<String>,
    pub octets: u64,
    pub report: SetReport,
    pub sorted: Sorted,
    pub builder: SnapshotBuilder,
    /// Ids of a user and of a group.
    pub clashes: Vec<SourceAnchor>,
    pub read: SortedKeys,
    /// Who is looked at although nothing was read of them.
    pub untouched: HashSet<u64>,
    /// None: the source does not say who is.
    pub assigned: Option<Assigned>,
    pub warnings: Vec<String>,
}

/// Why nothing may be concluded, and what is to be said of the set beside.
struct Against {
    error: RunError,
    judged: Option<Problem>,
    /// Nobody can accept the set all the same.
    is_final: bool,
}

impl Against {
    fn new(error: RunError) -> Self {
        Self { error, judged: None, is_final: false }
    }
}

impl WasRead<'_> {
    pub(super) fn conclude(mut self) -> Result<Attempt, StoreError> {
        let is_accepted = self.request.accepted.is_some() && self.request.accepted == self.identity.as_deref();
        let counts = SourceCounts {
            files: self.report.files.len() as u64,
            records: self.report.files.iter().map(|file| file.records).sum(),
            refused: self.report.counts.refused,
        };
        let about_set = |problem: &&Problem| problem.code.starts_with("set.");
        let mut judged: Vec<Problem> = self.report.problems.iter().filter(about_set).cloned().collect();
        // An empty export is refused always: nobody can accept it (sources.md 16.3).
        let is_empty = self.report.problems.iter().any(|problem| problem.code == "set.empty");
        let refuse = |against: Against, whole: Self, mut judged: Vec<Problem>| {
            judged.extend(against.judged);
            Refused {
                error: against.error,
                identity: whole.identity.filter(|_| !is_empty && !against.is_final),
                counts: counts.clone(),
                warnings: whole.warnings,
                judged,
            }
        };
        if self.report.changed_while_read {
            return Ok(Attempt::Changed(refuse(Against::new(refusal_of(&self.report)), self, judged)));
        }
        if let Some(against) = self.against(is_accepted, counts.records) {
            return Ok(Attempt::Refused(refuse(against, self, judged)));
        }
        let absent = self.absentees()?;
        let judgement = self.judge_absences(&absent, is_accepted);
        self.warnings.extend(self.clashes.iter().map(|anchor| {
            format!(
                "anchor.two_kinds: `{anchor}` is the id of a user and of a group; only the one that was read first is \
                 provisioned: give them different ids, or leave one of them out of the export"
            )
        }));
        self.warnings.extend(judgement.problems.iter().map(said));
        judged.extend(judgement.problems.iter().cloned());
        match judgement.absences {
            Absences::Refused => {
                let error = match judgement.problems.first() {
                    Some(problem) => refusal(said(problem), problem.help.clone()),
                    None => refusal_of(&self.report),
                };
                return Ok(Attempt::Refused(refuse(Against::new(error), self, judged)));
            }
            Absences::Suspended => {
                // They keep their last state until it can be said of them that they are gone (sources.md 16.3).
                let suspended = absent.iter().filter(|one| one.newly);
                self.sorted.refused.extend(suspended.map(|one| ObjectKey::of(one.kind, one.anchor.as_str()).0));
            }
            Absences::None => {}
            Absences::Staged | Absences::Deleted => self.stage(absent)?,
        }
        let stages = matches!(judgement.absences, Absences::Staged);
        Ok(Attempt::Done(Box::new(self.imported(counts.clone(), judged, stages)?)))
    }

    fn of_changes(&self) -> bool {
        self.report.mode == SetMode::Changes
    }

    /// Why nothing may be concluded, whoever is missing.
    fn against(&mut self, is_accepted: bool, records: u64) -> Option<Against> {
        // of what cannot be read the report says so
        if self.report.refused && !is_accepted || self.identity.is_none() {
            return Some(Against::new(refusal_of(&self.report)));
        }
        self.sorted.partial |= self.footing.lacks && self.of_changes();
        if let Some(error) = without_base(self.request, &self.sorted, records, &mut self.warnings) {
            return Some(Against::new(error));
        }
        if self.assigned.is_none() {
            return Some(Against::new(refusal(UNSAID.0, UNSAID.1)));
        }
        let (settings, memory) = (self.request.settings, self.memory.set.as_ref());
        let thinned = source::judge_assignments(settings, &self.report, memory, is_accepted);
        let problem = thinned.filter(|_| self.request.assigned_only)?;
        self.warnings.push(said(&problem));
        Some(Against {
            error: refusal(said(&problem), problem.help.clone()),
            is_final: problem.code == "set.empty",
            judged: Some(problem),
        })
    }

    fn absentees(&self) -> Result<Vec<Absent>, StoreError> {
        if self.of_changes() {
            return Ok(Vec::new());
        }
        let (read, untouched) = (&self.read, &self.untouched);
        let is_there = |key: u64| read.holds(key) || untouched.contains(&key);
        absent(self.request, self.footing.all, (self.last.old, &self.last.met), read, &is_there)
    }

    fn judge_absences(&self, absent: &[Absent], is_accepted: bool) -> source::Judgement {
        let only_changed = if self.of_changes() { 0 } else { self.sorted.only_changed.len() as u64 };
        let unread_before = self.memory.set.as_ref().map_or(0, |memory| memory.unread);
        let newly = || absent.iter().filter(|one| one.newly);
        let examples: Vec<String> = newly().take(20).map(|one| one.anchor.to_string()).collect();
        let census = Census {
            previous: self.previous().map_or(0, |previous| previous + unread_before),
            now: self.read.count() + self.sorted.recognised - only_changed,
            absent: newly().count() as u64,
        };
        source::judge_absences(self.request.settings, &self.report, census, &examples, is_accepted)
    }

    /// How many objects there were last time.
    fn previous(&self) -> Option<u64> {
        self.request.previous.map(|before| before.users + before.groups)
    }

    /// Hands on who is absent, and notes that they are.
    fn stage(&self, absent: Vec<Absent>) -> Result<(), StoreError> {
        let (keeps, known) = (self.footing.keeps, self.known);
        let mut filling = self.staging.fill()?;
        let newly = absent.iter().filter(|one| one.newly && keeps);
        known.forget_entries_of(&newly.map(|one| one.anchor.as_str()).collect())?;
        for one in absent {
            // What is learned anew would leave out whoever was gone before.
            if keeps && (one.newly || known.is_fresh()) {
                known.note_absent(ObjectKey::of(one.kind, one.anchor.as_str()))?;
            }
            filling.put(Staged { anchor: one.anchor, kind: one.kind, object: None })?;
        }
        filling.finish()
    }

    fn imported(
        mut self,
        counts: SourceCounts,
        judged: Vec<Problem>,
        stage_absences: bool,
    ) -> Result<Imported, StoreError> {
        let (request, footing, staging, old) = (self.request, self.footing, self.staging, self.last.old);
        let of_changes = self.of_changes();
        let (snapshot, users, groups) = if of_changes {
            changed_snapshot(request, &self.sorted, staging)?
        } else {
            let (users, groups) = totals(request, &self.report, &self.sorted, self.previous());
            for key in &self.sorted.refused {
                self.builder.push(old, Record::unread(*key));
                put_away(&mut self.builder, staging)?;
            }
            let built = self.builder.finish(old, |number| staging.spooled(Spool::Snapshot, number))?;
            let memory = &mut self.report.memory;
            memory.unread = self.sorted.refused.len() as u64;
            memory.order = built.as_ref().and_then(|built| built.order);
            let built = built.filter(|built| is_to_be_stored(built, self.memory.set.as_ref()));
            (built.map(|built| built.pieces), users, groups)
        };
        // Each object counts once: who was read, or is looked at all the same, has a turn of their own (contract.md 5).
        let recognised = match of_changes {
            true => (users + groups).saturating_sub((self.sorted.touched.len() + self.untouched.len()) as u64),
            false => {
                let changed = met_and_changed(old, &self.last.met, &self.sorted.only_changed);
                self.sorted.recognised.saturating_sub(changed)
            }
        };
        let mut memory = self.report.memory;
        memory.settings = Some(self.memory.settings);
        memory.counts = Some(counts.clone());
        memory.changed = footing.was_changed || self.sorted.has_changes;
        if let Some(before) = &self.memory.set {
            memory.settled.clone_from(if self.way.is_later { &before.applied } else { &before.settled });
        }
        memory.wanted = request.settings.wanted.clone().filter(|_| footing.keeps);
        let text = serde_json::to_string(&memory)?;
        Ok(Imported {
            learned: (footing.keeps && memory.takes_changes).then(|| Learned {
                staging: Arc::clone(staging),
                whole: self.known.is_fresh(),
                memory: text.clone(),
            }),
            snapshot: snapshot.map(|pieces| pieces.into_iter().map(|piece| to_store(piece, staging)).collect()),
            staging: Arc::clone(staging),
            identity: self.identity.unwrap_or_default(),
            octets: self.octets,
            memory: text,
            counts,
            users,
            groups,
            recognised,
            renames: self.sorted.renames,
            assigned: self.assigned.unwrap_or_default(),
            stage_absences,
            warnings: self.warnings,
            judged,
        })
    }
}

/// Why changes cannot be applied: nothing is kept of those whom they change.
fn without_base(request: &Request<'_>, sorted: &Sorted, records: u64, warnings: &mut Vec<String>) -> Option<RunError> {
    let help = "export the whole directory once; with `source.mode: snapshot` nothing is kept for changes to apply to";
    if sorted.partial {
        return Some(refusal("set.no_base: the folder holds changes, and the last export was not kept", help));
    }
    let count = sorted.without_base.len() as u64;
    if count > request.settings.max_refused.of(records) {
        let message = format!("record.no_base: {count} changes are of people of whom the last export is not known");
        return Some(refusal(message, help));
    }
    let example =
        |anchor: &String| format!("record.no_base: nothing is known of `{anchor}` that its change applies to");
    warnings.extend(sorted.without_base.iter().take(5).map(example));
    None
}

/// The first reason why a set was refused, as the error of the run.
fn refusal_of(report: &SetReport) -> RunError {
    let fatal = |problem: &&source::Problem| matches!(problem.level, source::Level::File | source::Level::Set);
    match report.problems.iter().find(fatal) {
        Some(problem) => refusal(said(problem), problem.help.clone()),
        None => refusal("the export is incomplete", "run `provisiond source` to see why"),
    }
}
