//! Gathers a record that is too long to lie in the buffer, line by line, and passes over what exceeds the limits.

use memchr::memchr;

use super::super::window::Window;
use super::super::{FileFault, Limits, RecordFault};
use crate::source::fetch::Feed;

/// CRs of an empty line that are looked through; a line of more is text.
pub(super) const RETURNS: usize = 64;

/// One long record while it is read. Comments are kept as `#` only, so that lines count as they lie in the file.
pub(super) struct Long<'a> {
    held: &'a mut Vec<u8>,
    limits: Limits,
    first: u64,
    line: u64,
    /// The logical line that is being read: whether it is a comment, where it began, its length.
    in_comment: bool,
    began: u64,
    length: usize,
    is_ended: bool,
    fault: Option<RecordFault>,
}

impl<'a> Long<'a> {
    pub(super) fn new(held: &'a mut Vec<u8>, line: u64, limits: Limits) -> Self {
        Self { held, limits, first: line, line, in_comment: false, began: line, length: 0, is_ended: true, fault: None }
    }

    /// The line after the record.
    pub(super) fn next_line(&self) -> u64 {
        self.line
    }

    /// Says whether the last line had its line end.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Reads to the end of the record; the fault is the first limit it exceeds.
    pub(super) fn gather<R: Feed>(&mut self, window: &mut Window<R>) -> Result<Option<RecordFault>, FileFault> {
        loop {
            window.want(RETURNS + 1)?;
            let data = window.data();
            let Some(&first) = data.first() else { break };
            let returns = data.iter().take(RETURNS).take_while(|&&byte| byte == b'\r').count();
            if data.get(returns) == Some(&b'\n') {
                window.consume(returns + 1);
                self.line += 1;
                break;
            }
            match first {
                b' ' | b'\t' => {}
                _ => {
                    self.in_comment = first == b'#';
                    self.began = self.line;
                    self.length = 0;
                }
            }
            if self.in_comment {
                self.keep(&[first]);
            }
            if !self.read_line(window)? {
                self.is_ended = false;
                break;
            }
        }
        if self.held.last() == Some(&b'\n') {
            self.held.pop();
        }
        Ok(self.fault.take())
    }

    /// Reads one physical line; says whether it had an end.
    fn read_line<R: Feed>(&mut self, window: &mut Window<R>) -> Result<bool, FileFault> {
        loop {
            let data = window.data();
            let end = memchr(b'\n', data);
            let piece = &data[..end.unwrap_or(data.len())];
            if !self.in_comment {
                self.length += piece.len();
                if self.length > self.limits.line && self.fault.is_none() {
                    let message = format!("a line is longer than {} bytes", self.limits.line);
                    self.fault = Some(RecordFault::new(self.first, "limit.line", message).at(self.began));
                }
                self.keep(piece);
            }
            match end {
                Some(at) => {
                    self.keep(b"\n");
                    window.consume(at + 1);
                    self.line += 1;
                    return Ok(true);
                }
                None => {
                    let length = data.len();
                    window.consume(length);
                    if !window.fill()? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    fn keep(&mut self, piece: &[u8]) {
        if self.fault.is_some() {
            return;
        }
        if self.held.len() + piece.len() > self.limits.record {
            let message = format!("the record is longer than {} bytes", self.limits.record);
            self.fault = Some(RecordFault::new(self.first, "limit.record", message).at(self.began));
            return;
        }
        self.held.extend_from_slice(piece);
    }
}
