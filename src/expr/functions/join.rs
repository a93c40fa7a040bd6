use std::borrow::Cow;

use super::{Body, Example, Function, Param};
use crate::expr::evaluate::{Arguments, Evaluated, LARGEST_TEXT, Stop};
use crate::expr::value::{Value, name_of};

pub(super) static JOIN: Function = Function {
    name: "Join",
    summary: "Joins texts with a separator, leaving out null and empty ones.",
    params: &[
        Param { name: "separator", doc: "Text between two others; null counts as empty.", ..Param::TEXT },
        Param { name: "source", doc: "Text, or a list whose values all take part.", ..Param::TEXT },
    ],
    repeats: 1,
    notes: "When nothing is left to join, the result is null.",
    examples: &[
        Example { expression: r#"Join("-", [a], [b], [c])"#, source: r#"{"a": "1", "c": "3"}"#, gives: r#""1-3""# },
        Example {
            expression: r#"Join(";", [proxyAddresses])"#,
            source: r#"{"proxyAddresses": ["SMTP:a@x.com", "smtp:b@x.com"]}"#,
            gives: r#""SMTP:a@x.com;smtp:b@x.com""#,
        },
    ],
    body: Body::Whole(join),
    ..Function::TEXT
};

fn join<'a>(args: &Arguments<'_, 'a>) -> Evaluated<'a> {
    let separator = match args.borrowed(0) {
        Some(text) => Cow::Borrowed(text),
        None => args.text(0)?.unwrap_or_default(),
    };
    // Most sources are at hand, so that most joins cost one allocation of the right size.
    let at_hand = |index| args.borrowed(index).map_or(0, |text| text.len() + separator.len());
    let room: usize = (1..args.len()).map(at_hand).sum();
    let mut joined = Joined { text: String::with_capacity(room.min(LARGEST_TEXT)), separator: &separator };
    for index in 1..args.len() {
        if let Some(text) = args.borrowed(index) {
            joined.add(text, args)?;
            continue;
        }
        match args.value(index)? {
            Value::Null => {}
            Value::Text(text) => joined.add(&text, args)?,
            Value::List(list) => list.iter().try_for_each(|text| joined.add(text, args))?,
            Value::Assignments(roles) => roles.iter().try_for_each(|role| joined.add(name_of(role), args))?,
            other => joined.add(args.text_of(index, other)?.as_deref().unwrap_or(""), args)?,
        }
    }
    Ok(if joined.text.is_empty() { Value::Null } else { Value::Text(Cow::Owned(joined.text)) })
}

struct Joined<'s> {
    text: String,
    separator: &'s str,
}

impl Joined<'_> {
    #[inline]
    fn add(&mut self, text: &str, args: &Arguments<'_, '_>) -> Result<(), Stop> {
        if text.is_empty() {
            return Ok(());
        }
        if !self.text.is_empty() {
            self.text.push_str(self.separator);
        }
        self.text.push_str(text);
        if self.text.len() > LARGEST_TEXT { Err(args.too_large()) } else { Ok(()) }
    }
}
