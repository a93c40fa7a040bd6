use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Body, Example, Function, Param, Presence, Type, WhenNull};
use crate::expr::evaluate::Problem;

pub(super) static CONVERT_FROM_BASE64: Function = Function {
    name: "ConvertFromBase64",
    summary: "Returns the text behind its Base64 form.",
    params: &[
        Param::SOURCE,
        Param {
            name: "encoding",
            ty: Type::Keyword,
            presence: Presence::Optional,
            doc: "`Unicode` (UTF-16 little endian, default), `UTF8` or `ASCII`.",
            ..Param::TEXT
        },
    ],
    examples: &[
        Example {
            expression: r#"ConvertFromBase64("SABlAGwAbABvACAAdwBvAHIAbABkACEA")"#,
            source: "{}",
            gives: r#""Hello world!""#,
        },
        Example {
            expression: r#"ConvertFromBase64("SGVsbG8gd29ybGQh", UTF8)"#,
            source: "{}",
            gives: r#""Hello world!""#,
        },
    ],
    body: Body::Each(WhenNull::Null, |text, rest| {
        let encoding = match rest.text(1)? {
            None => Encoding::Unicode,
            Some(name) => Encoding::of(&name).map_err(Problem)?,
        };
        let bytes = STANDARD.decode(text.as_bytes()).map_err(|_| Problem("`source` is no Base64".to_owned()))?;
        let text = match encoding {
            Encoding::Unicode => utf16(&bytes),
            Encoding::Utf8 => String::from_utf8(bytes).ok(),
            Encoding::Ascii if bytes.is_ascii() => String::from_utf8(bytes).ok(),
            Encoding::Ascii => None,
        };
        text.map(Cow::Owned).ok_or_else(|| Problem("the bytes behind `source` are no text in this encoding".to_owned()))
    }),
    constant: |param, text| if param == "encoding" { Encoding::of(text).map(drop) } else { Ok(()) },
    ..Function::TEXT
};

enum Encoding {
    Unicode,
    Utf8,
    Ascii,
}

impl Encoding {
    fn of(name: &str) -> Result<Self, String> {
        match name {
            "Unicode" => Ok(Self::Unicode),
            "UTF8" => Ok(Self::Utf8),
            "ASCII" => Ok(Self::Ascii),
            _ => Err("`encoding` is none of `Unicode`, `UTF8` and `ASCII`".to_owned()),
        }
    }
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    char::decode_utf16(pairs.iter().copied().map(u16::from_le_bytes)).collect::<Result<_, _>>().ok()
}
