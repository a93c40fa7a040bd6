use super::{Body, Example, Function, Param, Type};
use crate::expr::evaluate::{Arguments, Stop};
use crate::expr::time::{DateTime, read_general};
use crate::expr::value::Value;

pub(super) static CDATE: Function = Function {
    name: "CDate",
    summary: "Reads a text as a date, in UTC.",
    params: &[Param { name: "expression", doc: "Text with a date, and maybe a time and an offset.", ..Param::TEXT }],
    result: Type::Date,
    notes: "Text without an offset is taken as UTC. The month stands first between slashes.",
    examples: &[
        Example { expression: r#"CDate("2020-03-16-07:00")"#, source: "{}", gives: r#""3/16/2020 7:00:00 AM""# },
        Example { expression: r#"CDate("2013-01-10 4:00 PM -8")"#, source: "{}", gives: r#""1/11/2013 12:00:00 AM""# },
    ],
    body: Body::Whole(|args| Ok(date(args, 0)?.map_or(Value::Null, Value::DateTime))),
    ..Function::TEXT
};

/// Reads an argument as a date; null is `None`.
pub(super) fn date(args: &Arguments<'_, '_>, index: usize) -> Result<Option<DateTime>, Stop> {
    let value = args.value(index)?;
    if let Value::DateTime(instant) = value {
        return Ok(Some(instant));
    }
    let Some(text) = args.text_of(index, value)? else { return Ok(None) };
    match read_general(&text) {
        Some(instant) => Ok(Some(instant)),
        None => Err(args.fail(format!("`{}` is a text that cannot be read as a date", args.parameter(index)))),
    }
}
