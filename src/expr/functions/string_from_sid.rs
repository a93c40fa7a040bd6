use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Body, Example, Function, Param, Type};
use crate::expr::value::Value;

pub(super) static STRING_FROM_SID: Function = Function {
    name: "StringFromSid",
    summary: "Returns the text `S-1-...` of a binary security identifier.",
    params: &[Param {
        name: "sid",
        ty: Type::Any,
        doc: "The identifier, binary or as its Base64 text.",
        ..Param::TEXT
    }],
    examples: &[Example {
        expression: r#"StringFromSid("AQUAAAAAAAUVAAAAoGXPfnhLm1/nfIdwr/1IAQ==")"#,
        source: "{}",
        gives: r#""S-1-5-21-2127521184-1604012920-1887927527-21560751""#,
    }],
    body: Body::Whole(|args| {
        let bytes: Cow<'_, [u8]> = match args.value(0)? {
            Value::Null => return Ok(Value::Null),
            Value::Binary(bytes) => bytes,
            other => {
                let text = args.text_of(0, other)?.unwrap_or_default();
                STANDARD.decode(text.as_bytes()).map_err(|_| args.fail("`sid` is neither binary nor Base64"))?.into()
            }
        };
        let text = sid(&bytes).ok_or_else(|| args.fail("`sid` is no security identifier"))?;
        Ok(Value::Text(text.into()))
    }),
    ..Function::TEXT
};

/// Revision, count, six bytes of authority (big endian), then as many numbers of four bytes (little endian).
fn sid(bytes: &[u8]) -> Option<String> {
    let ([revision, count, authority @ ..], numbers) = bytes.split_first_chunk::<8>()?;
    let (numbers, rest) = numbers.as_chunks::<4>();
    if *revision != 1 || *count > 15 || numbers.len() != usize::from(*count) || !rest.is_empty() {
        return None;
    }
    let authority = authority.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mut text = format!("S-1-{authority}");
    for number in numbers {
        // Writing to a String cannot fail.
        let _ = write!(text, "-{}", u32::from_le_bytes(*number));
    }
    Some(text)
}
