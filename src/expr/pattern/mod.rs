//! .NET regular expressions over the `regex` and `fancy-regex` engines (expressions.md 6.4).
//!
//! A pattern is parsed by our own reading of the .NET syntax and written anew in the syntax of the engines, piece by piece.
//! What cannot be written with the same meaning is refused with words that say so; nothing is passed through unread.

mod ast;
mod class;
mod emit;
mod groups;
mod parse;
mod parse_class;
mod parse_escape;
mod substitution;

use std::cell::RefCell;
use std::rc::Rc;

use fancy_regex::RegexBuilder as BacktrackingBuilder;

use groups::Groups;
pub(super) use substitution::Substitution;

/// Steps back that one search of the backtracking engine may take.
const BACKTRACK_LIMIT: usize = 100_000;
/// Matches that the backtracking engine may find in one text, each with its own step limit.
const MOST_BACKTRACKED_MATCHES: usize = 10_000;
/// Matches that the linear engine may find in one text.
const MOST_MATCHES: usize = 1 << 20;
/// Bytes of a text that a pattern is matched against.
const LARGEST_TEXT: usize = 1 << 18;
/// Bytes a compiled pattern may take.
const SIZE_LIMIT: usize = 16 << 20;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Right for every text.
    general: Engine,
    /// A faster form for texts of which the two things below are true.
    quick: Option<regex::Regex>,
    /// `$` was written as the very end: the text must not end in a line feed.
    quick_needs_no_final_newline: bool,
    /// `\b` was left to the engine, whose words differ outside ASCII.
    quick_needs_ascii: bool,
    groups: Groups,
}

