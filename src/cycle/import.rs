//! From the folder to the objects that may have changed (service.md 5, 6, D-03, D-04, D-15; sources.md 15, 16).

use std::collections::HashSet;

use super::assignment::{Assigned, Heard};
use super::reader::{Recognising, Sorted};
use crate::delta::{Matcher, Record, Snapshot, SnapshotBuilder, absent_keys};
use crate::model::{ObjectKind, RunError, SourceAnchor, SourceCounts};
use crate::source::{self, Absences, Census, ObjectKey, Problem, Read, SetMemory, SetReport, Settings};
use crate::store::{JobKey, Staged, Staging, Store, StoreError, Watermark};

/// How often a set that changes while it is read is read anew (sources.md 4.3).
const ATTEMPTS: usize = 3;
/// Objects of two kinds with one id that are named.
const MOST_CLASHES: usize = 20;

/// What a run wants to know of the source.
pub(super) struct Request<'a> {
    pub settings: &'a Settings,
    pub store: &'a Store,
    pub job: JobKey,
    pub previous: Option<&'a Watermark>,
    /// Every object is wanted, changed or not.
    pub all: bool,
    /// Objects wanted although nothing may have changed: retries, staged ones, those whose retention is over.
    pub due: &'a HashSet<(ObjectKind, SourceAnchor)>,
    /// The identity of a refused export that a person confirmed.
    pub accepted: Option<&'a str>,
    /// Scope mode `assigned`: a membership elsewhere may change anybody's scope, so that nobody is passed over unread.
    pub assigned_only: bool,
}

/// What the source says.
pub(super) struct Imported {
    /// Objects that are new, changed, absent or due.
    pub staging: Staging,
    pub identity: String,
    /// `None` where the export is the old one, record by record.
    pub snapshot: Option<Vec<u8>>,
    /// `SetMemory` as JSON.
    pub memory: String,
    pub counts: SourceCounts,
    pub users: u64,
    pub groups: u64,
    /// Objects of the export that were recognised as unchanged.
    pub recognised: u64,
    /// Who is assigned; nobody where that does not matter.
    pub assigned: Assigned,
    /// Absences are not proven and more than allowed: their deprovisionings are staged (D-60).
    pub stage_absences: bool,
    pub warnings: Vec<String>,
}

/// Why nothing may be concluded from the source.
pub(super) struct Refused {
    pub error: RunError,
    pub identity: Option<String>,
    pub counts: SourceCounts,
    pub warnings: Vec<String>,
}

/// Reads the folder, finds what changed and judges whether anything may be concluded from it.
pub(super) fn import(request: &Request<'_>) -> Result<Result<Imported, Refused>, StoreError> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match attempt(request)? {
            Attempt::Done(imported) => return Ok(Ok(*imported)),
            Attempt::Refused(refused) => return Ok(Err(refused)),
            Attempt::Changed(refused) => last = Some(refused),
        }
    }
    Ok(Err(last.unwrap_or_else(|| Refused {
        error: refusal("the source could not be read", "run `provisiond source` to see why"),
        identity: None,
        counts: SourceCounts::default(),
        warnings: Vec::new(),
    })))
}

enum Attempt {
    Done(Box<Imported>),
    Refused(Refused),
    /// The files changed while they were read.
    Changed(Refused),
}

