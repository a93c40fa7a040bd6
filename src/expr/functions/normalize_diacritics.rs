use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::canonical_combining_class;

use super::{Body, Example, Function, Param, WhenNull};

pub(super) static NORMALIZE_DIACRITICS: Function = Function {
    name: "NormalizeDiacritics",
    summary: "Replaces Latin letters with marks by plain ones.",
    params: &[Param::SOURCE],
    notes: "Umlauts only lose their dots; `æ`, `œ`, `ø` and `ß` become two letters.",
    examples: &[
        Example { expression: r#"NormalizeDiacritics("Zoë")"#, source: "{}", gives: r#""Zoe""# },
        Example { expression: r#"NormalizeDiacritics("Ørsted Müller")"#, source: "{}", gives: r#""OErsted Muller""# },
    ],
    body: Body::Each(WhenNull::Null, |text, _| {
        if text.is_ascii() {
            return Ok(text);
        }
        let mut after_latin = false;
        let mut plain = String::with_capacity(text.len());
        for letter in text.nfd() {
            if is_nonspacing(letter) {
                if !after_latin {
                    plain.push(letter);
                }
                continue;
            }
            after_latin = is_latin(letter);
            match without_decomposition(letter) {
                Some(letters) => plain.push_str(letters),
                None => plain.push(letter),
            }
        }
        Ok(plain.nfc().collect::<String>().into())
    }),
    ..Function::TEXT
};

/// The marks that a canonical decomposition yields over, under and through letters.
fn is_nonspacing(letter: char) -> bool {
    canonical_combining_class(letter) != 0
}

fn is_latin(letter: char) -> bool {
    matches!(letter,
        'A'..='Z' | 'a'..='z' | 'ª' | 'º' | 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='\u{2b8}' | '\u{1d00}'..='\u{1d25}'
        | '\u{1e00}'..='\u{1eff}' | '\u{2c60}'..='\u{2c7f}' | '\u{a722}'..='\u{a787}' | '\u{a78b}'..='\u{a7ff}'
        | '\u{ab30}'..='\u{ab64}' | '\u{fb00}'..='\u{fb06}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}')
}

fn without_decomposition(letter: char) -> Option<&'static str> {
    Some(match letter {
        'æ' => "ae",
        'Æ' => "AE",
        'ø' => "oe",
        'Ø' => "OE",
        'œ' => "oe",
        'Œ' => "OE",
        'ß' => "ss",
        'ł' => "l",
        'Ł' => "L",
        'ı' => "i",
        _ => return None,
    })
}
