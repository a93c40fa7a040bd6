//! Runs the cases of a test against its mapping.

use serde_json::{Value as Json, json};

use super::coverage::{Coverage, Gap};
use crate::config::{ExpectedValue, MappingTest, ObjectRules, Outcome, TestCase};
use crate::expr::{Context, DateTime, SeededRandom};
use crate::mapping::AttributeMapping;
use crate::model::{Failure, Flow, SourceState, TargetValue, ValueKind};

/// A test that was run.
#[derive(Debug)]
pub struct Tested<'t> {
    pub test: &'t MappingTest,
    pub cases: Vec<Verdict<'t>>,
    /// What no case exercised.
    pub gaps: Vec<Gap>,
}

/// One case that was run.
#[derive(Debug)]
pub struct Verdict<'t> {
    pub case: &'t TestCase,
    /// None where the case holds.
    pub differences: Vec<Difference>,
}

/// Something that came out otherwise; null is no value.
#[derive(Debug, PartialEq)]
pub struct Difference {
    /// A target attribute, or `error`, `scope`, `input_scope`.
    pub of: String,
    pub expected: Json,
    pub got: Json,
    /// Why there is no value.
    pub why: Option<String>,
}

/// Random functions give the same values in every run of a test.
const SEED: [u8; 32] = [7; 32];

pub fn run(test: &MappingTest) -> Tested<'_> {
    let mut coverage = Coverage::new(&test.mapping);
    let cases = test
        .cases
        .iter()
        .map(|case| {
            let differences = case.rules(&test.mapping).map(|rules| differences(case, rules, &mut coverage));
            Verdict { case, differences: differences.unwrap_or_default() }
        })
        .collect();
    Tested { test, cases, gaps: coverage.gaps(&test.mapping) }
}

impl Tested<'_> {
    pub fn failed(&self) -> usize {
        self.cases.iter().filter(|case| !case.differences.is_empty()).count()
    }
}

fn differences(case: &TestCase, rules: &ObjectRules, coverage: &mut Coverage) -> Vec<Difference> {
    let scope = rules.scope.passes(&case.object);
    let input_scope = rules.input_scope.passes(&case.object);
    coverage.filters(case.object.kind, &rules.scope.explain(&case.object), &rules.input_scope.explain(&case.object));
    let mut found = Vec::new();
    for (of, wanted, got) in
        [("scope", case.expected.scope, &scope), ("input_scope", case.expected.input_scope, &input_scope)]
    {
        match (wanted, got) {
            (Some(wanted), Ok(got)) if wanted != *got => {
                found.push(Difference { of: of.to_owned(), expected: json!(wanted), got: json!(got), why: None });
            }
            (Some(wanted), Err(fault)) => found.push(Difference {
                of: of.to_owned(),
                expected: json!(wanted),
                got: Json::Null,
                why: Some(fault.to_string()),
            }),
            _ => {}
        }
    }
    let Some(outcome) = &case.expected.outcome else { return found };
    let active = case.object.state() == SourceState::Active;
    let entitled = active && case.assigned && scope.as_ref().is_ok_and(|passes| *passes);
    let values = values(case, rules, case.is_soft_deleted.unwrap_or(!entitled));
    coverage.values(case.object.kind, &values);
    let filter = [&scope, &input_scope].into_iter().find_map(|passes| passes.as_ref().err());
    let failure = match filter {
        Some(fault) => Some(("ScopeEvaluationFailed", fault.to_string())),
        None => values.iter().find_map(|value| Some(told(value.as_ref().err()?))),
    };
    match outcome {
        Outcome::Error(code) => {
            if failure.as_ref().map(|(code, _)| *code) != Some(code) {
                found.push(Difference {
                    of: "error".to_owned(),
                    expected: json!(code),
                    got: json!(failure.as_ref().map(|(code, _)| code)),
                    why: failure.map(|(_, message)| message),
                });
            }
        }
        Outcome::Attributes(expected) => {
            if let Some(fault) = filter {
                let (of, why) = ("error".to_owned(), Some(fault.to_string()));
                found.push(Difference { of, expected: Json::Null, got: json!("ScopeEvaluationFailed"), why });
            }
            for (mapping, got) in rules.mapping.attributes().iter().zip(&values) {
                let wanted = expected.get(mapping.rule.path.as_str()).unwrap_or(&ExpectedValue::Absent);
                found.extend(difference(mapping, wanted, got));
            }
        }
    }
    found
}