fn attempt(request: &Request<'_>) -> Result<Attempt, StoreError> {
    let set = source::find(request.settings);
    let identity = match set.identity() {
        Ok(identity) => identity.digest(),
        Err(error) => {
            return Ok(Attempt::Refused(Refused {
                error: refusal(format!("the source cannot be read: {error}"), "make the files readable for this user"),
                identity: None,
                counts: SourceCounts { files: set.files.len() as u64, ..SourceCounts::default() },
                warnings: Vec::new(),
            }));
        }
    };
    let staging = Staging::open()?;
    let unchanged = request.previous.filter(|before| before.identity == identity && !request.all);
    if let Some(before) = unchanged.filter(|_| request.due.is_empty() && !set.is_refused()) {
        return Ok(Attempt::Done(Box::new(Imported {
            staging,
            identity,
            snapshot: None,
            memory: before.memory.clone(),
            counts: SourceCounts { files: set.files.len() as u64, records: before.users + before.groups, refused: 0 },
            users: before.users,
            groups: before.groups,
            recognised: before.users + before.groups,
            assigned: Assigned::default(),
            stage_absences: false,
            warnings: Vec::new(),
        })));
    }
    let memory: Option<SetMemory> = request.previous.and_then(|before| serde_json::from_str(&before.memory).ok());
    let old = match request.all {
        true => Snapshot::default(),
        false => request.store.snapshot(request.job)?.and_then(Snapshot::decode).unwrap_or_default(),
    };
    let due: HashSet<u64> = request.due.iter().map(|(kind, anchor)| ObjectKey::of(*kind, anchor.as_str()).0).collect();
    let mut sorted = Sorted::default();
    let mut heard = Heard::default();
    let mut builder = SnapshotBuilder::default();
    let mut filling = staging.fill()?;
    let mut recognising = Recognising { matcher: Matcher::new(&old), due: &due, all: request.assigned_only };
    let mut clashes: Vec<SourceAnchor> = Vec::new();
    let mut sink = |read: Read| -> Result<(), StoreError> {
        match read {
            Read::Known { hash, key, living, .. } => {
                sorted.recognised += u64::from(key.0 != 0);
                builder.push(&old, Record { hash, key: key.0, living });
            }
            Read::Ignored { hash, .. } => builder.push(&old, Record { hash, key: 0, living: true }),
            Read::Object { hash, key, object, .. } => {
                let living = object.deletion == crate::model::Deletion::None;
                builder.push(&old, Record { hash, key: key.0, living });
                sorted.read.insert(key.0);
                sorted.partial |= object.partial;
                if request.assigned_only {
                    heard.hear(&object);
                }
                let staged = Staged { anchor: object.anchor.clone(), kind: object.kind, object: Some(object) };
                if !filling.put(&staged)? && clashes.len() < MOST_CLASHES {
                    clashes.push(staged.anchor);
                }
            }
            // The living record of the same object is handed over beside it.
            Read::Withdrawn { hash, .. } => builder.withdraw(hash),
            Read::Refused { key, .. } => {
                sorted.read.extend(key.map(|key| key.0));
            }
            Read::Change { .. } => sorted.partial = true,
        }
        Ok(())
    };
    let report = source::read(request.settings, &set, memory.as_ref(), &mut recognising, &mut sink)?;
    filling.finish()?;
    let counts = SourceCounts {
        files: report.files.len() as u64,
        records: report.files.iter().map(|file| file.records).sum(),
        refused: report.counts.refused,
    };
    let warnings = warnings(&report);
    let accepted = request.accepted == Some(identity.as_str());
    let refuse = |error: RunError, warnings: Vec<String>| Refused {
        error,
        identity: Some(identity.clone()),
        counts: counts.clone(),
        warnings,
    };
    if report.changed_while_read {
        return Ok(Attempt::Changed(refuse(refusal_of(&report), warnings)));
    }
    if report.refused && !accepted {
        return Ok(Attempt::Refused(refuse(refusal_of(&report), warnings)));
    }
    if sorted.partial {
        let error = refusal(
            "the folder holds a file of changes, which this version reads but does not apply",
            "export the whole directory instead (`provisiond source` shows what each file holds)",
        );
        return Ok(Attempt::Refused(refuse(error, warnings)));
    }
    let assigned = match (request.assigned_only, heard.judge(&report)) {
        (false, _) => Assigned::default(),
        (true, Some(assigned)) => assigned,
        (true, None) => {
            let error = refusal(
                "`scope: assigned` is set, and the source does not say who is assigned",
                "export an `assigned` column or `appRoleAssignments`, add a file with the role `assignments`, or set `scope: all`",
            );
            return Ok(Attempt::Refused(refuse(error, warnings)));
        }
    };
    let matcher = recognising.matcher;
    let present = sorted.read.len() as u64 + sorted.recognised;
    let absent = absent(request, &matcher, &sorted)?;
    let newly_absent = absent.iter().filter(|one| one.newly).count() as u64;
    let previous = request.previous.map(|before| before.users + before.groups);
    let examples: Vec<String> =
        absent.iter().filter(|one| one.newly).take(20).map(|one| one.anchor.to_string()).collect();
    let census = Census { previous: previous.unwrap_or(0), now: present, absent: newly_absent, most_changed: 0 };
    let judgement = source::judge_absences(request.settings, &report, census, &examples, accepted);
    let mut warnings = warnings;
    warnings.extend(clashes.iter().map(|anchor| {
        format!(
            "anchor.two_kinds: `{anchor}` is the id of a user and of a group; only the one that was read first is \
             provisioned: give them different ids, or leave one of them out of the export"
        )
    }));
    let said = |problem: &Problem| format!("{}: {}", problem.code, problem.message);
    warnings.extend(judgement.problems.iter().map(said));
    let (absences_count, stage_absences) = match judgement.absences {
        Absences::Refused => {
            let error = match judgement.problems.first() {
                Some(problem) => refusal(said(problem), problem.help.clone()),
                None => refusal_of(&report),
            };
            return Ok(Attempt::Refused(refuse(error, warnings)));
        }
        Absences::Suspended | Absences::None => (false, false),
        Absences::Staged => (true, true),
        Absences::Deleted => (true, false),
    };
    if absences_count {
        let mut filling = staging.fill()?;
        for one in absent {
            filling.put(&Staged { anchor: one.anchor, kind: one.kind, object: None })?;
        }
        filling.finish()?;
    }
    let (users, groups) = totals(request, &report, &sorted, previous);
    Ok(Attempt::Done(Box::new(Imported {
        staging,
        snapshot: builder.finish(&old),
        memory: serde_json::to_string(&report.memory)?,
        counts,
        users,
        groups,
        recognised: sorted.recognised,
        assigned,
        stage_absences,
        warnings,
        identity,
    })))
}

