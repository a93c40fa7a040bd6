use super::left::part;
use super::units::{cut, length};
use super::{Body, Example, Function, Param, Type, WhenNull};

pub(super) static MID: Function = Function {
    name: "Mid",
    summary: "Returns characters from the middle of a text.",
    params: &[
        Param::SOURCE,
        Param { name: "start", ty: Type::Integer, doc: "Position of the first one, counted from 1.", ..Param::TEXT },
        Param { name: "length", ty: Type::Integer, doc: "How many; beyond the end takes the rest.", ..Param::TEXT },
    ],
    notes: "Length 0 gives empty text; length below 0, start below 1 and start beyond the end give the whole text; null gives empty text.",
    examples: &[
        Example { expression: r#"Mid("John Doe", 3, 5)"#, source: "{}", gives: r#""hn Do""# },
        Example { expression: r#"Mid("John", 9, 2)"#, source: "{}", gives: r#""John""# },
    ],
    body: Body::Each(WhenNull::Empty, |text, rest| {
        let start = usize::try_from(rest.integer(1)?);
        let count = usize::try_from(rest.integer(2)?);
        match (start, count) {
            (_, Ok(0)) => Ok("".into()),
            (Ok(start @ 1..), Ok(count)) if start <= length(&text) => {
                let range = cut(&text, start - 1, count);
                Ok(part(text, range))
            }
            _ => Ok(text),
        }
    }),
    ..Function::TEXT
};
