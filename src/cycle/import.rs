//! From the folder to the objects that may have changed (service.md 5, 6, D-03, D-04, D-15; sources.md 15, 16).

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::assignment::{Assigned, Heard, UNSAID};
use super::known::{Known, OBJECT_KEY};
use super::read_keys::SortedKeys;
use super::reader::{Following, Keys, Last, Recalling, Recognising, Sorted};
use super::refused::RefusedRecords;
use super::superseded::Superseded;
use crate::delta::{Built, Met, Piece, Record, Snapshot, SnapshotBuilder, absent_keys};
use crate::model::{Deletion, ObjectKind, RunError, SourceAnchor, SourceCounts, SourceObject, SourceValue};
use crate::source::{
    self, Absences, Census, FileSet, Fingerprint, Identity, Lasting, Look, Mode, ObjectKey, Problem, Read, SetMemory,
    SetMode, SetReport, Settings,
};
use crate::store::{JobKey, Learned, SnapshotPiece, Spellings, Spool, Staged, Staging, Store, StoreError, Watermark};

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
    let (mut way, mut changes) = (Way::FIRST, 0);
    loop {
        match attempt(request, way)? {
            Attempt::Done(imported) => return Ok(Ok(*imported)),
            Attempt::Refused(refused) => return Ok(Err(refused)),
            Attempt::Changed(refused) if changes + 1 == ATTEMPTS => return Ok(Err(refused)),
            Attempt::Changed(_) => (way, changes) = (Way::FIRST, changes + 1),
            // each is said once: not of the way that is taken for it
            Attempt::OnlyChanges => way.begun_anew = true,
            Attempt::Misread => way.look = Look::Whole,
            Attempt::PresumedWrongly => way.presumes = false,
            Attempt::Later => way.is_later = true,
        }
    }
}

/// What is taken for granted until the source shows that it is not so.
#[derive(Clone, Copy)]
struct Way {
    /// What was remembered before the watermark was dropped counts.
    begun_anew: bool,
    look: Look,
    /// See [`FileSet::presumes`].
    presumes: bool,
    /// The folder holds another snapshot than the one that changes were applied to: it has the last word.
    is_later: bool,
}

impl Way {
    const FIRST: Self = Self { begun_anew: false, look: Look::Head, presumes: true, is_later: false };
}

enum Attempt {
    Done(Box<Imported>),
    Refused(Refused),
    /// The files changed while they were read.
    Changed(Refused),
    /// The job begins anew, and the folder holds changes of what it knew before.
    OnlyChanges,
    /// A file is not in the encoding that its beginning shows.
    Misread,
    /// An object has records that were recognised and others.
    PresumedWrongly,
    /// See [`Way::is_later`].
    Later,
}

