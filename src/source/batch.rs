//! Some records of a file on their way through the threads that read it.

use std::io::Read;
use std::ops::Range;

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::changes::Entry;
use super::direct::{Direct, Whole};
use super::frame::{Decoder, FileFault, Framed, Framer, RecordFault};
use super::map::{Mapped, Mapper};
use super::pack::{Beside, MOST, Pack, Packs, Unpacked};
use super::raw::RawBody;
use super::read::{ObjectKey, Recognised};

/// Records one after the other.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    records: Vec<Record>,
    packs: Packs,
    /// Those of [`Step::Mapped`], in the order of their records.
    mapped: Vec<Pack>,
    /// How often a name was noted, by its slot.
    noted: Vec<u8>,
    /// To write in.
    room: String,
}

/// How the records of a file are mapped.
pub struct Ways {
    /// For plain records, where it is open.
    pub direct: Option<Direct>,
    pub decoder: Decoder,
    pub mapper: Mapper,
}

/// One record of a batch.
#[derive(Debug)]
pub struct Record {
    pub line: u64,
    pub hash: u128,
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
    /// Of kind `ignore`.
    Ignored(Option<Box<Entry>>),
    Mapped,
}

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
    pub fn fill<R: Read>(&mut self, framer: &mut Framer<R>, seed: u64, size: usize) -> Option<Result<(), FileFault>> {
        // the octets of what is refused are few
        while self.bytes.len() < size && self.records.len() < size {
            let (line, hash, bytes, step) = match framer.next() {
                Ok(Some(Framed::Record { line, bytes })) => {
                    (line, xxh3_128_with_seed(bytes, seed), bytes, Step::Unknown)
                }
                Ok(Some(Framed::Refused { fault, bytes })) => (fault.line, 0, bytes, Step::Refused(Box::new(fault))),
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

    /// Says whether a record in it is very long.
    pub fn is_large(&self, size: usize) -> bool {
        self.bytes.len() > size.max(LONG) * 4
    }

    pub fn has_unknown(&self) -> bool {
        self.records.iter().any(|record| matches!(record.step, Step::Unknown))
    }

    /// Asks of each record that was not refused whether it is known.
    pub fn recognise(&mut self, mut is_known: impl FnMut(u128, &[u8]) -> Option<Recognised>) {
        for record in &mut self.records {
            if matches!(record.step, Step::Unknown)
                && let Some(known) = is_known(record.hash, &self.bytes[record.place.clone()])
            {
                record.step = Step::Known(known);
            }
        }
    }

    /// Maps the records that are not known. What refuses one, or is a change, is left for the leader to find again.
    pub fn map(&mut self, Ways { direct, decoder, mapper }: &mut Ways, keeps_entries: bool) {
        let Self { bytes, records, packs, mapped, noted, room } = self;
        if bytes.len() > MOST {
            return;
        }
        noted.clear();
        noted.resize(mapper.preset().names.len(), 0);
        let mut direct = direct.as_mut().and_then(|direct| Some((direct, Whole::of(bytes)?)));
        for record in records.iter_mut().filter(|record| matches!(record.step, Step::Unknown)) {
            let text = &bytes[record.place.clone()];
            if text.len() > LONG {
                continue;
            }
            if let Some((direct, whole)) = &mut direct
                && let Ok(pack) = direct.map(record.place.clone(), record.line, *whole, packs, noted)
            {
                record.step = if pack.is_some() { Step::Mapped } else { Step::Ignored(None) };
                mapped.extend(pack);
                continue;
            }
            let Ok(mut raw) = decoder.decode(text, record.line) else { continue };
            if raw.body != RawBody::Content {
                continue;
            }
            let entry = if keeps_entries { Entry::of(&raw, mapper.preset()).map(Box::new) } else { None };
            let mut remarks = Vec::new();
            match mapper.map(&mut raw, &mut remarks) {
                Mapped::Object(draft) => {
                    let hashes = draft.hashes(mapper.preset(), room);
                    let mark = packs.mark();
                    mapper.each_used(|slot| packs.note_slot(slot, noted));
                    let mut pack = packs.pack(bytes, *draft, hashes, mark);
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
        packs.close(bytes);
    }

    /// Keys of objects that were mapped, as far as they are known.
    pub fn keys(&self) -> impl Iterator<Item = ObjectKey> {
        self.mapped.iter().filter_map(|pack| pack.key).map(|(_, key)| key)
    }

    /// Gives each record in its order, with its bytes and what it was mapped to, and takes it out.
    pub fn each<E>(
        &mut self,
        mut with: impl FnMut(Record, &[u8], Option<Unpacked<'_>>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { bytes, records, packs, mapped, .. } = self;
        let mut mapped = mapped.drain(..);
        records.drain(..).try_for_each(|record| {
            let pack = if matches!(record.step, Step::Mapped) { mapped.next() } else { None };
            let text = &bytes[record.place.clone()];
            with(record, text, pack.map(|pack| packs.unpack(pack, bytes)))
        })
    }
}
