//! Conditions of presets (sources.md 22), compiled to numbers and asked of one record.

use globset::{GlobBuilder, GlobMatcher};

use super::form::ConditionForm;
use super::names::Slot;
use crate::model::dn;
use crate::source::value::{begins_bare, rid_of, trimmed};

/// A record that conditions are asked of.
pub trait Asked {
    /// What it has under a name; octets that are no text, null and the like included.
    fn values(&self, slot: Slot) -> impl Iterator<Item = Shown<'_>>;
    /// Says whether the record, or the heading of its file, has the name.
    fn is_named(&self, slot: Slot) -> bool;
    /// Says whether the name, or one below it, is there at all.
    fn exists(&self, slot: Slot) -> bool;
    fn file_name(&self) -> &str;
    /// Says whether the user principal name has the object id in front of it (sources.md 12.3).
    fn is_upn_prefixed(&self) -> bool;

    fn is_present(&self, slot: Slot) -> bool {
        self.values(slot).any(|value| value.has_content())
    }
}

/// A value as a condition sees it.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'v> {
    Text(&'v str),
    Octets(&'v [u8]),
    /// Null, or what is not opened.
    Nothing,
}

impl<'v> Shown<'v> {
    /// Says whether a value is more than blanks and null.
    pub fn has_content(self) -> bool {
        match self {
            Self::Text(text) => begins_bare(text) || !text.trim().is_empty(),
            Self::Octets(octets) => !octets.is_empty(),
            Self::Nothing => false,
        }
    }

    /// The text, trimmed; none if it is blank.
    fn text(self) -> Option<&'v str> {
        match self {
            Self::Text(text) => Some(trimmed(text)).filter(|text| !text.is_empty()),
            Self::Octets(_) | Self::Nothing => None,
        }
    }

    fn octets(self) -> Option<&'v [u8]> {
        match self {
            Self::Text(text) => Some(text.as_bytes()),
            Self::Octets(octets) => Some(octets),
            Self::Nothing => None,
        }
    }
}

/// Something that holds of a record or not.
#[derive(Debug, Clone)]
pub enum Condition {
    Always,
    /// All of them.
    All(Vec<Condition>),
    Attribute(Slot, Test),
    Never,
    /// The file's name, in any case.
    File(Box<GlobMatcher>),
    UpnPrefixedWithObjectId,
}

/// What is asked of the values of one attribute.
#[derive(Debug, Clone)]
pub enum Test {
    /// Any value is one of these, lower case; the empty text stands for no value.
    Is(Vec<String>),
    /// There is no value that is one of these.
    Not(Vec<String>),
    Present,
    Absent,
    Exists,
    Starts(String),
    Bit(i64),
    Number,
    RidBelow(u32),
    /// The attribute is a DN below this run of names.
    UnderRdn(dn::Ancestor),
}

impl Condition {
    /// Compiles `form`; `slot` numbers a name. The error says what is wrong with it.
    pub fn compile(form: &ConditionForm, slot: &mut dyn FnMut(&str) -> Slot) -> Result<Self, String> {
        let mut parts = Vec::new();
        if let Some(attr) = &form.attr {
            let tests = tests_of(form)?;
            if tests.is_empty() {
                return Err(format!(
                    "the condition on `{attr}` says nothing: add `is`, `present`, `exists`, `absent` or another test"
                ));
            }
            let slot = slot(attr);
            parts.extend(tests.into_iter().map(|test| Self::Attribute(slot, test)));
        } else if !tests_of(form)?.is_empty() {
            return Err("a condition on a value needs `attr`, the name that it is asked of".to_owned());
        }
        if let Some(glob) = &form.file {
            let glob = GlobBuilder::new(glob).case_insensitive(true).build().map_err(|error| error.to_string())?;
            parts.push(Self::File(Box::new(glob.compile_matcher())));
        }
        if form.upn_prefixed_with_object_id == Some(true) {
            parts.push(Self::UpnPrefixedWithObjectId);
        }
        for form in form.all.iter().flatten() {
            parts.push(Self::compile(form, slot)?);
        }
        Ok(match parts.len() {
            0 => Self::Always,
            1 => parts.remove(0),
            _ => Self::All(parts),
        })
    }

    /// The condition for the records of one file, whose name is not asked for each time.
    pub fn settled(&self, file_name: &str) -> Self {
        match self {
            Self::File(glob) if glob.is_match(file_name) => Self::Always,
            Self::File(_) => Self::Never,
            Self::All(parts) => Self::All(parts.iter().map(|part| part.settled(file_name)).collect()),
            Self::Always | Self::Never | Self::Attribute(..) | Self::UpnPrefixedWithObjectId => self.clone(),
        }
    }

