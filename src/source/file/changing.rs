//! Applies the change records of an LDIF file to the entries that are known (sources.md 9.5).

use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use super::super::base::{BaseKey, Lasting};
use super::super::changes::{Applied, Change, Entry};
use super::super::frame::RecordFault;
use super::super::map::Mapped;
use super::super::preset::{Preset, ReferenceBy};
use super::super::raw::LdifChange;
use super::super::read::Read;
use super::super::recognise::Knowing;
use super::{Done, FileReading, Refusal, shorten};
use crate::model::Deletion;
use crate::model::dn;

impl FileReading<'_, '_> {
    /// Applies a change record to the entry that is known under its name.
    pub(super) fn change<E>(
        &mut self,
        change: Change,
        hash: u128,
        bytes: &[u8],
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<Done, E> {
        let line = change.line;
        let tree = matches!(change.change, LdifChange::Delete { tree: true });
        let entry = BaseKey::of_dn(&change.dn).and_then(|key| known.recall.base()?.entry(key));
        if entry.is_none() && matches!(change.change, LdifChange::Rename { .. }) {
            // of a container that the export leaves out, what lies below is known all the same
            let container = Entry { dn: change.dn.clone(), attributes: Vec::new() };
            if known.recall.base().is_some_and(|base| !base.below(&container.dn).is_empty())
                && let Ok(Applied::Changed(now)) = change.apply(Some(&container), &mut |_, _, _| false)
            {
                return self.move_below(&container.dn, &now.dn, line, (hash, bytes), known, sink).map(Ok);
            }
        }
        let preset = &self.opened.preset;
        let mut same = |name: &str, a: &str, b: &str| names_the_same(preset, known, name, a, b);
        let applied = change.without_unkept(entry.as_ref(), preset).apply(entry.as_ref(), &mut same);
        match (applied, entry) {
            (Ok(Applied::Changed(now)), Some(last)) => self.changed(&last, now, line, (hash, bytes), known, sink),
            (Ok(Applied::Deleted), Some(last)) => {
                let below = if tree { below(known, &last.dn) } else { Vec::new() };
                let done = self.purged(last, line, (hash, bytes), known, sink)?;
                for key in below {
                    let Some(entry) = known.recall.base().and_then(|base| base.entry(key)) else { continue };
                    if let Err(refusal) = self.purged(entry, line, (hash, bytes), known, sink)? {
                        self.refuse(refusal, bytes, sink)?;
                    }
                }
                Ok(done)
            }
            (Ok(Applied::Changed(_) | Applied::Deleted), None) => Ok(Ok(())),
            (Err(fault), _) => Ok(Err(Refusal { fault, key: None, first_line: None })),
        }
    }

    /// An entry says something else now, or is under another name.
    fn changed<E>(
        &mut self,
        last: &Entry,
        now: Entry,
        line: u64,
        (hash, bytes): (u128, &[u8]),
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<Done, E> {
        let key = BaseKey::of_dn(&now.dn);
        let moved_to = (BaseKey::of_dn(&last.dn) != key).then(|| now.dn.clone());
        if moved_to.is_some() {
            if key.is_some_and(|key| known.recall.base().is_some_and(|base| base.entry(key).is_some())) {
                let message = format!("the entry `{}` is there already", shorten(&now.dn));
                let fault = RecordFault::new(line, "record.exists", message);
                return Ok(Err(Refusal { fault, key: None, first_line: None }));
            }
            sink(Read::Gone { file: self.index, dn: last.dn.clone(), moved: true })?;
        }
        let done = self.mapped(now.to_record(line), Lasting::Entry(Box::new(now)), hash, bytes, known, sink)?;
        if let Some(to) = moved_to {
            self.move_below(&last.dn, &to, line, (hash, bytes), known, sink)?;
        }
        Ok(done)
    }

    /// An entry is gone for good.
    fn purged<E>(
        &mut self,
        entry: Entry,
        line: u64,
        (hash, bytes): (u128, &[u8]),
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<Done, E> {
        let mut record = entry.to_record(line);
        sink(Read::Gone { file: self.index, dn: entry.dn, moved: false })?;
        let mapped = self.mapper.map(&mut record, &mut self.remarks);
        self.remarks.clear();
        match mapped {
            Mapped::Object(mut draft) => {
                draft.deletion = Deletion::Hard;
                let place = self.place(&draft, (hash, bytes), known);
                self.object(*draft, place, None, Lasting::Object, (hash, bytes), known, sink)
            }
            Mapped::Ignored | Mapped::Dropped | Mapped::Refused(_) => Ok(Ok(())),
        }
    }

    /// What lies below an entry moves with it.
    fn move_below<E>(
        &mut self,
        from: &str,
        to: &str,
        line: u64,
        (hash, bytes): (u128, &[u8]),
        known: &mut Knowing<'_>,
        sink: &mut dyn FnMut(Read<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let levels = dn::depth(from);
        for key in below(known, from) {
            let Some(mut entry) = known.recall.base().and_then(|base| base.entry(key)) else { continue };
            let Some(name) = dn::moved(&entry.dn, levels, to) else { continue };
            let last = std::mem::replace(&mut entry.dn, name);
            sink(Read::Gone { file: self.index, dn: last, moved: true })?;
            let record = entry.to_record(line);
            let hash = xxh3_128_with_seed(&hash.to_le_bytes(), xxh3_64(entry.dn.as_bytes()));
            if let Err(refusal) = self.mapped(record, Lasting::Entry(Box::new(entry)), hash, bytes, known, sink)? {
                self.refuse(refusal, bytes, sink)?;
            }
        }
        Ok(())
    }
}

fn below(known: &mut Knowing<'_>, dn: &str) -> Vec<BaseKey> {
    known.recall.base().map(|base| base.below(dn)).unwrap_or_default()
}

/// Says whether two values of a reference name the same entry, by the name that it has or had.
fn names_the_same(preset: &Preset, known: &mut Knowing<'_>, name: &str, a: &str, b: &str) -> bool {
    let slot = preset.names.find(name);
    let is_name = slot
        .is_some_and(|slot| preset.references.iter().any(|one| one.by == ReferenceBy::Dn && one.from.contains(&slot)));
    let (true, Some(a), Some(b)) = (is_name, BaseKey::of_dn(a), BaseKey::of_dn(b)) else { return false };
    let mut anchor = |key| known.recall.base()?.anchor(key);
    a == b || anchor(a).is_some_and(|anchor_of_a| anchor(b) == Some(anchor_of_a))
}
