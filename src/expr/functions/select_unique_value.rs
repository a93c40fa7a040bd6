use super::{Body, Class, Example, Function, Param};
use crate::expr::value::Value;

pub(super) static SELECT_UNIQUE_VALUE: Function = Function {
    name: "SelectUniqueValue",
    summary: "Returns the first of several texts that no object in the target has.",
    params: &[
        Param { name: "rule", doc: "A candidate; null and empty ones are skipped.", ..Param::TEXT },
        Param { name: "rule", doc: "A candidate to take when those before it are taken.", ..Param::TEXT },
    ],
    repeats: 1,
    class: Class::Target,
    notes: "Must be the root of the mapping, which applies on creation only and to no matching attribute.",
    examples: &[Example {
        expression: "SelectUniqueValue([a], [b])",
        source: r#"{"a": "jsmith", "b": "josmith"}"#,
        gives: r#""jsmith""#,
    }],
    body: Body::Whole(|args| {
        for index in 0..args.len() {
            let Some(candidate) = args.text(index)?.filter(|text| !text.is_empty()) else { continue };
            let taken = args.context().uniqueness.is_taken(&candidate);
            if !taken.map_err(|why| args.fail(why))? {
                return Ok(Value::Text(candidate));
            }
        }
        Err(args.not_unique())
    }),
    ..Function::TEXT
};
