//! What may stand in a configuration: the one table that checking, defaults, `init`, `schema` and help come from.

/// A key of a block.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// The default as YAML, checked like anything that a person writes.
    pub(crate) default: Option<&'static str>,
    pub(crate) required: bool,
    /// One sentence.
    pub(crate) doc: &'static str,
}

/// What a value has to be.
#[derive(Debug)]
pub(crate) enum Shape {
    Text,
    Flag,
    /// A whole number from `least` on.
    Count {
        least: u64,
    },
    /// `40%`, up to 100.
    Percent,
    /// An ISO 8601 duration of days and less, at least as long as `least`.
    Duration {
        least: &'static str,
    },
    /// `16 MiB`.
    Size,
    /// A path; relative ones are relative to the file that names them.
    Path,
    Url,
    /// A date, `2027-03-31`.
    Date,
    /// An address to listen on, `127.0.0.1:9090`.
    Address,
    Choice(&'static [&'static str]),
    /// A word, or something else.
    Or(&'static str, &'static Shape),
    /// Any value, taken as it is written: `true`, a whole number, a text, a list or a map.
    Data,
    /// A time, `2026-04-01T09:00:00+09:00`.
    Time,
    /// A text, or the other shape.
    TextOr(&'static Shape),
    /// A share in percent, from 0 to 100, written without a sign.
    Share,
    /// `{ credential: NAME }`, `{ env: NAME }` or `{ file: PATH }`.
    Secret,
    List(&'static Shape),
    Block(&'static [Key]),
    /// A block of which exactly one of the first keys is given; the others stand beside it.
    OneOf {
        one: &'static [Key],
        beside: &'static [Key],
    },
    /// Any names, each with the same shape.
    Table(&'static Shape),
}

impl Key {
    pub(crate) const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, default: None, required: false, doc }
    }

    pub(crate) const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

impl Shape {
    /// What a person should write, as in "expected …".
    pub(crate) fn expected(&self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Count { least: 0 } => "a whole number".to_owned(),
            Self::Count { least } => format!("a whole number from {least} on"),
            Self::Percent => "a percentage such as `40%`".to_owned(),
            Self::Duration { .. } => "an ISO 8601 duration such as `PT40M` or `P30D`".to_owned(),
            Self::Size => "a size such as `16 MiB`".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Url => "a URL".to_owned(),
            Self::Date => "a date such as `2027-03-31`".to_owned(),
            Self::Data => "a value".to_owned(),
            Self::Time => "a time such as `2026-04-01T09:00:00+09:00`".to_owned(),
            Self::Address => "an address such as `127.0.0.1:9090`".to_owned(),
            Self::Choice(words) => one_of(words),
            Self::Or(word, other) => format!("`{word}` or {}", other.expected()),
            Self::TextOr(_) => "a text or a map".to_owned(),
            Self::Share => "a number from 0 to 100".to_owned(),
            Self::Secret => "`{ credential: NAME }`, `{ env: NAME }` or `{ file: PATH }`".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Block(_) | Self::OneOf { .. } | Self::Table(_) => "a map of keys and values".to_owned(),
        }
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [word] => format!("`{word}`"),
        [words @ .., last] => {
            format!("{} or `{last}`", words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "))
        }
    }
}
