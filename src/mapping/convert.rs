//! A computed value becomes what the target attribute wants (expressions.md 3.3, service.md 11.2).

use jiff::Timestamp;

use crate::expr::OwnedValue;
use crate::model::{ErrorCode, Failure, Flow, TargetValue, ValueKind};

/// What a target attribute takes.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub kind: ValueKind,
    pub multivalued: bool,
}

/// Why a value does not fit; names no value, it may be secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    pub code: ErrorCode,
    pub message: String,
}

impl Misfit {
    pub(super) fn into_failure(self, path: &str) -> Failure {
        Failure::new(self.code, format!("`{path}`: {}", self.message))
    }
}

fn misfit(message: &str) -> Misfit {
    Misfit { code: ErrorCode::AttributeEvaluationFailed, message: message.to_owned() }
}

impl Form {
    /// Converts a value; the empty text and the empty list are no value (wire.md 1.1).
    pub(super) fn convert(self, value: OwnedValue) -> Result<Flow, Misfit> {
        let single = match value {
            OwnedValue::List(texts) => {
                let mut texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
                if self.multivalued {
                    return Ok(if texts.is_empty() { Flow::Null } else { Flow::Value(TargetValue::List(texts)) });
                }
                match (texts.pop(), texts.len()) {
                    (None, _) => return Ok(Flow::Null),
                    (Some(text), 0) => OwnedValue::Text(text),
                    (Some(_), more) => {
                        return Err(Misfit {
                            code: ErrorCode::SchemaPropertyCanOnlyAcceptValue,
                            message: format!("it takes one value, and the mapping gave {}", more + 1),
                        });
                    }
                }
            }
            OwnedValue::Roles(_, roles) if roles.is_empty() => return Ok(Flow::Null),
            OwnedValue::Roles(form, roles) if self.multivalued => {
                return Ok(Flow::Value(TargetValue::Roles(form, roles)));
            }
            OwnedValue::Roles(..) => {
                return Err(misfit("role objects go into a multi-valued attribute such as `roles`"));
            }
            single => single,
        };
        if let OwnedValue::Text(text) = &single
            && text.is_empty()
        {
            return Ok(Flow::Null);
        }
        if self.multivalued {
            return Ok(Flow::Value(TargetValue::List(vec![text_of(single)])));
        }
        self.single(single).map(Flow::Value)
    }

    fn single(self, value: OwnedValue) -> Result<TargetValue, Misfit> {
        Ok(match (self.kind, value) {
            (ValueKind::Boolean, OwnedValue::Boolean(flag)) => TargetValue::Boolean(flag),
            (ValueKind::Boolean, other) => match text_of(other).trim() {
                text if text.eq_ignore_ascii_case("true") => TargetValue::Boolean(true),
                text if text.eq_ignore_ascii_case("false") => TargetValue::Boolean(false),
                _ => return Err(misfit("it is a Boolean, and the mapping gave neither `True` nor `False`")),
            },
            (ValueKind::Integer, OwnedValue::Integer(number)) => TargetValue::Integer(number),
            (ValueKind::Integer, other) => match text_of(other).trim().parse() {
                Ok(number) => TargetValue::Integer(number),
                Err(_) => return Err(misfit("it is an integer, and the mapping gave something else")),
            },
            (ValueKind::DateTime, OwnedValue::DateTime(instant)) => TargetValue::DateTime(rfc3339(instant)),
            (ValueKind::DateTime, other) => match instant(text_of(other).trim()) {
                Some(text) => TargetValue::DateTime(text),
                None => return Err(misfit("it is a DateTime, and the mapping gave no RFC 3339 date and time")),
            },
            // a reference names the source anchor until the cycle resolves it
            (ValueKind::String | ValueKind::Binary | ValueKind::Reference, other) => TargetValue::Text(text_of(other)),
        })
    }
}

/// An instant, or a date as its first moment in UTC.
fn instant(text: &str) -> Option<String> {
    let found = text.parse::<Timestamp>().ok();
    let found = found.or_else(|| {
        let date = text.parse::<jiff::civil::Date>().ok()?;
        Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    });
    found.map(|instant| instant.to_string())
}

/// Years that RFC 3339 cannot write end at its bounds; the language's own are wider.
fn rfc3339(instant: crate::expr::DateTime) -> String {
    let nanoseconds = instant.to_unix_nanoseconds();
    Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::MAX).to_string()
}

fn text_of(value: OwnedValue) -> String {
    match value {
        OwnedValue::Text(text) => text,
        OwnedValue::Boolean(true) => "True".to_owned(),
        OwnedValue::Boolean(false) => "False".to_owned(),
        OwnedValue::Integer(number) => number.to_string(),
        OwnedValue::DateTime(instant) => instant.to_string(),
        OwnedValue::List(texts) => texts.join(", "),
        OwnedValue::Roles(_, roles) => roles.into_iter().map(|role| role.value).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_form_of_their_attribute() {
        let text = |text: &str| OwnedValue::Text(text.to_owned());
        let list = |texts: &[&str]| OwnedValue::List(texts.iter().map(|text| (*text).to_owned()).collect());
        let value = |value| Ok(Flow::Value(value));
        let wrong = |code| Err(code);
        let cases = [
            (ValueKind::Boolean, false, text("TRUE"), value(TargetValue::Boolean(true))),
            (ValueKind::Boolean, false, OwnedValue::Boolean(false), value(TargetValue::Boolean(false))),
            (ValueKind::Boolean, false, text("yes"), wrong(ErrorCode::AttributeEvaluationFailed)),
            (ValueKind::Integer, false, text("007"), value(TargetValue::Integer(7))),
            (ValueKind::Integer, false, text("7.5"), wrong(ErrorCode::AttributeEvaluationFailed)),
            (ValueKind::String, false, OwnedValue::Boolean(true), value(TargetValue::Text("True".into()))),
            (ValueKind::String, false, text(""), Ok(Flow::Null)),
            (ValueKind::String, false, list(&["a"]), value(TargetValue::Text("a".into()))),
            (ValueKind::String, false, list(&["a", "b"]), wrong(ErrorCode::SchemaPropertyCanOnlyAcceptValue)),
            (ValueKind::String, true, list(&["a", "b"]), value(TargetValue::List(vec!["a".into(), "b".into()]))),
            (ValueKind::String, true, text("a"), value(TargetValue::List(vec!["a".into()]))),
            (
                ValueKind::DateTime,
                false,
                text("2026-01-01T09:00:00+09:00"),
                value(TargetValue::DateTime("2026-01-01T00:00:00Z".into())),
            ),
            (
                ValueKind::DateTime,
                false,
                text("2026-01-01"),
                value(TargetValue::DateTime("2026-01-01T00:00:00Z".into())),
            ),
            (ValueKind::DateTime, false, text("soon"), wrong(ErrorCode::AttributeEvaluationFailed)),
            (ValueKind::Reference, false, text("u-1"), value(TargetValue::Text("u-1".into()))),
        ];
        for (kind, multivalued, given, expected) in cases {
            let found = Form { kind, multivalued }.convert(given.clone()).map_err(|misfit| misfit.code);
            assert_eq!(found, expected, "{kind:?} {multivalued} {given:?}");
        }
    }
}
