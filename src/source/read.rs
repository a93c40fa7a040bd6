//! Reads a set: its files in order, one record at a time (sources.md 14–16).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use super::anchor_source;
use super::assignments;
use super::base::Lasting;
use super::batch::Batch;
use super::changes::Change;
use super::crew::Crew;
use super::delta;
use super::draft::Handed;
use super::encoding::Look;
use super::file::FileReading;
use super::find::{FileSet, Found, LostNames, Stamp};
use super::frame::FileFault;
use super::identity::{FileIdentity, Identity};
use super::memory::SetMemory;
use super::open::{NotOpened, Opened, Partly, changed, open};
use super::preset::{FormatName, Presets};
use super::recognise::{Fingerprint, Follow, Recognise, Recognised};
use super::references::References;
use super::report::{Completeness, Counts, FileReport, Level, Problem, Problems, SetReport};
use super::rules;
use super::seen::{Filter, Seen};
use super::settings::{Role, Settings};
use super::shared;
use super::twins;
use super::whole;
pub use crate::model::ObjectKey;
use crate::model::ObjectKind;

/// What the reader hands over, in the order of files and lines; `file` counts the files of the [`FileSet`].
#[derive(Debug)]
pub enum Read<'r> {
    /// The record says what another of this set says, or what it said last time.
    Known {
        file: usize,
        fingerprint: Fingerprint,
        key: ObjectKey,
        living: bool,
        /// Which record it was last time, if it was recognised.
        number: Option<usize>,
    },
    /// Records that came one after the other as they did last time, beginning with this number; each is of a living object.
    Run { file: usize, first: usize, count: usize },
    /// The record is of kind `ignore`; `number` as for one that is known.
    Ignored { file: usize, fingerprint: Fingerprint, number: Option<usize>, change: bool, lasting: Lasting },
    /// A new or changed object. A later one of the same key takes the place of an earlier one.
    Object {
        file: usize,
        fingerprint: Fingerprint,
        key: ObjectKey,
        object: Handed<'r>,
        /// The record's own new identifier (`renames` of a preset).
        renamed_to: Option<String>,
        /// A reference that named the object itself and was dropped.
        self_reference: Option<String>,
        /// Whether it comes from a change file.
        change: bool,
        lasting: Lasting,
    },
    /// The record that was handed over under this hash does not count: a living one took its place.
    Withdrawn { file: usize, hash: u128, key: ObjectKey },
    /// A record that is not applied; without a key it may be anyone.
    Refused {
        file: usize,
        line: u64,
        code: &'static str,
        key: Option<ObjectKey>,
        message: String,
        /// Its text, shortened and with secrets blanked; none where they cannot be told from the rest.
        text: Option<String>,
    },
    /// An entry is not under this distinguished name any more.
    Gone {
        file: usize,
        dn: String,
        /// It is under another: who names it as before means it still.
        moved: bool,
    },
    /// A change of an LDIF change file, where nothing is known that it could be applied to.
    Change { file: usize, hash: u128, change: Box<Change> },
}

/// What a set is read by.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub settings: &'a Settings,
    pub set: &'a FileSet,
    pub memory: Option<&'a SetMemory>,
}

/// All that is kept while a set is read.
pub(super) struct Reading<'a> {
    pub settings: &'a Settings,
    pub set: &'a FileSet,
    /// Of the set's files: all objects of a file share its name.
    pub names: &'a [Arc<str>],
    pub memory: Option<&'a SetMemory>,
    pub crew: Crew,
    /// Room that a crew left for the next file.
    pub spare: Vec<Batch>,
    pub problems: Problems,
    pub counts: Counts,
    /// Canonical name of the anchor, by kind.
    pub anchors: BTreeMap<ObjectKind, Arc<str>>,
    pub seen: Seen,
    pub references: Option<References>,
    pub refused_without_anchor: u64,
    /// Records that were refused for want of an anchor.
    pub lacking_anchor: BTreeMap<ObjectKind, u64>,
    pub newest: rules::NewestSeen,
    pub known_names: rules::KnownNames,
    /// See [`FileSet::presumes`].
    pub presumes: bool,
    /// How many records were not looked at for it.
    pub presumed: u64,
    /// An object had several records.
    pub repeats: bool,
    /// Who is assigned and has not been met yet.
    pub awaited: assignments::Awaited,
    /// How many ids assignment files name, where there are any.
    pub assigned: Option<u64>,
    /// The name patterns of files read, and what occurred in them.
    pub remembered: SetMemory,
    /// A change file was left out because it was applied before.
    pub applied_before: bool,
    /// There were records that nobody asked for.
    pub passed_over: bool,
    /// A file was taken for UTF-8 by its beginning, and is not.
    pub misread: bool,
    /// See [`SetReport::lost`].
    pub lost: LostNames,
    /// By the number of a file in the set, what was found out on the way.
    pub identities: Vec<Option<FileIdentity>>,
}

