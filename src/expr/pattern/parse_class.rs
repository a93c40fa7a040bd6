//! Classes in brackets and the escapes that stand for classes.

use super::PatternError;
use super::class::{CATEGORIES, Class, Item};
use super::parse::{DEEPEST_NESTING, Parser, error};

impl Parser {
    /// `\d`, `\w`, `\s`, `\p{..}` and their negations, in brackets and outside.
    pub(super) fn class_escape(&mut self) -> Result<Option<Item>, PatternError> {
        let item = match self.peek() {
            Some('d') => Item::Digit { negated: false },
            Some('D') => Item::Digit { negated: true },
            Some('s') => Item::Space { negated: false },
            Some('S') => Item::Space { negated: true },
            Some('w') => Item::Word { negated: false },
            Some('W') => Item::Word { negated: true },
            Some(letter @ ('p' | 'P')) => {
                self.at += 1;
                return self.category(letter == 'P').map(Some);
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(item))
    }

    fn category(&mut self, negated: bool) -> Result<Item, PatternError> {
        if !self.take('{') {
            return Err(error("`\\p` is followed by a category in braces: `\\p{Lu}`"));
        }
        let name: String = self.letters[self.at..].iter().take_while(|letter| **letter != '}').collect();
        self.at += name.chars().count();
        if !self.take('}') {
            return Err(error("the category of `\\p{...}` is never closed"));
        }
        match CATEGORIES.into_iter().find(|known| *known == name) {
            Some(name) => Ok(Item::Category { name, negated }),
            None if name.starts_with("Is") => Err(error(
                "named blocks such as `\\p{IsGreek}` are not supported; write the range: `[\\u0370-\\u03FF]`",
            )),
            None => Err(error("`\\p{...}` names no category that is supported; write one such as `Lu`, `L` or `Nd`")),
        }
    }

    /// A class, from behind its opening bracket.
    pub(super) fn class(&mut self) -> Result<Class, PatternError> {
        if self.depth == DEEPEST_NESTING {
            return Err(PatternError(format!("groups are nested more than {DEEPEST_NESTING} deep")));
        }
        self.depth += 1;
        let class = self.class_items();
        self.depth -= 1;
        class
    }

    fn class_items(&mut self) -> Result<Class, PatternError> {
        let mut class = Class { negated: self.take('^'), ..Class::default() };
        let mut first = true;
        loop {
            let Some(letter) = self.next() else { return Err(error("a class is never closed with `]`")) };
            let from = match letter {
                ']' if !first => break,
                '-' if !first && self.peek() == Some('[') => {
                    self.subtraction(&mut class)?;
                    break;
                }
                '[' if self.peek() == Some(':') => {
                    return Err(error("`[:name:]` is not .NET syntax; write `\\w`, `\\d` or a range"));
                }
                '\\' => match self.class_escape()? {
                    Some(item) => {
                        class.items.push(item);
                        first = false;
                        if self.peek() == Some('-') && !matches!(self.letters.get(self.at + 1), Some(']' | '[') | None)
                        {
                            return Err(error(
                                "a range in a class begins with `\\d`, `\\w` or the like; put the `-` last",
                            ));
                        }
                        continue;
                    }
                    None => self.class_character()?,
                },
                literal => literal,
            };
            first = false;
            let is_range = self.peek() == Some('-') && !matches!(self.letters.get(self.at + 1), Some(']') | None);
            if !is_range {
                class.items.push(Item::Range(from, from));
                continue;
            }
            self.at += 1;
            let to = match self.next() {
                Some('[') => {
                    self.at -= 1;
                    class.items.push(Item::Range(from, from));
                    self.subtraction(&mut class)?;
                    break;
                }
                Some('\\') => {
                    if self.class_escape()?.is_some() {
                        return Err(error("a range in a class ends in `\\d`, `\\w` or the like; put the `-` last"));
                    }
                    self.class_character()?
                }
                Some(literal) => literal,
                None => return Err(error("a class is never closed with `]`")),
            };
            if to < from {
                return Err(error("a range in a class runs backwards"));
            }
            class.items.push(Item::Range(from, to));
        }
        Ok(class)
    }

    fn class_character(&mut self) -> Result<char, PatternError> {
        if self.take('b') { Ok('\u{8}') } else { self.character() }
    }

    /// `-[...]` at the end of a class, from its opening bracket.
    fn subtraction(&mut self, class: &mut Class) -> Result<(), PatternError> {
        self.at += 1;
        class.subtracted = Some(Box::new(self.class()?));
        if self.take(']') { Ok(()) } else { Err(error("a subtraction `-[...]` must be the last thing in a class")) }
    }
}
