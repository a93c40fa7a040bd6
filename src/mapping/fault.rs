//! What can be wrong with a list of mappings.

use std::ops::Range;

use crate::diagnostic::Severity;

/// Something wrong with a mapping as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: &'static str,
    pub severity: Severity,
    /// Index of the mapping; `None` for the list as a whole.
    pub mapping: Option<usize>,
    pub part: Part,
    /// Bytes of that part's text; `None` for all of it.
    pub range: Option<Range<usize>>,
    pub message: String,
    /// Short words beside the caret.
    pub label: Option<String>,
    pub help: Option<String>,
}

/// Where in a mapping something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The target path.
    Target,
    /// The attribute name, expression or constant.
    Source,
    Default,
    Match,
    Apply,
    Mutability,
    FlowNullValues,
}

impl Fault {
    pub(super) fn new(severity: Severity, code: &'static str, part: Part, message: impl Into<String>) -> Self {
        Self { code, severity, mapping: None, part, range: None, message: message.into(), label: None, help: None }
    }

    pub(super) fn error(code: &'static str, part: Part, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, part, message)
    }

    pub(super) fn warning(code: &'static str, part: Part, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, part, message)
    }

    pub(super) fn at(mut self, range: Range<usize>) -> Self {
        self.range = Some(range);
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
