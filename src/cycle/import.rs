//! From the folder to the objects that may have changed (service.md 5, 6, D-03, D-04, D-15; sources.md 15, 16).

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::absentees::add_untouched;
use super::assignment::Assigned;
use super::conclude::WasRead;
use super::footing::{Footing, Memory};
use super::known::Known;
use super::reader::{Following, Keys, Last, Recalling, Recognising};
use super::taking::Taking;
use crate::delta::{Met, Snapshot, absent_keys};
use crate::model::{ObjectKind, RunError, SourceAnchor, SourceCounts};
use crate::source::{self, FileSet, Identity, Look, LostNames, ObjectKey, Problem, SetMode, Settings};
use crate::store::{JobKey, Learned, SnapshotPiece, Staging, Store, StoreError, Watermark};

/// How often a set that changes while it is read is read anew (sources.md 4.3).
const ATTEMPTS: usize = 3;

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
    /// The time under which refused records are kept; none in a dry run.
    pub keep_refused_at: Option<Timestamp>,
}

/// What the source says.
pub(super) struct Imported {
    /// Objects that are new, changed, absent or due.
    pub staging: Arc<Staging>,
    /// What is known of everybody, for change files to apply to.
    pub learned: Option<Learned>,
    pub identity: String,
    /// Of its files together.
    pub octets: u64,
    /// `None` where the export is the old one, record by record.
    pub snapshot: Option<Vec<SnapshotPiece>>,
    /// `SetMemory` as JSON.
    pub memory: String,
    pub counts: SourceCounts,
    pub users: u64,
    pub groups: u64,
    /// Objects of the export that were recognised as unchanged.
    pub recognised: u64,
    /// Objects whose records give them a new anchor: the old one and the new.
    pub renames: Vec<(SourceAnchor, SourceAnchor)>,
    /// Who is assigned; nobody where that does not matter.
    pub assigned: Assigned,
    /// Absences are not proven and more than allowed: their deprovisionings are staged (D-60).
    pub stage_absences: bool,
    pub warnings: Vec<String>,
    pub judged: Vec<Problem>,
}

/// Why nothing may be concluded from the source.
pub(super) struct Refused {
    pub error: RunError,
    pub identity: Option<String>,
    pub counts: SourceCounts,
    pub warnings: Vec<String>,
    /// What there is to say of the set as a whole, beside the last one (sources.md 16).
    pub judged: Vec<Problem>,
}

/// Reads the folder, finds what changed and judges whether anything may be concluded from it.
pub(super) fn import(request: &Request<'_>) -> Result<Result<Imported, Refused>, StoreError> {
    let (mut way, mut lost, mut changes) = (Way::FIRST, LostNames::new(), 0);
    loop {
        match attempt(request, way, &lost)? {
            Attempt::Done(imported) => return Ok(Ok(*imported)),
            Attempt::Refused(refused) => return Ok(Err(refused)),
            Attempt::Changed(refused) if changes + 1 == ATTEMPTS => return Ok(Err(refused)),
            Attempt::Changed(_) => (way, lost, changes) = (Way::FIRST, LostNames::new(), changes + 1),
            // each is said once: not of the way that is taken for it
            Attempt::OnlyChanges => way.begun_anew = true,
            Attempt::Lost(names) => lost = names,
            Attempt::Misread => way.look = Look::Whole,
            Attempt::PresumedWrongly => way.presumes = false,
            Attempt::Later => way.is_later = true,
        }
    }
}

/// What is taken for granted until the source shows that it is not so.
#[derive(Clone, Copy)]
pub(super) struct Way {
    /// What was remembered before the watermark was dropped counts.
    pub begun_anew: bool,
    look: Look,
    /// See [`FileSet::presumes`].
    presumes: bool,
    /// The folder holds another snapshot than the one that changes were applied to: it has the last word.
    pub is_later: bool,
}

impl Way {
    const FIRST: Self = Self { begun_anew: false, look: Look::Head, presumes: true, is_later: false };
}

pub(super) enum Attempt {
    Done(Box<Imported>),
    Refused(Refused),
    /// The files changed while they were read.
    Changed(Refused),
    /// The job begins anew, and the folder holds changes of what it knew before.
    OnlyChanges,
    /// See [`FileSet::lost`].
    Lost(LostNames),
    /// A file is not in the encoding that its beginning shows.
    Misread,
    /// An object has records that were recognised and others.
    PresumedWrongly,
    /// See [`Way::is_later`].
    Later,
}

