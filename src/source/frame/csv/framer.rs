//! Cuts a CSV file into records.

use memchr::{memchr, memchr2, memchr3};

use super::super::window::Window;
use super::super::{FileFault, Framed, Limits, RecordFault};
use super::{CsvFacts, CsvFormat, is_blank, is_skipped};
use crate::source::encoding::Input;
use crate::source::extent::Extent;
use crate::source::fetch::Feed;

/// How much of a refused record is kept to be shown.
const KEPT: usize = 4096;

/// Cuts a CSV file into records; see [`CsvFormat`].
pub struct CsvFramer<R> {
    window: Window<R>,
    delimiter: u8,
    skip_lines_starting: Vec<String>,
    /// The table has begun: nothing is skipped any more.
    begun: bool,
    heading: bool,
    /// Undecodable bytes are to be expected, after which quotes are not trusted (sources.md 5).
    mixed: bool,
    limit: usize,
    /// The line of the first byte of the data.
    line: u64,
    /// Bytes lent by the last call, passed over by the next.
    lent: usize,
    kept: Vec<u8>,
    facts: CsvFacts,
}

/// Where a record ends in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    /// Its length without the line end.
    length: usize,
    /// And with it.
    whole: usize,
}

/// A search for the end of a record that goes on where it stopped when more data is there.
#[derive(Debug, Clone, Copy, Default)]
struct Search {
    position: usize,
    quoted: bool,
    /// A quote was opened.
    any_quoted: bool,
    /// A line end is between quotes.
    any_lines: bool,
}

impl<R: Feed> CsvFramer<R> {
    pub fn new(input: Input<R>, format: &CsvFormat, limits: Limits) -> Self {
        Self {
            mixed: input.may_be_undecodable(),
            window: Window::new(input),
            delimiter: format.delimiter,
            skip_lines_starting: format.skip_lines_starting.clone(),
            begun: false,
            heading: format.heading,
            limit: limits.record,
            line: 1,
            lent: 0,
            kept: Vec::new(),
            facts: CsvFacts { final_newline: true, last_record: None },
        }
    }

    pub fn finish(self) -> CsvFacts {
        self.facts
    }

