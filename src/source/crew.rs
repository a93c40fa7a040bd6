//! Reads the records of a large file by several threads; what they find is gone through in the order of the file.
//!
//! ```text
//! fetcher  reads the file, and hashes it if its identity is wanted; the cutter does so itself where no records are recognised
//! cutter   cuts it into batches of records and recognises those that come in the order of last time
//! leader   the calling thread: hands out batches and merges them in their order
//! workers  recognise records where the order is lost, and map those that are not known: plain ones straight from their bytes,
//!          others as small files are read
//! ```
//!
//! What a worker cannot finish (a refusal, a change record, a very long record) it leaves as it is; the leader then reads it as
//! it reads small files. How far the leader is ahead depends on counts alone, so that a reading is the same each time.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::batch::{Batch, Ways};
use super::cut::Cutter;
use super::direct::Direct;
use super::fetch::{Blocks, Feed, Fetched};
use super::file::mapper_of;
use super::frame::{Decoder, FileFacts, FileFault, Framer, Wanted};
use super::identity::Pieces;
use super::map::Mapper;
use super::open::{Opened, unreadable};
use super::preset::FormatName;
use super::read::Given;
use super::recognise::{FindAny, Follow};
use super::rules;
use super::wanted;

/// How many threads share the work, and what is work enough.
#[derive(Debug, Clone, Copy)]
pub struct Crew {
    /// Threads that decode; none: the calling thread does everything.
    pub workers: usize,
    /// Octets of a file from which on it is worth their start.
    pub least: u64,
    /// Octets of a batch.
    pub batch: usize,
}

/// More decode faster than one thread can merge.
const MOST_WORKERS: usize = 6;

impl Crew {
    /// As many as the machine has processors; also one is worth it, as workers take the straight way for plain records.
    pub fn of_machine() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self { workers: processors.min(MOST_WORKERS), least: 512 << 10, batch: 256 << 10 }
    }
}

/// What threads must know of the file.
#[derive(Clone, Copy)]
pub(super) struct Task<'t> {
    pub given: Given<'t>,
    pub index: usize,
    pub opened: &'t Opened,
    pub is_delta: bool,
    /// Entries are kept whole, as changes may follow.
    pub keeps_entries: bool,
    pub seed: u64,
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
        Decoder::of_wanted(&self.opened.format, self.given.settings.limits, self.wanted())
    }

    fn wanted(&self) -> Option<Wanted> {
        let names = self.given.settings.wanted.as_ref().filter(|_| !self.keeps_entries);
        wanted::of_preset(&self.opened.preset, names)
    }

    /// The way of plain records, if it is open to this file; what `mapper` is for.
    pub fn direct(&self, mapper: &Mapper) -> Option<Direct> {
        let wanted = self.wanted();
        let anchor = rules::anchor_candidates(&self.opened.preset, self.given.settings).into_iter().next();
        Direct::new(mapper, &self.opened.format, self.given.settings.limits, wanted.as_ref(), anchor.as_deref())
            .filter(|_| !self.keeps_entries)
    }

    pub fn mapper(&self) -> Mapper {
        mapper_of(self.given, self.index, self.opened, self.is_delta, Arc::clone(&self.opened.preset))
    }
}

/// Who goes through the batches, in the calling thread and in the order of the file.
pub(super) trait Lead {
    /// Why it ends before the end.
    type Stop;

    /// Marks the records that nobody asks for; ahead of the merging.
    fn pass_over(&mut self, batch: &mut Batch);

    fn merge(&mut self, batch: &mut Batch) -> Result<(), Self::Stop>;
}

/// How a file ended.
type End = Result<FileFacts, FileFault>;

/// What the cutter hands over.
enum Cut {
    Batch(Batch),
    End(End),
}

/// A batch on its way to being merged.
enum Underway {
    /// With the worker of this number.
    With(usize),
    Ready(Box<Batch>),
}

/// The way to a worker and back.
struct Lane {
    to: Sender<Batch>,
    from: Receiver<Batch>,
}

/// How many full batches lie ready, cut.
const CUT_AHEAD: usize = 2;
/// How many batches are underway at most: of records that are known they are almost empty, and the cutter need not wait while
/// somebody makes an index.
const MOST_AWAY: usize = 64;
/// How many batches each worker is given ahead of the merging.
const GIVEN_AHEAD: usize = 2;

/// Reads the file to its end; `follow` and `any` recognise records; `spare`: batches of files before, whose room is used again.
///
/// Gives the file's pieces beside, if they are wanted and all of it was read.
pub(super) fn read<'f, L: Lead>(
    task: Task<'_>,
    file: &'f File,
    crew: Crew,
    (follow, any): (Option<&'f mut dyn Follow>, Option<&'f dyn FindAny>),
    spare: &mut Vec<Batch>,
    lead: &mut L,
) -> Result<(End, Option<Pieces>), L::Stop> {
    thread::scope(|scope| {
        let (wanted, pieces) = mpsc::channel();
        let blocks = Blocks::new(file, task.given.set.is_hashed.then_some(wanted));
        // where records are recognised the cutter is who the others wait for
        let fetched = if follow.is_some() {
            let (fetcher, fetched) = Fetched::beside(blocks);
            scope.spawn(|| fetcher.fetch());
            fetched
        } else {
            Fetched::here(blocks)
        };
        let (to, cuts) = mpsc::channel();
        let (back, free) = mpsc::channel();
        let given = std::mem::take(spare);
        let cutter = scope.spawn(move || cut(task.cutter(fetched, follow).in_batches(), crew, given, &to, &free));
        let lanes = (0..crew.workers).map(|_| {
            let ((to, jobs), (done, from)) = (mpsc::channel(), mpsc::channel());
            scope.spawn(move || work(task, any, &jobs, &done));
            Lane { to, from }
        });
        let mut way = Way { lanes: lanes.collect(), back, underway: VecDeque::new(), spare };
        let read = way.lead(&cuts, crew.batch, lead);
        // so that nobody waits for the leader any more
        drop((way, cuts));
        if let Ok(left) = cutter.join() {
            spare.extend(left);
        }
        read.map(|read| (read, pieces.recv().ok()))
    })
}

