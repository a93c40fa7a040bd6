//! Writes a parsed pattern in the syntax of the engines.

use super::PatternError;
use super::ast::{Label, Node};
use super::class::{self, WORD};
use super::groups::Groups;
use crate::expr::casing;

/// How literally `$` and `\b` are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exactness {
    Exact,
    /// `$` as the very end and `\b` as the engine's own: right for some texts, and then faster.
    Quick,
}

#[derive(Debug)]
pub(super) struct Emitted {
    pub pattern: String,
    pub needs_backtracking: bool,
    pub has_final_anchor: bool,
    pub has_boundary: bool,
}

pub(super) fn emit(root: &Node, groups: &Groups, exactness: Exactness) -> Result<Emitted, PatternError> {
    let out =
        Emitted { pattern: String::new(), needs_backtracking: false, has_final_anchor: false, has_boundary: false };
    let mut emitter = Emitter { out, groups, exactness };
    emitter.node(root)?;
    Ok(emitter.out)
}

struct Emitter<'g> {
    out: Emitted,
    groups: &'g Groups,
    exactness: Exactness,
}

impl Emitter<'_> {
    fn node(&mut self, node: &Node) -> Result<(), PatternError> {
        match node {
            Node::Literal { letter, ignore_case } => self.literal(*letter, *ignore_case),
            Node::Any { single_line } => self.push(if *single_line { "(?s:.)" } else { r"[^\n]" }),
            Node::Class { class, ignore_case } => {
                if *ignore_case && class.has_cased_category() {
                    let what = "`\\p{Lu}`, `\\p{Ll}` and `\\p{Lt}` together with the option `i` are not supported";
                    return Err(PatternError(what.to_owned()));
                }
                self.push(if *ignore_case { "(?i:" } else { "" });
                class.write(&mut self.out.pattern);
                self.push(if *ignore_case { ")" } else { "" });
            }
            Node::Begin { multi_line: false } | Node::TextBegin => self.push(r"\A"),
            Node::Begin { multi_line: true } => self.push("(?m:^)"),
            Node::End { multi_line: true } => self.push("(?m:$)"),
            Node::TextEnd => self.push(r"\z"),
            Node::End { multi_line: false } => {
                self.out.has_final_anchor = true;
                match self.exactness {
                    Exactness::Exact => self.backtracking(r"(?=\n?\z)"),
                    Exactness::Quick => self.push(r"\z"),
                }
            }
            Node::Boundary { negated } => {
                self.out.has_boundary = true;
                match (self.exactness, negated) {
                    (Exactness::Quick, false) => self.push(r"\b"),
                    (Exactness::Quick, true) => self.push(r"\B"),
                    (Exactness::Exact, false) => self.boundary("(?<=W)(?!W)|(?<!W)(?=W)"),
                    (Exactness::Exact, true) => self.boundary("(?<=W)(?=W)|(?<!W)(?!W)"),
                }
            }
            Node::Capture { body, .. } => self.enclosed("(", body)?,
            Node::Group(body) => self.enclosed("(?:", body)?,
            Node::Atomic(body) => {
                self.out.needs_backtracking = true;
                self.enclosed("(?>", body)?;
            }
            Node::Look { behind, negated, body } => {
                self.out.needs_backtracking = true;
                let open = match (behind, negated) {
                    (false, false) => "(?=",
                    (false, true) => "(?!",
                    (true, false) => "(?<=",
                    (true, true) => "(?<!",
                };
                self.enclosed(open, body)?;
            }
            Node::Backreference { group, ignore_case } => self.backreference(group, *ignore_case)?,
            Node::Repeat { body, least, most, lazy } => {
                self.enclosed("(?:", body)?;
                let count = match (least, most) {
                    (0, None) => "*".to_owned(),
                    (1, None) => "+".to_owned(),
                    (0, Some(1)) => "?".to_owned(),
                    (least, None) => format!("{{{least},}}"),
                    (least, Some(most)) => format!("{{{least},{most}}}"),
                };
                self.push(&count);
                self.push(if *lazy { "?" } else { "" });
            }
            Node::Sequence(nodes) => nodes.iter().try_for_each(|node| self.node(node))?,
            Node::Alternatives(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    self.push(if index > 0 { "|" } else { "" });
                    self.node(node)?;
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, text: &str) {
        self.out.pattern.push_str(text);
    }

    fn backtracking(&mut self, text: &str) {
        self.out.needs_backtracking = true;
        self.push(text);
    }

    fn enclosed(&mut self, open: &str, body: &Node) -> Result<(), PatternError> {
        self.push(open);
        self.node(body)?;
        self.push(")");
        Ok(())
    }

    /// Word boundaries as .NET sees them: its `\w` and the two joiners.
    fn boundary(&mut self, form: &str) {
        let word = format!(r"[{WORD}\x{{200C}}\x{{200D}}]");
        let form = format!("(?:{})", form.replace('W', &word));
        self.backtracking(&form);
    }

    /// With the option `i` a letter stands for its one-to-one case pairs.
    fn literal(&mut self, letter: char, ignore_case: bool) {
        let mut letters = vec![letter];
        if ignore_case {
            let lower = casing::lower(letter);
            letters.extend([lower, casing::upper(letter), casing::upper(lower)]);
            if lower == 'k' {
                letters.push('\u{212a}');
            }
            letters.sort_unstable();
            letters.dedup();
        }
        if let [single] = letters[..] {
            class::letter(single, &mut self.out.pattern);
            return;
        }
        self.push("[");
        for letter in letters {
            class::letter(letter, &mut self.out.pattern);
        }
        self.push("]");
    }

    fn backreference(&mut self, group: &Label, ignore_case: bool) -> Result<(), PatternError> {
        if ignore_case {
            let what = "a reference back to a group together with the option `i` is not supported";
            return Err(PatternError(what.to_owned()));
        }
        let name = match group {
            Label::Name(name) => name.clone(),
            Label::Number(number) => number.to_string(),
            Label::Unnamed => String::new(),
        };
        let number = self.groups.find(&name).filter(|number| *number > 0);
        let Some(number) = number else {
            return Err(PatternError(format!("the pattern refers to a group `{name}` that it does not have")));
        };
        let indexes: Vec<usize> = self.groups.engine_indexes(number).collect();
        let [index] = indexes[..] else {
            let what = format!("a reference back to the group `{name}`, which stands more than once, is not supported");
            return Err(PatternError(what));
        };
        self.backtracking(&format!(r"(?:\{index})"));
        Ok(())
    }
}