impl<'a> Reading<'a> {
    pub fn given(&self) -> Given<'a> {
        Given { settings: self.settings, set: self.set, memory: self.memory }
    }

    /// A record of the last set came again.
    pub fn meet_again(&mut self, hash: u128) {
        self.newest.meet_known(hash);
        self.known_names.meet(hash);
    }
}

/// Reads the set and hands every record to `sink`; an error of the sink ends it.
///
/// A file that changed while it was read is reported as `file.changed_while_read`; the caller then finds and reads the set
/// anew, at most three times (sources.md 4.3). With [`Look::Head`](super::encoding::Look::Head) it also does so, and looks at the
/// whole of its files, where the report says [`SetReport::misread`]; and so with [`FileSet::presumes`] and
/// [`SetReport::presumed_wrongly`].
pub fn read<E>(
    settings: &Settings,
    set: &FileSet,
    memory: Option<&SetMemory>,
    known: &mut dyn Recognise,
    sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
) -> Result<SetReport, E> {
    read_by(Given { settings, set, memory }, Crew::of_machine(), known, sink)
}

/// As [`read`], by so many threads.
pub(super) fn read_by<E>(
    Given { settings, set, memory }: Given<'_>,
    crew: Crew,
    known: &mut dyn Recognise,
    sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
) -> Result<SetReport, E> {
    let mut known = known.parts();
    let names: Vec<Arc<str>> = set.files.iter().map(|found| found.name.as_str().into()).collect();
    let mut reading = Reading {
        settings,
        set,
        names: &names,
        memory,
        crew,
        spare: Vec::new(),
        problems: Problems::default(),
        counts: Counts::default(),
        anchors: rules::remembered_anchors(memory),
        seen: Seen::after(known.recall.count()),
        references: None,
        refused_without_anchor: 0,
        lacking_anchor: BTreeMap::new(),
        newest: rules::NewestSeen::new(memory),
        known_names: rules::KnownNames::new(memory),
        presumes: set.presumes && memory.is_none_or(|memory| !memory.repeats),
        presumed: 0,
        repeats: false,
        awaited: assignments::Awaited::default(),
        assigned: None,
        remembered: SetMemory::default(),
        applied_before: false,
        passed_over: false,
        misread: false,
        lost: set.lost.clone(),
        identities: vec![None; set.files.len()],
    };
    for problem in &set.problems {
        reading.problems.add(problem.clone());
    }
    let presets = Presets::default();
    let mut plans = plan(&mut reading, &presets);
    rules::check_anchor_setting(&mut reading, &plans);
    delta::mark(&mut reading, &mut plans);
    anchor_source::choose(&reading, &mut plans);
    if settings.references {
        let references = References::build(&mut reading, &plans, &presets);
        reading.references = references;
    }
    // who is assigned is known before those come who may be meant
    let mut assigned = None;
    let mut lists = BTreeMap::new();
    for plan in plans.iter().filter(|plan| matches!(plan.state, State::Assignments)) {
        let list = assigned.get_or_insert_with(Vec::new);
        lists.insert(plan.index, assignments::read(&mut reading, plan.index, list));
    }
    reading.awaited = assignments::Awaited::of(assigned.iter().flatten());
    reading.assigned = assigned.is_some().then(|| reading.awaited.count());
    let mut files = Vec::new();
    for plan in &plans {
        match &plan.state {
            State::Assignments => files.extend(lists.remove(&plan.index)),
            State::Refused(report) => files.push((**report).clone()),
            State::Skipped => {}
            State::Ready(opened) => {
                let mut file = FileReading::new(&mut reading, &plans, plan.index, opened, plan.is_delta);
                files.push(file.run(&mut known, sink)?);
            }
        }
    }
    let is_presumed = reading.presumes && reading.counts.known > 0;
    let follow = known.follow.filter(|_| is_presumed);
    let presumed_wrongly = follow.is_some_and(|follow| !meet_presumed(&mut reading, follow));
    twins::warn(&mut reading, &plans);
    assignments::warn_of_unresolved(&mut reading, assigned.iter().flatten());
    let identity = if presumed_wrongly { None } else { identity_of_read(&mut reading, &files) };
    Ok(SetReport { identity, presumed_wrongly, ..finish(reading, &plans, files, assigned) })
}

