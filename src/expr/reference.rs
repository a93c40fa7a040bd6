//! The function reference, made from the table of functions.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::functions::{self, Class, Function, Presence};

/// Returns the text of `provisiond functions`: one line per function.
pub fn list() -> String {
    let width = functions::ALL.iter().map(|function| function.signature().len()).filter(|length| *length <= 60).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    for function in functions::ALL {
        let signature = function.signature();
        // Writing to a String cannot fail.
        let _ = if signature.len() > width {
            writeln!(text, "{signature}\n{:width$}  {}", "", function.summary)
        } else {
            writeln!(text, "{signature:width$}  {}", function.summary)
        };
    }
    text
}

/// Returns the document of `provisiond functions`: every function, as [`described`].
pub fn listed() -> Value {
    json!({ "functions": functions::ALL.into_iter().map(document).collect::<Value>() })
}

/// Returns the document of `provisiond functions NAME`; `None` when there is no such function.
pub fn described(name: &str) -> Option<Value> {
    functions::find(name).map(document)
}

fn document(function: &Function) -> Value {
    let parameters = function.params.iter().map(|param| {
        json!({
            "name": param.name,
            "type": param.ty.as_str(),
            "optional": param.presence == Presence::Optional,
            "meaning": param.doc,
        })
    });
    let parsed = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    let examples = function.examples.iter().map(|example| {
        json!({ "expression": example.expression, "source": parsed(example.source), "gives": parsed(example.gives) })
    });
    json!({
        "name": function.name,
        "signature": function.signature(),
        "meaning": function.summary,
        "notes": function.notes,
        "result": facts(function),
        "parameters": parameters.collect::<Value>(),
        "examples": examples.collect::<Value>(),
    })
}

/// Returns the text of `provisiond functions NAME`; `None` when there is no such function.
pub fn describe(name: &str) -> Option<String> {
    let function = functions::find(name)?;
    let mut text = format!("{}\n\n{}\n", function.signature(), function.summary);
    if !function.notes.is_empty() {
        let _ = writeln!(text, "{}", function.notes);
    }
    let facts = facts(function);
    let _ = write!(text, "\nResult: {facts}\n");
    if !function.params.is_empty() {
        text.push_str("\nParameters:\n");
        for param in function.params {
            let optional = if param.presence == Presence::Optional { ", may be empty" } else { "" };
            let _ = writeln!(text, "  {} ({}{optional}): {}", param.name, param.ty.as_str(), param.doc);
        }
    }
    text.push_str("\nExamples:\n");
    for example in function.examples {
        let _ = writeln!(text, "  {}", example.expression);
        if example.source != "{}" {
            let _ = writeln!(text, "    with {}", example.source);
        }
        let _ = writeln!(text, "    gives {}", example.gives);
    }
    Some(text)
}

/// Returns the whole reference, the content of `mappings/FUNCTIONS.md`.
pub fn reference_markdown() -> String {
    let mut text = String::from(
        "# Functions of the expression language\n\n\
         Made from the program by `provisiond functions`; do not edit by hand.\n\n\
         Attributes stand in brackets (`[mail]`), constants in double quotes, where `\\\\` and `\\\"` are the only escapes.\n\
         A `?` marks an argument that may be left empty or, at the end, left out.\n",
    );
    for function in functions::ALL {
        let _ = write!(text, "\n## {}\n\n`{}`\n\n{}", function.name, function.signature(), function.summary);
        if !function.notes.is_empty() {
            let _ = write!(text, " {}", function.notes);
        }
        let _ = write!(text, "\n\nResult: {}.\n", facts(function));
        if !function.params.is_empty() {
            text.push_str("\n| argument | takes | meaning |\n|---|---|---|\n");
            for param in function.params {
                let optional = if param.presence == Presence::Optional { ", may be empty" } else { "" };
                let _ = writeln!(text, "| `{}` | {}{optional} | {} |", param.name, param.ty.as_str(), param.doc);
            }
        }
        text.push_str("\n```text\n");
        for example in function.examples {
            let _ = writeln!(text, "{}", example.expression);
            if example.source != "{}" {
                let _ = writeln!(text, "  with  {}", example.source);
            }
            let _ = writeln!(text, "  gives {}", example.gives);
        }
        text.push_str("```\n");
    }
    text
}

fn facts(function: &Function) -> String {
    let each = match function.body {
        functions::Body::Each(..) => ", for each value of a list",
        functions::Body::Whole(_) if matches!(function.name, "Replace" | "Prepend") => ", for each value of a list",
        functions::Body::Whole(_) => "",
    };
    let class = match function.class {
        Class::Pure => String::new(),
        other => format!(" ({})", other.as_str()),
    };
    format!("{}{each}{class}", function.result.as_str())
}

/// Every example as function name, expression, source and outcome, the last two as JSON.
pub fn examples() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)> {
    functions::ALL.into_iter().flat_map(|function| {
        function.examples.iter().map(|example| (function.name, example.expression, example.source, example.gives))
    })
}