fn attempt(request: &Request<'_>, Way { begun_anew, look, presumes, is_later }: Way) -> Result<Attempt, StoreError> {
    let mut set = FileSet { look, presumes, ..source::find(request.settings) };
    let (files, octets) = (set.files.len() as u64, set.files.iter().map(|file| file.stamp.size).sum());
    let kept_memory = match request.previous {
        None => request.store.known_memory(request.job)?,
        Some(_) => None,
    };
    let remembered = request.previous.map(|before| &before.memory).or(kept_memory.as_ref().filter(|_| begun_anew));
    let read_memory = |memory: &String| serde_json::from_str::<SetMemory>(memory).ok();
    let mut memory: Option<SetMemory> = remembered.and_then(read_memory).or_else(|| {
        // The watermark was dropped: what changes said is known still, and those that a snapshot was later than are past.
        let kept = kept_memory.as_ref().and_then(read_memory)?;
        let counts = kept.changed || !kept.settled.is_empty();
        counts.then(|| SetMemory { anchors: BTreeMap::new(), ..kept.for_changes() })
    });
    let settings = request.settings.digest();
    // Read otherwise, the same octets say something else.
    let is_read_anew = memory.as_ref().and_then(|memory| memory.settings).is_some_and(|before| before != settings);
    // of another size it is another export, which is read whatever else it is
    let may_be_same =
        |before: &&Watermark| !request.all && !is_read_anew && before.octets.is_none_or(|before| before == octets);
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
        return Ok(Attempt::Done(Box::new(Imported {
            staging,
            learned: None,
            identity: before.identity.clone(),
            octets,
            snapshot: None,
            memory: before.memory.clone(),
            counts: SourceCounts { files, records: before.users + before.groups, refused: 0 },
            users: before.users,
            groups: before.groups,
            recognised: before.users + before.groups,
            renames: Vec::new(),
            assigned: Assigned::default(),
            stage_absences: false,
            warnings: Vec::new(),
            judged: Vec::new(),
        })));
    }
    let keeps = request.settings.mode != Mode::Snapshot;
    // What was not kept when the last snapshot was read is read again, as if for the first time.
    let lacks =
        keeps && memory.as_ref().is_some_and(|memory| memory.takes_changes) && !request.store.knows_any(request.job)?;
    let stored = request.store.snapshot(request.job)?.and_then(Snapshot::decode);
    let all = request.all || is_read_anew || lacks || is_later || stored.is_none();
    let has_snapshot = |memory: &SetMemory| set.files.iter().any(|file| memory.names.contains(&file.name));
    let was_changed = keeps && !lacks && !is_later && memory.as_ref().is_some_and(|memory| memory.changed);
    let superseded = match &stored {
        Some(stored) if was_changed => Superseded::of(stored, is_read_anew),
        Some(_) | None => Superseded::default(),
    };
    let is_anew = all && (is_read_anew || superseded.is_empty());
    if let Some(memory) = memory.as_mut().filter(|memory| is_anew && !is_later && has_snapshot(memory)) {
        // The snapshot is read anew, so its changes are applied anew.
        memory.applied.clone_from(&memory.settled);
    }
    let wanted = request.settings.wanted.as_ref().zip(memory.as_ref().and_then(|memory| memory.wanted.as_ref()));
    let newly_wanted = wanted.map(|(now, before)| now.difference(before).cloned().collect()).unwrap_or_default();
    let known = Known::new(request.store, request.job, &staging).lacking(newly_wanted);
    let spellings = Spellings::new(request.store, request.job)?;
    let old = stored.filter(|_| !all).unwrap_or_default();
    let due: Keys = request.due.iter().map(|(kind, anchor)| ObjectKey::of(*kind, anchor.as_str()).0).collect();
    let mut refused_records = request
        .keep_refused_at
        .filter(|_| request.settings.keep_refused)
        .map(|now| RefusedRecords::new(request.store.path(), now));
    let mut kept_refused = Ok(());
    let mut sorted = Sorted::default();
    let mut heard = Heard::default();
    let mut builder = SnapshotBuilder::default();
    let mut filling = staging.fill()?;
    let last = Last {
        old: &old,
        met: Met::none_of(old.len()),
        due: &due,
        all: request.assigned_only,
        same: keeps.then(Mutex::default),
    };
    let mut recognising = Recognising {
        follow: Following::new(&last),
        recall: Recalling { last: &last, known: keeps.then_some(&known) },
    };
    let mut clashes: Vec<SourceAnchor> = Vec::new();
    // A record is not as it was in the last snapshot.
    let mut differs = false;
    let mut sink = |read: Read<'_>| -> Result<(), StoreError> {
        match read {
            Read::Known { fingerprint, key, living, number, .. } => {
                sorted.recognised += u64::from(key.0 != 0);
                match number {
                    Some(number) => builder.push_old(&old, number),
                    None => builder.push(&old, record_of(fingerprint, key, living)),
                }
            }
            Read::Run { first, count, .. } => {
                sorted.recognised += count as u64;
                builder.push_run(&old, first..first + count);
            }
            Read::Ignored { fingerprint, number, change, lasting, .. } => {
                match number {
                    _ if change => {}
                    Some(number) => builder.push_old(&old, number),
                    None => builder.push(&old, record_of(fingerprint, ObjectKey(0), true)),
                }
                if let Lasting::Entry(entry) = lasting {
                    known.learn_entry(*entry, None)?;
                }
            }
            Read::Gone { dn, moved, .. } => known.forget_entry(&dn, moved)?,
            Read::Object { fingerprint, key, object, change, lasting, renamed_to, .. } => {
                let mut object = Box::new(object.into_object());
                spellings.restore(&mut object)?;
                request.store.choose_again(request.job, &mut object)?;
                let living = object.deletion == Deletion::None;
                let mut key = key;
                if change && !living && object.kind == ObjectKind::User {
                    // What is gone need not say what it was (sources.md 8.3).
                    let group = ObjectKey::of(ObjectKind::Group, object.anchor.as_str());
                    if known.object(key)?.is_none() && known.object(group)?.is_some() {
                        (object.kind, key) = (ObjectKind::Group, group);
                    }
                }
                let record = record_of(fingerprint, key, living);
                if change {
                    sorted.has_changes = true;
                    sorted.note_change(key.0, object.kind, &staging)?;
                    if object.deletion == Deletion::Hard {
                        sorted.touched.remove(&key.0);
                        sorted.purged.insert(key.0);
                    } else {
                        sorted.purged.remove(&key.0);
                        sorted.touched.insert(key.0, (object.kind, record));
                    }
                } else {
                    if is_anew && !known.is_fresh() {
                        known.begin_anew();
                    }
                    sorted.only_changed.remove(&key.0);
                    builder.push(&old, record);
                }
                sorted.read.insert(key.0);
                let lasts = !change && lasting != Lasting::Nothing;
                let is_superseded = lasts && superseded.holds(&record);
                differs |= lasts && if was_changed { !is_superseded } else { !last.is_same(key.0, record.hash) };
                if is_superseded
                    && is_anew
                    && let Some(last) = known.of_state(key)?
                {
                    superseded.renew(&mut object, last);
                }
                // Where its entry lies by now the state knows.
                let lasting = if is_superseded && is_anew { Lasting::Object } else { lasting };
                if lasts && (last.is_same(key.0, record.hash) || all && is_superseded && !is_anew) {
                    // The record is the old one; changes may have come since.
                    if let Some(last) = known.object(key)? {
                        *object = SourceObject { origin: object.origin, ..last };
                    }
                } else if lasting == Lasting::Nothing {
                    sorted.partial |= object.partial;
                } else if !known.complete(&mut object, key, lasting)? {
                    sorted.without_base.push(object.anchor.0);
                    return Ok(());
                }
                if request.assigned_only {
                    heard.hear(&object);
                }
                if let Some(to) = renamed_to.filter(|_| living)
                    && let Some(rename) = follow(request, &mut object, to)?
                {
                    sorted.read.insert(ObjectKey::of(object.kind, object.anchor.as_str()).0);
                    sorted.renames.extend(rename);
                }
                let (anchor, kind) = (object.anchor.clone(), object.kind);
                let staged = Staged { anchor: anchor.clone(), kind, object: Some(Arc::from(object)) };
                if !filling.put(staged)? && clashes.len() < MOST_CLASHES {
                    clashes.push(anchor);
                }
            }
            // The living record of the same object is handed over beside it.
            Read::Withdrawn { hash, .. } => builder.withdraw(hash),
            Read::Refused { file, line, code, key, message, text } => {
                if let Some(records) = refused_records.as_mut().filter(|_| kept_refused.is_ok()) {
                    // A full disk must not end the cycle: these texts only help to look for the cause.
                    let name = set.files.get(file).map_or("", |file| &file.name);
                    kept_refused = records.keep((file, name), line, code, &message, text.as_deref());
                }
                if let Some(key) = key {
                    sorted.read.insert(key.0);
                    sorted.refused.insert(key.0);
                }
            }
            Read::Change { .. } => sorted.partial = true,
        }
        sorted.read.put_away(&staging)?;
        put_away(&mut builder, &staging)
    };
    let mut report = source::read(request.settings, &set, memory.as_ref(), &mut recognising, &mut sink)?;
    recognising.follow.finish();
    if report.misread {
        return Ok(Attempt::Misread);
    }
    if report.presumed_wrongly {
        return Ok(Attempt::PresumedWrongly);
    }
    let identity = early.or_else(|| report.identity.as_ref().map(Identity::digest));
    known.check()?;
    let read = std::mem::take(&mut sorted.read).sorted(&staging)?;
    let of_changes = report.mode == SetMode::Changes;
    if of_changes && keeps && kept_memory.is_some() && !begun_anew {
        return Ok(Attempt::OnlyChanges);
    }
    let has_absentees = || match all {
        true => superseded.keys().any(|key| !read.holds(key)),
        false => {
            let absent = absent_keys(&old, &last.met, read.iter());
            absent.into_iter().any(|key| !was_changed || superseded.knows(key))
        }
    };
    // Changes that come with another snapshot apply to that one alone.
    let is_another = was_changed || keeps && !all && sorted.has_changes;
    if is_another && !of_changes && (differs || has_absentees()) {
        return Ok(Attempt::Later);
    }
    // Who was learned of by a change alone is no absentee of the snapshot that it followed.
    let mut untouched = HashSet::new();
    if of_changes || was_changed {
        known.keep_entries()?;
        let is_looked_for = |key: u64| !read.holds(key) && (of_changes || !superseded.knows(key));
        add_untouched(request, (all, of_changes), &known, &is_looked_for, &mut heard, &mut |key, staged| {
            untouched.insert(key);
            filling.put(staged).map(drop)
        })?;
    }
    filling.finish()?;
    let counts = SourceCounts {
        files: report.files.len() as u64,
        records: report.files.iter().map(|file| file.records).sum(),
        refused: report.counts.refused,
    };
    let mut warnings = warnings(&report);
    let kept_refused = kept_refused.and_then(|()| refused_records.map_or(Ok(()), RefusedRecords::finish));
    if let Err(error) = kept_refused {
        warnings.push(format!("the refused records could not be kept beside the state: {error}"));
    }
    let accepted = request.accepted.is_some() && request.accepted == identity.as_deref();
    // An empty export is refused always: nobody can accept it (sources.md 16.3).
    let is_empty = report.problems.iter().any(|problem| problem.code == "set.empty");
    let mut judged: Vec<Problem> =
        report.problems.iter().filter(|problem| problem.code.starts_with("set.")).cloned().collect();
    let refuse = |error: RunError, warnings: Vec<String>, judged: Vec<Problem>| Refused {
        error,
        identity: identity.clone().filter(|_| !is_empty),
        counts: counts.clone(),
        warnings,
        judged,
    };
    if report.changed_while_read {
        return Ok(Attempt::Changed(refuse(refusal_of(&report), warnings, judged)));
    }
    if report.refused && !accepted {
        return Ok(Attempt::Refused(refuse(refusal_of(&report), warnings, judged)));
    }
    // of what cannot be read the report says so
    let Some(identity) = &identity else {
        return Ok(Attempt::Refused(refuse(refusal_of(&report), warnings, judged)));
    };
    sorted.partial |= lacks && of_changes;
    if let Some(error) = without_base(request, &sorted, counts.records, &mut warnings) {
        return Ok(Attempt::Refused(refuse(error, warnings, judged)));
    }
    let assigned = match (request.assigned_only, heard.judge(&report)) {
        (false, _) => Assigned::default(),
        (true, Some(assigned)) => assigned,
        (true, None) => {
            return Ok(Attempt::Refused(refuse(refusal(UNSAID.0, UNSAID.1), warnings, judged)));
        }
    };
    let thinned = source::judge_assignments(request.settings, &report, memory.as_ref(), accepted);
    if let Some(problem) = thinned.filter(|_| request.assigned_only) {
        let is_empty = problem.code == "set.empty";
        warnings.push(said(&problem));
        judged.push(problem.clone());
        let refused = refuse(refusal(said(&problem), problem.help), warnings, judged);
        return Ok(Attempt::Refused(Refused { identity: refused.identity.filter(|_| !is_empty), ..refused }));
    }
    let only_changed = if of_changes { 0 } else { sorted.only_changed.len() as u64 };
    let present = read.count() + sorted.recognised - only_changed;
    let absent = if of_changes {
        Vec::new()
    } else {
        absent(request, all, (&old, &last.met), &read, &|key| read.holds(key) || untouched.contains(&key))?
    };
    let newly_absent = absent.iter().filter(|one| one.newly).count() as u64;
    let unread_before = memory.as_ref().map_or(0, |memory| memory.unread);
    let previous = request.previous.map(|before| before.users + before.groups);
    let examples: Vec<String> =
        absent.iter().filter(|one| one.newly).take(20).map(|one| one.anchor.to_string()).collect();
    let before = previous.map_or(0, |previous| previous + unread_before);
    let census = Census { previous: before, now: present, absent: newly_absent };
    let judgement = source::judge_absences(request.settings, &report, census, &examples, accepted);
    warnings.extend(clashes.iter().map(|anchor| {
        format!(
            "anchor.two_kinds: `{anchor}` is the id of a user and of a group; only the one that was read first is \
             provisioned: give them different ids, or leave one of them out of the export"
        )
    }));
    warnings.extend(judgement.problems.iter().map(said));
    judged.extend(judgement.problems.iter().cloned());
    let (absences_count, stage_absences) = match judgement.absences {
        Absences::Refused => {
            let error = match judgement.problems.first() {
                Some(problem) => refusal(said(problem), problem.help.clone()),
                None => refusal_of(&report),
            };
            return Ok(Attempt::Refused(refuse(error, warnings, judged)));
        }
        Absences::Suspended => {
            // They keep their last state until it can be said of them that they are gone (sources.md 16.3).
            let suspended = absent.iter().filter(|one| one.newly);
            sorted.refused.extend(suspended.map(|one| ObjectKey::of(one.kind, one.anchor.as_str()).0));
            (false, false)
        }
        Absences::None => (false, false),
        Absences::Staged => (true, true),
        Absences::Deleted => (true, false),
    };
    if absences_count {
        let mut filling = staging.fill()?;
        let newly = absent.iter().filter(|one| one.newly && keeps);
        known.forget_entries_of(&newly.map(|one| one.anchor.as_str()).collect())?;
        for one in absent {
            // What is learned anew would leave out whoever was gone before.
            if keeps && (one.newly || known.is_fresh()) {
                known.note_absent(ObjectKey::of(one.kind, one.anchor.as_str()))?;
            }
            filling.put(Staged { anchor: one.anchor, kind: one.kind, object: None })?;
        }
        filling.finish()?;
    }
    let (snapshot, users, groups) = if of_changes {
        changed_snapshot(request, &sorted, &staging)?
    } else {
        let (users, groups) = totals(request, &report, &sorted, previous);
        for key in &sorted.refused {
            builder.push(&old, Record::unread(*key));
            put_away(&mut builder, &staging)?;
        }
        report.memory.unread = sorted.refused.len() as u64;
        let built = builder.finish(&old, |number| staging.spooled(Spool::Snapshot, number))?;
        report.memory.order = built.as_ref().and_then(|built| built.order);
        (built.filter(|built| is_to_be_stored(built, memory.as_ref())).map(|built| built.pieces), users, groups)
    };
    // Each object counts once: who was read, or is looked at all the same, has a turn of their own (contract.md 5).
    let recognised = match of_changes {
        true => (users + groups).saturating_sub((sorted.touched.len() + untouched.len()) as u64),
        false => sorted.recognised.saturating_sub(met_and_changed(&old, &last.met, &sorted.only_changed)),
    };
    report.memory.settings = Some(settings);
    report.memory.changed = was_changed || sorted.has_changes;
    if let Some(memory) = &memory {
        report.memory.settled.clone_from(if is_later { &memory.applied } else { &memory.settled });
    }
    report.memory.wanted = request.settings.wanted.clone().filter(|_| keeps);
    let whole = known.is_fresh();
    let memory_text = serde_json::to_string(&report.memory)?;
    Ok(Attempt::Done(Box::new(Imported {
        learned: (keeps && report.memory.takes_changes).then(|| Learned {
            staging: Arc::clone(&staging),
            whole,
            memory: memory_text.clone(),
        }),
        snapshot: snapshot.map(|pieces| pieces.into_iter().map(|piece| to_store(piece, &staging)).collect()),
        staging,
        memory: memory_text,
        counts,
        users,
        groups,
        recognised,
        renames: sorted.renames,
        assigned,
        stage_absences,
        warnings,
        judged,
        identity: identity.clone(),
        octets,
    })))
}

