//! Letter case, one character to one character, as .NET's invariant culture has it (expressions.md 5, 6.5).

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;

/// Lower case; `İ` stays, as the invariant culture leaves it alone.
pub(super) fn lower(letter: char) -> char {
    let mut mapped = letter.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(single), None) => single,
        _ => letter,
    }
}

/// Upper case; `ı` stays, as the invariant culture leaves it alone.
pub(super) fn upper(letter: char) -> char {
    if letter == 'ı' {
        return letter;
    }
    let mut mapped = letter.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(single), None) => single,
        _ => subscript_iota(letter).unwrap_or(letter),
    }
}

/// Greek letters with a subscript iota have a single capital beside the two letters of the full mapping.
fn subscript_iota(letter: char) -> Option<char> {
    match letter {
        '\u{1f80}'..='\u{1faf}' if u32::from(letter) & 8 == 0 => char::from_u32(u32::from(letter) + 8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => char::from_u32(u32::from(letter) + 9),
        _ => None,
    }
}

/// Title case: the digraphs have a form of their own, Georgian letters none.
pub(super) fn title(letter: char) -> char {
    match letter {
        'Ǆ' | 'ǅ' | 'ǆ' => 'ǅ',
        'Ǉ' | 'ǈ' | 'ǉ' => 'ǈ',
        'Ǌ' | 'ǋ' | 'ǌ' => 'ǋ',
        'Ǳ' | 'ǲ' | 'ǳ' => 'ǲ',
        '\u{10d0}'..='\u{10ff}' => letter,
        _ => upper(letter),
    }
}

/// The cultures whose casing differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Culture {
    Invariant,
    /// Turkish and Azerbaijani: `i` belongs to `İ`, `ı` to `I`.
    DottedI,
}

