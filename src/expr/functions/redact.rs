use super::{Body, Example, Function, Param, Type};

pub(super) static REDACT: Function = Function {
    name: "Redact",
    summary: "Returns the value unchanged and keeps it out of every log.",
    params: &[Param { name: "value", ty: Type::Any, doc: "Any value.", ..Param::TEXT }],
    result: Type::Any,
    notes: "Logs, previews and reports show `[Redact]` instead of the whole mapping's result.",
    examples: &[Example {
        expression: "Redact([userPrincipalName])",
        source: r#"{"userPrincipalName": "a@b.c"}"#,
        gives: r#""a@b.c""#,
    }],
    body: Body::Whole(|args| args.value(0)),
    ..Function::TEXT
};
