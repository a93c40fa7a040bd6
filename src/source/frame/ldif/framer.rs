//! Cuts an LDIF file into records.

use memchr::{memchr, memchr_iter, memrchr};

use super::super::window::Window;
use super::super::{FileFault, FileWarning, Framed, Limits, RecordFault};
use super::comments::{LOOKED_AT, is_closing_block, read_closing_line, read_comment};
use super::decode::bare_cr;
use super::lines::{Lines, without_returns};
use super::long::{Long, RETURNS};
use super::near::NearEnd;
use super::{LdifFacts, LdifFormat};
use crate::source::encoding::Input;
use crate::source::extent::Extent;
use crate::source::fetch::Feed;

/// Records up to this length are lent as they lie in the buffer; longer ones are gathered line by line, without comments.
const SHORT: usize = 1 << 20;
const KEPT: usize = 4096;
/// How far the end of a record is looked for as the end of most.
const NEAR: usize = 4096;

/// Cuts an LDIF file into records.
pub struct LdifFramer<R> {
    window: Window<R>,
    limits: Limits,
    short: usize,
    line: u64,
    lent: usize,
    long: Vec<u8>,
    /// Nothing but comments and blank lines came before.
    at_head: bool,
    any_text: bool,
    facts: LdifFacts,
}

/// A record in the data, or that it is too long to be held there.
enum Found {
    Short { length: usize, whole: usize, lines: u64, is_ended: bool },
    Long,
}

impl<R: Feed> LdifFramer<R> {
    pub fn new(input: Input<R>, _format: &LdifFormat, limits: Limits) -> Self {
        Self {
            window: Window::new(input),
            limits,
            short: SHORT.min(limits.line).min(limits.record),
            line: 1,
            lent: 0,
            long: Vec::new(),
            at_head: true,
            any_text: false,
            facts: LdifFacts { final_newline: true, ..LdifFacts::default() },
        }
    }

    pub fn finish(self) -> LdifFacts {
        self.facts
    }

