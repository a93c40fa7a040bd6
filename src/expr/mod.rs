//! The expression language of attribute mappings (expressions.md).
//!
//! A mapping text is compiled once against [`Slots`], which number the attributes that all expressions of a mapping read,
//! and evaluated for each source object's [`Record`]. The language knows no users, no SCIM and no files; clock, chance and
//! the target are handed in through a [`Context`].

mod batch;
mod casing;
mod compare;
mod compile;
mod context;
mod elsewhere;
mod evaluate;
mod expression;
mod fault;
mod functions;
mod json;
mod outcome;
mod pattern;
mod reference;
mod slots;
mod syntax;
mod time;
mod value;

pub use batch::{EvalError, answer_line, evaluate_json};
pub use compile::compile;
pub use context::{Context, Random, SeededRandom, Uniqueness};
pub use evaluate::EvaluationError;
pub use expression::Expression;
pub use fault::{Fault, leading};
pub use functions::Class;
pub use json::{JsonSource, SourceError};
pub use outcome::{Outcome, OwnedValue, ROLE_TYPE};
pub use reference::{describe, described, examples, list, listed, reference_markdown};
pub use slots::{KnownNames, Record, Slots};
pub use syntax::Tree;
pub use time::DateTime;
pub use value::{Input, List, Value};

#[cfg(test)]
mod tests;
