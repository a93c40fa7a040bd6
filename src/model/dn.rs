//! Distinguished names, compared as directories compare them (sources.md 14.2).

use unicode_normalization::UnicodeNormalization;

/// One relative name: its parts in a set, sorted, as `type=value` with the value normalised.
type Rdn = Vec<String>;

/// Returns the comparable form of `text`: equal for equal names, however they are written; none if it is no DN.
pub fn normalise(text: &str) -> Option<String> {
    if is_plain(text) { Some(text.to_ascii_lowercase()) } else { normalise_any(text) }
}

/// Says of most names that nothing but the case of ASCII is normalised in them: `type=value` with commas between, without blanks
/// around either, nothing escaped and no character that has another form.
fn is_plain(text: &str) -> bool {
    // of the character before: in which part of a name it is, and whether a blank may not follow on it
    let (mut in_value, mut is_bare) = (false, true);
    for c in text.chars() {
        if !in_value {
            match c {
                '=' if !is_bare => (in_value, is_bare) = (true, true),
                _ if c.is_ascii_alphanumeric() => is_bare = false,
                _ => return false,
            }
            continue;
        }
        match c {
            ' ' if is_bare => return false,
            ' ' => is_bare = true,
            ',' if is_bare => return false,
            ',' => (in_value, is_bare) = (false, true),
            '"' | '+' | ';' | '\\' => return false,
            '!'..='~' => is_bare = false,
            _ if stays_as_it_is(c) => is_bare = false,
            _ => return false,
        }
    }
    in_value && !is_bare
}

fn normalise_any(text: &str) -> Option<String> {
    let rdns = parse(text)?;
    let mut out = String::with_capacity(text.len() + 8);
    for (index, rdn) in rdns.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        for (part_index, part) in rdn.iter().enumerate() {
            if part_index > 0 {
                out.push('+');
            }
            push_escaped(part, &mut out);
        }
    }
    Some(out)
}

/// Says whether the normalised `dn` lies below the normalised run of names `ancestor`, which may stand anywhere above it.
fn is_below(dn: &str, ancestor: &str) -> bool {
    let Some((_, above)) = split_first(dn) else { return false };
    let mut rest = above;
    loop {
        if rest == ancestor || rest.strip_prefix(ancestor).is_some_and(|tail| tail.starts_with(',')) {
            return true;
        }
        match split_first(rest) {
            Some((_, tail)) => rest = tail,
            None => return false,
        }
    }
}

/// A run of names, of which it is asked who lies below it.
#[derive(Debug, Clone)]
pub struct Ancestor {
    normalised: String,
    /// Its longest word in ASCII; few names that do not lie below it hold that.
    word: String,
}

impl Ancestor {
    /// None if `text` is no DN.
    pub fn new(text: &str) -> Option<Self> {
        let normalised = normalise(text)?;
        let words = normalised.split(|c: char| !c.is_ascii_alphanumeric());
        let word = words.max_by_key(|word| word.len()).unwrap_or_default().to_owned();
        Some(Self { normalised, word })
    }

    /// Says whether `text` is a DN that lies below it.
    pub fn is_above(&self, text: &str) -> bool {
        !self.is_strange_to(text) && normalise(text).is_some_and(|dn| is_below(&dn, &self.normalised))
    }

    /// Says of most names that lie elsewhere, and of the names above them, that nothing in them is of this run.
    pub fn is_strange_to(&self, text: &str) -> bool {
        lacks(text, &self.word)
    }
}

/// Says of most names which do not hold `word` once they are normalised that they do not; `word`: letters and digits of ASCII, lower case.
fn lacks(text: &str, word: &str) -> bool {
    let Some(first) = word.bytes().next() else { return false };
    let bytes = text.as_bytes();
    let begins =
        |at: usize| bytes[at..].get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes()));
    let is_plain = memchr::memchr(b'\\', bytes).is_none() && (text.is_ascii() || text.chars().all(stays_apart));
    is_plain && !memchr::memchr2_iter(first, first.to_ascii_uppercase(), bytes).any(begins)
}

