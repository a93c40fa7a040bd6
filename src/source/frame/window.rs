//! The buffer that framers cut records from.

use super::super::encoding::Input;
use super::super::fetch::Feed;
use super::FileFault;

/// Room that is made before each read; large enough that few records straddle two reads, small enough for the cache.
const BLOCK: usize = 256 << 10;

/// A sliding view of a file. Offsets that callers keep are relative to [`Window::data`] and survive [`Window::fill`].
pub(super) struct Window<R> {
    input: Input<R>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
}

impl<R: Feed> Window<R> {
    pub(super) fn new(input: Input<R>) -> Self {
        Self { input, buffer: Vec::new(), start: 0, end: 0, at_end: false }
    }

    /// Returns what has been read and not yet passed over.
    pub(super) fn data(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Says whether there is nothing after [`Window::data`].
    pub(super) fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// Passes over the first `count` bytes of the data.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Reads more after the data; says whether there was more. The buffer grows only by what callers leave in it, so they bound it.
    pub(super) fn fill(&mut self) -> Result<bool, FileFault> {
        if self.at_end {
            return Ok(false);
        }
        if let Some(both) = self.input.exchange(&mut self.buffer, self.start..self.end)? {
            (self.start, self.end) = (both.start, both.end);
            return Ok(true);
        }
        if self.buffer.len() - self.end < BLOCK / 4 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let room = self.end + BLOCK;
            if self.buffer.len() < room {
                // by a half, so that a long record is not copied once per block
                self.buffer.resize(room.max(self.end + self.end / 2), 0);
            }
        }
        let count = self.input.read(&mut self.buffer[self.end..])?;
        self.end += count;
        self.at_end = count == 0;
        Ok(count > 0)
    }

    /// Makes sure that `count` bytes are there, unless the file ends before.
    pub(super) fn want(&mut self, count: usize) -> Result<(), FileFault> {
        while self.data().len() < count && self.fill()? {}
        Ok(())
    }
}
