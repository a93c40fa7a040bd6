//! From text to tree and back (expressions.md 1).

mod ast;
mod canonical;
mod literals;
mod parse;
mod tree;

pub(super) use ast::{Argument, Call, Compare, Operand, OperandKind};
pub(super) use canonical::canonical;
pub(super) use parse::parse;
pub use tree::Tree;
pub(super) use tree::tree;

/// Characters a mapping text may have (a documented limit).
pub(super) const LONGEST_TEXT: usize = 10_000;

/// Calls that may stand inside one another; guards the stack.
pub(super) const DEEPEST_NESTING: usize = 128;