    pub fn holds(&self, record: &impl Asked) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::All(parts) => parts.iter().all(|part| part.holds(record)),
            Self::Attribute(slot, test) => test.holds(*slot, record),
            Self::File(glob) => glob.is_match(record.file_name()),
            Self::UpnPrefixedWithObjectId => record.is_upn_prefixed(),
        }
    }

    /// Says whether the condition may hold of some record, if records have only the names that are there.
    pub fn may_hold(&self, is_there: &impl Fn(Slot) -> bool) -> bool {
        match self {
            Self::Never => false,
            Self::All(parts) => parts.iter().all(|part| part.may_hold(is_there)),
            Self::Attribute(_, Test::Not(_) | Test::Absent) => true,
            Self::Attribute(slot, _) => is_there(*slot),
            Self::Always | Self::File(_) | Self::UpnPrefixedWithObjectId => true,
        }
    }

    /// Says whether the condition asks what stands before the user principal name.
    pub fn asks_prefix(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().any(Self::asks_prefix),
            Self::UpnPrefixedWithObjectId => true,
            Self::Always | Self::Never | Self::Attribute(..) | Self::File(_) => false,
        }
    }

    /// Calls `with` for each attribute that the condition asks about.
    pub fn each_slot(&self, with: &mut impl FnMut(Slot)) {
        match self {
            Self::All(parts) => parts.iter().for_each(|part| part.each_slot(with)),
            Self::Attribute(slot, _) => with(*slot),
            Self::Always | Self::Never | Self::File(_) | Self::UpnPrefixedWithObjectId => {}
        }
    }

    /// Calls `with` for each attribute whose bare existence, also as `NAME.x`, is asked for.
    pub fn each_existence(&self, with: &mut impl FnMut(Slot)) {
        match self {
            Self::All(parts) => parts.iter().for_each(|part| part.each_existence(with)),
            Self::Attribute(slot, Test::Exists) => with(*slot),
            Self::Attribute(..) | Self::Always | Self::Never | Self::File(_) | Self::UpnPrefixedWithObjectId => {}
        }
    }
}

fn tests_of(form: &ConditionForm) -> Result<Vec<Test>, String> {
    let lower = |words: &Vec<String>| words.iter().map(|word| word.trim().to_lowercase()).collect();
    let mut tests = Vec::new();
    tests.extend(form.is.as_ref().map(|words| Test::Is(lower(words))));
    tests.extend(form.not.as_ref().map(|words| Test::Not(lower(words))));
    tests.extend((form.present == Some(true)).then_some(Test::Present));
    tests.extend((form.exists == Some(true)).then_some(Test::Exists));
    tests.extend((form.absent == Some(true) || form.present == Some(false)).then_some(Test::Absent));
    tests.extend(form.starts.as_ref().map(|start| Test::Starts(start.to_lowercase())));
    tests.extend(form.bit.map(Test::Bit));
    tests.extend((form.number == Some(true)).then_some(Test::Number));
    tests.extend(form.rid_below.map(Test::RidBelow));
    if let Some(text) = &form.under_rdn {
        let ancestor =
            dn::Ancestor::new(text).ok_or_else(|| format!("`under_rdn` is no distinguished name: `{text}`"))?;
        tests.push(Test::UnderRdn(ancestor));
    }
    Ok(tests)
}

impl Test {
    fn holds(&self, slot: Slot, record: &impl Asked) -> bool {
        let mut texts = record.values(slot).filter_map(Shown::text);
        match self {
            Self::Is(words) => {
                texts.any(|text| is_one_of(text, words))
                    || (words.iter().any(String::is_empty) && record.is_named(slot) && !record.is_present(slot))
            }
            Self::Not(words) => !texts.any(|text| is_one_of(text, words)),
            Self::Present => record.is_present(slot),
            Self::Absent => !record.is_present(slot),
            Self::Exists => record.exists(slot),
            Self::Starts(start) => texts.any(|text| starts_with(text, start)),
            Self::Bit(bits) => texts.filter_map(|text| text.parse::<i64>().ok()).any(|number| number & bits != 0),
            Self::Number => texts.any(|text| text.parse::<i64>().is_ok()),
            Self::RidBelow(limit) => {
                record.values(slot).filter_map(|value| rid_of(value.octets()?)).any(|rid| rid < *limit)
            }
            Self::UnderRdn(ancestor) => texts.any(|text| ancestor.is_above(text)),
        }
    }
}

fn is_one_of(text: &str, words: &[String]) -> bool {
    if text.is_ascii() {
        return words.iter().any(|word| word.eq_ignore_ascii_case(text));
    }
    let lower = text.to_lowercase();
    words.contains(&lower)
}

fn starts_with(text: &str, lower_start: &str) -> bool {
    match text.get(..lower_start.len()) {
        Some(head) if head.is_ascii() => head.eq_ignore_ascii_case(lower_start),
        _ => text.to_lowercase().starts_with(lower_start),
    }
}
