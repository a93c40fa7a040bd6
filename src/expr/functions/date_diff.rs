use super::cdate::date;
use super::date_add::{INTERVAL, interval, known_interval};
use super::{Body, Example, Function, Param, Type};
use crate::expr::value::Value;

pub(super) static DATE_DIFF: Function = Function {
    name: "DateDiff",
    summary: "Returns the number of intervals between two dates, positive when the second is later.",
    params: &[
        INTERVAL,
        Param { name: "date1", ty: Type::Date, doc: "A date, or text that `CDate` reads.", ..Param::TEXT },
        Param { name: "date2", ty: Type::Date, doc: "A date, or text that `CDate` reads.", ..Param::TEXT },
    ],
    result: Type::Integer,
    notes: "Years and months are differences of the calendar, weeks begin on Sunday, the others are elapsed time.",
    examples: &[
        Example {
            expression: r#"DateDiff("d", CDate("2021-08-18+08:00"), CDate("2021-08-31+08:00"))"#,
            source: "{}",
            gives: r#""13""#,
        },
        Example {
            expression: r#"DateDiff("ww", CDate("8/25/2021 5:41:18 PM"), CDate("2012-03-16-07:00"))"#,
            source: "{}",
            gives: r#""-493""#,
        },
    ],
    body: Body::Whole(|args| {
        let interval = interval(args)?;
        let Some(from) = date(args, 1)? else { return Ok(Value::Null) };
        let Some(to) = date(args, 2)? else { return Ok(Value::Null) };
        Ok(Value::Integer(from.until(to, interval)))
    }),
    constant: known_interval,
    ..Function::TEXT
};
