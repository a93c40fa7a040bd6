use super::cdate::date;
use super::{Body, Example, Function, Param, Type};
use crate::expr::evaluate::{Arguments, Stop};
use crate::expr::time::Interval;
use crate::expr::value::Value;

pub(super) const INTERVAL: Param = Param {
    name: "interval",
    doc: "`yyyy` years, `m` months, `d` days, `ww` weeks, `h` hours, `n` minutes or `s` seconds.",
    ..Param::TEXT
};

pub(super) static DATE_ADD: Function = Function {
    name: "DateAdd",
    summary: "Returns a date moved by a number of intervals.",
    params: &[
        INTERVAL,
        Param { name: "value", ty: Type::Integer, doc: "How many; negative moves back.", ..Param::TEXT },
        Param { name: "dateTime", ty: Type::Date, doc: "A date, or text that `CDate` reads.", ..Param::TEXT },
    ],
    result: Type::Date,
    notes: "Adding months or years keeps the day, or takes the last day of a month that is too short.",
    examples: &[
        Example {
            expression: r#"DateAdd("m", 10, CDate("2012-03-16-07:00"))"#,
            source: "{}",
            gives: r#""1/16/2013 7:00:00 AM""#,
        },
        Example {
            expression: r#"DateAdd("d", -10, CDate([StatusHireDate]))"#,
            source: r#"{"StatusHireDate": "2012-03-16-07:00"}"#,
            gives: r#""3/6/2012 7:00:00 AM""#,
        },
    ],
    body: Body::Whole(|args| {
        let interval = interval(args)?;
        let count = args.integer(1)?;
        let Some(from) = date(args, 2)? else { return Ok(Value::Null) };
        let moved = from.plus(interval, count).ok_or_else(|| args.fail("the result is outside the years 1 to 9999"))?;
        Ok(Value::DateTime(moved))
    }),
    constant: known_interval,
    ..Function::TEXT
};

/// Reads the first argument as an interval.
pub(super) fn interval(args: &Arguments<'_, '_>) -> Result<Interval, Stop> {
    let code = args.text(0)?;
    code.as_deref().and_then(Interval::of).ok_or_else(|| args.fail(no_interval()))
}

pub(super) fn known_interval(param: &str, text: &str) -> Result<(), String> {
    if param == INTERVAL.name && Interval::of(text).is_none() { Err(no_interval()) } else { Ok(()) }
}

fn no_interval() -> String {
    let known: Vec<&str> = Interval::CODES.iter().map(|(code, _)| *code).collect();
    format!("`interval` is none of `{}`", known.join("`, `"))
}
