//! What expressions compute with (expressions.md 2).

use std::borrow::Cow;
use std::fmt;

use super::time::DateTime;
use crate::model::{RoleAssignment, RoleForm, SourceValue};

/// A value during evaluation; borrows from the source object and the expression wherever it can.
///
/// The wide tag keeps every field on a word of its own: a move is then whole words, which halves the time of a short call.
#[derive(Clone, PartialEq)]
#[repr(u64)]
pub enum Value<'a> {
    Null,
    Text(Cow<'a, str>),
    Integer(i64),
    Boolean(bool),
    /// An instant in UTC.
    DateTime(DateTime),
    Binary(Cow<'a, [u8]>),
    /// Never empty.
    List(List<'a>),
    /// The assignments of a source object; elsewhere they count as the list of their names.
    Assignments(&'a [RoleAssignment]),
    /// The result of a role function.
    Roles(RoleForm, &'a [RoleAssignment]),
}

/// The values of a multi-valued attribute, in order.
#[derive(Clone, PartialEq)]
pub enum List<'a> {
    Borrowed(&'a [String]),
    Owned(Vec<Cow<'a, str>>),
}

/// A source value as a record hands it over; costs nothing to copy.
#[derive(Clone, Copy, Default)]
pub enum Input<'a> {
    #[default]
    Null,
    Text(&'a str),
    Integer(i64),
    Boolean(bool),
    Binary(&'a [u8]),
    List(&'a [String]),
    Assignments(&'a [RoleAssignment]),
}

impl<'a> From<&'a SourceValue> for Input<'a> {
    fn from(value: &'a SourceValue) -> Self {
        match value {
            SourceValue::Bool(flag) => Self::Boolean(*flag),
            SourceValue::Integer(number) => Self::Integer(*number),
            SourceValue::Text(text) => Self::Text(text),
            SourceValue::List(list) if list.is_empty() => Self::Null,
            SourceValue::List(list) => Self::List(list),
            SourceValue::Roles(roles) if roles.is_empty() => Self::Null,
            SourceValue::Roles(roles) => Self::Assignments(roles),
        }
    }
}

impl<'a> From<Input<'a>> for Value<'a> {
    #[inline]
    fn from(input: Input<'a>) -> Self {
        match input {
            Input::Null => Self::Null,
            Input::Text(text) => Self::Text(Cow::Borrowed(text)),
            Input::Integer(number) => Self::Integer(number),
            Input::Boolean(flag) => Self::Boolean(flag),
            Input::Binary(bytes) => Self::Binary(Cow::Borrowed(bytes)),
            Input::List(list) => Self::List(List::Borrowed(list)),
            Input::Assignments(roles) => Self::Assignments(roles),
        }
    }
}

impl<'a> Value<'a> {
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether `IsNullOrEmpty` and its kin see nothing here.
    pub(super) fn is_null_or_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::Binary(bytes) => bytes.is_empty(),
            Self::List(list) => list.iter().all(str::is_empty),
            Self::Assignments(roles) => roles.is_empty(),
            Self::Integer(_) | Self::Boolean(_) | Self::DateTime(_) | Self::Roles(..) => false,
        }
    }

    /// The kind as error messages name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text(_) => "text",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::DateTime(_) => "a date",
            Self::Binary(_) => "binary",
            Self::List(_) => "a list",
            Self::Assignments(_) => "a list of role assignments",
            Self::Roles(..) => "a list of role objects",
        }
    }

    /// The text form; null is `None`, what has no single text is an error of its kind.
    pub(super) fn into_text(self) -> Result<Option<Cow<'a, str>>, NoText> {
        Ok(Some(match self {
            Self::Null => return Ok(None),
            Self::Text(text) => text,
            Self::Integer(number) => Cow::Owned(number.to_string()),
            Self::Boolean(flag) => Cow::Borrowed(truth(flag)),
            Self::DateTime(instant) => Cow::Owned(instant.to_string()),
            Self::Binary(bytes) => Cow::Owned(base64(&bytes)),
            Self::List(list) => match list.into_single() {
                Ok(text) => text,
                Err(count) => return Err(NoText::List(count)),
            },
            Self::Assignments([role]) => Cow::Borrowed(name_of(role)),
            Self::Assignments(roles) => return Err(NoText::List(roles.len())),
            Self::Roles(..) => return Err(NoText::Roles),
        }))
    }
}

/// Why a value has no single text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoText {
    List(usize),
    Roles,
}

/// The name of an assigned role: its display name, else its value.
pub(super) fn name_of(role: &RoleAssignment) -> &str {
    role.display_name.as_deref().or(role.value.as_deref()).or(role.id.as_deref()).unwrap_or("")
}

/// The value of an assigned role: its value, else its display name.
pub(super) fn value_of(role: &RoleAssignment) -> &str {
    role.value.as_deref().or(role.display_name.as_deref()).or(role.id.as_deref()).unwrap_or("")
}

pub(super) fn truth(flag: bool) -> &'static str {
    if flag { "True" } else { "False" }
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}

impl<'a> List<'a> {
    pub fn len(&self) -> usize {
        match self {
            Self::Borrowed(list) => list.len(),
            Self::Owned(list) => list.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let (borrowed, owned) = match self {
            Self::Borrowed(list) => (*list, &[][..]),
            Self::Owned(list) => (&[][..], list.as_slice()),
        };
        borrowed.iter().map(String::as_str).chain(owned.iter().map(AsRef::as_ref))
    }

    pub(super) fn get(&self, index: usize) -> Option<Cow<'a, str>> {
        match self {
            Self::Borrowed(list) => list.get(index).map(|text| Cow::Borrowed(text.as_str())),
            Self::Owned(list) => list.get(index).cloned(),
        }
    }

    pub(super) fn into_texts(self) -> Vec<Cow<'a, str>> {
        match self {
            Self::Borrowed(list) => list.iter().map(|text| Cow::Borrowed(text.as_str())).collect(),
            Self::Owned(list) => list,
        }
    }

    fn into_single(self) -> Result<Cow<'a, str>, usize> {
        match self {
            Self::Borrowed([text]) => Ok(Cow::Borrowed(text)),
            Self::Borrowed(list) => Err(list.len()),
            Self::Owned(mut list) if list.len() == 1 => Ok(list.remove(0)),
            Self::Owned(list) => Err(list.len()),
        }
    }
}

impl<'a> FromIterator<Cow<'a, str>> for Value<'a> {
    /// A list, or null when there is nothing.
    fn from_iter<I: IntoIterator<Item = Cow<'a, str>>>(texts: I) -> Self {
        let texts: Vec<_> = texts.into_iter().collect();
        if texts.is_empty() { Self::Null } else { Self::List(List::Owned(texts)) }
    }
}

/// Names the kind only: a value may be secret.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}
