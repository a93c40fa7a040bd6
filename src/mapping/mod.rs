//! From a source object to mapped values (service.md 11, expressions.md 3).
//!
//! A mapping is written as a [`Draft`] and compiled, with all others of its kind of object, into an [`ObjectMapping`];
//! everything that can be known to be wrong is found then.

mod compile;
mod convert;
mod digest;
mod draft;
mod evaluate;
mod fault;
mod names;
mod rules;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::expr;
use crate::model::{AttributeRule, Mutability, ObjectKind, TargetValue, ValueKind};

pub use draft::{Draft, Source};
pub use evaluate::Mapped;
pub use fault::{Fault, Part};
pub use names::{IS_SOFT_DELETED, Known, canonical, is_canonical, is_secret};
pub use rules::{GENERIC, KINTONE, TargetRules, is_multivalued, kind_of};

/// The compiled mappings of one kind of object, in mapping order.
#[derive(Debug)]
pub struct ObjectMapping {
    kind: ObjectKind,
    attributes: Vec<AttributeMapping>,
    /// Source attributes that expressions read, by slot.
    slots: expr::Slots,
}

/// One compiled mapping.
#[derive(Debug)]
pub struct AttributeMapping {
    /// What decisions depend on.
    pub rule: Arc<AttributeRule>,
    pub kind: ValueKind,
    pub multivalued: bool,
    pub required: bool,
    pub class: expr::Class,
    /// It takes the one role of a person, though there may be several (expressions.md 5, `SingleAppRoleAssignment`).
    pub single_role: bool,
    /// The mapping as written, for logs: an attribute, an expression or a constant.
    pub text: String,
    value: Rule,
}

/// Where a value comes from.
#[derive(Debug)]
enum Rule {
    Direct { slot: usize },
    Constant(TargetValue),
    Expression(expr::Expression),
    None,
}

impl ObjectMapping {
    pub fn kind(&self) -> ObjectKind {
        self.kind
    }

    pub fn attributes(&self) -> &[AttributeMapping] {
        &self.attributes
    }

    /// The mappings that take part in matching, first precedence first.
    pub fn matching(&self) -> Vec<&AttributeMapping> {
        let mut matching: Vec<_> = self.attributes.iter().filter(|mapping| mapping.rule.matching.is_some()).collect();
        matching.sort_by_key(|mapping| mapping.rule.matching);
        matching
    }

    /// The source attribute behind the first matching attribute, where that is mapped directly.
    pub fn first_matching_source(&self) -> Option<&str> {
        match self.matching().first()?.value {
            Rule::Direct { slot } => self.slots.names().nth(slot).map(canonical),
            Rule::Constant(_) | Rule::Expression(_) | Rule::None => None,
        }
    }

    /// Whether any value depends on `IsSoftDeleted`, so that a leaver can be disabled by an update.
    pub fn follows_state(&self) -> bool {
        self.attributes.iter().any(|mapping| mapping.rule.follows_state)
    }

    /// Whether some attribute is never shown by the target, so that what was sent has to be kept (service.md 12).
    pub fn has_write_only(&self) -> bool {
        self.attributes.iter().any(|mapping| mapping.rule.mutability == Mutability::WriteOnly)
    }

    /// The source attributes that redacted mappings read: their values must not be logged (expressions.md 4).
    pub fn redacted_sources(&self) -> BTreeSet<String> {
        let redacted = self.attributes.iter().filter(|mapping| mapping.rule.redacted);
        redacted.flat_map(|mapping| mapping.reads(&self.slots)).map(|name| canonical(&name).to_owned()).collect()
    }

    /// The source attributes that one mapping reads, by canonical name.
    pub fn reads(&self, index: usize) -> Vec<String> {
        let reads = self.attributes.get(index).map(|mapping| mapping.reads(&self.slots)).unwrap_or_default();
        reads.iter().map(|name| canonical(name).to_owned()).collect()
    }

    /// The source attributes whose change may change a value, by canonical name (service.md D-15).
    pub fn names(&self) -> BTreeSet<String> {
        self.slots.names().filter(|name| *name != IS_SOFT_DELETED).map(|name| canonical(name).to_owned()).collect()
    }
}

impl AttributeMapping {
    fn reads(&self, slots: &expr::Slots) -> Vec<String> {
        match &self.value {
            Rule::Direct { slot } => slots.names().nth(*slot).map(str::to_owned).into_iter().collect(),
            Rule::Expression(expression) => expression.attributes().map(str::to_owned).collect(),
            Rule::Constant(_) | Rule::None => Vec::new(),
        }
    }

    /// Whether the mapping is of type None and has no default.
    pub fn gives_nothing(&self) -> bool {
        matches!(self.value, Rule::None) && self.rule.default.is_none()
    }

    /// The value of a mapping that is the same for every object.
    pub fn constant(&self) -> Option<&TargetValue> {
        match &self.value {
            Rule::Constant(value) => Some(value),
            Rule::Direct { .. } | Rule::Expression(_) | Rule::None => None,
        }
    }
}
