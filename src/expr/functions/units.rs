//! Positions in UTF-16 units, as .NET counts characters (expressions.md 2).

/// Returns the byte at which the UTF-16 unit with this 0-based index begins, or the end of the text.
///
/// An index in the middle of a pair gives `Err` with the byte of its character.
pub(super) fn byte_of_unit(text: &str, unit: usize) -> Result<usize, usize> {
    if text.is_ascii() {
        return Ok(unit.min(text.len()));
    }
    let mut units = 0;
    for (byte, letter) in text.char_indices() {
        if units >= unit {
            return Ok(byte);
        }
        units += letter.len_utf16();
        if units > unit {
            return Err(byte);
        }
    }
    Ok(text.len())
}

/// Counts UTF-16 units.
pub(super) fn length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(char::len_utf16).sum() }
}

/// Cuts `count` units out of `text` from the 0-based unit `start`; half of a pair is left out.
pub(super) fn cut(text: &str, start: usize, count: usize) -> std::ops::Range<usize> {
    let from =
        byte_of_unit(text, start).unwrap_or_else(|byte| byte + text[byte..].chars().next().map_or(0, char::len_utf8));
    let to = byte_of_unit(text, start.saturating_add(count)).unwrap_or_else(|byte| byte);
    from..to.max(from)
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn pairs_are_not_split() {
        let cases = [
            ("a😀b", 0, 1, "a"),
            ("a😀b", 0, 2, "a"),
            ("a😀b", 0, 3, "a😀"),
            ("a😀b", 1, 2, "😀"),
            ("a😀b", 2, 2, "b"),
            ("a😀b", 2, 1, ""),
            ("a😀b", 9, 1, ""),
            ("äöü", 1, 1, "ö"),
            ("abc", 1, usize::MAX, "bc"),
        ];
        for (text, start, count, expected) in cases {
            assert_eq!(&text[cut(text, start, count)], expected, "{text} {start} {count}");
        }
    }
}
