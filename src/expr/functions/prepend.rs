use super::{Body, Example, Function, Param};
use crate::expr::value::Value;

pub(super) static PREPEND: Function = Function {
    name: "Prepend",
    summary: "Returns a prefix followed by the text.",
    params: &[Param { name: "prefix", doc: "Text to put in front; null adds nothing.", ..Param::TEXT }, Param::SOURCE],
    examples: &[Example {
        expression: r#"Prepend("00", [employeeId])"#,
        source: r#"{"employeeId": "42"}"#,
        gives: r#""0042""#,
    }],
    body: Body::Whole(|args| {
        let prefix = args.text(0)?.unwrap_or_default();
        let source = args.value(1)?;
        if source.is_null() {
            return Ok(Value::Null);
        }
        args.each(source, |text| Ok([&*prefix, &*text].concat().into()))
    }),
    ..Function::TEXT
};
