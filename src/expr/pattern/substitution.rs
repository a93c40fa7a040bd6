//! The replacement text of .NET's `Regex.Replace`.

use super::{Found, Pattern};

/// A replacement taken apart for one pattern.
#[derive(Debug)]
pub(in crate::expr) struct Substitution {
    parts: Vec<Part>,
    /// References that stay literal because the pattern has no such group.
    pub unknown: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// By .NET number; 0 is the whole match.
    Group(usize),
    Before,
    After,
    Input,
}

impl Substitution {
    pub fn parse(text: &str, pattern: &Pattern) -> Self {
        let mut substitution = Self { parts: Vec::new(), unknown: Vec::new() };
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            substitution.literal(&rest[..at]);
            rest = substitution.reference(&rest[at..], pattern);
        }
        substitution.literal(rest);
        substitution
    }

    /// Reads the reference that `rest` begins with and returns what follows it.
    fn reference<'t>(&mut self, rest: &'t str, pattern: &Pattern) -> &'t str {
        let behind = &rest[1..];
        let special = match behind.chars().next() {
            Some('$') => Some(Part::Literal("$".to_owned())),
            Some('&') => Some(Part::Group(0)),
            Some('`') => Some(Part::Before),
            Some('\'') => Some(Part::After),
            Some('+') => Some(Part::Group(pattern.groups().last())),
            Some('_') => Some(Part::Input),
            _ => None,
        };
        if let Some(part) = special {
            self.push(part);
            return &behind[1..];
        }
        let (name, length) = match behind.strip_prefix('{') {
            Some(inner) => match inner.find('}') {
                Some(end) => (&inner[..end], end + 3),
                None => ("", 1),
            },
            None => {
                let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
                (&behind[..digits], digits + 1)
            }
        };
        match pattern.group(name).filter(|_| !name.is_empty()) {
            Some(group) => self.push(Part::Group(group)),
            None => {
                self.literal(&rest[..length]);
                if length > 1 {
                    self.unknown.push(rest[..length].to_owned());
                }
            }
        }
        &rest[length..]
    }

    fn literal(&mut self, text: &str) {
        if !text.is_empty() {
            self.push(Part::Literal(text.to_owned()));
        }
    }

    fn push(&mut self, part: Part) {
        match (self.parts.last_mut(), part) {
            (Some(Part::Literal(before)), Part::Literal(text)) => before.push_str(&text),
            (_, part) => self.parts.push(part),
        }
    }

    /// Whether writing needs to know more than where the match lies.
    pub fn needs_groups(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Group(group) if *group > 0))
    }

    /// Hands the pieces for one match to `write`, in order.
    pub fn write<E>(
        &self,
        pattern: &Pattern,
        text: &str,
        found: &Found,
        mut write: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        for part in &self.parts {
            match part {
                Part::Literal(literal) => write(literal)?,
                Part::Group(group) => {
                    if let Some((start, end)) = pattern.span_of(found, *group) {
                        write(&text[start..end])?;
                    }
                }
                Part::Before => write(&text[..found.start()])?,
                Part::After => write(&text[found.end()..])?,
                Part::Input => write(text)?,
            }
        }
        Ok(())
    }
}
