//! Builds the tree from the parser's events.

use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Marker, Parser, ScalarStyle, StructureStyle};

use super::{Entry, Kind, Node, Scalar, Style, quoted};
use crate::diagnostic::{Diagnostic, Place};

/// Deeper than anything that is configured here.
const MAX_DEPTH: usize = 32;
/// Larger than anything a person writes.
const MAX_BYTES: usize = 4 << 20;

/// A collection whose end has not come yet.
struct Open {
    start: usize,
    flow: bool,
    items: Vec<Node>,
    is_map: bool,
}

/// Parses the one document of `text`; `None` where it is empty.
///
/// # Errors
/// What is no YAML, and the parts of YAML that a configuration does without: several documents, anchors, tags.
pub(crate) fn parse(file: &str, text: &str) -> Result<Option<Node>, Box<Diagnostic>> {
    if text.len() > MAX_BYTES {
        let large = Diagnostic::error("yaml", format!("the file is larger than {} MiB", MAX_BYTES >> 20));
        return Err(Box::new(large.with_place(Place::of_file(file))));
    }
    let fault = |span: Range<usize>, message: &str, help: &str| {
        Box::new(Diagnostic::error("yaml", message).at(file, text, span, None).with_help(help))
    };
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = offset(text, error.marker());
            let line = line_around(text, at);
            let help = trap(line).unwrap_or_else(|| "check the indentation and the quotes of this line".to_owned());
            fault(at..at + 1, &format!("this is not YAML: {}", lower_first(&error.info())), &help)
        })?;
        let span = offset(text, &span.start)..offset(text, &span.end);
        if has_anchor_or_tag(&event) {
            let help =
                trap(line_around(text, span.start)).filter(|_| matches!(event, Event::Scalar(..) | Event::Alias(_)));
            let help =
                help.unwrap_or_else(|| "write the value out; quote a text that begins with `&`, `*` or `!`".to_owned());
            return Err(fault(span, "anchors, aliases and tags of YAML are not used here", &help));
        }
        let node = match event {
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    return Err(fault(span, "a second document begins here", "keep one document in the file"));
                }
                continue;
            }
            Event::Scalar(value, style, ..) => {
                Node { span, kind: Kind::Scalar(Scalar { text: value.into_owned(), style: style_of(style) }) }
            }
            Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => {
                if open.len() >= MAX_DEPTH {
                    return Err(fault(span, "this is nested too deeply", "no setting is nested as deeply as this"));
                }
                let is_map = matches!(event, Event::MappingStart(..));
                let flow = style == StructureStyle::Flow;
                open.push(Open { start: span.start, flow, items: Vec::new(), is_map });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = open.pop() else { continue };
                close(done, span.end)
            }
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.items.push(node),
            None => root = Some(node),
        }
    }
    Ok(root.filter(|root| !root.is_null()))
}

fn has_anchor_or_tag(event: &Event<'_>) -> bool {
    match event {
        Event::Alias(_) => true,
        Event::Scalar(_, _, anchor, tag) => *anchor != 0 || tag.is_some(),
        Event::SequenceStart(_, anchor, tag) | Event::MappingStart(_, anchor, tag) => *anchor != 0 || tag.is_some(),
        _ => false,
    }
}

fn close(done: Open, end: usize) -> Node {
    let Open { start, flow, items, is_map } = done;
    // a block collection has no closing mark: it ends where its last child does
    let end = if flow { end } else { items.last().map_or(end, |last| last.span.end) };
    let span = start..end.max(start);
    if !is_map {
        return Node { span, kind: Kind::List { items, flow } };
    }
    let mut entries = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        entries.push(Entry { key, value });
    }
    let start = entries.first().map_or(span.start, |entry| span.start.min(entry.key.span.start));
    Node { span: start..span.end, kind: Kind::Map { entries } }
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}

/// The parser counts characters; bytes come with text input, and are counted here where they do not.
fn offset(text: &str, marker: &Marker) -> usize {
    let at = marker.byte_offset().or_else(|| text.char_indices().nth(marker.index()).map(|(at, _)| at));
    at.unwrap_or(text.len()).min(text.len())
}

fn line_around(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |start| start + 1);
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    let line = text[start..end].trim_end();
    // errors are often seen only at the start of the next line
    if !line.trim().is_empty() || start == 0 { line } else { line_around(text, start - 1) }
}

/// The value of `line` in quotes, where it is one that YAML misreads.
fn trap(line: &str) -> Option<String> {
    if line.trim_start_matches(' ').starts_with('\t') {
        return Some("indent with blanks instead of tabs".to_owned());
    }
    let (key, value) = split_entry(line)?;
    let value = value.trim();
    let looks_misread = value.contains('(')
        || value.starts_with(['[', '&', '!', '*', '%', '@', '`', '"', '\''])
        || value.contains(": ");
    (looks_misread && !value.starts_with('{')).then(|| {
        format!("put the value in single quotes: `{}: {}`", key.trim().trim_start_matches("- "), quoted(value))
    })
}

fn split_entry(line: &str) -> Option<(&str, &str)> {
    let at = line.find(": ")?;
    if !line.contains('{') {
        return Some((&line[..at], &line[at + 2..]));
    }
    // inside `{ … }` these two are what YAML misreads
    let after = |key: &str| line.rfind(key).map(|found| &line[found + key.len()..]);
    if let Some(rest) = after("expression: ") {
        return Some(("expression", &rest[..rest.rfind(')').map_or(rest.len(), |end| end + 1)]));
    }
    let rest = after("operator: ")?;
    Some(("operator", &rest[..rest.find([',', '}']).unwrap_or(rest.len())]))
}

fn lower_first(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
