//! A mapping as written, in a mapping file or an imported schema.

use crate::model::{ApplyMode, Mutability, ValueKind};

/// One mapping before it is compiled; what is `None` follows from the target attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The target path.
    pub target: String,
    pub source: Source,
    pub default: Option<String>,
    /// Matching precedence, 1 first.
    pub matching: Option<u32>,
    pub apply: Option<ApplyMode>,
    /// `flow: always`.
    pub always: bool,
    pub kind: Option<ValueKind>,
    pub multivalued: Option<bool>,
    pub required: bool,
    pub case_exact: bool,
    pub mutability: Mutability,
    /// Gate of the mapping (service.md 11.3).
    pub flow_null_values: bool,
    /// Gate of the source attribute.
    pub source_flow_null_values: bool,
}

/// Where the value of a mapping comes from (service.md 11.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Attribute(String),
    Expression(String),
    Constant(String),
    None,
}

impl Draft {
    /// A mapping with every option at its default.
    pub fn new(target: impl Into<String>, source: Source) -> Self {
        Self {
            target: target.into(),
            source,
            default: None,
            matching: None,
            apply: None,
            always: false,
            kind: None,
            multivalued: None,
            required: false,
            case_exact: true,
            mutability: Mutability::default(),
            flow_null_values: false,
            source_flow_null_values: false,
        }
    }
}

impl Source {
    /// Reads a bare text: a plain attribute name is a direct mapping, anything else an expression (contract.md 4).
    pub fn of_text(text: &str) -> Self {
        let name = text.trim();
        let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '#' | '$'))
            && name.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if plain { Self::Attribute(name.to_owned()) } else { Self::Expression(text.to_owned()) }
    }

    /// The text that a person wrote.
    pub fn text(&self) -> &str {
        match self {
            Self::Attribute(text) | Self::Expression(text) | Self::Constant(text) => text,
            Self::None => "",
        }
    }
}
