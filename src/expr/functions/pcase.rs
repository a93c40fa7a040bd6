use super::{Body, Example, Function, Param, Presence, WhenNull};
use crate::expr::casing::{capitalize_after, title_case};

pub(super) static PCASE: Function = Function {
    name: "PCase",
    summary: "Returns the text with a capital at the beginning of each word.",
    params: &[
        Param::SOURCE,
        Param {
            name: "wordSeparators",
            presence: Presence::Optional,
            doc: "The characters that separate words, and no others; white space and punctuation when not given.",
            ..Param::TEXT
        },
    ],
    examples: &[
        Example {
            expression: r#"PCase("PABLO GONSALVES (SECOND)")"#,
            source: "{}",
            gives: r#""Pablo Gonsalves (Second)""#,
        },
        Example { expression: r#"PCase("PINTO-DE'SILVA", " '-")"#, source: "{}", gives: r#""Pinto-De'Silva""# },
    ],
    body: Body::Each(WhenNull::Null, |text, rest| {
        Ok(match rest.text(1)? {
            None => title_case(&text),
            Some(separators) => capitalize_after(&text, &separators),
        }
        .into())
    }),
    ..Function::TEXT
};
