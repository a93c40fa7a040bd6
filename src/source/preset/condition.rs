//! Conditions of presets (sources.md 22), compiled to numbers and asked of one record.

use globset::{GlobBuilder, GlobMatcher};

use super::form::ConditionForm;
use super::names::Slot;
use crate::source::dn;
use crate::source::fields::Fields;
use crate::source::raw::RawValue;
use crate::source::value::rid_of;

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
    UnderRdn(String),
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

    pub fn holds(&self, fields: &Fields<'_, '_>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::All(parts) => parts.iter().all(|part| part.holds(fields)),
            Self::Attribute(slot, test) => test.holds(*slot, fields),
            Self::File(glob) => glob.is_match(fields.file_name()),
            Self::UpnPrefixedWithObjectId => fields.upn_prefix().is_some(),
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
        let dn = dn::normalise(text).ok_or_else(|| format!("`under_rdn` is no distinguished name: `{text}`"))?;
        tests.push(Test::UnderRdn(dn));
    }
    Ok(tests)
}

impl Test {
    fn holds(&self, slot: Slot, fields: &Fields<'_, '_>) -> bool {
        let values = fields.values(slot);
        match self {
            Self::Is(words) => {
                texts(values).any(|text| is_one_of(text, words))
                    || (fields.is_named(slot) && !fields.is_present(slot) && words.iter().any(String::is_empty))
            }
            Self::Not(words) => !texts(values).any(|text| is_one_of(text, words)),
            Self::Present => fields.is_present(slot),
            Self::Absent => !fields.is_present(slot),
            Self::Exists => fields.exists(slot),
            Self::Starts(start) => texts(values).any(|text| starts_with(text, start)),
            Self::Bit(bits) => {
                texts(values).filter_map(|text| text.parse::<i64>().ok()).any(|number| number & bits != 0)
            }
            Self::Number => texts(values).any(|text| text.parse::<i64>().is_ok()),
            Self::RidBelow(limit) => {
                values.iter().filter_map(|value| rid_of(value.as_octets()?)).any(|rid| rid < *limit)
            }
            Self::UnderRdn(ancestor) => texts(values).filter_map(dn::normalise).any(|dn| dn::is_below(&dn, ancestor)),
        }
    }
}

/// The values as trimmed texts, without blank ones.
fn texts<'v>(values: &'v [RawValue<'_>]) -> impl Iterator<Item = &'v str> {
    values.iter().filter_map(|value| value.as_text().map(str::trim)).filter(|text| !text.is_empty())
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
