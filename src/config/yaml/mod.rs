//! YAML as a person wrote it: a tree in which every key and value knows its place.
//!
//! serde's view of YAML stops at the first fault and loses the way from a character of a value back to the file. This tree
//! is built from the events of the same parser, so that all faults of a file are found in one run and a caret stands under
//! the right character of an expression, whatever the style of its scalar.

mod parse;
mod scalar;

use std::ops::Range;

pub(crate) use parse::parse;

/// A value and the bytes of the file that it takes up.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Scalar(Scalar),
    /// `flow` where it was written in brackets.
    List {
        items: Vec<Node>,
        flow: bool,
    },
    Map {
        entries: Vec<Entry>,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Node,
    pub(crate) value: Node,
}

#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) style: Style,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

impl Node {
    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::List { .. } | Kind::Map { .. } => None,
        }
    }

    /// An absent value: nothing after the colon, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| {
            scalar.style == Style::Plain && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
        })
    }

    /// The bytes of the file that hold `range` (bytes) of this scalar's text.
    pub(crate) fn place(&self, file: &str, range: Range<usize>) -> Range<usize> {
        match &self.kind {
            Kind::Scalar(scalar) => scalar::place(file, &self.span, scalar, range),
            Kind::List { .. } | Kind::Map { .. } => self.span.clone(),
        }
    }

    /// What a person calls this.
    pub(crate) fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(_) if self.is_null() => "nothing",
            Kind::Scalar(_) => "a text",
            Kind::List { .. } => "a list",
            Kind::Map { .. } => "a map",
        }
    }
}

/// A text as a single-quoted YAML scalar, the style that needs the least care.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
