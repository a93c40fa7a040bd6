//! Filters (RFC 7644 section 3.4.2.2): the grammar. What they match is in `matching`.

use serde_json::Value;

use super::failure::Refusal;
use super::path::AttributePath;
use super::schema::Resource;

/// How deep parentheses and `not` may nest, so that no filter can exhaust the stack.
const MAX_DEPTH: usize = 40;
/// How long a filter may be.
const MAX_LENGTH: usize = 64 * 1024;

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

const OPERATORS: &[(&str, Operator)] = &[
    ("eq", Operator::Eq),
    ("ne", Operator::Ne),
    ("co", Operator::Co),
    ("sw", Operator::Sw),
    ("ew", Operator::Ew),
    ("gt", Operator::Gt),
    ("ge", Operator::Ge),
    ("lt", Operator::Lt),
    ("le", Operator::Le),
];

/// What is asked of one value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Present,
    Compare(Operator, Value),
}

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Attribute(AttributePath, Test),
    /// `emails[type eq "work"]`, and with a test behind it `emails[type eq "work"].value eq "x"`.
    Element(ElementPath, Option<Test>),
}

/// A value path: the elements of a list that a filter selects, and one sub-attribute of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ElementPath {
    pub(super) list: AttributePath,
    pub(super) filter: Box<Filter>,
    pub(super) sub: Option<String>,
}

/// The path of a PATCH operation (RFC 7644 section 3.5.2).
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PatchPath {
    Attribute(AttributePath),
    Element(ElementPath),
}

impl Filter {
    /// Parses a filter over resources of one kind.
    pub(super) fn parse(text: &str, resource: Resource) -> Result<Self, Refusal> {
        if text.len() > MAX_LENGTH {
            return Err(Refusal::invalid_filter("the filter is too long"));
        }
        let mut parser = Parser::new(text, resource);
        let filter = parser.or()?;
        parser.blanks();
        match parser.rest().is_empty() {
            true => Ok(filter),
            false => Err(parser.refuse("`and`, `or` or the end")),
        }
    }

    /// Says whether a value path occurs anywhere.
    pub(super) fn has_element_path(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::has_element_path),
            Self::Not(inner) => inner.has_element_path(),
            Self::Attribute(..) => false,
            Self::Element(..) => true,
        }
    }

    /// Says whether an attribute occurs anywhere outside value paths.
    pub(super) fn mentions(&self, name: &str) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.mentions(name)),
            Self::Not(inner) => inner.mentions(name),
            Self::Attribute(path, _) => path.name.eq_ignore_ascii_case(name),
            Self::Element(path, _) => path.list.name.eq_ignore_ascii_case(name),
        }
    }

    /// Returns the text that a plain attribute must equal for the filter to match, if the filter
    /// says so on its outermost level: what an index can answer.
    pub(super) fn required_text(&self, name: &str) -> Option<&str> {
        match self {
            Self::And(parts) => parts.iter().find_map(|part| part.required_text(name)),
            Self::Attribute(path, Test::Compare(Operator::Eq, Value::String(text))) => {
                (path.urn.is_none() && path.sub.is_none() && path.name.eq_ignore_ascii_case(name)).then_some(text)
            }
            Self::Or(_) | Self::Not(_) | Self::Attribute(..) | Self::Element(..) => None,
        }
    }
}

impl PatchPath {
    /// Parses the path of a PATCH operation.
    pub(super) fn parse(text: &str, resource: Resource) -> Result<Self, Refusal> {
        let refuse = |_| Refusal::invalid_path(format!("the path `{}` is not one", clip(text)));
        if text.len() > MAX_LENGTH {
            return Err(Refusal::invalid_path("the path is too long"));
        }
        let mut parser = Parser::new(text, resource);
        parser.blanks();
        let list = parser.attribute().map_err(refuse)?;
        let path = match parser.element(&list).map_err(refuse)? {
            Some(element) => Self::Element(element),
            None => Self::Attribute(list),
        };
        parser.blanks();
        match parser.rest().is_empty() {
            true => Ok(path),
            false => Err(refuse(parser.refuse("the end"))),
        }
    }
}

