//! Texts: trimmed, NFC, without control characters (sources.md 11.1); cells that are no values (7.4).

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Returns `raw` as it is compared and stored; `controls` is set where control characters were removed.
#[inline]
pub fn clean<'a>(raw: &'a str, controls: &mut bool) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(trimmed(raw));
    let (controls_in, is_ascii) = survey(text.as_bytes());
    // what is removed is ASCII, and no part of another character
    if controls_in {
        *controls = true;
        let kept: String = text.chars().filter(|c| !is_removed(*c)).collect();
        text = Cow::Owned(kept.trim().to_owned());
    }
    if is_ascii || is_settled(text.as_bytes()) || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return text;
    }
    Cow::Owned(text.nfc().collect())
}

/// Takes the white space off both ends.
#[inline]
pub fn trimmed(text: &str) -> &str {
    if is_bare(text) { text } else { text.trim() }
}

/// Says of most texts that there is no blank around them.
#[inline]
pub fn is_bare(text: &str) -> bool {
    begins_bare(text) && ends_bare(text.as_bytes())
}

/// Says of most texts that [`clean`] leaves them as they are, if they hold no control characters; `is_known`: that NFC does is known.
#[inline]
pub fn is_clean(text: &str, is_known: bool) -> bool {
    is_bare(text) && (is_known || text.is_ascii() || is_settled(text.as_bytes()))
}

/// Says of most texts that they are stored as they are, whatever is read of them but a GUID.
pub fn is_kept(text: &str) -> bool {
    // a tombstone is behind a line end
    let has_controls = !has_no_controls(text.as_bytes()) || text.contains('\n');
    !has_controls && is_clean(text, false) && !is_spreadsheet_number(text)
}

/// Says whether a text, however long, holds nothing that [`clean`] removes.
#[inline(always)]
pub fn has_no_controls(text: &[u8]) -> bool {
    // as vectors, without a way out; most have no control but line ends
    let may_be = |byte: u8| ((byte < 0x20) & (byte != b'\n')) | (byte == 0x7f);
    !text.iter().fold(false, |any, byte| any | may_be(*byte))
        || !text.iter().fold(false, |any, byte| any | is_removed_byte(*byte))
}

/// Says of most texts that they begin with no white space, which is ASCII or begins with 0xC2, 0xE1, 0xE2 or 0xE3.
#[inline]
pub fn begins_bare(text: &str) -> bool {
    match text.as_bytes() {
        [first, ..] if first.is_ascii_graphic() => true,
        [0xC3..=0xE0 | 0xE4..=0xF4, ..] => true,
        [0xE3, second, ..] => *second > 0x80,
        _ => false,
    }
}

/// As [`begins_bare`], of the end.
#[inline]
fn ends_bare(text: &[u8]) -> bool {
    match text {
        [.., last] if last.is_ascii_graphic() => true,
        [.., 0xC3..=0xDF, _] | [.., 0xE0 | 0xE4..=0xEF, _, _] | [.., 0xF0..=0xF4, _, _, _] => true,
        [.., 0xE3, second, _] => *second > 0x80,
        _ => false,
    }
}

/// Says of UTF-8 that NFC leaves all of its characters alone whatever stands beside them: Latin, Greek, Cyrillic, kana, Chinese
/// characters and their variants, Hangul. Of others it says no.
fn is_settled(text: &[u8]) -> bool {
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return true,
            [0xE3, 0x80, 0xAA..=0xAF, ..] | [0xE3, 0x82, 0x99 | 0x9A, ..] | [0xCE, 0x87, ..] => return false,
            [..0x80, tail @ ..] | [0xC2..=0xCB | 0xCE..=0xD1, _, tail @ ..] => tail,
            [0xE3..=0xE9 | 0xEB | 0xEC, _, _, tail @ ..] => tail,
            // from U+AC00 on, and up to U+D77F
            [0xEA, 0xB0..=0xBF, _, tail @ ..] | [0xED, ..=0x9D, _, tail @ ..] => tail,
            // U+20000 to U+2EFFF, and U+E0100 to U+E01FF, which say which form is meant
            [0xF0, 0xA0..=0xAE, _, _, tail @ ..] | [0xF3, 0xA0, 0x84..=0x87, _, tail @ ..] => tail,
            _ => return false,
        }
    }
}

/// The octets of a part of a text that stand out, found in as few passes as may be, however many there are.
pub struct Octets {
    least: u8,
    /// Line feeds left out.
    least_inline: u8,
    has_float: bool,
    /// Of what is beyond printable ASCII.
    beyond: Option<Beyond>,
}

