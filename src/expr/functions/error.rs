use super::{Body, Example, Function, Param, Type};
use crate::expr::fault::EVALUATION;

pub(super) static ERROR: Function = Function {
    name: "Error",
    summary: "Fails the object with a message.",
    params: &[Param { name: "message", doc: "What to tell the person who reads the log.", ..Param::TEXT }],
    result: Type::Any,
    notes: "Only of use in a branch that is not always taken.",
    examples: &[Example {
        expression: r#"IIF(IsPresent([accountName]),[accountName],Error("AccountName is required"))"#,
        source: "{}",
        gives: r#"{"error": "evaluation"}"#,
    }],
    body: Body::Whole(|args| {
        let message = args.text(0)?.unwrap_or_default();
        Err(args.error(EVALUATION, message.into_owned()))
    }),
    ..Function::TEXT
};
