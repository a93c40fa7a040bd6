//! The compiled form and how it runs.

use std::borrow::Cow;
use std::ops::Range;

use super::compare::compare;
use super::context::Context;
use super::fault::{EVALUATION, NOT_UNIQUE};
use super::functions::{Body, Function, WhenNull};
use super::pattern::Pattern;
use super::syntax::Compare;
use super::value::{Input, List, NoText, Value, name_of};

/// Bytes a text that a function makes may have; a list may have [`LIST_FACTOR`] times as many in all.
pub(super) const LARGEST_TEXT: usize = 1 << 20;
const LIST_FACTOR: usize = 16;

/// One node of a compiled expression.
#[derive(Debug)]
pub(super) enum Node {
    /// An argument that is not given.
    Empty,
    Text(String),
    Integer(i64),
    /// Slot of the record.
    Attribute(usize),
    Comparison(Box<ComparisonNode>),
    Call(Box<CallNode>),
}

/// A condition with an operator.
#[derive(Debug)]
pub(super) struct ComparisonNode {
    pub left: Node,
    pub operator: Compare,
    pub right: Node,
    /// The function it stands in, for messages.
    pub function: &'static str,
    pub span: Range<usize>,
}

#[derive(Debug)]
pub(super) struct CallNode {
    pub function: &'static Function,
    pub arguments: Vec<Node>,
    pub span: Range<usize>,
    /// A constant pattern of `Replace`, compiled once.
    pub pattern: Option<Pattern>,
}

/// Why an evaluation gives no value.
#[derive(Debug)]
pub(super) enum Stop {
    /// *ignore* has reached another function: it is the outcome of the whole mapping.
    Ignore,
    Error(Box<EvaluationError>),
}

/// An error of one object (expressions.md 1); its message holds no value of the source object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationError {
    /// `evaluation` or `not_unique`.
    pub code: &'static str,
    pub function: &'static str,
    pub message: String,
    /// The call in the expression's text, in bytes.
    pub span: Range<usize>,
}

impl std::fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvaluationError {}

pub(super) type Evaluated<'a> = Result<Value<'a>, Stop>;

/// What all nodes of one evaluation share.
#[derive(Clone, Copy)]
pub(super) struct Frame<'f, 'a> {
    pub slots: &'f [Input<'a>],
    pub context: &'f Context<'f>,
}

impl Node {
    #[inline]
    pub fn evaluate<'a>(&'a self, frame: Frame<'_, 'a>) -> Evaluated<'a> {
        Ok(match self {
            Self::Empty => Value::Null,
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Integer(number) => Value::Integer(*number),
            Self::Attribute(slot) => frame.slots.get(*slot).copied().unwrap_or_default().into(),
            Self::Comparison(parts) => Value::Boolean(compare(parts, frame)?),
            Self::Call(call) => return call.evaluate(frame),
        })
    }

    pub fn is_given(&self) -> bool {
        !matches!(self, Self::Empty)
    }
}

impl CallNode {
    #[inline]
    fn evaluate<'a>(&'a self, frame: Frame<'_, 'a>) -> Evaluated<'a> {
        let arguments = Arguments { call: self, frame };
        match self.function.body {
            Body::Whole(body) => body(&arguments),
            Body::Each(when_null, body) => {
                let source = arguments.value(0)?;
                if source.is_null() {
                    return Ok(when_null.value());
                }
                let rest = Rest::evaluate(&arguments)?;
                arguments.each(source, |text| body(text, &rest))
            }
        }
    }
}

impl WhenNull {
    fn value<'a>(self) -> Value<'a> {
        match self {
            Self::Null => Value::Null,
            Self::Empty => Value::Text(Cow::Borrowed("")),
        }
    }
}

/// The arguments of one call, evaluated when they are asked for.
pub(super) struct Arguments<'f, 'a> {
    pub call: &'a CallNode,
    pub frame: Frame<'f, 'a>,
}

impl<'f, 'a> Arguments<'f, 'a> {
    pub fn len(&self) -> usize {
        self.call.arguments.len()
    }

    pub fn context(&self) -> &'f Context<'f> {
        self.frame.context
    }

    pub fn is_given(&self, index: usize) -> bool {
        self.call.arguments.get(index).is_some_and(Node::is_given)
    }

