use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Body, Example, Function, Param, WhenNull};

pub(super) static CONVERT_TO_BASE64: Function = Function {
    name: "ConvertToBase64",
    summary: "Returns the Base64 form of the text's UTF-16 bytes, little endian, without byte order mark.",
    params: &[Param::SOURCE],
    examples: &[Example {
        expression: r#"ConvertToBase64("Hello world!")"#,
        source: "{}",
        gives: r#""SABlAGwAbABvACAAdwBvAHIAbABkACEA""#,
    }],
    body: Body::Each(WhenNull::Null, |text, _| {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        Ok(STANDARD.encode(bytes).into())
    }),
    ..Function::TEXT
};
