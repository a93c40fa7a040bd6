//! Patterns of `REGEX MATCH`, read as .NET reads them (D-22).

use fancy_regex::{Regex, RegexBuilder};

/// Steps that one search may take before the object is refused.
const STEP_LIMIT: usize = 1_000_000;
/// Bytes that a compiled pattern may occupy.
const SIZE_LIMIT: usize = 4 << 20;

/// A compiled pattern; searched anywhere in the value.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Regex);

impl Pattern {
    /// Compiles a .NET pattern; the error says why it cannot be.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let translated = translate(text)?;
        RegexBuilder::new(&translated)
            .backtrack_limit(STEP_LIMIT)
            .delegate_size_limit(SIZE_LIMIT)
            .build()
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// Searches the pattern in `value`; `None` where the step limit was reached.
    pub(super) fn is_match(&self, value: &str) -> Option<bool> {
        self.0.is_match(value).ok()
    }
}

/// Whether the pattern ties itself to the start or the end of the value somewhere.
pub(super) fn is_anchored(text: &str) -> bool {
    let mut chars = text.chars();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let escaped = chars.next();
                if !in_class && matches!(escaped, Some('A' | 'z' | 'Z')) {
                    return true;
                }
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '^' | '$' if !in_class => return true,
            _ => {}
        }
    }
    false
}

/// Rewrites what .NET reads differently from the engine, and refuses what the engine lacks.
fn translate(text: &str) -> Result<String, String> {
    let multiline = has_flag(text, 'm');
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let tail = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let len = tail.chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..1 + len]);
                rest = &tail[len..];
                continue;
            }
            '[' => {
                rest = class(rest, &mut out, 0)?;
                continue;
            }
            // `$` also holds before a final line feed in .NET
            '$' if !multiline => out.push_str(r"(?=\n?\z)"),
            '(' if is_balancing(tail) => return Err("balancing groups `(?<a-b>…)` are not supported".to_owned()),
            _ => out.push(c),
        }
        rest = tail;
    }
    Ok(out)
}

/// Copies the class at the start of `text`; .NET knows no nested classes but subtraction, `[a-z-[aeiou]]`.
fn class<'a>(text: &'a str, out: &mut String, depth: usize) -> Result<&'a str, String> {
    const UNCLOSED: &str = "a character class `[…]` is not closed";
    if depth > 16 {
        return Err("character classes are nested too deeply".to_owned());
    }
    let mut rest = text.strip_prefix('[').ok_or(UNCLOSED)?;
    out.push('[');
    if let Some(tail) = rest.strip_prefix('^') {
        out.push('^');
        rest = tail;
    }
    // a `]` that comes first is a member
    if let Some(tail) = rest.strip_prefix(']') {
        out.push_str(r"\]");
        rest = tail;
    }
    loop {
        let c = rest.chars().next().ok_or(UNCLOSED)?;
        let tail = &rest[c.len_utf8()..];
        match c {
            ']' => {
                out.push(']');
                return Ok(tail);
            }
            '\\' => {
                let len = tail.chars().next().ok_or(UNCLOSED)?.len_utf8();
                out.push_str(&rest[..1 + len]);
                rest = &tail[len..];
                continue;
            }
            '-' if tail.starts_with('[') => {
                out.push_str("--");
                rest = class(tail, out, depth + 1)?;
                if !rest.starts_with(']') {
                    return Err("a subtraction `-[…]` must stand last in its character class".to_owned());
                }
                continue;
            }
            // set operators of the engine that are plain members in .NET
            '[' | '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
        rest = tail;
    }
}

/// Is this the inside of `(?<a-b>` or `(?'a-b'`?
fn is_balancing(text: &str) -> bool {
    let Some(name) = text.strip_prefix("?<").or_else(|| text.strip_prefix("?'")) else { return false };
    let end = name.find(['>', '\'', ')']).unwrap_or(name.len());
    !name.starts_with(['=', '!']) && name[..end].contains('-')
}

fn has_flag(text: &str, flag: char) -> bool {
    text.match_indices("(?").any(|(at, _)| {
        let flags = &text[at + 2..];
        let end = flags.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(flags.len());
        flags[..end].contains(flag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_dotnet_reads_them() {
        let cases = [
            (r".*\@example.com", "mori@example.com", true),
            ("([1-9][0-9])", "100", true),
            ("^([1-9][0-9])$", "100", false),
            ("^a$", "a\n", true),
            ("^a$", "a\nb", false),
            ("(?m)^a$", "b\na\nc", true),
            ("a.c", "a\nc", false),
            ("(?i)sales", "SALES", true),
            (r"^(\w)\1$", "aa", true),
            ("(?<=@)example", "a@example", true),
            ("^[a-z-[aeiou]]+$", "bcd", true),
            ("^[a-z-[aeiou]]+$", "bad", false),
            ("^[[a]+$", "[a[", true),
            ("^[a&&b]+$", "a&b", true),
            ("[]a]", "]", true),
        ];
        for (pattern, value, expected) in cases {
            assert_eq!(Pattern::new(pattern).expect(pattern).is_match(value), Some(expected), "{pattern} on {value:?}");
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        for pattern in ["([", "(?<a-b>x)", "[a", "*", "a(", "[a-z-[b]c]", "\\"] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_runaway_pattern_stops() {
        let pattern = Pattern::new(r"^(a|aa)+(?<!x)\1$").expect("it compiles");
        assert_eq!(pattern.is_match(&format!("{}b", "a".repeat(60))), None);
    }

    #[test]
    fn anchors_are_seen() {
        for (pattern, expected) in
            [("^a", true), ("a$", true), (r"\Aa", true), ("a", false), ("[^a]", false), (r"\$a\^", false)]
        {
            assert_eq!(is_anchored(pattern), expected, "{pattern}");
        }
    }
}
