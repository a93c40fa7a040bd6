//! What reading a set came to: files, counts, problems (sources.md 16–18, 24).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::codes;
use super::find::LostNames;
use super::identity::Identity;
use super::memory::SetMemory;
use crate::diagnostic::{Diagnostic, Place, Severity};

/// What a problem does (sources.md 18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Refuses the file, and so the set.
    File,
    Set,
    Record,
    Warning,
    Info,
}

impl Level {
    pub fn letter(self) -> &'static str {
        match self {
            Self::File => "F",
            Self::Set => "S",
            Self::Record => "R",
            Self::Warning => "W",
            Self::Info => "I",
        }
    }
}

/// One complaint, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub level: Level,
    pub code: &'static str,
    pub file: Option<String>,
    pub line: Option<u64>,
    pub column: Option<u64>,
    /// The line at fault, where it is further down in the record.
    pub at: Option<u64>,
    pub attribute: Option<String>,
    pub message: String,
    pub help: String,
}

impl Problem {
    pub fn new(level: Level, code: &'static str, message: impl Into<String>) -> Self {
        let help = codes::help(code).to_owned();
        Self {
            level,
            code,
            file: None,
            line: None,
            column: None,
            at: None,
            attribute: None,
            message: message.into(),
            help,
        }
    }

    #[must_use]
    pub fn in_file(mut self, file: &str) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    #[must_use]
    pub fn on_line(mut self, line: Option<u64>) -> Self {
        self.line = line;
        self
    }

    #[must_use]
    pub fn of_attribute(mut self, attribute: Option<String>) -> Self {
        self.attribute = attribute;
        self
    }

    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// The same for people.
    pub fn to_diagnostic(&self) -> Diagnostic {
        let severity = match self.level {
            Level::File | Level::Set | Level::Record => Severity::Error,
            Level::Warning => Severity::Warning,
            Level::Info => Severity::Info,
        };
        let mut diagnostic = Diagnostic::new(severity, self.code, &self.message);
        if !self.help.is_empty() {
            diagnostic = diagnostic.with_help(&self.help);
        }
        match &self.file {
            Some(file) => diagnostic.with_place(Place {
                line: self.at.or(self.line),
                column: self.column,
                ..Place::of_file(file)
            }),
            None => diagnostic,
        }
    }
}

/// How sure it is that nothing is missing (sources.md 16.2); the order is from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Completeness {
    Incomplete,
    /// A Graph page that is followed by another.
    Page,
    Plausible,
    Proven,
}

impl Completeness {
    pub fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Page => "page",
            Self::Plausible => "plausible",
            Self::Proven => "proven",
        }
    }
}

/// What a set is (sources.md 16.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SetMode {
    Snapshot,
    Changes,
    /// A snapshot, and changes that are later than it.
    Both,
}

/// A warning of one file, as the document lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub line: Option<u64>,
    pub code: &'static str,
    pub attribute: Option<String>,
}

/// A refused record, as the document lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRecord {
    pub line: u64,
    pub code: &'static str,
    pub at: Option<u64>,
    /// The record that holds the anchor.
    pub first_line: Option<u64>,
}

/// What one file came to.
#[derive(Debug, Clone, PartialEq)]
pub struct FileReport {
    pub file: String,
    pub preset: Option<String>,
    pub format: Option<&'static str>,
    /// Code and line of what refused it.
    pub error: Option<(&'static str, Option<u64>)>,
    pub complete: Completeness,
    pub encoding: Option<String>,
    /// Why preset, encoding and delimiter were taken, in words.
    pub reasons: Vec<String>,
    pub warnings: Vec<Warning>,
    pub delimiter: Option<char>,
    pub columns: Option<Vec<String>>,
    /// JSON documents: whether another page follows, whether it is a change file.
    pub document: Option<(bool, bool)>,
    pub result_code: Option<i64>,
    /// What says that the file ends too early, where its records can all be read.
    pub unfinished: Option<Unfinished>,
    /// Whether it is a change file.
    pub changes: bool,
    /// Records read, refused and ignored ones among them.
    pub records: u64,
    pub refused: Vec<RefusedRecord>,
    pub refused_count: u64,
    /// SCIM: `totalResults`.
    pub total: Option<u64>,
    /// Whether it is a document of Microsoft Graph.
    pub is_graph: bool,
    /// Whether the last line was ended.
    pub ended: bool,
}

/// What a file says of going on, and does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    pub line: Option<u64>,
    pub message: &'static str,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub users: u64,
    pub groups: u64,
    pub ignored: u64,
    pub changes: u64,
    pub refused: u64,
    pub disabled: u64,
    pub enabled_unknown: u64,
    pub soft_deleted: u64,
    pub hard_deleted: u64,
    /// Records of any kind that were recognised and not decoded.
    pub known: u64,
}

