//! Reads a file ahead of whoever cuts it: to copy it out of the system's memory takes as long as to go through it, and only one can cut.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::identity::{PIECE, Pieces, fill};

/// Octets of a block; a whole number of pieces.
const BLOCK: usize = 2 * PIECE;
/// Room before the octets of a block, for the beginning of a record that goes on in it.
const BEFORE: usize = 16 << 10;
/// How many blocks lie ready or are being read: few enough to stay in the cache.
const READY: usize = 2;

/// What framers read from.
pub trait Feed: Read {
    /// Gives what comes next in a buffer of its own, with the `held` octets of `buffer` before it, and says where both lie; what
    /// there is no more of is empty. Where it answers none, [`Read::read`] gives it.
    fn exchange(&mut self, buffer: &mut Vec<u8>, held: Range<usize>) -> io::Result<Option<Range<usize>>> {
        let _ = (buffer, held);
        Ok(None)
    }
}

impl Feed for File {}
impl Feed for &File {}
impl Feed for &[u8] {}
impl<R: Read + ?Sized> Feed for &mut R {}

/// One block of a file; empty at its end.
type Block = (Vec<u8>, Range<usize>);

/// The blocks of a file, which are read by whoever is free, and taken by one in their order.
pub struct Ahead<'f> {
    file: &'f File,
    /// Its pieces are wanted.
    is_hashed: bool,
    queue: Mutex<Queue>,
    /// Tells that a block is there, that there is room for one, or that none is wanted any more.
    changed: Condvar,
}

/// What is read and not taken yet.
#[derive(Default)]
struct Queue {
    /// In their order; none: somebody reads it.
    blocks: VecDeque<Option<io::Result<Whole>>>,
    /// How many were taken: the number of the first of those.
    taken: usize,
    /// Where the next one begins.
    at: u64,
    /// No more is read ahead: the end was seen, or nobody wants it.
    is_over: bool,
    /// All of it was taken.
    is_whole: bool,
    /// Of what was taken.
    pieces: Pieces,
    /// Room to use again.
    free: Vec<Vec<u8>>,
}

/// A block and its pieces.
struct Whole {
    block: Block,
    pieces: Pieces,
}

/// A block that somebody reads: it is put where it belongs in the end, whatever becomes of them.
struct Claim<'a, 'f> {
    ahead: &'a Ahead<'f>,
    number: usize,
    read: Option<io::Result<Whole>>,
}

impl Drop for Claim<'_, '_> {
    fn drop(&mut self) {
        let read = self.read.take().unwrap_or_else(|| Err(io::Error::other("a reading thread broke down")));
        let mut queue = self.ahead.lock();
        // behind the end nobody waits for it
        if let Some(place) = self.number.checked_sub(queue.taken).and_then(|at| queue.blocks.get_mut(at)) {
            let is_last = read.as_ref().map_or(true, |whole| whole.block.1.len() < BLOCK);
            *place = Some(read);
            queue.is_over |= is_last;
            self.ahead.changed.notify_all();
        }
    }
}

