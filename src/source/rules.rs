//! What must hold of a set as a whole (sources.md 13, 15, 16).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use hashbrown::HashMap;

use super::again::each_record;
use super::anchor_source::chosen;
use super::canonical;
use super::delta;
use super::draft::Draft;
use super::fields::is_below;
use super::file::mapper_of;
use super::find::Filter;
use super::manifest::ManifestMode;
use super::memory::{FileMemory, Newest, SAMPLES, SetMemory};
use super::preset::{Canon, FormatName, Preset, Slot};
use super::read::{Plan, Reading, State};
use super::report::{Completeness, FileReport, Level, Problem, SetMode};
use super::settings::{Mode, Settings};
use super::shape::{Dates, Shape};
use super::value::Locale;
use super::whole::{groups, of_group};
use crate::model::ObjectKind;

/// How many digests of applied change files are remembered.
const APPLIED: usize = 10_000;

pub fn kind_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::User => "user",
        ObjectKind::Group => "group",
    }
}

pub const KINDS: [ObjectKind; 2] = [ObjectKind::User, ObjectKind::Group];

/// The anchors that were chosen when the last set was accepted.
pub fn remembered_anchors(memory: Option<&SetMemory>) -> BTreeMap<ObjectKind, Arc<str>> {
    let anchors = memory.map(|memory| &memory.anchors);
    KINDS.into_iter().filter_map(|kind| Some((kind, Arc::from(anchors?.get(kind_name(kind))?.as_str())))).collect()
}

/// Attributes that may be the anchor, best first.
pub fn anchor_candidates(preset: &Preset, settings: &Settings) -> Vec<Arc<str>> {
    let spelled = |name: &String| Arc::from(canonical::spelling(name).unwrap_or(name));
    if let Some(anchor) = &settings.anchor {
        return vec![spelled(anchor)];
    }
    let mutable: &[String] = if settings.allow_mutable_anchor { &preset.anchor_if_allowed } else { &[] };
    preset.anchor.iter().chain(mutable).map(spelled).collect()
}

/// Refuses a set whose anchor would change with a person's name, or is not that of last time.
pub fn check_anchor_setting(reading: &mut Reading<'_>, plans: &[Plan]) {
    let settings = reading.settings;
    let mut told = BTreeSet::new();
    for opened in plans.iter().filter_map(Plan::opened) {
        let preset = &opened.preset;
        let lacks = |names: &[String]| {
            preset.format == FormatName::Csv
                && !names
                    .iter()
                    .filter_map(|name| preset.attribute(name))
                    .flat_map(|attribute| &attribute.from)
                    .any(|slot| opened.columns.iter().any(|column| preset.names.find(column) == Some(*slot)))
        };
        let mutable = match &settings.anchor {
            Some(anchor) => canonical::is_mutable(anchor),
            None => preset.anchor.is_empty() || (!preset.anchor_if_allowed.is_empty() && lacks(&preset.anchor)),
        };
        if mutable && !settings.allow_mutable_anchor && told.insert(preset.name.clone()) {
            let only =
                settings.anchor.clone().or_else(|| preset.anchor_if_allowed.first().cloned()).unwrap_or_default();
            let message = format!(
                "the export identifies people only by `{only}`, which can change: a rename would be a leaver and a joiner"
            );
            let help = "export an identifier that never changes and name it in `source.anchor`, or accept this with `source.allow_mutable_anchor: true`";
            reading.problems.add(Problem::new(Level::Set, "source.anchor", message).with_help(help));
        }
        let candidates = anchor_candidates(preset, settings);
        for (kind, name) in &reading.anchors {
            if !candidates.is_empty() && !candidates.contains(name) && told.insert(format!("{} {name}", preset.name)) {
                reading.problems.add(anchor_changed(*kind, name, None));
            }
        }
    }
}

fn anchor_changed(kind: ObjectKind, name: &str, source: Option<&str>) -> Problem {
    let from = source.map(|source| format!(" from `{source}`")).unwrap_or_default();
    let message = format!("the last export identified each {} by `{name}`{from}, this one does not", kind_name(kind));
    let help = "export that attribute again; to change the anchor for good, restart the job";
    Problem::new(Level::Set, "set.anchor_changed", message).with_help(help)
}