fn told(failure: &Failure) -> (&'static str, String) {
    (failure.code.as_str(), failure.message.clone())
}

/// The values of a new account, in mapping order; `None` is no value.
fn values(case: &TestCase, rules: &ObjectRules, is_soft_deleted: bool) -> Vec<Result<Option<TargetValue>, Failure>> {
    let random = SeededRandom::new(SEED);
    let taken = |value: &str| Ok(case.taken.contains(&value.to_lowercase()));
    let context = Context { now: DateTime::from(case.now), random: &random, uniqueness: &taken };
    let mappings = rules.mapping.attributes().iter().enumerate();
    mappings
        .map(|(index, mapping)| {
            let flow = rules.mapping.evaluate_one(index, &case.object, is_soft_deleted, &context);
            Ok(match flow.transpose()? {
                Some(Flow::Value(value)) => Some(value),
                Some(Flow::Null) => mapping.rule.default.clone(),
                Some(Flow::Ignore) | None => None,
            })
        })
        .collect()
}

fn difference(
    mapping: &AttributeMapping,
    wanted: &ExpectedValue,
    got: &Result<Option<TargetValue>, Failure>,
) -> Option<Difference> {
    let (same, shown, why) = match got {
        Ok(got) => (agrees(wanted, got.as_ref()), got.as_ref().map_or(Json::Null, TargetValue::to_json), None),
        Err(failure) => (false, Json::Null, Some(format!("{}: {}", failure.code.as_str(), failure.message))),
    };
    let shown = if mapping.rule.redacted && !shown.is_null() { json!("[Redact]") } else { shown };
    let of = mapping.rule.path.to_string();
    (!same).then(|| Difference { of, expected: typed(wanted, mapping.kind), got: shown, why })
}

fn agrees(wanted: &ExpectedValue, got: Option<&TargetValue>) -> bool {
    match (wanted, got) {
        (ExpectedValue::Absent, None) => true,
        (ExpectedValue::One(wanted), Some(TargetValue::Boolean(got))) => {
            wanted.eq_ignore_ascii_case(if *got { "true" } else { "false" })
        }
        (ExpectedValue::One(wanted), Some(TargetValue::Integer(got))) => wanted.parse() == Ok(*got),
        (
            ExpectedValue::One(wanted),
            Some(TargetValue::Text(got) | TargetValue::DateTime(got) | TargetValue::Reference(got)),
        ) => wanted == got,
        (ExpectedValue::Several(wanted), Some(TargetValue::List(got))) => wanted == got,
        (ExpectedValue::Several(wanted), Some(TargetValue::Roles(_, got))) => {
            wanted.iter().eq(got.iter().map(|role| &role.value))
        }
        (ExpectedValue::Absent, Some(_)) | (_, None) => false,
        (ExpectedValue::One(_), Some(TargetValue::List(_) | TargetValue::Roles(..))) => false,
        (
            ExpectedValue::Several(_),
            Some(
                TargetValue::Text(_)
                | TargetValue::Boolean(_)
                | TargetValue::Integer(_)
                | TargetValue::DateTime(_)
                | TargetValue::Reference(_),
            ),
        ) => false,
    }
}

/// What was expected, with the type that the attribute has.
fn typed(wanted: &ExpectedValue, kind: ValueKind) -> Json {
    let one = |text: &str| match kind {
        ValueKind::Boolean if text.eq_ignore_ascii_case("true") => json!(true),
        ValueKind::Boolean if text.eq_ignore_ascii_case("false") => json!(false),
        ValueKind::Integer => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
        ValueKind::Boolean | ValueKind::String | ValueKind::DateTime | ValueKind::Reference | ValueKind::Binary => {
            json!(text)
        }
    };
    match wanted {
        ExpectedValue::Absent => Json::Null,
        ExpectedValue::One(text) => one(text),
        ExpectedValue::Several(texts) => texts.iter().map(|text| one(text)).collect(),
    }
}