    #[allow(clippy::should_implement_trait)] // lends from its own buffer
    pub fn next(&mut self) -> Result<Option<Framed<'_>>, FileFault> {
        loop {
            self.window.consume(std::mem::take(&mut self.lent));
            if !self.skip_between()? {
                return if self.any_text { Ok(None) } else { Err(empty()) };
            }
            let line = self.line;
            let (length, whole, lines, is_ended) = match self.find_end()? {
                Found::Short { length, whole, lines, is_ended } => (length, whole, lines, is_ended),
                Found::Long => {
                    self.at_head = false;
                    self.facts.entries += 1;
                    self.long.clear();
                    let mut long = Long::new(&mut self.long, line, self.limits);
                    let fault = long.gather(&mut self.window)?;
                    self.line = long.next_line();
                    self.facts.final_newline = long.is_ended();
                    let fault = fault.or_else(|| (!self.facts.final_newline).then(|| not_ended(line, self.line)));
                    self.facts.changes += u64::from(is_change(&self.long));
                    return Ok(Some(match fault {
                        Some(fault) => Framed::Refused { fault, bytes: &self.long[..self.long.len().min(KEPT)] },
                        None => Framed::Record { line, bytes: &self.long },
                    }));
                }
            };
            self.lent = whole;
            let record = &self.window.data()[..length];
            self.line += lines;
            self.facts.final_newline = is_ended;
            self.at_head = false;
            if let Some(b' ' | b'\t') = record.first() {
                let fault = RecordFault::new(
                    line,
                    "ldif.stray_continuation",
                    "a line continues where there is nothing to continue",
                );
                // with a record after it, that record is refused
                self.facts.entries += u64::from(memchr(b'\n', record).is_some());
                return Ok(Some(Framed::Refused { fault, bytes: &self.window.data()[..length.min(KEPT)] }));
            }
            self.facts.entries += 1;
            read_last_comment(&mut self.facts, record, line);
            if is_ended && is_root(record) {
                continue;
            }
            self.facts.changes += u64::from(is_change(record));
            let record = &self.window.data()[..length];
            return Ok(Some(if is_ended {
                Framed::Record { line, bytes: record }
            } else {
                // where lines end in a CR alone none is ended, and that is said rather
                let at = line + memchr_iter(b'\n', record).count() as u64;
                let bare = record.split(|&byte| byte == b'\n').zip(line..).find(|(text, _)| is_broken(text));
                let fault = bare.map_or_else(|| not_ended(line, at), |(_, at)| bare_cr(line, at));
                Framed::Refused { fault, bytes: &record[..length.min(KEPT)] }
            }));
        }
    }

    /// See [`super::super::Framer::take`].
    pub fn take(&mut self, extent: Extent, is_it: impl FnOnce(&[u8]) -> bool) -> Result<Option<u64>, FileFault> {
        let length = extent.octets();
        self.window.consume(std::mem::take(&mut self.lent));
        if length == 0 || length > self.short || !self.skip_between()? {
            return Ok(None);
        }
        self.window.want(length + 2 + RETURNS)?;
        let data = self.window.data();
        // the line end of the last line and an empty one, of the same kind
        let whole = match data.get(length..) {
            Some([b'\n', b'\n', ..]) => length + 2,
            Some([b'\n', b'\r', b'\n', ..]) => length + 3,
            Some(_) | None => return Ok(None),
        };
        let record = &data[..length];
        if !matches!(record.first(), Some(b'd' | b'D')) || !is_it(record) {
            return Ok(None);
        }
        let line = self.line;
        self.facts.entries += 1;
        self.facts.changes += u64::from(is_change(record));
        read_last_comment(&mut self.facts, record, line);
        let lines = match extent.lines() {
            0 => memchr_iter(b'\n', record).count() as u64 + 1,
            lines => lines,
        };
        // and the empty one
        self.line += lines + 1;
        self.lent = whole;
        self.facts.final_newline = true;
        self.at_head = false;
        Ok(Some(line))
    }

    /// Passes over empty lines, comments and `version:`; says whether a record follows.
    fn skip_between(&mut self) -> Result<bool, FileFault> {
        loop {
            self.window.want(1)?;
            let Some(&first) = self.window.data().first() else { return Ok(false) };
            match first {
                b'\n' => {
                    self.window.consume(1);
                    self.line += 1;
                }
                b'#' => self.skip_comment()?,
                b'\r' | b' ' | b'\t' => {
                    if !self.skip_blank_line()? {
                        self.any_text = true;
                        return Ok(true);
                    }
                }
                b'v' | b'V' => {
                    if !self.take_version()? {
                        self.any_text = true;
                        return Ok(true);
                    }
                }
                b'd' | b'D' => {
                    self.any_text = true;
                    return Ok(true);
                }
                _ => {
                    self.any_text = true;
                    if !self.take_closing_block()? {
                        return Ok(true);
                    }
                }
            }
        }
    }

    /// Reads a block that is no entry; says whether it was one.
    ///
    /// It ends at an empty line, or where an entry begins: ldapsearch writes the first one of a page right behind the block of the
    /// page before.
    fn take_closing_block(&mut self) -> Result<bool, FileFault> {
        self.window.want(LOOKED_AT)?;
        if !is_closing_block(first_line(self.window.data())) {
            return Ok(false);
        }
        self.at_head = false;
        loop {
            self.window.want(LOOKED_AT)?;
            let data = self.window.data();
            let line = without_returns(first_line(data));
            if line.is_empty() || begins_entry(line) {
                return Ok(true);
            }
            if line.starts_with(b"#") {
                self.skip_comment()?;
            } else {
                read_closing_line(&mut self.facts, line, self.line);
                self.pass_line()?;
            }
        }
    }

    /// Passes over a line, without holding it.
    fn pass_line(&mut self) -> Result<(), FileFault> {
        loop {
            let data = self.window.data();
            if let Some(at) = memchr(b'\n', data) {
                self.window.consume(at + 1);
                self.line += 1;
                self.facts.final_newline = true;
                return Ok(());
            }
            let length = data.len();
            self.window.consume(length);
            if !self.window.fill()? {
                self.facts.final_newline = length == 0;
                return Ok(());
            }
        }
    }

    /// Passes over a line of blanks, however long; leaves any other where it is, but for blanks that fill the buffer.
    fn skip_blank_line(&mut self) -> Result<bool, FileFault> {
        let mut scanned = 0;
        loop {
            let data = self.window.data();
            match data[scanned..].iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r')) {
                Some(at) if data[scanned + at] == b'\n' => {
                    self.window.consume(scanned + at + 1);
                    self.line += 1;
                    return Ok(true);
                }
                Some(_) => return Ok(false),
                None => {
                    scanned = data.len();
                    if scanned > self.short {
                        // keeps one, so that the line is still known to begin with a blank
                        self.window.consume(scanned - 1);
                        scanned = 1;
                    }
                    if !self.window.fill()? {
                        self.window.consume(scanned);
                        return Ok(true);
                    }
                }
            }
        }
    }

    /// Passes over a comment and the lines that continue it, without holding it.
    fn skip_comment(&mut self) -> Result<(), FileFault> {
        self.any_text = true;
        self.window.want(LOOKED_AT)?;
        let data = self.window.data();
        read_comment(&mut self.facts, without_returns(first_line(data)), self.line);
        loop {
            self.pass_line()?;
            self.window.want(1)?;
            if !matches!(self.window.data().first(), Some(b' ' | b'\t')) {
                return Ok(());
            }
        }
    }

    /// Reads a `version:` line; says whether it was one.
    fn take_version(&mut self) -> Result<bool, FileFault> {
        const NAME: &[u8] = b"version:";
        self.window.want(NAME.len())?;
        if !self.window.data().get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)) {
            return Ok(false);
        }
        let mut scanned = 0;
        let whole = loop {
            let data = self.window.data();
            match memchr(b'\n', &data[scanned..]).map(|at| scanned + at + 1) {
                Some(end) => {
                    self.window.want(end + 1)?;
                    if !matches!(self.window.data().get(end), Some(b' ' | b'\t')) {
                        break end;
                    }
                    scanned = end;
                }
                None if data.len() > LOOKED_AT => break data.len(),
                None => {
                    scanned = data.len();
                    if !self.window.fill()? {
                        break scanned;
                    }
                }
            }
        };
        let data = &self.window.data()[..whole];
        let number = Lines::new(data, self.line)
            .next()
            .and_then(|line| std::str::from_utf8(&line.text).ok()?.get(NAME.len()..)?.trim_matches(' ').parse().ok());
        let lines = memchr_iter(b'\n', data).count() as u64;
        match number {
            Some(number @ (0 | 1)) if self.at_head && self.facts.version.is_none() => self.facts.version = Some(number),
            Some(0 | 1) => {
                if self.facts.warnings.is_empty() {
                    self.facts.warnings.push(FileWarning {
                        code: "ldif.version_again",
                        line: Some(self.line),
                        message: "a `version:` line stands inside the file, as where files were joined".to_owned(),
                    });
                }
            }
            Some(_) | None => {
                return Err(FileFault::new(
                    "ldif.version",
                    Some(self.line),
                    "the version of this LDIF file is not 1",
                    "export as LDIF version 1 (RFC 2849)",
                ));
            }
        }
        self.any_text = true;
        self.facts.final_newline = data.ends_with(b"\n");
        self.line += lines;
        self.window.consume(whole);
        Ok(true)
    }

    /// Finds the end of most records.
    fn find_near_end(&self) -> Option<Found> {
        let data = self.window.data();
        let NearEnd { length, whole, lines } = NearEnd::of(&data[..data.len().min(NEAR).min(self.short)])?;
        Some(Found::Short { length, whole, lines, is_ended: true })
    }

    /// Finds the empty line after the record that the data begins with.
    fn find_end(&mut self) -> Result<Found, FileFault> {
        if let Some(found) = self.find_near_end() {
            return Ok(found);
        }
        let mut scanned = 0;
        let mut lines = 0;
        loop {
            let data = self.window.data();
            let mut resume = data.len();
            for at in memchr_iter(b'\n', &data[scanned..]) {
                let at = scanned + at;
                let returns = data[at + 1..].iter().take(RETURNS).take_while(|&&byte| byte == b'\r').count();
                match data.get(at + 1 + returns) {
                    Some(b'\n') if at > self.short => return Ok(Found::Long),
                    Some(b'\n') => {
                        return Ok(Found::Short {
                            length: at,
                            whole: at + 2 + returns,
                            lines: lines + 2,
                            is_ended: true,
                        });
                    }
                    Some(_) => lines += 1,
                    // not yet to be seen
                    None => {
                        resume = at;
                        break;
                    }
                }
            }
            scanned = resume;
            if self.window.is_at_end() {
                let is_ended = scanned < data.len();
                let found =
                    Found::Short { length: scanned, whole: data.len(), lines: lines + u64::from(is_ended), is_ended };
                return Ok(if scanned > self.short { Found::Long } else { found });
            }
            if scanned > self.short {
                return Ok(Found::Long);
            }
            self.window.fill()?;
        }
    }
}

