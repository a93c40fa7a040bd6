//! The tree of an expression; spans are bytes of its text.

use std::ops::Range;

#[derive(Debug)]
pub(in crate::expr) struct Operand {
    pub span: Range<usize>,
    pub kind: OperandKind,
}

#[derive(Debug)]
pub(in crate::expr) enum OperandKind {
    Call(Call),
    /// The name between the brackets, verbatim.
    Attribute(String),
    /// A quoted constant, escapes resolved.
    Text(String),
    /// A bare number as it is written.
    Number(String),
    /// A hexadecimal literal.
    Hex(i64),
    Keyword(Keyword),
}

#[derive(Debug)]
pub(in crate::expr) struct Call {
    pub name: String,
    pub name_span: Range<usize>,
    pub arguments: Vec<Argument>,
}

#[derive(Debug)]
pub(in crate::expr) enum Argument {
    /// Not given; where its value would stand.
    Empty(Range<usize>),
    Operand(Operand),
    Comparison {
        left: Operand,
        operator: Compare,
        operator_span: Range<usize>,
        right: Operand,
    },
}

impl Argument {
    pub fn span(&self) -> Range<usize> {
        match self {
            Self::Empty(span) => span.clone(),
            Self::Operand(operand) => operand.span.clone(),
            Self::Comparison { left, right, .. } => left.span.start..right.span.end,
        }
    }

    pub fn is_given(&self) -> bool {
        !matches!(self, Self::Empty(_))
    }
}

/// The operator of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Compare {
    /// Longest spelling first, so that the first match is the operator.
    pub(in crate::expr) const ALL: [Self; 6] =
        [Self::NotEqual, Self::GreaterOrEqual, Self::LessOrEqual, Self::Equal, Self::Greater, Self::Less];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }
}

/// A constant that needs no quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) enum Keyword {
    TextCompare,
    BinaryCompare,
    Utf8,
    Unicode,
    Ascii,
}

impl Keyword {
    pub const ALL: [Self; 5] = [Self::TextCompare, Self::BinaryCompare, Self::Utf8, Self::Unicode, Self::Ascii];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::TextCompare => "vbTextCompare",
            Self::BinaryCompare => "vbBinaryCompare",
            Self::Utf8 => "UTF8",
            Self::Unicode => "Unicode",
            Self::Ascii => "ASCII",
        }
    }
}
