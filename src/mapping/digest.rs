//! The meaning of a list of mappings as bytes, so that a change of it can be told from a change of its text.

use super::{ObjectMapping, Rule, canonical};
use crate::model::{ApplyMode, AttributeRule, Mutability, TargetValue, ValueKind};

impl ObjectMapping {
    /// Feeds the meaning to a digest: mapping order counts, spelling of expressions does not.
    pub fn feed(&self, write: &mut impl FnMut(&[u8])) {
        for mapping in &self.attributes {
            let AttributeRule {
                path,
                apply,
                matching,
                default,
                default_when_empty: _, // follows from the kind of rule
                case_exact,
                always,
                clears,
                mutability,
                asserts: _,
                random: _,
                follows_state: _,
                reference: _,
                redacted: _, // these follow from the expression
            } = &*mapping.rule;
            write(path.as_str().as_bytes());
            match &mapping.value {
                Rule::Direct { slot } => {
                    write(b"direct");
                    write(canonical(self.slots.names().nth(*slot).unwrap_or_default()).as_bytes());
                }
                Rule::Constant(value) => {
                    write(b"constant");
                    write(text(value).as_bytes());
                }
                Rule::Expression(expression) => {
                    write(b"expression");
                    write(expression.canonical().as_bytes());
                }
                Rule::None => write(b"none"),
            }
            write(default.as_ref().map(text).unwrap_or_default().as_bytes());
            write(&matching.unwrap_or(0).to_le_bytes());
            let flags = [default.is_some(), *case_exact, *always, *clears, mapping.multivalued, mapping.required];
            write(&flags.map(u8::from));
            write(&[number_of_apply(*apply), number_of_mutability(*mutability), number_of_kind(mapping.kind)]);
        }
    }
}

fn text(value: &TargetValue) -> String {
    value.to_json().to_string()
}

fn number_of_apply(apply: ApplyMode) -> u8 {
    match apply {
        ApplyMode::Always => 0,
        ApplyMode::OnCreate => 1,
        ApplyMode::MultiValueAddOnly => 2,
    }
}

fn number_of_mutability(mutability: Mutability) -> u8 {
    match mutability {
        Mutability::ReadWrite => 0,
        Mutability::ReadOnly => 1,
        Mutability::Immutable => 2,
        Mutability::WriteOnly => 3,
    }
}

fn number_of_kind(kind: ValueKind) -> u8 {
    match kind {
        ValueKind::String => 0,
        ValueKind::Boolean => 1,
        ValueKind::Integer => 2,
        ValueKind::DateTime => 3,
        ValueKind::Reference => 4,
        ValueKind::Binary => 5,
    }
}
