use super::{Body, Example, Function, Param, Type};
use crate::expr::value::Value;

pub(super) static BIT_AND: Function = Function {
    name: "BitAnd",
    summary: "Returns the bits that two integers have in common.",
    params: &[
        Param {
            name: "value1",
            key: Some("left"),
            ty: Type::Integer,
            doc: "Integer; `&HFF` is one too.",
            ..Param::TEXT
        },
        Param { name: "value2", key: Some("right"), ty: Type::Integer, doc: "Integer.", ..Param::TEXT },
    ],
    result: Type::Integer,
    examples: &[
        Example { expression: "BitAnd(&HF, &HF7)", source: "{}", gives: r#""7""# },
        Example {
            expression: "BitAnd([userAccountControl], 2)",
            source: r#"{"userAccountControl": 514}"#,
            gives: r#""2""#,
        },
    ],
    body: Body::Whole(|args| Ok(Value::Integer(args.integer(0)? & args.integer(1)?))),
    ..Function::TEXT
};