/// The line that the data begins with, as far as it is there.
fn first_line(data: &[u8]) -> &[u8] {
    &data[..memchr(b'\n', data).unwrap_or(data.len())]
}

fn begins_entry(line: &[u8]) -> bool {
    line.get(..3).is_some_and(|name| name.eq_ignore_ascii_case(b"dn:"))
}

/// Reads the comment that a record ends with, where a count may stand.
fn read_last_comment(facts: &mut LdifFacts, record: &[u8], line: u64) {
    let start = memrchr(b'\n', record).map_or(0, |at| at + 1);
    if record.get(start) == Some(&b'#') {
        let at = line + memchr_iter(b'\n', record).count() as u64;
        read_comment(facts, without_returns(&record[start..]), at);
    }
}

/// Says whether this is the root entry, whose DN is empty.
fn is_root(record: &[u8]) -> bool {
    let end = memchr(b'\n', record).unwrap_or(record.len());
    let Some(value) = record[..end].get(3..).filter(|_| begins_entry(record)) else { return false };
    let value = value.strip_prefix(b":").unwrap_or(value);
    without_returns(value).iter().all(|&byte| byte == b' ') && !matches!(record.get(end + 1), Some(b' ' | b'\t'))
}

/// Says whether a record is a change: `changetype:` comes after the DN and controls.
fn is_change(record: &[u8]) -> bool {
    let mut rest = record;
    // the DN, its continuations, comments and controls come before
    while let Some(at) = memchr(b'\n', rest) {
        rest = &rest[at + 1..];
        let begins = |with: &[u8]| rest.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
        match rest.first() {
            Some(b' ' | b'\t' | b'#') => {}
            Some(b'c' | b'C') if begins(b"changetype:") => return true,
            Some(b'c' | b'C') if begins(b"control:") => {}
            Some(_) | None => return false,
        }
    }
    false
}

/// Says whether a CR stands inside a line.
fn is_broken(line: &[u8]) -> bool {
    memchr(b'\r', without_returns(line)).is_some()
}

fn not_ended(line: u64, at: u64) -> RecordFault {
    RecordFault::new(line, "ldif.no_final_newline", "the last line has no line end, so the record may be cut").at(at)
}

fn empty() -> FileFault {
    FileFault::new(
        "file.empty",
        None,
        "the file holds nothing but white space",
        "an empty file is never an empty directory: export it anew",
    )
}
