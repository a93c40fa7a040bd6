//! Some records of a file on their way through the threads that read it.

use std::ops::Range;

use regex::bytes::Regex;

use super::changes::Entry;
use super::crew::Entries;
use super::cut::{Cut, Cutter};
use super::direct::Direct;
use super::extent::Extent;
use super::fetch::Feed;
use super::frame::{Decoder, FileFault, RecordFault};
use super::hash::Hasher;
use super::map::{Mapped, Mapper};
use super::pack::{Beside, MOST, Pack, Packs, Unpacked};
use super::raw::RawBody;
use super::read::ObjectKey;
use super::recognise::{FindAny, Recognised};

/// Records one after the other.
#[derive(Debug, Default)]
pub struct Batch {
    /// The order is lost: whether a record was read last time is still to be found out.
    is_lost: bool,
    bytes: Vec<u8>,
    records: Vec<Record>,
    packs: Packs,
    /// Those of [`Step::Mapped`], in the order of their records.
    mapped: Vec<Pack>,
    /// To write in.
    room: String,
    hashes: Vec<u128>,
}

/// How the records of a file are mapped.
pub struct Ways {
    /// For plain records, where it is open.
    pub direct: Option<Direct>,
    pub decoder: Decoder,
    pub mapper: Mapper,
    /// How often a name was noted, by its slot: what is behind so many records of batches before need not be.
    pub noted: Vec<u8>,
}

/// One record of a batch.
#[derive(Debug)]
pub struct Record {
    pub line: u64,
    /// Of one that is not known once [`Batch::hash`] has taken it.
    pub hash: u128,
    /// Nowhere, if it is known.
    place: Range<usize>,
    pub step: Step,
}

/// What is known of a record so far.
#[derive(Debug)]
pub enum Step {
    /// By the framer.
    Refused(Box<RecordFault>),
    /// Still to be decoded.
    Unknown,
    Known(Recognised),
    /// It and those behind it are known, of living objects, and come one after the other as last time.
    Run(Run),
    /// Nobody asks for it.
    PassedOver,
    /// Of kind `ignore`.
    Ignored(Option<Box<Entry>>),
    Mapped,
}

/// Records that come as they did last time: almost all do, and what is said of each would have to go from one processor to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The number of the first last time.
    pub first: usize,
    pub count: usize,
    /// From the beginning of one to that of the next.
    pub lines: u64,
}

impl Run {
    /// Takes a record in, unless it belongs elsewhere; `begin`: the line of the first.
    fn take(&mut self, begin: u64, line: u64, number: usize) -> bool {
        if self.count == 1 {
            self.lines = line.saturating_sub(begin);
        }
        let goes_on = number == self.first + self.count && line == begin + self.lines * self.count as u64;
        self.count += usize::from(goes_on);
        goes_on
    }
}

/// How many records a batch has at most; those that are known take nothing else.
const MOST_RECORDS: usize = 1 << 12;

/// Longer records are left to the leader, which copies nothing of them.
const LONG: usize = 64 << 10;

impl Batch {
    /// The same room, for other records; what a long record made large is given back.
    pub fn emptied(mut self, size: usize) -> Self {
        if self.bytes.capacity() > 4 * size {
            return Self::default();
        }
        self.bytes.clear();
        self.records.clear();
        self.packs.clear();
        self.mapped.clear();
        self
    }

    /// Adds records until there are `size` octets; the end of the file, if it is there.
    pub fn fill<R: Feed>(&mut self, cutter: &mut Cutter<'_, R>, size: usize) -> Option<Result<(), FileFault>> {
        let end = self.cut(cutter, size);
        self.is_lost = cutter.is_lost();
        if let (true, Some(Record { place, step: Step::Unknown, .. })) = (self.is_lost, self.records.last()) {
            cutter.go_on_behind(&self.bytes[place.clone()]);
        }
        end
    }