    /// The value of an argument; null when it is not given.
    #[inline]
    pub fn value(&self, index: usize) -> Evaluated<'a> {
        match self.call.arguments.get(index) {
            Some(node) => node.evaluate(self.frame),
            None => Ok(Value::Null),
        }
    }

    /// An argument that is a constant text or a text of the source object: nothing needs to be made for it.
    #[inline]
    pub fn borrowed(&self, index: usize) -> Option<&'a str> {
        match self.call.arguments.get(index)? {
            Node::Text(text) => Some(text),
            Node::Attribute(slot) => match self.frame.slots.get(*slot) {
                Some(Input::Text(text)) => Some(text),
                _ => None,
            },
            Node::Empty | Node::Integer(_) | Node::Comparison(_) | Node::Call(_) => None,
        }
    }

    /// The text form of an argument, `None` for null.
    #[inline]
    pub fn text(&self, index: usize) -> Result<Option<Cow<'a, str>>, Stop> {
        if let Some(text) = self.borrowed(index) {
            return Ok(Some(Cow::Borrowed(text)));
        }
        let value = self.value(index)?;
        self.text_of(index, value)
    }

    pub fn text_of(&self, index: usize, value: Value<'a>) -> Result<Option<Cow<'a, str>>, Stop> {
        value.into_text().map_err(|no_text| self.no_text(index, no_text))
    }

    pub fn integer(&self, index: usize) -> Result<i64, Stop> {
        let value = self.value(index)?;
        self.integer_of(index, value)
    }

    pub fn integer_of(&self, index: usize, value: Value<'a>) -> Result<i64, Stop> {
        let kind = value.kind();
        let number = match value {
            Value::Integer(number) => Some(number),
            Value::Text(text) => integer(&text),
            list @ (Value::List(_) | Value::Assignments(_)) => self.text_of(index, list)?.as_deref().and_then(integer),
            Value::Null | Value::Boolean(_) | Value::DateTime(_) | Value::Binary(_) | Value::Roles(..) => None,
        };
        number.ok_or_else(|| {
            let hint = if kind == "text" { " that is no whole number of 64 bits" } else { "" };
            self.fail(format!("`{}` is {kind}{hint}, an integer is wanted", self.parameter(index)))
        })
    }

    /// Applies `change` to each value of `source`, which is not null.
    pub fn each(
        &self,
        source: Value<'a>,
        mut change: impl FnMut(Cow<'a, str>) -> Result<Cow<'a, str>, Problem>,
    ) -> Evaluated<'a> {
        let texts = match source {
            Value::List(list) => list.into_texts(),
            Value::Assignments(roles) => roles.iter().map(|role| Cow::Borrowed(name_of(role))).collect(),
            single => {
                let text = match single {
                    Value::Text(text) => text,
                    other => self.text_of(0, other)?.unwrap_or_default(),
                };
                return match change(text) {
                    Ok(Cow::Owned(text)) if text.len() > LARGEST_TEXT => Err(self.too_large()),
                    Ok(text) => Ok(Value::Text(text)),
                    Err(problem) => Err(self.fail(problem.0)),
                };
            }
        };
        let mut changed = Vec::with_capacity(texts.len());
        let mut bytes = 0;
        for text in texts {
            let text = change(text).map_err(|problem| self.fail(problem.0))?;
            if let Cow::Owned(text) = &text {
                bytes += text.len();
                if text.len() > LARGEST_TEXT || bytes > LARGEST_TEXT * LIST_FACTOR {
                    return Err(self.too_large());
                }
            }
            changed.push(text);
        }
        Ok(Value::List(List::Owned(changed)))
    }

    /// The name of the parameter at `index`, for messages.
    pub fn parameter(&self, index: usize) -> &'static str {
        self.call.function.params_for(self.len()).nth(index).map_or("argument", |param| param.name)
    }

    /// An `evaluation` error; `what` must not hold a value of the source object.
    pub fn fail(&self, what: impl AsRef<str>) -> Stop {
        self.error(EVALUATION, format!("`{}`: {}", self.call.function.name, what.as_ref()))
    }

    pub fn not_unique(&self) -> Stop {
        self.error(NOT_UNIQUE, format!("`{}`: every candidate is taken in the target", self.call.function.name))
    }

    /// An error in the mapping's own words.
    pub fn error(&self, code: &'static str, message: String) -> Stop {
        let span = self.call.span.clone();
        Stop::Error(Box::new(EvaluationError { code, function: self.call.function.name, message, span }))
    }

    pub fn too_large(&self) -> Stop {
        self.fail(format!("the result is larger than {LARGEST_TEXT} bytes"))
    }

    pub fn no_text(&self, index: usize, no_text: NoText) -> Stop {
        let name = self.parameter(index);
        self.fail(match no_text {
            NoText::List(count) => format!("`{name}` is a list of {count} values, one text is wanted"),
            NoText::Roles => format!("`{name}` is a list of role objects, a text is wanted"),
        })
    }
}

/// What went wrong inside a function that sees one text; gets the function's name on its way out.
#[derive(Debug)]
pub(super) struct Problem(pub String);

/// The arguments behind the first, evaluated once for all values of a list.
pub(super) struct Rest<'r, 'f, 'a> {
    arguments: &'r Arguments<'f, 'a>,
    values: [Value<'a>; Rest::MOST],
}

impl Rest<'_, '_, '_> {
    /// Parameters behind the first that a [`Body::Each`] function may have.
    pub const MOST: usize = 2;
}

impl<'r, 'f, 'a> Rest<'r, 'f, 'a> {
    fn evaluate(arguments: &'r Arguments<'f, 'a>) -> Result<Self, Stop> {
        let mut values = [Value::Null, Value::Null];
        for (index, value) in values.iter_mut().enumerate() {
            *value = arguments.value(index + 1)?;
        }
        Ok(Self { arguments, values })
    }

    fn value(&self, index: usize) -> Value<'a> {
        self.values.get(index.wrapping_sub(1)).cloned().unwrap_or(Value::Null)
    }

    pub fn text(&self, index: usize) -> Result<Option<Cow<'a, str>>, Problem> {
        self.arguments.text_of(index, self.value(index)).map_err(Problem::from)
    }

    pub fn integer(&self, index: usize) -> Result<i64, Problem> {
        self.arguments.integer_of(index, self.value(index)).map_err(Problem::from)
    }
}

/// A text form or an integer that does not exist; the function's name is put in front again on the way out.
impl From<Stop> for Problem {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Ignore => Self(String::new()),
            Stop::Error(error) => {
                let prefix = format!("`{}`: ", error.function);
                Self(error.message.strip_prefix(&prefix).unwrap_or(&error.message).to_owned())
            }
        }
    }
}

/// Reads an optionally signed run of digits.
pub(super) fn integer(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}
