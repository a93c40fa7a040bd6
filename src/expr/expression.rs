//! A compiled expression.

use super::context::Context;
use super::evaluate::{EvaluationError, Frame, Node, Stop};
use super::fault::Fault;
use super::functions::Class;
use super::outcome::Outcome;
use super::slots::Record;
use super::syntax::Tree;
use super::value::Value;

/// An expression ready to be evaluated for any number of source objects.
#[derive(Debug)]
pub struct Expression {
    pub(super) root: Node,
    pub(super) class: Class,
    pub(super) redacted: bool,
    /// Place and name.
    pub(super) attributes: Vec<(usize, String)>,
    /// Names of the functions it calls.
    pub(super) functions: Vec<&'static str>,
    pub(super) canonical: String,
    pub(super) tree: Tree,
    pub(super) warnings: Vec<Fault>,
}

impl Expression {
    /// Evaluates the expression for one source object, whose record was made from the slots it was compiled with.
    pub fn evaluate<'a>(&'a self, record: &Record<'a>, context: &Context<'_>) -> Result<Outcome<'a>, EvaluationError> {
        self.finish(self.root.evaluate(Frame { slots: &record.inputs, context }))
    }

    /// The number of rules of a `SelectUniqueValue` at the root, else 0.
    pub fn rules(&self) -> usize {
        match &self.root {
            Node::Call(call) if call.function.class == Class::Target => call.arguments.len(),
            _ => 0,
        }
    }

    /// Evaluates one rule of `SelectUniqueValue` on its own, for callers who ask the target between two rules.
    ///
    /// Null and empty results are to be skipped. The context's uniqueness is not asked.
    pub fn evaluate_rule<'a>(
        &'a self,
        index: usize,
        record: &Record<'a>,
        context: &Context<'_>,
    ) -> Result<Outcome<'a>, EvaluationError> {
        let Node::Call(call) = &self.root else { return Ok(Outcome::Null) };
        let Some(rule) = call.arguments.get(index).filter(|_| index < self.rules()) else { return Ok(Outcome::Null) };
        self.finish(rule.evaluate(Frame { slots: &record.inputs, context }))
    }

    #[inline]
    fn finish<'a>(&self, evaluated: Result<Value<'a>, Stop>) -> Result<Outcome<'a>, EvaluationError> {
        match evaluated {
            Ok(Value::Null) => Ok(Outcome::Null),
            Ok(value) => Ok(Outcome::Value(value)),
            Err(Stop::Ignore) => Ok(Outcome::Ignore),
            // The words of `Error` may be made from the value that must not be seen.
            Err(Stop::Error(error)) if self.redacted && error.function == "Error" => {
                Err(EvaluationError { message: "[Redact]".to_owned(), ..*error })
            }
            Err(Stop::Error(error)) => Err(*error),
        }
    }

    /// The worst class of all functions in it.
    pub fn class(&self) -> Class {
        self.class
    }

    /// Whether its value must not be seen in any log, preview or report.
    pub fn is_redacted(&self) -> bool {
        self.redacted
    }

    /// The attributes it reads, each once.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = &str> {
        self.attributes.iter().map(|(_, name)| name.as_str())
    }

    /// Whether it calls the function of this name, spelled as in the language.
    pub fn calls(&self, function: &str) -> bool {
        self.functions.contains(&function)
    }

    /// The places of its attributes in the slots.
    pub fn places(&self) -> impl ExactSizeIterator<Item = usize> {
        self.attributes.iter().map(|(place, _)| *place)
    }

    pub fn depends_on(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute == name)
    }

    /// The one spelling that the schema API prints.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The parsed form of the schema API.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What is doubtful but works.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }
}
