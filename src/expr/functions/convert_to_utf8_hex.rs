use std::fmt::Write as _;

use super::{Body, Example, Function, Param, WhenNull};

pub(super) static CONVERT_TO_UTF8_HEX: Function = Function {
    name: "ConvertToUTF8Hex",
    summary: "Returns the text's UTF-8 bytes as upper-case hexadecimal digits.",
    params: &[Param::SOURCE],
    examples: &[Example {
        expression: r#"ConvertToUTF8Hex("Hello world!")"#,
        source: "{}",
        gives: r#""48656C6C6F20776F726C6421""#,
    }],
    body: Body::Each(WhenNull::Null, |text, _| {
        let mut digits = String::with_capacity(text.len() * 2);
        for byte in text.bytes() {
            // Writing to a String cannot fail.
            let _ = write!(digits, "{byte:02X}");
        }
        Ok(digits.into())
    }),
    ..Function::TEXT
};
