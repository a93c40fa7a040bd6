//! The mapped values of one object (service.md 12, step 1).

use std::borrow::Cow;

use jiff::Timestamp;

use super::convert::Form;
use super::names::{IS_SOFT_DELETED, canonical};
use super::{AttributeMapping, ObjectMapping, Rule};
use crate::expr::{Class, Context, Input, Outcome, OwnedValue, Record, SeededRandom};
use crate::model::{Desired, ErrorCode, Failure, Flow, RoleAssignment, Sent, SourceObject, SourceValue};

/// What one mapping gave for one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Index of the mapping.
    pub index: usize,
    pub value: Result<Flow, Failure>,
}

impl ObjectMapping {
    /// Evaluates every mapping that needs no question to the target, in mapping order.
    ///
    /// A mapping that reads an attribute that is unknown gives [`Flow::Ignore`]: what the target holds stays. So does a
    /// mapping of class [`Class::Target`] here; [`ObjectMapping::evaluate_one`] asks for it when
    /// the object is created. References come as the source writes them: as texts that name source anchors.
    pub fn evaluate(&self, object: &SourceObject, is_soft_deleted: bool, context: &Context<'_>) -> Vec<Mapped> {
        let roles = roles_of(object);
        let record = self.record(object, &roles, is_soft_deleted);
        let mapped = self.attributes.iter().enumerate();
        mapped
            .map(|(index, mapping)| Mapped {
                index,
                value: match mapping.class {
                    _ if self.reads_unknown(mapping, object) => Ok(Flow::Ignore),
                    Class::Target => Ok(Flow::Ignore),
                    Class::Pure | Class::Clock | Class::Random => mapping.evaluate(&record, context),
                },
            })
            .collect()
    }

    /// Says whether the mapping reads what the source has in a form that could not be read: that overwrites nothing
    /// (sources.md, rule 2).
    fn reads_unknown(&self, mapping: &AttributeMapping, object: &SourceObject) -> bool {
        let is_unknown = |name: &String| object.is_unknown(canonical(name)) || object.is_unknown(name);
        !object.unknown.is_empty() && mapping.reads(&self.slots).iter().any(is_unknown)
    }

    /// Evaluates one mapping; `context` may ask the target about its attribute.
    pub fn evaluate_one(
        &self,
        index: usize,
        object: &SourceObject,
        is_soft_deleted: bool,
        context: &Context<'_>,
    ) -> Option<Result<Flow, Failure>> {
        let mapping = self.attributes.get(index)?;
        if self.reads_unknown(mapping, object) {
            return Some(Ok(Flow::Ignore));
        }
        let roles = roles_of(object);
        Some(mapping.evaluate(&self.record(object, &roles, is_soft_deleted), context))
    }

    /// What the first matching attribute is to hold, where the object alone says that.
    pub fn matching_value<'o>(&self, object: &'o SourceObject) -> Option<Cow<'o, str>> {
        if let Some(name) = self.first_matching_source() {
            return object.text(name).map(Cow::Borrowed);
        }
        let mapping = self.matching().into_iter().next().filter(|mapping| mapping.class == Class::Pure)?;
        let never = |_: &str| -> Result<bool, String> { Err("nobody is asked".to_owned()) };
        // a pure expression reads neither
        let context =
            Context { now: Timestamp::UNIX_EPOCH.into(), random: &SeededRandom::new([0; 32]), uniqueness: &never };
        let roles = roles_of(object);
        match mapping.evaluate(&self.record(object, &roles, false), &context).ok()? {
            Flow::Value(value) => Some(Cow::Owned(value.to_text())),
            Flow::Null | Flow::Ignore => None,
        }
    }

    /// The values as decisions take them.
    ///
    /// # Errors
    /// The first mapping that failed: the object is not provisioned in part.
    pub fn desired(&self, mapped: Vec<Mapped>) -> Result<Vec<Desired>, Failure> {
        let desired = mapped.into_iter().filter_map(|one| {
            let rule = self.attributes.get(one.index)?.rule.clone();
            Some(one.value.map(|flow| Desired { rule, flow, sent: Sent::Unknown }))
        });
        desired.collect()
    }

    /// The object's attributes as the mappings read them, borrowed.
    fn record<'a>(&self, object: &'a SourceObject, roles: &'a [RoleAssignment], is_soft_deleted: bool) -> Record<'a> {
        Record::new(&self.slots, |name| {
            if name == IS_SOFT_DELETED {
                return Input::Boolean(is_soft_deleted);
            }
            if !roles.is_empty() && canonical(name) == ROLES {
                return Input::Assignments(roles);
            }
            // an export that carries a Graph name under `rest` keeps it
            let found = object.attribute(canonical(name)).or_else(|| object.attribute(name));
            found.map_or(Input::Null, Input::from)
        })
    }
}

impl AttributeMapping {
    pub(super) fn evaluate<'a>(&'a self, record: &Record<'a>, context: &Context<'_>) -> Result<Flow, Failure> {
        let path = self.rule.path.as_str();
        let outcome = match &self.value {
            Rule::None => return Ok(Flow::Null),
            Rule::Constant(value) => return Ok(Flow::Value(value.clone())),
            Rule::Direct { slot } => owned(record.input(*slot)),
            Rule::Expression(expression) => match expression.evaluate(record, context) {
                Ok(Outcome::Ignore) => return Ok(Flow::Ignore),
                Ok(outcome) => outcome.into_owned(),
                Err(error) => {
                    let call = self.text.get(error.span.clone()).unwrap_or(&self.text);
                    // The words of the error may quote the value.
                    let why = match self.rule.redacted {
                        true => "a value that is not shown does not suit it".to_owned(),
                        false => error.to_string(),
                    };
                    let message = format!("`{path}`: `{}` in `{call}` failed: {why}", error.function);
                    return Err(Failure::new(ErrorCode::AttributeEvaluationFailed, message));
                }
            },
        };
        let flow = match outcome {
            None => Flow::Null,
            Some(value) => self.form().convert(value).map_err(|misfit| misfit.into_failure(path))?,
        };
        if flow == Flow::Null && self.required && self.rule.default.is_none() {
            let message = format!("`{path}` is required, and `{}` has no value", self.text);
            return Err(Failure::new(ErrorCode::MandatoryFieldsMissing, message));
        }
        Ok(flow)
    }

    pub(super) fn form(&self) -> Form {
        Form { kind: self.kind, multivalued: self.multivalued }
    }
}

/// Where sources put the roles of a person.
const ROLES: &str = "appRoleAssignments";

/// The roles that a source gives as names, as assignments (expressions.md 10); none where it gives whole ones.
fn roles_of(object: &SourceObject) -> Vec<RoleAssignment> {
    let named =
        |name: &String| RoleAssignment { id: None, value: Some(name.clone()), display_name: Some(name.clone()) };
    match object.attributes.get(ROLES) {
        Some(SourceValue::Text(name)) => vec![named(name)],
        Some(SourceValue::List(names)) => names.iter().map(named).collect(),
        Some(SourceValue::Roles(_) | SourceValue::Bool(_) | SourceValue::Integer(_)) | None => Vec::new(),
    }
}

/// A direct mapping hands the value on as it is.
fn owned(input: Input<'_>) -> Option<OwnedValue> {
    match input {
        Input::Text(text) => Some(OwnedValue::Text(text.to_owned())),
        Input::Boolean(flag) => Some(OwnedValue::Boolean(flag)),
        Input::List(texts) => Some(OwnedValue::List(texts.to_vec())),
        other => Outcome::Value(other.into()).into_owned(),
    }
}
