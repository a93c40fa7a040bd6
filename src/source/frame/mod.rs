//! Framing and decoding: from bytes to raw records (sources.md 5–9).
//!
//! A [`Framer`] cuts a file into records and hands out their bytes, borrowed from one buffer; a [`Decoder`] turns such bytes
//! into a [`RawRecord`]. They are apart so that a record whose bytes are known is never decoded.
//!
//! ```text
//! sniff(head)?                                     what the file is not
//! choose(file, …)?                                 its encoding
//! csv::read_heading / probe                        what a preset is chosen by
//! Framer::new(input, &format, limits)  → next()    bytes and line of each record
//! Decoder::new(&format, limits)        → decode()  values
//! Framer::finish()                                 what the file said of itself
//! ```

pub mod csv;
mod fault;
pub mod json;
pub mod ldif;
mod limits;
mod sniff;
#[cfg(test)]
mod trace;
mod window;

pub use fault::{Fault, FileFault, FileWarning, RecordFault};
pub use limits::Limits;
pub use sniff::{FormatGuess, guess_format, refuse_markup, sniff};

use self::csv::{CsvDecoder, CsvFacts, CsvFormat, CsvFramer};
use self::json::{JsonDecoder, JsonFacts, JsonFormat, JsonFramer};
use self::ldif::{LdifDecoder, LdifFacts, LdifFormat, LdifFramer};
use super::encoding::{Choice, Input};
use super::extent::Extent;
use super::fetch::Feed;
use super::raw::RawRecord;

/// Longer records are not looked ahead for: where they do not come, so much would be held in vain.
const LONGEST_TAKEN: usize = 1 << 20;

/// Says whether an attribute of this name is asked for; others need not be decoded.
pub type Wanted = std::rc::Rc<dyn Fn(&str) -> bool>;

/// How a file is to be read: its format, and what the preset says about it.
#[derive(Debug, Clone)]
pub enum Format {
    Csv(CsvFormat),
    Json(JsonFormat),
    Ldif(LdifFormat),
}

/// One step of framing.
#[derive(Debug, PartialEq, Eq)]
pub enum Framed<'a> {
    /// `bytes` is UTF-8 as far as the file is; equal records have equal bytes, whatever the file's encoding.
    Record { line: u64, bytes: &'a [u8] },
    /// `bytes` is what was kept of it, at most a few kilobytes; may be empty.
    Refused { fault: RecordFault, bytes: &'a [u8] },
}

/// Cuts a file into records.
pub enum Framer<R> {
    Csv(CsvFramer<R>),
    Json(JsonFramer<R>),
    Ldif(LdifFramer<R>),
}

/// Turns the bytes of a record into its values; needs nothing of the framer.
pub enum Decoder {
    Csv(CsvDecoder),
    Json(JsonDecoder),
    Ldif(LdifDecoder),
}

/// What a file said of itself, known once [`Framer::next`] gave the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFacts {
    Csv(CsvFacts),
    Json(JsonFacts),
    Ldif(LdifFacts),
}

impl<R: Feed> Framer<R> {
    /// Begins at the first byte of `reader`; the byte-order mark of `choice` is passed over.
    pub fn new(reader: R, choice: &Choice, format: &Format, limits: Limits) -> Self {
        let input = Input::new(reader, choice);
        match format {
            Format::Csv(csv) => Self::Csv(CsvFramer::new(input, csv, limits)),
            Format::Json(json) => Self::Json(JsonFramer::new(input, json, limits)),
            Format::Ldif(ldif) => Self::Ldif(LdifFramer::new(input, ldif, limits)),
        }
    }

