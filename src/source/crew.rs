//! Reads the records of a large file by several threads; what they find is gone through in the order of the file.
//!
//! ```text
//! workers  in turn cut the file into batches of records, recognising those that come in the order of last time; beside each other
//!          they recognise records where the order is lost, and map those that are not known: plain ones straight from their
//!          bytes, others as small files are read
//! leader   the calling thread: merges the batches in their order; a worker while none of them is ready
//! fetcher  reads the file ahead, and hashes it if its identity is wanted, where records are recognised and the cutting is all that there
//!          is to do; else each worker reads a block before it cuts. For short files the calling thread gets the others only when
//!          there is something to map
//! ```
//!
//! So there are no more threads at work than processors, and none of them is interrupted while it cuts and others wait for it.
//!
//! What a worker cannot finish (a refusal, a change record, a very long record) it leaves as it is; the leader then reads it as
//! it reads small files.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use regex::bytes::Regex;

use super::batch::{Batch, Ways};
use super::cut::Cutter;
use super::direct::Direct;
use super::fetch::{Ahead, Feed, Fetched};
use super::file::mapper_of;
use super::frame::{Decoder, FileFacts, FileFault, Framer, Wanted};
use super::hash::Hasher;
use super::identity::Pieces;
use super::map::Mapper;
use super::open::{Opened, unreadable};
use super::preset::Preset;
use super::read::Given;
use super::recognise::{FindAny, Follow};
use super::rules;
use super::wanted;

/// How many threads share the work, and what is work enough.
#[derive(Debug, Clone, Copy)]
pub struct Crew {
    /// Threads that decode, the calling one among them; none: it does everything by itself.
    pub workers: usize,
    /// Octets of a file from which on it is worth their start.
    pub least: u64,
    /// Octets of a file up to which the calling thread reads it alone as long as its records are recognised: an export may be of
    /// thousands of pages, and threads take longer to start than the records of a page to be recognised.
    pub short: u64,
    /// Octets of a batch. Of two that a block of the file gives, only one waits for it: threads wait less for each other's cutting than
    /// if every batch had to.
    pub batch: usize,
}

/// More decode faster than one thread can merge.
const MOST_WORKERS: usize = 6;

impl Crew {
    /// As many as the machine has processors; also one is worth it, as workers take the straight way for plain records.
    pub fn of_machine() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self { workers: processors.min(MOST_WORKERS), least: 512 << 10, short: 4 << 20, batch: 128 << 10 }
    }
}

/// What threads must know of the file.
#[derive(Clone, Copy)]
pub(super) struct Task<'t> {
    pub given: Given<'t>,
    pub index: usize,
    pub opened: &'t Opened,
    /// By which records are mapped: that of the file, or one that reads less.
    pub preset: &'t Arc<Preset>,
    pub is_delta: bool,
    /// The file's identity and the hashes of its records are wanted.
    pub takes_hashes: bool,
    pub entries: Entries,
    /// [`Hashes::print`](super::draft::Hashes::print) is wanted of every object.
    pub takes_prints: bool,
    pub seed: u64,
}

/// Which LDIF entries are kept whole, as changes may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entries {
    None,
    All,
    /// Those of no object: of objects the leader finds out whether they are known, and reads the others again.
    OfIgnored,
}

impl Task<'_> {
    pub fn framer<R: Feed>(&self, file: R) -> Framer<R> {
        Framer::new(file, &self.opened.choice, &self.opened.format, self.given.settings.limits)
    }

    /// Cuts the file and recognises its records.
    pub fn cutter<'f, R: Feed>(&self, file: R, follow: Option<&'f mut dyn Follow>) -> Cutter<'f, R> {
        Cutter::new(self.framer(file), follow, self.seed)
    }

    pub fn decoder(&self) -> Decoder {
        let wanted = if self.entries == Entries::None { self.wanted() } else { None };
        Decoder::of_wanted(&self.opened.format, self.given.settings.limits, wanted)
    }

    /// What objects need of their records.
    pub fn wanted(&self) -> Option<Wanted> {
        wanted::of_preset(self.preset, self.given.settings.wanted.as_ref())
    }

    /// The way of plain records, if it is open to this file; what `mapper` is for.
    pub fn direct(&self, mapper: &Mapper) -> Option<Direct> {
        let wanted = self.wanted();
        let anchor = rules::anchor_candidates(self.preset, self.given.settings).into_iter().next();
        Direct::new(
            mapper,
            &self.opened.format,
            self.given.settings.limits,
            wanted.as_ref(),
            (anchor.as_deref(), self.takes_prints),
        )
        .filter(|_| self.entries != Entries::All)
    }

    pub fn mapper(&self) -> Mapper {
        mapper_of(self.given, self.index, self.opened, self.is_delta, Arc::clone(self.preset))
    }
}

/// Who goes through the batches, in the calling thread and in the order of the file.
pub(super) trait Lead {
    /// Why it ends before the end.
    type Stop;

    /// What a record must hold to be asked for; none: all are.
    fn wanted(&self) -> Option<Regex>;

    fn merge(&mut self, batch: &mut Batch) -> Result<(), Self::Stop>;
}