/// Cuts the file. After a batch with a record that is very long it waits until all are merged, so that there is one at a time.
fn cut(
    mut cutter: Cutter<'_, Fetched<'_>>,
    crew: Crew,
    mut spare: Vec<Batch>,
    to: &Sender<Cut>,
    free: &Receiver<Batch>,
) -> Vec<Batch> {
    let size = crew.batch;
    let mut away = Away::new(CUT_AHEAD + crew.workers * GIVEN_AHEAD, size);
    let end = loop {
        while let Ok(batch) = free.try_recv() {
            away.pop();
            spare.push(batch);
        }
        while away.is_full() {
            let Ok(batch) = free.recv() else { return spare };
            away.pop();
            spare.push(batch);
        }
        let mut batch = spare.pop().unwrap_or_default().emptied(size);
        let end = batch.fill(&mut cutter, size);
        let (is_large, octets) = (batch.is_large(size), batch.octets());
        if batch.is_empty() {
            spare.push(batch);
        } else if to.send(Cut::Batch(batch)).is_ok() {
            away.push(octets);
        } else {
            return spare;
        }
        while is_large && !away.octets.is_empty() {
            let Ok(_) = free.recv() else { return spare };
            away.pop();
        }
        match end {
            None => {}
            Some(Ok(())) => break Ok(cutter.finish()),
            Some(Err(fault)) => break Err(fault),
        }
    };
    // nobody listens where the leader has ended before
    let _ = to.send(Cut::End(end));
    spare.extend(free.try_iter());
    spare
}

/// Batches that are cut and not merged yet; they come back in the order in which they went.
struct Away {
    /// Of each of them.
    octets: VecDeque<usize>,
    sum: usize,
    /// So many may be away whatever they hold: the leader merges none before it has some.
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

fn work(task: Task<'_>, any: Option<&dyn FindAny>, jobs: &Receiver<Batch>, done: &Sender<Batch>) {
    let mapper = task.mapper();
    let mut ways = Ways { direct: task.direct(&mapper), decoder: task.decoder(), mapper };
    let keeps_entries = task.keeps_entries && task.opened.preset.format == FormatName::Ldif;
    for mut batch in jobs {
        any.into_iter().for_each(|any| batch.recall(any));
        batch.map(&mut ways, keeps_entries);
        if done.send(batch).is_err() {
            return;
        }
    }
}

/// The leader's ways to the others.
struct Way<'s> {
    lanes: Vec<Lane>,
    back: Sender<Batch>,
    underway: VecDeque<Underway>,
    /// What comes back when the cutter has ended.
    spare: &'s mut Vec<Batch>,
}

impl Way<'_> {
    fn lead<L: Lead>(&mut self, cuts: &Receiver<Cut>, size: usize, lead: &mut L) -> Result<End, L::Stop> {
        let mut next = 0;
        loop {
            match cuts.recv() {
                Ok(Cut::Batch(mut batch)) => {
                    lead.pass_over(&mut batch);
                    let ahead = if batch.is_large(size) { 0 } else { self.lanes.len() * GIVEN_AHEAD };
                    if !batch.has_unknown() {
                        self.underway.push_back(Underway::Ready(Box::new(batch)));
                    } else if self.lanes[next].to.send(batch).is_ok() {
                        self.underway.push_back(Underway::With(next));
                        next = (next + 1) % self.lanes.len();
                    } else {
                        return Ok(Err(broken()));
                    }
                    if let Err(fault) = self.merge(ahead, lead)? {
                        return Ok(Err(fault));
                    }
                }
                Ok(Cut::End(end)) => {
                    return Ok(match self.merge(0, lead)? {
                        Ok(()) => end,
                        Err(fault) => Err(fault),
                    });
                }
                Err(_) => return Ok(Err(broken())),
            }
        }
    }

    /// Merges batches until no more than `ahead` are underway.
    fn merge<L: Lead>(&mut self, ahead: usize, lead: &mut L) -> Result<Result<(), FileFault>, L::Stop> {
        while self.underway.len() > ahead {
            let mut batch = match self.underway.pop_front() {
                Some(Underway::Ready(batch)) => *batch,
                Some(Underway::With(worker)) => match self.lanes[worker].from.recv() {
                    Ok(batch) => batch,
                    Err(_) => return Ok(Err(broken())),
                },
                None => break,
            };
            lead.merge(&mut batch)?;
            if let Err(mpsc::SendError(batch)) = self.back.send(batch) {
                self.spare.push(batch);
            }
        }
        Ok(Ok(()))
    }
}

/// A thread ended before its time; the scope then passes its panic on.
pub(super) fn broken() -> FileFault {
    unreadable(&std::io::Error::other("a reading thread broke down"))
}
