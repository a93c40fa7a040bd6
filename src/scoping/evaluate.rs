//! One object under a filter, with what each clause saw (service.md 9.3 to 9.5).

use super::compile::integer;
use super::fault::{Code, EvaluationFault};
use super::{AttributeType, Clause, Filter, Test};
use crate::model::{SourceObject, SourceValue};

/// The result of a filter for one object, clause by clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict<'f> {
    pub passes: bool,
    pub groups: Vec<GroupResult<'f>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupResult<'f> {
    pub name: &'f str,
    pub passes: bool,
    pub clauses: Vec<ClauseResult<'f>>,
}

/// What one clause tested and found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseResult<'f> {
    pub attribute: &'f str,
    pub operator: &'static str,
    pub value: &'f str,
    /// The object's value; `None` for null.
    pub tested: Option<String>,
    pub result: Result<bool, EvaluationFault>,
    /// Why the clause is false although it looks as if it should not be.
    pub warning: Option<&'static str>,
}

/// Outcome of a clause that has one.
struct Outcome {
    holds: bool,
    warning: Option<&'static str>,
}

impl Filter {
    /// Tells whether the object passes; nothing where that depends on an attribute that could not be read.
    ///
    /// # Errors
    /// As [`Filter::passes`], but a clause about such an attribute has no error.
    pub fn tells(&self, object: &SourceObject) -> Result<Option<bool>, EvaluationFault> {
        if object.unknown.is_empty() {
            return self.passes(object).map(Some);
        }
        let mut passes = Some(self.groups.is_empty());
        for group in &self.groups {
            let mut all = Some(true);
            for clause in &group.clauses {
                let holds = match object.is_unknown(&clause.attribute) {
                    true => None,
                    false => Some(clause.evaluate(object.attribute(&clause.attribute))?.holds),
                };
                all = match (all, holds) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    (None, _) | (_, None) => None,
                };
            }
            passes = match (passes, all) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                (None, _) | (_, None) => None,
            };
        }
        Ok(passes)
    }

    /// Tells whether the object passes.
    ///
    /// # Errors
    /// The first clause that cannot be evaluated, whatever the others say, so that order never matters.
    pub fn passes(&self, object: &SourceObject) -> Result<bool, EvaluationFault> {
        let mut passes = self.groups.is_empty();
        for group in &self.groups {
            let mut all = true;
            for clause in &group.clauses {
                all &= clause.evaluate(object.attribute(&clause.attribute))?.holds;
            }
            passes |= all;
        }
        Ok(passes)
    }

    /// Returns every clause's result for the log; an object whose scope cannot be told does not pass.
    pub fn explain(&self, object: &SourceObject) -> Verdict<'_> {
        let mut failed = false;
        let groups: Vec<GroupResult<'_>> = self
            .groups
            .iter()
            .map(|group| {
                let clauses: Vec<ClauseResult<'_>> =
                    group.clauses.iter().map(|clause| clause.explain(object.attribute(&clause.attribute))).collect();
                failed |= clauses.iter().any(|clause| clause.result.is_err());
                GroupResult {
                    name: &group.name,
                    passes: clauses.iter().all(|clause| clause.result == Ok(true)),
                    clauses,
                }
            })
            .collect();
        Verdict { passes: !failed && (groups.is_empty() || groups.iter().any(|group| group.passes)), groups }
    }
}