/// Keeps no more of a snapshot in memory than is little.
fn put_away(builder: &mut SnapshotBuilder, staging: &Staging) -> Result<(), StoreError> {
    match builder.overflow() {
        Some((number, octets)) => staging.spool(Spool::Snapshot, number, &octets),
        None => Ok(()),
    }
}

/// How many objects of the snapshot were recognised of which changes beside it speak.
fn met_and_changed(old: &Snapshot, met: &Met, changed: &Keys) -> u64 {
    let mut count = 0;
    if !changed.is_empty() {
        met.each_met(old, |_, record| count += u64::from(changed.contains(&record.key)));
    }
    count
}

/// An exporter may give the same records in another order each time: that is worth to be written only where it comes again.
fn is_to_be_stored(built: &Built, memory: Option<&SetMemory>) -> bool {
    built.order.is_none() || built.order == memory.and_then(|memory| memory.order)
}

fn to_store(piece: Piece, staging: &Arc<Staging>) -> SnapshotPiece {
    match piece {
        Piece::Same(from, bytes) => SnapshotPiece::Same(from, bytes),
        Piece::New(bytes) => SnapshotPiece::New(bytes),
        Piece::Given(number, octets) => SnapshotPiece::Spooled(Arc::clone(staging), number, octets),
        Piece::Moved(moved) => SnapshotPiece::Made(moved.len(), Box::new(move || moved.octets())),
    }
}