impl<'f> Ahead<'f> {
    pub fn new(file: &'f File, is_hashed: bool) -> Self {
        Self { file, is_hashed, queue: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // whatever is in it was put there whole
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the next block, if there is room for one.
    pub fn read_one(&self) {
        let queue = self.lock();
        if queue.has_room() {
            self.claim(queue);
        }
    }

    /// Reads until no more is wanted.
    pub fn read_all(&self) {
        loop {
            let mut queue = self.lock();
            while !queue.is_over && !queue.has_room() {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            if queue.is_over {
                return;
            }
            self.claim(queue);
        }
    }

    /// Reads the next block beside others who read those behind it.
    fn claim(&self, mut queue: MutexGuard<'_, Queue>) {
        let mut claim = Claim { ahead: self, number: queue.taken + queue.blocks.len(), read: None };
        let at = queue.at;
        queue.blocks.push_back(None);
        queue.at += BLOCK as u64;
        let buffer = queue.free.pop().unwrap_or_else(|| vec![0; BEFORE + BLOCK]);
        drop(queue);
        claim.read = Some(self.read(at, buffer));
    }

    fn read(&self, at: u64, mut buffer: Vec<u8>) -> io::Result<Whole> {
        let mut pieces = Pieces::default();
        let octets = fill(self.file, at, &mut buffer[BEFORE..])?;
        let count = octets.len();
        if self.is_hashed {
            pieces.add(octets);
        }
        Ok(Whole { block: (buffer, BEFORE..BEFORE + count), pieces })
    }

    /// Takes the next block; `old` is one that is needed no more.
    fn take(&self, old: Vec<u8>) -> io::Result<Block> {
        let mut queue = self.lock();
        // one in which a long record was held is given back to the system
        if old.len() == BEFORE + BLOCK {
            queue.free.push(old);
        }
        loop {
            match queue.blocks.front() {
                None => {
                    self.claim(queue);
                    queue = self.lock();
                }
                Some(None) => queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(Some(_)) => break,
            }
        }
        let Whole { block, pieces } = queue.pop().unwrap_or_else(|| Err(io::Error::other("no block was read")))?;
        queue.pieces.append(pieces);
        self.changed.notify_all();
        Ok(block)
    }

    /// The pieces of the file, if they are wanted and all of it was taken.
    pub fn pieces(&self) -> Option<Pieces> {
        let mut queue = self.lock();
        (self.is_hashed && queue.is_whole).then(|| std::mem::take(&mut queue.pieces))
    }
}

impl Queue {
    fn has_room(&self) -> bool {
        !self.is_over && self.blocks.len() < READY
    }

    /// Takes the first block out, which is there.
    fn pop(&mut self) -> Option<io::Result<Whole>> {
        let first = self.blocks.pop_front()??;
        self.taken += 1;
        if let Ok(Whole { block: (_, octets), .. }) = &first
            && octets.len() < BLOCK
        {
            // a file that grows goes on right behind it
            self.at -= (BLOCK * (1 + self.blocks.len()) - octets.len()) as u64;
            self.taken += self.blocks.len();
            self.blocks.clear();
            self.is_whole = octets.is_empty();
        }
        Some(first)
    }
}

/// A file that is read block by block.
pub struct Fetched<'f> {
    ahead: Arc<Ahead<'f>>,
    /// What is left of the last one.
    block: Block,
    is_over: bool,
}

impl Drop for Fetched<'_> {
    fn drop(&mut self) {
        self.ahead.lock().is_over = true;
        self.ahead.changed.notify_all();
    }
}

impl<'f> Fetched<'f> {
    pub fn new(ahead: Arc<Ahead<'f>>) -> Self {
        Self { ahead, block: Block::default(), is_over: false }
    }

    /// Makes sure that the block has octets, unless there are no more.
    fn want(&mut self) -> io::Result<()> {
        while self.block.1.start == self.block.1.end && !self.is_over {
            let (old, _) = std::mem::take(&mut self.block);
            self.block = self.ahead.take(old)?;
            self.is_over = self.block.1.start == self.block.1.end;
        }
        Ok(())
    }
}

impl Read for Fetched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.want()?;
        let (block, range) = &mut self.block;
        let count = buffer.len().min(range.len());
        buffer[..count].copy_from_slice(&block[range.start..range.start + count]);
        range.start += count;
        Ok(count)
    }
}