/// One object that the state knows and the export lacks.
struct Absent {
    anchor: SourceAnchor,
    kind: ObjectKind,
    /// It was there last time.
    newly: bool,
}

fn absent(request: &Request<'_>, matcher: &Matcher<'_>, sorted: &Sorted) -> Result<Vec<Absent>, StoreError> {
    let mut absent = Vec::new();
    let is_due = |kind, anchor: &SourceAnchor| request.due.contains(&(kind, anchor.clone()));
    // Where the old export is not known record by record, everybody the state knows has to be looked for.
    let candidates = (!request.all).then(|| absent_keys(matcher, sorted.read.iter().copied()));
    if candidates.as_ref().is_some_and(HashSet::is_empty) && request.due.is_empty() {
        return Ok(absent);
    }
    request.store.each_anchor(request.job, &mut |kind, anchor, left| {
        let key = ObjectKey::of(kind, anchor).0;
        let gone = match &candidates {
            Some(candidates) => candidates.contains(&key),
            None => !sorted.read.contains(&key),
        };
        let wanted = || is_due(kind, &SourceAnchor(anchor.to_owned())) && !sorted.read.contains(&key);
        if gone || wanted() {
            absent.push(Absent { anchor: SourceAnchor(anchor.to_owned()), kind, newly: gone && !left });
        }
    })?;
    Ok(absent)
}

fn totals(request: &Request<'_>, report: &SetReport, sorted: &Sorted, previous: Option<u64>) -> (u64, u64) {
    let (users, groups) = (report.counts.users, report.counts.groups);
    if sorted.recognised == 0 {
        return (users, groups);
    }
    // Recognised records are not decoded, so their kind is known only from last time.
    let known_groups = request.previous.map_or(0, |before| before.groups).saturating_sub(groups);
    let recognised_groups = known_groups.min(sorted.recognised).min(previous.unwrap_or(0));
    (users + sorted.recognised - recognised_groups, groups + recognised_groups)
}

fn warnings(report: &SetReport) -> Vec<String> {
    report
        .problems
        .iter()
        .filter(|problem| problem.level != source::Level::Info)
        .map(|problem| {
            let place = match (&problem.file, problem.line) {
                (Some(file), Some(line)) => format!(" ({file}:{line})"),
                (Some(file), None) => format!(" ({file})"),
                (None, _) => String::new(),
            };
            format!("{}: {}{place}", problem.code, problem.message)
        })
        .collect()
}

/// The first reason why a set was refused, as the error of the run.
fn refusal_of(report: &SetReport) -> RunError {
    let fatal = |problem: &&source::Problem| matches!(problem.level, source::Level::File | source::Level::Set);
    match report.problems.iter().find(fatal) {
        Some(problem) => {
            let place = match (&problem.file, problem.line) {
                (Some(file), Some(line)) => format!(" ({file}:{line})"),
                (Some(file), None) => format!(" ({file})"),
                (None, _) => String::new(),
            };
            refusal(format!("{}: {}{place}", problem.code, problem.message), problem.help.clone())
        }
        None => refusal("the export is incomplete", "run `provisiond source` to see why"),
    }
}

pub(super) fn refusal(message: impl Into<String>, help: impl Into<String>) -> RunError {
    RunError { code: "IngestionInterrupted".to_owned(), message: message.into(), help: help.into() }
}
