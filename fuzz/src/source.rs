//! What the fuzzing of source files shares: reading must not depend on how the bytes arrive, and every complaint has a place.

use std::io::Read;
use std::ops::Range;

use provisiond::source::encoding::{Choice, Reason, by_label};
use provisiond::source::{Extent, Feed};
use provisiond::source::frame::{Decoder, Fault, FileFacts, Format, Framed, Framer, Limits};
use provisiond_fuzz::Chance;

/// Gives a file in pieces of a few bytes; those of an odd number in a buffer of their own, with what was held before.
struct Pieces<'a> {
    rest: &'a [u8],
    size: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.size.min(self.rest.len()).min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

impl Feed for Pieces<'_> {
    fn exchange(&mut self, buffer: &mut Vec<u8>, held: Range<usize>) -> std::io::Result<Option<Range<usize>>> {
        let (piece, rest) = self.rest.split_at(self.size.min(self.rest.len()));
        if self.size.is_multiple_of(2) || piece.is_empty() || held.len() > self.size.saturating_mul(2) {
            return Ok(None);
        }
        self.rest = rest;
        let both = 3..3 + held.len() + piece.len();
        *buffer = [b"\"\n,", &buffer[held], piece, b"\n\""].concat();
        Ok(Some(both))
    }
}

/// Reads `text`, some bytes of it disturbed, whole and in pieces, under limits that are often small.
pub fn read_both_ways(chance: &mut Chance, text: &str, format: &Format) {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..chance.below(3) {
        let at = chance.below(bytes.len() + 1);
        bytes.insert(at, *chance.pick(b"\0\xff\xfe\x81\xe3\r\n\t \""));
    }
    let label = *chance.pick(&["utf-8", "utf-8", "utf-8", "shift_jis", "windows-1252", "utf-16le", "gbk"]);
    let encoding = by_label(label).expect("the label is one of the Encoding Standard");
    let reason = *chance.pick(&[Reason::Whole, Reason::Mostly]);
    let choice = Choice { encoding, mark: 0, reason, fallback: None };
    let limits = match chance.below(3) {
        0 => Limits::default(),
        _ => Limits {
            line: 1 + chance.below(60),
            record: 1 + chance.below(200),
            columns: 4,
            values: 3,
            ..Limits::default()
        },
    };
    let size = 1 + chance.below(9);
    let mut records = Vec::new();
    let whole = steps(&bytes, usize::MAX, &choice, format, limits, &mut records);
    let pieces = steps(&bytes, size, &choice, format, limits, &mut Vec::new());
    assert_eq!(whole, pieces, "{label} {reason:?} {limits:?} in pieces of {size}");
    // records that are known are taken as they would be found
    let known = steps(&bytes, size, &choice, format, limits, &mut records);
    assert_eq!(whole, known, "{label} {reason:?} {limits:?} known, in pieces of {size}");
}

/// Line, what it holds or the code of its fault, and how decoding went.
type Step = (u64, String, String);

/// Takes the `records` that are known, or finds them all where there are none.
fn steps(
    bytes: &[u8],
    size: usize,
    choice: &Choice,
    format: &Format,
    limits: Limits,
    records: &mut Vec<Vec<u8>>,
) -> (Vec<Step>, FileFacts) {
    let known = records.clone();
    let mut framer = Framer::new(Pieces { rest: bytes, size }, choice, format, limits);
    let mut decoder = Decoder::new(format, limits);
    let mut steps: Vec<Step> = Vec::new();
    loop {
        let taken = known.iter().find_map(|record| {
            let taken = framer.take(Extent::of(record), |bytes| bytes == record).transpose()?;
            Some(taken.map(|line| Some(Framed::Record { line, bytes: record })))
        });
        let step = match taken.unwrap_or_else(|| framer.next()) {
            Ok(Some(Framed::Record { line, bytes })) => {
                if known.is_empty() {
                    records.push(bytes.to_vec());
                }
                assert!(bytes.len() <= limits.record, "a record of {} bytes", bytes.len());
                let decoded = match decoder.decode(bytes, line) {
                    Ok(record) => format!("{} attributes", record.attributes.len()),
                    Err(Fault::Record(fault)) => {
                        assert!(fault.line == line && fault.at.is_none_or(|at| at > line), "{fault:?}");
                        fault.code.to_owned()
                    }
                    Err(Fault::File(fault)) => fault.code.to_owned(),
                };
                (line, String::from_utf8_lossy(bytes).into_owned(), decoded)
            }
            Ok(Some(Framed::Refused { fault, .. })) => (fault.line, fault.code.to_owned(), format!("{:?}", fault.at)),
            Ok(None) => break,
            Err(fault) => {
                steps.push((fault.line.unwrap_or(u64::MAX), fault.code.to_owned(), String::new()));
                break;
            }
        };
        assert!(steps.last().is_none_or(|last| last.0 <= step.0), "{steps:?} then {step:?}");
        assert!(steps.len() <= bytes.len(), "more records than bytes");
        steps.push(step);
    }
    (steps, framer.finish())
}
