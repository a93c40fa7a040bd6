use super::{Body, Example, Function, Param, Type};
use crate::expr::value::Value;

pub(super) static NOT: Function = Function {
    name: "Not",
    summary: "Returns the opposite of a truth value.",
    params: &[Param { name: "source", ty: Type::Boolean, doc: "Boolean, or the text `True`.", ..Param::TEXT }],
    result: Type::Boolean,
    notes: "Only `True`, in any letter case, gives `False`; everything else, null included, gives `True`.",
    examples: &[Example {
        expression: "Not([IsSoftDeleted])",
        source: r#"{"IsSoftDeleted": "True"}"#,
        gives: r#""False""#,
    }],
    body: Body::Whole(|args| {
        if let Some(text) = args.borrowed(0) {
            return Ok(Value::Boolean(!text.eq_ignore_ascii_case("true")));
        }
        let is_true = match args.value(0)? {
            Value::Boolean(flag) => flag,
            other => other.into_text().ok().flatten().is_some_and(|text| text.eq_ignore_ascii_case("true")),
        };
        Ok(Value::Boolean(!is_true))
    }),
    ..Function::TEXT
};
