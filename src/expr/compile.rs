//! From the tree to the compiled form; every fault of the whole text is found on the way.

use std::borrow::Cow;
use std::ops::Range;

use super::context::{Context, Random, Uniqueness};
use super::elsewhere;
use super::evaluate::{CallNode, ComparisonNode, Frame, Node, Stop, integer};
use super::expression::Expression;
use super::fault::{ARITY, EVALUATION, Fault, NESTING, UNKNOWN_ATTRIBUTE};
use super::functions::{self, Class, Function, Presence, ReplaceMode, Type, replace_mode};
use super::pattern::{Pattern, Substitution};
use super::slots::{KnownNames, Slots};
use super::syntax::{self, Argument, Call, Operand, OperandKind};
use super::time::DateTime;
use crate::diagnostic::Severity;

/// Compiles a mapping text: one call, attribute or constant.
///
/// Attributes get their places in `slots`. With `known` every other attribute is a fault. All faults are returned, warnings
/// among them, each with its span in `text`; [`super::leading`] tells under which code the whole text is reported.
pub fn compile(text: &str, slots: &mut Slots, known: Option<&KnownNames>) -> Result<Expression, Vec<Fault>> {
    let tree = syntax::parse(text)?;
    let mut compiler = Compiler {
        slots,
        known,
        faults: Vec::new(),
        class: Class::Pure,
        redacted: false,
        used: Vec::new(),
        called: Vec::new(),
    };
    let compiled = compiler.operand(&tree, Place { is_root: true, always: true });
    let Compiler { faults, class, redacted, mut used, called, .. } = compiler;
    if faults.iter().any(|fault| fault.severity == Severity::Error) {
        return Err(faults);
    }
    used.sort_unstable();
    used.dedup();
    let attributes = used.into_iter().map(|place| (place, slots.name(place).to_owned())).collect();
    Ok(Expression {
        root: compiled.node,
        class,
        redacted,
        attributes,
        functions: called,
        canonical: syntax::canonical(&tree),
        tree: syntax::tree(&tree),
        warnings: faults,
    })
}

struct Compiler<'c> {
    slots: &'c mut Slots,
    known: Option<&'c KnownNames>,
    faults: Vec<Fault>,
    class: Class,
    redacted: bool,
    used: Vec<usize>,
    called: Vec<&'static str>,
}

/// Where an operand stands.
#[derive(Clone, Copy)]
struct Place {
    is_root: bool,
    /// Evaluated for every object.
    always: bool,
}

struct Compiled {
    node: Node,
    /// Has the same value for every object.
    constant: bool,
}

