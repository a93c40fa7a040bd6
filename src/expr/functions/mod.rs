//! The functions of the language, one file each (expressions.md 5 and 7).

mod app_role_assignments;
mod append;
mod bit_and;
mod cbool;
mod cdate;
mod coalesce;
mod convert_from_base64;
mod convert_to_base64;
mod convert_to_utf8_hex;
mod count;
mod cstr;
mod date_add;
mod date_diff;
mod date_from_num;
mod dn_component;
mod error;
mod format_date_time;
mod guid;
mod ignore_flow;
mod iif;
mod in_str;
mod is_null;
mod is_string;
mod item;
mod join;
mod left;
mod mid;
mod normalize_diacritics;
mod not;
mod now;
mod num_from_date;
mod pcase;
mod prepend;
mod random_string;
mod redact;
mod remove_duplicates;
mod replace;
mod select_unique_value;
mod single_app_role_assignment;
mod split;
mod string_from_sid;
mod strip_spaces;
mod switch;
mod to_lower;
mod to_upper;
mod trim;
mod units;
mod word;

use std::borrow::Cow;

use super::evaluate::{Arguments, Evaluated, Problem, Rest};
use super::fault::Fault;
use super::syntax::Call;

pub(super) use replace::{Mode as ReplaceMode, mode as replace_mode};

/// One function: what it is called, how it is called and what it does.
#[derive(Debug)]
pub(super) struct Function {
    pub name: &'static str,
    pub summary: &'static str,
    pub params: &'static [Param],
    /// How many of the last parameters repeat as a group; 0 for none.
    pub repeats: usize,
    /// Least number of arguments where the parameters alone do not say it, else 0.
    pub least: usize,
    pub result: Type,
    pub class: Class,
    /// What has no place in the summary, for the reference.
    pub notes: &'static str,
    pub examples: &'static [Example],
    pub body: Body,
    /// Faults of a call that the parameters cannot express.
    pub check: fn(&Call, &mut Vec<Fault>),
    /// What is wrong with a constant text for the parameter of this name; it would fail every object.
    pub constant: fn(&str, &str) -> Result<(), String>,
}

impl Function {
    /// A pure function that gives a text.
    const TEXT: Self = Self {
        name: "",
        summary: "",
        params: &[],
        repeats: 0,
        least: 0,
        result: Type::Text,
        class: Class::Pure,
        notes: "",
        examples: &[],
        body: Body::Each(WhenNull::Null, |text, _| Ok(text)),
        check: |_, _| {},
        constant: |_, _| Ok(()),
    };

    /// The parameters as `count` arguments fill them, repeated ones unrolled.
    pub fn params_for(&self, count: usize) -> impl Iterator<Item = &'static Param> {
        let params = if self.name == format_date_time::FORMAT_DATE_TIME.name && count == 3 {
            format_date_time::OLDER_PARAMS
        } else {
            self.params
        };
        let again = &params[params.len() - self.repeats..];
        params.iter().chain(again.iter().cycle())
    }

    /// The fewest and most arguments.
    pub fn arity(&self) -> (usize, Option<usize>) {
        let last_required = self.params.iter().rposition(|param| param.presence == Presence::Required);
        let least = if self.least > 0 { self.least } else { last_required.map_or(0, |last| last + 1) };
        (least, (self.repeats == 0).then_some(self.params.len()))
    }

    /// The function as a reader writes it: `Left(source, numChars)`.
    pub fn signature(&self) -> String {
        let mut parts: Vec<String> = self
            .params
            .iter()
            .map(|param| match param.presence {
                Presence::Required => param.name.to_owned(),
                Presence::Optional => format!("{}?", param.name),
            })
            .collect();
        if self.repeats > 0 {
            parts.push("...".to_owned());
        }
        format!("{}({})", self.name, parts.join(", "))
    }
}

/// One parameter.
#[derive(Debug)]
pub(super) struct Param {
    pub name: &'static str,
    /// The key of the schema API where it is not the name.
    pub key: Option<&'static str>,
    pub ty: Type,
    pub presence: Presence,
    pub doc: &'static str,
}

impl Param {
    /// A required text.
    const TEXT: Self = Self { name: "", key: None, ty: Type::Text, presence: Presence::Required, doc: "" };
    /// The text that most functions work on.
    const SOURCE: Self =
        Self { name: "source", doc: "Text, or a list whose values are worked on one by one.", ..Self::TEXT };

