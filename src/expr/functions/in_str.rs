use super::units::{byte_of_unit, length};
use super::{Body, Example, Function, Param, Presence, Type};
use crate::expr::casing::upper;
use crate::expr::value::Value;

pub(super) static IN_STR: Function = Function {
    name: "InStr",
    summary: "Returns the 1-based position of the first occurrence of a text in another; 0 when absent.",
    params: &[
        Param { name: "value1", doc: "Text to search.", ..Param::TEXT },
        Param { name: "value2", doc: "Text to find.", ..Param::TEXT },
        Param {
            name: "start",
            ty: Type::Integer,
            presence: Presence::Optional,
            doc: "Position to begin at; 1 when not given.",
            ..Param::TEXT
        },
        Param {
            name: "compareType",
            ty: Type::Keyword,
            presence: Presence::Optional,
            doc: "`vbBinaryCompare` (case-sensitive, default) or `vbTextCompare`.",
            ..Param::TEXT
        },
    ],
    result: Type::Integer,
    examples: &[
        Example { expression: r#"InStr("The quick brown fox","quick")"#, source: "{}", gives: r#""5""# },
        Example { expression: r#"InStr("repEated","e",3,vbBinaryCompare)"#, source: "{}", gives: r#""7""# },
    ],
    body: Body::Whole(|args| {
        let Some(text) = args.text(0)? else { return Ok(Value::Integer(0)) };
        let wanted = args.text(1)?.unwrap_or_default();
        let start = if args.is_given(2) { args.integer(2)? } else { 1 };
        let ignore_case = match args.text(3)? {
            None => false,
            Some(name) => is_text_compare(&name).map_err(|what| args.fail(what))?,
        };
        let skipped = match usize::try_from(start) {
            Ok(start @ 1..) => start - 1,
            _ => return Err(args.fail("`start` is below 1")),
        };
        if skipped > 0 && skipped >= length(&text) {
            return Ok(Value::Integer(0));
        }
        // A start in the middle of a pair begins behind it: nothing can match its second half.
        let from = byte_of_unit(&text, skipped)
            .unwrap_or_else(|byte| byte + text[byte..].chars().next().map_or(0, char::len_utf8));
        let found = if ignore_case { find_ignoring_case(&text[from..], &wanted) } else { text[from..].find(&*wanted) };
        let position = found.map_or(0, |byte| length(&text[..from + byte]) + 1);
        Ok(Value::Integer(i64::try_from(position).unwrap_or(i64::MAX)))
    }),
    constant: |param, text| if param == "compareType" { is_text_compare(text).map(drop) } else { Ok(()) },
    ..Function::TEXT
};

fn is_text_compare(name: &str) -> Result<bool, String> {
    match name {
        "vbBinaryCompare" => Ok(false),
        "vbTextCompare" => Ok(true),
        _ => Err("`compareType` is neither `vbBinaryCompare` nor `vbTextCompare`".to_owned()),
    }
}

/// Finds `wanted` by its one-to-one capitals; the answer is a byte of `text`.
fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    let places: Vec<usize> = text.char_indices().map(|(byte, _)| byte).collect();
    let capitals: String = text.chars().map(upper).collect();
    let wanted: String = wanted.chars().map(upper).collect();
    let byte = capitals.find(&wanted)?;
    let index = capitals[..byte].chars().count();
    Some(places.get(index).copied().unwrap_or(text.len()))
}
