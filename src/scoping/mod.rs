//! Scoping filters: which source objects a job is responsible for (service.md 9).
//!
//! A filter is written as [`GroupDraft`]s, in a mapping file or in the published JSON, and compiled once into a [`Filter`].
//! Everything that can be known to be wrong is found then; what only a value shows is an [`EvaluationFault`] of one object.

mod compile;
mod evaluate;
mod fault;
mod operator;
mod pattern;
mod published;

use std::collections::BTreeMap;

pub use compile::{ClauseDraft, GroupDraft};
pub use evaluate::{ClauseResult, GroupResult, Verdict};
pub use fault::{Code, EvaluationFault, Fault, Part};
pub use operator::Operator;
pub use published::{Published, PublishedError, published};

use pattern::Pattern;

/// A compiled filter: passes an object when all clauses of one of its groups hold, or when it has no group.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    groups: Vec<Group>,
}

#[derive(Debug, Clone)]
struct Group {
    name: String,
    clauses: Vec<Clause>,
}

#[derive(Debug, Clone)]
struct Clause {
    attribute: String,
    operator: Operator,
    /// As written; empty for an operator that takes no value.
    value: String,
    test: Test,
    declared: Option<AttributeType>,
}

/// A clause's operator together with its value in the form that is compared.
#[derive(Debug, Clone)]
enum Test {
    Equals { text: String, integer: Option<i128>, negated: bool },
    Null { negated: bool },
    Boolean(bool),
    Greater { than: i128, or_equal: bool },
    Includes(String),
    EndsWith(String),
    Matches { pattern: Pattern, negated: bool },
    OccursIn { text: String, negated: bool },
}

/// The declared type of a source attribute, where a schema is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeType {
    String,
    Integer,
    Boolean,
    Binary,
    DateTime,
    Reference,
    /// More than one value, of whatever type.
    MultiValued,
}

/// Declared types by attribute name; names are compared ignoring ASCII case.
#[derive(Debug, Clone, Default)]
pub struct Schema(BTreeMap<String, AttributeType>);

impl Schema {
    pub fn new(types: impl IntoIterator<Item = (String, AttributeType)>) -> Self {
        Self(types.into_iter().map(|(name, ty)| (name.to_ascii_lowercase(), ty)).collect())
    }

    fn of(&self, name: &str) -> Option<AttributeType> {
        self.0.get(&name.to_ascii_lowercase()).copied()
    }
}

impl AttributeType {
    /// Reads the published spelling of a type, ignoring case.
    pub fn parse(name: &str) -> Option<Self> {
        const NAMES: [(&str, AttributeType); 6] = [
            ("String", AttributeType::String),
            ("Integer", AttributeType::Integer),
            ("Boolean", AttributeType::Boolean),
            ("Binary", AttributeType::Binary),
            ("DateTime", AttributeType::DateTime),
            ("Reference", AttributeType::Reference),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, ty)| *ty)
    }
}

impl Filter {
    /// Whether there is no group, so that everything passes.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The attributes that the filter tests, as written; a name may come twice.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().flat_map(|group| group.clauses.iter().map(|clause| clause.attribute.as_str()))
    }

    /// The clauses as people read them, in the order of writing.
    pub fn clauses(&self) -> impl Iterator<Item = String> {
        let clauses = self.groups.iter().flat_map(|group| &group.clauses);
        clauses.map(|clause| {
            let text = format!("{} {} {}", clause.attribute, clause.operator.as_str(), clause.value);
            text.trim_end().to_owned()
        })
    }

    /// Feeds the filter's meaning to a digest: two filters with equal meaning feed equal bytes.
    ///
    /// The titles of groups mean nothing and are left out.
    pub fn feed(&self, write: &mut impl FnMut(&[u8])) {
        for group in &self.groups {
            write(b"group");
            for clause in &group.clauses {
                for text in [clause.attribute.to_ascii_lowercase().as_str(), clause.operator.as_str(), &clause.value] {
                    write(&(text.len() as u64).to_le_bytes());
                    write(text.as_bytes());
                }
            }
        }
    }
}
