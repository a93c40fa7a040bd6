//! What a reading of the source stands on: what is remembered of the last one, and what changes said since (sources.md 16.1).

use std::collections::BTreeSet;

use super::import::{Request, Way};
use super::reader::Last;
use super::superseded::Superseded;
use crate::delta::{Record, Snapshot};
use crate::source::{FileSet, Mode, SetMemory};
use crate::store::StoreError;

/// What is remembered of the last reading.
pub(super) struct Memory {
    pub set: Option<SetMemory>,
    /// The watermark was dropped, and something is remembered all the same.
    pub is_left_over: bool,
    /// [`Settings::digest`](crate::source::Settings::digest) of now.
    pub settings: u64,
    /// Read otherwise than last time, the same octets say something else.
    pub is_read_anew: bool,
}

impl Memory {
    pub(super) fn of(request: &Request<'_>, way: Way) -> Result<Self, StoreError> {
        let left_over = match request.previous {
            None => request.store.known_memory(request.job)?,
            Some(_) => None,
        };
        let text = request.previous.map(|before| &before.memory).or(left_over.as_ref().filter(|_| way.begun_anew));
        let read = |text: &String| serde_json::from_str::<SetMemory>(text).ok();
        let set = text.and_then(read).or_else(|| {
            // The watermark was dropped: what changes said is known still, and those that a snapshot was later than are past.
            let kept = left_over.as_ref().and_then(read)?;
            let counts = kept.changed || !kept.settled.is_empty();
            counts.then(|| SetMemory { anchors: Default::default(), ..kept.for_changes() })
        });
        let settings = request.settings.digest();
        let is_read_anew = set.as_ref().and_then(|set| set.settings).is_some_and(|before| before != settings);
        Ok(Self { set, is_left_over: left_over.is_some(), settings, is_read_anew })
    }

    /// Names that are asked for and were not last time.
    pub(super) fn newly_wanted(&self, request: &Request<'_>) -> BTreeSet<String> {
        let before = self.set.as_ref().and_then(|set| set.wanted.as_ref());
        let wanted = request.settings.wanted.as_ref().zip(before);
        wanted.map(|(now, before)| now.difference(before).cloned().collect()).unwrap_or_default()
    }
}

/// What the records of this reading are held against.
pub(super) struct Footing {
    /// What is read is kept, for changes to apply to.
    pub keeps: bool,
    /// What was not kept when the last snapshot was read is read again, as if for the first time.
    pub lacks: bool,
    /// Nobody is recognised: everybody is read.
    pub all: bool,
    /// With a complete export all that is known begins anew.
    pub is_anew: bool,
    /// Changes were applied since the last snapshot, and they count.
    pub was_changed: bool,
    pub superseded: Superseded,
}

/// What a record of a complete export says of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// What it said last time. Changes may have come since: what is known holds.
    TheSame,
    /// The same as far as it can be told, though it is read otherwise: what is known holds, and it may say more.
    TheSameReadAnew,
    SomethingNew,
}

impl Footing {
    /// `stored` is the last snapshot. What of the memory is no longer true goes.
    pub(super) fn of(
        request: &Request<'_>,
        way: Way,
        memory: &mut Memory,
        set: &FileSet,
        stored: Option<&Snapshot>,
    ) -> Result<Self, StoreError> {
        let keeps = request.settings.mode != Mode::Snapshot;
        let remembers = |what: fn(&SetMemory) -> bool| memory.set.as_ref().is_some_and(what);
        let lacks = keeps && remembers(|set| set.takes_changes) && !request.store.knows_any(request.job)?;
        let all = request.all || memory.is_read_anew || lacks || way.is_later || stored.is_none();
        let was_changed = keeps && !lacks && !way.is_later && remembers(|set| set.changed);
        let superseded = stored.filter(|_| was_changed).map(|stored| Superseded::of(stored, memory.is_read_anew));
        let superseded = superseded.unwrap_or_default();
        let is_anew = all && (memory.is_read_anew || superseded.is_empty());
        let has_snapshot = |memory: &SetMemory| set.files.iter().any(|file| memory.names.contains(&file.name));
        if let Some(memory) = memory.set.as_mut().filter(|memory| is_anew && !way.is_later && has_snapshot(memory)) {
            // The snapshot is read anew, so its changes are applied anew.
            memory.applied.clone_from(&memory.settled);
        }
        Ok(Self { keeps, lacks, all, is_anew, was_changed, superseded })
    }

    pub(super) fn says(&self, record: &Record, last: &Last<'_>) -> Says {
        match self.superseded.holds(record) {
            true if self.is_anew => Says::TheSameReadAnew,
            true if self.all => Says::TheSame,
            _ if last.is_same(record.key, record.hash) => Says::TheSame,
            _ => Says::SomethingNew,
        }
    }

    /// Says whether a record shows that the export is another than the last one.
    pub(super) fn differs(&self, record: &Record, last: &Last<'_>) -> bool {
        if self.was_changed { !self.superseded.holds(record) } else { !last.is_same(record.key, record.hash) }
    }
}