/// Cuts input that goes into a message.
pub(super) fn clip(text: &str) -> String {
    text.chars().take(120).collect()
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    resource: Resource,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, resource: Resource) -> Self {
        Self { text, at: 0, depth: 0, resource }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn refuse(&self, expected: &str) -> Refusal {
        Refusal::invalid_filter(format!(
            "the filter is wrong at character {}: {expected} expected",
            self.text[..self.at].chars().count() + 1
        ))
    }

    fn take(&mut self, sign: char) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len_utf8();
        }
        found
    }

    /// Takes a word in any case, if it stands here and ends here.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let found = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            && !rest[word.len()..].starts_with(|c: char| c.is_alphanumeric() || "._:-$".contains(c));
        if found {
            self.at += word.len();
        }
        found
    }

    fn or(&mut self) -> Result<Filter, Refusal> {
        let mut parts = vec![self.and()?];
        while self.joined_by("or") {
            parts.push(self.and()?);
        }
        Ok(one_or(parts, Filter::Or))
    }

    fn and(&mut self) -> Result<Filter, Refusal> {
        let mut parts = vec![self.term()?];
        while self.joined_by("and") {
            parts.push(self.term()?);
        }
        Ok(one_or(parts, Filter::And))
    }

    fn joined_by(&mut self, word: &str) -> bool {
        self.blanks();
        self.word(word)
    }

    fn term(&mut self) -> Result<Filter, Refusal> {
        self.blanks();
        let start = self.at;
        if self.word("not") {
            self.blanks();
            if self.take('(') {
                return Ok(Filter::Not(Box::new(self.group()?)));
            }
            self.at = start;
        }
        if self.take('(') {
            return self.group();
        }
        let path = self.attribute()?;
        if let Some(element) = self.element(&path)? {
            if element.sub.is_none() {
                return Ok(Filter::Element(element, None));
            }
            let test = self.test()?;
            return Ok(Filter::Element(element, Some(test)));
        }
        let test = self.test()?;
        Ok(Filter::Attribute(path, test))
    }

    /// Parses up to the closing parenthesis, the opening one being taken.
    fn group(&mut self) -> Result<Filter, Refusal> {
        let filter = self.nested()?;
        match self.take(')') {
            true => Ok(filter),
            false => Err(self.refuse("`)`")),
        }
    }

    fn nested(&mut self) -> Result<Filter, Refusal> {
        if self.depth == MAX_DEPTH {
            return Err(self.refuse("less nesting"));
        }
        self.depth += 1;
        let filter = self.or()?;
        self.depth -= 1;
        self.blanks();
        Ok(filter)
    }

    fn attribute(&mut self) -> Result<AttributePath, Refusal> {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || "[]()\"".contains(c)).unwrap_or(rest.len());
        let path = AttributePath::parse(&rest[..end], self.resource).ok_or_else(|| self.refuse("an attribute"))?;
        self.at += end;
        Ok(path)
    }

    /// Parses `[filter]` and `.sub` behind `list`, if a bracket stands here.
    fn element(&mut self, list: &AttributePath) -> Result<Option<ElementPath>, Refusal> {
        if !self.take('[') {
            return Ok(None);
        }
        let filter = self.nested()?;
        if !self.take(']') {
            return Err(self.refuse("`]`"));
        }
        let sub = match self.take('.') {
            true => Some(self.attribute()?.name),
            false => None,
        };
        Ok(Some(ElementPath { list: list.clone(), filter: Box::new(filter), sub }))
    }

    fn test(&mut self) -> Result<Test, Refusal> {
        self.blanks();
        if self.word("pr") {
            return Ok(Test::Present);
        }
        let operator = OPERATORS
            .iter()
            .find(|(word, _)| self.word(word))
            .map(|(_, operator)| *operator)
            .ok_or_else(|| self.refuse("an operator"))?;
        self.blanks();
        let literal = self.literal()?;
        Ok(Test::Compare(operator, literal))
    }

    /// Parses a JSON string, number, `true`, `false` or `null` (the words in any case).
    fn literal(&mut self) -> Result<Value, Refusal> {
        for (word, value) in [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)] {
            if self.word(word) {
                return Ok(value);
            }
        }
        let mut stream = serde_json::Deserializer::from_str(self.rest()).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value @ (Value::String(_) | Value::Number(_)))) => {
                self.at += stream.byte_offset();
                Ok(value)
            }
            _ => Err(self.refuse("a value in quotes, a number, `true`, `false` or `null`")),
        }
    }
}

fn one_or(mut parts: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}
