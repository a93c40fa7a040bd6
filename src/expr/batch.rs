//! `eval --batch`: a line in, a line out (contract.md 5, expressions.md 10).

use serde_json::{Map, Value as Json, json};

use super::compile::compile;
use super::context::{Context, Random};
use super::fault::{Fault, leading};
use super::json::JsonSource;
use super::slots::Slots;
use super::time::DateTime;

/// The code of a line that cannot be read.
const LINE: &str = "parse";

/// Answers one line `{"id", "expression", "source", "target_existing"}` with `{"id", "value"}` or `{"id", "error"}`.
///
/// Every line is answered: one that is no such object gets an error, with the id as far as it can be read.
pub fn answer_line(line: &str, now: DateTime, random: &dyn Random) -> String {
    let (id, answer) = match read(line) {
        Ok(case) => {
            let taken = |value: &str| Ok(case.taken.contains(&fold(value)));
            let context = Context { now, random, uniqueness: &taken };
            (case.id, evaluate_json(&case.expression, case.source, &context))
        }
        Err((id, message)) => (id, Err(EvalError { code: LINE, message })),
    };
    let answer = match answer {
        Ok(value) => json!({ "id": id, "value": value }),
        Err(EvalError { code, message }) => json!({ "id": id, "error": { "code": code, "message": message } }),
    };
    answer.to_string()
}

/// Why an expression has no value: one of the ids of expressions.md 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalError {
    pub code: &'static str,
    pub message: String,
}

/// Compiles and evaluates one expression against a source object given as JSON.
pub fn evaluate_json(expression: &str, source: Json, context: &Context<'_>) -> Result<Json, EvalError> {
    let mut slots = Slots::new();
    let expression = compile(expression, &mut slots, None).map_err(|faults| failure(&faults))?;
    let source = JsonSource::read(source).map_err(|error| EvalError { code: LINE, message: error.to_string() })?;
    let outcome = expression.evaluate(&source.record(&slots), context);
    outcome.map(|outcome| outcome.to_json()).map_err(|error| EvalError { code: error.code, message: error.message })
}

/// The leading fault's code with the messages of all.
fn failure(faults: &[Fault]) -> EvalError {
    let code = leading(faults).map_or(LINE, |fault| fault.code);
    let messages: Vec<String> = faults
        .iter()
        .map(|fault| match &fault.help {
            Some(help) => format!("{} ({help})", fault.message),
            None => fault.message.clone(),
        })
        .collect();
    EvalError { code, message: messages.join("; ") }
}

struct Case {
    id: Json,
    expression: String,
    source: Json,
    taken: std::collections::HashSet<String>,
}

fn read(line: &str) -> Result<Case, (Json, String)> {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let mut members = match serde_json::from_str(line) {
        Ok(Json::Object(members)) => members,
        Ok(_) => return Err((Json::Null, "the line is not a JSON object".to_owned())),
        Err(error) => return Err((Json::Null, format!("the line is not JSON: {error}"))),
    };
    let id = members.remove("id").unwrap_or(Json::Null);
    match parts(members) {
        Ok((expression, source, taken)) => Ok(Case { id, expression, source, taken }),
        Err(message) => Err((id, message.to_owned())),
    }
}

type Parts = (String, Json, std::collections::HashSet<String>);

fn parts(mut members: Map<String, Json>) -> Result<Parts, &'static str> {
    let Some(Json::String(expression)) = members.remove("expression") else {
        return Err("the member `expression` is missing or no text");
    };
    let source = match members.remove("source") {
        None | Some(Json::Null) => Json::Object(Map::new()),
        Some(source) => source,
    };
    let taken = match members.remove("target_existing") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(values)) => values,
        Some(_) => return Err("the member `target_existing` is no list"),
    };
    let taken = taken.iter().map(|value| value.as_str().map_or_else(|| fold(&value.to_string()), fold)).collect();
    Ok((expression, source, taken))
}

/// The target compares without case.
fn fold(text: &str) -> String {
    text.chars().map(super::casing::upper).map(super::casing::lower).collect()
}
