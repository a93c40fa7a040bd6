use std::borrow::Cow;
use std::collections::HashSet;

use super::{Body, Example, Function, Param, Type};
use crate::expr::value::{Value, name_of};

pub(super) static REMOVE_DUPLICATES: Function = Function {
    name: "RemoveDuplicates",
    summary: "Returns the values of a list without later repetitions.",
    params: &[Param { name: "attribute", key: Some("source"), ty: Type::List, doc: "A list.", ..Param::TEXT }],
    result: Type::List,
    notes: "The comparison is exact and the order is kept.",
    examples: &[Example {
        expression: "RemoveDuplicates([proxyAddresses])",
        source: r#"{"proxyAddresses": ["a", "b", "a"]}"#,
        gives: r#"["a", "b"]"#,
    }],
    body: Body::Whole(|args| {
        let texts: Vec<Cow<'_, str>> = match args.value(0)? {
            Value::List(list) => list.into_texts(),
            Value::Assignments(roles) => roles.iter().map(|role| Cow::Borrowed(name_of(role))).collect(),
            single => return Ok(single),
        };
        let mut seen = HashSet::new();
        Ok(texts.into_iter().filter(|text| seen.insert(text.clone())).collect())
    }),
    ..Function::TEXT
};