    #[allow(clippy::should_implement_trait)] // lends from its own buffer
    pub fn next(&mut self) -> Result<Option<Framed<'_>>, FileFault> {
        loop {
            self.window.consume(std::mem::take(&mut self.lent));
            let line = self.line;
            let Some((end, Search { any_quoted, any_lines, .. })) = self.find_end()? else {
                if self.window.data().is_empty() {
                    return Ok(None);
                }
                return self.refuse_unended(line).map(Some);
            };
            if any_quoted
                && self.mixed
                && let Some(from) = self.undecodable(end.length)
            {
                return self.skip(line, from, undecodable(line)).map(Some);
            }
            let record = &self.window.data()[..end.length];
            // CRs in a row may be one line end or several
            let lines = if any_lines || (any_quoted && end.whole > end.length + 2) {
                count_lines(&self.window.data()[..end.whole])
            } else {
                u64::from(end.whole > end.length)
            };
            if is_blank(record, self.delimiter) || (!self.begun && is_skipped(record, &self.skip_lines_starting)) {
                self.line += lines;
                self.lent = end.whole;
                continue;
            }
            self.line += lines;
            self.lent = end.whole;
            self.begun = true;
            self.facts = CsvFacts { final_newline: end.whole > end.length, last_record: Some(line) };
            if std::mem::take(&mut self.heading) {
                continue;
            }
            return Ok(Some(Framed::Record { line, bytes: &self.window.data()[..end.length] }));
        }
    }

    /// See [`super::super::Framer::take`].
    pub fn take(&mut self, extent: Extent, is_it: impl FnOnce(&[u8]) -> bool) -> Result<Option<u64>, FileFault> {
        let length = extent.octets();
        self.window.consume(std::mem::take(&mut self.lent));
        if !self.begun || self.heading || self.mixed || length == 0 || length > self.limit {
            return Ok(None);
        }
        // the longest line end but for CRs in a row
        self.window.want(length + 2)?;
        let data = self.window.data();
        let whole = match data.get(length..) {
            Some([b'\n', ..]) => length + 1,
            Some([b'\r', b'\n', ..]) => length + 2,
            Some(_) | None => return Ok(None),
        };
        let record = &data[..length];
        if !is_it(record) {
            return Ok(None);
        }
        let line = self.line;
        // a record that ends in CRs would have ended before them
        let is_one = extent.lines() == 1 || !has_lines(record);
        self.line += if is_one { 1 } else { count_lines(&data[..whole]) };
        self.lent = whole;
        self.facts = CsvFacts { final_newline: true, last_record: Some(line) };
        Ok(Some(line))
    }

    /// Finds the end of the record that the data begins with, and what was seen on the way; none if the limit or the end
    /// of the file comes before. What is found depends on the limit only, not on how much has been read.
    fn find_end(&mut self) -> Result<Option<(End, Search)>, FileFault> {
        if let Some(found) = self.find_near_end() {
            return Ok(Some(found));
        }
        let cap = self.limit.saturating_add(RUN + 2);
        let mut search = Search::default();
        loop {
            let data = self.window.data();
            let view = &data[..data.len().min(cap)];
            let at_end = self.window.is_at_end() && data.len() <= cap;
            match search.run(view, self.delimiter, at_end) {
                Some(end) if end.length > self.limit => return Ok(None),
                Some(end) => return Ok(Some((end, search))),
                None if at_end || data.len() >= cap => return Ok(None),
                None => self.window.fill()?,
            };
        }
    }

    /// Finds the end of most records: they are short, end with the first line, and have no quotes but those around one cell.
    #[inline]
    fn find_near_end(&self) -> Option<(End, Search)> {
        let data = self.window.data();
        let near = &data[..data.len().min(LINE).min(self.limit)];
        let length = memchr2(b'\n', b'\r', near)?;
        let whole = match near.get(length..length + 2)? {
            [b'\n', _] => length + 1,
            [_, b'\n'] => length + 2,
            _ => return None,
        };
        let quotes = &near[..length];
        let any_quoted = match memchr(b'"', quotes) {
            None => false,
            Some(first) => {
                let is_cell = first == 0 || quotes[first - 1] == self.delimiter;
                let second = first + 1 + memchr(b'"', &quotes[first + 1..]).filter(|_| is_cell)?;
                if memchr(b'"', &quotes[second + 1..]).is_some() {
                    return None;
                }
                true
            }
        };
        Some((End { length, whole }, Search { any_quoted, ..Search::default() }))
    }

    /// Refuses a record that has no end within the limit, or the file if a quote is open there.
    fn refuse_unended(&mut self, line: u64) -> Result<Framed<'_>, FileFault> {
        let held = self.window.data().len().min(self.limit.saturating_add(1));
        if !is_open(&self.window.data()[..held], self.delimiter) {
            return self.skip(line, held, long(line, self.limit));
        }
        match self.undecodable(held) {
            Some(from) if self.mixed => self.skip(line, from, undecodable(line)),
            Some(_) | None => {
                self.facts.last_record = Some(line);
                Err(if held > self.limit { open_at_limit(line, self.limit) } else { unclosed(line) })
            }
        }
    }

    /// Returns the place of the first undecodable byte among the first `length`.
    fn undecodable(&self, length: usize) -> Option<usize> {
        std::str::from_utf8(&self.window.data()[..length]).err().map(|error| error.valid_up_to())
    }

    /// Refuses the record and passes over it, without keeping it, up to the first line end after `from`.
    fn skip(&mut self, line: u64, from: usize, fault: RecordFault) -> Result<Framed<'_>, FileFault> {
        self.kept.clear();
        let data = self.window.data();
        self.kept.extend_from_slice(&data[..KEPT.min(from)]);
        // CRs there may be the first half of a line end
        let returns = data[..from].iter().rev().take(RUN).take_while(|&&byte| byte == b'\r').count();
        let count = from - returns;
        self.line += count_lines(&data[..count]);
        self.window.consume(count);
        self.begun = true;
        self.heading = false;
        self.facts = CsvFacts { final_newline: false, last_record: Some(line) };
        loop {
            let data = self.window.data();
            match memchr2(b'\n', b'\r', data) {
                Some(at) => {
                    if let Some(whole) = line_end(data, at, self.window.is_at_end()) {
                        self.line += 1;
                        self.facts.final_newline = true;
                        self.window.consume(whole);
                        break;
                    }
                    self.window.consume(at);
                }
                None => {
                    let length = data.len();
                    self.window.consume(length);
                }
            }
            if !self.window.fill()? && self.window.data().is_empty() {
                break;
            }
        }
        Ok(Framed::Refused { fault, bytes: &self.kept })
    }
}