/// Looks at the records that were recognised; false if what was presumed of them does not hold.
fn meet_presumed(reading: &mut Reading<'_>, follow: &mut dyn Follow) -> bool {
    let hashes: Vec<u64> =
        reading.newest.awaited().chain(reading.known_names.awaited()).map(|hash| hash as u64).collect();
    let mut remarkable = Filter::sparse(hashes.len());
    hashes.into_iter().for_each(|hash| remarkable.insert(hash));
    let mut holds = true;
    follow.each_again(&remarkable, &reading.seen.filter(), &mut |record| {
        reading.meet_again(record.fingerprint.hash);
        let Recognised { key, .. } = record.recognised;
        holds &= !(record.recognised.is_living() && reading.seen.holds(key));
    });
    holds
}

/// What is to be done with one file.
pub(super) struct Plan {
    /// In the set.
    pub index: usize,
    pub state: State,
    /// Whether it is a Graph change file.
    pub is_delta: bool,
}

pub(super) enum State {
    Ready(Box<Opened>),
    Assignments,
    Refused(Box<FileReport>),
    /// No export, or applied before.
    Skipped,
}

impl Plan {
    pub fn opened(&self) -> Option<&Opened> {
        match &self.state {
            State::Ready(opened) => Some(opened),
            State::Assignments | State::Refused(_) | State::Skipped => None,
        }
    }
}

fn plan(reading: &mut Reading<'_>, presets: &Presets) -> Vec<Plan> {
    let mut plans = Vec::with_capacity(reading.set.files.len());
    let mut told: BTreeSet<String> = BTreeSet::new();
    let mut siblings: Vec<String> =
        reading.memory.iter().flat_map(|memory| memory.files.values()).map(|file| file.preset.clone()).collect();
    let files = &reading.set.files;
    let open = |found: &Found, siblings: &[String]| {
        let known_before = reading.memory.is_some_and(|memory| memory.names.contains(&found.name));
        open(found, reading.settings, presets, known_before, siblings, reading.set.look)
    };
    let is_read = |found: &Found| found.role != Some(Role::Assignments);
    let alone = |at: usize| is_read(&files[at]).then(|| open(&files[at], &[]));
    let mut opened = shared::each(files.len(), || alone);
    // then those that do not show by themselves how they are read, by the exports before them
    for (opened, found) in opened.iter_mut().zip(files) {
        if matches!(opened, Some(Err(_))) {
            *opened = Some(open(found, &siblings));
        }
        siblings.extend(opened.iter().flatten().map(|opened| opened.preset.name.clone()));
    }
    // which may also come after it
    for (opened, found) in opened.iter_mut().zip(files) {
        if matches!(opened, Some(Err(refusal)) if refusal.0.is_for_want_of_preset()) {
            *opened = Some(open(found, &siblings));
            siblings.extend(opened.iter().flatten().map(|opened| opened.preset.name.clone()));
        }
    }
    for (index, opened) in opened.into_iter().enumerate() {
        let state = match opened {
            None => State::Assignments,
            Some(Ok(opened)) => State::Ready(Box::new(opened)),
            Some(Err(refusal)) => not_opened(reading, &reading.set.files[index], *refusal, &mut told),
        };
        plans.push(Plan { index, state, is_delta: false });
    }
    plans
}

fn not_opened(
    reading: &mut Reading<'_>,
    found: &Found,
    (refusal, partly): (NotOpened, Partly),
    told: &mut BTreeSet<String>,
) -> State {
    match refusal {
        NotOpened::Skipped(fault) => {
            let message = format!("the file is left out: {}", fault.message);
            reading.problems.add(Problem::new(Level::Warning, "file.skipped", message).in_file(&found.name));
            State::Skipped
        }
        NotOpened::Preset(diagnostics) => {
            for diagnostic in diagnostics.into_iter().filter(|diagnostic| told.insert(diagnostic.message.clone())) {
                let mut problem = Problem::new(Level::Set, "source.preset", diagnostic.message);
                problem.help = diagnostic.help.unwrap_or_default();
                problem.line = diagnostic.place.as_ref().and_then(|place| place.line);
                problem.column = diagnostic.place.as_ref().and_then(|place| place.column);
                problem.file = diagnostic.place.map(|place| place.file);
                reading.problems.add(problem);
            }
            let fault = FileFault::new("source.preset", None, "its preset cannot be used", "");
            State::Refused(Box::new(refused(found, &partly, &fault)))
        }
        NotOpened::Refused(fault) => {
            // its heading may be longer than what was looked at
            let is_doubtful = fault.code.starts_with("csv.") || fault.code == "encoding.invalid";
            reading.misread |= reading.set.look == Look::Head && is_doubtful;
            reading.problems.add(file_problem(found, &fault));
            State::Refused(Box::new(refused(found, &partly, &fault)))
        }
    }
}

