//! Character classes, and how the engines spell them.

/// One class in brackets, or a class escape on its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Class {
    pub negated: bool,
    pub items: Vec<Item>,
    /// `[a-z-[aeiou]]`: taken away from what the items (and the negation) give.
    pub subtracted: Option<Box<Class>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Range(char, char),
    Digit { negated: bool },
    Space { negated: bool },
    Word { negated: bool },
    Category { name: &'static str, negated: bool },
}

/// What .NET counts to a word; the engines' own `\w` holds more marks, and letter numbers.
pub(super) const WORD: &str = r"\p{L}\p{Mn}\p{Nd}\p{Pc}";

/// The general categories that can be named; blocks such as `IsGreek` are not known to the engines.
pub(super) const CATEGORIES: [&str; 35] = [
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi",
    "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cn",
];

impl Class {
    pub fn of(item: Item) -> Self {
        Self { items: vec![item], ..Self::default() }
    }

    /// Whether ignoring case would reach a category, which .NET never does.
    pub fn has_cased_category(&self) -> bool {
        let cased = |item: &Item| matches!(item, Item::Category { name: "Lu" | "Ll" | "Lt", .. });
        self.items.iter().any(cased) || self.subtracted.as_ref().is_some_and(|class| class.has_cased_category())
    }

    pub fn write(&self, out: &mut String) {
        if self.subtracted.is_some() {
            out.push('[');
        }
        out.push_str(if self.negated { "[^" } else { "[" });
        for item in &self.items {
            item.write(out);
        }
        out.push(']');
        if let Some(class) = &self.subtracted {
            out.push_str("--");
            class.write(out);
            out.push(']');
        }
    }
}

impl Item {
    fn write(&self, out: &mut String) {
        match self {
            Self::Range(from, to) if from == to => letter(*from, out),
            Self::Range(from, to) => {
                letter(*from, out);
                out.push('-');
                letter(*to, out);
            }
            Self::Digit { negated } => out.push_str(if *negated { r"\P{Nd}" } else { r"\p{Nd}" }),
            Self::Space { negated } => out.push_str(if *negated { r"\S" } else { r"\s" }),
            Self::Word { negated: false } => out.push_str(WORD),
            Self::Word { negated: true } => {
                out.push_str("[^");
                out.push_str(WORD);
                out.push(']');
            }
            Self::Category { name, negated } => {
                out.push_str(if *negated { r"\P{" } else { r"\p{" });
                out.push_str(name);
                out.push('}');
            }
        }
    }
}

/// Writes a character that means itself, inside and outside of brackets.
pub(super) fn letter(letter: char, out: &mut String) {
    if letter.is_alphanumeric() {
        out.push(letter);
    } else {
        out.push_str(&format!("\\x{{{:X}}}", u32::from(letter)));
    }
}
