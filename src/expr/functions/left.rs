use std::borrow::Cow;

use super::units::cut;
use super::{Body, Example, Function, Param, Type, WhenNull};

pub(super) static LEFT: Function = Function {
    name: "Left",
    summary: "Returns the first characters of a text.",
    params: &[
        Param::SOURCE,
        Param {
            name: "numChars",
            key: Some("length"),
            ty: Type::Integer,
            doc: "How many; below 0 or beyond the end gives the whole text.",
            ..Param::TEXT
        },
    ],
    notes: "Null gives empty text.",
    examples: &[
        Example { expression: r#"Left("John Doe", 3)"#, source: "{}", gives: r#""Joh""# },
        Example { expression: "Left([displayName], 3)", source: "{}", gives: r#""""# },
    ],
    body: Body::Each(WhenNull::Empty, |text, rest| {
        let Ok(count) = usize::try_from(rest.integer(1)?) else { return Ok(text) };
        let range = cut(&text, 0, count);
        Ok(part(text, range))
    }),
    ..Function::TEXT
};

/// A part of a text that borrows where the text does.
pub(super) fn part(text: Cow<'_, str>, range: std::ops::Range<usize>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[range]),
        Cow::Owned(text) if range == (0..text.len()) => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text[range].to_owned()),
    }
}
