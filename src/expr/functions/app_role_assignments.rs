use std::borrow::Cow;

use super::{Body, Example, Function, Param, Type};
use crate::expr::evaluate::{Arguments, Evaluated, Stop};
use crate::expr::value::{Value, name_of};
use crate::model::{RoleAssignment, RoleForm};

pub(super) const ASSIGNMENTS: Param =
    Param { name: "source", ty: Type::Roles, doc: "The attribute `[appRoleAssignments]`.", ..Param::TEXT };

pub(super) static APP_ROLE_ASSIGNMENTS: Function = Function {
    name: "AppRoleAssignments",
    summary: "Returns the names of the assigned roles; an older form of `AppRoleAssignmentsComplex`.",
    params: &[ASSIGNMENTS],
    result: Type::List,
    examples: &[Example {
        expression: "AppRoleAssignments([appRoleAssignments])",
        source: r#"{"appRoleAssignments": ["User", "Test"]}"#,
        gives: r#"["User", "Test"]"#,
    }],
    body: Body::Whole(|args| {
        let roles = assignments(args)?;
        Ok(roles.iter().map(|role| Cow::Borrowed(name_of(role))).collect())
    }),
    ..Function::TEXT
};

pub(super) static APP_ROLE_ASSIGNMENTS_COMPLEX: Function = Function {
    name: "AppRoleAssignmentsComplex",
    summary: "Returns a SCIM role object per assigned role; on update roles are only added.",
    params: &[ASSIGNMENTS],
    result: Type::Roles,
    notes: "Not usable when the scope is all users.",
    examples: &[Example {
        expression: "AppRoleAssignmentsComplex([appRoleAssignments])",
        source: r#"{"appRoleAssignments": ["Admin"]}"#,
        gives: r#"[{"primary": false, "type": "WindowsAzureActiveDirectoryRole", "display": "Admin", "value": "Admin"}]"#,
    }],
    body: Body::Whole(|args| objects(args, RoleForm::Additive)),
    ..Function::TEXT
};

pub(super) static ASSERTIVE_APP_ROLE_ASSIGNMENTS_COMPLEX: Function = Function {
    name: "AssertiveAppRoleAssignmentsComplex",
    summary: "Returns a SCIM role object per assigned role; on update the whole attribute is replaced.",
    params: &[ASSIGNMENTS],
    result: Type::Roles,
    notes: "Roles that are no longer assigned disappear from the target. Not usable when the scope is all users.",
    examples: &[Example {
        expression: "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])",
        source: r#"{"appRoleAssignments": [{"id": "1", "value": "user", "displayName": "User"}]}"#,
        gives: r#"[{"primary": false, "type": "WindowsAzureActiveDirectoryRole", "display": "User", "value": "user"}]"#,
    }],
    body: Body::Whole(|args| objects(args, RoleForm::Assertive)),
    ..Function::TEXT
};

fn objects<'a>(args: &Arguments<'_, 'a>, form: RoleForm) -> Evaluated<'a> {
    let roles = assignments(args)?;
    Ok(if roles.is_empty() { Value::Null } else { Value::Roles(form, roles) })
}

/// The assignments behind the first argument; none for null.
pub(super) fn assignments<'a>(args: &Arguments<'_, 'a>) -> Result<&'a [RoleAssignment], Stop> {
    match args.value(0)? {
        Value::Null => Ok(&[]),
        Value::Assignments(roles) => Ok(roles),
        other => Err(args.fail(format!("`{}` is {}, role assignments are wanted", args.parameter(0), other.kind()))),
    }
}
