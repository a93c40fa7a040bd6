use std::borrow::Cow;

use super::{Body, Example, Function, Param, Type};
use crate::expr::evaluate::{Arguments, Evaluated};
use crate::expr::value::{List, Value};

pub(super) static SPLIT: Function = Function {
    name: "Split",
    summary: "Splits a text into a list, and trims the pieces.",
    params: &[
        Param { doc: "Text to split.", ..Param::SOURCE },
        Param { name: "delimiter", doc: "One character.", ..Param::TEXT },
    ],
    result: Type::List,
    notes: "Empty pieces stay, so that positions are stable.",
    examples: &[Example {
        expression: r#"Split([extensionAttribute5], ",")"#,
        source: r#"{"extensionAttribute5": "PermissionSetOne, PermissionSetTwo"}"#,
        gives: r#"["PermissionSetOne", "PermissionSetTwo"]"#,
    }],
    body: Body::Whole(split),
    constant: |param, text| if param == "delimiter" { single(text).map(drop) } else { Ok(()) },
    ..Function::TEXT
};

fn split<'a>(args: &Arguments<'_, 'a>) -> Evaluated<'a> {
    let Some(source) = args.text(0)? else { return Ok(Value::Null) };
    let delimiter = args.text(1)?.unwrap_or_default();
    let delimiter = single(&delimiter).map_err(|what| args.fail(what))?;
    let pieces = match source {
        Cow::Borrowed(source) => source.split(delimiter).map(|piece| Cow::Borrowed(piece.trim())).collect(),
        Cow::Owned(source) => source.split(delimiter).map(|piece| Cow::Owned(piece.trim().to_owned())).collect(),
    };
    Ok(Value::List(List::Owned(pieces)))
}

fn single(delimiter: &str) -> Result<char, String> {
    let mut letters = delimiter.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Ok(letter),
        _ => Err("`delimiter` is not exactly one character".to_owned()),
    }
}