fn attempt(request: &Request<'_>, way: Way, lost: &LostNames) -> Result<Attempt, StoreError> {
    let mut set =
        FileSet { look: way.look, presumes: way.presumes, lost: lost.clone(), ..source::find(request.settings) };
    let (files, octets) = (set.files.len() as u64, set.files.iter().map(|file| file.stamp.size).sum());
    let mut memory = Memory::of(request, way)?;
    // of another size it is another export, which is read whatever else it is
    let may_be_same = |before: &&Watermark| {
        !request.all && !memory.is_read_anew && before.octets.is_none_or(|before| before == octets)
    };
    let early = match request.previous.filter(may_be_same).map(|_| set.identity()) {
        Some(Ok(identity)) => Some(identity.digest()),
        Some(Err(error)) => {
            return Ok(Attempt::Refused(Refused {
                error: refusal(format!("the source cannot be read: {error}"), "make the files readable for this user"),
                identity: None,
                counts: SourceCounts { files, ..SourceCounts::default() },
                warnings: Vec::new(),
                judged: Vec::new(),
            }));
        }
        None => None,
    };
    set.is_hashed = early.is_none();
    let staging = Arc::new(Staging::open()?);
    let unchanged = request.previous.filter(|before| early.as_ref() == Some(&before.identity));
    if let Some(before) = unchanged.filter(|_| request.due.is_empty() && !set.is_refused()) {
        let counts = memory
            .set
            .and_then(|memory| memory.counts)
            .unwrap_or_else(|| SourceCounts { records: before.users + before.groups, ..SourceCounts::default() });
        return Ok(Attempt::Done(Box::new(as_before(before, SourceCounts { files, ..counts }, octets, staging))));
    }
    let stored = request.store.snapshot(request.job)?.and_then(Snapshot::decode);
    let footing = Footing::of(request, way, &mut memory, &set, stored.as_ref())?;
    let known = Known::new(request.store, request.job, &staging).lacking(memory.newly_wanted(request));
    let old = stored.filter(|_| !footing.all).unwrap_or_default();
    let due: Keys = request.due.iter().map(|(kind, anchor)| ObjectKey::of(*kind, anchor.as_str()).0).collect();
    let last = Last {
        old: &old,
        met: Met::none_of(old.len()),
        due: &due,
        all: request.assigned_only,
        same: footing.keeps.then(Mutex::default),
    };
    let mut recognising = Recognising {
        follow: Following::new(&last),
        recall: Recalling { last: &last, known: footing.keeps.then_some(&known) },
    };
    let mut taking = Taking::new(request, &set, &staging, &footing, &last, &known)?;
    let mut sink = |read: source::Read<'_>| taking.take(read);
    let report = source::read(request.settings, &set, memory.set.as_ref(), &mut recognising, &mut sink)?;
    recognising.follow.finish();
    if report.misread {
        return Ok(Attempt::Misread);
    }
    if report.presumed_wrongly {
        return Ok(Attempt::PresumedWrongly);
    }
    if report.lost != *lost && !report.refused {
        return Ok(Attempt::Lost(report.lost));
    }
    let identity = early.or_else(|| report.identity.as_ref().map(Identity::digest));
    known.check()?;
    let read = std::mem::take(&mut taking.sorted.read).sorted(&staging)?;
    let of_changes = report.mode == SetMode::Changes;
    if of_changes && footing.keeps && memory.is_left_over && !way.begun_anew {
        return Ok(Attempt::OnlyChanges);
    }
    let has_absentees = || match footing.all {
        true => footing.superseded.keys().any(|key| !read.holds(key)),
        false => {
            let absent = absent_keys(&old, &last.met, read.iter());
            absent.into_iter().any(|key| !footing.was_changed || footing.superseded.knows(key))
        }
    };
    // Changes that come with another snapshot apply to that one alone.
    let is_another = footing.was_changed || footing.keeps && !footing.all && taking.sorted.has_changes;
    if is_another && !of_changes && (taking.differs || has_absentees()) {
        return Ok(Attempt::Later);
    }
    let mut warnings: Vec<String> =
        report.problems.iter().filter(|problem| problem.level != source::Level::Info).map(said).collect();
    let unkept = taking.finish_refused().err();
    warnings.extend(unkept.map(|error| format!("the refused records could not be kept beside the state: {error}")));
    let Taking { mut filling, mut heard, sorted, builder, clashes, .. } = taking;
    // Who was learned of by a change alone is no absentee of the snapshot that it followed.
    let mut untouched = HashSet::new();
    if of_changes || footing.was_changed {
        known.keep_entries()?;
        let is_looked_for = |key: u64| !read.holds(key) && (of_changes || !footing.superseded.knows(key));
        add_untouched(request, (footing.all, of_changes), &known, &is_looked_for, &mut heard, &mut |key, staged| {
            untouched.insert(key);
            filling.put(staged).map(drop)
        })?;
    }
    filling.finish()?;
    let assigned = match (request.assigned_only, heard.judge(&report)) {
        (false, _) => Some(Assigned::default()),
        (true, assigned) => assigned,
    };
    let whole = WasRead {
        request,
        way,
        memory: &memory,
        footing: &footing,
        last: &last,
        known: &known,
        staging: &staging,
        identity,
        octets,
        report,
        sorted,
        builder,
        clashes,
        read,
        untouched,
        assigned,
        warnings,
    };
    whole.conclude()
}

/// What is said of an export that is byte for byte the last one, while nobody is due.
fn as_before(before: &Watermark, counts: SourceCounts, octets: u64, staging: Arc<Staging>) -> Imported {
    Imported {
        staging,
        learned: None,
        identity: before.identity.clone(),
        octets,
        snapshot: None,
        memory: before.memory.clone(),
        counts,
        users: before.users,
        groups: before.groups,
        recognised: before.users + before.groups,
        renames: Vec::new(),
        assigned: Assigned::default(),
        stage_absences: false,
        warnings: Vec::new(),
        judged: Vec::new(),
    }
}

/// A problem as a cycle tells it: code, message and place.
pub(super) fn said(problem: &Problem) -> String {
    let place = match (&problem.file, problem.line) {
        (Some(file), Some(line)) => format!(" ({file}:{line})"),
        (Some(file), None) => format!(" ({file})"),
        (None, _) => String::new(),
    };
    format!("{}: {}{place}", problem.code, problem.message)
}

pub(super) fn refusal(message: impl Into<String>, help: impl Into<String>) -> RunError {
    RunError { code: "IngestionInterrupted".to_owned(), message: message.into(), help: help.into() }
}
