use super::{Body, Example, Function, Param, Type};
use crate::expr::value::Value;

pub(super) static IS_STRING: Function = Function {
    name: "IsString",
    summary: "Returns whether a value is a single one with a text form.",
    params: &[Param { name: "expression", ty: Type::Any, doc: "Any value.", ..Param::TEXT }],
    result: Type::Boolean,
    examples: &[
        Example { expression: "IsString([displayName])", source: r#"{"displayName": "Ann"}"#, gives: r#""True""# },
        Example { expression: "IsString([mail])", source: "{}", gives: r#""False""# },
    ],
    body: Body::Whole(|args| {
        let is_string = match args.value(0)? {
            Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::DateTime(_) => true,
            Value::List(list) => list.len() == 1,
            Value::Null | Value::Binary(_) | Value::Assignments(_) | Value::Roles(..) => false,
        };
        Ok(Value::Boolean(is_string))
    }),
    ..Function::TEXT
};
