use super::{Body, Example, Function, Param, Type};
use crate::expr::compare::is_other_than_zero;
use crate::expr::evaluate::{Arguments, Stop};
use crate::expr::value::Value;

pub(super) static CBOOL: Function = Function {
    name: "CBool",
    summary: "Returns whether a comparison or value is true.",
    params: &[Param {
        name: "expression",
        ty: Type::Condition,
        doc: "A comparison, a boolean, a number (true unless zero), or the text `true` or `false`; null is false.",
        ..Param::TEXT
    }],
    result: Type::Boolean,
    examples: &[
        Example {
            expression: "CBool([attribute1] = [attribute2])",
            source: r#"{"attribute1": "x", "attribute2": "x"}"#,
            gives: r#""True""#,
        },
        Example {
            expression: "CBool(BitAnd([userAccountControl], 2))",
            source: r#"{"userAccountControl": 512}"#,
            gives: r#""False""#,
        },
    ],
    body: Body::Whole(|args| truth(args, 0).map(Value::Boolean)),
    ..Function::TEXT
};

/// Reads an argument as a condition (expressions.md 2, "To truth").
pub(super) fn truth(args: &Arguments<'_, '_>, index: usize) -> Result<bool, Stop> {
    let value = args.value(index)?;
    match &value {
        Value::Null => return Ok(false),
        Value::Boolean(flag) => return Ok(*flag),
        Value::Integer(number) => return Ok(*number != 0),
        Value::Text(_) | Value::DateTime(_) | Value::Binary(_) | Value::List(_) => {}
        Value::Assignments(_) | Value::Roles(..) => {}
    }
    let text = args.text_of(index, value)?.unwrap_or_default();
    if text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else if let Some(truth) = is_other_than_zero(&text) {
        Ok(truth)
    } else {
        Err(args.fail(format!("`{}` is a text that is neither a truth word nor a number", args.parameter(index))))
    }
}
