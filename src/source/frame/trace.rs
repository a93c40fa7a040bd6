//! For tests: all that reading a file gives, as one text.

use std::io::Read;

use super::{Decoder, Fault, FileFacts, FileFault, Format, Framed, Framer, Limits, RecordFault};
use crate::source::encoding::Choice;
use crate::source::raw::{LdifChange, RawBody, RawRecord, RawValue};

/// Gives a file in pieces of a few bytes, so that every place is a border of the buffer.
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
    whole
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
