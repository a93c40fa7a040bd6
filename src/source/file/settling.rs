//! Records of one anchor of which one was recognised and not decoded, or known by its bytes alone: whether they say the same is found
//! when the file has been read, as the records of before are not kept (sources.md 15).

use std::collections::{BTreeSet, HashMap};

use super::super::crew::Task;
use super::super::draft::Handed;
use super::super::frame::{Decoder, Framed};
use super::super::hash::Hasher;
use super::super::map::{Mapped, Mapper};
use super::super::read::{ObjectKey, Read};
use super::super::recognise::{Fingerprint, Knowing};
use super::super::report::Level;
use super::super::seen::First;
use super::{Chosen, FileReading};

/// How many wait for the end of a file if one of two was recognised; beyond that they are held to differ, as in an export where so many
/// stand twice.
pub(super) const MOST: usize = 100_000;
/// As soon as so many wait, they are settled: each pass takes time, and each that waits takes memory.
pub(super) const AT_ONCE: usize = 20_000;
/// From so many on it is noted of each record what it says.
pub(super) const OFTEN: usize = 1000;

/// A record that has the anchor of an earlier one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsettled {
    pub line: u64,
    pub fingerprint: Fingerprint,
    /// Which record it was last time, if it was recognised.
    pub number: Option<usize>,
    pub key: ObjectKey,
    pub living: bool,
    pub first: First,
}

impl FileReading<'_, '_> {
    /// Reads the records in question again: those that say the same count once, the others are refused.
    pub(super) fn settle<E>(
        &mut self,
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut open = std::mem::take(&mut self.unsettled);
        if open.is_empty() {
            return Ok(());
        }
        let mut wanted: HashMap<usize, BTreeSet<u64>> = HashMap::new();
        for one in &open {
            wanted.entry(one.first.file as usize).or_default().insert(one.first.line);
            wanted.entry(self.index).or_default().insert(one.line);
        }
        // of JSON many may be on one line, and those of the same bytes say the same
        let name_of = |one: &Unsettled| (one.line, one.fingerprint.hash);
        open.sort_by_key(name_of);
        let mut is_met = vec![false; open.len()];
        // of the first record of an object on its line
        let mut prints: HashMap<(usize, u64, ObjectKey), u64> = HashMap::new();
        let hasher = Hasher::new(self.seed);
        let (plans, index) = (self.plans, self.index);
        for plan in plans.iter().take_while(|plan| plan.index <= index) {
            let (Some(opened), Some(lines)) = (plan.opened(), wanted.get(&plan.index)) else { continue };
            let Ok(file) = self.reading.set.files[plan.index].open() else { continue };
            let task =
                Task { index: plan.index, opened, preset: &opened.preset, is_delta: plan.is_delta, ..self.task(known) };
            let (mut framer, mut decoder, mut mapper) = (task.framer(&file), task.decoder(), task.mapper());
            while let Ok(Some(framed)) = framer.next() {
                let Framed::Record { line, bytes } = framed else { continue };
                if lines.last().is_none_or(|last| *last < line) {
                    break;
                }
                if !lines.contains(&line) {
                    continue;
                }
                let (said, hash) =
                    self.said(&task, (&mut decoder, &mut mapper), line, (bytes, hasher.hash(bytes)), known);
                let from = open.partition_point(|one| name_of(one) < (line, hash));
                if plan.index == self.index && is_met.get(from) == Some(&false) {
                    for at in (from..open.len()).take_while(|at| name_of(&open[*at]) == (line, hash)) {
                        let one = open[at];
                        let first = prints.get(&(one.first.file as usize, one.first.line, one.key));
                        let is_same = first.is_some() && first.copied() == said.map(|(_, print)| print);
                        self.settle_one(one, is_same, bytes, sink)?;
                        is_met[at] = true;
                    }
                }
                if let Some((key, print)) = said {
                    prints.entry((plan.index, line, key)).or_insert(print);
                }
            }
        }
        // what is not there any more differs
        let left = open.into_iter().zip(is_met).filter(|(_, is_met)| !is_met);
        left.map(|(one, _)| one).try_for_each(|one| self.settle_one(one, false, &[], sink))?;
        self.report.refused.sort_by_key(|refused| refused.line);
        Ok(())
    }

    fn settle_one<E>(
        &mut self,
        one: Unsettled,
        is_same: bool,
        bytes: &[u8],
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Unsettled { line, fingerprint, number, key, living, first } = one;
        if !is_same {
            return self.refuse(self.contest(line, key, first), bytes, sink);
        }
        if first.file as usize == self.index {
            let message = format!("the record is the same as that on line {}", first.line);
            self.warn(Level::Warning, Some(line), "record.repeated", None, message);
        }
        sink(Read::Known { file: self.index, fingerprint, key, living, number })
    }

    /// Of which object a record says what, as a hash over all of it; and the hash by which the record is known again. `hash`: of its
    /// bytes.
    fn said(
        &mut self,
        task: &Task<'_>,
        (decoder, mapper): (&mut Decoder, &mut Mapper),
        line: u64,
        (bytes, hash): (&[u8], u128),
        known: &mut Knowing<'_>,
    ) -> (Option<(ObjectKey, u64)>, u128) {
        let preset = &*task.opened.preset;
        let Ok(mut record) = decoder.decode(bytes, line) else { return (None, hash) };
        let Mapped::Object(draft) = mapper.map(&mut record, &mut Vec::new()) else { return (None, hash) };
        let settings = self.reading.settings;
        let anchor = Chosen::default().of(&mut self.reading.anchors, task.opened, settings, preset, &draft);
        let Some((anchor, text)) = anchor.and_then(|anchor| Some((anchor, draft.text(anchor)?))) else {
            return (None, hash);
        };
        let key = ObjectKey::of(draft.kind, text);
        let resolved = self.resolved(&draft, anchor, preset, known);
        let hash = resolved.as_ref().map_or(hash, |resolved| resolved.mix(hash, &mut self.room));
        let file = &self.reading.names[task.index];
        (Some((key, Handed { preset, draft: *draft, resolved, anchor, file }.print())), hash)
    }
}
