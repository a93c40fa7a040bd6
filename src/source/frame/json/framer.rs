//! Cuts a JSON file into records.

use memchr::{memchr, memchr_iter};
use serde::de::IgnoredAny;

use super::super::window::Window;
use super::super::{FileFault, Framed, Limits, RecordFault};
use super::scan::{Scan, Stop};
use super::{JsonFacts, JsonFormat, JsonShape};
use crate::source::encoding::Input;
use crate::source::extent::Extent;
use crate::source::fetch::Feed;

/// Top-level members besides the records are held up to this, together.
const MEMBERS: usize = 1 << 20;
const KEPT: usize = 4096;

/// Cuts a JSON file into records.
pub struct JsonFramer<R> {
    window: Window<R>,
    limits: Limits,
    names: Vec<String>,
    allows_array: bool,
    place: Place,
    /// The line of the first byte of the data.
    line: u64,
    /// The line of the last byte that is not white space.
    last_line: u64,
    lent: usize,
    held: usize,
    found: bool,
    kept: Vec<u8>,
    facts: JsonFacts,
}

/// Where in the document the data begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    /// In the top-level object, before a name or the closing brace; `first`: no member came before.
    Members {
        first: bool,
    },
    /// In the array of records, before an element or the closing bracket.
    Elements {
        first: bool,
    },
    /// Before an element that begins with this byte.
    Element(u8),
    /// After the document.
    After,
    Lines,
}

impl<R: Feed> JsonFramer<R> {
    pub fn new(input: Input<R>, format: &JsonFormat, limits: Limits) -> Self {
        Self {
            window: Window::new(input),
            limits,
            names: format.records.iter().filter(|name| !name.is_empty()).cloned().collect(),
            allows_array: format.records.iter().any(String::is_empty),
            place: Place::Start,
            line: 1,
            last_line: 1,
            lent: 0,
            held: 0,
            found: false,
            kept: Vec::new(),
            facts: JsonFacts { final_newline: true, ..JsonFacts::default() },
        }
    }

    pub fn finish(self) -> JsonFacts {
        self.facts
    }