/// Of the octets of a part that is not all printable ASCII, those that stand out.
struct Beyond {
    most: u8,
    /// The least from U+0300 on, counted from there; those before come behind.
    least_beyond: u8,
    has_delete: bool,
    /// A mark that changes kana or stands beside them, of which NFC does not leave alone all that is in a text: U+302A to U+302F, U+3099,
    /// U+309A.
    has_mark: bool,
}

impl Octets {
    /// The last two are no part of it: they are what stands behind, or blanks.
    #[inline(always)]
    pub fn of<const N: usize>(octets: &[u8; N]) -> Self {
        let (mut least, mut least_inline, mut most, mut has_float) = (0xff_u8, 0xff_u8, 0_u8, false);
        let second = octets.get(1..).unwrap_or_default();
        let third = octets.get(2..).unwrap_or_default();
        // as vectors, without a way out
        for ((byte, second), _) in octets.iter().zip(second).zip(third) {
            least = least.min(*byte);
            least_inline = least_inline.min(if *byte == b'\n' { 0xff } else { *byte });
            most = most.max(*byte);
            has_float |= (*byte | 0x20 == b'e') & (*second == b'+');
        }
        let beyond = (most >= DELETE).then(|| Beyond::of(octets, most));
        Self { least, least_inline, has_float, beyond }
    }

    /// Says whether there is no control, not even a line end.
    pub fn is_one_line(&self) -> bool {
        self.least >= 0x20 && self.has_lines_only()
    }

    /// Says whether there is no control but line feeds.
    pub fn has_lines_only(&self) -> bool {
        self.least_inline >= 0x20 && !self.beyond.as_ref().is_some_and(|beyond| beyond.has_delete)
    }

    /// Says whether no float of a spreadsheet begins in it: [`is_spreadsheet_number`].
    pub fn has_no_floats(&self) -> bool {
        !self.has_float
    }

    /// Says of UTF-8 whether NFC leaves alone whatever is cut out of it: there is nothing but Latin letters and such, kana, and what
    /// begins like Chinese characters.
    pub fn is_settled(&self) -> bool {
        self.beyond.as_ref().is_none_or(Beyond::is_settled)
    }
}

impl Beyond {
    #[inline(always)]
    fn of<const N: usize>(octets: &[u8; N], most: u8) -> Self {
        let (mut least_beyond, mut least_apart, mut has_mark) = (0xff_u8, 0xff_u8, false);
        let second = octets.get(1..).unwrap_or_default();
        let third = octets.get(2..).unwrap_or_default();
        for ((byte, second), third) in octets.iter().zip(second).zip(third) {
            least_beyond = least_beyond.min(byte.wrapping_sub(LATIN));
            least_apart = least_apart.min(byte ^ DELETE);
            let is_voiced = (*second == 0x82) & (third.wrapping_sub(0x99) < 2);
            let is_tone = (*second == 0x80) & (third.wrapping_sub(0xAA) < 6);
            has_mark |= (*byte == 0xE3) & (is_voiced | is_tone);
        }
        Self { most, least_beyond, has_delete: least_apart == 0, has_mark }
    }

    fn is_settled(&self) -> bool {
        self.most <= 0xE9 && self.least_beyond >= 0xE3 - LATIN && !self.has_mark
    }
}

/// What begins characters beyond Latin.
const LATIN: u8 = 0xCC;
const DELETE: u8 = 0x7f;

/// Says whether something is to be removed, and whether all is ASCII.
#[inline]
fn survey(text: &[u8]) -> (bool, bool) {
    let (controls, all) = match (text.last_chunk::<8>(), text.first_chunk::<4>(), text.last_chunk::<4>()) {
        (Some(last), _, _) => {
            // the last word overlaps the one before
            let last = u64::from_le_bytes(*last);
            let (mut controls, mut all) = (controls_of(last), last);
            for word in text.as_chunks::<8>().0 {
                let word = u64::from_le_bytes(*word);
                controls |= controls_of(word);
                all |= word;
            }
            (controls, all)
        }
        (None, Some(first), Some(last)) => {
            let word = u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last));
            (controls_of(word), word)
        }
        _ => {
            let word = text.iter().fold(BLANKS, |word, byte| word << 8 | u64::from(*byte));
            (controls_of(word), word)
        }
    };
    (controls & HIGH != 0 && text.iter().any(|byte| is_removed_byte(*byte)), all & HIGH == 0)
}

/// The highest bit of each of eight bytes.
const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
const BLANKS: u64 = u64::from_le_bytes([b' '; 8]);

