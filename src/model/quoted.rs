//! JSON within JSON.

use serde::ser::{Error, Serialize, Serializer};
use serde_json::value::RawValue;

/// Writes a text as a JSON string, byte for byte as `serde_json` does, but faster where every sixth octet has to be escaped: a
/// record of the log is mostly bodies of requests and answers.
pub(super) fn quoted<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(text) = text else { return serializer.serialize_none() };
    RawValue::from_string(quote(text)).map_err(S::Error::custom)?.serialize(serializer)
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + text.len() / 3 + 2);
    quoted.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0..0x20 => "",
            _ => continue,
        };
        quoted.push_str(&text[from..at]);
        quoted.push_str(escape);
        if escape.is_empty() {
            quoted.push_str(&format!("\\u{byte:04x}"));
        }
        from = at + 1;
    }
    quoted.push_str(&text[from..]);
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_by_the_library() {
        let odd: String = (0..0x100).filter_map(char::from_u32).chain("佐藤\u{2028}𠮷".chars()).collect();
        for text in ["", "plain", "\"", r#"{"a":"b\\c","d":["\"e\""]}"#, "ends in \\", odd.as_str()] {
            assert_eq!(quote(text), serde_json::to_string(text).expect("a text"), "{text:?}");
        }
    }
}