impl Culture {
    /// Finds a culture by its name, such as `tr-TR`; empty text is the invariant one.
    pub fn of(name: &str) -> Option<Self> {
        let mut parts = name.split('-');
        let language = parts.next().unwrap_or_default();
        if name.is_empty() {
            return Some(Self::Invariant);
        }
        let is_language = (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_part =
            |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_language || !LANGUAGES.contains(&language.to_ascii_lowercase().as_str()) || !parts.all(is_part) {
            return None;
        }
        let dotted = language.eq_ignore_ascii_case("tr") || language.eq_ignore_ascii_case("az");
        Some(if dotted { Self::DottedI } else { Self::Invariant })
    }

    pub fn lower(self, text: Cow<'_, str>) -> Cow<'_, str> {
        match self {
            Self::Invariant => map(text, lower),
            Self::DottedI => map(text, |letter| match letter {
                'I' => 'ı',
                'İ' => 'i',
                _ => lower(letter),
            }),
        }
    }

    pub fn upper(self, text: Cow<'_, str>) -> Cow<'_, str> {
        match self {
            Self::Invariant => map(text, upper),
            Self::DottedI => map(text, |letter| match letter {
                'i' => 'İ',
                'ı' => 'I',
                _ => upper(letter),
            }),
        }
    }
}

/// Languages with a culture of their own (ISO 639, as .NET lists them).
const LANGUAGES: &[&str] = &[
    "af", "am", "ar", "arn", "as", "az", "ba", "be", "bg", "bn", "bo", "br", "bs", "ca", "chr", "co", "cs", "cy", "da",
    "de", "dsb", "dv", "el", "en", "es", "et", "eu", "fa", "ff", "fi", "fil", "fo", "fr", "fy", "ga", "gd", "gl", "gn",
    "gsw", "gu", "ha", "haw", "he", "hi", "hr", "hsb", "hu", "hy", "id", "ig", "ii", "is", "it", "iu", "ja", "jv",
    "ka", "kk", "kl", "km", "kn", "ko", "kok", "ku", "ky", "la", "lb", "lo", "lt", "lv", "mg", "mi", "mk", "ml", "mn",
    "moh", "mr", "ms", "mt", "my", "nb", "ne", "nl", "nn", "no", "nso", "oc", "om", "or", "pa", "pl", "ps", "pt",
    "quc", "quz", "rm", "ro", "ru", "rw", "sa", "sah", "sd", "se", "si", "sk", "sl", "sma", "smj", "smn", "sms", "so",
    "sq", "sr", "sv", "sw", "syr", "ta", "te", "tg", "th", "ti", "tk", "tn", "tr", "tt", "tzm", "ug", "uk", "ur", "uz",
    "vi", "wo", "xh", "yo", "zh", "zu", "prs", "nds", "vo", "yi",
];

fn map(text: Cow<'_, str>, change: impl Fn(char) -> char) -> Cow<'_, str> {
    if text.chars().all(|letter| change(letter) == letter) {
        return text;
    }
    Cow::Owned(text.chars().map(change).collect())
}

/// Title case after lowering, by the rules of .NET's `ToTitleCase`.
pub(super) fn title_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for letter in text.chars().map(lower) {
        if letter.is_alphabetic() && !is_combining_mark(letter) {
            out.push(if inside { letter } else { title(letter) });
            inside = true;
        } else {
            out.push(letter);
            inside = inside && !is_separator(letter);
        }
    }
    out
}

/// Whether a word ends here: white space, control and format characters, punctuation and symbols but the apostrophe.
fn is_separator(letter: char) -> bool {
    !(letter.is_alphanumeric() || is_combining_mark(letter) || letter == '\'')
}

/// Capital at the beginning and behind each of `separators`, everything else small.
pub(super) fn capitalize_after(text: &str, separators: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut raise = true;
    for letter in text.chars() {
        out.push(if raise { upper(lower(letter)) } else { lower(letter) });
        raise = separators.contains(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_stays_one() {
        let cases = [
            ("straße", "STRAßE", "straße"),
            ("ΟΔΟΣ", "ΟΔΟΣ", "οδοσ"),
            ("İı", "İı", "İı"),
            ("ﬁŉ", "ﬁŉ", "ﬁŉ"),
            ("ᾳᾼ", "ᾼᾼ", "ᾳᾳ"),
            ("Ǆ", "Ǆ", "ǆ"),
        ];
        for (text, up, down) in cases {
            assert_eq!(Culture::Invariant.upper(Cow::Borrowed(text)), up, "{text}");
            assert_eq!(Culture::Invariant.lower(Cow::Borrowed(text)), down, "{text}");
        }
        let turkish = Culture::of("tr-TR").unwrap();
        assert_eq!(turkish.upper(Cow::Borrowed("iı")), "İI");
        assert_eq!(turkish.lower(Cow::Borrowed("Iİ")), "ıi");
        for (name, known) in [
            ("en-US", true),
            ("", true),
            ("az", true),
            ("xx-XX", false),
            ("english", false),
            ("e", false),
            ("en_US", false),
        ] {
            assert_eq!(Culture::of(name).is_some(), known, "{name}");
        }
    }

    #[test]
    fn titles_follow_dotnet() {
        let cases = [
            ("PABLO GONSALVES (SECOND)", "Pablo Gonsalves (Second)"),
            ("o'neil", "O'neil"),
            ("jean-luc_picard", "Jean-Luc_Picard"),
            ("a1b", "A1b"),
            ("1st", "1St"),
            ("'tis", "'Tis"),
            ("ǆ e\u{301}tude", "ǅ E\u{301}tude"),
            ("a\u{2019}b a+b", "A\u{2019}B A+B"),
        ];
        for (text, expected) in cases {
            assert_eq!(title_case(text), expected, "{text}");
        }
        assert_eq!(capitalize_after("PINTO-DE'SILVA x", " '-"), "Pinto-De'Silva X");
        assert_eq!(capitalize_after("A B", ""), "A b");
    }
}
