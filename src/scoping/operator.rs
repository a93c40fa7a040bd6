//! The operators of a clause (service.md 9.3, 9.4).

use super::AttributeType;

/// An operator of the published list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    Equals,
    NotEquals,
    IsNull,
    IsNotNull,
    IsTrue,
    IsFalse,
    GreaterThan,
    GreaterThanOrEquals,
    Includes,
    EndsWith,
    RegexMatch,
    NotRegexMatch,
    OccursIn,
    NotOccursIn,
}

/// What a name of an operator turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Known(Operator),
    /// Offered in some portals, but unsupported or undocumented.
    Unsupported,
    Unknown,
}

const ALL: [Operator; 14] = [
    Operator::Equals,
    Operator::NotEquals,
    Operator::IsNull,
    Operator::IsNotNull,
    Operator::IsTrue,
    Operator::IsFalse,
    Operator::GreaterThan,
    Operator::GreaterThanOrEquals,
    Operator::Includes,
    Operator::EndsWith,
    Operator::RegexMatch,
    Operator::NotRegexMatch,
    Operator::OccursIn,
    Operator::NotOccursIn,
];

const UNSUPPORTED: [&str; 3] = ["ISMEMBEROF", "PRESENT", "VALID CERT MATCH"];

impl Operator {
    /// The operator's published spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equals => "EQUALS",
            Self::NotEquals => "NOT EQUALS",
            Self::IsNull => "IS NULL",
            Self::IsNotNull => "IS NOT NULL",
            Self::IsTrue => "IS TRUE",
            Self::IsFalse => "IS FALSE",
            Self::GreaterThan => "GREATER_THAN",
            Self::GreaterThanOrEquals => "GREATER_THAN_OR_EQUALS",
            Self::Includes => "INCLUDES",
            Self::EndsWith => "ENDS_WITH",
            Self::RegexMatch => "REGEX MATCH",
            Self::NotRegexMatch => "NOT REGEX MATCH",
            Self::OccursIn => "&",
            Self::NotOccursIn => "!&",
        }
    }

    /// All spellings, for suggestions and the schema of mapping files.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ALL.into_iter().map(Self::as_str)
    }

    pub(super) fn takes_value(self) -> bool {
        match self {
            Self::IsNull | Self::IsNotNull | Self::IsTrue | Self::IsFalse => false,
            Self::Equals
            | Self::NotEquals
            | Self::GreaterThan
            | Self::GreaterThanOrEquals
            | Self::Includes
            | Self::EndsWith
            | Self::RegexMatch
            | Self::NotRegexMatch
            | Self::OccursIn
            | Self::NotOccursIn => true,
        }
    }

    /// Whether the operator may stand over an attribute declared with this type.
    pub(super) fn accepts(self, ty: AttributeType) -> bool {
        use AttributeType::{Binary, Boolean, Integer, String};
        match self {
            Self::IsTrue | Self::IsFalse => ty == Boolean,
            Self::IsNull | Self::IsNotNull => matches!(ty, String | Integer | Binary | Boolean),
            Self::GreaterThan | Self::GreaterThanOrEquals => ty == Integer,
            Self::Equals
            | Self::NotEquals
            | Self::RegexMatch
            | Self::NotRegexMatch
            | Self::Includes
            | Self::EndsWith
            | Self::OccursIn
            | Self::NotOccursIn => matches!(ty, String | Integer),
        }
    }
}

impl Named {
    /// Names compare without regard to case; `_` and blanks are interchangeable (D-23).
    pub(super) fn parse(name: &str) -> Self {
        let wanted = normal(name);
        match ALL.into_iter().find(|operator| normal(operator.as_str()) == wanted) {
            Some(operator) => Self::Known(operator),
            None if UNSUPPORTED.contains(&wanted.as_str()) => Self::Unsupported,
            None => Self::Unknown,
        }
    }
}

fn normal(name: &str) -> String {
    name.replace('_', " ").split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_loosely() {
        let cases = [
            ("EQUALS", Named::Known(Operator::Equals)),
            ("not_equals", Named::Known(Operator::NotEquals)),
            ("Greater_Than_OR EQUALS", Named::Known(Operator::GreaterThanOrEquals)),
            ("!&", Named::Known(Operator::NotOccursIn)),
            ("Is_Member_Of", Named::Unknown),
            ("IsMemberOf", Named::Unsupported),
            ("valid_cert_match", Named::Unsupported),
            ("STARTS_WITH", Named::Unknown),
            ("", Named::Unknown),
        ];
        for (name, expected) in cases {
            assert_eq!(Named::parse(name), expected, "{name}");
        }
    }
}