pub(super) fn file_problem(found: &Found, fault: &FileFault) -> Problem {
    Problem::new(Level::File, fault.code, &fault.message)
        .in_file(&found.name)
        .on_line(fault.line)
        .with_help(&fault.help)
}

fn refused(found: &Found, partly: &Partly, fault: &FileFault) -> FileReport {
    FileReport {
        preset: partly.preset.clone(),
        format: partly.format.map(format_name),
        encoding: partly.encoding.clone(),
        delimiter: partly.delimiter,
        columns: partly.columns.clone(),
        error: Some((fault.code, fault.line)),
        ..FileReport::of(&found.name)
    }
}

pub(super) fn format_name(format: FormatName) -> &'static str {
    match format {
        FormatName::Csv => "csv",
        FormatName::Json => "json",
        FormatName::Ldif => "ldif",
    }
}

impl FileReport {
    pub(super) fn of(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            preset: None,
            format: None,
            error: None,
            complete: Completeness::Incomplete,
            encoding: None,
            reasons: Vec::new(),
            warnings: Vec::new(),
            delimiter: None,
            columns: None,
            document: None,
            result_code: None,
            unfinished: None,
            changes: false,
            records: 0,
            refused: Vec::new(),
            refused_count: 0,
            total: None,
            is_graph: false,
            ended: true,
        }
    }
}

/// Says whether the path still leads to the file as it was.
pub(super) fn is_unchanged(found: &Found, file: &fs::File, before: Stamp) -> bool {
    let now = |metadata: std::io::Result<fs::Metadata>| metadata.is_ok_and(|metadata| Stamp::of(&metadata) == before);
    now(file.metadata()) && now(fs::metadata(&found.path))
}

/// The identity of a set that was read; a file that was not hashed on the way is read again, and must still be what it was.
fn identity_of_read(reading: &mut Reading<'_>, reports: &[FileReport]) -> Option<Identity> {
    let set = reading.set;
    if !set.is_hashed || reading.misread {
        return None;
    }
    let known = std::mem::take(&mut reading.identities);
    let mut files = Vec::with_capacity(known.len());
    for (found, known) in set.files.iter().zip(known) {
        let again = || {
            let file = found.open().ok()?;
            let identity = found.identity(&file).ok()?;
            is_unchanged(found, &file, found.stamp).then_some(identity)
        };
        let identity = known.or_else(again);
        let is_told = || reports.iter().any(|report| report.file == found.name && report.error.is_some());
        if identity.is_none() && !is_told() {
            reading.problems.add(file_problem(found, &changed()));
        }
        files.push(identity);
    }
    files.into_iter().collect::<Option<_>>().map(|files| Identity { files })
}

fn finish(
    mut reading: Reading<'_>,
    plans: &[Plan],
    files: Vec<FileReport>,
    assignments: Option<Vec<super::report::Assignment>>,
) -> SetReport {
    let mode = rules::mode(&mut reading, &files);
    let complete = whole::completeness(&mut reading, &files);
    rules::judge(&mut reading, plans, &files, mode);
    let memory = rules::remember(&mut reading, plans, &files, mode);
    let problems = std::mem::take(&mut reading.problems).finish();
    let refused = problems.iter().any(|problem| matches!(problem.level, Level::File | Level::Set));
    SetReport {
        mode,
        complete: if refused && complete == Completeness::Page { Completeness::Incomplete } else { complete },
        refused,
        changed_while_read: problems.iter().any(|problem| problem.code == "file.changed_while_read"),
        files,
        counts: reading.counts,
        misread: reading.misread,
        problems,
        refused_without_anchor: reading.refused_without_anchor,
        memory,
        assignments,
        presumed_wrongly: false,
        lost: reading.lost,
        identity: None,
    }
}
