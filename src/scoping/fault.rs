//! What can be wrong with a filter, and with one object under it (D-23).

use std::fmt;

use crate::diagnostic::Severity;
use crate::model::{ErrorCode, Failure};

/// A code of D-23.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    UnknownOperator,
    UnsupportedOperator,
    InvalidOperand,
    InvalidRegex,
    UnsupportedAttribute,
    EmptyFilterGroup,
    TypeMismatch,
    MultiValuedNotSupported,
    /// Our own: a pattern needed more steps on one value than D-22 grants.
    RegexStepLimit,
    /// Our own hint: a pattern without anchors is searched anywhere in the value (D-22).
    UnanchoredPattern,
}

/// Where in a filter something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Attribute,
    Operator,
    Value,
}

/// Something wrong with a filter as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: Code,
    pub severity: Severity,
    /// Index of the group.
    pub group: usize,
    /// Index of the clause in its group and the part of it; `None` for the group as a whole.
    pub clause: Option<(usize, Part)>,
    pub message: String,
    pub help: String,
}

/// Why the scope of one object cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the filter on `{attribute}` with `{operator}` cannot be evaluated: {message}")]
pub struct EvaluationFault {
    pub code: Code,
    pub attribute: String,
    pub operator: &'static str,
    pub message: String,
}

impl Code {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownOperator => "UnknownOperator",
            Self::UnsupportedOperator => "UnsupportedOperator",
            Self::InvalidOperand => "InvalidOperand",
            Self::InvalidRegex => "InvalidRegex",
            Self::UnsupportedAttribute => "UnsupportedAttribute",
            Self::EmptyFilterGroup => "EmptyFilterGroup",
            Self::TypeMismatch => "TypeMismatch",
            Self::MultiValuedNotSupported => "MultiValuedNotSupported",
            Self::RegexStepLimit => "RegexStepLimit",
            Self::UnanchoredPattern => "UnanchoredPattern",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<EvaluationFault> for Failure {
    fn from(fault: EvaluationFault) -> Self {
        Self::new(ErrorCode::ScopeEvaluationFailed, format!("{}: {fault}", fault.code))
    }
}
