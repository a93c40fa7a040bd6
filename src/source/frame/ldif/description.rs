//! Attribute descriptions: a name and its options (sources.md 9.2, 9.3).

use std::collections::HashMap;
use std::rc::Rc;

use super::super::Wanted;
use super::OptionRules;

/// How many descriptions are remembered; state options of db2ldif make new ones without end.
const REMEMBERED: usize = 8192;

/// What a description says.
#[derive(Debug, Clone)]
pub struct Description {
    /// The name with the options that are part of it, as written.
    pub name: Rc<str>,
    /// The same for all spellings of one name; counts up to [`Descriptions::slots`].
    pub slot: usize,
    pub is_octets: bool,
    /// `range=A-B` with a B that is not `*`.
    pub is_cut: bool,
    /// The value is not there any more.
    pub is_dropped: bool,
    /// Somebody asks for it.
    pub is_wanted: bool,
}

/// Reads descriptions, each once.
#[derive(Default)]
pub struct Descriptions {
    rules: Option<OptionRules>,
    wanted: Option<Wanted>,
    /// By text: its place in `list`.
    known: HashMap<Box<str>, usize>,
    list: Vec<Known>,
    slots: HashMap<Box<str>, usize>,
    /// The one read last, in this record.
    last: Option<usize>,
    /// The first of the last record.
    first: usize,
}

struct Known {
    text: Box<str>,
    description: Description,
    /// What came behind it last: entries have their attributes in much the same order.
    next: usize,
}

impl Descriptions {
    pub fn new(rules: Option<OptionRules>, wanted: Option<Wanted>) -> Self {
        Self { rules, wanted, ..Self::default() }
    }

    /// Makes room; slots given before are void.
    pub fn begin_record(&mut self) {
        self.last = None;
        if self.known.len() > REMEMBERED {
            self.known.clear();
            self.list.clear();
            self.slots.clear();
        }
    }

    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Reads a description and returns its number, for this record; none if it is not one.
    pub fn read(&mut self, text: &[u8]) -> Option<usize> {
        let expected = self.last.map_or(self.first, |last| self.list[last].next);
        let number = match self.list.get(expected) {
            Some(known) if known.text.as_bytes() == text => expected,
            Some(_) | None => {
                let number = self.find(text)?;
                match self.last {
                    Some(last) => self.list[last].next = number,
                    None => self.first = number,
                }
                number
            }
        };
        self.last = Some(number);
        Some(number)
    }

    pub fn get(&self, number: usize) -> &Description {
        &self.list[number].description
    }

    fn find(&mut self, text: &[u8]) -> Option<usize> {
        // only ASCII passes the grammar
        let text = std::str::from_utf8(text).ok()?;
        if let Some(number) = self.known.get(text) {
            return Some(*number);
        }
        let description = self.parse(text)?;
        let number = self.list.len();
        self.list.push(Known { text: text.into(), description, next: 0 });
        self.known.insert(text.into(), number);
        Some(number)
    }

    fn parse(&mut self, text: &str) -> Option<Description> {
        let mut parts = text.split(';');
        let base = parts.next()?;
        if !is_name(base) {
            return None;
        }
        let mut description = Description {
            name: text.into(),
            slot: 0,
            is_octets: false,
            is_cut: false,
            is_dropped: false,
            is_wanted: true,
        };
        let mut kept = Vec::new();
        for option in parts {
            if !is_option(option) {
                return None;
            }
            let Some(rules) = &self.rules else {
                kept.push(option);
                continue;
            };
            let lower = option.to_ascii_lowercase();
            if lower == "binary" {
                description.is_octets = true;
            } else if let Some(range) = lower.strip_prefix("range=") {
                description.is_cut |= range.split_once('-').is_none_or(|(_, end)| end != "*");
            } else if is_listed(&rules.drop_if, &lower) {
                description.is_dropped = true;
            } else if !is_listed(&rules.strip, &lower) {
                kept.push(option);
            }
        }
        if self.rules.is_some() {
            let name: Vec<&str> = std::iter::once(base).chain(kept.iter().copied()).collect();
            description.name = name.join(";").into();
            kept.sort_unstable_by_key(|option| option.to_ascii_lowercase());
        }
        description.is_wanted = self.wanted.as_ref().is_none_or(|wanted| wanted(&description.name));
        let key = std::iter::once(base).chain(kept).collect::<Vec<_>>().join(";").to_ascii_lowercase();
        let next = self.slots.len();
        description.slot = *self.slots.entry(key.into()).or_insert(next);
        Some(description)
    }
}

fn is_listed(list: &[String], option: &str) -> bool {
    list.iter().any(|listed| {
        option.get(..listed.len()).is_some_and(|start| start.eq_ignore_ascii_case(listed))
            && matches!(option.as_bytes().get(listed.len()), None | Some(b'-'))
    })
}

fn is_name(name: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match name.as_bytes().first() {
        Some(first) if first.is_ascii_alphabetic() => name.bytes().all(rest),
        Some(first) if first.is_ascii_digit() => {
            name.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        }
        Some(_) | None => false,
    }
}

fn is_option(option: &str) -> bool {
    !option.is_empty()
        && option.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=' | b'*'))
}

#[cfg(test)]
mod tests {
    use super::Descriptions;
    use crate::source::frame::ldif::OptionRules;

    #[test]
    fn reads_names_and_options() {
        let rules = OptionRules {
            strip: vec!["adcsn".to_owned(), "vucsn".to_owned()],
            drop_if: vec!["deleted".to_owned(), "deletedattribute".to_owned()],
        };
        let mut ruled = Descriptions::new(Some(rules), None);
        // text, name, octets, cut, dropped
        for (text, name, octets, cut, dropped) in [
            ("cn", "cn", false, false, false),
            ("cn;Lang-ja", "cn;Lang-ja", false, false, false),
            ("userCertificate;binary", "userCertificate", true, false, false),
            ("member;range=0-1499", "member", false, true, false),
            ("member;range=1500-*", "member", false, false, false),
            ("title;adcsn-1f;vucsn-2f", "title", false, false, false),
            ("title;adcsnx", "title;adcsnx", false, false, false),
            ("x;vucsn-1;deletedattribute;deleted", "x", false, false, true),
            ("2.5.4.3", "2.5.4.3", false, false, false),
        ] {
            let number = ruled.read(text.as_bytes()).expect(text);
            let got = ruled.get(number);
            assert_eq!((&*got.name, got.is_octets, got.is_cut, got.is_dropped), (name, octets, cut, dropped), "{text}");
        }
        let slot = |descriptions: &mut Descriptions, text: &str| {
            descriptions.read(text.as_bytes()).map(|d| descriptions.get(d).slot)
        };
        assert_eq!(slot(&mut ruled, "o;lang-b;LANG-A"), slot(&mut ruled, "O;lang-a;lang-b"));
        assert_ne!(slot(&mut ruled, "cn"), slot(&mut ruled, "cn;lang-ja"));
        for bad in ["", "-a", "a b", "cn;", "cn;a b", "2.", "2.a", "名", "cn;;x", "_a"] {
            assert!(ruled.read(bad.as_bytes()).is_none(), "{bad}");
        }
        let mut raw = Descriptions::new(None, None);
        let number = raw.read(b"a;binary;deleted").expect("it is a name");
        assert_eq!(&*raw.get(number).name, "a;binary;deleted");
    }
}