impl Search {
    /// Looks on for the end; none if more data is needed.
    fn run(&mut self, data: &[u8], delimiter: u8, at_end: bool) -> Option<End> {
        loop {
            if self.quoted {
                let from = self.position;
                let Some(at) = find_quote_or_line(&data[from..]).map(|at| from + at) else {
                    self.position = data.len();
                    return None;
                };
                if data[at] != b'"' {
                    self.any_lines = true;
                    self.position = at + 1;
                    continue;
                }
                match data.get(at + 1) {
                    Some(b'"') => self.position = at + 2,
                    // the next cell is quoted too, as where every cell is
                    Some(&byte) if byte == delimiter && data.get(at + 2) == Some(&b'"') => self.position = at + 3,
                    None if !at_end => {
                        self.position = at;
                        return None;
                    }
                    Some(_) | None => {
                        self.quoted = false;
                        self.position = at + 1;
                    }
                }
                continue;
            }
            let Some(at) = memchr3(b'"', b'\n', b'\r', &data[self.position..]).map(|at| self.position + at) else {
                self.position = data.len();
                return (at_end && !data.is_empty()).then_some(End { length: data.len(), whole: data.len() });
            };
            if data[at] == b'"' {
                self.position = at + 1;
                if at == 0 || data[at - 1] == delimiter {
                    self.quoted = true;
                    self.any_quoted = true;
                }
                continue;
            }
            let Some(whole) = line_end(data, at, at_end) else {
                self.position = at;
                return None;
            };
            return Some(End { length: at, whole });
        }
    }
}

fn has_lines(text: &[u8]) -> bool {
    memchr2(b'\n', b'\r', text).is_some()
}

/// How far the end of a record is looked for as that of most.
const LINE: usize = 2048;

/// How many bytes of a quoted cell are looked at one by one: most end before a search by vectors has begun.
const NEAR: usize = 16;

fn find_quote_or_line(text: &[u8]) -> Option<usize> {
    let near = &text[..text.len().min(NEAR)];
    match near.iter().position(|byte| matches!(byte, b'"' | b'\n' | b'\r')) {
        Some(at) => Some(at),
        None => memchr3(b'"', b'\n', b'\r', &text[near.len()..]).map(|at| near.len() + at),
    }
}

/// Returns the length of the first record without its line end; none if a quote in it is never closed.
pub(super) fn record_length(data: &[u8], delimiter: u8) -> Option<usize> {
    Search::default().run(data, delimiter, true).map(|end| end.length)
}

/// Says whether a quote is open at the end of the beginning of a record.
fn is_open(beginning: &[u8], delimiter: u8) -> bool {
    let mut search = Search::default();
    search.run(beginning, delimiter, false);
    search.quoted
}

/// How many CRs before an LF are looked through; beyond, they are line ends of their own.
const RUN: usize = 64;

/// Returns where the line end at `at` is over: LF, or CRs up to an LF, or one CR; none if that is not yet to be seen.
pub(super) fn line_end(data: &[u8], at: usize, at_end: bool) -> Option<usize> {
    let mut after = at;
    while data.get(after) == Some(&b'\r') {
        after += 1;
        if after - at == RUN {
            return Some(after);
        }
    }
    match data.get(after) {
        Some(b'\n') => Some(after + 1),
        Some(_) => Some(at + 1),
        None if at_end => Some((at + 1).min(data.len())),
        None => None,
    }
}

/// Counts line ends; a run of CRs before an LF is one with it.
fn count_lines(data: &[u8]) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', data).count() as u64;
    if memchr(b'\r', data).is_none() {
        return feeds;
    }
    let mut lines = feeds;
    let mut from = 0;
    while let Some(at) = memchr(b'\r', &data[from..]).map(|at| from + at) {
        let run = data[at..].iter().take_while(|&&byte| byte == b'\r').count();
        from = at + run;
        if data.get(from) != Some(&b'\n') {
            lines += run as u64;
        }
    }
    lines
}

pub(super) fn unclosed(line: u64) -> FileFault {
    FileFault::new(
        "csv.unclosed_quote",
        Some(line),
        "a quote that opens in this record is never closed",
        "close the quote, or export the file anew: it may have been cut",
    )
}

fn open_at_limit(line: u64, limit: usize) -> FileFault {
    FileFault::new(
        "csv.unclosed_quote",
        Some(line),
        format!("a quote that opens in this record is still open after {limit} bytes, the limit of a record"),
        "close the quote, or raise `source.limits.record` if records are so long",
    )
}

fn undecodable(line: u64) -> RecordFault {
    RecordFault::new(line, "encoding.invalid", "the record holds bytes that are not in the encoding of the file")
}

fn long(line: u64, limit: usize) -> RecordFault {
    RecordFault::new(line, "limit.record", format!("the record is longer than {limit} bytes"))
}
