//! Every path that a Rust file names, with its line: a small reader that skips comments and literals and unfolds `use` trees.

/// A path such as `crate::model::Entry`, or what a tree such as `crate::{model, wire::Dialect}` unfolds to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    pub path: Vec<String>,
    /// How many inline modules stand around it.
    pub nesting: usize,
    /// It stands in a module under `#[cfg(test)]`.
    pub in_tests: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Step,
    Sign(char),
}

/// Returns the paths of `text` in their order.
pub fn paths(text: &str) -> Vec<Named> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    // One entry for each open brace: what it opened.
    let mut open: Vec<Brace> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at].1 {
            Token::Sign('{') => open.push(brace_at(&tokens, at)),
            Token::Sign('}') => {
                open.pop();
            }
            Token::Word(_) if !matches!(at.checked_sub(1).map(|before| &tokens[before].1), Some(Token::Step)) => {
                let nesting = open.iter().filter(|brace| **brace != Brace::Other).count();
                let in_tests = open.contains(&Brace::TestModule);
                let mut unfolded = Vec::new();
                at = unfold(&tokens, at, &[], &mut unfolded);
                let named = unfolded.into_iter().filter(|(_, path)| path.len() > 1);
                found.extend(named.map(|(line, path)| Named { line, path, nesting, in_tests }));
                continue;
            }
            Token::Word(_) | Token::Step | Token::Sign(_) => {}
        }
        at += 1;
    }
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brace {
    Module,
    TestModule,
    Other,
}

/// What the brace at `at` opens: `mod name {`, with or without `#[cfg(test)]` in front, or something else.
fn brace_at(tokens: &[(usize, Token)], at: usize) -> Brace {
    let word = |back: usize| match at.checked_sub(back).map(|place| &tokens[place].1) {
        Some(Token::Word(word)) => word.as_str(),
        _ => "",
    };
    if word(2) != "mod" {
        return Brace::Other;
    }
    // `# [ cfg ( test ) ]` and `pub` or nothing stand before `mod`.
    let cfg_test = tokens[..at - 2].iter().rev().take(7).any(|(_, token)| *token == Token::Word("cfg".to_owned()))
        && tokens[..at - 2].iter().rev().take(4).any(|(_, token)| *token == Token::Word("test".to_owned()));
    if cfg_test { Brace::TestModule } else { Brace::Module }
}

/// Follows the path that begins at `at`, a `use` tree included, and returns the place after it.
fn unfold(tokens: &[(usize, Token)], mut at: usize, before: &[String], found: &mut Vec<(usize, Vec<String>)>) -> usize {
    let mut path = before.to_vec();
    let line = tokens[at].0;
    loop {
        match tokens.get(at).map(|(_, token)| token) {
            Some(Token::Word(word)) => path.push(word.clone()),
            Some(Token::Sign('{')) if path.len() > before.len() || !before.is_empty() => {
                at += 1;
                while let Some((_, token)) = tokens.get(at) {
                    match token {
                        Token::Sign('}') => return at + 1,
                        Token::Word(_) => at = unfold(tokens, at, &path, found),
                        Token::Step | Token::Sign(_) => at += 1,
                    }
                }
                return at;
            }
            _ => break,
        }
        at += 1;
        if tokens.get(at).map(|(_, token)| token) != Some(&Token::Step) {
            break;
        }
        at += 1;
    }
    found.push((line, path));
    at
}

fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut found = Vec::new();
    let mut reader = Reader { rest: text, line: 1 };
    while let Some(next) = reader.rest.chars().next() {
        let line = reader.line;
        if reader.rest.starts_with("//") {
            reader.skip(reader.rest.find('\n').unwrap_or(reader.rest.len()));
        } else if reader.rest.starts_with("/*") {
            reader.block_comment();
        } else if let Some(hashes) = raw_string(reader.rest) {
            let begin = reader.rest.find('"').map_or(0, |place| place + 1);
            let end = format!("\"{}", "#".repeat(hashes));
            let length = reader.rest[begin..].find(&end).map_or(reader.rest.len(), |place| begin + place + end.len());
            reader.skip(length);
        } else if next == '"' {
            reader.string();
        } else if next == '\'' {
            reader.quote();
        } else if next.is_alphabetic() || next == '_' {
            let length = reader.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(reader.rest.len());
            let word = &reader.rest[..length];
            // The prefix of `b"…"` and `c"…"` is no word.
            let is_prefix = matches!(word, "b" | "c") && reader.rest[length..].starts_with('"');
            if !is_prefix {
                found.push((line, Token::Word(word.to_owned())));
            }
            reader.skip(length);
        } else if reader.rest.starts_with("::") {
            found.push((line, Token::Step));
            reader.skip(2);
        } else {
            if !next.is_whitespace() {
                found.push((line, Token::Sign(next)));
            }
            reader.skip(next.len_utf8());
        }
    }
    found
}

/// The number of `#` where `text` begins with a raw string.
fn raw_string(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'))?;
    let quote = rest.trim_start_matches('#');
    quote.starts_with('"').then_some(rest.len() - quote.len())
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    fn skip(&mut self, length: usize) {
        self.line += self.rest[..length].matches('\n').count();
        self.rest = &self.rest[length..];
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.skip(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.skip(2);
            } else if let Some(next) = self.rest.chars().next() {
                self.skip(next.len_utf8());
            }
            if depth == 0 || self.rest.is_empty() {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.skip(1);
        while let Some(next) = self.rest.chars().next() {
            self.skip(next.len_utf8());
            match next {
                '"' => return,
                '\\' => self.skip(self.rest.chars().next().map_or(0, char::len_utf8)),
                _ => {}
            }
        }
    }

    /// A character literal, or the quote of a lifetime.
    fn quote(&mut self) {
        let mut rest = self.rest.chars();
        rest.next();
        match (rest.next(), rest.next()) {
            (Some('\\'), Some(escaped)) => {
                let length = 2 + escaped.len_utf8();
                let end = self.rest[length..].find('\'').map_or(self.rest.len(), |place| length + place + 1);
                self.skip(end);
            }
            (Some(inside), Some('\'')) => self.skip(2 + inside.len_utf8()),
            _ => self.skip(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<String> {
        paths(text).into_iter().map(|named| format!("{}:{}", named.line, named.path.join("::"))).collect()
    }

    #[test]
    fn paths_are_found_and_trees_unfolded() {
        let table: &[(&str, &[&str])] = &[
            ("use crate::model::Entry;", &["1:crate::model::Entry"]),
            (
                "use crate::{\n  model,\n  wire::{self, Dialect},\n};",
                &["2:crate::model", "3:crate::wire::self", "3:crate::wire::Dialect"],
            ),
            ("fn f(x: &crate::plan::Situation) {}", &["1:crate::plan::Situation"]),
            ("use super::super::store::Store;", &["1:super::super::store::Store"]),
            ("let x = Vec::<u8>::new(); std::fs::read(y)", &["1:std::fs::read"]),
            (
                "// crate::store::A\n/* crate::b /* c */ crate::d */ let a = \"crate::e\"; r#\"crate::\"f\"#; 'c'; '\\''; b\"crate::x\"; crate::g::H",
                &["2:crate::g::H"],
            ),
            ("impl<'a> A<'a> for crate::model::B<'a> {}", &["1:crate::model::B"]),
            ("use crate::model::*;", &["1:crate::model"]),
        ];
        for (text, expected) in table {
            assert_eq!(named(text), *expected, "{text}");
        }
    }

    #[test]
    fn modules_around_a_path_are_counted() {
        let text =
            "fn f() { a::b }\n#[cfg(test)]\nmod tests { use super::super::c; mod inner { d::e } }\nmod plain { f::g }";
        let found: Vec<_> =
            paths(text).into_iter().map(|named| (named.path.join("::"), named.nesting, named.in_tests)).collect();
        let expected = [("a::b", 0, false), ("super::super::c", 1, true), ("d::e", 2, true), ("f::g", 1, false)];
        assert_eq!(found, expected.map(|(path, nesting, tests)| (path.to_owned(), nesting, tests)));
    }
}