/// Has one of these set if a byte of eight is below a blank or `DEL`.
#[inline]
fn controls_of(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    below(word, 0x20) | below(word ^ (ONES * 0x7f), 1)
}

/// C0 controls but tab, carriage return and line feed; and DEL.
fn is_removed(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_removed_byte)
}

#[inline]
fn is_removed_byte(byte: u8) -> bool {
    (byte < 0x20) & (byte != b'\t') & (byte != b'\r') & (byte != b'\n') | (byte == 0x7f)
}

/// Says whether a text is the name of a .NET type, which PowerShell writes in place of a value that it does not unfold.
#[inline]
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
#[inline]
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
    fn what_is_settled_is_left_alone_by_nfc() {
        let mut count = 0;
        for c in '\0'..=char::MAX {
            let text = String::from(c);
            if is_settled(text.as_bytes()) {
                count += 1;
                let between = format!("e{c}e{c}");
                assert_eq!(between.nfc().collect::<String>(), between, "{c:?}");
                assert_eq!(is_nfc_quick(between.chars()), IsNormalized::Yes, "{c:?}");
            }
        }
        assert!(count > 20_000, "{count}");
        for text in ["e\u{301}", "か\u{3099}", "\u{2126}", "\u{1161}", "\u{387}", "\u{2f800}"] {
            assert!(!is_settled(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn every_control_is_seen_wherever_it_stands() {
        for byte in 0..0x80_u8 {
            for length in 1..20 {
                for at in 0..length {
                    let mut text = vec![b'a'; length];
                    text[at] = byte;
                    let is_removed = (byte < 0x20 && !b"\t\r\n".contains(&byte)) || byte == 0x7f;
                    assert_eq!(survey(&text), (is_removed, true), "{byte} at {at} of {length}");
                }
            }
        }
        for length in 0..20 {
            assert_eq!(survey(&vec![b'a'; length]), (false, true), "{length}");
            assert_eq!(survey(["a".repeat(length).as_str(), "é"].concat().as_bytes()), (false, false), "{length}");
        }
        assert_eq!(survey("é\u{1}".as_bytes()), (true, false));
    }

    fn octets(text: &[u8]) -> Octets {
        let mut octets = [b' '; 102];
        octets[..text.len()].copy_from_slice(text);
        Octets::of(&octets)
    }

    #[test]
    fn what_a_long_text_is_free_of_is_in_no_part_of_it() {
        for byte in 0..=u8::MAX {
            let mut text = vec![b'a'; 100];
            text[77] = byte;
            let is_removed = (byte < 0x20 && !b"\t\r\n".contains(&byte)) || byte == 0x7f;
            assert_eq!(has_no_controls(&text), !is_removed, "{byte}");
            let is_none = !is_removed && !b"\t\r\n".contains(&byte);
            assert_eq!(octets(&text).is_one_line(), is_none, "{byte}");
            assert_eq!(octets(&text).has_lines_only(), is_none || byte == b'\n', "{byte}");
            assert!(octets(&text[..77]).is_one_line(), "{byte}");
        }
        for (text, is_free) in [("8.13555E+11", false), ("1,5e+10", false), ("+81 3-5550", true), ("E 1+2", true)] {
            assert_eq!(octets(format!("a,{text},b").as_bytes()).has_no_floats(), is_free, "{text}");
            assert!(!is_free || !is_spreadsheet_number(text), "{text}");
        }
    }

    #[test]
    fn what_is_clean_is_left_as_it_is() {
        for text in
            ["a b", " a", "a ", "", "佐藤", "か\u{3099}", "e\u{301}", "Zoë", "\u{3000}a", "a\u{a0}", "𠮷", "さくら"]
        {
            let mut controls = false;
            let cleaned = clean(text, &mut controls);
            assert!(!is_clean(text, text.is_ascii()) || *cleaned == *text, "{text:?}");
        }
        assert!(["a b", "佐藤", "Zoë", "さくら"].iter().all(|text| is_clean(text, text.is_ascii())));
    }

    #[test]
    fn whoever_is_bare_is_not_trimmed() {
        let characters =
            ('\0'..='\u{ffff}').filter(|c| c.is_whitespace() || "aé髙あ。\u{3041}\u{301}ł\u{80}".contains(*c));
        for c in characters {
            let text = format!("{c}x{c}");
            let is_bare = is_bare(&text);
            assert!(!is_bare || text.trim() == text, "{c:?}");
        }
        for text in ["佐藤", "Zoë", "é", "ア", "a"] {
            assert!(is_bare(text), "{text}");
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
