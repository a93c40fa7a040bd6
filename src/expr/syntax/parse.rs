//! The grammar of expressions.md 1, by recursive descent with recovery at `,` and `)`.

use std::ops::Range;

use super::ast::{Argument, Call, Compare, Keyword, Operand, OperandKind};
use super::{DEEPEST_NESTING, LONGEST_TEXT};
use crate::expr::elsewhere;
use crate::expr::fault::{Fault, PARSE};
use crate::expr::functions;

/// Faults after which no more are looked for: the rest would be consequences.
const MOST_FAULTS: usize = 20;

/// Reads a mapping text; every fault that can be told apart is reported.
pub(in crate::expr) fn parse(text: &str) -> Result<Operand, Vec<Fault>> {
    let length = text.chars().count();
    if length > LONGEST_TEXT {
        let fault = Fault::error(
            PARSE,
            0..0,
            format!("expression has {length} characters, at most {LONGEST_TEXT} are allowed"),
        )
        .help("split the mapping, or move a long table of keys into the source data");
        return Err(vec![fault]);
    }
    let mut parser = Parser { text, at: 0, depth: 0, calls: Vec::new(), faults: Vec::new() };
    let operand = parser.mapping();
    match operand {
        Some(operand) if parser.faults.is_empty() => Ok(operand),
        _ => {
            let unknown = |(name, span): (String, Range<usize>)| {
                functions::find(&name).is_none().then(|| elsewhere::unknown_function(&name, span))
            };
            parser.faults.extend(parser.calls.into_iter().filter_map(unknown).take(MOST_FAULTS));
            Err(parser.faults)
        }
    }
}

pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    depth: usize,
    /// The names of all calls, so that unknown ones are reported even where the tree is not whole.
    calls: Vec<(String, Range<usize>)>,
    faults: Vec<Fault>,
}

impl<'t> Parser<'t> {
    fn mapping(&mut self) -> Option<Operand> {
        self.skip_white();
        if self.peek().is_none() {
            self.fault(
                Fault::error(PARSE, 0..self.text.len(), "expression is empty")
                    .help("write a function call, an attribute in brackets or a constant in quotes"),
            );
            return None;
        }
        let operand = self.operand();
        self.skip_white();
        if operand.is_some()
            && let Some(next) = self.peek()
        {
            let from = self.at;
            if let Some(operator) = self.operator() {
                self.misplaced_comparison(operator, from..self.at);
            } else {
                let rest = from..self.text.len();
                let fault = Fault::error(
                    PARSE,
                    from..from + next.len_utf8(),
                    format!("unexpected `{next}` after the end of the expression"),
                );
                self.fault(match next {
                    ')' => fault.help("remove the closing parenthesis, or open one before it"),
                    '&' => fault.help("there is no `&` operator; join texts with `Join(\"\", a, b)` or `Append(a, b)`"),
                    _ => {
                        Fault { span: rest, ..fault }.help("one expression is one call, one attribute or one constant")
                    }
                });
            }
        }
        operand
    }

    fn operand(&mut self) -> Option<Operand> {
        let start = self.at;
        let kind = match self.peek()? {
            '[' => self.attribute()?,
            '"' => self.string()?,
            '&' => self.hex()?,
            '+' | '-' | '0'..='9' => self.number()?,
            letter if letter.is_alphabetic() => return self.word(),
            other => {
                self.unexpected(other);
                return None;
            }
        };
        Some(Operand { span: start..self.at, kind })
    }

    fn unexpected(&mut self, found: char) {
        let span = self.at..self.at + found.len_utf8();
        let fault = Fault::error(PARSE, span, format!("unexpected `{}`", found.escape_default()));
        self.fault(match found {
            '%' => fault.help("placeholders such as `%DomainFQDN%` are not supported; write the text itself in quotes"),
            '(' => fault.help("parentheses only follow a function name; there is no grouping"),
            '\'' | '\u{201c}' | '\u{201d}' => fault.help("constants stand in straight double quotes: `\"text\"`"),
            '|' => fault.help("there is no OR operator; use `IIF` in the false branch"),
            '$' => fault.help("variables such as `$x` belong to another language"),
            '{' | '}' => fault.help("an attribute stands in brackets: `[name]`"),
            _ => fault.help("write a function call, an attribute in brackets or a constant in quotes"),
        });
    }

