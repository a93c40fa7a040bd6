//! The one spelling of an expression, as the schema API prints it.

use super::{Argument, Operand, OperandKind};

/// Prints the tree: one blank after each comma, nothing for an empty argument, whole numbers without quotes.
///
/// The schema API keeps no difference between `1` and `"1"`, so both print as `1`. Parsing the result gives a tree of the
/// same meaning, and printing that gives the same text.
pub(in crate::expr) fn canonical(operand: &Operand) -> String {
    let mut text = String::new();
    write_operand(operand, &mut text);
    text
}

fn write_operand(operand: &Operand, text: &mut String) {
    match &operand.kind {
        OperandKind::Call(call) => {
            text.push_str(&call.name);
            text.push('(');
            for (index, argument) in call.arguments.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                match argument {
                    Argument::Empty(_) => {}
                    Argument::Operand(operand) => write_operand(operand, text),
                    Argument::Comparison { left, operator, right, .. } => {
                        write_operand(left, text);
                        text.push_str(operator.as_str());
                        write_operand(right, text);
                    }
                }
            }
            text.push(')');
        }
        OperandKind::Attribute(name) => {
            text.push('[');
            text.push_str(name);
            text.push(']');
        }
        OperandKind::Text(constant) | OperandKind::Number(constant) => write_constant(constant, text),
        OperandKind::Hex(number) => text.push_str(&number.to_string()),
        OperandKind::Keyword(keyword) => text.push_str(keyword.as_str()),
    }
}

fn write_constant(constant: &str, text: &mut String) {
    let digits = constant.strip_prefix('-').unwrap_or(constant);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        text.push_str(constant);
        return;
    }
    text.push('"');
    for letter in constant.chars() {
        if matches!(letter, '"' | '\\') {
            text.push('\\');
        }
        text.push(letter);
    }
    text.push('"');
}
