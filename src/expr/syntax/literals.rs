//! Attribute names, texts and numbers.

use super::ast::OperandKind;
use super::parse::Parser;
use crate::expr::fault::{Fault, PARSE};

impl Parser<'_> {
    /// An attribute name; inner brackets nest, and inside them a quoted run hides brackets.
    pub(super) fn attribute(&mut self) -> Option<OperandKind> {
        let start = self.at;
        self.bump();
        let mut inner = 0usize;
        let mut quoted = false;
        while let Some(letter) = self.bump() {
            match letter {
                '"' if inner > 0 => quoted = !quoted,
                '[' if !quoted => inner += 1,
                ']' if !quoted && inner > 0 => inner -= 1,
                ']' if !quoted => {
                    let name = &self.text[start + 1..self.at - 1];
                    if name.is_empty() {
                        self.fault(
                            Fault::error(PARSE, start..self.at, "attribute name is empty")
                                .help("write the name: `[mail]`"),
                        );
                        return None;
                    }
                    return Some(OperandKind::Attribute(name.to_owned()));
                }
                _ => {}
            }
        }
        self.fault(
            Fault::error(PARSE, start..start + 1, "attribute name is never closed")
                .label("opened here")
                .help("add `]` after the name"),
        );
        None
    }

    pub(super) fn string(&mut self) -> Option<OperandKind> {
        let start = self.at;
        self.bump();
        let mut constant = String::new();
        let mut sound = true;
        while let Some(letter) = self.peek() {
            let at = self.at;
            self.bump();
            match letter {
                '"' => return sound.then_some(OperandKind::Text(constant)),
                '\\' => match self.bump() {
                    Some(escaped @ ('\\' | '"')) => constant.push(escaped),
                    Some(other) => {
                        sound = false;
                        self.fault(
                            Fault::error(PARSE, at..self.at, format!("unknown escape `\\{}`", other.escape_default()))
                                .help("only `\\\\` and `\\\"` are escapes; write the backslash of a pattern twice"),
                        );
                    }
                    None => {}
                },
                plain => constant.push(plain),
            }
        }
        self.fault(
            Fault::error(PARSE, start..start + 1, "constant is never closed")
                .label("opened here")
                .help("add `\"` at its end"),
        );
        None
    }

    pub(super) fn number(&mut self) -> Option<OperandKind> {
        let start = self.at;
        if matches!(self.peek(), Some('+' | '-')) {
            self.bump();
        }
        let digits = self.digits();
        if digits == 0 {
            self.fault(
                Fault::error(PARSE, start..self.at, "a sign without digits")
                    .help("write a number such as `-10`, or quote the text"),
            );
            return None;
        }
        if self.peek() == Some('.') {
            let point = self.at;
            self.bump();
            if self.digits() == 0 {
                self.fault(
                    Fault::error(PARSE, point..point + 1, "digits are missing after the point")
                        .help("write `1.0`, or quote the text"),
                );
                return None;
            }
        }
        if self.peek().is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
            self.fault(
                Fault::error(PARSE, start..self.at, "a number is followed by letters")
                    .help("quote a text that begins with digits: `\"1st\"`"),
            );
            return None;
        }
        Some(OperandKind::Number(self.text[start..self.at].to_owned()))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|digit| digit.is_ascii_digit()) {
            self.bump();
        }
        self.at - start
    }

    pub(super) fn hex(&mut self) -> Option<OperandKind> {
        let start = self.at;
        self.bump();
        if !matches!(self.peek(), Some('H' | 'h')) {
            self.fault(Fault::error(PARSE, start..self.at, "unexpected `&`").help(
                "a hexadecimal number is written `&HFF`; texts are joined with `Join(\"\", a, b)` or `Append(a, b)`",
            ));
            return None;
        }
        self.bump();
        let digits = self.at;
        while self.peek().is_some_and(|letter| letter.is_alphanumeric()) {
            self.bump();
        }
        let digits = &self.text[digits..self.at];
        let fault = match i64::from_str_radix(digits, 16) {
            Ok(number) => return Some(OperandKind::Hex(number)),
            Err(_) if digits.is_empty() => "hexadecimal digits are missing",
            Err(_) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
                "hexadecimal number does not fit into 64 bits with a sign"
            }
            Err(_) => "a hexadecimal number holds a letter that is no digit",
        };
        self.fault(
            Fault::error(PARSE, start..self.at, fault).help("write digits 0-9 and A-F, at most `&H7FFFFFFFFFFFFFFF`"),
        );
        None
    }
}
