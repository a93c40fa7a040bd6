//! Custom and standard date formats of .NET, taken apart (expressions.md 6.2).

/// One piece of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Year(usize),
    Month(usize),
    Day(usize),
    Hour24(usize),
    Hour12(usize),
    Minute(usize),
    Second(usize),
    /// `f`: exactly that many digits.
    Fraction(usize),
    /// `F`: up to that many digits; trailing zeros and a dangling point are dropped.
    ShortFraction(usize),
    Half(usize),
    Era,
    Offset(usize),
    Kind,
    Literal(char),
}

/// A format ready for reading and writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::expr) struct Format {
    pub(super) tokens: Vec<Token>,
    /// The standard formats `r` and `u` show UTC without saying so in a specifier.
    pub(super) is_universal: bool,
}

/// A format that .NET refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::expr) struct BadFormat(pub &'static str);

const STANDARD: [(char, &str); 19] = [
    ('d', "MM/dd/yyyy"),
    ('D', "dddd, dd MMMM yyyy"),
    ('f', "dddd, dd MMMM yyyy HH:mm"),
    ('F', "dddd, dd MMMM yyyy HH:mm:ss"),
    ('g', "MM/dd/yyyy HH:mm"),
    ('G', "MM/dd/yyyy HH:mm:ss"),
    ('m', "MMMM dd"),
    ('M', "MMMM dd"),
    ('o', "yyyy-MM-ddTHH:mm:ss.fffffffK"),
    ('O', "yyyy-MM-ddTHH:mm:ss.fffffffK"),
    ('r', "ddd, dd MMM yyyy HH:mm:ss 'GMT'"),
    ('R', "ddd, dd MMM yyyy HH:mm:ss 'GMT'"),
    ('s', "yyyy-MM-ddTHH:mm:ss"),
    ('t', "HH:mm"),
    ('T', "HH:mm:ss"),
    ('u', "yyyy-MM-dd HH:mm:ss'Z'"),
    ('U', "dddd, dd MMMM yyyy HH:mm:ss"),
    ('y', "yyyy MMMM"),
    ('Y', "yyyy MMMM"),
];

impl Format {
    pub fn of(text: &str) -> Result<Self, BadFormat> {
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (None, _) => Err(BadFormat("is empty")),
            (Some(letter), None) => {
                let (_, custom) = STANDARD
                    .into_iter()
                    .find(|(known, _)| *known == letter)
                    .ok_or(BadFormat("is a single character that is no standard format; put `%` in front of it"))?;
                Ok(Self { tokens: tokens(custom)?, is_universal: matches!(letter, 'r' | 'R' | 'u') })
            }
            (Some(_), Some(_)) => Ok(Self { tokens: tokens(text)?, is_universal: false }),
        }
    }

    /// The general format that .NET takes for writing when none is named.
    pub fn general() -> Result<Self, BadFormat> {
        Self::of("G")
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, BadFormat> {
    let mut letters = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => tokens.push(Token::Literal(letters.next().ok_or(BadFormat("ends in a backslash"))?)),
            '\'' | '"' => loop {
                match letters.next().ok_or(BadFormat("has a quote that is never closed"))? {
                    closing if closing == letter => break,
                    '\\' => tokens.push(Token::Literal(letters.next().ok_or(BadFormat("ends in a backslash"))?)),
                    literal => tokens.push(Token::Literal(literal)),
                }
            },
            '%' => {
                if matches!(letters.peek(), None | Some('%')) {
                    return Err(BadFormat("has a `%` that stands before no specifier"));
                }
            }
            'y' | 'M' | 'd' | 'H' | 'h' | 'm' | 's' | 'f' | 'F' | 't' | 'g' | 'z' => {
                let mut count = 1;
                while letters.next_if_eq(&letter).is_some() {
                    count += 1;
                }
                tokens.push(specifier(letter, count)?);
            }
            'K' => tokens.push(Token::Kind),
            literal => tokens.push(Token::Literal(literal)),
        }
    }
    Ok(tokens)
}

fn specifier(letter: char, count: usize) -> Result<Token, BadFormat> {
    Ok(match letter {
        'y' if count > 9 => return Err(BadFormat("has more than nine `y`")),
        'y' => Token::Year(count),
        'M' => Token::Month(count),
        'd' => Token::Day(count),
        'H' => Token::Hour24(count),
        'h' => Token::Hour12(count),
        'm' => Token::Minute(count),
        's' => Token::Second(count),
        'f' | 'F' if count > 7 => return Err(BadFormat("has more than seven fraction digits")),
        'f' => Token::Fraction(count),
        'F' => Token::ShortFraction(count),
        't' => Token::Half(count),
        'g' => Token::Era,
        _ => Token::Offset(count),
    })
}
