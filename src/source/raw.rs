//! Records as an export has them: decoded, with places, before any meaning is put on them.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::few::Few;

/// One value as the file has it, borrowed from its bytes where they are the text.
///
/// `Debug` shows only the kind: values may be secrets (sources.md 11.9).
#[derive(Clone, PartialEq, Eq)]
pub enum RawValue<'a> {
    Text(Cow<'a, str>),
    /// Octets: not valid UTF-8, with a NUL, or of an attribute marked `;binary`.
    Bytes(Cow<'a, [u8]>),
    Bool(bool),
    /// The digits as written; never a float.
    Number(Cow<'a, str>),
    Null,
    /// The URL of an LDIF `:<` line, which is never opened.
    Url(Cow<'a, str>),
}

/// The values of one attribute: one, as a rule.
pub type RawValues<'a> = Few<RawValue<'a>>;

/// One attribute, column or flattened JSON name with its values in file order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    /// As in the file; remaining LDIF options are part of it (`cn;lang-ja`). Decoders share it between records.
    pub name: Rc<str>,
    /// Never empty, except for an empty JSON array.
    pub values: RawValues<'a>,
    /// The line of its first value (LDIF); else the record's.
    pub line: u64,
    /// The first line with a `;range=A-B` whose B is not `*`: values are missing (sources.md 9.3).
    pub incomplete: Option<u64>,
}

/// One record of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// The line of its first character.
    pub line: u64,
    /// In file order, each name once. An LDIF entry has its DN first, as the attribute `dn`. Of a CSV row only cells that
    /// are not blank; columns without a name are left out.
    pub attributes: Vec<RawAttribute<'a>>,
    pub body: RawBody,
    /// Codes of warnings that reading this record gave, such as `csv.extra_empty_cells`.
    pub warnings: Vec<&'static str>,
}

/// Says whether a record describes an object or a change to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawBody {
    Content,
    Change(LdifChange),
}

/// A change record (sources.md 9.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LdifChange {
    /// The entry is in the record's attributes.
    Add,
    Delete {
        /// With all that lies below it.
        tree: bool,
    },
    Modify(Vec<Modification>),
    Rename {
        new_rdn: String,
        delete_old_rdn: bool,
        new_superior: Option<String>,
    },
}

/// One part of a modify record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modification {
    pub operation: ModifyOperation,
    /// The description as in the file, less the options that the preset strips.
    pub attribute: Arc<str>,
    pub values: Vec<RawValue<'static>>,
    pub line: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModifyOperation {
    Add,
    Delete,
    Replace,
    Increment,
}

impl RawValue<'_> {
    /// Makes the value independent of the bytes that it was read from.
    #[must_use]
    pub fn into_owned(self) -> RawValue<'static> {
        match self {
            Self::Text(text) => RawValue::Text(text.into_owned().into()),
            Self::Bytes(bytes) => RawValue::Bytes(bytes.into_owned().into()),
            Self::Bool(truth) => RawValue::Bool(truth),
            Self::Number(digits) => RawValue::Number(digits.into_owned().into()),
            Self::Null => RawValue::Null,
            Self::Url(url) => RawValue::Url(url.into_owned().into()),
        }
    }

    /// Returns the value as text: `true` or `false`, the digits of a number; none for octets, null and URLs.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            Self::Bytes(_) | Self::Null | Self::Url(_) => None,
        }
    }

    /// Returns the octets of a text or octet value; base64 that happens to be UTF-8 is a text.
    pub fn as_octets(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text.as_bytes()),
            Self::Bytes(bytes) => Some(bytes),
            Self::Bool(_) | Self::Number(_) | Self::Null | Self::Url(_) => None,
        }
    }
}

impl<'a> RawRecord<'a> {
    /// Makes the record independent of the bytes that it was read from.
    #[must_use]
    pub fn into_owned(self) -> RawRecord<'static> {
        let attribute = |attribute: RawAttribute<'_>| RawAttribute {
            values: attribute.values.into_vec().into_iter().map(RawValue::into_owned).collect(),
            name: attribute.name,
            line: attribute.line,
            incomplete: attribute.incomplete,
        };
        let attributes = self.attributes.into_iter().map(attribute).collect();
        RawRecord { line: self.line, attributes, body: self.body, warnings: self.warnings }
    }

    /// Returns the attribute called `name`, ignoring ASCII case.
    pub fn attribute(&self, name: &str) -> Option<&RawAttribute<'a>> {
        self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }
}

impl fmt::Debug for RawValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(…)",
            Self::Bytes(_) => "Bytes(…)",
            Self::Bool(true) => "Bool(true)",
            Self::Bool(false) => "Bool(false)",
            Self::Number(_) => "Number(…)",
            Self::Null => "Null",
            Self::Url(_) => "Url(…)",
        })
    }
}
