//! The lines of an LDIF entry as values of a preset's names.

use std::collections::HashMap;

use memchr::memchr;

use super::decoded::{Decoded, Meant, is_base64};
use super::head::Head;
use super::run::Run;
use super::straight::Values;
use super::{NotPlain, is_asked_below};
use crate::source::bits::Marks;
use crate::source::extent::Extent;
use crate::source::frame::Wanted;
use crate::source::frame::ldif::{Descriptions, LdifFormat, is_dn_in};
use crate::source::preset::{Preset, Slot};

/// Reads the entries of one file.
pub struct Lines {
    descriptions: Descriptions,
    /// Octets that are no UTF-8 may be text.
    has_fallback: bool,
    known: Vec<Known>,
    by_text: HashMap<Box<[u8]>, usize>,
    /// A run that may be learned of the entry: its description, and where it begins.
    to_learn: Option<(usize, usize)>,
    runs: u64,
    /// What an entry begins with.
    first: Behind,
    dn: Option<Slot>,
    /// Entries of more lines are left to the general way, which knows the limits.
    most: usize,
    line: String,
    /// Of the line ends of a batch.
    ends: Marks,
    decoded: Decoded,
    /// What the name of the last entry ends with, behind its first part.
    parent: String,
    /// Of the last entry.
    pub extent: Extent,
}

/// A description that came before.
struct Known {
    /// With its colon.
    head: Head,
    meaning: Meaning,
    behind: Behind,
    /// If it comes several times one after the other.
    run: Box<Run>,
}

/// What came behind a description: entries have their attributes in much the same order, with one that some lack here and there.
#[derive(Debug, Clone, Copy, Default)]
struct Behind {
    next: usize,
    /// Before that one.
    other: usize,
}

#[derive(Debug, Clone, Copy)]
enum Meaning {
    Slot(Slot),
    Octets(Slot),
    /// Nobody reads it; base64 is looked at all the same.
    Unread,
    /// The value is not there any more.
    Dropped,
    /// For the general way.
    Special,
}

