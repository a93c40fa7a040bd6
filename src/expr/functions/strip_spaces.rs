use super::{Body, Example, Function, Param, WhenNull};

pub(super) static STRIP_SPACES: Function = Function {
    name: "StripSpaces",
    summary: "Removes all blanks from a text.",
    params: &[Param::SOURCE],
    notes: "Only U+0020 is removed, no tabs and no no-break spaces.",
    examples: &[Example {
        expression: r#"StripSpaces(" Anna  van der Berg ")"#,
        source: "{}",
        gives: r#""AnnavanderBerg""#,
    }],
    body: Body::Each(WhenNull::Null, |text, _| {
        if !text.contains(' ') {
            return Ok(text);
        }
        Ok(text.replace(' ', "").into())
    }),
    ..Function::TEXT
};
