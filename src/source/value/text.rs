//! Texts: trimmed, NFC, without control characters (sources.md 11.1); cells that are no values (7.4).

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Returns `raw` as it is compared and stored; `controls` is set where control characters were removed.
pub fn clean<'a>(raw: &'a str, controls: &mut bool) -> Cow<'a, str> {
    let is_trimmed = begins_bare(raw) && ends_bare(raw);
    let mut text = Cow::Borrowed(if is_trimmed { raw } else { raw.trim() });
    let (controls_in, is_ascii) = survey(text.as_bytes());
    // what is removed is ASCII, and no part of another character
    if controls_in {
        *controls = true;
        let kept: String = text.chars().filter(|c| !is_removed(*c)).collect();
        text = Cow::Owned(kept.trim().to_owned());
    }
    if is_ascii || text.chars().all(is_plain) || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return text;
    }
    Cow::Owned(text.nfc().collect())
}

/// Says of most texts that they begin with no white space: those that begin with ASCII, a Latin letter with an accent, kana or a
/// Chinese character.
pub fn begins_bare(text: &str) -> bool {
    match text.as_bytes() {
        [first, ..] if first.is_ascii_graphic() => true,
        [0xC3 | 0xE4..=0xE9, ..] => true,
        [0xE3, second, ..] => *second > 0x80,
        _ => false,
    }
}

/// As [`begins_bare`], of the end.
fn ends_bare(text: &str) -> bool {
    match text.as_bytes() {
        [.., last] if last.is_ascii_graphic() => true,
        [.., 0xC3, _] | [.., 0xE4..=0xE9, _, _] => true,
        [.., 0xE3, second, _] => *second > 0x80,
        _ => false,
    }
}

/// Characters that NFC leaves alone whatever stands beside them: Latin, kana, Chinese characters of the basic plane.
fn is_plain(c: char) -> bool {
    c < '\u{300}'
        || matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30ff}' | '\u{3000}'..='\u{3007}')
}

/// Says whether something is to be removed, and whether all is ASCII. Looks at all bytes without a way out, which is quicker.
fn survey(text: &[u8]) -> (bool, bool) {
    let (mut controls, mut all) = (false, 0);
    for &byte in text {
        controls |= (byte < 0x20) & (byte != b'\t') & (byte != b'\r') & (byte != b'\n') | (byte == 0x7f);
        all |= byte;
    }
    (controls, all.is_ascii())
}

/// C0 controls but tab, carriage return and line feed; and DEL.
fn is_removed(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}')
}

/// Says whether a text is the name of a .NET type, which PowerShell writes in place of a value that it does not unfold.
pub fn is_type_name(text: &str) -> bool {
    matches!(text.as_bytes().first(), Some(b'S' | b'M'))
        && ["System.", "Microsoft.Graph.PowerShell.", "Microsoft.ActiveDirectory."]
            .iter()
            .any(|prefix| text.starts_with(prefix))
}

/// Says whether a CSV cell is what a program writes where it has no text for a value.
pub fn is_placeholder(text: &str) -> bool {
    is_type_name(text) || text == "#NAME?" || (text.len() > 1 && text.bytes().all(|byte| byte == b'#'))
}

/// Says whether a spreadsheet made a float of what was a number to be kept digit by digit: `8.13555E+11`.
pub fn is_spreadsheet_number(text: &str) -> bool {
    // the plus sign is rarer than the letter
    if !text.as_bytes().contains(&b'+') || text.starts_with('+') {
        return false;
    }
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    exponent.strip_prefix('+').is_some_and(digits) && digits(whole) && digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_go_and_are_reported() {
        let mut controls = false;
        assert_eq!(clean("a\tb\r\nc", &mut controls), "a\tb\r\nc");
        assert!(!controls);
        assert_eq!(clean(" \u{1b}[31mred\u{7f} ", &mut controls), "[31mred");
        assert!(controls);
    }

    #[test]
    fn whoever_is_bare_is_not_trimmed() {
        let characters =
            ('\0'..='\u{ffff}').filter(|c| c.is_whitespace() || "aé髙あ。\u{3041}\u{301}ł\u{80}".contains(*c));
        for c in characters {
            let text = format!("{c}x{c}");
            let is_bare = begins_bare(&text) && ends_bare(&text);
            assert!(!is_bare || text.trim() == text, "{c:?}");
        }
        for text in ["佐藤", "Zoë", "é", "ア", "a"] {
            assert!(begins_bare(text) && ends_bare(text), "{text}");
        }
    }

    #[test]
    fn placeholders_and_floats_are_known() {
        for text in ["System.String[]", "System.Object[]", "#NAME?", "#####", "Microsoft.Graph.PowerShell.Models.X"] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["#", "#1", "system", "Systems"] {
            assert!(!is_placeholder(text), "{text}");
        }
        for text in ["8.13555E+11", "8E+11", "1,5e+10"] {
            assert!(is_spreadsheet_number(text), "{text}");
        }
        for text in ["E+1", "8.1E11", "12E+", "12345", "1.E+2"] {
            assert!(!is_spreadsheet_number(text), "{text}");
        }
    }
}
