use super::{Body, Example, Function, Param, Type};
use crate::expr::value::Value;

pub(super) static COALESCE: Function = Function {
    name: "Coalesce",
    summary: "Returns the first argument that is not null.",
    params: &[Param { name: "source", ty: Type::Any, doc: "Any value; the last may be a default.", ..Param::TEXT }],
    repeats: 1,
    result: Type::Any,
    notes: "Empty text is not null and is returned.",
    examples: &[Example {
        expression: "Coalesce([mail],[userPrincipalName])",
        source: r#"{"userPrincipalName": "John.Doe@contoso.com"}"#,
        gives: r#""John.Doe@contoso.com""#,
    }],
    body: Body::Whole(|args| {
        for index in 0..args.len() {
            let value = args.value(index)?;
            if !value.is_null() {
                return Ok(value);
            }
        }
        Ok(Value::Null)
    }),
    ..Function::TEXT
};
