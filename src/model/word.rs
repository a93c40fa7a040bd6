//! Texts of the log.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is read and never changed; just that text in JSON.
///
/// Most of what a record says is a constant, or the name of an attribute that a million other records say too: neither is copied.
#[derive(Clone)]
pub enum Word {
    Constant(&'static str),
    Shared(Arc<str>),
    Own(String),
}

impl Word {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Constant(text) => text,
            Self::Shared(text) => text,
            Self::Own(text) => text,
        }
    }
}

impl Default for Word {
    fn default() -> Self {
        Self::Constant("")
    }
}

impl Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Word {}

impl PartialEq<str> for Word {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Word {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl From<&'static str> for Word {
    fn from(text: &'static str) -> Self {
        Self::Constant(text)
    }
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Self::Own(text)
    }
}

impl From<Arc<str>> for Word {
    fn from(text: Arc<str>) -> Self {
        Self::Shared(text)
    }
}

impl From<Cow<'static, str>> for Word {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::Constant(text),
            Cow::Owned(text) => Self::Own(text),
        }
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        match word {
            Word::Own(text) => text,
            Word::Constant(_) | Word::Shared(_) => word.as_str().to_owned(),
        }
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::Own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_however_they_are_held() {
        let words = [Word::from("勤務"), Word::from("勤務".to_owned()), Word::from(Arc::<str>::from("勤務"))];
        for word in &words {
            assert_eq!((word, &**word, format!("{word} {word:?}").as_str()), (&words[0], "勤務", "勤務 \"勤務\""));
            let written = serde_json::to_string(word).expect("it has a form");
            assert_eq!(serde_json::from_str::<Word>(&written).expect("a text"), *word);
            assert_eq!(String::from(word.clone()), "勤務");
        }
    }
}