/// Finds the latest `modifiedDateTime` of a set, of which known records are not decoded.
#[derive(Debug, Default)]
pub struct NewestSeen {
    now: Option<Newest>,
    last: Option<Newest>,
}

impl NewestSeen {
    pub fn new(memory: Option<&SetMemory>) -> Self {
        Self { now: None, last: memory.and_then(|memory| memory.newest.clone()) }
    }

    pub fn meet(&mut self, draft: &Draft<'_>, hash: u128) {
        if draft.may_be_dated()
            && let Some(time) = draft.text(Canon::MODIFIED)
        {
            self.meet_time(time, hash);
        }
    }

    fn meet_time(&mut self, time: &str, hash: u128) {
        match &mut self.now {
            Some(newest) if newest.time.as_str() > time => {}
            Some(newest) if newest.time == time => {
                if newest.records.len() < SAMPLES {
                    newest.records.push(hash);
                }
            }
            now => *now = Some(Newest { time: time.to_owned(), records: vec![hash] }),
        }
    }

    /// Hashes of records that must not be passed over.
    pub fn awaited(&self) -> impl Iterator<Item = u128> {
        self.last.iter().flat_map(|last| last.records.iter().copied())
    }

    pub fn meet_known(&mut self, hash: u128) {
        let time = self.last.as_ref().filter(|last| last.records.contains(&hash)).map(|last| last.time.clone());
        if let Some(time) = time {
            self.meet_time(&time, hash);
        }
    }
}

/// Which names known records have, as far as samples of them were remembered.
#[derive(Debug, Default)]
pub struct KnownNames {
    by_hash: HashMap<u128, Vec<(String, String)>>,
    /// Pattern and name, with hashes of records that have it.
    pub met: BTreeMap<(String, String), Vec<u128>>,
}

impl KnownNames {
    pub fn new(memory: Option<&SetMemory>) -> Self {
        let mut known = Self::default();
        for (pattern, file) in memory.iter().flat_map(|memory| &memory.files) {
            for (name, hashes) in &file.names {
                for hash in hashes {
                    known.by_hash.entry(*hash).or_default().push((pattern.clone(), name.clone()));
                }
            }
        }
        known
    }

    /// As [`NewestSeen::awaited`].
    pub fn awaited(&self) -> impl Iterator<Item = u128> {
        self.by_hash.keys().copied()
    }

    pub fn meet(&mut self, hash: u128) {
        for place in self.by_hash.get(&hash).into_iter().flatten() {
            self.met.entry(place.clone()).or_default().push(hash);
        }
    }
}

/// Remembers that a file has the name; `hash` is that of a record that does.
pub fn note(memory: &mut FileMemory, preset: &Preset, slot: Slot, hash: Option<u128>) {
    let usage = preset.use_of(slot);
    if !usage.used || usage.secret {
        return;
    }
    let name = preset.names.name(slot);
    match memory.names.get_mut(name) {
        Some(hashes) => {
            if let Some(hash) = hash.filter(|_| hashes.len() < SAMPLES) {
                hashes.push(hash);
            }
        }
        None => {
            memory.names.insert(name.to_owned(), hash.into_iter().collect());
            if usage.vital {
                memory.vital.insert(name.to_owned());
            }
        }
    }
}