impl Feed for Fetched<'_> {
    fn exchange(&mut self, buffer: &mut Vec<u8>, held: Range<usize>) -> io::Result<Option<Range<usize>>> {
        self.want()?;
        let (block, range) = &mut self.block;
        let Some(begin) = range.start.checked_sub(held.len()).filter(|_| range.start < range.end) else {
            return Ok(None);
        };
        block[begin..range.start].copy_from_slice(&buffer[held]);
        let both = begin..range.end;
        // what the caller held before is the room of the next one
        *range = 0..0;
        std::mem::swap(buffer, block);
        Ok(Some(both))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// All octets of a file, taken as a framer takes them: with much or little held, by blocks and not.
    fn taken(mut fetched: Fetched<'_>, random: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
        let (mut all, mut buffer, mut held) = (Vec::new(), Vec::new(), 0..0);
        loop {
            let most = [1, BEFORE, 3 * BLOCK][random(3)];
            held.start = held.end - random(most).min(held.len());
            let before = buffer[held.clone()].to_vec();
            let by_blocks = if random(9) == 0 { None } else { fetched.exchange(&mut buffer, held).expect("readable") };
            held = match by_blocks {
                Some(both) => both,
                None => {
                    let mut more = vec![0; 1 + random(2 * BLOCK)];
                    let count = fetched.read(&mut more).expect("readable");
                    if count == 0 {
                        return all;
                    }
                    buffer = [&before, &more[..count]].concat();
                    0..buffer.len()
                }
            };
            assert!(buffer[held.clone()].starts_with(&before));
            all.extend_from_slice(&buffer[held.start + before.len()..held.end]);
        }
    }

    #[test]
    fn every_octet_is_given_once_and_hashed() {
        let mut state = 11_u64;
        let mut random = |most: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % most
        };
        for size in [0, 1, PIECE, BLOCK - 1, BLOCK, 5 * BLOCK, 7 * BLOCK + 4321] {
            let octets: Vec<u8> = (0..size).map(|_| random(256) as u8).collect();
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(&octets).expect("room");
            let mut expected = Pieces::default();
            expected.add(&octets);
            for turn in 0..30 {
                let ahead = Arc::new(Ahead::new(&file, true));
                let fetched = Fetched::new(Arc::clone(&ahead));
                let all = std::thread::scope(|scope| {
                    let free = || (0..20).for_each(|_| ahead.read_one());
                    match turn % 3 {
                        0 => {}
                        1 => drop(scope.spawn(|| ahead.read_all())),
                        _ => (0..2).for_each(|_| drop(scope.spawn(free))),
                    }
                    taken(fetched, &mut random)
                });
                assert!(all == octets, "{size} octets, turn {turn}");
                assert_eq!(ahead.pieces().as_ref(), Some(&expected), "{size} octets, turn {turn}");
            }
        }
    }

    #[test]
    fn what_a_file_grows_by_comes_right_behind() {
        for size in [0, 7, BLOCK, 2 * BLOCK - 7] {
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(&vec![b'a'; size]).expect("room");
            let reader = file.try_clone().expect("a file");
            let ahead = Arc::new(Ahead::new(&reader, true));
            let mut fetched = Fetched::new(Arc::clone(&ahead));
            // as far as it may be read ahead
            (0..9).for_each(|_| ahead.read_one());
            file.write_all(&vec![b'b'; 3 * BLOCK]).expect("room");
            let mut all = Vec::new();
            fetched.read_to_end(&mut all).expect("readable");
            let mut expected = vec![b'a'; size];
            expected.resize(all.len().max(size), b'b');
            assert!(all == expected, "{size}: {}", all.len());
            assert!([size, size + 3 * BLOCK].contains(&all.len()), "{size}: {}", all.len());
        }
    }

    #[test]
    fn nobody_reads_for_one_who_has_gone() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&vec![b'a'; 9 * BLOCK]).expect("room");
        let ahead = Arc::new(Ahead::new(&file, true));
        let mut fetched = Fetched::new(Arc::clone(&ahead));
        std::thread::scope(|scope| {
            scope.spawn(|| ahead.read_all());
            assert_eq!(fetched.read(&mut [0; 10]).expect("readable"), 10);
            drop(fetched);
        });
        assert_eq!(ahead.pieces(), None);
    }
}