    fn cut<R: Feed>(&mut self, cutter: &mut Cutter<'_, R>, size: usize) -> Option<Result<(), FileFault>> {
        // the octets of what is refused are few
        let mut left = size.min(MOST_RECORDS);
        while self.bytes.len() < size && left > 0 {
            left -= 1;
            let (line, hash, bytes, step): (_, _, &[u8], _) = match cutter.next() {
                Ok(Some(Cut::Ahead { line, ahead })) => {
                    let number = ahead.recognised.number;
                    if !ahead.recognised.is_living() {
                        (line, ahead.fingerprint.hash, &[], Step::Known(ahead.recognised))
                    } else if let Some(Record { line: begin, step: Step::Run(run), .. }) = self.records.last_mut()
                        && run.take(*begin, line, number)
                    {
                        continue;
                    } else {
                        (line, 0, &[], Step::Run(Run { first: number, count: 1, lines: 0 }))
                    }
                }
                Ok(Some(Cut::Known { line, hash, recognised })) => (line, hash, &[], Step::Known(recognised)),
                Ok(Some(Cut::Record { line, bytes })) => (line, 0, bytes, Step::Unknown),
                Ok(Some(Cut::Refused { fault, bytes })) => (fault.line, 0, bytes, Step::Refused(Box::new(fault))),
                Ok(None) => return Some(Ok(())),
                Err(fault) => return Some(Err(fault)),
            };
            let from = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            self.records.push(Record { line, hash, place: from..self.bytes.len(), step });
        }
        None
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Of records that are not known.
    pub fn octets(&self) -> usize {
        self.bytes.len()
    }

    /// Says whether a record in it is very long.
    pub fn is_large(&self, size: usize) -> bool {
        self.bytes.len() > size.max(LONG) * 4
    }

    pub fn has_unknown(&self) -> bool {
        self.records.iter().any(|record| matches!(record.step, Step::Unknown))
    }

    /// Takes the hashes of records that are not known.
    pub fn hash(&mut self, hasher: &Hasher) {
        let Self { bytes, records, .. } = self;
        for record in records.iter_mut().filter(|record| matches!(record.step, Step::Unknown)) {
            record.hash = hasher.hash(&bytes[record.place.clone()]);
        }
    }

    /// Finds records that were read last time, where the order is lost.
    pub fn recall(&mut self, any: &dyn FindAny) {
        if !self.is_lost {
            return;
        }
        let unknown = self.records.iter().filter(|record| matches!(record.step, Step::Unknown));
        self.hashes.clear();
        self.hashes.extend(unknown.map(|record| record.hash));
        any.expect(&self.hashes);
        for Record { hash, step, .. } in &mut self.records {
            if let Step::Unknown = step
                && let Some(known) = any.find(*hash)
            {
                *step = Step::Known(known);
            }
        }
    }

    /// Passes over records that are not `wanted`.
    pub fn pass_over(&mut self, wanted: &Regex) {
        let Self { bytes, records, .. } = self;
        // of what is found nowhere, no record need be asked
        let may_hold = wanted.is_match(bytes);
        let unknown = records.iter_mut().filter(|record| matches!(record.step, Step::Unknown));
        for record in unknown.filter(|record| !may_hold || !wanted.is_match(&bytes[record.place.clone()])) {
            record.step = Step::PassedOver;
        }
    }

    /// Maps the records that are not known. What refuses one, or is a change, is left for the leader to find again.
    pub fn map(&mut self, Ways { direct, decoder, mapper, noted }: &mut Ways, entries: Entries) {
        let Self { bytes, records, packs, mapped, room, .. } = self;
        if bytes.len() > MOST {
            return;
        }
        let mut direct = direct.as_mut().and_then(|direct| Some((direct.begin(bytes)?, direct)));
        for record in records.iter_mut().filter(|record| matches!(record.step, Step::Unknown)) {
            let text = &bytes[record.place.clone()];
            if text.len() > LONG {
                continue;
            }
            if let Some((whole, direct)) = &mut direct
                && let Ok(is_object) = direct.map(record.place.clone(), record.line, whole, (packs, mapped), noted)
                && (is_object || entries == Entries::None)
            {
                record.step = if is_object { Step::Mapped } else { Step::Ignored(None) };
                continue;
            }
            let Ok(mut raw) = decoder.decode(text, record.line) else { continue };
            if raw.body != RawBody::Content {
                continue;
            }
            let entry = if entries != Entries::None { Entry::of(&raw, mapper.preset()).map(Box::new) } else { None };
            let mut remarks = Vec::new();
            match mapper.map(&mut raw, &mut remarks) {
                Mapped::Object(draft) => {
                    let hashes = draft.hashes(mapper.preset(), room);
                    let mark = packs.mark();
                    mapper.each_used(|slot| packs.note_slot(slot, noted));
                    let mut pack = packs.pack(bytes, *draft, Extent::of(text), hashes, mark);
                    if entry.is_some() || !remarks.is_empty() {
                        pack.beside = Some(Box::new(Beside { remarks, entry }));
                    }
                    mapped.push(pack);
                    record.step = Step::Mapped;
                }
                Mapped::Ignored if remarks.is_empty() => record.step = Step::Ignored(entry),
                Mapped::Ignored | Mapped::Dropped | Mapped::Refused(_) => {}
            }
        }
    }

    /// Keys of objects that were mapped, as far as they are known.
    pub fn keys(&self) -> impl Iterator<Item = ObjectKey> {
        self.mapped.iter().filter_map(|pack| pack.key).map(|(_, key)| key)
    }

    /// Gives each record in its order, with its bytes and what it was mapped to; the batch is worth nothing then.
    pub fn each<E>(
        &mut self,
        mut with: impl FnMut(&mut Record, &[u8], Option<Unpacked<'_>>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { bytes, records, packs, mapped, .. } = self;
        let mut mapped = mapped.iter_mut();
        records.iter_mut().try_for_each(|record| {
            let pack = if matches!(record.step, Step::Mapped) { mapped.next() } else { None };
            let text = &bytes[record.place.clone()];
            with(record, text, pack.map(|pack| packs.unpack(pack, bytes)))
        })
    }
}
