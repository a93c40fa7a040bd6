use super::{Body, Example, Function, Param, Type};
use crate::expr::value::Value;

pub(super) static DN_COMPONENT: Function = Function {
    name: "DNComponent",
    summary: "Returns the value of one component of a distinguished name, unescaped.",
    params: &[
        Param { name: "dn", doc: "A distinguished name.", ..Param::TEXT },
        Param {
            name: "n",
            ty: Type::Integer,
            doc: "Place of the component from the left, 1 for the first.",
            ..Param::TEXT
        },
    ],
    examples: &[Example {
        expression: "DNComponent([dn], 1)",
        source: r#"{"dn": "CN=Lee\\, Ann,OU=Sales,DC=contoso"}"#,
        gives: r#""Lee, Ann""#,
    }],
    body: Body::Whole(|args| {
        let Some(name) = args.text(0)? else { return Ok(Value::Null) };
        let Some(index) = usize::try_from(args.integer(1)?).ok().and_then(|number| number.checked_sub(1)) else {
            return Err(args.fail("`n` is below 1"));
        };
        let components = components(&name);
        let Some(component) = components.get(index) else {
            return Err(args.fail(format!("`n` is beyond the end of `dn`, which has {} components", components.len())));
        };
        let Some((_, value)) = component.split_once('=') else {
            return Err(args.fail("`dn` is no distinguished name: a component has no `=`"));
        };
        let value = unescape(value).ok_or_else(|| args.fail("`dn` has an escape that is no text"))?;
        Ok(Value::Text(value.into()))
    }),
    ..Function::TEXT
};

/// Splits at the commas and semicolons that no backslash and no quote protects (RFC 4514, RFC 2253).
fn components(name: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped, mut quoted) = (0, false, false);
    for (at, letter) in name.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' | ';' if !quoted => {
                parts.push(&name[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&name[start..]);
    parts
}

fn unescape(value: &str) -> Option<String> {
    let value = value.trim_start();
    // A blank at the end belongs to the value only behind a backslash.
    let trimmed = value.trim_end();
    let value = if trimmed.ends_with('\\') && trimmed.len() < value.len() { &value[..=trimmed.len()] } else { trimmed };
    let value = value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(value);
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [byte, behind @ ..] = rest {
        rest = behind;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        let pair = rest.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()), rest) {
            (Some(code), _) => {
                bytes.push(code);
                rest = &rest[2..];
            }
            (None, [letter, behind @ ..]) => {
                bytes.push(*letter);
                rest = behind;
            }
            (None, []) => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_and_unescaped() {
        assert_eq!(components(r#"CN=a\,b,OU="x,y",DC=z"#), [r"CN=a\,b", r#"OU="x,y""#, "DC=z"]);
        let cases = [
            (r"a\,b", Some("a,b")),
            (r"M\C3\BCller", Some("Müller")),
            (r#""x,y""#, Some("x,y")),
            (r" a\ ", Some("a ")),
            (r"a\", None),
            (r"\ff", None),
            ("", Some("")),
        ];
        for (value, expected) in cases {
            assert_eq!(unescape(value).as_deref(), expected, "{value}");
        }
    }
}
