//! The details of a step as lines.

use serde_json::Value;

use super::super::plain;
use super::NOTHING;
use super::columns::{push_padded, width};

/// Names longer than this get their value on the same line all the same, out of line.
const WIDEST_NAME: usize = 36;

/// Appends one line for each detail: name and value, indented; lists of objects give one line for each object.
pub(super) fn push_details<'a>(
    text: &mut String,
    details: impl Iterator<Item = (&'a str, &'a Value)> + Clone,
    indent: &str,
) {
    let widest = details.clone().map(|(name, _)| width(&plain(name)).min(WIDEST_NAME)).max().unwrap_or(0);
    for (name, value) in details {
        // Published records hold the result of each clause as JSON inside a text.
        let inner = match value {
            Value::String(text) if text.starts_with('{') => serde_json::from_str::<Value>(text).ok(),
            _ => None,
        };
        let lines = lines_of(inner.as_ref().unwrap_or(value));
        text.push_str(indent);
        push_padded(text, &plain(name), widest + 2);
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                text.push_str(indent);
                push_padded(text, "", widest + 2);
            }
            text.push_str(line);
            text.push('\n');
        }
    }
}

/// Never empty.
fn lines_of(value: &Value) -> Vec<String> {
    match value {
        Value::Array(elements) if elements.iter().any(Value::is_object) => elements.iter().map(on_one_line).collect(),
        Value::Object(members) if !members.is_empty() => {
            members.iter().map(|(name, value)| format!("{}: {}", plain(name), on_one_line(value))).collect()
        }
        other => vec![on_one_line(other)],
    }
}

fn on_one_line(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) => plain(text).into_owned(),
        Value::Array(elements) if elements.is_empty() => NOTHING.to_owned(),
        Value::Array(elements) => elements.iter().map(on_one_line).collect::<Vec<_>>().join(", "),
        Value::Object(members) if members.is_empty() => NOTHING.to_owned(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{} {}", plain(name), on_one_line(value)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_detail_is_read_at_a_glance() {
        let details = json!({
            "IsActive": "True",
            "clauses": [{"attribute": "mail", "result": false}, {"attribute": "title", "result": true}],
            "ScopeEvaluationResult": r#"{"department EQUALS Sales":true}"#,
            "none": null,
            "empty": {},
            "list": ["a", "b"],
            "broken": "{not json",
        });
        let mut text = String::new();
        push_details(
            &mut text,
            details.as_object().expect("an object").iter().map(|(name, value)| (&**name, value)),
            "  ",
        );
        assert_eq!(
            text,
            "  IsActive               True
  clauses                attribute mail, result no
                         attribute title, result yes
  ScopeEvaluationResult  department EQUALS Sales: yes
  none                   -
  empty                  -
  list                   a, b
  broken                 {not json
"
        );
    }
}