/// What stands after a colon.
enum Spec<'t> {
    Text(&'t str),
    Base64(&'t str),
}

/// More descriptions than this are not remembered: state options of db2ldif make new ones without end.
const REMEMBERED: usize = 4096;
/// Entries of more lines are few.
const MOST_LINES: usize = 2000;

impl Lines {
    pub fn new(format: &LdifFormat, preset: &Preset, wanted: Option<&Wanted>, least_limit: usize) -> Self {
        Self {
            descriptions: Descriptions::new(format.options.clone(), wanted.cloned()),
            has_fallback: format.fallback.is_some(),
            known: Vec::new(),
            by_text: HashMap::new(),
            to_learn: None,
            runs: 0,
            first: Behind::default(),
            dn: preset.names.find("dn"),
            most: MOST_LINES.min(least_limit),
            line: String::new(),
            ends: Marks::default(),
            decoded: Decoded::new(),
            parent: String::new(),
            extent: Extent::default(),
        }
    }

    /// Prepares for the entries of a batch.
    pub fn begin(&mut self, batch: &[u8]) {
        self.ends.find(b'\n', batch);
    }

    /// Reads an entry that begins `at` in the batch; `may_have_returns`: there are CRs in it.
    pub fn cut(
        &mut self,
        (record, at): (&str, usize),
        may_have_returns: bool,
        values: &mut Values<'_, '_>,
    ) -> Result<(), NotPlain> {
        let mut ends = std::mem::take(&mut self.ends);
        let has_returns = may_have_returns && memchr(b'\r', record.as_bytes()).is_some();
        let done = self.cut_at(record, ends.from(at).iter().map(|end| *end as usize - at), has_returns, values);
        self.ends = ends;
        self.to_learn = None;
        done
    }

    /// `ends`: of its lines, and more behind it.
    #[inline]
    fn cut_at(
        &mut self,
        record: &str,
        mut ends: impl Iterator<Item = usize>,
        has_returns: bool,
        values: &mut Values<'_, '_>,
    ) -> Result<(), NotPlain> {
        let bytes = record.as_bytes();
        let mut end_count = 0;
        let mut last = None;
        let mut from = 0;
        let mut number = 0;
        loop {
            if from >= bytes.len() {
                self.extent = if has_returns { Extent::of(bytes) } else { Extent::of_ends(bytes, end_count) };
                self.learn(record);
                // a run may have gone beyond it
                return if (1..=self.most + 1).contains(&number) { Ok(()) } else { Err(NotPlain) };
            }
            if number > self.most {
                break;
            }
            let mut next_end = || {
                let end = ends.next().filter(|end| *end < bytes.len());
                end_count += usize::from(end.is_some());
                end.unwrap_or(bytes.len())
            };
            let end = next_end();
            let mut next = end + 1;
            let near = match !has_returns && number > 0 {
                true => self.read_near((from, end), &mut last, record, values)?,
                false => None,
            };
            number += near.unwrap_or(1);
            if let Some(lines) = near {
                for _ in 1..lines {
                    next = next_end() + 1;
                }
                // nobody reads a line that goes on
                while is_continued(bytes, next) {
                    next = next_end() + 1;
                }
                from = next;
                continue;
            }
            let mut line = &record[from..end];
            if has_returns {
                line = without_returns(line)?;
            }
            let is_comment = bytes[from] == b'#' && number > 1;
            if !is_continued(bytes, next) {
                if !is_comment {
                    self.read((line, &bytes[from..]), Some(from), (number == 1, &mut last), values)?;
                }
                from = next;
                continue;
            }
            let mut whole = std::mem::take(&mut self.line);
            whole.clear();
            whole.push_str(line);
            while is_continued(bytes, next) {
                let end = next_end();
                whole.push_str(without_returns(&record[next + 1..end])?);
                next = end + 1;
            }
            let done = match is_comment {
                true => Ok(()),
                false => self.read((&whole, whole.as_bytes()), None, (number == 1, &mut last), values),
            };
            self.line = whole;
            done?;
            from = next;
        }
        Err(NotPlain)
    }

    /// Reads a line as most are, if it is of a description that is expected: a text or base64 behind one blank that does not go on, or
    /// nobody's; and with it those that come in a run. Gives how many lines it has read.
    #[inline]
    fn read_near(
        &mut self,
        (from, end): (usize, usize),
        last: &mut Option<usize>,
        record: &str,
        values: &mut Values<'_, '_>,
    ) -> Result<Option<usize>, NotPlain> {
        let line = &record.as_bytes()[from..];
        let Some(number) = self.expected(*last, line) else { return Ok(None) };
        let known = &mut self.known[number];
        let behind = known.head.text.len();
        match (known.meaning, line.get(behind..behind + 3)) {
            (Meaning::Unread | Meaning::Dropped, Some([b' ', ..])) => {}
            (_, Some(_)) if is_continued(record.as_bytes(), end + 1) => return Ok(None),
            (Meaning::Slot(slot), Some([b' ', b'!'..=b'~', _])) => {
                let comes_again = known.behind.next == number || known.behind.other == number;
                if comes_again && *last != Some(number) && values.straight[slot.index()].is_none() {
                    if let Some(met) = known.run.meet(record.as_bytes(), from) {
                        let lines = met.values.len();
                        values.flat.push_run(slot, met);
                        *last = Some(number);
                        return Ok(Some(lines));
                    }
                    if known.run.may_be_learned() {
                        self.to_learn.get_or_insert((number, from));
                    }
                }
                let from = from + behind + 1;
                // a line that ends before is empty
                let Some(text) = record.get(from..end) else { return Ok(None) };
                values.in_record(slot, text, from)?;
            }
            (meaning, Some([b':', b' ', b'!'..=b'~'])) => {
                let Some(text) = record.get(from + behind + 2..end) else { return Ok(None) };
                self.read_base64(meaning, text, values)?;
            }
            _ => return Ok(None),
        }
        *last = Some(number);
        Ok(Some(1))
    }

    #[inline]
    fn read_base64(&mut self, meaning: Meaning, text: &str, values: &mut Values<'_, '_>) -> Result<(), NotPlain> {
        match meaning {
            Meaning::Special => Err(NotPlain),
            Meaning::Dropped => Ok(()),
            Meaning::Unread if is_base64(text) => Ok(()),
            Meaning::Unread => Err(NotPlain),
            Meaning::Octets(slot) => values.octets(slot, self.decoded.octets_of(text)?),
            Meaning::Slot(slot) => {
                // of GUIDs and SIDs no two are the same
                let is_text = values.preset.use_of(slot).text;
                match if is_text { self.decoded.of(text) } else { self.decoded.anew(text) }? {
                    Meant::Text(text, is_clean) => values.own(slot, text, is_clean),
                    Meant::Octets(_) if self.has_fallback => Err(NotPlain),
                    Meant::Octets(octets) => values.octets(slot, octets),
                }
            }
        }
    }

    /// Reads one unfolded line, with what follows it; `from`: where it is in the record, if it is there as it is.
    #[inline]
    fn read(
        &mut self,
        (line, and_on): (&str, &[u8]),
        from: Option<usize>,
        (is_first, last): (bool, &mut Option<usize>),
        values: &mut Values<'_, '_>,
    ) -> Result<(), NotPlain> {
        if is_first {
            return self.read_dn(line, from, values);
        }
        let number = match self.expected(*last, and_on) {
            Some(number) => number,
            None => {
                let number = self.find(line, values.preset)?;
                let behind = last.map_or(&mut self.first, |last: usize| &mut self.known[last].behind);
                *behind = Behind { next: number, other: behind.next };
                number
            }
        };
        *last = Some(number);
        let known = &self.known[number];
        let meaning = known.meaning;
        let rest = line.get(known.head.text.len()..).ok_or(NotPlain)?;
        if let (Meaning::Unread, false) = (meaning, rest.starts_with([':', '<'])) {
            return Ok(());
        }
        match (meaning, spec_of(rest)?) {
            (meaning, Spec::Base64(text)) => self.read_base64(meaning, text, values),
            (Meaning::Special, _) => Err(NotPlain),
            (Meaning::Dropped | Meaning::Unread, Spec::Text(_)) => Ok(()),
            (Meaning::Slot(slot), Spec::Text(text)) => self.add(slot, text, (line, from), values),
            (Meaning::Octets(slot), Spec::Text(text)) => values.octets(slot, text.as_bytes()),
        }
    }

    /// Learns a run of an entry that was read.
    fn learn(&mut self, record: &str) {
        if let Some((number, from)) = self.to_learn.take() {
            let Known { head, run, .. } = &mut self.known[number];
            run.learn(head, &record.as_bytes()[from..], &mut self.runs);
        }
    }

    /// The description that `line` begins with, if it is one that came behind the `last` before.
    #[inline]
    fn expected(&self, last: Option<usize>, line: &[u8]) -> Option<usize> {
        let Behind { next, other } = last.map_or(self.first, |last| self.known[last].behind);
        let is_it = |number: &usize| self.known.get(*number).is_some_and(|known| known.head.begins(line));
        [next, other].into_iter().find(is_it)
    }

    /// Adds a text at the end of `line`, which lies in the record `from` there on.
    fn add(
        &self,
        slot: Slot,
        text: &str,
        (line, from): (&str, Option<usize>),
        values: &mut Values<'_, '_>,
    ) -> Result<(), NotPlain> {
        match from {
            Some(from) => values.in_record(slot, text, from + (line.len() - text.len())),
            None => values.own(slot, text, false),
        }
    }

    fn read_dn(&mut self, line: &str, from: Option<usize>, values: &mut Values<'_, '_>) -> Result<(), NotPlain> {
        let is_named = line.get(..3).is_some_and(|name| name.eq_ignore_ascii_case("dn:"));
        if !is_named {
            return Err(NotPlain);
        }
        match spec_of(&line[3..])? {
            Spec::Text(text) if is_dn_in(text, &mut self.parent) => {
                self.dn.map_or(Ok(()), |slot| self.add(slot, text, (line, from), values))
            }
            Spec::Text(_) => Err(NotPlain),
            Spec::Base64(text) => match self.decoded.of(text)? {
                Meant::Text(text, is_clean) if is_dn_in(text, &mut self.parent) => {
                    self.dn.map_or(Ok(()), |slot| values.own(slot, text, is_clean))
                }
                Meant::Text(..) | Meant::Octets(_) => Err(NotPlain),
            },
        }
    }

    /// Finds what a line begins with among the descriptions.
    fn find(&mut self, line: &str, preset: &Preset) -> Result<usize, NotPlain> {
        let colon = memchr(b':', line.as_bytes()).ok_or(NotPlain)?;
        let text = &line.as_bytes()[..=colon];
        if let Some(number) = self.by_text.get(text) {
            return Ok(*number);
        }
        if self.known.len() >= REMEMBERED {
            return Err(NotPlain);
        }
        let meaning = self.meaning_of(&line[..colon], preset);
        let number = self.known.len();
        self.known.push(Known { head: Head::new(text), meaning, behind: Behind::default(), run: Box::default() });
        self.by_text.insert(text.into(), number);
        Ok(number)
    }

    fn meaning_of(&mut self, text: &str, preset: &Preset) -> Meaning {
        if ["dn", "changetype", "control"].iter().any(|keyword| text.eq_ignore_ascii_case(keyword)) {
            return Meaning::Special;
        }
        self.descriptions.begin_record();
        let Some(number) = self.descriptions.read(text.as_bytes()) else { return Meaning::Special };
        let description = self.descriptions.get(number);
        if description.is_dropped {
            return Meaning::Dropped;
        }
        if description.is_cut || is_asked_below(preset, &description.name) {
            return Meaning::Special;
        }
        match preset.names.find(&description.name) {
            Some(slot) if description.is_wanted && description.is_octets => Meaning::Octets(slot),
            Some(slot) if description.is_wanted => Meaning::Slot(slot),
            Some(_) | None => Meaning::Unread,
        }
    }
}

/// Takes off the CRs before a line end; one inside of the line is for the general way.
fn without_returns(line: &str) -> Result<&str, NotPlain> {
    let line = line.trim_end_matches('\r');
    if memchr(b'\r', line.as_bytes()).is_some() { Err(NotPlain) } else { Ok(line) }
}

fn is_continued(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at), Some(b' ' | b'\t'))
}

#[inline(always)]
fn spec_of(rest: &str) -> Result<Spec<'_>, NotPlain> {
    match rest.as_bytes() {
        [b':', ..] => Ok(Spec::Base64(after_blanks(&rest[1..]))),
        [b'<', ..] => Err(NotPlain),
        _ => Ok(Spec::Text(after_blanks(rest))),
    }
}

/// There is one, as a rule.
#[inline]
fn after_blanks(text: &str) -> &str {
    match text.as_bytes() {
        [b' ', b' ', ..] => text.trim_start_matches(' '),
        [b' ', ..] => &text[1..],
        _ => text,
    }
}
