//! Text from outside made safe for a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Writes control characters and the marks that reorder text as escapes, so that a value can neither move the cursor
/// nor show something else than it holds.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            other if is_unsafe(other) => {
                // Writing to a `String` cannot fail.
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(other));
            }
            other => safe.push(other),
        }
    }
    Cow::Owned(safe)
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn only_what_could_deceive_is_escaped() {
        let cases = [
            ("佐藤 太郎", "佐藤 太郎"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("line\r\nbreak\t", "line\\r\\nbreak\\t"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
            ("\u{9b}1m", "\\u{9b}1m"),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text), expected);
        }
    }
}
