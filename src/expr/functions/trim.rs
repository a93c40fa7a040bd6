use super::left::part;
use super::{Body, Example, Function, Param, WhenNull};

pub(super) static TRIM: Function = Function {
    name: "Trim",
    summary: "Removes white space from both ends of a text.",
    params: &[Param::SOURCE],
    examples: &[Example { expression: "Trim([l])", source: r#"{"l": " Redmond "}"#, gives: r#""Redmond""# }],
    body: Body::Each(WhenNull::Null, |text, _| {
        let start = text.len() - text.trim_start().len();
        let range = start..start + text[start..].trim_end().len();
        Ok(part(text, range))
    }),
    ..Function::TEXT
};
