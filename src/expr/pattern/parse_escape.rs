//! What may follow a backslash in a pattern.

use super::PatternError;
use super::ast::{Label, Node};
use super::class::Class;
use super::parse::{Parser, error, is_word};

impl Parser {
    /// What follows a backslash outside of brackets.
    pub(super) fn escape(&mut self) -> Result<Node, PatternError> {
        let Some(letter) = self.peek() else { return Err(error("the pattern ends in a backslash")) };
        let ignore_case = self.options.ignore_case;
        if let Some(item) = self.class_escape()? {
            // A category on its own keeps its case even where case is ignored.
            return Ok(Node::Class { class: Class::of(item), ignore_case: false });
        }
        let node = match letter {
            'b' => Node::Boundary { negated: false },
            'B' => Node::Boundary { negated: true },
            'A' => Node::TextBegin,
            'z' => Node::TextEnd,
            'Z' => Node::End { multi_line: false },
            'G' => return Err(error("`\\G` is not supported")),
            'k' => {
                self.at += 1;
                let close = match self.next() {
                    Some('<') => '>',
                    Some('\'') => '\'',
                    _ => return Err(error("`\\k` is followed by a group name: `\\k<name>`")),
                };
                let Some(group) = self.label_until(close) else {
                    return Err(error("`\\k` is followed by a group name: `\\k<name>`"));
                };
                return Ok(Node::Backreference { group, ignore_case });
            }
            '1'..='9' => {
                let digits: String = self.letters[self.at..].iter().take_while(|next| next.is_ascii_digit()).collect();
                let number = digits.parse::<u32>().unwrap_or(u32::MAX);
                if digits.len() == 1 || number <= self.has_group {
                    self.at += digits.len();
                    return Ok(Node::Backreference { group: Label::Number(number), ignore_case });
                }
                return self.character().map(|letter| self.literal(letter));
            }
            '<' | '\'' => {
                // The old form of `\k<name>`, when a name follows.
                let start = self.at;
                self.at += 1;
                if let Some(group) = self.label_until(if letter == '<' { '>' } else { '\'' }) {
                    return Ok(Node::Backreference { group, ignore_case });
                }
                self.at = start;
                return self.character().map(|letter| self.literal(letter));
            }
            _ => return self.character().map(|letter| self.literal(letter)),
        };
        self.at += 1;
        Ok(node)
    }

    /// Reads a group name up to `close`; leaves the cursor anywhere when there is none.
    fn label_until(&mut self, close: char) -> Option<Label> {
        let mut name = String::new();
        loop {
            match self.next()? {
                letter if letter == close && !name.is_empty() => break,
                letter if is_word(letter) => name.push(letter),
                _ => return None,
            }
        }
        Some(match name.parse::<u32>() {
            Ok(number) => Label::Number(number),
            Err(_) => Label::Name(name),
        })
    }

    /// A character behind a backslash that is no class, assertion or reference.
    pub(super) fn character(&mut self) -> Result<char, PatternError> {
        let Some(letter) = self.next() else { return Err(error("the pattern ends in a backslash")) };
        let code = match letter {
            'x' => self.hexadecimal(2)?,
            'u' => self.hexadecimal(4)?,
            'a' => 0x07,
            'e' => 0x1b,
            'f' => 0x0c,
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'v' => 0x0b,
            'c' => {
                let control = self.next().map(|letter| u32::from(letter.to_ascii_uppercase()));
                match control {
                    Some(code @ 0x40..=0x5f) => code - 0x40,
                    _ => return Err(error("`\\c` is followed by a letter")),
                }
            }
            '0'..='7' => {
                self.at -= 1;
                let digits: Vec<u32> =
                    self.letters[self.at..].iter().take(3).map_while(|digit| digit.to_digit(8)).collect();
                self.at += digits.len();
                digits.iter().fold(0, |code, digit| code * 8 + digit) & 0xff
            }
            letter if is_word(letter) => {
                return Err(PatternError(format!("`\\{letter}` is no escape of a pattern")));
            }
            literal => return Ok(literal),
        };
        char::from_u32(code).ok_or_else(|| error("half of a surrogate pair (`\\uD800` to `\\uDFFF`) is not supported"))
    }

    fn hexadecimal(&mut self, digits: usize) -> Result<u32, PatternError> {
        let mut code = 0;
        for _ in 0..digits {
            let digit = self.next().and_then(|letter| letter.to_digit(16));
            code = code * 16 + digit.ok_or_else(|| error("`\\x` takes two and `\\u` four hexadecimal digits"))?;
        }
        Ok(code)
    }
}
