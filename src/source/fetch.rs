//! Reads a file ahead of the thread that cuts it: to copy it out of the system's memory takes as long as to go through it.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};

use super::identity::{PIECE, Pieces, fill};

/// Octets of a block; a whole number of pieces.
const BLOCK: usize = 2 * PIECE;
/// Room before the octets of a block, for the beginning of a record that goes on in it.
const BEFORE: usize = 16 << 10;
/// How many blocks lie ready: few enough to stay in the cache.
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

/// A file that another thread reads.
pub struct Fetched {
    blocks: Receiver<io::Result<Block>>,
    back: Sender<Vec<u8>>,
    /// What is left of the last one.
    block: Block,
    is_over: bool,
}

/// Who reads it.
pub struct Fetcher {
    to: SyncSender<io::Result<Block>>,
    free: Receiver<Vec<u8>>,
}

/// The two ends of the way of a file's octets.
pub fn fetching() -> (Fetcher, Fetched) {
    let ((to, blocks), (back, free)) = (mpsc::sync_channel(READY), mpsc::channel());
    (Fetcher { to, free }, Fetched { blocks, back, block: Block::default(), is_over: false })
}

impl Fetcher {
    /// Reads the file to its end, and hashes its pieces if that `is_wanted`; they are none if nobody wanted all of it.
    pub fn fetch(self, file: &File, is_wanted: bool) -> Option<Pieces> {
        let (mut at, mut pieces) = (0, Pieces::default());
        loop {
            let mut buffer = self.free.try_recv().unwrap_or_default();
            // one in which a long record was held is given back to the system
            if buffer.len() != BEFORE + BLOCK {
                buffer = vec![0; BEFORE + BLOCK];
            }
            let read = fill(file, at, &mut buffer[BEFORE..]).map(|octets| {
                if is_wanted {
                    pieces.add(octets);
                }
                octets.len()
            });
            let is_last = !matches!(read, Ok(1..));
            at += *read.as_ref().unwrap_or(&0) as u64;
            let is_read = read.is_ok();
            if self.to.send(read.map(|octets| (buffer, BEFORE..BEFORE + octets))).is_err() {
                return None;
            }
            if is_last {
                return Some(pieces).filter(|_| is_wanted && is_read);
            }
        }
    }
}

impl Fetched {
    /// Makes sure that the block has octets, unless there are no more.
    fn want(&mut self) -> io::Result<()> {
        while self.block.1.is_empty() && !self.is_over {
            let block = self.blocks.recv().map_err(|_| io::Error::other("the reading thread broke down"))??;
            self.is_over = block.1.is_empty();
            self.give_back(block);
        }
        Ok(())
    }

    /// Takes another block; nobody misses the old one where the file is read to its end.
    fn give_back(&mut self, block: Block) {
        let (old, _) = std::mem::replace(&mut self.block, block);
        if !old.is_empty() {
            let _ = self.back.send(old);
        }
    }
}

impl Read for Fetched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.want()?;
        let (block, range) = &mut self.block;
        let count = buffer.len().min(range.len());
        buffer[..count].copy_from_slice(&block[range.start..range.start + count]);
        range.start += count;
        Ok(count)
    }
}

impl Feed for Fetched {
    fn exchange(&mut self, buffer: &mut Vec<u8>, held: Range<usize>) -> io::Result<Option<Range<usize>>> {
        self.want()?;
        let (block, range) = &mut self.block;
        let Some(begin) = range.start.checked_sub(held.len()).filter(|_| range.start < range.end) else {
            return Ok(None);
        };
        block[begin..range.start].copy_from_slice(&buffer[held]);
        let both = begin..range.end;
        std::mem::swap(buffer, block);
        self.give_back(Block::default());
        Ok(Some(both))
    }
}
