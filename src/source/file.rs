//! Reads the records of one file.

mod changing;
mod settling;

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use regex::bytes::Regex;
use xxhash_rust::xxh3::xxh3_64;

use super::base::{BaseKey, Lasting};
use super::batch::{Batch, Run, Step};
use super::blank::blanked;
use super::changes::{Change, Entry};
use super::complete;
use super::crew::{self, Entries, Lead, Task};
use super::cut::Cut;
use super::draft::{Draft, Handed};
use super::encoding::{self, Reason};
use super::find::Stamp;
use super::frame::{Decoder, Fault, FileFacts, FileFault, RecordFault};
use super::hash::Hasher;
use super::map::{FileContext, Mapped, Mapper, Remark, URL_REFUSED};
use super::open::{Opened, changed, unreadable};
use super::pack::{Beside, Unpacked};
use super::preset::{Canon, FormatName, Preset, Slot};
use super::raw::{LdifChange, RawBody, RawRecord};
use super::read::{Given, ObjectKey, Plan, Read, Reading, file_problem, format_name, is_unchanged};
use super::recognise::{Fingerprint, Knowing, Recall, Recognised};
use super::references::Resolved;
use super::report::{FileReport, Level, Problem, RefusedRecord, Warning};
use super::seen::{First, Standing};
use super::settings::Role;
use super::value::Locale;
use crate::model::{Deletion, ObjectKind};
use settling::Unsettled;

/// How many refused records are listed for a file.
const LISTED: usize = 100_000;

/// The reading of one file of a set.
pub struct FileReading<'r, 'a> {
    reading: &'r mut Reading<'a>,
    index: usize,
    opened: &'r Opened,
    mapper: Mapper,
    report: FileReport,
    seed: u64,
    remarks: Vec<Remark>,
    said: Vec<(&'static str, Option<String>)>,
    kinds: Kinds,
    /// It was said that characters were lost, or the encoding holds all.
    said_lossy: bool,
    /// All files of the set.
    plans: &'r [Plan],
    unsettled: Vec<Unsettled>,
    /// Of records on lines before, the first of an object is known by its bytes alone: what it says is found out if it has to be.
    prints_from: u64,
    /// How many records were noted to have a name, by its slot.
    noted: Vec<u8>,
    chosen: Chosen,
    /// To write in.
    room: String,
}

/// Why a record is refused, and whose it is.
struct Refusal {
    fault: RecordFault,
    key: Option<ObjectKey>,
    first_line: Option<u64>,
}

type Done = Result<(), Refusal>;

/// Whose record it is that was mapped.
struct Place {
    anchor: Canon,
    key: ObjectKey,
    /// If there are references.
    resolved: Option<Box<Resolved>>,
    /// Of the record and what its references lead to.
    hash: u128,
    again: Again,
}

/// Whether a record that was mapped is known, where that is not found out before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    New,
    Known(Recognised),
    /// Nobody asks for it.
    PassedOver,
}

/// How many records of each kind an LDIF file holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kinds {
    pub content: u64,
    pub added: u64,
    pub other: u64,
}

impl<'r, 'a> FileReading<'r, 'a> {
    pub fn new(
        reading: &'r mut Reading<'a>,
        plans: &'r [Plan],
        index: usize,
        opened: &'r Opened,
        is_delta: bool,
    ) -> Self {
        let found = &reading.set.files[index];
        let preset = &opened.preset;
        let report = FileReport {
            preset: Some(preset.name.clone()),
            format: Some(format_name(preset.format)),
            encoding: Some(encoding::name(opened.choice.encoding)),
            reasons: opened.reasons.clone(),
            delimiter: opened.delimiter,
            columns: (preset.format == FormatName::Csv)
                .then(|| opened.columns.iter().map(ToString::to_string).collect()),
            changes: is_delta,
            ..FileReport::of(&found.name)
        };
        let mapper = mapper_of(reading.given(), index, opened, is_delta, Arc::clone(preset));
        let encoding = opened.choice.encoding;
        let seed = seed_of(opened, found.role, is_delta, &found.name);
        Self {
            reading,
            index,
            opened,
            mapper,
            report,
            seed,
            remarks: Vec::new(),
            said: Vec::new(),
            kinds: Kinds::default(),
            said_lossy: [encoding_rs::UTF_8, encoding_rs::UTF_16LE, encoding_rs::UTF_16BE].contains(&encoding),
            plans,
            unsettled: Vec::new(),
            prints_from: 0,
            noted: vec![0; preset.names.len()],
            chosen: Chosen::default(),
            room: String::new(),
        }
    }

