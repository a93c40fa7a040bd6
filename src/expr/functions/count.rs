use super::{Body, Example, Function, Param, Type};
use crate::expr::value::Value;

pub(super) static COUNT: Function = Function {
    name: "Count",
    summary: "Returns the number of values of an attribute.",
    params: &[Param {
        name: "attribute",
        ty: Type::List,
        doc: "A list; a single value counts as one, null as none.",
        ..Param::TEXT
    }],
    result: Type::Integer,
    examples: &[Example {
        expression: "Count([proxyAddresses])",
        source: r#"{"proxyAddresses": ["SMTP:a@x.com", "smtp:b@x.com"]}"#,
        gives: r#""2""#,
    }],
    body: Body::Whole(|args| {
        let count = match args.value(0)? {
            Value::Null => 0,
            Value::List(list) => list.len(),
            Value::Assignments(roles) | Value::Roles(_, roles) => roles.len(),
            Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::DateTime(_) | Value::Binary(_) => 1,
        };
        Ok(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)))
    }),
    ..Function::TEXT
};
