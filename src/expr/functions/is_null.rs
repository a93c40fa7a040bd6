use super::{Body, Example, Function, Param, Type};
use crate::expr::value::Value;

const EXPRESSION: Param = Param { name: "expression", ty: Type::Any, doc: "Any value.", ..Param::TEXT };

pub(super) static IS_NULL: Function = Function {
    name: "IsNull",
    summary: "Returns whether a value is null.",
    params: &[EXPRESSION],
    result: Type::Boolean,
    notes: "Empty text is not null.",
    examples: &[Example { expression: "IsNull([displayName])", source: "{}", gives: r#""True""# }],
    body: Body::Whole(|args| Ok(Value::Boolean(args.value(0)?.is_null()))),
    ..Function::TEXT
};

pub(super) static IS_NOTHING: Function = Function {
    name: "IsNothing",
    summary: "Returns whether a value is null; an older name of `IsNull`.",
    params: &[EXPRESSION],
    result: Type::Boolean,
    examples: &[Example { expression: "IsNothing([mail])", source: r#"{"mail": "a@b.c"}"#, gives: r#""False""# }],
    body: Body::Whole(|args| Ok(Value::Boolean(args.value(0)?.is_null()))),
    ..Function::TEXT
};

pub(super) static IS_NULL_OR_EMPTY: Function = Function {
    name: "IsNullOrEmpty",
    summary: "Returns whether a value is null, empty text, or a list of nothing but empty values.",
    params: &[EXPRESSION],
    result: Type::Boolean,
    notes: "Blanks are not empty.",
    examples: &[Example {
        expression: "IsNullOrEmpty([displayName])",
        source: r#"{"displayName": ""}"#,
        gives: r#""True""#,
    }],
    body: Body::Whole(|args| Ok(Value::Boolean(args.value(0)?.is_null_or_empty()))),
    ..Function::TEXT
};

pub(super) static IS_PRESENT: Function = Function {
    name: "IsPresent",
    summary: "Returns whether a value is there: the inverse of `IsNullOrEmpty`.",
    params: &[Param { key: Some("source"), ..EXPRESSION }],
    result: Type::Boolean,
    examples: &[Example { expression: "IsPresent([mail])", source: r#"{"mail": "a@b.c"}"#, gives: r#""True""# }],
    body: Body::Whole(|args| Ok(Value::Boolean(!args.value(0)?.is_null_or_empty()))),
    ..Function::TEXT
};