/// How a file ended.
type End = Result<FileFacts, FileFault>;

/// What is made of a file.
enum Part {
    Batch(Batch),
    End(End),
}

impl Part {
    fn has_unknown(&self) -> bool {
        matches!(self, Self::Batch(batch) if batch.has_unknown())
    }
}

/// How many full batches there are for each thread.
const AHEAD: usize = 2;
/// How many batches are underway at most: of records that are known they are almost empty, and the cutting need not wait while
/// somebody makes an index.
const MOST_AWAY: usize = 64;

/// Reads the file to its end; `follow` and `any` recognise records; `spare`: batches of files before, whose room is used again.
///
/// Gives the file's pieces beside, if they are wanted and all of it was read.
pub(super) fn read<'f, L: Lead>(
    task: Task<'_>,
    (file, size): (&'f File, u64),
    crew: Crew,
    (follow, any): (Option<&'f mut dyn Follow>, Option<&'f dyn FindAny>),
    spare: &mut Vec<Batch>,
    lead: &mut L,
) -> Result<(End, Option<Pieces>), L::Stop> {
    let ahead = Arc::new(Ahead::new(file, task.takes_hashes && task.given.set.is_hashed));
    let is_short = follow.is_some() && size < crew.short;
    // where records are recognised the cutting is what the others wait for
    let has_fetcher = follow.is_some() && !is_short;
    let follows_none = follow.is_none();
    let fetched = Fetched::new(Arc::clone(&ahead));
    let table = Table {
        cutting: Mutex::new(Cutting {
            cutter: Some(task.cutter(fetched, follow).in_batches()),
            end: None,
            size: crew.batch,
            spare: std::mem::take(spare),
            away: Away::new(1 + crew.workers * AHEAD, crew.batch),
            is_large: false,
            count: 0,
        }),
        room: Condvar::new(),
        ahead: follows_none.then(|| Arc::clone(&ahead)),
    };
    let wanted = lead.wanted();
    let read = thread::scope(|scope| {
        let (table, wanted) = (&table, wanted.as_ref());
        let _over = Over(table);
        if has_fetcher {
            scope.spawn(|| ahead.read_all());
        }
        let (done, parts) = mpsc::channel();
        let hire = move || {
            for _ in 1..crew.workers {
                let done = done.clone();
                scope.spawn(move || Hand::new(task, any, wanted).work(table, &done));
            }
        };
        let hire = if is_short {
            Some(hire)
        } else {
            hire();
            None
        };
        merge(&parts, table, Hand::new(task, any, wanted), hire, lead)
    });
    spare.append(&mut table.lock().spare);
    drop(table);
    read.map(|read| (read, ahead.pieces()))
}

/// What the threads share.
struct Table<'f> {
    cutting: Mutex<Cutting<'f>>,
    /// Tells that there is room for other batches, or that the reading is over.
    room: Condvar,
    /// Read ahead by who asks for a batch, before they cut: others cut meanwhile.
    ahead: Option<Arc<Ahead<'f>>>,
}

/// The cutting of a file into batches.
struct Cutting<'f> {
    /// None once the file has ended, or nobody asks for the rest of it.
    cutter: Option<Cutter<'f, Fetched<'f>>>,
    /// Still to be told.
    end: Option<End>,
    size: usize,
    spare: Vec<Batch>,
    away: Away,
    /// The last batch has a record that is very long: until all are merged no other is cut, so that there is one at a time.
    is_large: bool,
    /// Of parts that were handed out.
    count: usize,
}

/// Ends the work of the others when one ends, in whatever way: nobody waits for what a thread that broke down would have made.
struct Over<'t, 'f>(&'t Table<'f>);

impl Drop for Over<'_, '_> {
    fn drop(&mut self) {
        let mut cutting = self.0.lock();
        (cutting.cutter, cutting.end) = (None, None);
        self.0.room.notify_all();
    }
}

impl<'f> Table<'f> {
    /// A thread that broke down while it was cutting has left nothing that could be gone on with.
    fn lock(&self) -> MutexGuard<'_, Cutting<'f>> {
        self.cutting.lock().unwrap_or_else(|broken| {
            let mut cutting = broken.into_inner();
            (cutting.cutter, cutting.end) = (None, None);
            cutting
        })
    }

    /// The next part and its number, for who can wait until there is room; none where there is no more.
    fn next(&self) -> Option<(usize, Part)> {
        self.read_ahead();
        let mut cutting = self.lock();
        while !cutting.is_over() && !cutting.has_room() {
            cutting = self.room.wait(cutting).ok()?;
        }
        cutting.next()
    }

    /// The same for who makes room.
    fn next_now(&self) -> Option<(usize, Part)> {
        self.read_ahead();
        let mut cutting = self.lock();
        if cutting.has_room() { cutting.next() } else { None }
    }

    fn read_ahead(&self) {
        self.ahead.iter().for_each(|ahead| ahead.read_one());
    }

    /// A batch was merged.
    fn take_back(&self, batch: Batch) {
        let mut cutting = self.lock();
        cutting.away.pop();
        cutting.spare.push(batch);
        self.room.notify_one();
    }
}

