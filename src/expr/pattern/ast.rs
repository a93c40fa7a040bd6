//! A .NET pattern as a tree, options resolved.

use super::class::Class;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Literal {
        letter: char,
        ignore_case: bool,
    },
    /// `.`; with the option `s` line feeds too.
    Any {
        single_line: bool,
    },
    Class {
        class: Class,
        ignore_case: bool,
    },
    /// `^`, and with the option `m` after each line feed.
    Begin {
        multi_line: bool,
    },
    /// `$`, and with the option `m` before each line feed.
    End {
        multi_line: bool,
    },
    /// `\A`.
    TextBegin,
    /// `\z`.
    TextEnd,
    Boundary {
        negated: bool,
    },
    Capture {
        group: Label,
        body: Box<Node>,
    },
    Group(Box<Node>),
    Atomic(Box<Node>),
    Look {
        behind: bool,
        negated: bool,
        body: Box<Node>,
    },
    Backreference {
        group: Label,
        ignore_case: bool,
    },
    Repeat {
        body: Box<Node>,
        least: u32,
        most: Option<u32>,
        lazy: bool,
    },
    Sequence(Vec<Node>),
    Alternatives(Vec<Node>),
}

/// How a pattern calls a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Label {
    /// The n-th parenthesis without a name.
    Unnamed,
    Number(u32),
    Name(String),
}

/// A pattern and its captures in the order of their parentheses.
#[derive(Debug)]
pub(super) struct Parsed {
    pub root: Node,
    pub captures: Vec<Label>,
}
