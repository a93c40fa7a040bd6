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

/// The blocks of a file.
pub struct Blocks<'f> {
    file: &'f File,
    at: u64,
    pieces: Pieces,
    /// Who wants the pieces of all of it.
    wanted: Option<Sender<Pieces>>,
}

impl<'f> Blocks<'f> {
    pub fn new(file: &'f File, wanted: Option<Sender<Pieces>>) -> Self {
        Self { file, at: 0, pieces: Pieces::default(), wanted }
    }

    /// Reads the next one; `buffer` is room to use again.
    fn next(&mut self, mut buffer: Vec<u8>) -> io::Result<Block> {
        // one in which a long record was held is given back to the system
        if buffer.len() != BEFORE + BLOCK {
            buffer = vec![0; BEFORE + BLOCK];
        }
        let octets = fill(self.file, self.at, &mut buffer[BEFORE..])?;
        let count = octets.len();
        self.at += count as u64;
        if self.wanted.is_some() {
            self.pieces.add(octets);
        }
        if count == 0
            && let Some(wanted) = self.wanted.take()
        {
            // nobody misses them where the reading has ended before
            let _ = wanted.send(std::mem::take(&mut self.pieces));
        }
        Ok((buffer, BEFORE..BEFORE + count))
    }
}

/// A file that is read block by block.
pub struct Fetched<'f> {
    from: Supply<'f>,
    /// What is left of the last one.
    block: Block,
    is_over: bool,
}

enum Supply<'f> {
    Here(Blocks<'f>),
    Thread { blocks: Receiver<io::Result<Block>>, back: Sender<Vec<u8>> },
}

/// Reads a file for another thread.
pub struct Fetcher<'f> {
    blocks: Blocks<'f>,
    to: SyncSender<io::Result<Block>>,
    free: Receiver<Vec<u8>>,
}

impl Fetcher<'_> {
    /// Reads the file to its end.
    pub fn fetch(mut self) {
        loop {
            let block = self.blocks.next(self.free.try_recv().unwrap_or_default());
            let is_last = block.as_ref().map_or(true, |(_, octets)| octets.start == octets.end);
            if self.to.send(block).is_err() || is_last {
                return;
            }
        }
    }
}

impl<'f> Fetched<'f> {
    /// For the thread that reads the blocks itself.
    pub fn here(blocks: Blocks<'f>) -> Self {
        Self { from: Supply::Here(blocks), block: Block::default(), is_over: false }
    }

    /// For a thread beside the one that reads them.
    pub fn beside(blocks: Blocks<'f>) -> (Fetcher<'f>, Self) {
        let ((to, ready), (back, free)) = (mpsc::sync_channel(READY), mpsc::channel());
        let from = Supply::Thread { blocks: ready, back };
        (Fetcher { blocks, to, free }, Self { from, block: Block::default(), is_over: false })
    }

    /// Makes sure that the block has octets, unless there are no more.
    fn want(&mut self) -> io::Result<()> {
        while self.block.1.start == self.block.1.end && !self.is_over {
            let (old, _) = std::mem::take(&mut self.block);
            self.block = match &mut self.from {
                Supply::Here(blocks) => blocks.next(old)?,
                Supply::Thread { blocks, back } => {
                    if !old.is_empty() {
                        // nobody misses it where the file is read to its end
                        let _ = back.send(old);
                    }
                    blocks.recv().map_err(|_| io::Error::other("the reading thread broke down"))??
                }
            };
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
            for turn in 0..20 {
                let (wanted, pieces) = mpsc::channel();
                let blocks = Blocks::new(&file, Some(wanted));
                let all = std::thread::scope(|scope| {
                    let fetched = if turn % 2 == 0 {
                        Fetched::here(blocks)
                    } else {
                        let (fetcher, fetched) = Fetched::beside(blocks);
                        scope.spawn(|| fetcher.fetch());
                        fetched
                    };
                    taken(fetched, &mut random)
                });
                assert!(all == octets, "{size} octets, turn {turn}");
                assert_eq!(pieces.recv().as_ref(), Ok(&expected), "{size} octets, turn {turn}");
            }
        }
    }
}
