use super::{Body, Example, Function, Param, Type};
use crate::expr::value::Value;

pub(super) static CSTR: Function = Function {
    name: "CStr",
    summary: "Returns the text form of a value.",
    params: &[Param { name: "value", ty: Type::Any, doc: "A single value.", ..Param::TEXT }],
    examples: &[
        Example { expression: "CStr([accountEnabled])", source: r#"{"accountEnabled": false}"#, gives: r#""False""# },
        Example {
            expression: "CStr([dn])",
            source: r#"{"dn": "cn=Joe,dc=contoso,dc=com"}"#,
            gives: r#""cn=Joe,dc=contoso,dc=com""#,
        },
    ],
    body: Body::Whole(|args| Ok(args.text(0)?.map_or(Value::Null, Value::Text))),
    ..Function::TEXT
};
