use super::{Body, Example, Function, Param, Type};
use crate::expr::time::DateTime;
use crate::expr::value::Value;

pub(super) static DATE_FROM_NUM: Function = Function {
    name: "DateFromNum",
    summary: "Returns the date behind a directory's number: 100-nanosecond ticks since 1601.",
    params: &[Param {
        name: "value",
        key: Some("source"),
        ty: Type::Integer,
        doc: "The number of ticks.",
        ..Param::TEXT
    }],
    result: Type::Date,
    examples: &[Example {
        expression: "DateFromNum(129699324000000000)",
        source: "{}",
        gives: r#""1/1/2012 11:00:00 PM""#,
    }],
    body: Body::Whole(|args| {
        let value = args.value(0)?;
        if value.is_null() {
            return Ok(Value::Null);
        }
        let ticks = args.integer_of(0, value)?;
        let instant = DateTime::from_file_time(ticks);
        instant.map(Value::DateTime).ok_or_else(|| args.fail("`value` is outside the years 1601 to 9999"))
    }),
    ..Function::TEXT
};