/// Says what the set is (sources.md 16.1).
pub fn mode(reading: &mut Reading<'_>, files: &[FileReport]) -> SetMode {
    let read = || files.iter().filter(|file| file.error.is_none() && file.preset.is_some());
    let forced = match reading.settings.mode {
        Mode::Changes => Some(SetMode::Changes),
        Mode::Snapshot => Some(SetMode::Snapshot),
        Mode::Auto => reading.set.manifest.as_ref().and_then(|manifest| manifest.mode).map(|mode| match mode {
            ManifestMode::Snapshot => SetMode::Snapshot,
            ManifestMode::Changes => SetMode::Changes,
        }),
    };
    let changes = read().filter(|file| file.changes).count();
    let found = match (changes, read().count() - changes) {
        // nothing but change files that were applied before
        (0, 0) if reading.applied_before => SetMode::Changes,
        (0, _) => SetMode::Snapshot,
        (_, 0) => SetMode::Changes,
        _ => SetMode::Both,
    };
    if forced == Some(SetMode::Snapshot) && changes > 0 {
        let file = read().find(|file| file.changes).map(|file| file.file.clone()).unwrap_or_default();
        let help = "take the change file out of the folder, or set `source.mode: auto`";
        let problem =
            Problem::new(Level::Set, "set.ambiguous", "a change file lies in a folder that holds snapshots only");
        reading.problems.add(problem.in_file(&file).with_help(help));
    }
    let mode = match forced {
        Some(SetMode::Changes) => SetMode::Changes,
        Some(SetMode::Snapshot | SetMode::Both) | None => found,
    };
    if found == SetMode::Both && mode == SetMode::Both {
        let first_change = read().find(|file| file.changes).map(|file| file.file.as_str());
        let last_snapshot = read().filter(|file| !file.changes).map(|file| file.file.as_str()).next_back();
        if let (Some(change), Some(snapshot)) = (first_change, last_snapshot)
            && change < snapshot
        {
            let message = format!("the changes in `{change}` come before the snapshot in `{snapshot}` by name");
            let help =
                "name change files so that they sort after the snapshot, or say in `source.files` which is meant";
            reading.problems.add(Problem::new(Level::Set, "set.ambiguous", message).in_file(change).with_help(help));
        }
    }
    if mode == SetMode::Changes && reading.memory.is_none() && files.iter().any(|file| file.error.is_none()) {
        let message = "the folder holds changes, but no snapshot was read before to which they apply";
        reading.problems.add(
            Problem::new(Level::Set, "set.no_base", message).with_help("export everything once, then the changes"),
        );
    }
    mode
}

/// Judges the set by what is remembered of the last (sources.md 16.4, 17).
pub fn judge(reading: &mut Reading<'_>, plans: &[Plan], files: &[FileReport], mode: SetMode) {
    // first, as all else that is wrong then follows from it
    for kind in KINDS {
        let lacking = reading.lacking_anchor.get(&kind).copied().unwrap_or(0);
        let remembered = reading.memory.and_then(|memory| memory.anchors.get(kind_name(kind))).cloned();
        let have = match kind {
            ObjectKind::User => reading.counts.users,
            ObjectKind::Group => reading.counts.groups,
        };
        if let Some(name) = remembered.filter(|_| lacking > 0 && have == 0 && reading.counts.known == 0) {
            let source = chosen(plans).iter().find(|one| one.kind == kind).map(|one| &*one.source);
            reading.problems.add(anchor_changed(kind, &name, source));
        }
    }
    let records: u64 = files.iter().map(|file| file.records).sum();
    let refused: u64 = files.iter().map(|file| file.refused_count).sum();
    let allowed = reading.settings.max_refused.of(records);
    if refused > allowed {
        let message = format!("{refused} of {records} records are refused; at most {allowed} may be");
        let help = "look at the first of them: often encoding or delimiter is wrong; or raise `source.max_refused`";
        reading.problems.add(Problem::new(Level::Set, "set.too_many_refused", message).with_help(help));
    }
    let is_empty = reading.seen.is_empty() && reading.presumed == 0 && !reading.passed_over;
    if mode == SetMode::Snapshot && !reading.problems.is_refusal() && is_empty {
        let help = "a directory never empties itself overnight: look at the exporter";
        reading
            .problems
            .add(Problem::new(Level::Set, "set.empty", "the export holds no object at all").with_help(help));
    }
    warn_of_account_state(reading, plans, mode);
    if let Some(memory) = reading.memory {
        preset_changes(reading, memory, files);
        if mode != SetMode::Changes {
            missing_files(reading, memory, plans, files);
            lost_names(reading, memory, plans, files);
            older(reading, memory);
        }
    }
}