    #[allow(clippy::should_implement_trait)] // lends from its own buffer
    pub fn next(&mut self) -> Result<Option<Framed<'_>>, FileFault> {
        self.pass_lent();
        loop {
            match self.place {
                Place::Start => self.start()?,
                Place::Lines => return self.next_line(),
                Place::Members { first } => self.member(first)?,
                Place::Elements { first } => self.element(first)?,
                Place::Element(begin) => {
                    self.place = Place::Elements { first: false };
                    return self.record(begin).map(Some);
                }
                Place::After => {
                    if self.peek()?.is_some() {
                        return Err(FileFault::new(
                            "json.trailing_data",
                            Some(self.line),
                            "text follows the end of the document, as where two files were pasted together",
                            "put each document into a file of its own",
                        ));
                    }
                    // an answer that names an error may hold an empty list besides
                    let is_error = self.facts.last_record.is_none() && self.has_error();
                    return if self.found && !is_error { Ok(None) } else { Err(self.without_records()) };
                }
            }
        }
    }

    /// See [`super::super::Framer::take`].
    pub fn take(&mut self, extent: Extent, is_it: impl FnOnce(&[u8]) -> bool) -> Result<Option<u64>, FileFault> {
        let length = extent.octets();
        self.pass_lent();
        if let Place::Elements { first } = self.place {
            self.element(first)?;
        }
        let by_lines = match self.place {
            Place::Element(b'{') => false,
            // what stood in an array may have had several
            Place::Lines if extent.lines() == 1 => true,
            Place::Start
            | Place::Members { .. }
            | Place::Elements { .. }
            | Place::Element(_)
            | Place::After
            | Place::Lines => return Ok(None),
        };
        if length == 0 || length > self.limits.record {
            return Ok(None);
        }
        self.window.want(length + 2)?;
        let data = self.window.data();
        let whole = match data.get(length..) {
            // an object ends with its last byte, whatever follows
            Some(_) if !by_lines => length,
            Some([b'\n', ..]) => length + 1,
            // the CR counts as a byte of its line
            Some([b'\r', b'\n', ..]) if length < self.limits.record => length + 2,
            Some(_) | None => return Ok(None),
        };
        if !is_it(&data[..length]) {
            return Ok(None);
        }
        if by_lines {
            self.facts.final_newline = true;
        } else {
            self.place = Place::Elements { first: false };
        }
        self.lent = whole;
        self.facts.last_record = Some(self.line);
        Ok(Some(self.line))
    }

    fn pass_lent(&mut self) {
        let lent = std::mem::take(&mut self.lent);
        self.pass(lent);
        self.last_line = self.last_line.max(self.line);
    }

    /// Passes over bytes of the data and counts their lines.
    fn pass(&mut self, count: usize) {
        self.line += memchr_iter(b'\n', &self.window.data()[..count]).count() as u64;
        self.window.consume(count);
    }

    /// Passes over white space and returns the byte after it; none at the end of the file.
    fn peek(&mut self) -> Result<Option<u8>, FileFault> {
        loop {
            let data = self.window.data();
            match data.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
                Some(at) => {
                    let byte = data[at];
                    self.pass(at);
                    self.last_line = self.line;
                    return Ok(Some(byte));
                }
                None => {
                    let length = data.len();
                    self.pass(length);
                    if !self.window.fill()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn start(&mut self) -> Result<(), FileFault> {
        match self.peek()? {
            None => Err(FileFault::new(
                "file.empty",
                None,
                "the file holds nothing but white space",
                "an empty file is never an empty directory: export it anew",
            )),
            Some(b'[') if self.allows_array => {
                self.pass(1);
                self.found = true;
                self.facts.shape = Some(JsonShape::Array);
                self.place = Place::Elements { first: true };
                Ok(())
            }
            Some(b'[') => Err(self.without_records()),
            Some(b'{') => {
                if self.allows_array && self.is_by_lines()? {
                    self.found = true;
                    self.facts.shape = Some(JsonShape::Lines);
                    self.place = Place::Lines;
                } else {
                    self.pass(1);
                    self.place = Place::Members { first: true };
                }
                Ok(())
            }
            Some(_) => Err(self.syntax("a JSON document begins with `{` or `[`")),
        }
    }

    /// Says whether the first line is a whole object without the array of records and without `error` (sources.md 6).
    fn is_by_lines(&mut self) -> Result<bool, FileFault> {
        let mut scanned = 0;
        let mut next_look = 0;
        let end = loop {
            let data = self.window.data();
            if let Some(at) = memchr(b'\n', &data[scanned..]) {
                break scanned + at;
            }
            scanned = data.len();
            if scanned > self.limits.record {
                return Ok(false);
            }
            if scanned >= next_look {
                if self.has_deciding_name(scanned) {
                    return Ok(false);
                }
                next_look = scanned * 2;
            }
            if !self.window.fill()? {
                break scanned;
            }
        };
        let line = self.window.data()[..end].trim_ascii_end();
        Ok(end <= self.limits.record
            && Scan::default().run(line) == Stop::End(line.len())
            && !self.has_deciding_name(end))
    }

    /// Says whether the object at the data names the records or an error at its top level, as far as it is there.
    fn has_deciding_name(&self, length: usize) -> bool {
        let mut rest = &self.window.data()[1..length.max(1)];
        loop {
            rest = rest.trim_ascii_start();
            let mut scan = Scan::default();
            let (Some(b'"'), Stop::End(end)) = (rest.first(), scan.run(rest)) else { return false };
            let name: Option<String> = serde_json::from_slice(&rest[..end]).ok();
            if name.is_some_and(|name| name == "error" || self.names.contains(&name)) {
                return true;
            }
            let Some(value) = rest[end..].trim_ascii_start().strip_prefix(b":") else { return false };
            let value = value.trim_ascii_start();
            let after = match value.first() {
                Some(b'{' | b'[' | b'"') => match Scan::default().run(value) {
                    Stop::End(end) => end,
                    Stop::Mismatch(_) | Stop::More => return false,
                },
                Some(_) | None => value.iter().position(|&byte| byte == b',' || byte == b'}').unwrap_or(value.len()),
            };
            let Some(next) = value[after..].trim_ascii_start().strip_prefix(b",") else { return false };
            rest = next;
        }
    }

    fn next_line(&mut self) -> Result<Option<Framed<'_>>, FileFault> {
        loop {
            let mut scanned = 0;
            let line = self.line;
            loop {
                let data = self.window.data();
                if let Some(at) = memchr(b'\n', &data[scanned..]).map(|at| scanned + at) {
                    let length = data[..at].trim_ascii_end().len();
                    if length == 0 && at <= self.limits.record {
                        self.pass(at + 1);
                        break;
                    }
                    self.lent = at + 1;
                    self.facts.last_record = Some(line);
                    self.facts.final_newline = true;
                    return Ok(Some(self.whole_line(line, at, length)));
                }
                scanned = data.len();
                if scanned > self.limits.record {
                    return self.skip_line(line).map(Some);
                }
                if !self.window.fill()? {
                    let length = self.window.data().trim_ascii_end().len();
                    if length == 0 {
                        return Ok(None);
                    }
                    self.lent = scanned;
                    self.facts.last_record = Some(line);
                    self.facts.final_newline = false;
                    return Ok(Some(self.whole_line(line, scanned, length)));
                }
            }
        }
    }

    fn whole_line(&self, line: u64, untrimmed: usize, length: usize) -> Framed<'_> {
        let bytes = &self.window.data()[..length];
        if untrimmed > self.limits.record {
            return Framed::Refused { fault: long(line, self.limits.record), bytes: &bytes[..length.min(KEPT)] };
        }
        Framed::Record { line, bytes: &bytes[length - bytes.trim_ascii_start().len()..] }
    }

    fn skip_line(&mut self, line: u64) -> Result<Framed<'_>, FileFault> {
        self.keep();
        self.facts.last_record = Some(line);
        loop {
            let data = self.window.data();
            let end = memchr(b'\n', data);
            let count = end.map_or(data.len(), |at| at + 1);
            self.pass(count);
            self.facts.final_newline = end.is_some();
            if end.is_some() || !self.window.fill()? {
                return Ok(Framed::Refused { fault: long(line, self.limits.record), bytes: &self.kept });
            }
        }
    }

    fn keep(&mut self) {
        self.kept.clear();
        let data = self.window.data();
        self.kept.extend_from_slice(&data[..KEPT.min(data.len())]);
    }

    /// Reads a member of the top-level object up to its value, and the value unless it is the array of records.
    fn member(&mut self, first: bool) -> Result<(), FileFault> {
        match self.peek()? {
            Some(b'}') => {
                self.pass(1);
                self.place = Place::After;
                return Ok(());
            }
            Some(b',') if !first => {
                self.pass(1);
                if self.peek()? != Some(b'"') {
                    return Err(self.unexpected("a name should follow the comma"));
                }
            }
            Some(b'"') if first => {}
            Some(_) if first => return Err(self.unexpected("a name in quotes should follow the brace")),
            Some(_) | None => return Err(self.unexpected("a comma or the closing brace should follow a member")),
        }
        let name = self.held_value()?;
        let Ok(name) = serde_json::from_str::<String>(&name) else {
            return Err(self.syntax("the name of a member is not a JSON text"));
        };
        if self.peek()? != Some(b':') {
            return Err(self.unexpected("a colon should follow the name of a member"));
        }
        self.pass(1);
        if self.peek()? == Some(b'[') && self.names.contains(&name) {
            if self.found {
                return Err(self.syntax("the document has a second array of records"));
            }
            self.pass(1);
            self.found = true;
            self.facts.shape = Some(JsonShape::Under(name));
            self.place = Place::Elements { first: true };
            return Ok(());
        }
        let value = self.held_value()?;
        if serde_json::from_str::<IgnoredAny>(&value).is_err() {
            return Err(self.syntax("the value of a top-level member is no JSON"));
        }
        self.facts.members.push((name, value));
        self.place = Place::Members { first: false };
        Ok(())
    }

    /// Takes the value that the data begins with.
    fn held_value(&mut self) -> Result<String, FileFault> {
        let mut scan = Scan::default();
        let end = loop {
            let data = self.window.data();
            let stop = match data.first() {
                Some(b'{' | b'[' | b'"') => scan.run(data),
                Some(_) | None => scalar_end(data),
            };
            match stop {
                Stop::End(end) => break end,
                Stop::Mismatch(at) => {
                    self.pass(at);
                    return Err(self.syntax("a bracket closes what is not open"));
                }
                Stop::More => {
                    if data.len() + self.held > MEMBERS {
                        return Err(self.too_much());
                    }
                    if !self.window.fill()? {
                        let length = self.window.data().trim_ascii_end().len();
                        self.pass(length);
                        return Err(self.truncated(self.line));
                    }
                }
            }
        };
        self.held += end;
        if self.held > MEMBERS {
            return Err(self.too_much());
        }
        if u64::from(scan.deepest) > self.limits.nesting as u64 {
            return Err(FileFault::new(
                "json.too_deep",
                Some(self.line),
                format!("a top-level member is nested deeper than {}", self.limits.nesting),
                "export the records without such members",
            ));
        }
        if end == 0 {
            return Err(self.unexpected("a value should follow the colon"));
        }
        let value = match std::str::from_utf8(&self.window.data()[..end]) {
            Ok(value) => value.to_owned(),
            Err(error) => {
                self.pass(error.valid_up_to());
                return Err(not_utf8(self.line));
            }
        };
        self.pass(end);
        self.last_line = self.line;
        Ok(value)
    }

    /// Goes to the next element of the array of records, or behind the array.
    fn element(&mut self, first: bool) -> Result<(), FileFault> {
        let mut byte = self.peek()?;
        if byte == Some(b']') {
            self.pass(1);
            self.place =
                if self.facts.shape == Some(JsonShape::Array) { Place::After } else { Place::Members { first: false } };
            return Ok(());
        }
        if !first {
            if byte != Some(b',') {
                return Err(self.unexpected("a comma or the closing bracket should follow a record"));
            }
            self.pass(1);
            byte = self.peek()?;
        }
        match byte {
            Some(b',' | b']' | b'}' | b':') | None => Err(self.unexpected("a record should stand here")),
            Some(byte) => {
                self.place = Place::Element(byte);
                Ok(())
            }
        }
    }

    /// Hands out the element that the data begins with.
    fn record(&mut self, begin: u8) -> Result<Framed<'_>, FileFault> {
        let line = self.line;
        self.facts.last_record = Some(line);
        let mut scan = Scan::default();
        let mut is_long = false;
        loop {
            let data = self.window.data();
            let stop = match begin {
                b'{' | b'[' | b'"' => scan.run(data),
                _ => scalar_end(data),
            };
            match stop {
                Stop::End(end) if is_long => {
                    self.pass(end);
                    self.last_line = self.line;
                    return Ok(Framed::Refused { fault: long(line, self.limits.record), bytes: &self.kept });
                }
                Stop::End(end) => {
                    self.lent = end;
                    let bytes = &self.window.data()[..end];
                    let fault = if end > self.limits.record {
                        long(line, self.limits.record)
                    } else if begin == b'{' {
                        return Ok(Framed::Record { line, bytes });
                    } else {
                        RecordFault::new(line, "json.not_an_object", "the record is not an object")
                    };
                    return Ok(Framed::Refused { fault, bytes: &bytes[..end.min(KEPT)] });
                }
                Stop::Mismatch(at) => {
                    self.pass(at);
                    return Err(self.syntax("a bracket closes what is not open"));
                }
                Stop::More => {
                    if is_long || data.len() > self.limits.record {
                        if !is_long {
                            is_long = true;
                            self.keep();
                        }
                        let length = self.window.data().len();
                        self.last_line = self.line_of_last_text();
                        self.pass(length);
                        scan.shift(length);
                    }
                    if !self.window.fill()? {
                        let last = self.line_of_last_text();
                        return Err(self.truncated(last));
                    }
                }
            }
        }
    }

    /// Returns the line of the last byte of the data that is not white space.
    fn line_of_last_text(&self) -> u64 {
        let text = self.window.data().trim_ascii_end();
        if text.is_empty() { self.last_line } else { self.line + memchr_iter(b'\n', text).count() as u64 }
    }

    fn unexpected(&self, message: &str) -> FileFault {
        if self.window.data().is_empty() && self.window.is_at_end() {
            return self.truncated(self.last_line);
        }
        self.syntax(message)
    }

    fn syntax(&self, message: &str) -> FileFault {
        FileFault::new("json.syntax", Some(self.line), message, "export the file anew, or repair it at this line")
    }

    fn truncated(&self, line: u64) -> FileFault {
        let message = "the file ends before the document does";
        FileFault::new("json.truncated", Some(line), message, "the file was cut: copy or export it anew")
    }

    fn too_much(&self) -> FileFault {
        let message = "the top-level members besides the records are longer than 1 MiB";
        FileFault::new("limit.total", Some(self.line), message, "put the records into the array that the preset names")
    }

    /// Says whether the document names an error.
    fn has_error(&self) -> bool {
        self.facts.members.iter().any(|(name, value)| name == "error" && value != "null")
    }

    fn without_records(&self) -> FileFault {
        if self.has_error() {
            return FileFault::new(
                "json.error_document",
                Some(1),
                "the file is an error answer that was saved in the place of an export",
                "see to the error that it names and export anew",
            );
        }
        let names = self.names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let expected = match (names.is_empty(), self.allows_array) {
            (true, _) => "a top-level array".to_owned(),
            (false, true) => format!("an array under {names}, or at the top level"),
            (false, false) => format!("an array under {names}"),
        };
        let help = if self.allows_array {
            "name the preset of the exporter, or export anew; one record that stands alone is put between `[` and `]`"
        } else {
            "name the preset of the exporter, or export anew"
        };
        let message = format!("the document has no records: {expected} is expected");
        FileFault::new("json.no_records", Some(1), message, help)
    }
}

/// Returns where a number or word ends.
fn scalar_end(data: &[u8]) -> Stop {
    match data.iter().position(|byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r')) {
        Some(at) => Stop::End(at),
        None => Stop::More,
    }
}

pub(super) fn not_utf8(line: u64) -> FileFault {
    FileFault::new(
        "encoding.invalid",
        Some(line),
        "the file holds bytes that are not in its encoding",
        "export as UTF-8, or name the encoding in `source.encoding`",
    )
}

fn long(line: u64, limit: usize) -> RecordFault {
    RecordFault::new(line, "limit.record", format!("the record is longer than {limit} bytes"))
}