/// Says of a character whether it is ASCII or is normalised to none: common Latin letters, kana, Chinese characters.
fn stays_apart(c: char) -> bool {
    matches!(c, '\0'..='\x7f' | 'À'..='ÿ') || stays_as_it_is(c)
}

/// Says of a character beyond ASCII whether it has no other form, wherever it stands: kana, Chinese characters.
fn stays_as_it_is(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fe}' | '\u{4e00}'..='\u{9fff}')
}

/// What stands behind the first relative name of most names, with the separator.
pub fn tail(text: &str) -> Option<&str> {
    let (first, _) = text.split_once(',')?;
    is_one(first.as_bytes()).then(|| &text[first.len()..])
}

/// Says whether a name is `tail` behind one relative name, as of most names.
pub fn has_tail(text: &str, tail: &[u8]) -> bool {
    text.as_bytes().strip_suffix(tail).is_some_and(is_one)
}

/// Says whether there is nothing in `text` that parts names, or hides what does.
fn is_one(text: &[u8]) -> bool {
    // as vectors, without a way out
    let parts = |byte: u8| (byte == b',') | (byte == b';') | (byte == b'+') | (byte == b'"') | (byte == b'\\');
    !text.iter().fold(false, |any, byte| any | parts(*byte))
}

/// Splits `text` at its first separator outside escapes and quotes: first relative name, the rest.
pub fn split_first(text: &str) -> Option<(&str, &str)> {
    separators(text, b",;").next().map(|at| (&text[..at], &text[at + 1..]))
}

/// How many relative names `text` has.
pub fn depth(text: &str) -> usize {
    if text.trim().is_empty() { 0 } else { separators(text, b",;").count() + 1 }
}

/// Returns the name `text`, which lies below a name of `levels` relative names, as it is where that is called `to`.
pub fn moved(text: &str, levels: usize, to: &str) -> Option<String> {
    let own = depth(text).checked_sub(levels).filter(|own| *own > 0)?;
    let end = if levels == 0 { text.len() } else { separators(text, b",;").nth(own - 1)? };
    let own = text[..end].trim_end();
    Some(if to.is_empty() { own.to_owned() } else { format!("{own},{to}") })
}

/// Returns the attribute types and unescaped values of the relative name `text`.
pub fn parts(text: &str) -> Option<Vec<(String, String)>> {
    pieces(text, b"+").into_iter().map(part).collect()
}

fn parse(text: &str) -> Option<Vec<Rdn>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    pieces(text, b",;")
        .into_iter()
        .map(|rdn| {
            let mut parts = Vec::new();
            for piece in pieces(rdn, b"+") {
                let (kind, value) = part(piece)?;
                parts.push(format!("{}={}", kind.to_ascii_lowercase(), fold(&value)));
            }
            parts.sort_unstable();
            parts.dedup();
            Some(parts)
        })
        .collect()
}

/// Reads `type=value`, the value without blanks around it, quotes and escapes.
fn part(piece: &str) -> Option<(String, String)> {
    let (kind, value) = piece.split_once('=')?;
    let kind = kind.trim();
    let first = kind.chars().next()?;
    if !first.is_ascii_alphanumeric() || !kind.chars().all(|c| c.is_ascii_alphanumeric() || "-_.;".contains(c)) {
        return None;
    }
    Some((kind.to_owned(), unescape(value)?))
}

