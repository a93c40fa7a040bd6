//! What is wrong with an expression (expressions.md 1, "Errors").

use std::ops::Range;

use crate::diagnostic::Severity;

pub const PARSE: &str = "parse";
pub const UNKNOWN_FUNCTION: &str = "unknown_function";
pub const ARITY: &str = "arity";
pub const NESTING: &str = "nesting";
pub const EVALUATION: &str = "evaluation";
pub const NOT_UNIQUE: &str = "not_unique";
/// An attribute that the source does not have; only where the caller knows the source's names.
pub const UNKNOWN_ATTRIBUTE: &str = "unknown_attribute";

/// The order in which a text with several faults is reported (expressions.md 1).
const ORDER: [&str; 7] = [PARSE, UNKNOWN_FUNCTION, ARITY, NESTING, EVALUATION, NOT_UNIQUE, UNKNOWN_ATTRIBUTE];

/// One problem in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: &'static str,
    pub severity: Severity,
    /// Bytes of the expression's text.
    pub span: Range<usize>,
    /// Lower case, no final stop, names in backticks.
    pub message: String,
    /// Short words beside the caret.
    pub label: Option<String>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Fault {
    pub(super) fn error(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, span, message: message.into(), label: None, help: None }
    }

    pub(super) fn warning(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Returns the fault under whose code the whole text is reported.
pub fn leading(faults: &[Fault]) -> Option<&Fault> {
    faults
        .iter()
        .filter(|fault| fault.severity == Severity::Error)
        .min_by_key(|fault| ORDER.iter().position(|code| *code == fault.code).unwrap_or(ORDER.len()))
}