    /// Reads all records; what refuses the file is in the report.
    pub fn run<E>(
        &mut self,
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<FileReport, E> {
        let found = &self.reading.set.files[self.index];
        if let Err(fault) = self.records(known, sink)? {
            self.reading.misread |= self.opened.choice.reason == Reason::Provisional;
            self.reading.problems.add(file_problem(found, &fault));
            self.report.error = Some((fault.code, fault.line));
            self.report.document = None;
            self.report.complete = super::report::Completeness::Incomplete;
        }
        Ok(self.report.clone())
    }

    fn records<E>(
        &mut self,
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<Result<(), FileFault>, E> {
        let found = &self.reading.set.files[self.index];
        let file = match found.open() {
            Ok(file) => file,
            Err(error) => return Ok(Err(unreadable(&error))),
        };
        let before: Stamp = self.opened.stamp;
        if !is_unchanged(found, &file, before) {
            return Ok(Err(changed()));
        }
        self.warn_of_opening();
        // what objects of the last file say is asked by records of its own only
        let is_last =
            self.plans.iter().all(|plan| plan.index <= self.index || plan.is_delta || plan.opened().is_none());
        // of JSON many may be on one line
        let has_lines = self.opened.preset.format != FormatName::Json;
        self.prints_from = if is_last && has_lines { u64::MAX } else { 0 };
        let task = self.task(known);
        let crew = self.reading.crew;
        let read = if crew.workers > 0 && before.size >= crew.least {
            let decoder = task.decoder();
            let mut spare = std::mem::take(&mut self.reading.spare);
            let (follow, known) = known.lend(!self.decodes_all());
            let any = known.any;
            let mut merging = Merging { file: self, known, sink, decoder, entries: task.entries };
            let read = crew::read(task, (&file, before.size), crew, (follow, any), &mut spare, &mut merging);
            self.reading.spare = spare;
            match read {
                Ok((read, pieces)) => {
                    self.reading.identities[self.index] = pieces.map(|pieces| pieces.identity(&found.name));
                    read
                }
                Err(Stop::File(fault)) => Err(fault),
                Err(Stop::Sink(error)) => return Err(error),
            }
        } else {
            self.alone(task, &file, known, sink)?
        };
        self.settle(known, sink)?;
        let is_unchanged = is_unchanged(found, &file, before);
        let facts = match read {
            Ok(facts) if is_unchanged => facts,
            Err(fault) if is_unchanged => return Ok(Err(fault)),
            Ok(_) | Err(_) => return Ok(Err(changed())),
        };
        complete::conclude(&mut self.report, &facts, self.opened, self.kinds, &mut self.remarks);
        self.flush_remarks();
        if self.opened.heading.is_some() && self.opened.preset.format == FormatName::Csv {
            self.unknown_columns();
        }
        self.remember();
        Ok(Ok(()))
    }

    fn task(&self, known: &mut Knowing<'_>) -> Task<'r>
    where
        'a: 'r,
    {
        // most are known, or nobody asks for them
        let few_are_new = known.recall.count() > 0 || known.recall.wanted().is_some();
        let is_ldif = self.opened.preset.format == FormatName::Ldif;
        Task {
            given: self.reading.given(),
            index: self.index,
            opened: self.opened,
            preset: &self.opened.preset,
            is_delta: self.report.changes,
            takes_hashes: true,
            entries: match known.recall.base().filter(|_| is_ldif) {
                None => Entries::None,
                Some(_) if self.decodes_all() && few_are_new => Entries::OfIgnored,
                Some(_) => Entries::All,
            },
            takes_prints: self.prints_from == 0,
            seed: self.seed,
        }
    }

    /// Reads all records in this thread.
    fn alone<E>(
        &mut self,
        task: Task<'_>,
        file: &File,
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<Result<FileFacts, FileFault>, E> {
        let (follow, mut known) = known.lend(!self.decodes_all());
        let (mut cutter, mut decoder, hasher) = (task.cutter(file, follow), task.decoder(), Hasher::new(task.seed));
        loop {
            let cut = match cutter.next() {
                Err(fault) => return Ok(Err(fault)),
                Ok(None) => return Ok(Ok(cutter.finish())),
                Ok(Some(cut)) => cut,
            };
            self.report.records += 1;
            let (line, bytes) = match cut {
                Cut::Record { line, bytes } => (line, bytes),
                Cut::Known { line, hash, recognised } => {
                    let done = self.recognised(line, hash, recognised, &*known.recall, sink)?;
                    self.take(done, &[], sink)?;
                    continue;
                }
                Cut::Ahead { line, ahead } => {
                    let hash = ahead.fingerprint.hash;
                    let done = self.recognised(line, hash, ahead.recognised, &*known.recall, sink)?;
                    self.take(done, &[], sink)?;
                    continue;
                }
                Cut::Refused { fault, bytes } => {
                    self.refuse(Refusal { fault, key: None, first_line: None }, bytes, sink)?;
                    continue;
                }
            };
            if !self.decodes_all() && known.recall.wanted().is_some_and(|wanted| !wanted.is_match(bytes)) {
                self.pass_over();
                continue;
            }
            match self.unknown(&mut decoder, line, hasher.hash(bytes), bytes, &mut known, sink)? {
                Ok(done) => self.take(done, bytes, sink)?,
                Err(fault) => return Ok(Err(fault)),
            }
        }
    }

    fn take<E>(&mut self, done: Done, bytes: &[u8], sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>) -> Result<(), E> {
        match done {
            Ok(()) => Ok(()),
            Err(refusal) => self.refuse(refusal, bytes, sink),
        }
    }

    /// A record that nobody asks for: it is somebody's, more is not known.
    fn pass_over(&mut self) {
        self.reading.counts.known += 1;
        self.reading.passed_over = true;
    }

    /// Says whether records are decoded even if they are known: what they refer to may have changed.
    fn decodes_all(&self) -> bool {
        self.reading.references.is_some()
    }

    /// A record that is not known.
    fn unknown<E>(
        &mut self,
        decoder: &mut Decoder,
        line: u64,
        hash: u128,
        bytes: &[u8],
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<Result<Done, FileFault>, E> {
        match decoder.decode(bytes, line) {
            Ok(record) => self.record(record, hash, bytes, known, sink).map(Ok),
            Err(Fault::Record(fault)) => Ok(Ok(Err(Refusal { fault, key: None, first_line: None }))),
            Err(Fault::File(fault)) => Ok(Err(fault)),
        }
    }

    fn warn_of_opening(&mut self) {
        if self.opened.choice.reason == Reason::Guessed {
            let message = format!("the encoding was guessed: `{}`", encoding::name(self.opened.choice.encoding));
            self.warn(Level::Warning, None, "encoding.guessed", None, message);
        }
    }

    /// A record that was read last time.
    fn recognised<E>(
        &mut self,
        line: u64,
        hash: u128,
        recognised: Recognised,
        recall: &dyn Recall,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<Done, E> {
        let Recognised { number, key, living } = recognised;
        let (file, fingerprint) = (self.index, Fingerprint::again(hash));
        self.reading.counts.known += 1;
        if !self.reading.presumes {
            self.reading.meet_again(hash);
        }
        if !self.reading.awaited.is_empty() {
            self.reading.awaited.meet(key);
        }
        if key.0 == 0 {
            let (change, lasting) = (self.is_change(), Lasting::Nothing);
            return sink(Read::Ignored { file, fingerprint, number: Some(number), change, lasting }).map(Ok);
        }
        let known = Read::Known { file, fingerprint, key, living, number: Some(number) };
        if self.is_change() {
            return sink(known).map(Ok);
        }
        if living && self.reading.presumes {
            self.reading.presumed += 1;
            return sink(known).map(Ok);
        }
        let standing = self.reading.seen.recognise(number, key, self.first(living, line, 0), hash, recall);
        self.reading.repeats |= !matches!(standing, Standing::New);
        match standing {
            Standing::New | Standing::Repeated(_) => sink(known).map(Ok),
            Standing::Shadowed => {
                self.warn_conflict(line);
                Ok(Ok(()))
            }
            Standing::Replaces(first) => {
                self.warn_conflict(line);
                self.withdraw(key, first, sink)?;
                sink(known).map(Ok)
            }
            Standing::Contested(first) => {
                Ok(self.contested(Unsettled { line, fingerprint, number: Some(number), key, living, first }, true))
            }
        }
    }

    /// Records that come as they did last time.
    fn run_of<E>(
        &mut self,
        run: Run,
        begin: u64,
        known: &Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        if self.is_presumed() {
            let Run { first, count, .. } = run;
            self.report.records += count as u64;
            self.reading.counts.known += count as u64;
            self.reading.presumed += count as u64;
            return sink(Read::Run { file: self.index, first, count }).map_err(Stop::Sink);
        }
        for at in 0..run.count {
            let line = begin + at as u64 * run.lines;
            let Some(record) = known.recall.record(run.first + at) else { return Err(Stop::File(crew::broken())) };
            self.report.records += 1;
            let hash = record.fingerprint.hash;
            let done = self.recognised(line, hash, record.recognised, &*known.recall, sink).map_err(Stop::Sink)?;
            self.take(done, &[], sink).map_err(Stop::Sink)?;
        }
        Ok(())
    }

    fn record<E>(
        &mut self,
        mut record: RawRecord<'_>,
        hash: u128,
        bytes: &[u8],
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<Done, E> {
        let line = record.line;
        let mut added = false;
        match std::mem::replace(&mut record.body, RawBody::Content) {
            RawBody::Content => self.kinds.content += 1,
            RawBody::Change(LdifChange::Add) => {
                self.kinds.added += 1;
                added = !self.opened.preset.ldif.all_add_is_content;
            }
            RawBody::Change(change) => {
                self.kinds.other += 1;
                self.reading.counts.changes += 1;
                let mut change = Change::new(line, &record, change);
                if let Err(fault) = self.refuse_urls(&mut change) {
                    return Ok(Err(Refusal { fault, key: None, first_line: None }));
                }
                return match known.recall.base() {
                    Some(_) => self.change(change, hash, bytes, known, sink),
                    None => sink(Read::Change { file: self.index, hash, change: Box::new(change) }).map(Ok),
                };
            }
        }
        let mut entry = None;
        if let Some(base) = known.recall.base()
            && self.opened.preset.format == FormatName::Ldif
        {
            entry = Entry::of(&record, &self.opened.preset).map(Box::new);
            let key = entry.as_ref().and_then(|entry| BaseKey::of_dn(&entry.dn));
            if let (true, Some(key), Some(entry)) = (added, key, &entry)
                && base.entry(key).is_some()
            {
                let message = format!("the entry `{}` is there already", shorten(&entry.dn));
                let fault = RecordFault::new(line, "record.exists", message);
                return Ok(Err(Refusal { fault, key: None, first_line: None }));
            }
        }
        let lasting = self.lasting(entry, known);
        self.mapped(record, lasting, hash, bytes, known, sink)
    }

    /// As in an entry (sources.md 9.2): a URL is never opened, and a part that no one uses is passed over.
    fn refuse_urls(&mut self, change: &mut Change) -> Result<(), RecordFault> {
        let mut passed_over = Vec::new();
        if let Some(part) = change.take_urls(&self.opened.preset, |part| passed_over.push(part)) {
            let (line, at, name) = (change.line, part.line, &*part.attribute);
            return Err(RecordFault::new(line, "ldif.url_refused", URL_REFUSED).at(at).of_attribute(name));
        }
        self.remarks.extend(passed_over.into_iter().map(|part| Remark {
            line: change.line,
            code: "ldif.url_refused",
            attribute: Some(part.attribute.to_string()),
            once: false,
        }));
        self.flush_remarks();
        Ok(())
    }

    /// What a later change file needs of a record that is content.
    fn lasting(&self, entry: Option<Box<Entry>>, known: &mut Knowing<'_>) -> Lasting {
        let preset = &self.opened.preset;
        match (entry, known.recall.base()) {
            (Some(entry), Some(_)) => Lasting::Entry(entry),
            (None, Some(_)) if preset.format != FormatName::Ldif && self.reading.settings.takes_changes_of(preset) => {
                Lasting::Object
            }
            _ => Lasting::Nothing,
        }
    }

    fn mapped<E>(
        &mut self,
        mut record: RawRecord<'_>,
        lasting: Lasting,
        hash: u128,
        bytes: &[u8],
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<Done, E> {
        let mapped = self.mapper.map(&mut record, &mut self.remarks);
        self.flush_remarks();
        match mapped {
            Mapped::Ignored => self.ignored(lasting, Fingerprint::of(hash, bytes), sink),
            Mapped::Dropped => Ok(Ok(())),
            Mapped::Refused(fault) => {
                self.note_names(None, hash);
                Ok(Err(Refusal { fault, key: None, first_line: None }))
            }
            Mapped::Object(draft) => {
                let place = self.place(&draft, (hash, bytes), known);
                self.object(*draft, place, None, lasting, (hash, bytes), known, sink)
            }
        }
    }

    fn ignored<E>(
        &mut self,
        lasting: Lasting,
        fingerprint: Fingerprint,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<Done, E> {
        self.reading.counts.ignored += 1;
        let change = self.is_change();
        sink(Read::Ignored { file: self.index, fingerprint, number: None, change, lasting }).map(Ok)
    }

    /// A record that a worker mapped; none: it is new, and must be read whole for changes that may follow.
    fn unpacked<E>(
        &mut self,
        Unpacked { draft, slots, beside }: Unpacked<'_>,
        (hash, bytes): (u128, &[u8]),
        entries: Entries,
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<Option<Done>, E> {
        let mut entry = None;
        let place = self.place(&draft, (hash, bytes), known);
        if let Some(beside) = beside {
            let Beside { mut remarks, entry: own } = *beside;
            self.remarks.append(&mut remarks);
            self.flush_remarks();
            entry = own;
        } else if entries == Entries::OfIgnored && place.as_ref().is_none_or(|place| place.again == Again::New) {
            return Ok(None);
        }
        self.kinds.content += 1;
        let lasting = self.lasting(entry, known);
        self.object(draft, place, Some(slots), lasting, (hash, bytes), known, sink).map(Some)
    }

    /// Finds out whose record it is, and whether it is known; none: it has no anchor.
    fn place(&mut self, draft: &Draft<'_>, (hash, bytes): (u128, &[u8]), known: &mut Knowing<'_>) -> Option<Place> {
        let (anchor, key) = self.key_of(draft)?;
        let resolved = self.resolved(draft, anchor, &self.opened.preset, known);
        let hash = resolved.as_ref().map_or(hash, |resolved| resolved.mix(hash, &mut self.room));
        let again = if !self.decodes_all() {
            Again::New
        } else if known.recall.wanted().is_some_and(|wanted| !wanted.is_match(bytes)) {
            Again::PassedOver
        } else {
            let recognised = known.follow.as_mut().and_then(|follow| follow.find(hash));
            recognised.map_or(Again::New, Again::Known)
        };
        Some(Place { anchor, key, resolved, hash, again })
    }

    /// `slots`: the names that it has and that may still have to be noted; none: those of the record mapped last.
    #[expect(clippy::too_many_arguments)] // of one record
    fn object<E>(
        &mut self,
        draft: Draft<'_>,
        place: Option<Place>,
        slots: Option<&[Slot]>,
        lasting: Lasting,
        (hash, bytes): (u128, &[u8]),
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<Done, E> {
        let line = draft.line;
        let preset: &'r Preset = &self.opened.preset;
        let Some(Place { anchor, key, resolved, hash, again }) = place else {
            self.note_names(slots, hash);
            *self.reading.lacking_anchor.entry(draft.kind).or_default() += 1;
            return Ok(Err(self.no_anchor(&draft)));
        };
        if !self.reading.awaited.is_empty() {
            self.reading.awaited.meet(key);
            let also = match draft.kind {
                ObjectKind::User => Canon::USER_PRINCIPAL_NAME,
                ObjectKind::Group => Canon::DISPLAY_NAME,
            };
            draft.text(also).into_iter().for_each(|name| self.reading.awaited.meet_name(name));
        }
        if slots.is_none_or(|slots| !slots.is_empty()) {
            self.note_names(slots, hash);
        }
        self.reading.newest.meet(&draft, hash);
        resolved.iter().for_each(|resolved| self.warn_references(line, resolved));
        if !self.said_lossy {
            self.warn_lossy(&draft);
        }
        let fingerprint = match draft.extent() {
            Some(extent) => Fingerprint { hash, extent },
            None => Fingerprint::of(hash, bytes),
        };
        match again {
            Again::New => {}
            Again::Known(recognised) => return self.recognised(line, hash, recognised, &*known.recall, sink),
            Again::PassedOver => {
                self.pass_over();
                return Ok(Ok(()));
            }
        }
        let renamed_to = draft.extras().rename_to.clone();
        let self_reference =
            resolved.as_ref().and_then(|resolved| resolved.self_reference.as_ref()?.to_string().into());
        let file = &self.reading.names[self.index];
        let object = Handed { preset, draft, resolved, anchor, file };
        let living = object.deletion() == Deletion::None;
        let (index, prints_from) = (self.index, self.prints_from);
        let is_by_hash = |first: &First| first.file as usize == index && first.line < prints_from;
        let standing = if self.is_change() {
            Standing::New
        } else {
            let print = |is_by_hash: bool| if is_by_hash { print_by_hash(hash) } else { object.print() };
            let this = self.first(living, line, print(line < self.prints_from));
            let print = |first: &First| print(is_by_hash(first));
            match self.reading.seen.meet(key, this, print, hash, &*known.recall) {
                // what the first one says is known only as what it said last time
                Standing::Contested(first) if first.print == 0 && known.recall.knew(hash) == Some(key) => {
                    Standing::Repeated(first)
                }
                standing => standing,
            }
        };
        self.reading.repeats |= !matches!(standing, Standing::New);
        let counts = matches!(standing, Standing::New | Standing::Replaces(_));
        if counts {
            let counted = object.tally();
            self.reading.counts.add(counted);
            if !living {
                self.reading.seen.counted(key, counted);
            }
            if living && object.kind() == ObjectKind::User && !self.is_change() {
                object.with_singles(|hashes| self.reading.seen.note_values(hashes));
            }
        }
        let change = self.is_change();
        let file = self.index;
        match standing {
            Standing::New | Standing::Replaces(_) => {
                if let Standing::Replaces(first) = standing {
                    self.warn_conflict(line);
                    self.withdraw(key, first, sink)?;
                }
                // made where it goes, so that it is not copied
                sink(Read::Object { file, fingerprint, key, object, renamed_to, self_reference, change, lasting })
                    .map(Ok)
            }
            Standing::Repeated(first) => {
                if first.file as usize == self.index {
                    let message = format!("the record is the same as that on line {}", first.line);
                    self.warn(Level::Warning, Some(line), "record.repeated", None, message);
                }
                sink(Read::Known { file, fingerprint, key, living, number: None }).map(Ok)
            }
            Standing::Shadowed => {
                self.warn_conflict(line);
                Ok(Ok(()))
            }
            Standing::Contested(first) => {
                let one = Unsettled { line, fingerprint, number: None, key, living, first };
                if is_by_hash(&first) {
                    self.leave_open(one, known, sink)?;
                    Ok(Ok(()))
                } else {
                    Ok(self.contested(one, first.print == 0))
                }
            }
        }
    }

    /// The anchor of a record, and whose it is.
    fn key_of(&mut self, draft: &Draft<'_>) -> Option<(Canon, ObjectKey)> {
        let Self { reading, opened, .. } = self;
        let anchor = self.chosen.of(&mut reading.anchors, opened, reading.settings, &opened.preset, draft)?;
        match draft.key() {
            Some(key) if key.0 == anchor => Some(key),
            _ => Some((anchor, ObjectKey::of(draft.kind, draft.text(anchor)?))),
        }
    }

    /// Where the references of a record lead.
    fn resolved(
        &mut self,
        draft: &Draft<'_>,
        anchor: Canon,
        preset: &Preset,
        known: &mut Knowing<'_>,
    ) -> Option<Box<Resolved>> {
        let references = self.reading.references.as_ref()?;
        let mut base = |key| known.recall.base()?.anchor(key);
        let anchor = draft.text(anchor).unwrap_or_default();
        Some(Box::new(references.resolve(draft, anchor, preset, &mut base, &mut self.room)))
    }

    /// Says whether nothing has to be looked at of a record that is recognised, of a living object; see [`FileSet::presumes`].
    ///
    /// [`FileSet::presumes`]: super::FileSet::presumes
    fn is_presumed(&self) -> bool {
        self.reading.presumes && !self.is_change() && self.reading.awaited.is_empty()
    }

    /// Says whether the records are changes: then each counts, in order.
    fn is_change(&self) -> bool {
        self.report.changes
            || self.kinds.other > 0
            || (self.kinds.added > 0 && !self.opened.preset.ldif.all_add_is_content)
    }

    fn first(&self, living: bool, line: u64, print: u64) -> First {
        First { file: u32::try_from(self.index).unwrap_or(u32::MAX), living, line, print }
    }

    fn withdraw<E>(
        &mut self,
        key: ObjectKey,
        first: First,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.reading.seen.withdraw(key) {
            Some((hash, counted)) => {
                self.reading.counts.take(counted);
                sink(Read::Withdrawn { file: first.file as usize, hash, key })
            }
            None => Ok(()),
        }
    }

    /// `is_open`: one of the two was recognised and not decoded.
    fn contested(&mut self, one: Unsettled, is_open: bool) -> Done {
        if is_open && self.unsettled.len() < settling::MOST {
            self.unsettled.push(one);
            return Ok(());
        }
        Err(self.contest(one.line, one.key, one.first))
    }

    /// Leaves it to be found out what two records say: at the end, or once there are many of them.
    fn leave_open<E>(
        &mut self,
        one: Unsettled,
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.unsettled.push(one);
        if self.unsettled.len() >= settling::OFTEN {
            self.prints_from = self.prints_from.min(one.line);
        }
        if self.unsettled.len() >= settling::AT_ONCE { self.settle(known, sink) } else { Ok(()) }
    }

    fn contest(&self, line: u64, key: ObjectKey, first: First) -> Refusal {
        let place = match self.reading.set.files.get(first.file as usize) {
            Some(found) if first.file as usize != self.index => format!("line {} of `{}`", first.line, found.name),
            Some(_) | None => format!("line {}", first.line),
        };
        let message = format!("the record on {place} has the same anchor and says something else; that one counts");
        Refusal {
            fault: RecordFault::new(line, "record.duplicate_anchor", message),
            key: Some(key),
            first_line: Some(first.line),
        }
    }

    fn no_anchor(&self, draft: &Draft<'_>) -> Refusal {
        let preset = &self.opened.preset;
        let chosen = self.reading.anchors.get(&draft.kind).map(ToString::to_string);
        let name = chosen.or_else(|| self.reading.settings.anchor.clone()).or_else(|| preset.anchor.first().cloned());
        let name = name.unwrap_or_else(|| "objectId".to_owned());
        let sources: Vec<String> = match self.opened.anchor_sources.iter().find(|one| one.kind == draft.kind) {
            Some(chosen) => vec![format!("`{}`, as the others", chosen.source)],
            None => {
                let from = preset.attribute(&name).into_iter().flat_map(|attribute| &attribute.from);
                from.map(|slot| format!("`{}`", preset.names.name(*slot))).collect()
            }
        };
        let from = if sources.is_empty() { String::new() } else { format!(" (from {})", sources.join(", ")) };
        let message = format!("the record has no readable `{name}`{from}, by which it would be known again tomorrow");
        Refusal { fault: RecordFault::new(draft.line, "record.no_anchor", message), key: None, first_line: None }
    }

    /// Refuses a record; its anchor may be known.
    fn refuse<E>(
        &mut self,
        refusal: Refusal,
        bytes: &[u8],
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Refusal { fault, key, first_line } = refusal;
        self.reading.misread |= self.opened.choice.reason == Reason::Provisional && fault.code == "encoding.invalid";
        self.reading.counts.refused += 1;
        self.report.refused_count += 1;
        if key.is_none() {
            self.reading.refused_without_anchor += 1;
        }
        let mut problem = Problem::new(Level::Record, fault.code, &fault.message)
            .in_file(&self.report.file)
            .on_line(Some(fault.line))
            .of_attribute(fault.attribute.clone());
        problem.at = fault.at;
        self.reading.problems.add(problem);
        if self.report.refused.len() < LISTED {
            self.report.refused.push(RefusedRecord { line: fault.line, code: fault.code, at: fault.at, first_line });
        }
        // of a record that was recognised there are none
        let text = if bytes.is_empty() { None } else { blanked(bytes, &self.opened.format, &self.opened.preset) };
        let (line, code, message) = (fault.line, fault.code, fault.message);
        sink(Read::Refused { file: self.index, line, code, key, message, text })
    }

    fn flush_remarks(&mut self) {
        for remark in std::mem::take(&mut self.remarks) {
            let kind = (remark.code, remark.attribute.clone());
            if remark.once {
                if self.said.contains(&kind) {
                    continue;
                }
                self.said.push(kind);
            }
            let level = match remark.code {
                "row.example_dropped" => Level::Info,
                "ldif.result_code" | "ldif.entry_count" => Level::Set,
                _ => Level::Warning,
            };
            let message = message_of(&remark);
            self.warn(level, Some(remark.line), remark.code, remark.attribute, message);
        }
    }

    fn warn(
        &mut self,
        level: Level,
        line: Option<u64>,
        code: &'static str,
        attribute: Option<String>,
        message: String,
    ) {
        let problem =
            Problem::new(level, code, message).in_file(&self.report.file).on_line(line).of_attribute(attribute.clone());
        if self.reading.problems.add(problem) {
            self.report.warnings.push(Warning { line, code, attribute });
        }
    }

    fn warn_conflict(&mut self, line: u64) {
        let message = "another file has the object living or deleted; the living record counts".to_owned();
        self.warn(Level::Warning, Some(line), "record.conflict", None, message);
    }

    fn warn_references(&mut self, line: u64, resolved: &Resolved) {
        for (name, texts) in &resolved.unresolved {
            for text in texts {
                let message = format!("`{name}` names nobody in the set: `{}`", shorten(text));
                self.warn(Level::Warning, Some(line), "reference.unresolved", Some(name.to_string()), message);
            }
        }
        if let Some(name) = &resolved.self_reference {
            let message = format!("`{name}` is the object itself");
            self.warn(Level::Warning, Some(line), "reference.self", Some(name.to_string()), message);
        }
    }

    /// An encoding that cannot hold a character loses it on the exporter's side (sources.md 5).
    fn warn_lossy(&mut self, draft: &Draft<'_>) {
        let lossy = [Canon::DISPLAY_NAME, Canon::GIVEN_NAME, Canon::SURNAME]
            .into_iter()
            .find(|name| draft.text(*name).is_some_and(|text| text.contains('?')));
        if let Some(name) = lossy {
            self.said_lossy = true;
            let name = &self.opened.preset.canonical(name).name;
            let message = format!("`{name}` has a `?` where the encoding may have lost a character");
            self.warn(Level::Warning, Some(draft.line), "value.lossy", Some(name.to_string()), message);
        }
    }

    fn unknown_columns(&mut self) {
        if self.opened.preset.keeps_rest {
            return;
        }
        let preset = &self.opened.preset;
        let is_known =
            |name: &str| preset.names.find(name).is_some() || preset.csv.columns.iter().any(|known| known == name);
        let unknown: Vec<Arc<str>> = self
            .opened
            .columns
            .iter()
            .filter(|name| !name.is_empty() && !is_known(name))
            .filter(|name| !super::canonical::is_secret(name))
            .cloned()
            .collect();
        for name in unknown {
            let message = format!("the column `{}` is not read", shorten(&name));
            self.warn(Level::Info, self.opened.heading, "csv.unknown_column", Some(name.to_string()), message);
        }
    }

    /// Notes which names a record has, for a few records of each name.
    fn note_names(&mut self, slots: Option<&[Slot]>, hash: u128) {
        let noted = &mut self.noted;
        let mut new = Vec::new();
        let mut note = |slot: Slot| {
            let count = &mut noted[slot.index()];
            if usize::from(*count) < super::memory::SAMPLES {
                *count += 1;
                new.push(slot);
            }
        };
        match slots {
            Some(slots) => slots.iter().copied().for_each(note),
            None => self.mapper.each_used(&mut note),
        }
        if new.is_empty() {
            return;
        }
        let pattern = &self.reading.set.files[self.index].shape.pattern;
        if !self.reading.remembered.files.contains_key(pattern) {
            self.reading.remembered.files.insert(pattern.clone(), super::memory::FileMemory::default());
        }
        let Some(memory) = self.reading.remembered.files.get_mut(pattern) else { return };
        let preset = &self.opened.preset;
        for slot in new {
            super::rules::note(memory, preset, slot, Some(hash));
        }
    }

    fn remember(&mut self) {
        let pattern = self.reading.set.files[self.index].shape.pattern.clone();
        let memory = self.reading.remembered.files.entry(pattern).or_default();
        memory.preset.clone_from(&self.opened.preset.name);
        memory.final_newline = self.report.ended;
        for slot in self.opened.columns.iter().filter_map(|name| self.opened.preset.names.find(name)) {
            super::rules::note(memory, &self.opened.preset, slot, None);
        }
    }
}

/// Merges what a crew reads of a file.
struct Merging<'m, 'r, 'a, E> {
    file: &'m mut FileReading<'r, 'a>,
    known: Knowing<'m>,
    sink: &'m mut dyn FnMut(Read<'_>) -> Result<(), E>,
    /// For what the workers leave as it is.
    decoder: Decoder,
    entries: Entries,
}

/// Why merging ends before the end.
enum Stop<E> {
    File(FileFault),
    Sink(E),
}

impl<E> Lead for Merging<'_, '_, '_, E> {
    type Stop = Stop<E>;

    fn wanted(&self) -> Option<Regex> {
        self.known.recall.wanted().filter(|_| !self.file.decodes_all()).cloned()
    }

    fn merge(&mut self, batch: &mut Batch) -> Result<(), Stop<E>> {
        let Self { file, known, sink, decoder, entries } = self;
        file.reading.seen.expect(batch.keys());
        batch.each(|record, bytes, mapped| {
            let (line, hash) = (record.line, record.hash);
            if let Step::Run(run) = record.step {
                return file.run_of(run, line, known, *sink);
            }
            file.report.records += 1;
            let done = match (std::mem::replace(&mut record.step, Step::PassedOver), mapped) {
                (Step::Refused(fault), _) => Some(Err(Refusal { fault: *fault, key: None, first_line: None })),
                (Step::Known(recognised), _) => {
                    Some(file.recognised(line, hash, recognised, &*known.recall, *sink).map_err(Stop::Sink)?)
                }
                (Step::PassedOver, _) => {
                    file.pass_over();
                    Some(Ok(()))
                }
                (Step::Ignored(entry), _) => {
                    file.kinds.content += 1;
                    let lasting = file.lasting(entry, known);
                    Some(file.ignored(lasting, Fingerprint::of(hash, bytes), *sink).map_err(Stop::Sink)?)
                }
                (Step::Mapped, Some(unpacked)) => {
                    file.unpacked(unpacked, (hash, bytes), *entries, known, *sink).map_err(Stop::Sink)?
                }
                (Step::Unknown | Step::Mapped | Step::Run(_), _) => None,
            };
            let done = match done {
                Some(done) => done,
                None => {
                    file.unknown(decoder, line, hash, bytes, known, *sink).map_err(Stop::Sink)?.map_err(Stop::File)?
                }
            };
            file.take(done, bytes, *sink).map_err(Stop::Sink)
        })
    }
}

pub(super) fn mapper_of(
    given: Given<'_>,
    index: usize,
    opened: &Opened,
    is_delta: bool,
    preset: Arc<super::preset::Preset>,
) -> Mapper {
    let found = &given.set.files[index];
    let last = given.memory.and_then(|memory| memory.files.get(&found.shape.pattern));
    let is_lost = |name: &&String| {
        preset
            .names
            .find(name)
            .is_some_and(|slot| !opened.columns.iter().any(|column| preset.names.find(column) == Some(slot)))
    };
    let lost: Vec<String> = match last {
        Some(last) if preset.format == FormatName::Csv => last.names.keys().filter(is_lost).cloned().collect(),
        Some(_) | None => given.set.lost.get(&found.shape.pattern).into_iter().flatten().cloned().collect(),
    };
    let before: Vec<&str> = last.iter().flat_map(|last| last.names.keys()).map(String::as_str).collect();
    let context = FileContext {
        name: &found.name,
        columns: &opened.columns,
        role: found.role.unwrap_or(Role::Objects),
        changes: is_delta,
        locale: Locale::parse(&given.settings.locale),
        references: given.settings.references,
        wants: given.settings.wanted.as_ref(),
        lost: &lost,
        before: &before,
        anchor_sources: &opened.anchor_sources,
    };
    Mapper::new(preset, &context)
}

/// The anchor of the last object and its kind: it does not change once it is chosen.
#[derive(Debug, Default)]
pub(super) struct Chosen(Option<(ObjectKind, Canon)>);

impl Chosen {
    /// Takes the anchor that was chosen for the kind, or chooses it: the first record that has one decides (sources.md 13).
    ///
    /// `preset` is what the record was mapped with.
    pub fn of(
        &mut self,
        anchors: &mut BTreeMap<ObjectKind, Arc<str>>,
        opened: &Opened,
        settings: &super::settings::Settings,
        preset: &Preset,
        draft: &Draft<'_>,
    ) -> Option<Canon> {
        if let Some((kind, anchor)) = self.0
            && kind == draft.kind
        {
            return Some(anchor);
        }
        let has_text = |name: &str| preset.canon(name).filter(|name| draft.text(*name).is_some());
        let anchor = match anchors.get(&draft.kind) {
            Some(name) => has_text(name)?,
            None => {
                let candidates = super::rules::anchor_candidates(&opened.preset, settings);
                let (name, anchor) = candidates.into_iter().find_map(|name| has_text(&name).map(|one| (name, one)))?;
                anchors.insert(draft.kind, name);
                anchor
            }
        };
        self.0 = Some((draft.kind, anchor));
        Some(anchor)
    }
}

/// Stands for what an object says, where that is known by the hash of its record alone; never 0.
fn print_by_hash(hash: u128) -> u64 {
    (hash as u64 ^ (hash >> 64) as u64).max(1)
}

fn seed_of(opened: &Opened, role: Option<Role>, is_delta: bool, name: &str) -> u64 {
    let mut text = opened.preset.digest.to_le_bytes().to_vec();
    for column in &opened.columns {
        text.extend(column.to_lowercase().bytes());
        text.push(0x1f);
    }
    // by it a record ends elsewhere
    text.extend(format!("{:?}", opened.delimiter).bytes());
    text.push(u8::from(is_delta));
    text.extend(role.map_or("", Role::name).bytes());
    let base = name.rsplit('/').next().unwrap_or(name);
    for (condition, _) in &opened.preset.deletion {
        if let super::preset::Condition::File(glob) = condition {
            text.push(u8::from(glob.is_match(base)));
        }
    }
    xxh3_64(&text)
}

/// At most 40 characters, controls escaped (sources.md 17).
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}

fn message_of(remark: &Remark) -> String {
    let name = remark.attribute.as_deref().map(shorten).unwrap_or_default();
    match remark.code {
        "value.placeholder" => {
            format!("`{name}` holds what a program writes in place of a value; it counts as unknown")
        }
        "value.unreadable" => format!("the value of `{name}` cannot be read; it counts as unknown"),
        "value.control_characters" => format!("control characters were taken out of `{name}`"),
        "csv.extra_empty_cells" => "the record has more cells than the heading; they are empty".to_owned(),
        "csv.no_final_newline" | "json.no_final_newline" => "the last line has no line end".to_owned(),
        "row.example_dropped" => "the row is an example of the template".to_owned(),
        "ldif.range_incomplete" => format!("`{name}` is given in part only"),
        "ldif.url_refused" => format!("the value of `{name}` is a URL, which is never opened"),
        "ldif.mixed_content_and_changes" => "the file holds contents and changes; contents count as added".to_owned(),
        "ldif.version_again" => "a second `version:` line: the file seems to be several joined".to_owned(),
        "ldif.result_code" => "the search that wrote the file did not succeed".to_owned(),
        "ldif.entry_count" => "the file holds another number of entries than it says".to_owned(),
        code => code.to_owned(),
    }
}
