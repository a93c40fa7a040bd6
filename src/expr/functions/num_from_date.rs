use super::cdate::date;
use super::{Body, Example, Function, Param, Type};
use crate::expr::value::Value;

pub(super) static NUM_FROM_DATE: Function = Function {
    name: "NumFromDate",
    summary: "Returns a date as a directory's number: 100-nanosecond ticks since 1601.",
    params: &[Param { name: "value", ty: Type::Date, doc: "A date, or text that `CDate` reads.", ..Param::TEXT }],
    result: Type::Integer,
    examples: &[Example {
        expression: r#"NumFromDate(CDate("2012-01-01 23:00:00"))"#,
        source: "{}",
        gives: r#""129699324000000000""#,
    }],
    body: Body::Whole(|args| Ok(date(args, 0)?.map_or(Value::Null, |date| Value::Integer(date.to_file_time())))),
    ..Function::TEXT
};