impl Compiler<'_> {
    fn operand(&mut self, operand: &Operand, place: Place) -> Compiled {
        let constant = |node| Compiled { node, constant: true };
        match &operand.kind {
            OperandKind::Call(call) => self.call(call, &operand.span, place),
            OperandKind::Attribute(name) => self.attribute(name, &operand.span),
            OperandKind::Text(text) | OperandKind::Number(text) => constant(Node::Text(text.clone())),
            OperandKind::Hex(number) => constant(Node::Integer(*number)),
            OperandKind::Keyword(keyword) => constant(Node::Text(keyword.as_str().to_owned())),
        }
    }

    fn attribute(&mut self, name: &str, span: &Range<usize>) -> Compiled {
        if let Some(known) = self.known
            && !known.contains(name)
        {
            let fault = Fault::error(UNKNOWN_ATTRIBUTE, span.clone(), format!("unknown attribute `{name}`"));
            self.faults.push(match known.nearest(name) {
                Some(near) if near.eq_ignore_ascii_case(name) => fault
                    .label("written in another letter case")
                    .help(format!("attribute names are case-sensitive: `[{near}]`")),
                Some(near) => fault
                    .label("not an attribute of the source")
                    .help(format!("an attribute with a similar name exists: `[{near}]`")),
                None => fault.label("not an attribute of the source"),
            });
        }
        let slot = self.slots.place(name);
        self.used.push(slot);
        Compiled { node: Node::Attribute(slot), constant: false }
    }

    fn call(&mut self, call: &Call, span: &Range<usize>, place: Place) -> Compiled {
        let function = functions::find(&call.name);
        match function {
            Some(function) => {
                self.class = self.class.max(function.class);
                self.redacted |= function.name == "Redact";
                self.called.push(function.name);
                self.check(call, function, place);
            }
            None => self.faults.push(elsewhere::unknown_function(&call.name, call.name_span.clone())),
        }
        let mut constant = true;
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for (index, argument) in call.arguments.iter().enumerate() {
            let always = place.always && function.is_some_and(|function| is_always_evaluated(function, index));
            let compiled = self.argument(argument, &call.name, Place { is_root: false, always });
            constant &= compiled.constant;
            arguments.push(compiled.node);
        }
        let Some(function) = function else { return Compiled { node: Node::Empty, constant: false } };
        let pattern = if function.name == "Replace" { self.pattern(call, place) } else { None };
        let node = CallNode { function, arguments, span: span.clone(), pattern };
        if constant && function.class == Class::Pure && function.name != "Error" && self.faults.is_empty() {
            return self.fold(node, place);
        }
        Compiled { node: Node::Call(Box::new(node)), constant: false }
    }

    fn argument(&mut self, argument: &Argument, function: &str, place: Place) -> Compiled {
        match argument {
            Argument::Empty(_) => Compiled { node: Node::Empty, constant: true },
            Argument::Operand(operand) => self.operand(operand, place),
            Argument::Comparison { left, operator, right, operator_span } => {
                for side in [left, right] {
                    if matches!(&side.kind, OperandKind::Text(text) if text.is_empty()) {
                        self.faults.push(
                            Fault::warning(EVALUATION, side.span.clone(), "a comparison with empty text is never true")
                                .help("write `Switch([a], ..., \"\", ...)`, `IsNullOrEmpty([a])` or `IsPresent([a])`"),
                        );
                    }
                }
                let (left, right) = (self.operand(left, place), self.operand(right, place));
                let constant = left.constant && right.constant;
                let function = if function == "CBool" { "CBool" } else { "IIF" };
                let (operator, span) = (*operator, operator_span.clone());
                let node = ComparisonNode { left: left.node, operator, right: right.node, function, span };
                Compiled { node: Node::Comparison(Box::new(node)), constant }
            }
        }
    }

    /// Number and presence of arguments, and what the function itself demands.
    fn check(&mut self, call: &Call, function: &'static Function, place: Place) {
        let count = call.arguments.len();
        let (least, most) = function.arity();
        if function.class == Class::Target && !place.is_root {
            self.faults.push(
                Fault::error(
                    NESTING,
                    call.name_span.clone(),
                    format!("`{}` must be the root of the mapping", function.name),
                )
                .help("put the other functions into its rules"),
            );
        }
        if count < least || most.is_some_and(|most| count > most) {
            let wanted = match most {
                Some(most) if most == least => format!("{least}"),
                Some(most) => format!("{least} to {most}"),
                None => format!("at least {least}"),
            };
            let verb = if count == 1 { "argument" } else { "arguments" };
            self.faults.push(
                Fault::error(
                    ARITY,
                    call.name_span.clone(),
                    format!("`{}` has {count} {verb}, {wanted} are wanted", function.name),
                )
                .help(format!("write `{}`{}", function.signature(), other_shape(function.name, count))),
            );
            return;
        }
        for (argument, param) in call.arguments.iter().zip(function.params_for(count)) {
            if !argument.is_given() && param.presence == Presence::Required {
                let span = argument.span();
                let span = if span.is_empty() { call.name_span.clone() } else { span };
                self.faults.push(
                    Fault::error(ARITY, span, format!("`{}` needs its argument `{}`", function.name, param.name))
                        .label("left empty")
                        .help(format!("write `{}`; an empty text is `\"\"`", function.signature())),
                );
            }
        }
        (function.check)(call, &mut self.faults);
        self.check_constants(call, function, place);
    }

    /// Finds constants that would fail every object: an error where they are always looked at, else a warning.
    fn check_constants(&mut self, call: &Call, function: &'static Function, place: Place) {
        let severity = if place.always { Severity::Error } else { Severity::Warning };
        for (index, param) in function.params_for(call.arguments.len()).take(call.arguments.len()).enumerate() {
            let Some((text, span)) = constant(call, index) else { continue };
            let wrong = match param.ty {
                Type::Integer if integer(&text).is_none() => Err(format!("`{}` is no whole number", param.name)),
                _ => (function.constant)(param.name, &text),
            };
            if let Err(what) = wrong {
                let message = format!("`{}`: {what}", function.name);
                self.faults.push(Fault { severity, ..Fault::error(EVALUATION, span, message) });
            }
        }
    }

    /// Compiles a constant pattern, and looks at the group and the references that go with it.
    fn pattern(&mut self, call: &Call, place: Place) -> Option<Pattern> {
        let is_given = |index: usize| call.arguments.get(index).is_some_and(Argument::is_given);
        let mode = replace_mode(is_given)?;
        if matches!(mode, ReplaceMode::Template | ReplaceMode::Literal) {
            return None;
        }
        let (text, span) = constant(call, 2)?;
        let severity = if place.always { Severity::Error } else { Severity::Warning };
        let pattern = match Pattern::compile(&text) {
            Ok(pattern) => pattern,
            Err(error) => {
                let message = format!("invalid pattern: {}", error.0);
                self.faults.push(Fault { severity, ..Fault::error(EVALUATION, span, message) });
                return None;
            }
        };
        if mode == ReplaceMode::Pattern
            && let Some((replacement, span)) = constant(call, 4)
        {
            for reference in Substitution::parse(&replacement, &pattern).unknown {
                let message = format!("`{reference}` names no group of the pattern and stays as it is");
                self.faults.push(Fault::warning(EVALUATION, span.clone(), message).help(group_help(&pattern)));
            }
        }
        if matches!(mode, ReplaceMode::Group | ReplaceMode::Fallback)
            && let Some((name, span)) = constant(call, 3)
            && pattern.group(&name).is_none()
        {
            let message = format!("`{name}` names no group of the pattern");
            self.faults.push(Fault { severity, ..Fault::error(EVALUATION, span, message) }.help(group_help(&pattern)));
        }
        Some(pattern)
    }

    /// Evaluates a call of constants once; an error it would raise for every object is reported now.
    fn fold(&mut self, node: CallNode, place: Place) -> Compiled {
        let span = node.span.clone();
        let node = Node::Call(Box::new(node));
        let folded = match node.evaluate(Frame { slots: &[], context: &NOTHING }) {
            Ok(super::value::Value::Text(text)) if text.len() <= LARGEST_FOLDED => Some(Node::Text(text.into_owned())),
            Ok(super::value::Value::Integer(number)) => Some(Node::Integer(number)),
            Ok(_) | Err(Stop::Ignore) => None,
            Err(Stop::Error(error)) => {
                if place.always {
                    self.faults.push(
                        Fault::error(EVALUATION, span, error.message)
                            .label("fails for every object")
                            .help("correct the constant"),
                    );
                }
                None
            }
        };
        let constant = folded.is_some();
        Compiled { node: folded.unwrap_or(node), constant }
    }
}