    pub fn key(&self) -> &'static str {
        self.key.unwrap_or(self.name)
    }
}

/// Whether an argument may be left empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
}

/// What a parameter takes or a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Integer,
    Boolean,
    Date,
    List,
    Roles,
    Any,
    /// A comparison, or any value.
    Condition,
    /// A bare word.
    Keyword,
}

impl Type {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::List => "list",
            Self::Roles => "role assignments",
            Self::Any => "any value",
            Self::Condition => "condition",
            Self::Keyword => "keyword",
        }
    }
}

/// How the result may change while the source object does not (expressions.md 4); the worst comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Pure,
    /// Changes with time.
    Clock,
    /// New with each evaluation.
    Random,
    /// Depends on what the target holds.
    Target,
}

impl Class {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Clock => "clock",
            Self::Random => "random",
            Self::Target => "target",
        }
    }
}

/// A call that is run as a test and shown in the reference.
#[derive(Debug)]
pub(super) struct Example {
    pub expression: &'static str,
    /// Attributes as a JSON object.
    pub source: &'static str,
    /// The outcome as JSON.
    pub gives: &'static str,
}

pub(super) type EachBody = for<'a> fn(Cow<'a, str>, &Rest<'_, '_, 'a>) -> Result<Cow<'a, str>, Problem>;

/// What a function does.
#[derive(Debug)]
pub(super) enum Body {
    /// Takes its arguments itself, when it wants them.
    Whole(for<'a> fn(&Arguments<'_, 'a>) -> Evaluated<'a>),
    /// Works on one text, and so on each value of a list.
    Each(WhenNull, EachBody),
}

/// What a null source gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenNull {
    Null,
    Empty,
}

/// Every function, in alphabetical order.
pub(super) static ALL: [&Function; 52] = [
    &append::APPEND,
    &app_role_assignments::APP_ROLE_ASSIGNMENTS,
    &app_role_assignments::APP_ROLE_ASSIGNMENTS_COMPLEX,
    &app_role_assignments::ASSERTIVE_APP_ROLE_ASSIGNMENTS_COMPLEX,
    &bit_and::BIT_AND,
    &cbool::CBOOL,
    &cdate::CDATE,
    &coalesce::COALESCE,
    &convert_from_base64::CONVERT_FROM_BASE64,
    &convert_to_base64::CONVERT_TO_BASE64,
    &convert_to_utf8_hex::CONVERT_TO_UTF8_HEX,
    &count::COUNT,
    &cstr::CSTR,
    &date_add::DATE_ADD,
    &date_diff::DATE_DIFF,
    &date_from_num::DATE_FROM_NUM,
    &dn_component::DN_COMPONENT,
    &error::ERROR,
    &format_date_time::FORMAT_DATE_TIME,
    &guid::GUID,
    &ignore_flow::IGNORE_FLOW_IF_NULL_OR_EMPTY,
    &iif::IIF,
    &in_str::IN_STR,
    &is_null::IS_NOTHING,
    &is_null::IS_NULL,
    &is_null::IS_NULL_OR_EMPTY,
    &is_null::IS_PRESENT,
    &is_string::IS_STRING,
    &item::ITEM,
    &join::JOIN,
    &left::LEFT,
    &mid::MID,
    &normalize_diacritics::NORMALIZE_DIACRITICS,
    &not::NOT,
    &now::NOW,
    &num_from_date::NUM_FROM_DATE,
    &pcase::PCASE,
    &prepend::PREPEND,
    &random_string::RANDOM_STRING,
    &redact::REDACT,
    &remove_duplicates::REMOVE_DUPLICATES,
    &replace::REPLACE,
    &select_unique_value::SELECT_UNIQUE_VALUE,
    &single_app_role_assignment::SINGLE_APP_ROLE_ASSIGNMENT,
    &split::SPLIT,
    &string_from_sid::STRING_FROM_SID,
    &strip_spaces::STRIP_SPACES,
    &switch::SWITCH,
    &to_lower::TO_LOWER,
    &to_upper::TO_UPPER,
    &trim::TRIM,
    &word::WORD,
];

pub(super) fn find(name: &str) -> Option<&'static Function> {
    ALL.into_iter().find(|function| function.name == name)
}