#[derive(Debug)]
enum Engine {
    Linear(regex::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

/// Why a pattern cannot be used, or gave up on a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PatternError(pub String);

/// One match.
pub(super) struct Found {
    whole: (usize, usize),
    /// By engine index, the whole match first; empty where nobody asked for groups.
    groups: Vec<Option<(usize, usize)>>,
}

impl Found {
    pub fn start(&self) -> usize {
        self.whole.0
    }

    pub fn end(&self) -> usize {
        self.whole.1
    }
}

thread_local! {
    /// Patterns that objects brought along, the latest last: the same few come again with every object.
    static RECENT: RefCell<Vec<(String, Rc<Pattern>)>> = const { RefCell::new(Vec::new()) };
}

/// So many patterns are remembered by each thread; a compiled one may be large.
const REMEMBERED: usize = 8;

impl Pattern {
    /// [`Pattern::compile`] for a pattern that is not constant: the latest ones are not compiled again.
    pub fn recent(pattern: &str) -> Result<Rc<Self>, PatternError> {
        let known = RECENT.with_borrow_mut(|recent| {
            let at = recent.iter().position(|(text, _)| text == pattern)?;
            let found = recent.remove(at);
            let compiled = Rc::clone(&found.1);
            recent.push(found);
            Some(compiled)
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let compiled = Rc::new(Self::compile(pattern)?);
        RECENT.with_borrow_mut(|recent| {
            if recent.len() >= REMEMBERED {
                recent.remove(0);
            }
            recent.push((pattern.to_owned(), Rc::clone(&compiled)));
        });
        Ok(compiled)
    }

    pub fn compile(pattern: &str) -> Result<Self, PatternError> {
        let parsed = parse::parse(pattern)?;
        let groups = Groups::number(&parsed);
        let exact = emit::emit(&parsed.root, &groups, emit::Exactness::Exact)?;
        let general = if exact.needs_backtracking {
            let regex = BacktrackingBuilder::new(&exact.pattern)
                .backtrack_limit(BACKTRACK_LIMIT)
                .delegate_size_limit(SIZE_LIMIT)
                .build()
                .map_err(|_| refused())?;
            Engine::Backtracking(Box::new(regex))
        } else {
            Engine::Linear(linear(&exact.pattern)?)
        };
        let mut quick = None;
        let mut quick_needs = (false, false);
        if exact.needs_backtracking {
            let form = emit::emit(&parsed.root, &groups, emit::Exactness::Quick)?;
            if !form.needs_backtracking {
                quick_needs = (form.has_final_anchor, form.has_boundary);
                quick = Some(linear(&form.pattern)?);
            }
        }
        Ok(Self {
            general,
            quick,
            quick_needs_no_final_newline: quick_needs.0,
            quick_needs_ascii: quick_needs.1,
            groups,
        })
    }

    /// The group that `name` or a number names, if the pattern has it.
    pub fn group(&self, name: &str) -> Option<usize> {
        self.groups.find(name)
    }

    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.names()
    }

    fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The span of a group in a match; `None` when it took no part.
    pub fn span_of(&self, found: &Found, group: usize) -> Option<(usize, usize)> {
        if group == 0 {
            return Some(found.whole);
        }
        self.groups.engine_indexes(group).filter_map(|index| found.groups.get(index).copied().flatten()).max()
    }

    /// Calls `visit` for each match from left to right, as .NET's `Regex.Replace` meets them.
    ///
    /// After a match that is not empty an empty one at its end counts too. `visit` returns whether to go on.
    pub fn each_match(
        &self,
        text: &str,
        with_groups: bool,
        mut visit: impl FnMut(&Found) -> bool,
    ) -> Result<(), PatternError> {
        if text.len() > LARGEST_TEXT {
            return Err(PatternError(format!("the text is longer than {LARGEST_TEXT} bytes, too long for a pattern")));
        }
        let quick = self.quick.as_ref().filter(|_| {
            !(self.quick_needs_no_final_newline && text.ends_with('\n')) && (!self.quick_needs_ascii || text.is_ascii())
        });
        match (quick, &self.general) {
            (Some(regex), _) | (None, Engine::Linear(regex)) => {
                let mut locations = with_groups.then(|| regex.capture_locations());
                walk(text, MOST_MATCHES, &mut visit, |at, groups| {
                    let found = match &mut locations {
                        Some(locations) => {
                            let found = regex.captures_read_at(locations, text, at);
                            groups.extend((0..locations.len()).map(|index| locations.get(index)));
                            found
                        }
                        None => regex.find_at(text, at),
                    };
                    Ok(found.map(|found| (found.start(), found.end())))
                })
            }
            (None, Engine::Backtracking(regex)) => walk(text, MOST_BACKTRACKED_MATCHES, &mut visit, |at, groups| {
                let found = regex.captures_from_pos(text, at).map_err(|_| gave_up())?;
                let Some(found) = found else { return Ok(None) };
                groups.extend((0..found.len()).map(|index| found.get(index).map(|group| (group.start(), group.end()))));
                Ok(groups.first().copied().flatten())
            }),
        }
    }
}

/// Searches again and again; `search` fills in the groups and returns the whole match, if there is one.
fn walk(
    text: &str,
    most: usize,
    visit: &mut impl FnMut(&Found) -> bool,
    mut search: impl FnMut(usize, &mut Vec<Option<(usize, usize)>>) -> Result<Option<(usize, usize)>, PatternError>,
) -> Result<(), PatternError> {
    let mut found = Found { whole: (0, 0), groups: Vec::new() };
    let mut at = 0;
    for _ in 0..most {
        found.groups.clear();
        let Some(whole) = search(at, &mut found.groups)? else { return Ok(()) };
        found.whole = whole;
        if !visit(&found) {
            return Ok(());
        }
        at = found.end();
        if found.start() == found.end() {
            match text[at..].chars().next() {
                Some(next) => at += next.len_utf8(),
                None => return Ok(()),
            }
        }
    }
    Err(PatternError(format!("the pattern matches more than {most} times")))
}

fn linear(pattern: &str) -> Result<regex::Regex, PatternError> {
    regex::RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).build().map_err(|_| refused())
}

fn refused() -> PatternError {
    PatternError("the pattern is too large or repeats something that cannot be repeated".to_owned())
}

fn gave_up() -> PatternError {
    PatternError("matching was given up after too many steps; make the pattern less ambiguous".to_owned())
}

#[cfg(test)]
mod tests;