impl Clause {
    fn explain(&self, value: Option<&SourceValue>) -> ClauseResult<'_> {
        let outcome = self.evaluate(value);
        ClauseResult {
            attribute: &self.attribute,
            operator: self.operator.as_str(),
            value: &self.value,
            tested: value.and_then(tested),
            warning: outcome.as_ref().ok().and_then(|outcome| outcome.warning),
            result: outcome.map(|outcome| outcome.holds),
        }
    }

    fn evaluate(&self, value: Option<&SourceValue>) -> Result<Outcome, EvaluationFault> {
        let holds = |holds| Ok(Outcome { holds, warning: None });
        let Some(value) = value.filter(|value| !is_empty(value)) else {
            return holds(matches!(self.test, Test::Null { negated: false }));
        };
        if matches!(value, SourceValue::List(_) | SourceValue::Roles(_)) {
            return Err(self.fault(Code::MultiValuedNotSupported, "it has several values"));
        }
        let mismatch = |is: &str| Err(self.fault(Code::TypeMismatch, is));
        match &self.test {
            Test::Null { negated } => holds(*negated),
            Test::Boolean(wanted) => match value {
                SourceValue::Bool(flag) => holds(flag == wanted),
                SourceValue::Text(text) => holds(text.eq_ignore_ascii_case(if *wanted { "true" } else { "false" })),
                SourceValue::Integer(_) => mismatch("an integer is not a Boolean"),
                SourceValue::List(_) | SourceValue::Roles(_) => mismatch("it has several values"),
            },
            Test::Equals { .. }
            | Test::Greater { .. }
            | Test::Includes(_)
            | Test::EndsWith(_)
            | Test::Matches { .. }
            | Test::OccursIn { .. } => match value {
                SourceValue::Text(text) => {
                    let number = (self.declared == Some(AttributeType::Integer)).then(|| integer(text)).flatten();
                    self.compare(text, number)
                }
                SourceValue::Integer(number) => self.compare(&number.to_string(), Some(i128::from(*number))),
                SourceValue::Bool(_) => mismatch("a Boolean can only be tested with `IS TRUE` and `IS FALSE`"),
                SourceValue::List(_) | SourceValue::Roles(_) => mismatch("it has several values"),
            },
        }
    }

    /// Tests a text; `number` is set where the attribute is an integer.
    fn compare(&self, text: &str, number: Option<i128>) -> Result<Outcome, EvaluationFault> {
        let holds = |holds| Ok(Outcome { holds, warning: None });
        match &self.test {
            Test::Equals { text: wanted, integer, negated } => {
                let equal = match number {
                    Some(number) => *integer == Some(number),
                    None => text == wanted,
                };
                holds(equal != *negated)
            }
            Test::Greater { than, or_equal } => match number.or_else(|| integer(text)) {
                Some(number) => holds(number > *than || (*or_equal && number == *than)),
                None => Ok(Outcome { holds: false, warning: Some("the value is no integer") }),
            },
            Test::Includes(part) => holds(text.contains(part)),
            Test::EndsWith(end) => holds(text.ends_with(end)),
            Test::OccursIn { text: whole, negated } => holds(whole.contains(text) != *negated),
            Test::Matches { pattern, negated } => match pattern.is_match(text) {
                Some(found) => holds(found != *negated),
                None => Err(self.fault(Code::RegexStepLimit, "the pattern needs too many steps on this value")),
            },
            // decided before the value became text
            Test::Null { negated } => holds(*negated),
            Test::Boolean(_) => holds(false),
        }
    }

    fn fault(&self, code: Code, message: &str) -> EvaluationFault {
        EvaluationFault {
            code,
            attribute: self.attribute.clone(),
            operator: self.operator.as_str(),
            message: message.to_owned(),
        }
    }
}

/// Missing, null and the empty text are the same thing; a blank is a value (service.md 9.3).
fn is_empty(value: &SourceValue) -> bool {
    match value {
        SourceValue::Text(text) => text.is_empty(),
        SourceValue::List(values) => values.is_empty(),
        SourceValue::Roles(roles) => roles.is_empty(),
        SourceValue::Bool(_) | SourceValue::Integer(_) => false,
    }
}

fn tested(value: &SourceValue) -> Option<String> {
    match value {
        SourceValue::Bool(true) => Some("True".to_owned()),
        SourceValue::Bool(false) => Some("False".to_owned()),
        SourceValue::Integer(number) => Some(number.to_string()),
        SourceValue::Text(text) => (!text.is_empty()).then(|| text.clone()),
        SourceValue::List(values) => Some(values.join(", ")),
        SourceValue::Roles(roles) => Some(format!("{} role assignments", roles.len())),
    }
}
