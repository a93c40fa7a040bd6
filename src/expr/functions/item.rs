use super::{Body, Example, Function, Param, Type};
use crate::expr::value::{Value, name_of};
use std::borrow::Cow;

pub(super) static ITEM: Function = Function {
    name: "Item",
    summary: "Returns one value of a list.",
    params: &[
        Param {
            name: "attribute",
            key: Some("source"),
            ty: Type::List,
            doc: "A list; a single value is a list of one.",
            ..Param::TEXT
        },
        Param { name: "index", ty: Type::Integer, doc: "Place of the value, 1 for the first.", ..Param::TEXT },
    ],
    result: Type::Any,
    notes: "An index outside the list is an error, and so is any index on null.",
    examples: &[Example {
        expression: r#"Item(Split([userPrincipalName], "@"), 1)"#,
        source: r#"{"userPrincipalName": "jdoe@contoso.com"}"#,
        gives: r#""jdoe""#,
    }],
    body: Body::Whole(|args| {
        let value = args.value(0)?;
        let index = args.integer(1)?;
        let Some(index) = usize::try_from(index).ok().and_then(|index| index.checked_sub(1)) else {
            return Err(args.fail("`index` is below 1"));
        };
        let count = match &value {
            Value::Null => 0,
            Value::List(list) => list.len(),
            Value::Assignments(roles) | Value::Roles(_, roles) => roles.len(),
            Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::DateTime(_) | Value::Binary(_) => 1,
        };
        let item = match value {
            Value::Null => None,
            Value::List(list) => list.get(index).map(Value::Text),
            Value::Assignments(roles) => roles.get(index).map(|role| Value::Text(Cow::Borrowed(name_of(role)))),
            Value::Roles(form, roles) => roles.get(index..=index).map(|role| Value::Roles(form, role)),
            single => (index == 0).then_some(single),
        };
        item.ok_or_else(|| args.fail(format!("`index` is beyond the end of `attribute`, which has {count} values")))
    }),
    ..Function::TEXT
};