impl Cutting<'_> {
    fn is_over(&self) -> bool {
        self.cutter.is_none() && self.end.is_none()
    }

    fn has_room(&self) -> bool {
        !self.away.is_full() && (!self.is_large || self.away.octets.is_empty())
    }

    fn next(&mut self) -> Option<(usize, Part)> {
        let part = loop {
            if let Some(end) = self.end.take() {
                break Part::End(end);
            }
            let cutter = self.cutter.as_mut()?;
            let mut batch = self.spare.pop().unwrap_or_default().emptied(self.size);
            match batch.fill(cutter, self.size) {
                None => {}
                Some(Ok(())) => self.end = self.cutter.take().map(|cutter| Ok(cutter.finish())),
                Some(Err(fault)) => (self.cutter, self.end) = (None, Some(Err(fault))),
            }
            if batch.is_empty() {
                self.spare.push(batch);
                continue;
            }
            self.is_large = batch.is_large(self.size);
            self.away.push(batch.octets());
            break Part::Batch(batch);
        };
        self.count += 1;
        Some((self.count - 1, part))
    }
}

/// Batches that are cut and not merged yet; they come back in the order in which they went.
struct Away {
    /// Of each of them.
    octets: VecDeque<usize>,
    sum: usize,
    /// So many may be away whatever they hold: each thread has some.
    few: usize,
    room: usize,
}

impl Away {
    fn new(few: usize, size: usize) -> Self {
        Self { octets: VecDeque::new(), sum: 0, few, room: few * size }
    }

    fn is_full(&self) -> bool {
        let count = self.octets.len();
        count >= MOST_AWAY || (count > self.few && self.sum > self.room)
    }

    fn push(&mut self, octets: usize) {
        self.octets.push_back(octets);
        self.sum += octets;
    }

    fn pop(&mut self) {
        self.sum -= self.octets.pop_front().unwrap_or_default();
    }
}

/// One who cuts batches, in turn with the others, and maps them: so most of what is read stays with one processor.
struct Hand<'t> {
    ways: Ways,
    /// None: nobody asks for the hashes of records.
    hasher: Option<Hasher>,
    any: Option<&'t dyn FindAny>,
    wanted: Option<&'t Regex>,
    entries: Entries,
}

impl<'t> Hand<'t> {
    fn new(task: Task<'_>, any: Option<&'t dyn FindAny>, wanted: Option<&'t Regex>) -> Self {
        let mapper = task.mapper();
        let noted = vec![0; mapper.preset().names.len()];
        let ways = Ways { direct: task.direct(&mapper), decoder: task.decoder(), mapper, noted };
        let hasher = task.takes_hashes.then(|| Hasher::new(task.seed));
        Self { ways, hasher, any, wanted, entries: task.entries }
    }

    fn work(mut self, table: &Table<'_>, done: &Sender<(usize, Part)>) {
        let _over = Over(table);
        while let Some((number, mut part)) = table.next() {
            self.finish(&mut part);
            if done.send((number, part)).is_err() {
                return;
            }
        }
    }

    fn finish(&mut self, part: &mut Part) {
        let Part::Batch(batch) = part else { return };
        self.wanted.into_iter().for_each(|wanted| batch.pass_over(wanted));
        if batch.has_unknown() {
            self.hasher.iter().for_each(|hasher| batch.hash(hasher));
            self.any.into_iter().for_each(|any| batch.recall(any));
            batch.map(&mut self.ways, self.entries);
        }
    }
}

/// Merges the parts in their order, and works where none is ready; `hire` gets the others when there is something to map.
fn merge<L: Lead>(
    parts: &Receiver<(usize, Part)>,
    table: &Table<'_>,
    mut hand: Hand<'_>,
    mut hire: Option<impl FnOnce()>,
    lead: &mut L,
) -> Result<End, L::Stop> {
    // from the next one on
    let mut ahead: VecDeque<Option<Part>> = VecDeque::new();
    let mut next = 0;
    loop {
        let of_others = parts.try_recv().ok();
        let own = || {
            let next = table.next_now();
            if hire.is_some() && next.as_ref().is_none_or(|(_, part)| part.has_unknown()) {
                hire.take().into_iter().for_each(|hire| hire());
            }
            let (number, mut part) = next?;
            hand.finish(&mut part);
            Some((number, part))
        };
        let Some((number, part)) = of_others.or_else(own).or_else(|| parts.recv().ok()) else {
            return Ok(Err(broken()));
        };
        let place = number - next;
        ahead.resize_with(ahead.len().max(place + 1), || None);
        ahead[place] = Some(part);
        while let Some(part) = ahead.front_mut().and_then(Option::take) {
            ahead.pop_front();
            next += 1;
            match part {
                Part::Batch(mut batch) => {
                    lead.merge(&mut batch)?;
                    table.take_back(batch);
                }
                Part::End(end) => return Ok(end),
            }
        }
    }
}

/// A thread ended before its time; the scope then passes its panic on.
pub(super) fn broken() -> FileFault {
    unreadable(&std::io::Error::other("a reading thread broke down"))
}