impl Counts {
    pub(super) fn add(&mut self, more: Counts) {
        self.each(more, |own, other| *own += other);
    }

    pub(super) fn take(&mut self, less: Counts) {
        self.each(less, |own, other| *own = own.saturating_sub(other));
    }

    fn each(&mut self, other: Counts, with: impl Fn(&mut u64, u64)) {
        let Self {
            users,
            groups,
            ignored,
            changes,
            refused,
            disabled,
            enabled_unknown,
            soft_deleted,
            hard_deleted,
            known,
        } = self;
        with(users, other.users);
        with(groups, other.groups);
        with(ignored, other.ignored);
        with(changes, other.changes);
        with(refused, other.refused);
        with(disabled, other.disabled);
        with(enabled_unknown, other.enabled_unknown);
        with(soft_deleted, other.soft_deleted);
        with(hard_deleted, other.hard_deleted);
        with(known, other.known);
    }
}

/// Who is assigned, by an assignment file (sources.md 12.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    pub id: String,
    pub kind: Option<crate::model::ObjectKind>,
    pub role: Option<String>,
    pub file: String,
    pub line: u64,
}

/// What reading a set came to.
#[derive(Debug, Clone)]
pub struct SetReport {
    pub mode: SetMode,
    pub complete: Completeness,
    /// Nothing of the set may be applied.
    pub refused: bool,
    /// The set is to be found and read anew.
    pub changed_while_read: bool,
    /// A file was taken for UTF-8 by its beginning, and is not: nothing of the report counts.
    pub misread: bool,
    /// What [`FileSet::presumes`](super::FileSet::presumes) stands for does not hold: nothing of the report counts.
    pub presumed_wrongly: bool,
    /// What no record of JSON or LDIF says any more, which is seen at the end alone: where that is more than
    /// [`FileSet::lost`](super::FileSet::lost) held, the set is to be read anew with it.
    pub lost: LostNames,
    pub files: Vec<FileReport>,
    pub counts: Counts,
    pub problems: Vec<Problem>,
    /// Refused records whose anchor could not be read: they may be anyone (sources.md 16.3).
    pub refused_without_anchor: u64,
    /// What must be remembered if the set is accepted.
    pub memory: SetMemory,
    pub assignments: Option<Vec<Assignment>>,
    /// Of what was read, if it was wanted and everything can be read.
    pub identity: Option<Identity>,
}

/// Collects problems; warnings of the same code, file and attribute are counted after the first five.
#[derive(Debug, Default)]
pub struct Problems {
    all: Vec<Problem>,
    seen: BTreeMap<(Option<String>, &'static str, Option<String>), u64>,
}

/// How many of a kind are shown.
const SHOWN: u64 = 5;
/// How many refused records of a kind are listed; the rest are counted.
const LISTED: u64 = 10_000;

impl Problems {
    /// Adds `problem`; false if it was only counted.
    pub fn add(&mut self, problem: Problem) -> bool {
        let most = match problem.level {
            Level::File | Level::Set => u64::MAX,
            Level::Record => LISTED,
            Level::Warning | Level::Info => SHOWN,
        };
        let count = self.seen.entry((problem.file.clone(), problem.code, problem.attribute.clone())).or_default();
        *count += 1;
        let shown = *count <= most;
        if shown {
            self.all.push(problem);
        }
        shown
    }

    /// Says whether anything so far refuses the set.
    pub fn is_refusal(&self) -> bool {
        self.all.iter().any(|problem| matches!(problem.level, Level::File | Level::Set))
    }

    /// Returns the problems by level, file and line, the counts of what was not shown at the end.
    pub fn finish(mut self) -> Vec<Problem> {
        let rest: Vec<Problem> = self
            .seen
            .iter()
            .filter_map(|((file, code, attribute), count)| {
                let first = self.all.iter().find(|problem| {
                    problem.file == *file && problem.code == *code && problem.attribute == *attribute
                })?;
                let most = if first.level == Level::Record { LISTED } else { SHOWN };
                (!matches!(first.level, Level::File | Level::Set) && *count > most).then(|| Problem {
                    message: format!("{} more of the same kind", count - most),
                    line: None,
                    at: None,
                    ..first.clone()
                })
            })
            .collect();
        self.all.sort_by(|a, b| (a.level, &a.file, a.line).cmp(&(b.level, &b.file, b.line)));
        self.all.extend(rest);
        self.all
    }
}
