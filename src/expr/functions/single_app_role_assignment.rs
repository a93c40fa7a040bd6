use std::borrow::Cow;

use super::app_role_assignments::{ASSIGNMENTS, assignments};
use super::{Body, Example, Function};
use crate::expr::value::{Value, name_of};

pub(super) static SINGLE_APP_ROLE_ASSIGNMENT: Function = Function {
    name: "SingleAppRoleAssignment",
    summary: "Returns the name of the one assigned role.",
    params: &[ASSIGNMENTS],
    notes: "With several assignments the first is taken; null without any.",
    examples: &[Example {
        expression: "SingleAppRoleAssignment([appRoleAssignments])",
        source: r#"{"appRoleAssignments": ["Admin"]}"#,
        gives: r#""Admin""#,
    }],
    body: Body::Whole(|args| {
        Ok(assignments(args)?.first().map_or(Value::Null, |role| Value::Text(Cow::Borrowed(name_of(role)))))
    }),
    ..Function::TEXT
};
