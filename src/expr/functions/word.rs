use super::left::part;
use super::{Body, Example, Function, Param, Type, WhenNull};

pub(super) static WORD: Function = Function {
    name: "Word",
    summary: "Returns one word of a text.",
    params: &[
        Param { name: "string", ..Param::SOURCE },
        Param { name: "wordNumber", ty: Type::Integer, doc: "Which one, 1 for the first.", ..Param::TEXT },
        Param { name: "delimiters", doc: "Characters of which each separates words.", ..Param::TEXT },
    ],
    notes: "A number below 1, too few words and null give empty text.",
    examples: &[Example {
        expression: r#"Word("This,string!has&many separators",3,",!&#")"#,
        source: "{}",
        gives: r#""has""#,
    }],
    body: Body::Each(WhenNull::Empty, |text, rest| {
        let number = rest.integer(1)?;
        let delimiters = rest.text(2)?.unwrap_or_default();
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let Some(index) = index else { return Ok("".into()) };
        let mut words = text.split(|letter| delimiters.contains(letter)).filter(|word| !word.is_empty());
        let Some(word) = words.nth(index) else { return Ok("".into()) };
        // `word` is a part of `text`, so their addresses tell where it lies.
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        let range = start..start + word.len();
        Ok(part(text, range))
    }),
    ..Function::TEXT
};