    /// Returns the next record, or none at the end; after a fault of the file it must not be called again.
    #[allow(clippy::should_implement_trait)] // what it lends lives in the buffer that the next call reuses
    pub fn next(&mut self) -> Result<Option<Framed<'_>>, FileFault> {
        match self {
            Self::Csv(framer) => framer.next(),
            Self::Json(framer) => framer.next(),
            Self::Ldif(framer) => framer.next(),
        }
    }

    /// Takes the next record if it has so many bytes and `is_it` says so of them, without looking for its end; returns its line.
    ///
    /// Where it answers none, [`Framer::next`] gives what comes, whatever that is. Where `is_it` holds only of bytes that
    /// [`Framer::next`] would give as a record, it is that record.
    pub fn take(&mut self, extent: Extent, is_it: impl FnOnce(&[u8]) -> bool) -> Result<Option<u64>, FileFault> {
        if extent.octets() > LONGEST_TAKEN {
            return Ok(None);
        }
        match self {
            Self::Csv(framer) => framer.take(extent, is_it),
            Self::Json(framer) => framer.take(extent, is_it),
            Self::Ldif(framer) => framer.take(extent, is_it),
        }
    }

    /// Returns what is known of the file; whole only after the end.
    pub fn finish(self) -> FileFacts {
        match self {
            Self::Csv(framer) => FileFacts::Csv(framer.finish()),
            Self::Json(framer) => FileFacts::Json(framer.finish()),
            Self::Ldif(framer) => FileFacts::Ldif(framer.finish()),
        }
    }
}

impl Decoder {
    /// Decodes everything.
    pub fn new(format: &Format, limits: Limits) -> Self {
        Self::of_wanted(format, limits, None)
    }

    /// Decodes what is `wanted`; what is wrong with the rest is found all the same, as far as the format goes.
    pub fn of_wanted(format: &Format, limits: Limits, wanted: Option<Wanted>) -> Self {
        match format {
            Format::Csv(csv) => Self::Csv(CsvDecoder::new(csv, limits, wanted)),
            Format::Json(_) => Self::Json(JsonDecoder::new(limits, wanted)),
            Format::Ldif(ldif) => Self::Ldif(LdifDecoder::new(ldif, limits, wanted)),
        }
    }

    /// Decodes the bytes that [`Framed::Record`] gave for the record at `line`.
    pub fn decode<'a>(&mut self, bytes: &'a [u8], line: u64) -> Result<RawRecord<'a>, Fault> {
        match self {
            Self::Csv(decoder) => Ok(decoder.decode(bytes, line)?),
            Self::Json(decoder) => decoder.decode(bytes, line),
            Self::Ldif(decoder) => Ok(decoder.decode(bytes, line)?),
        }
    }
}

/// What the beginning of a file shows, for choosing a preset.
#[derive(Debug)]
pub struct Probe {
    /// How many records could be read.
    pub records: usize,
    /// What was kept of those that could not.
    pub refused: Vec<Vec<u8>>,
    /// Whether that is all there is: the end was reached.
    pub is_whole: bool,
    pub facts: FileFacts,
}

impl Probe {
    /// Says whether the file is whole and holds no record at all.
    pub fn has_none(&self) -> bool {
        self.is_whole && self.records == 0 && self.refused.is_empty()
    }
}

/// Reads up to `count` records from the first bytes of a file, forgiving of the cut at their end, and shows them to `each`.
pub fn probe(
    head: &[u8],
    choice: &Choice,
    format: &Format,
    limits: Limits,
    count: usize,
    mut each: impl FnMut(&RawRecord<'_>),
) -> Probe {
    let mut framer = Framer::new(head, choice, format, limits);
    let mut decoder = Decoder::new(format, limits);
    let (mut records, mut refused, mut is_whole) = (0, Vec::new(), false);
    while records + refused.len() < count {
        match framer.next() {
            Ok(Some(Framed::Record { line, bytes })) => match decoder.decode(bytes, line) {
                Ok(record) => {
                    records += 1;
                    each(&record);
                }
                Err(_) => refused.push(bytes.to_vec()),
            },
            Ok(Some(Framed::Refused { bytes, .. })) => refused.push(bytes.to_vec()),
            Ok(None) => {
                is_whole = true;
                break;
            }
            Err(_) => break,
        }
    }
    Probe { records, refused, is_whole, facts: framer.finish() }
}