pub(super) fn record_of(fingerprint: Fingerprint, key: ObjectKey, living: bool) -> Record {
    Record { hash: fingerprint.hash, length: fingerprint.extent.bits(), key: key.0, living }
}

/// One object that the state knows and the export lacks.
struct Absent {
    anchor: SourceAnchor,
    kind: ObjectKind,
    /// It was there last time.
    newly: bool,
}

/// Whom a folder of nothing but changes leaves out, or a snapshot that changes followed: nobody of them is absent, and who is
/// wanted all the same is as last known.
fn add_untouched(
    request: &Request<'_>,
    (all, of_changes): (bool, bool),
    known: &Known<'_>,
    is_looked_for: &dyn Fn(u64) -> bool,
    heard: &mut Heard,
    put: &mut dyn FnMut(u64, Staged) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let as_known = |object: SourceObject| -> Result<Option<Staged>, StoreError> {
        let row = request.store.object(request.job, &object.anchor)?;
        let was_absent = object.origin.file.is_empty();
        // Whether absences count in a snapshot is not judged yet.
        if was_absent && !of_changes {
            return Ok(None);
        }
        // Of who is gone for good, and of whose account there is nothing left, nothing is wanted any more.
        if object.deletion == Deletion::Hard && row.is_none() {
            return Ok(None);
        }
        let left = was_absent || of_changes && row.is_some_and(|row| row.left_at.is_some());
        let (anchor, kind) = (object.anchor.clone(), object.kind);
        Ok(Some(Staged { anchor, kind, object: (!left).then(|| Arc::new(object)) }))
    };
    if all || request.assigned_only {
        return request.store.each_known(request.job, OBJECT_KEY, &mut |key, data| {
            let key = key.first_chunk().map_or(0, |key| u64::from_le_bytes(*key));
            if !is_looked_for(key) {
                return Ok(());
            }
            let object = known.read(data)?;
            known.keep(key, &object)?;
            let object = SourceObject { partial: false, ..object };
            if request.assigned_only && object.deletion == Deletion::None {
                heard.hear(&object);
            }
            as_known(object)?.map_or(Ok(()), |staged| put(key, staged))
        });
    }
    for (kind, anchor) in request.due {
        let key = ObjectKey::of(*kind, anchor.as_str());
        if !is_looked_for(key.0) {
            continue;
        }
        match known.object(key)? {
            Some(object) => {
                if let Some(staged) = as_known(object)? {
                    put(key.0, staged)?;
                }
            }
            None if !of_changes => {}
            None => {
                let row = request.store.object(request.job, anchor)?;
                if row.is_some_and(|row| row.left_at.is_some()) {
                    put(key.0, Staged { anchor: anchor.clone(), kind: *kind, object: None })?;
                }
            }
        }
    }
    Ok(())
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

/// The last snapshot, but for the objects that changes touched: what it said of them holds no more.
fn changed_snapshot(
    request: &Request<'_>,
    sorted: &Sorted,
    staging: &Staging,
) -> Result<(Option<Vec<Piece>>, u64, u64), StoreError> {
    let (mut users, mut groups) = match request.previous {
        Some(before) => (before.users, before.groups),
        None => request.store.object_counts(request.job)?,
    };
    if sorted.touched.is_empty() && sorted.purged.is_empty() {
        return Ok((None, users, groups));
    }
    let Some(old) = request.store.snapshot(request.job)?.and_then(Snapshot::decode) else {
        // Without one the next complete export is compared with everybody.
        return Ok((None, users, groups));
    };
    let mut builder = SnapshotBuilder::default();
    let mut was = Keys::new();
    for (number, record) in old.iter().enumerate() {
        if sorted.touched.contains_key(&record.key) || sorted.purged.contains(&record.key) {
            was.insert(record.key);
        } else {
            builder.push_old(&old, number);
            put_away(&mut builder, staging)?;
        }
    }
    for (key, (kind, record)) in &sorted.touched {
        builder.push(&old, *record);
        put_away(&mut builder, staging)?;
        let count = if *kind == ObjectKind::Group { &mut groups } else { &mut users };
        *count += u64::from(!was.contains(key));
    }
    let gone = sorted.purged.iter().filter(|key| was.contains(*key)).count() as u64;
    users = users.saturating_sub(gone);
    let built = builder.finish(&old, |number| staging.spooled(Spool::Snapshot, number))?;
    Ok((built.map(|built| built.pieces), users, groups))
}

/// Puts an object under the new anchor that its record gives it (sources.md 13), unless somebody else is known under that.
///
/// Returns the rename that the state has yet to follow, if it has.
fn follow(
    request: &Request<'_>,
    object: &mut SourceObject,
    to: String,
) -> Result<Option<Option<(SourceAnchor, SourceAnchor)>>, StoreError> {
    let (from, to) = (object.anchor.clone(), SourceAnchor(to));
    let is_known = |anchor| Ok::<_, StoreError>(request.store.object(request.job, anchor)?.is_some());
    let (old, new) = (is_known(&from)?, is_known(&to)?);
    if old && new {
        return Ok(None);
    }
    let login = object.attributes.get_mut("userPrincipalName");
    if let Some(SourceValue::Text(login)) = login.filter(|login| **login == SourceValue::Text(from.0.clone())) {
        login.clone_from(&to.0);
    }
    object.anchor = to.clone();
    Ok(Some(old.then_some((from, to))))
}

fn absent(
    request: &Request<'_>,
    all: bool,
    (old, met): (&Snapshot, &Met),
    read: &SortedKeys,
    is_there: &(dyn Fn(u64) -> bool + Sync),
) -> Result<Vec<Absent>, StoreError> {
    // Where the old export is not known record by record, everybody the state knows has to be looked for.
    let candidates = (!all).then(|| absent_keys(old, met, read.iter()));
    let is_gone = |kind, anchor: &str| {
        let key = ObjectKey::of(kind, anchor).0;
        candidates.as_ref().map_or(!is_there(key), |candidates| candidates.contains(&key))
    };
    let found = match &candidates {
        Some(candidates) => request.store.objects_with_keys(request.job, candidates)?,
        None => request.store.objects_where(request.job, &is_gone)?,
    };
    let mut absent: Vec<Absent> =
        found.into_iter().map(|(kind, anchor, left)| Absent { anchor, kind, newly: !left }).collect();
    let is_missing = |(kind, anchor): &&(ObjectKind, SourceAnchor)| {
        !is_there(ObjectKey::of(*kind, anchor.as_str()).0) && !is_gone(*kind, anchor.as_str())
    };
    for (kind, anchor) in request.due.iter().filter(is_missing) {
        if request.store.object(request.job, anchor)?.is_some() {
            absent.push(Absent { anchor: anchor.clone(), kind: *kind, newly: false });
        }
    }
    Ok(absent)
}

fn totals(request: &Request<'_>, report: &SetReport, sorted: &Sorted, previous: Option<u64>) -> (u64, u64) {
    // What change files say beside a snapshot is no part of its size.
    let users = report.counts.users.saturating_sub(sorted.changes.0);
    let groups = report.counts.groups.saturating_sub(sorted.changes.1);
    if sorted.recognised == 0 {
        return (users, groups);
    }
    // Recognised records are not decoded, so their kind is known only from last time.
    let known_groups = request.previous.map_or(0, |before| before.groups).saturating_sub(groups);
    let recognised_groups = known_groups.min(sorted.recognised).min(previous.unwrap_or(0));
    (users + sorted.recognised - recognised_groups, groups + recognised_groups)
}

fn warnings(report: &SetReport) -> Vec<String> {
    report.problems.iter().filter(|problem| problem.level != source::Level::Info).map(said).collect()
}

/// The first reason why a set was refused, as the error of the run.
fn refusal_of(report: &SetReport) -> RunError {
    let fatal = |problem: &&source::Problem| matches!(problem.level, source::Level::File | source::Level::Set);
    match report.problems.iter().find(fatal) {
        Some(problem) => refusal(said(problem), problem.help.clone()),
        None => refusal("the export is incomplete", "run `provisiond source` to see why"),
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
