//! The way from a character of a scalar's text back to the file, through quotes, escapes and folded lines.

use std::ops::Range;

use super::{Scalar, Style};

/// A character of the text and the byte of the file at which it is written.
type Origin = (char, usize);

/// Returns the bytes of `file` that hold `range` of the scalar's text; the whole scalar where the way is not clear.
pub(super) fn place(file: &str, span: &Range<usize>, scalar: &Scalar, range: Range<usize>) -> Range<usize> {
    let raw = &file[span.clone()];
    let origins = match scalar.style {
        Style::Plain => flow(raw, span.start, Style::Plain),
        Style::Single | Style::Double => {
            let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
            flow(inner, span.start + 1, scalar.style)
        }
        Style::Literal | Style::Folded => block(file, span.clone(), scalar.style),
    };
    if !scalar.text.chars().eq(origins.iter().map(|(c, _)| *c).take(scalar.text.chars().count())) {
        return span.clone();
    }
    let index = |at: usize| scalar.text.get(..at).map_or(0, |before| before.chars().count());
    let end_of_text = match scalar.style {
        Style::Single | Style::Double => span.end.saturating_sub(1),
        Style::Plain | Style::Literal | Style::Folded => span.end,
    };
    let at = |index: usize| origins.get(index).map_or(end_of_text, |(_, at)| *at);
    let start = at(index(range.start));
    let end = if range.end > range.start {
        // an escape is longer in the file than in the text: end where the next character begins
        let last = index(range.end).saturating_sub(1);
        match origins.get(last + 1) {
            Some((_, next)) if !file[at(last)..*next].contains('\n') => *next,
            _ => at(last) + file[at(last)..].chars().next().map_or(0, char::len_utf8),
        }
    } else {
        start
    };
    start..end.max(start)
}

/// Plain and quoted scalars: a line break with its blanks is one blank, each further one a line feed.
fn flow(raw: &str, base: usize, style: Style) -> Vec<Origin> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(c) = raw[at..].chars().next() {
        let blanks = raw[at..].len() - raw[at..].trim_start_matches([' ', '\t']).len();
        let broken = raw[at + blanks..].starts_with(['\n', '\r']);
        if broken {
            let run = raw[at..].len() - raw[at..].trim_start_matches([' ', '\t', '\n', '\r']).len();
            fold(&raw[at..at + run], base + at, true, &mut out);
            at += run;
        } else if style == Style::Single && raw[at..].starts_with("''") {
            out.push(('\'', base + at));
            at += 2;
        } else if style == Style::Double && c == '\\' {
            at += escape(&raw[at..], base + at, &mut out);
        } else {
            out.push((c, base + at));
            at += c.len_utf8();
        }
    }
    out
}

fn fold(run: &str, at: usize, first_is_blank: bool, out: &mut Vec<Origin>) {
    let breaks = run.matches('\n').count();
    if breaks > 1 {
        out.extend(std::iter::repeat_n(('\n', at), breaks - 1));
    } else if first_is_blank {
        out.push((' ', at));
    }
}

/// Reads one escape of a double-quoted scalar and returns its length.
fn escape(raw: &str, at: usize, out: &mut Vec<Origin>) -> usize {
    let mut chars = raw.chars();
    chars.next();
    let Some(kind) = chars.next() else { return raw.len() };
    let hex = |digits: usize| raw.get(2..2 + digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        '\n' | '\r' => {
            // an escaped line break is nothing; the blanks after it neither
            let rest = &raw[1..];
            let run = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            fold(&rest[..run], at, false, out);
            return 1 + run;
        }
        _ => {
            let c = match kind {
                '0' => '\0',
                'a' => '\u{7}',
                'b' => '\u{8}',
                't' => '\t',
                'n' => '\n',
                'v' => '\u{b}',
                'f' => '\u{c}',
                'r' => '\r',
                'e' => '\u{1b}',
                'N' => '\u{85}',
                '_' => '\u{a0}',
                'L' => '\u{2028}',
                'P' => '\u{2029}',
                other => other,
            };
            out.push((c, at));
            return 1 + kind.len_utf8();
        }
    };
    out.extend(hex(digits).and_then(char::from_u32).map(|c| (c, at)));
    (2 + digits).min(raw.len())
}