fn unescape(value: &str) -> Option<String> {
    let mut text = value.trim_start_matches([' ', '\t']);
    text = trim_end(text);
    if text.len() >= 2 && text.starts_with('"') && text.ends_with('"') {
        text = &text[1..text.len() - 1];
    }
    if !text.contains('\\') {
        return Some(text.to_owned());
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        match (bytes.get(at + 1).and_then(hex), bytes.get(at + 2).and_then(hex)) {
            (Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            _ => {
                out.push(*bytes.get(at + 1)?);
                at += 2;
            }
        }
    }
    String::from_utf8(out).ok()
}

/// Drops blanks at the end, but not one that is escaped.
fn trim_end(text: &str) -> &str {
    let trimmed = text.trim_end_matches([' ', '\t']);
    let backslashes = trimmed.bytes().rev().take_while(|byte| *byte == b'\\').count();
    if backslashes % 2 == 1 && trimmed.len() < text.len() { &text[..trimmed.len() + 1] } else { trimmed }
}

fn hex(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// NFKC, case folded, runs of blanks to one.
fn fold(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut push = |c: char| {
        if c.is_whitespace() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            out.extend(c.to_lowercase());
        }
    };
    if value.is_ascii() {
        value.chars().for_each(&mut push);
    } else {
        value.nfkc().for_each(&mut push);
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

/// Escapes what separates, so that a normalised name splits as it was.
fn push_escaped(part: &str, out: &mut String) {
    for c in part.chars() {
        if matches!(c, ',' | '+' | ';' | '\\' | '"') {
            out.push('\\');
        }
        out.push(c);
    }
}

fn pieces<'a>(text: &'a str, at: &[u8]) -> Vec<&'a str> {
    let mut from = 0;
    let mut out = Vec::new();
    for index in separators(text, at) {
        out.push(&text[from..index]);
        from = index + 1;
    }
    out.push(&text[from..]);
    out
}

/// Byte positions of unescaped, unquoted separators.
fn separators<'a>(text: &'a str, at: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let mut escaped = false;
    let mut quoted = false;
    text.bytes().enumerate().filter_map(move |(index, byte)| {
        if escaped {
            escaped = false;
            return None;
        }
        match byte {
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if !quoted && at.contains(&byte) => return Some(index),
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_the_same_compare_equal() {
        let cases = [
            ("uid=scarter,ou=People,dc=example,dc=com", "uid=scarter, ou=People, dc=example,dc=com"),
            ("uid=x+employeeNumber=1,dc=a", "employeeNumber=1+uid=X,DC=A"),
            (r"cn=Smith\2C John,dc=a", r"cn=Smith\, John,dc=a"),
            (r#"cn="Smith, John",dc=a"#, r"cn=Smith\2c John;dc=a"),
            (r"cn=J\C3\BCrgen,dc=a", "cn=jürgen,dc=a"),
            ("cn=Ａnna  Maria ,dc=a", "cn=anna maria,dc=a"),
            ("", " "),
        ];
        for (left, right) in cases {
            let normal = normalise(left);
            assert!(normal.is_some(), "{left}");
            assert_eq!(normal, normalise(right), "{left} and {right}");
        }
    }

    #[test]
    fn plain_names_are_normalised_as_all_are() {
        let parts = [
            "cn",
            "OU",
            "2.5.4.3",
            "=",
            "=",
            ",",
            ",",
            " ",
            "  ",
            "a",
            "Smith",
            "高橋",
            "サクラ",
            "ｶ",
            "ガ",
            "カ\u{3099}",
            "ß",
            "É",
            "K",
            "\\",
            "\"",
            "+",
            ";",
            "#",
            "-",
            "_",
            ".",
            "'",
            "\t",
            "\u{3000}",
            "0",
            "CN=aoi.kobayashi,OU=Employees,DC=corp",
        ];
        let mut dice = 1_u64;
        let (mut plain, mut others) = (0, 0);
        for _ in 0..200_000 {
            let mut text = String::new();
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            for turn in 0..(dice >> 60) {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(turn | 1);
                text.push_str(parts[(dice >> 33) as usize % parts.len()]);
            }
            *if is_plain(&text) { &mut plain } else { &mut others } += 1;
            assert_eq!(normalise(&text), normalise_any(&text), "{text:?}");
        }
        for c in ('\u{3000}'..='\u{9fff}').chain('\0'..='\u{ff}') {
            for text in [format!("cn={c}"), format!("cn=a{c}か,dc={c}b"), format!("{c}n=a"), format!("c{c}=a")] {
                assert_eq!(normalise(&text), normalise_any(&text), "{text:?}");
            }
        }
        assert!(plain > 1_000 && others > 5_000, "{plain} {others}");
    }

    #[test]
    fn names_that_differ_stay_apart() {
        let cases = [
            (r"cn=a\,b=c,dc=a", "cn=a,b=c,dc=a"),
            (r"cn=a\+b=c", "cn=a+b=c"),
            ("cn=a,dc=b", "cn=a,dc=c"),
            ("cn=髙", "cn=高"),
        ];
        for (left, right) in cases {
            assert_ne!(normalise(left), normalise(right), "{left} and {right}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["cn", "=x", "cn=a,", "cn=a,,dc=b", r"cn=a\", r"cn=\FF", "c n=a"] {
            assert_eq!(normalise(text), None, "{text}");
        }
    }

    #[test]
    fn what_moves_keeps_its_own_names() {
        for (text, levels, to, expected) in [
            ("uid=a,ou=old,dc=x", 2, "ou=new,dc=x", Some("uid=a,ou=new,dc=x")),
            (r"cn=a\,b , ou=c;ou=old, dc=x", 2, "ou=new,dc=y", Some(r"cn=a\,b , ou=c,ou=new,dc=y")),
            ("uid=a", 0, "dc=x", Some("uid=a,dc=x")),
            ("ou=old,dc=x", 2, "dc=y", None),
            ("dc=x", 2, "dc=y", None),
        ] {
            assert_eq!(moved(text, levels, to).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn below_means_below() {
        let ancestor = normalise("cn=deleted users,cn=accounts").expect("a DN");
        for (dn, below) in [
            ("uid=a,cn=deleted users,cn=accounts,dc=x", true),
            ("uid=a,ou=b,cn=Deleted Users,cn=accounts,dc=x", true),
            ("cn=deleted users,cn=accounts,dc=x", false),
            ("uid=a,cn=deleted usersx,cn=accounts,dc=x", false),
            (r"uid=a\,cn=deleted users,cn=accounts,dc=x", false),
        ] {
            let dn = normalise(dn).expect("a DN");
            assert_eq!(is_below(&dn, &ancestor), below, "{dn}");
        }
    }

    #[test]
    fn whoever_lacks_a_word_is_not_below() {
        let ancestor = Ancestor::new("CN=Deleted Objects").expect("a DN");
        for (dn, is_below) in [
            ("CN=a,CN=Deleted Objects,DC=x", true),
            ("cn=a, cn = DELETED  objects ;dc=x", true),
            (r"CN=a,CN=\44eleted Objects,DC=x", true),
            ("CN=a,CN=Ｄeleted Ｏｂｊｅｃｔｓ,DC=x", true),
            ("CN=佐藤,CN=Deleted Objects,DC=x", true),
            ("CN=佐藤,OU=総務部,DC=x", false),
            ("CN=Deleted Objects,DC=x", false),
            ("CN=a,OU=Staff,DC=x", false),
            ("CN=a,CN=Deleted Objects", true),
            ("CN=Deleted Objects", false),
            ("a,CN=Deleted Objects", false),
        ] {
            assert_eq!(ancestor.is_above(dn), is_below, "{dn}");
        }
        let everywhere = Ancestor::new("ou=総務部").expect("a DN");
        assert!(everywhere.is_above("cn=a,ou=総務部,dc=x") && !everywhere.is_above("cn=a,ou=総務,dc=x"));
    }

    #[test]
    fn the_tail_of_a_name_is_behind_its_first_part() {
        assert_eq!(tail("CN=佐藤,OU=総務部,DC=x"), Some(",OU=総務部,DC=x"));
        for text in [r"CN=a\,b,OU=c", r#"CN="a,b",OU=c"#, "CN=a+SN=b,OU=c", "CN=a;OU=c,DC=x", "CN=a", ""] {
            assert_eq!(tail(text), None, "{text}");
            assert!(!has_tail(text, b",OU=c"), "{text}");
        }
        assert!(has_tail("CN=b,OU=総務部,DC=x", ",OU=総務部,DC=x".as_bytes()));
        assert!(!has_tail("CN=a,CN=b,OU=総務部,DC=x", ",OU=総務部,DC=x".as_bytes()));
    }

    #[test]
    fn what_stays_apart_is_normalised_to_no_other_ascii() {
        for c in ('\0'..=char::MAX).filter(|c| stays_apart(*c)) {
            let is_same = |other: char| other.eq_ignore_ascii_case(&c) || !other.is_ascii_alphanumeric();
            assert!(fold(&format!("{c}")).chars().all(is_same), "{c:?}");
        }
    }
}
