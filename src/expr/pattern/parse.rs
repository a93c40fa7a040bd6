//! Reads the .NET pattern syntax.

use super::PatternError;
use super::ast::{Label, Node, Parsed};

/// Groups that may stand inside one another; guards the stack.
pub(super) const DEEPEST_NESTING: usize = 40;
/// The largest count in `{n,m}`.
const MOST_REPEATS: u32 = 1_000;

pub(super) fn parse(pattern: &str) -> Result<Parsed, PatternError> {
    let mut parser = Parser {
        letters: pattern.chars().collect(),
        at: 0,
        depth: 0,
        behind: 0,
        options: Options::default(),
        captures: Vec::new(),
        has_group: group_numbers(pattern),
    };
    let root = parser.alternatives()?;
    if parser.peek().is_some() {
        return Err(error("a closing parenthesis has no opening one"));
    }
    Ok(Parsed { root, captures: parser.captures })
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Options {
    pub(super) ignore_case: bool,
    multi_line: bool,
    explicit_capture: bool,
    single_line: bool,
    ignore_white: bool,
}

pub(super) struct Parser {
    pub(super) letters: Vec<char>,
    pub(super) at: usize,
    pub(super) depth: usize,
    /// Lookbehinds around the cursor.
    behind: usize,
    pub(super) options: Options,
    captures: Vec<Label>,
    /// Upper bound of the group numbers; decides what `\12` means.
    pub(super) has_group: u32,
}

pub(super) fn error(what: &str) -> PatternError {
    PatternError(what.to_owned())
}

/// Counts opening parentheses: no pattern has more groups.
fn group_numbers(pattern: &str) -> u32 {
    u32::try_from(pattern.matches('(').count()).unwrap_or(u32::MAX)
}

impl Parser {
    fn alternatives(&mut self) -> Result<Node, PatternError> {
        let mut branches = Vec::new();
        loop {
            branches.push(self.sequence()?);
            if !self.take('|') {
                break;
            }
        }
        Ok(if branches.len() == 1 { branches.swap_remove(0) } else { Node::Alternatives(branches) })
    }

    fn sequence(&mut self) -> Result<Node, PatternError> {
        let mut nodes = Vec::new();
        loop {
            self.skip_ignored()?;
            match self.peek() {
                None | Some('|' | ')') => break,
                Some(_) => {}
            }
            let Some(node) = self.atom()? else { continue };
            nodes.push(self.repeated(node)?);
        }
        Ok(Node::Sequence(nodes))
    }

    /// One atom; `None` for something that only sets options.
    fn atom(&mut self) -> Result<Option<Node>, PatternError> {
        let options = self.options;
        let Some(letter) = self.next() else { return Ok(None) };
        Ok(Some(match letter {
            '(' => return self.group(),
            '[' => Node::Class { class: self.class()?, ignore_case: options.ignore_case },
            '.' => Node::Any { single_line: options.single_line },
            '^' => Node::Begin { multi_line: options.multi_line },
            '$' => Node::End { multi_line: options.multi_line },
            '\\' => self.escape()?,
            '*' | '+' | '?' => return Err(error("a quantifier follows nothing")),
            '{' if self.counts(self.at).is_some() => return Err(error("a quantifier follows nothing")),
            literal => self.literal(literal),
        }))
    }

    pub(super) fn literal(&self, letter: char) -> Node {
        Node::Literal { letter, ignore_case: self.options.ignore_case }
    }

    fn repeated(&mut self, node: Node) -> Result<Node, PatternError> {
        self.skip_ignored()?;
        let (least, most) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match self.counts(self.at + 1) {
                Some((least, most, end)) => {
                    self.at = end - 1;
                    (least, most)
                }
                None => return Ok(node),
            },
            _ => return Ok(node),
        };
        self.at += 1;
        if most.is_some_and(|most| most < least) {
            return Err(error("a quantifier `{n,m}` has its numbers in the wrong order"));
        }
        if least > MOST_REPEATS || most.is_some_and(|most| most > MOST_REPEATS) {
            return Err(PatternError(format!("a quantifier counts further than {MOST_REPEATS}")));
        }
        self.skip_ignored()?;
        let lazy = self.take('?');
        self.skip_ignored()?;
        let nested = match self.peek() {
            Some('*' | '+' | '?') => true,
            Some('{') => self.counts(self.at + 1).is_some(),
            _ => false,
        };
        if nested {
            return Err(error("a quantifier follows another one; put the first into `(?:...)`"));
        }
        Ok(Node::Repeat { body: Box::new(node), least, most, lazy })
    }

    /// Reads `n}`, `n,}` or `n,m}` at `at`: the counts and the place behind.
    fn counts(&self, at: usize) -> Option<(u32, Option<u32>, usize)> {
        let digits = |from: usize| {
            let count = self.letters.iter().skip(from).take_while(|letter| letter.is_ascii_digit()).count();
            let text: String = self.letters.iter().skip(from).take(count).collect();
            (count > 0).then(|| (text.parse::<u32>().unwrap_or(u32::MAX), from + count))
        };
        let (least, at) = digits(at)?;
        match self.letters.get(at)? {
            '}' => Some((least, Some(least), at + 1)),
            ',' => match digits(at + 1) {
                Some((most, at)) => (self.letters.get(at) == Some(&'}')).then_some((least, Some(most), at + 1)),
                None => (self.letters.get(at + 1) == Some(&'}')).then_some((least, None, at + 2)),
            },
            _ => None,
        }
    }

    fn group(&mut self) -> Result<Option<Node>, PatternError> {
        if !self.take('?') {
            if self.options.explicit_capture {
                return self.body(Node::Group).map(Some);
            }
            return self.capture(Label::Unnamed).map(Some);
        }
        let node = match self.next() {
            Some(':') => self.body(Node::Group)?,
            Some('>') => self.body(Node::Atomic)?,
            Some('=') => self.look(false, false)?,
            Some('!') => self.look(false, true)?,
            Some('#') => {
                while let Some(letter) = self.next() {
                    if letter == ')' {
                        return Ok(None);
                    }
                }
                return Err(error("a comment is never closed"));
            }
            Some('<') if self.take('=') => self.look(true, false)?,
            Some('<') if self.take('!') => self.look(true, true)?,
            Some('<') => self.named('>')?,
            Some('\'') => self.named('\'')?,
            Some('(') => return Err(error("a condition `(?(...)yes|no)` is not supported")),
            Some('P') => return Err(error("`(?P` is not .NET syntax; a named group is written `(?<name>...)`")),
            Some(letter) => return self.inline_options(letter),
            None => return Err(error("a parenthesis is never closed")),
        };
        Ok(Some(node))
    }

    fn named(&mut self, close: char) -> Result<Node, PatternError> {
        let mut name = String::new();
        loop {
            match self.next() {
                Some(letter) if letter == close => break,
                Some('-') => return Err(error("a balancing group `(?<a-b>...)` is not supported")),
                Some(letter) if is_word(letter) => name.push(letter),
                Some(_) => return Err(error("a group name holds letters, digits and `_` only")),
                None => return Err(error("a group name is never closed")),
            }
        }
        let label = match name.chars().next() {
            None => return Err(error("a group name is empty")),
            Some('0'..='9') => match name.parse::<u32>() {
                Ok(number @ 1..=9_999) => Label::Number(number),
                _ => return Err(error("a group name that begins with a digit must be a number from 1 to 9999")),
            },
            Some(_) => Label::Name(name),
        };
        self.capture(label)
    }

    fn capture(&mut self, label: Label) -> Result<Node, PatternError> {
        if self.behind > 0 {
            return Err(error("a group inside a lookbehind is not supported; write `(?:...)`"));
        }
        self.captures.push(label.clone());
        self.body(|body| Node::Capture { group: label, body })
    }

    fn look(&mut self, behind: bool, negated: bool) -> Result<Node, PatternError> {
        self.behind += usize::from(behind);
        let node = self.body(|body| Node::Look { behind, negated, body });
        self.behind -= usize::from(behind);
        node
    }

    /// Reads up to the closing parenthesis; options set inside end with it.
    fn body(&mut self, wrap: impl FnOnce(Box<Node>) -> Node) -> Result<Node, PatternError> {
        if self.depth == DEEPEST_NESTING {
            return Err(PatternError(format!("groups are nested more than {DEEPEST_NESTING} deep")));
        }
        self.depth += 1;
        let options = self.options;
        let body = self.alternatives();
        self.options = options;
        self.depth -= 1;
        let body = body?;
        if !self.take(')') {
            return Err(error("a parenthesis is never closed"));
        }
        Ok(wrap(Box::new(body)))
    }

    /// `(?i)` up to the end of the group, or `(?i:...)`.
    fn inline_options(&mut self, first: char) -> Result<Option<Node>, PatternError> {
        let before = self.options;
        let mut letter = Some(first);
        let mut on = true;
        loop {
            match letter {
                Some('i' | 'I') => self.options.ignore_case = on,
                Some('m' | 'M') => self.options.multi_line = on,
                Some('n' | 'N') => self.options.explicit_capture = on,
                Some('s' | 'S') => self.options.single_line = on,
                Some('x' | 'X') => self.options.ignore_white = on,
                Some('+') => on = true,
                Some('-') => on = false,
                Some(')') => return Ok(None),
                Some(':') => {
                    let body = self.body(Node::Group);
                    self.options = before;
                    return body.map(Some);
                }
                Some(_) => return Err(error("an unknown kind of group follows `(?`")),
                None => return Err(error("a parenthesis is never closed")),
            }
            letter = self.next();
        }
    }

    /// White space and comments where the option `x` is set, and `(?#...)` anywhere.
    fn skip_ignored(&mut self) -> Result<(), PatternError> {
        loop {
            match self.peek() {
                Some(letter) if self.options.ignore_white && letter.is_whitespace() => self.at += 1,
                Some('#') if self.options.ignore_white => {
                    while self.peek().is_some_and(|letter| letter != '\n') {
                        self.at += 1;
                    }
                }
                Some('(') if self.letters[self.at..].starts_with(&['(', '?', '#']) => {
                    match self.letters[self.at..].iter().position(|letter| *letter == ')') {
                        Some(length) => self.at += length + 1,
                        None => return Err(error("a comment is never closed")),
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(letter)
    }

    pub(super) fn take(&mut self, wanted: char) -> bool {
        let taken = self.peek() == Some(wanted);
        self.at += usize::from(taken);
        taken
    }
}

/// What may stand in a group name, and must not follow a backslash without meaning.
pub(super) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
