//! For tests: all that reading a file gives, as one text.

use std::io::Read;
use std::ops::Range;

use super::{Decoder, Fault, FileFacts, FileFault, Format, Framed, Framer, Limits, RecordFault};
use crate::source::encoding::Choice;
use crate::source::extent::Extent;
use crate::source::fetch::Feed;
use crate::source::raw::{LdifChange, RawBody, RawRecord, RawValue};

/// Gives a file in pieces of a few bytes, so that every place is a border of the buffer; those of an odd number with what was held
/// before, if it is not much.
struct Pieces<'a> {
    rest: &'a [u8],
    size: usize,
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

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.size.min(self.rest.len()).min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

/// Reads `file` and returns what came of it; the same however the file arrives.
///
/// A record is `LINE name=value,value …`, a refused one `LINE!code`, with `@LINE` where the fault is further down; a refused
/// file ends in `LINE!!code`.
pub(super) fn trace(file: &[u8], choice: &Choice, format: &Format, limits: Limits) -> (String, FileFacts) {
    let whole = trace_in_pieces(file, choice, format, limits, usize::MAX);
    for size in [1, 2, 3, 7] {
        let pieces = trace_in_pieces(file, choice, format, limits, size);
        assert_eq!(pieces, whole, "in pieces of {size}: {:?}", String::from_utf8_lossy(file));
    }
    frames_what_is_known(file, choice, format, limits);
    whole
}

/// Checks that records which are known are taken as they would be found.
fn frames_what_is_known(file: &[u8], choice: &Choice, format: &Format, limits: Limits) {
    let all = |known: &[Vec<u8>], size: usize| frame(Pieces { rest: file, size }, choice, format, limits, known);
    let (expected, end) = all(&[], usize::MAX);
    let known: Vec<Vec<u8>> = expected.iter().filter_map(|(_, bytes)| bytes.clone()).collect();
    for size in [usize::MAX, 5] {
        assert_eq!(all(&known, size), (expected.clone(), end.clone()), "{size}: {:?}", String::from_utf8_lossy(file));
    }
}

/// Checks that of records which another file gave none is taken that would not be found, whatever comes around it.
///
/// Both files begin with `head`, and are of some of the `parts`, in any order.
pub(super) fn frames_what_was_known(head: &str, parts: &[&str], choice: &Choice, format: &Format, limits: Limits) {
    let mut state = 5_u64;
    let mut random = |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % most
    };
    let mut taken = 0;
    for _ in 0..20_000 {
        let before: String = [head].into_iter().chain((0..random(12)).map(|_| parts[random(parts.len())])).collect();
        let mut now: Vec<&str> = before[head.len()..].split_inclusive('\n').collect();
        for _ in 0..random(3) {
            now.insert(random(now.len() + 1), parts[random(parts.len())]);
        }
        let now = head.to_owned() + &now.concat();
        let all = |file: &str, known: &[Vec<u8>]| frame(file.as_bytes(), choice, format, limits, known);
        let known: Vec<Vec<u8>> = all(&before, &[]).0.into_iter().filter_map(|(_, bytes)| bytes).collect();
        let expected = all(&now, &[]);
        assert_eq!(all(&now, &known), expected, "{before:?} {now:?}");
        taken +=
            expected.0.iter().filter(|(_, bytes)| bytes.as_ref().is_some_and(|bytes| known.contains(bytes))).count();
    }
    assert!(taken > 5_000, "{taken}");
}

/// The lines of all records and their bytes, of those refused none, and how the file ends; `known` ones are taken.
#[expect(clippy::type_complexity, reason = "to be compared and no more")]
fn frame(
    file: impl Feed,
    choice: &Choice,
    format: &Format,
    limits: Limits,
    known: &[Vec<u8>],
) -> (Vec<(u64, Option<Vec<u8>>)>, Result<FileFacts, FileFault>) {
    let mut framer = Framer::new(file, choice, format, limits);
    let mut found = Vec::new();
    let end = loop {
        let taken = known.iter().find_map(|record| {
            let taken = framer.take(Extent::of(record), |bytes| bytes == record);
            taken.transpose().map(|taken| taken.map(|line| (line, Some(record.clone()))))
        });
        match taken {
            Some(Ok(record)) => {
                found.push(record);
                continue;
            }
            Some(Err(fault)) => break Err(fault),
            None => {}
        }
        match framer.next() {
            Ok(Some(Framed::Record { line, bytes })) => found.push((line, Some(bytes.to_vec()))),
            Ok(Some(Framed::Refused { fault, .. })) => found.push((fault.line, None)),
            Ok(None) => break Ok(()),
            Err(fault) => break Err(fault),
        }
    };
    (found, end.map(|()| framer.finish()))
}

fn trace_in_pieces(file: &[u8], choice: &Choice, format: &Format, limits: Limits, size: usize) -> (String, FileFacts) {
    let mut framer = Framer::new(Pieces { rest: file, size }, choice, format, limits);
    let mut decoder = Decoder::new(format, limits);
    let mut steps = Vec::new();
    loop {
        match framer.next() {
            Ok(Some(Framed::Record { line, bytes })) => steps.push(match decoder.decode(bytes, line) {
                Ok(record) => print(&record),
                Err(Fault::Record(fault)) => print_fault(&fault),
                Err(Fault::File(fault)) => print_file_fault(&fault),
            }),
            Ok(Some(Framed::Refused { fault, .. })) => steps.push(print_fault(&fault)),
            Ok(None) => break,
            Err(fault) => {
                steps.push(print_file_fault(&fault));
                break;
            }
        }
    }
    (steps.join(" / "), framer.finish())
}

fn print_fault(fault: &RecordFault) -> String {
    let at = fault.at.map(|at| format!("@{at}")).unwrap_or_default();
    format!("{}!{}{at}", fault.line, fault.code)
}

fn print_file_fault(fault: &FileFault) -> String {
    let line = fault.line.map(|line| line.to_string()).unwrap_or_default();
    format!("{line}!!{}", fault.code)
}

fn print(record: &RawRecord<'_>) -> String {
    let mut text = record.line.to_string();
    for attribute in &record.attributes {
        let cut = if attribute.incomplete.is_some() { "…" } else { "" };
        text += &format!(" {}={}{cut}", attribute.name, print_values(&attribute.values));
    }
    match &record.body {
        RawBody::Content => {}
        RawBody::Change(LdifChange::Add) => text += " add",
        RawBody::Change(LdifChange::Delete { tree }) => text += if *tree { " delete-tree" } else { " delete" },
        RawBody::Change(LdifChange::Modify(parts)) => {
            for part in parts {
                text += &format!(" {:?} {}={}", part.operation, part.attribute, print_values(&part.values));
            }
        }
        RawBody::Change(LdifChange::Rename { new_rdn, delete_old_rdn, new_superior }) => {
            text += &format!(" rename {new_rdn} {delete_old_rdn} {}", new_superior.as_deref().unwrap_or("-"));
        }
    }
    for warning in &record.warnings {
        text += &format!(" ?{warning}");
    }
    text
}

fn print_values(values: &[RawValue<'_>]) -> String {
    let print = |value: &RawValue<'_>| match value {
        RawValue::Text(text) => text.to_string(),
        RawValue::Bytes(bytes) => format!("{bytes:02x?}"),
        RawValue::Bool(bool) => format!("<{bool}>"),
        RawValue::Number(text) => format!("#{text}"),
        RawValue::Null => "<null>".to_owned(),
        RawValue::Url(url) => format!("<{url}>"),
    };
    values.iter().map(print).collect::<Vec<_>>().join(",")
}
