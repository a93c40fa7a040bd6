//! From a filter as written to one that can be evaluated, with every fault at once.

use super::fault::{Code, Fault, Part};
use super::operator::{Named, Operator};
use super::pattern::{Pattern, is_anchored};
use super::{AttributeType, Clause, Filter, Group, Schema, Test};
use crate::diagnostic::{Severity, nearest};

/// A group of clauses as written; all of them must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDraft {
    /// The title under which logs show it.
    pub name: String,
    pub clauses: Vec<ClauseDraft>,
}

/// A clause as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseDraft {
    pub attribute: String,
    pub operator: String,
    /// Exactly one for a binary operator; ignored for a unary one.
    pub values: Vec<String>,
}

/// Attributes that cannot be filtered (service.md 9.3).
const UNSUPPORTED: [&str; 9] = [
    "members",
    "appRoleAssignments",
    "userType",
    "manager",
    "createdDateTime",
    "modifiedDateTime",
    "deletedDateTime",
    "employeeHireDate",
    "employeeLeaveDateTime",
];

impl Filter {
    /// Compiles groups as written; beside the filter come hints that do not forbid it.
    ///
    /// # Errors
    /// Every fault of D-23, in the order of writing, hints among them.
    pub fn compile(drafts: &[GroupDraft], schema: &Schema) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let mut faults = Vec::new();
        let mut groups = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.iter().enumerate() {
            if draft.clauses.is_empty() {
                faults.push(Fault {
                    code: Code::EmptyFilterGroup,
                    severity: Severity::Error,
                    group: index,
                    clause: None,
                    message: "a filter without clauses would let everyone pass".to_owned(),
                    help: "give it a clause, or remove the filter".to_owned(),
                });
            }
            let mut clauses = Vec::with_capacity(draft.clauses.len());
            for (at, clause) in draft.clauses.iter().enumerate() {
                let mut report = |part, severity, code, message: String, help: String| {
                    faults.push(Fault { code, severity, group: index, clause: Some((at, part)), message, help });
                };
                clauses.extend(compile_clause(clause, schema, &mut report));
            }
            groups.push(Group { name: draft.name.clone(), clauses });
        }
        if faults.iter().any(|fault| fault.severity == Severity::Error) {
            return Err(faults);
        }
        Ok((Self { groups }, faults))
    }
}

type Report<'a> = dyn FnMut(Part, Severity, Code, String, String) + 'a;