/// Without account state everybody counts as active (sources.md 8.3, 18).
fn warn_of_account_state(reading: &mut Reading<'_>, plans: &[Plan], mode: SetMode) {
    let counts = reading.counts;
    let is_silent = counts.known == 0 && counts.users > 0 && counts.enabled_unknown == counts.users;
    if !is_silent || mode == SetMode::Changes {
        return;
    }
    let mut names: Vec<String> = Vec::new();
    for preset in plans.iter().filter_map(Plan::opened).map(|opened| &opened.preset) {
        let account = preset.names.slots().filter(|slot| preset.use_of(*slot).account);
        names.extend(account.map(|slot| format!("`{}`", preset.names.name(slot))));
    }
    names.dedup();
    // of a source that never says it nothing is missing
    if names.is_empty() {
        return;
    }
    let message = "no record says whether its account is enabled: everybody counts as active";
    let help = format!(
        "export what says who is disabled ({}; of Graph with `$select`), or see that nobody in the source is",
        names.join(", ")
    );
    reading.problems.add(Problem::new(Level::Warning, "set.no_account_state", message).with_help(help));
}

fn preset_changes(reading: &mut Reading<'_>, memory: &SetMemory, files: &[FileReport]) {
    for file in files {
        let last = memory.files.get(&Shape::of(&file.file).pattern).map(|last| last.preset.as_str());
        if let (Some(last), Some(now)) = (last.filter(|last| !last.is_empty()), file.preset.as_deref())
            && last != now
        {
            let message = format!("the file is of preset `{now}`; the last export of that name was of `{last}`");
            let help = "put exports of another system into a folder of their own, or restart the job";
            reading
                .problems
                .add(Problem::new(Level::Set, "set.preset_changed", message).in_file(&file.file).with_help(help));
        }
    }
}

fn missing_files(reading: &mut Reading<'_>, memory: &SetMemory, plans: &[Plan], files: &[FileReport]) {
    // where there are too many, none was looked for
    if reading.set.problems.iter().any(|problem| problem.code == "limit.files") {
        return;
    }
    // what cannot be understood is told of already
    let Ok(filter) = Filter::new(reading.settings) else { return };
    let groups = groups(files);
    let locale = Locale::parse(&reading.settings.locale);
    // what the settings leave out now was dropped for good (sources.md 15)
    for name in memory.names.iter().filter(|name| filter.takes(reading.settings, name)) {
        if plans.iter().any(|plan| reading.set.files[plan.index].name == *name) {
            continue;
        }
        let shape = Shape::of(name);
        let shapes = files.iter().map(|file| Shape::of(&file.file));
        let same: Vec<Shape> = shapes.filter(|now| now.pattern == shape.pattern).collect();
        // by a later one of its series; an older one is yesterday's, put back
        let has_later = shape.date.is_some_and(|last| {
            let is_later =
                |now: &Shape| now.number == shape.number && now.date.is_some_and(|now| now.is_since(last, locale));
            same.iter().any(is_later)
        });
        // there are fewer pages now
        let is_whole = || {
            let group = groups.get(&shape.pattern).filter(|_| shape.number.is_some());
            // the first ones do not go: their number is at most the one that is there
            group.is_some_and(|group| {
                group.first().is_some_and(|(first, _)| *first < shape.number)
                    && of_group(&shape.pattern, group, &mut Vec::new()) == Completeness::Proven
            })
        };
        let is_followed = has_later || is_whole();
        if !is_followed {
            let message = "the file was in the last set and is not there now";
            let may_be_later = |now: &Shape| {
                shape.date.zip(now.date).is_some_and(|(last, now)| Dates::latest(&[last, now], locale).is_none())
            };
            let help = match same.iter().any(may_be_later) {
                true => {
                    "whether the one that is there is later depends on whether names have the day first or the month: write the year first, or say `source.locale: en-GB`"
                }
                false => {
                    "export it again; to drop it for good, name only the others in `source.files`, or name it in `source.ignore`"
                }
            };
            reading.problems.add(Problem::new(Level::Set, "set.file_missing", message).in_file(name).with_help(help));
        }
    }
}

