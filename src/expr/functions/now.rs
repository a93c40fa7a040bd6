use super::{Body, Class, Example, Function, Type};
use crate::expr::value::Value;

pub(super) static NOW: Function = Function {
    name: "Now",
    summary: "Returns the current time in UTC.",
    result: Type::Date,
    class: Class::Clock,
    notes: "The clock is read once per object.",
    examples: &[Example { expression: r#"DateDiff("d", Now(), Now())"#, source: "{}", gives: r#""0""# }],
    body: Body::Whole(|args| Ok(Value::DateTime(args.context().now))),
    ..Function::TEXT
};
