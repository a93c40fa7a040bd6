use super::{Body, Example, Function, Param, WhenNull};

pub(super) static APPEND: Function = Function {
    name: "Append",
    summary: "Returns the text followed by a suffix.",
    params: &[Param::SOURCE, Param { name: "suffix", doc: "Text to add; null adds nothing.", ..Param::TEXT }],
    examples: &[Example {
        expression: r#"Append([userPrincipalName], ".test")"#,
        source: r#"{"userPrincipalName": "John.Doe@contoso.com"}"#,
        gives: r#""John.Doe@contoso.com.test""#,
    }],
    body: Body::Each(WhenNull::Null, |text, rest| {
        let mut text = text.into_owned();
        text.push_str(rest.text(1)?.as_deref().unwrap_or(""));
        Ok(text.into())
    }),
    ..Function::TEXT
};
