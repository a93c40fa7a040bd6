//! Messages for people: what is wrong, where, and what to write instead.
//!
//! A [`Diagnostic`] carries everything that is needed to show it, so that rendering ([`render`]) never reads a file again.

mod nearest;
mod render;

use std::ops::Range;

use serde::Serialize;
use serde_json::{Value, json};

pub use nearest::nearest;
pub use render::{Style, render, render_all};

/// How much a [`Diagnostic`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
    Info,
}

/// One problem in something that a person wrote or exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable name of the rule, such as `unknown_function`.
    pub code: &'static str,
    /// Lower case, no final stop, names in backticks.
    pub message: String,
    pub place: Option<Place>,
    /// What to write or do instead.
    pub help: Option<String>,
}

/// Where a problem is; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    pub line: Option<u64>,
    pub column: Option<u64>,
    pub excerpt: Option<Excerpt>,
}

/// The line at fault, for the caret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    pub text: String,
    /// Bytes of `text` to underline.
    pub range: Range<usize>,
    /// Short words beside the caret.
    pub label: Option<String>,
}

impl Diagnostic {
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    pub fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self { severity, code, message: message.into(), place: None, help: None }
    }

    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn with_place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Points at `span` (bytes) of `text`, the whole text of `file`.
    #[must_use]
    pub fn at(self, file: &str, text: &str, span: Range<usize>, label: Option<&str>) -> Self {
        self.with_place(Place::of_span(file, text, span, label))
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The problem as a document has it (contract.md 5, `check`): every member is there, null where there is nothing to say.
    pub fn to_json(&self) -> Value {
        let place = self.place.as_ref();
        json!({
            "severity": self.severity,
            "file": place.map(|place| &place.file),
            "line": place.and_then(|place| place.line),
            "column": place.and_then(|place| place.column),
            "code": self.code,
            "message": self.message,
            "help": self.help,
        })
    }
}

impl Place {
    /// Names a file as a whole.
    pub fn of_file(file: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, column: None, excerpt: None }
    }

    /// Names a line of a file that is too large to quote.
    pub fn of_line(file: impl Into<String>, line: u64) -> Self {
        Self { file: file.into(), line: Some(line), column: None, excerpt: None }
    }

    /// Finds line and column of `span` (bytes) in `text` and keeps the line for the caret.
    ///
    /// A span that runs over several lines is cut at the end of its first.
    pub fn of_span(file: &str, text: &str, span: Range<usize>, label: Option<&str>) -> Self {
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[line_start..line_end].trim_end_matches('\r');
        let from = (start - line_start).min(line.len());
        let to = (end.min(line_end) - line_start).clamp(from, line.len());
        Self {
            file: file.to_owned(),
            line: Some(text[..line_start].matches('\n').count() as u64 + 1),
            column: Some(text[line_start..start].chars().count() as u64 + 1),
            excerpt: Some(Excerpt { text: line.to_owned(), range: from..to, label: label.map(str::to_owned) }),
        }
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