/// Literal and folded scalars, whose content begins in the line below the mark.
fn block(file: &str, span: Range<usize>, style: Style) -> Vec<Origin> {
    // the parser's span may begin at the mark or at the content
    let mark = if style == Style::Literal { '|' } else { '>' };
    let body = match file[span.start..].strip_prefix(mark) {
        Some(rest) => span.start + 1 + rest.find('\n').map_or(rest.len(), |end| end + 1),
        None => file[..span.start].rfind('\n').map_or(0, |end| end + 1),
    };
    let lines: Vec<(usize, &str)> = lines_from(file, body, span.end);
    let indent = lines
        .iter()
        .find(|(_, line)| !line.trim().is_empty())
        .map_or(0, |(_, line)| line.len() - line.trim_start_matches(' ').len());
    let contents: Vec<(usize, &str)> = lines
        .into_iter()
        .map(|(at, line)| {
            let skip = indent.min(line.len() - line.trim_start_matches(' ').len());
            (at + skip, &line[skip..])
        })
        .collect();
    let mut out = Vec::new();
    let mut index = 0;
    while let Some((at, line)) = contents.get(index) {
        out.extend(line.char_indices().map(|(offset, c)| (c, at + offset)));
        let end = at + line.len();
        let empty = contents[index + 1..].iter().take_while(|(_, next)| next.is_empty()).count();
        let next = contents.get(index + 1 + empty);
        let indented = |line: &str| line.starts_with([' ', '\t']);
        let folds = style == Style::Folded
            && !line.is_empty()
            && !indented(line)
            && next.is_some_and(|(_, next)| !indented(next));
        match (folds, empty) {
            (true, 0) => out.push((' ', end)),
            (true, empty) => out.extend(std::iter::repeat_n(('\n', end), empty)),
            (false, empty) => out.extend(std::iter::repeat_n(('\n', end), empty + 1)),
        }
        index += 1 + empty;
    }
    out
}

fn lines_from(file: &str, body: usize, end: usize) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    let mut at = body;
    while at < end {
        let line = file[at..].split('\n').next().unwrap_or_default();
        lines.push((at, line.trim_end_matches('\r')));
        at += line.len() + 1;
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Kind, Node, parse};

    /// Finds a place for every part of every scalar, on a boundary of the file.
    fn places_hold(text: &str) {
        let Ok(Some(root)) = parse("f", text) else { return };
        let mut nodes: Vec<&Node> = vec![&root];
        while let Some(node) = nodes.pop() {
            match &node.kind {
                Kind::List { items, .. } => nodes.extend(items),
                Kind::Map { entries } => nodes.extend(entries.iter().flat_map(|entry| [&entry.key, &entry.value])),
                Kind::Scalar(scalar) => {
                    let mut starts: Vec<usize> = scalar.text.char_indices().map(|(at, _)| at).collect();
                    starts.push(scalar.text.len());
                    for start in &starts {
                        for end in starts.iter().filter(|end| *end >= start) {
                            let place = node.place(text, *start..*end);
                            assert!(text.get(place.clone()).is_some(), "{text:?} {place:?}");
                        }
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[a:\\-\\[\\]{}'\"\\\\|>#&*!%, \\n\\t\\ré本]{0,40}") {
            places_hold(&text);
        }
    }

    #[test]
    fn what_is_nested_without_end_is_refused() {
        for text in ["[".repeat(100_000), "{a: ".repeat(50_000), "- ".repeat(100_000)] {
            assert!(parse("f", &text).is_err());
        }
    }

    /// The word `HERE` of each value is found under the same word of the file, and the text after it too.
    #[test]
    fn a_caret_finds_its_way_through_every_style() {
        let cases = [
            "a: x HERE y\n",
            "a: x\n   HERE y\n",
            "a: x\n\n   HERE y\n",
            "a: 'it''s HERE y'\n",
            "a: 'it''s\n   HERE y'\n",
            "a: \"Join(\\\" \\\", HERE)\"\n",
            "a: \"\\u3042\\x41\\t\\\\ HERE\"\n",
            "a: \"x \\\n   HERE\"\n",
            "a: \"x\n\n   HERE\"\n",
            "a: |\n  x\n  HERE y\n",
            "a: |-\n  x\n\n    HERE y\n",
            "a: >\n  x\n  HERE y\n",
            "a: >-\n  x\n\n  HERE y\n",
            "a: >\n  x\n    more\n  HERE y\n",
            "a: 日本語 HERE\n",
            "- {a: \"日\\\"\", b: 1, c: 'x HERE'}\n",
            "a: |\n  x\r\n  HERE\r\n",
        ];
        for text in cases {
            let root = parse("f", text).expect(text).expect(text);
            let mut nodes = vec![&root];
            let mut found = false;
            while let Some(node) = nodes.pop() {
                match &node.kind {
                    Kind::List { items, .. } => nodes.extend(items),
                    Kind::Map { entries } => nodes.extend(entries.iter().map(|entry| &entry.value)),
                    Kind::Scalar(scalar) => {
                        if let Some(at) = scalar.text.find("HERE") {
                            let place = node.place(text, at..at + 4);
                            assert_eq!(place, text.find("HERE").map(|at| at..at + 4).expect(text), "{text:?}");
                            found = true;
                        }
                    }
                }
            }
            assert!(found, "{text:?}");
        }
    }
}