    /// A call, a keyword, or a bare word that is neither.
    fn word(&mut self) -> Option<Operand> {
        let start = self.at;
        while self.peek().is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
            self.bump();
        }
        let name_span = start..self.at;
        let name = &self.text[name_span.clone()];
        let end_of_name = self.at;
        self.skip_white();
        if self.peek() == Some('(') {
            return self.call(name.to_owned(), name_span);
        }
        self.at = end_of_name;
        if let Some(keyword) = Keyword::ALL.into_iter().find(|keyword| keyword.as_str() == name) {
            return Some(Operand { span: name_span, kind: OperandKind::Keyword(keyword) });
        }
        let fault = Fault::error(PARSE, name_span, format!("`{name}` is neither quoted nor in brackets"));
        let keyword = Keyword::ALL.into_iter().find(|keyword| keyword.as_str().eq_ignore_ascii_case(name));
        self.fault(match name {
            "True" | "False" | "true" | "false" => {
                fault.help(format!("there are no truth literals; write the text `\"{name}\"`"))
            }
            "NULL" | "null" | "Null" | "AuthoritativeNull" => {
                fault.help("there is no null literal; leave the argument empty")
            }
            "AND" | "OR" | "NOT" | "And" | "Or" => {
                fault.help("there are no logical operators; nest `IIF`: AND in the true branch, OR in the false branch")
            }
            _ => match keyword {
                Some(keyword) => fault.help(format!("keywords are case-sensitive: `{}`", keyword.as_str())),
                None if functions::find(name).is_some() => {
                    fault.help(format!("a call needs parentheses: `{name}(...)`"))
                }
                None => fault.help(format!("write `[{name}]` for the attribute or `\"{name}\"` for the text")),
            },
        });
        None
    }

    fn call(&mut self, name: String, name_span: Range<usize>) -> Option<Operand> {
        if self.depth == DEEPEST_NESTING {
            self.fault(
                Fault::error(PARSE, name_span, format!("calls are nested more than {DEEPEST_NESTING} deep"))
                    .help("split the mapping into smaller expressions"),
            );
            self.at = self.text.len();
            return None;
        }
        self.depth += 1;
        self.calls.push((name.clone(), name_span.clone()));
        let call = self.arguments(name, name_span);
        self.depth -= 1;
        call
    }

    fn arguments(&mut self, name: String, name_span: Range<usize>) -> Option<Operand> {
        let open = self.at;
        self.bump();
        let mut arguments = Vec::new();
        let mut sound = true;
        loop {
            let argument = self.argument(&name, arguments.len());
            sound &= argument.is_some();
            self.skip_white();
            match self.peek() {
                Some(',') => {
                    self.bump();
                    arguments.extend(argument);
                }
                Some(')') => {
                    self.bump();
                    let only_blank = arguments.is_empty() && matches!(argument, Some(Argument::Empty(_)));
                    if !only_blank {
                        arguments.extend(argument);
                    }
                    let span = name_span.start..self.at;
                    return sound
                        .then_some(Operand { span, kind: OperandKind::Call(Call { name, name_span, arguments }) });
                }
                _ => {
                    if self.faults.is_empty() || sound {
                        self.fault(
                            Fault::error(PARSE, open..open + 1, format!("the parenthesis of `{name}` is never closed"))
                                .label("opened here")
                                .help("add `)` after the last argument"),
                        );
                    }
                    self.at = self.text.len();
                    return None;
                }
            }
        }
    }

    /// Reads one argument and leaves the cursor at its `,` or `)`, whatever it holds.
    fn argument(&mut self, function: &str, index: usize) -> Option<Argument> {
        let before = self.at;
        self.skip_white();
        if matches!(self.peek(), Some(',' | ')')) {
            return Some(Argument::Empty(before..self.at));
        }
        let Some(left) = self.operand() else {
            self.recover();
            return None;
        };
        self.skip_white();
        let operator_start = self.at;
        let Some(operator) = self.operator() else {
            return self.end_of_argument().then_some(Argument::Operand(left));
        };
        let operator_span = operator_start..self.at;
        self.skip_white();
        let right = self.operand();
        let sound = self.end_of_argument();
        // In another letter case the name is the fault, not the comparison.
        let takes_condition = |name: &str| function.eq_ignore_ascii_case(name);
        let allowed = index == 0 && (takes_condition("IIF") || takes_condition("CBool"));
        if !allowed {
            self.misplaced_comparison(operator, operator_span.clone());
        }
        match right {
            Some(right) if sound && allowed => Some(Argument::Comparison { left, operator, operator_span, right }),
            _ => None,
        }
    }

    /// Whether the argument ends here; if not, says so and skips to where it does.
    fn end_of_argument(&mut self) -> bool {
        self.skip_white();
        let from = self.at;
        let found = match self.peek() {
            None | Some(',' | ')') => return true,
            Some(found) => found,
        };
        if let Some(operator) = self.operator() {
            self.fault(
                Fault::error(
                    PARSE,
                    from..self.at,
                    format!("a condition holds one comparison, `{}` is a second one", operator.as_str()),
                )
                .help("nest `IIF`: AND in the true branch, OR in the false branch"),
            );
        } else {
            let span = from..from + found.len_utf8();
            let fault = Fault::error(PARSE, span, format!("expected `,` or `)`, found `{}`", found.escape_default()));
            self.fault(match found {
                '&' => fault.help("there is no `&` operator; join texts with `Join(\"\", a, b)` or `Append(a, b)`"),
                '+' | '-' | '*' | '/' => fault.help("there is no arithmetic"),
                '|' => fault.help("there is no OR operator; use `IIF` in the false branch"),
                '!' => fault.help("\"not equal\" is written `<>`"),
                ';' => fault.help("arguments are separated by commas"),
                '"' => {
                    fault.help("a double quote inside a constant is written `\\\"`; between arguments stands a comma")
                }
                _ => fault.help("between two arguments stands a comma"),
            });
        }
        self.recover();
        false
    }

    fn misplaced_comparison(&mut self, operator: Compare, span: Range<usize>) {
        self.fault(
            Fault::error(PARSE, span, format!("comparison `{}` in the wrong place", operator.as_str()))
                .help("a comparison may only be the first argument of `IIF` or the argument of `CBool`"),
        );
    }

    /// Skips to the `,` or `)` that ends the current argument, over nested parentheses, brackets and strings.
    fn recover(&mut self) {
        let mut open = 0usize;
        while let Some(letter) = self.peek() {
            match letter {
                ',' | ')' if open == 0 => return,
                ')' => open -= 1,
                '(' => open += 1,
                '"' => {
                    self.skip_string();
                    continue;
                }
                _ => {}
            }
            self.bump();
        }
    }

    fn skip_string(&mut self) {
        self.bump();
        while let Some(letter) = self.bump() {
            match letter {
                '"' => return,
                '\\' => {
                    self.bump();
                }
                _ => {}
            }
        }
    }

    fn operator(&mut self) -> Option<Compare> {
        let rest = &self.text[self.at..];
        let operator = Compare::ALL.into_iter().find(|operator| rest.starts_with(operator.as_str()))?;
        self.at += operator.as_str().len();
        Some(operator)
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Blanks of any script; a byte order mark in front of a pasted text is none.
    fn skip_white(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.bump();
        }
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        }
    }
}
