use std::borrow::Cow;

use memchr::memmem;

use super::{Body, Example, Function, Param, Presence, Type};
use crate::expr::evaluate::{Arguments, Evaluated, LARGEST_TEXT, Problem, Stop};
use crate::expr::fault::{ARITY, Fault};
use crate::expr::pattern::{Found, Pattern, PatternError, Substitution};
use crate::expr::syntax::{Argument, Call};
use crate::expr::value::Value;

const OPTIONAL: Param = Param { presence: Presence::Optional, ..Param::TEXT };

pub(super) static REPLACE: Function = Function {
    name: "Replace",
    summary: "Replaces parts of a text, found literally or by a pattern.",
    params: &[
        Param::SOURCE,
        Param { name: "oldValue", key: Some("Find"), doc: "Literal text to replace.", ..OPTIONAL },
        Param { name: "regexPattern", key: Some("RegularExpression"), doc: "Pattern of .NET to replace.", ..OPTIONAL },
        Param {
            name: "regexGroupName",
            key: Some("RegularExpressionGroupName"),
            doc: "Named group of the pattern.",
            ..OPTIONAL
        },
        Param { name: "replacementValue", key: Some("Replacement"), doc: "What to put there.", ..OPTIONAL },
        Param {
            name: "replacementAttributeName",
            key: Some("ReplacementPropertyName"),
            ty: Type::Any,
            doc: "Attribute to fall back to when the source is null or empty.",
            ..OPTIONAL
        },
        Param {
            name: "template",
            key: Some("Template"),
            doc: "Text in which oldValue stands for the source.",
            ..OPTIONAL
        },
    ],
    notes: "Which arguments are given decides: oldValue and template; oldValue and replacementValue; regexPattern, \
            regexGroupName and replacementAttributeName; regexPattern, regexGroupName and replacementValue (only the \
            group's text is replaced); regexPattern and replacementValue (substitutions such as `${name}` apply).",
    examples: &[
        Example {
            expression: r#"Replace([mail], "@contoso.com", , ,"", ,)"#,
            source: r#"{"mail": "john.doe@contoso.com"}"#,
            gives: r#""john.doe""#,
        },
        Example {
            expression: r#"Replace([UserID],"<username>", , , , , "<username>@contoso.com")"#,
            source: r#"{"UserID": "jsmith"}"#,
            gives: r#""jsmith@contoso.com""#,
        },
        Example {
            expression: r#"Replace([tel], , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", , "${phoneNumber}", , )"#,
            source: r#"{"tel": "+91 9998887777"}"#,
            gives: r#""9998887777""#,
        },
        Example {
            expression: r#"Replace([AddressLineData], ,"(?<streetNumber>^\\d*)","streetNumber", "888", , )"#,
            source: r#"{"AddressLineData": "545 Tremont Street"}"#,
            gives: r#""888 Tremont Street""#,
        },
        Example {
            expression: r#"Replace([tel], , "\\+(?<isd>\\d* )(?<number>\\d{10})", "number" , , [mobile], )"#,
            source: r#"{"mobile": "+91 8887779999"}"#,
            gives: r#""8887779999""#,
        },
    ],
    body: Body::Whole(replace),
    check,
    ..Function::TEXT
};

const OLD: usize = 1;
const PATTERN: usize = 2;
const GROUP: usize = 3;
const REPLACEMENT: usize = 4;
const ATTRIBUTE: usize = 5;
const TEMPLATE: usize = 6;

/// What a call does; follows from which arguments are given (expressions.md 5, `Replace`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) enum Mode {
    Template,
    Literal,
    Fallback,
    Group,
    Pattern,
}

/// The first mode that fits, or `None`.
pub(in crate::expr) fn mode(is_given: impl Fn(usize) -> bool) -> Option<Mode> {
    let all = |indexes: &[usize]| indexes.iter().all(|index| is_given(*index));
    if all(&[OLD, TEMPLATE]) {
        Some(Mode::Template)
    } else if all(&[OLD, REPLACEMENT]) {
        Some(Mode::Literal)
    } else if all(&[PATTERN, GROUP, ATTRIBUTE]) {
        Some(Mode::Fallback)
    } else if all(&[PATTERN, GROUP, REPLACEMENT]) {
        Some(Mode::Group)
    } else if all(&[PATTERN, REPLACEMENT]) {
        Some(Mode::Pattern)
    } else {
        None
    }
}

fn check(call: &Call, faults: &mut Vec<Fault>) {
    let is_given = |index: usize| call.arguments.get(index).is_some_and(Argument::is_given);
    if call.arguments.len() > 7 || !is_given(0) || mode(is_given).is_some() {
        return;
    }
    let fault =
        Fault::error(ARITY, call.name_span.clone(), "`Replace` is given a combination of arguments that means nothing");
    faults.push(if call.arguments.len() == 3 && is_given(OLD) {
        fault.help("the form with three arguments belongs to another language; write `Replace(source, \"old\", , , \"new\", , )`")
    } else {
        fault.help(
            "give oldValue with replacementValue or template, or regexPattern with replacementValue (and regexGroupName): \
             `Replace(source, \"old\", , , \"new\", , )`, `Replace(source, , \"pattern\", , \"new\", , )`",
        )
    });
}