fn compile_clause(draft: &ClauseDraft, schema: &Schema, report: &mut Report<'_>) -> Option<Clause> {
    let attribute = draft.attribute.trim();
    let mut error = |part, code, message: String, help: String| report(part, Severity::Error, code, message, help);
    let operator = match Named::parse(&draft.operator) {
        Named::Known(operator) => Some(operator),
        Named::Unsupported => {
            let message = format!("the operator `{}` is not supported", draft.operator);
            error(Part::Operator, Code::UnsupportedOperator, message, "use one of the documented operators".to_owned());
            None
        }
        Named::Unknown => {
            let message = format!("unknown operator `{}`", draft.operator);
            let help = match nearest(&draft.operator.to_ascii_uppercase(), Operator::names()) {
                Some(name) => format!("an operator with a similar name exists: `{name}`"),
                None => format!("one of {}", quoted(Operator::names())),
            };
            error(Part::Operator, Code::UnknownOperator, message, help);
            None
        }
    };
    let declared = schema.of(attribute);
    let mut usable = !attribute.is_empty();
    if UNSUPPORTED.iter().any(|name| name.eq_ignore_ascii_case(attribute))
        || matches!(declared, Some(AttributeType::DateTime | AttributeType::Reference))
        || !usable
    {
        usable = false;
        let message = if attribute.is_empty() {
            "a clause needs the name of an attribute".to_owned()
        } else {
            format!("`{attribute}` cannot be used in filters")
        };
        let help = "filter on a single-valued text, number or Boolean attribute".to_owned();
        error(Part::Attribute, Code::UnsupportedAttribute, message, help);
    } else if declared == Some(AttributeType::MultiValued) {
        usable = false;
        let message = format!("`{attribute}` has several values and cannot be used in filters");
        error(
            Part::Attribute,
            Code::MultiValuedNotSupported,
            message,
            "filter on a single-valued attribute".to_owned(),
        );
    } else if let (Some(ty), Some(operator)) = (declared, operator)
        && !operator.accepts(ty)
    {
        usable = false;
        let message = format!("`{}` cannot be used on `{attribute}`, which is {ty:?}", operator.as_str());
        let help = match ty {
            AttributeType::Boolean => "use `IS TRUE` or `IS FALSE`",
            AttributeType::String => "use `EQUALS` or `REGEX MATCH`",
            AttributeType::Integer => "use `EQUALS` or `GREATER_THAN`",
            AttributeType::Binary | AttributeType::DateTime | AttributeType::Reference | AttributeType::MultiValued => {
                "use `IS NULL` or `IS NOT NULL`"
            }
        };
        error(Part::Operator, Code::TypeMismatch, message, help.to_owned());
    }
    let operator = operator?;
    let value = match draft.values.as_slice() {
        _ if !operator.takes_value() => "",
        [value] if !value.is_empty() => value,
        values => {
            let message = match values.len() {
                0 | 1 => format!("`{}` needs a value", operator.as_str()),
                _ => format!("`{}` takes one value", operator.as_str()),
            };
            error(Part::Value, Code::InvalidOperand, message, "write `value: TEXT` with one text".to_owned());
            return None;
        }
    };
    let test = test(operator, value, report)?;
    usable.then(|| Clause { attribute: attribute.to_owned(), operator, value: value.to_owned(), test, declared })
}

fn test(operator: Operator, value: &str, report: &mut Report<'_>) -> Option<Test> {
    let text = || value.to_owned();
    Some(match operator {
        Operator::Equals | Operator::NotEquals => {
            Test::Equals { text: text(), integer: integer(value), negated: operator == Operator::NotEquals }
        }
        Operator::IsNull => Test::Null { negated: false },
        Operator::IsNotNull => Test::Null { negated: true },
        Operator::IsTrue => Test::Boolean(true),
        Operator::IsFalse => Test::Boolean(false),
        Operator::GreaterThan | Operator::GreaterThanOrEquals => match integer(value) {
            Some(than) => Test::Greater { than, or_equal: operator == Operator::GreaterThanOrEquals },
            None => {
                let message = format!("`{}` compares integers, and `{value}` is none", operator.as_str());
                let help = "write a whole number".to_owned();
                report(Part::Value, Severity::Error, Code::InvalidOperand, message, help);
                return None;
            }
        },
        Operator::Includes => Test::Includes(text()),
        Operator::EndsWith => Test::EndsWith(text()),
        Operator::OccursIn => Test::OccursIn { text: text(), negated: false },
        Operator::NotOccursIn => Test::OccursIn { text: text(), negated: true },
        Operator::RegexMatch | Operator::NotRegexMatch => match Pattern::new(value) {
            Ok(pattern) => {
                if !is_anchored(value) {
                    let message = format!("the pattern `{value}` is searched anywhere in the value");
                    let help = format!("write `^{value}$` if it must cover the whole value");
                    report(Part::Value, Severity::Info, Code::UnanchoredPattern, message, help);
                }
                Test::Matches { pattern, negated: operator == Operator::NotRegexMatch }
            }
            Err(why) => {
                let message = format!("the pattern `{value}` does not compile: {why}");
                let help = "write a .NET regular expression".to_owned();
                report(Part::Value, Severity::Error, Code::InvalidRegex, message, help);
                return None;
            }
        },
    })
}

/// A decimal integer; anything else, blanks included, is text.
pub(super) fn integer(text: &str) -> Option<i128> {
    text.parse().ok()
}

fn quoted(names: impl Iterator<Item = &'static str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