fn lost_names(reading: &mut Reading<'_>, memory: &SetMemory, plans: &[Plan], files: &[FileReport]) {
    for (pattern, last) in &memory.files {
        let of_pattern = || plans.iter().filter(|plan| reading.set.files[plan.index].shape.pattern == *pattern);
        let read = files.iter().filter(|file| file.error.is_none() && Shape::of(&file.file).pattern == *pattern);
        if read.map(|file| file.records).sum::<u64>() == 0 {
            continue;
        }
        let mut lost: Vec<&String> = last
            .names
            .iter()
            .filter(|(name, had)| {
                // what said of everybody whether enabled is lost where the column stands empty too
                let has_fed = !had.is_empty() && last.vital.contains(*name);
                let now = now_of(reading, pattern, name);
                now.is_none_or(|now| has_fed && now.is_empty())
                    && !reading.known_names.met.contains_key(&(pattern.clone(), (*name).clone()))
            })
            .map(|(name, _)| name)
            .collect();
        if reading.counts.known > 0 && lost.iter().any(|name| last.vital.contains(*name)) {
            let still: BTreeSet<String> = of_pattern().flat_map(|plan| occurring(reading, plan)).collect();
            lost.retain(|name| !still.contains(*name));
        }
        let is_csv = of_pattern().filter_map(Plan::opened).any(|opened| opened.preset.format == FormatName::Csv);
        let file = of_pattern().next().map_or(pattern.clone(), |plan| reading.set.files[plan.index].name.clone());
        for name in lost {
            let is_vital = last.vital.contains(name);
            let had = last.names.get(name).map_or(0, Vec::len) as u64;
            let has_no_column = is_csv && now_of(reading, pattern, name).is_none();
            if !has_no_column && is_optional(reading, of_pattern(), name, had) {
                continue;
            }
            if !is_vital && !is_csv {
                // records that were recognised, or passed over, may have it all the same
                if of_pattern().any(|plan| is_named(reading, plan, name)) {
                    continue;
                }
                reading.lost.entry(pattern.clone()).or_default().insert(name.clone());
            }
            let level = if is_vital { Level::Set } else { Level::Warning };
            let message = format!("`{name}` was in the last export and is in no record of this one");
            let help = "export it again; if it is gone for good, confirm this export with `source accept`";
            reading.problems.add(
                Problem::new(level, "set.columns_lost", message)
                    .in_file(&file)
                    .of_attribute(Some(name.clone()))
                    .with_help(help),
            );
        }
    }
}

/// Some of the records of this set that have a value of the name; none where it is not there at all.
fn now_of<'r>(reading: &'r Reading<'_>, pattern: &str, name: &str) -> Option<&'r Vec<u128>> {
    reading.remembered.files.get(pattern)?.names.get(name)
}

/// Says whether an attribute that a few records had may go without an exporter's doing: the last member leaves the last group,
/// the last lock is lifted. What every record had does not go so.
///
/// Of lists of members one alone may end so, or all with the last group. JSON shows it: there an empty list is still a list.
fn is_optional<'o>(
    reading: &Reading<'_>,
    mut plans: impl Iterator<Item = &'o Plan> + Clone,
    name: &str,
    had: u64,
) -> bool {
    let Some(preset) = plans.clone().filter_map(Plan::opened).map(|opened| &opened.preset).next() else { return false };
    let slot = preset.names.find(name);
    let is_of = |from: &[Slot]| slot.is_some_and(|slot| from.contains(&slot));
    // that the last one has no manager any more is seldomer than that nobody asked for managers; JSON and a heading show it
    if preset.format != FormatName::Csv && preset.references.iter().any(|one| !one.multi && is_of(&one.from)) {
        return preset.format == FormatName::Json && plans.any(|plan| is_named(reading, plan, name));
    }
    let is_members = preset.references.iter().any(|one| one.multi && is_of(&one.from));
    if is_members && reading.counts.groups == 0 {
        return true;
    }
    if is_members || preset.attributes.iter().any(|one| one.multi && is_of(&one.from)) {
        let is_json = preset.format == FormatName::Json;
        return if is_json { plans.any(|plan| is_named(reading, plan, name)) } else { had == 1 };
    }
    let objects = reading.counts.users + reading.counts.groups + reading.counts.known;
    had < SAMPLES as u64 && had <= reading.settings.absences_without_proof.of(objects) && had < objects
}

