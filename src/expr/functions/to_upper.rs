use super::to_lower::{CULTURE, culture, known_culture};
use super::{Body, Example, Function, Param, WhenNull};

pub(super) static TO_UPPER: Function = Function {
    name: "ToUpper",
    summary: "Returns the text in upper case.",
    params: &[Param::SOURCE, CULTURE],
    notes: "One character stays one character: `straße` becomes `STRAßE`.",
    examples: &[Example { expression: "ToUpper([countryCode])", source: r#"{"countryCode": "us"}"#, gives: r#""US""# }],
    body: Body::Each(WhenNull::Null, |text, rest| Ok(culture(rest)?.upper(text))),
    constant: known_culture,
    ..Function::TEXT
};