/// Bytes up to which the result of a constant call is kept in its place.
const LARGEST_FOLDED: usize = 4_096;

fn is_always_evaluated(function: &Function, index: usize) -> bool {
    match function.name {
        "IIF" | "Switch" | "Coalesce" | "SelectUniqueValue" => index == 0,
        // A null source ends the call before the others are looked at, but their kind does not depend on it.
        _ => true,
    }
}

fn constant(call: &Call, index: usize) -> Option<(Cow<'_, str>, Range<usize>)> {
    match call.arguments.get(index)? {
        Argument::Operand(Operand { span, kind: OperandKind::Text(text) | OperandKind::Number(text) }) => {
            Some((Cow::Borrowed(text), span.clone()))
        }
        Argument::Operand(Operand { span, kind: OperandKind::Hex(number) }) => {
            Some((Cow::Owned(number.to_string()), span.clone()))
        }
        Argument::Operand(Operand { span, kind: OperandKind::Keyword(keyword) }) => {
            Some((Cow::Borrowed(keyword.as_str()), span.clone()))
        }
        Argument::Operand(_) | Argument::Empty(_) | Argument::Comparison { .. } => None,
    }
}

fn group_help(pattern: &Pattern) -> String {
    let names: Vec<String> = pattern.group_names().map(|name| format!("`${{{name}}}`")).collect();
    if names.is_empty() {
        "the pattern has no named group; write one as `(?<name>...)`".to_owned()
    } else {
        format!("names stand in braces and are case-sensitive; the pattern has {}", names.join(", "))
    }
}

/// Functions of the same name that another language calls otherwise (expressions.md 8).
fn other_shape(name: &str, count: usize) -> &'static str {
    match (name, count) {
        ("FormatDateTime", 2) => {
            "; the form `FormatDateTime(date, format)` belongs to connect sync: here the input format comes first"
        }
        ("Split", 3) => "; the limit belongs to connect sync",
        ("Switch", _) => "; the form with conditions belongs to connect sync: here keys are compared with the source",
        ("Join", 1) => "; the separator comes first",
        _ => "",
    }
}

/// Constants need no clock, no chance and no target: only pure calls are evaluated in it.
const NOTHING: Context<'static> = Context { now: DateTime::FIRST, random: &Nothing, uniqueness: &Nothing };

struct Nothing;

impl Random for Nothing {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

impl Uniqueness for Nothing {
    fn is_taken(&self, _: &str) -> Result<bool, String> {
        Err("no target is asked while an expression is compiled".to_owned())
    }
}
