//! The source of an attribute mapping: an attribute, a constant or an expression with its parsed form.

use serde_json::{Value as Json, json};

use super::find::{list, text};
use crate::expr::{self, Slots, Tree};
use crate::mapping::Source;

/// Reads a source; its `expression` is authoritative (service.md D-57). `None` where the source is null.
pub(super) fn read(source: &Json) -> Option<Source> {
    let Some(expression) = text(source, "expression") else {
        let name = text(source, "name")?.to_owned();
        return Some(if text(source, "type") == Some("Constant") {
            Source::Constant(name)
        } else {
            Source::Attribute(name)
        });
    };
    Some(match tree(expression) {
        Some(Tree::Attribute(name)) => Source::Attribute(name),
        Some(Tree::Constant(constant)) => Source::Constant(constant),
        Some(Tree::Function { .. }) => Source::Expression(expression.to_owned()),
        // a constant may stand without its quotes
        None if text(source, "type") == Some("Constant") => Source::Constant(expression.to_owned()),
        None => Source::Expression(expression.to_owned()),
    })
}

fn tree(expression: &str) -> Option<Tree> {
    expr::compile(expression, &mut Slots::new(), None).ok().map(|expression| expression.tree().clone())
}

/// The attributes that a source reads.
pub(super) fn names(source: &Source) -> Vec<String> {
    match source {
        Source::Attribute(name) => vec![name.clone()],
        Source::Expression(text) => {
            let compiled = expr::compile(text, &mut Slots::new(), None);
            compiled.map(|expression| expression.attributes().map(str::to_owned).collect()).unwrap_or_default()
        }
        Source::Constant(_) | Source::None => Vec::new(),
    }
}

/// The published form of a source.
pub(super) fn write(source: &Source) -> Json {
    match source {
        Source::None => Json::Null,
        Source::Attribute(name) => node(&Tree::Attribute(name.clone())),
        Source::Constant(constant) => node(&Tree::Constant(constant.clone())),
        Source::Expression(expression) => match tree(expression) {
            Some(tree) => {
                let mut value = node(&tree);
                value["expression"] = json!(expression);
                value
            }
            None => json!({ "expression": expression, "name": null, "parameters": [], "type": "Function" }),
        },
    }
}

fn node(tree: &Tree) -> Json {
    match tree {
        Tree::Attribute(name) => {
            json!({ "expression": format!("[{name}]"), "name": name, "parameters": [], "type": "Attribute" })
        }
        Tree::Constant(constant) => {
            json!({ "expression": quoted(constant), "name": constant, "parameters": [], "type": "Constant" })
        }
        Tree::Function { name, text, parameters } => {
            let parameters: Vec<Json> =
                parameters.iter().map(|(key, value)| json!({ "key": key, "value": node(value) })).collect();
            json!({ "expression": text, "name": name, "parameters": parameters, "type": "Function" })
        }
    }
}

fn quoted(constant: &str) -> String {
    format!("\"{}\"", constant.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether the parsed form beside an expression is a form of that expression; keys are not compared.
pub(super) fn agrees(source: &Json) -> bool {
    let Some(tree) = text(source, "expression").and_then(tree) else { return true };
    if source.get("parameters").is_none_or(Json::is_null) {
        return true;
    }
    same(source, &node(&tree))
}

fn same(a: &Json, b: &Json) -> bool {
    let (left, right) = (list(a, "parameters"), list(b, "parameters"));
    let head = |one: &Json| (text(one, "type").map(str::to_owned), text(one, "name").map(str::to_owned));
    let null = Json::Null;
    let inner = |one: &Json| one.get("value").unwrap_or(&null).clone();
    head(a) == head(b) && left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same(&inner(a), &inner(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_written_as_it_is_published() {
        let written = write(&Source::Expression(r#"Switch([a], , "x", Mid([b], 1, "2"))"#.to_owned()));
        assert_eq!(written["name"], "Switch");
        let keys: Vec<&str> = list(&written, "parameters").iter().filter_map(|one| text(one, "key")).collect();
        assert_eq!(keys[0], "source");
        assert_eq!(written["parameters"][2]["value"]["expression"], "Mid([b], 1, 2)");
        assert_eq!(read(&written), Some(Source::Expression(r#"Switch([a], , "x", Mid([b], 1, "2"))"#.to_owned())));
        assert!(agrees(&written));
        for source in [Source::Attribute("mail".to_owned()), Source::Constant("a \"b\" \\c".to_owned())] {
            assert_eq!(read(&write(&source)), Some(source));
        }
        let stale = json!({ "expression": "Trim([a])", "name": "Trim", "type": "Function",
            "parameters": [{ "key": "source", "value": node(&Tree::Attribute("b".to_owned())) }] });
        assert!(!agrees(&stale));
    }
}
