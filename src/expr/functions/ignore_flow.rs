use super::{Body, Example, Function, Param, Type};
use crate::expr::evaluate::Stop;

pub(super) static IGNORE_FLOW_IF_NULL_OR_EMPTY: Function = Function {
    name: "IgnoreFlowIfNullOrEmpty",
    summary: "Leaves the attribute out of the operation when the value is null or empty, else returns it.",
    params: &[Param { name: "expression", ty: Type::Any, doc: "Any value.", ..Param::TEXT }],
    result: Type::Any,
    notes: "Blanks are not empty: wrap in `Trim` for that. Inside another function the whole mapping is left out.",
    examples: &[
        Example { expression: "IgnoreFlowIfNullOrEmpty([department])", source: "{}", gives: r#"{"ignore": true}"# },
        Example {
            expression: "IgnoreFlowIfNullOrEmpty([department])",
            source: r#"{"department": "Sales"}"#,
            gives: r#""Sales""#,
        },
    ],
    body: Body::Whole(|args| {
        let value = args.value(0)?;
        if value.is_null_or_empty() { Err(Stop::Ignore) } else { Ok(value) }
    }),
    ..Function::TEXT
};
