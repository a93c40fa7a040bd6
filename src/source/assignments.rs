//! Assignment files: who is entitled, by id (sources.md 12.4).

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use super::encoding::{self, Look};
use super::frame::csv::{CsvFormat, HeaderStyle, read_heading};
use super::frame::{Decoder, FileFacts, FileFault, Format, FormatGuess, Framed, Framer, sniff};
use super::open::{changed, unreadable};
use super::raw::{RawRecord, RawValue};
use super::read::{ObjectKey, Reading, file_problem, is_unchanged};
use super::report::{Assignment, Completeness, FileReport, Level, Problem, RefusedRecord};
use crate::model::ObjectKind;

/// Ids of assignment files, in lower case, until somebody is met who has them.
#[derive(Debug, Default)]
pub struct Awaited {
    ids: HashSet<String>,
    /// By the key that the id would have as an anchor.
    keys: HashMap<ObjectKey, String>,
}

impl Awaited {
    pub fn of<'l>(list: impl Iterator<Item = &'l Assignment>) -> Self {
        let mut awaited = Self::default();
        for one in list {
            let id = one.id.to_lowercase();
            for kind in [ObjectKind::User, ObjectKind::Group] {
                awaited.keys.insert(ObjectKey::of(kind, &id), id.clone());
            }
            awaited.ids.insert(id);
        }
        awaited
    }

    /// How many ids there are; before anybody is met, all that the files name.
    pub fn count(&self) -> u64 {
        self.ids.len() as u64
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Somebody of this anchor is there.
    pub fn meet(&mut self, key: ObjectKey) {
        if let Some(id) = self.keys.get(&key) {
            self.ids.remove(id);
        }
    }

    /// Somebody of this login, or a group of this name, is there.
    pub fn meet_name(&mut self, name: &str) {
        self.ids.remove(&name.to_lowercase());
    }
}

/// Names the ids that nobody has (sources.md 12.4). Of records that were only recognised the names are not known: among them
/// anybody may be meant.
pub fn warn_of_unresolved<'l>(reading: &mut Reading<'_>, list: impl Iterator<Item = &'l Assignment>) {
    if reading.counts.known > 0 {
        return;
    }
    for one in list.filter(|one| reading.awaited.ids.contains(&one.id.to_lowercase())) {
        let message = format!("nobody in the export has the id `{}`", super::file::shorten(&one.id));
        let problem = Problem::new(Level::Warning, "assignment.unresolved", message);
        reading.problems.add(problem.in_file(&one.file).on_line(Some(one.line)));
    }
}

/// Reads the assignment file at `index` into `list`.
pub fn read(reading: &mut Reading<'_>, index: usize, list: &mut Vec<Assignment>) -> FileReport {
    let found = &reading.set.files[index];
    let mut report = FileReport { format: Some("csv"), ..FileReport::of(&found.name) };
    if let Err(fault) = rows(reading, index, &mut report, list) {
        reading.problems.add(file_problem(found, &fault));
        report.error = Some((fault.code, fault.line));
        report.complete = Completeness::Incomplete;
    }
    report
}

fn rows(
    reading: &mut Reading<'_>,
    index: usize,
    report: &mut FileReport,
    list: &mut Vec<Assignment>,
) -> Result<(), FileFault> {
    let found = &reading.set.files[index];
    let failed = |error: std::io::Error| unreadable(&error);
    let mut file = found.open().map_err(failed)?;
    let mut head = Vec::new();
    (&mut file).take(64 << 10).read_to_end(&mut head).map_err(failed)?;
    sniff(&head)?;
    let configured = reading.settings.encoding.as_deref().and_then(encoding::by_label);
    let choice = encoding::choose(&mut file, FormatGuess::Csv, configured, &[], Look::Whole)?;
    report.encoding = Some(encoding::name(choice.encoding));
    let heading = read_heading(&encoding::decode_head(&head, &choice), b",;\t", HeaderStyle::Plain, &[])?;
    let limits = reading.settings.limits;
    heading.check(limits, false)?;
    if !heading.columns.iter().any(|column| column.eq_ignore_ascii_case("id")) {
        let message = "an assignment file needs a column `id`";
        let help = "write the columns id, and perhaps kind (user, group) and role";
        return Err(FileFault::new("csv.no_known_heading", Some(heading.line), message, help));
    }
    report.delimiter = Some(char::from(heading.delimiter));
    report.columns = Some(heading.columns.clone());
    let format = Format::Csv(CsvFormat {
        delimiter: heading.delimiter,
        skip_lines_starting: Vec::new(),
        heading: true,
        columns: heading.columns.iter().map(|name| Arc::from(name.as_str())).collect(),
        unquoted_doubled_quotes: false,
    });
    let file = found.open().map_err(failed)?;
    let mut framer = Framer::new(&file, &choice, &format, limits);
    let mut decoder = Decoder::new(&format, limits);
    while let Some(framed) = framer.next()? {
        report.records += 1;
        let fault = match framed {
            Framed::Refused { fault, .. } => fault,
            Framed::Record { line, bytes } => match decoder.decode(bytes, line) {
                Err(super::frame::Fault::File(fault)) => return Err(fault),
                Err(super::frame::Fault::Record(fault)) => fault,
                Ok(record) => {
                    let id = text(&record, "id");
                    if let Some(word) = text(&record, "kind").filter(|_| kind(&record).is_none()) {
                        // whoever has the id is assigned: nobody loses an account by a word
                        let word = super::file::shorten(&word);
                        let message =
                            format!("the kind `{word}` is neither `user` nor `group`; the id is taken for either");
                        let problem = Problem::new(Level::Warning, "value.unreadable", message);
                        reading.problems.add(problem.in_file(&found.name).on_line(Some(line)));
                    }
                    list.extend(id.map(|id| Assignment {
                        id,
                        kind: kind(&record),
                        role: text(&record, "role"),
                        file: found.name.clone(),
                        line,
                    }));
                    continue;
                }
            },
        };
        reading.counts.refused += 1;
        report.refused_count += 1;
        report.refused.push(RefusedRecord { line: fault.line, code: fault.code, at: fault.at, first_line: None });
        reading.problems.add(
            Problem::new(Level::Record, fault.code, &fault.message).in_file(&found.name).on_line(Some(fault.line)),
        );
    }
    let FileFacts::Csv(facts) = framer.finish() else { return Ok(()) };
    report.ended = facts.final_newline;
    report.complete = Completeness::Plausible;
    if !is_unchanged(found, &file, found.stamp) {
        return Err(changed());
    }
    Ok(())
}

fn text(record: &RawRecord<'_>, name: &str) -> Option<String> {
    let value = record.attribute(name)?.values.iter().find_map(RawValue::as_text)?;
    Some(value.trim().to_owned()).filter(|text| !text.is_empty())
}

fn kind(record: &RawRecord<'_>) -> Option<ObjectKind> {
    match text(record, "kind")?.to_ascii_lowercase().as_str() {
        "user" => Some(ObjectKind::User),
        "group" => Some(ObjectKind::Group),
        _ => None,
    }
}