/// Says whether a record of a file has the name, whatever it holds.
fn is_named(reading: &Reading<'_>, plan: &Plan, name: &str) -> bool {
    // of `members.id` an empty list shows `members` alone
    let is_it = |own: &str| own.eq_ignore_ascii_case(name) || is_below(name, own);
    let mut found = false;
    each_record(reading.given(), plan, None, |record| {
        found = record.attributes.iter().any(|attribute| is_it(&attribute.name));
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found
}

/// Reads a file again, all records decoded, for the names that occur in it.
fn occurring(reading: &Reading<'_>, plan: &Plan) -> BTreeSet<String> {
    let Some(opened) = plan.opened() else { return BTreeSet::new() };
    let mut mapper = mapper_of(reading.given(), plan.index, opened, plan.is_delta, Arc::clone(&opened.preset));
    let mut remarks = Vec::new();
    let mut slots: BTreeSet<Slot> = BTreeSet::new();
    each_record(reading.given(), plan, None, |record| {
        mapper.map(record, &mut remarks);
        remarks.clear();
        mapper.each_used(|slot| slots.extend([slot]));
        ControlFlow::Continue(())
    });
    slots.into_iter().map(|slot| opened.preset.names.name(slot).to_owned()).collect()
}

fn older(reading: &mut Reading<'_>, memory: &SetMemory) {
    let (Some(now), Some(last)) = (&reading.newest.now, &memory.newest) else { return };
    if now.time < last.time {
        let message = format!("the newest record is of {}; the last accepted set had one of {}", now.time, last.time);
        reading.problems.add(Problem::new(Level::Warning, "set.older", message));
    }
}

/// Returns what the next set is judged by.
pub fn remember(reading: &mut Reading<'_>, plans: &[Plan], files: &[FileReport], mode: SetMode) -> SetMemory {
    let mut applied: BTreeSet<String> = reading.memory.map(|memory| memory.applied.clone()).unwrap_or_default();
    for file in files.iter().filter(|file| file.changes && file.error.is_none()) {
        let found = reading.set.files.iter().find(|found| found.name == file.file);
        applied.extend(found.and_then(delta::digest));
    }
    while applied.len() > APPLIED {
        applied.pop_first();
    }
    if mode == SetMode::Changes {
        let last = reading.memory.cloned().unwrap_or_default();
        return SetMemory { applied, assigned: reading.assigned.or(last.assigned), ..last };
    }
    let mut memory = std::mem::take(&mut reading.remembered);
    for ((pattern, name), hashes) in &reading.known_names.met {
        let vital =
            reading.memory.and_then(|last| last.files.get(pattern)).is_some_and(|last| last.vital.contains(name));
        let file = memory.files.entry(pattern.clone()).or_default();
        let kept = file.names.entry(name.clone()).or_default();
        kept.extend(hashes.iter().take(SAMPLES.saturating_sub(kept.len())));
        if vital {
            file.vital.insert(name.clone());
        }
    }
    // a file without records says nothing about its columns
    for (pattern, last) in reading.memory.iter().flat_map(|last| &last.files) {
        let now = memory.files.entry(pattern.clone()).or_default();
        if now.names.is_empty() {
            now.names.clone_from(&last.names);
            now.vital.clone_from(&last.vital);
        }
        if now.preset.is_empty() {
            now.preset.clone_from(&last.preset);
        }
    }
    memory.names = plans
        .iter()
        .filter(|plan| !matches!(plan.state, State::Skipped))
        .map(|plan| reading.set.files[plan.index].name.clone())
        .filter(|name| !files.iter().any(|file| file.file == *name && file.changes))
        .collect();
    memory.anchors =
        reading.anchors.iter().map(|(kind, name)| (kind_name(*kind).to_owned(), name.to_string())).collect();
    memory.anchor_sources =
        chosen(plans).iter().map(|one| (kind_name(one.kind).to_owned(), one.source.to_string())).collect();
    memory.newest = reading.newest.now.clone();
    memory.assigned = reading.assigned;
    memory.applied = applied;
    memory.repeats = reading.repeats;
    memory.takes_changes = plans
        .iter()
        .filter_map(Plan::opened)
        .any(|opened| opened.preset.format == FormatName::Ldif || reading.settings.takes_changes_of(&opened.preset));
    memory
}
