//! The parsed form of the schema API: nodes with named parameters.

use std::collections::HashMap;

use super::{Argument, Operand, OperandKind, canonical};
use crate::expr::functions::{self, Function};

/// A node of the parsed form (expressions.md 1, "Canonical text and parsed form").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// Only the arguments that are given, each under its parameter key.
    Function {
        name: String,
        /// The call in its canonical spelling.
        text: String,
        parameters: Vec<(String, Tree)>,
    },
    Attribute(String),
    Constant(String),
}

pub(in crate::expr) fn tree(operand: &Operand) -> Tree {
    match &operand.kind {
        OperandKind::Call(call) => {
            let mut parameters = Vec::with_capacity(call.arguments.len());
            let function = functions::find(&call.name);
            for (index, argument) in call.arguments.iter().enumerate() {
                let key = || key(function, index, call.arguments.len());
                match argument {
                    Argument::Empty(_) => {}
                    Argument::Operand(operand) => parameters.push((key(), tree(operand))),
                    Argument::Comparison { left, operator, right, .. } => {
                        parameters.push((ONE.to_owned(), tree(left)));
                        parameters.push(("two".to_owned(), Tree::Constant(operator.as_str().to_owned())));
                        parameters.push(("three".to_owned(), tree(right)));
                    }
                }
            }
            number_repeats(&mut parameters);
            Tree::Function { name: call.name.clone(), text: canonical(operand), parameters }
        }
        OperandKind::Attribute(name) => Tree::Attribute(name.clone()),
        OperandKind::Text(text) | OperandKind::Number(text) => Tree::Constant(text.clone()),
        OperandKind::Hex(number) => Tree::Constant(number.to_string()),
        OperandKind::Keyword(keyword) => Tree::Constant(keyword.as_str().to_owned()),
    }
}

/// `IIF` keeps its condition as one to three parameters under counted keys.
const ONE: &str = "one";

fn key(function: Option<&'static Function>, index: usize, count: usize) -> String {
    let Some(function) = function else { return format!("argument{}", index + 1) };
    function
        .params_for(count)
        .nth(index)
        .map_or_else(|| format!("argument{}", index + 1), |param| param.key().to_owned())
}

/// A key that stands more than once gets a number from its second place on, as member names must differ.
fn number_repeats(parameters: &mut [(String, Tree)]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (key, _) in parameters {
        let times = seen.entry(key.clone()).or_default();
        *times += 1;
        if *times > 1 {
            key.push_str(&times.to_string());
        }
    }
}