fn replace<'a>(args: &Arguments<'_, 'a>) -> Evaluated<'a> {
    let source = args.value(0)?;
    let mode =
        mode(|index| args.is_given(index)).ok_or_else(|| args.fail("a combination of arguments that means nothing"))?;
    if mode == Mode::Fallback {
        return fallback(args, source);
    }
    if source.is_null() {
        return Ok(Value::Null);
    }
    match mode {
        Mode::Template | Mode::Literal => {
            let old = args.text(OLD)?.unwrap_or_default();
            if old.is_empty() {
                return Err(args.fail("`oldValue` is empty"));
            }
            let finder = memmem::Finder::new(old.as_bytes());
            if mode == Mode::Literal {
                let new = args.text(REPLACEMENT)?.unwrap_or_default();
                return args.each(source, |text| literal(text, &finder, &new));
            }
            let Some(template) = args.text(TEMPLATE)? else { return Ok(Value::Null) };
            args.each(source, |text| literal(template.clone(), &finder, &text))
        }
        Mode::Fallback | Mode::Group | Mode::Pattern => with_pattern(args, |pattern| {
            let group = if mode == Mode::Group { Some(group(args, pattern)?) } else { None };
            let new = args.text(REPLACEMENT)?.unwrap_or_default();
            match group {
                Some(group) => args.each(source, |text| replace_group(pattern, group, text, &new)),
                None => {
                    let substitution = Substitution::parse(&new, pattern);
                    args.each(source, |text| replace_matches(pattern, &substitution, text))
                }
            }
        }),
    }
}

/// The constant pattern, or one that this object brings along.
fn with_pattern<'a>(args: &Arguments<'_, 'a>, then: impl FnOnce(&Pattern) -> Evaluated<'a>) -> Evaluated<'a> {
    if let Some(pattern) = &args.call.pattern {
        return then(pattern);
    }
    let Some(text) = args.text(PATTERN)? else { return Err(args.fail("`regexPattern` is null")) };
    then(&*Pattern::recent(&text).map_err(|error| args.fail(format!("`regexPattern`: {}", error.0)))?)
}

fn group(args: &Arguments<'_, '_>, pattern: &Pattern) -> Result<usize, Stop> {
    let name = args.text(GROUP)?.unwrap_or_default();
    pattern.group(&name).ok_or_else(|| args.fail("`regexGroupName` names no group of the pattern"))
}

fn fallback<'a>(args: &Arguments<'_, 'a>, source: Value<'a>) -> Evaluated<'a> {
    if !source.is_null_or_empty() {
        return Ok(source);
    }
    with_pattern(args, |pattern| {
        let group = group(args, pattern)?;
        let Some(other) = args.text(ATTRIBUTE)? else { return Ok(Value::Null) };
        let mut span = None;
        let matched = pattern.each_match(&other, true, |found| {
            // A group without part in the match is empty.
            span = Some(pattern.span_of(found, group).unwrap_or_default());
            false
        });
        matched.map_err(|error| args.fail(error.0))?;
        Ok(span.map_or(Value::Null, |(start, end)| Value::Text(super::left::part(other, start..end))))
    })
}

fn literal<'a>(text: Cow<'a, str>, old: &memmem::Finder<'_>, new: &str) -> Result<Cow<'a, str>, Problem> {
    let mut places = old.find_iter(text.as_bytes()).peekable();
    if places.peek().is_none() {
        return Ok(text);
    }
    let mut out = Bounded::with_capacity(text.len());
    let mut at = 0;
    for place in places {
        out.push(&text[at..place])?;
        out.push(new)?;
        at = place + old.needle().len();
    }
    out.push(&text[at..])?;
    Ok(out.0.into())
}

fn replace_matches<'a>(
    pattern: &Pattern,
    substitution: &Substitution,
    text: Cow<'a, str>,
) -> Result<Cow<'a, str>, Problem> {
    rewrite(pattern, text, substitution.needs_groups(), |found, text, out| {
        substitution.write(pattern, text, found, |piece| out.push(piece))
    })
}

fn replace_group<'a>(pattern: &Pattern, group: usize, text: Cow<'a, str>, new: &str) -> Result<Cow<'a, str>, Problem> {
    rewrite(pattern, text, true, |found, text, out| match pattern.span_of(found, group) {
        // A lookaround may capture outside of the match; what lies there stays.
        Some((start, end)) if found.start() <= start && end <= found.end() => {
            out.push(&text[found.start()..start])?;
            out.push(new)?;
            out.push(&text[end..found.end()])
        }
        _ => out.push(&text[found.start()..found.end()]),
    })
}

/// Copies `text` with each match written anew.
fn rewrite<'a>(
    pattern: &Pattern,
    text: Cow<'a, str>,
    with_groups: bool,
    mut write: impl FnMut(&Found, &str, &mut Bounded) -> Result<(), Problem>,
) -> Result<Cow<'a, str>, Problem> {
    let mut out = Bounded(String::new());
    let mut at = 0;
    let mut changed = false;
    let mut problem = None;
    let whole: &str = &text;
    pattern
        .each_match(whole, with_groups, |found| {
            if !changed {
                out.0.reserve(whole.len());
                changed = true;
            }
            let written = out.push(&whole[at..found.start()]).and_then(|()| write(found, whole, &mut out));
            at = found.end();
            problem = written.err();
            problem.is_none()
        })
        .map_err(|PatternError(what)| Problem(what))?;
    if let Some(problem) = problem {
        return Err(problem);
    }
    if !changed {
        return Ok(text);
    }
    out.push(&whole[at..])?;
    Ok(out.0.into())
}

/// A text that stops growing where results do.
struct Bounded(String);

impl Bounded {
    fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    fn push(&mut self, text: &str) -> Result<(), Problem> {
        if self.0.len() + text.len() > LARGEST_TEXT {
            return Err(Problem(format!("the result is larger than {LARGEST_TEXT} bytes")));
        }
        self.0.push_str(text);
        Ok(())
    }
}
