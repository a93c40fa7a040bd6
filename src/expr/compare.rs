//! Conditions with an operator.

use std::cmp::Ordering;

use super::evaluate::{ComparisonNode, EvaluationError, Frame, Stop};
use super::fault::EVALUATION;
use super::syntax::Compare;
use super::value::Value;

/// Carries out a condition with an operator (expressions.md 5, `IIF`).
pub(super) fn compare<'a>(node: &'a ComparisonNode, frame: Frame<'_, 'a>) -> Result<bool, Stop> {
    let left = node.left.evaluate(frame)?;
    let right = node.right.evaluate(frame)?;
    if left.is_null_or_empty() || right.is_null_or_empty() {
        return Ok(false);
    }
    let instants = match (&left, &right) {
        (Value::DateTime(left), Value::DateTime(right)) => Some(left.cmp(right)),
        _ => None,
    };
    let (Ok(Some(left)), Ok(Some(right))) = (left.into_text(), right.into_text()) else {
        let (function, span) = (node.function, node.span.clone());
        let message = format!("`{function}`: a list of several values is compared, one text is wanted");
        return Err(Stop::Error(Box::new(EvaluationError { code: EVALUATION, function, message, span })));
    };
    let order = || instants.or_else(|| numeric_order(&left, &right)).unwrap_or_else(|| ordinal_order(&left, &right));
    Ok(match node.operator {
        Compare::Equal => left == right,
        Compare::NotEqual => left != right,
        Compare::Greater => order() == Ordering::Greater,
        Compare::GreaterOrEqual => order() != Ordering::Less,
        Compare::Less => order() == Ordering::Less,
        Compare::LessOrEqual => order() != Ordering::Greater,
    })
}

/// Orders by UTF-16 units, as .NET's ordinal comparison does.
fn ordinal_order(left: &str, right: &str) -> Ordering {
    left.encode_utf16().cmp(right.encode_utf16())
}

/// Orders two texts as decimal numbers of any length, without rounding; `None` unless both are such.
fn numeric_order(left: &str, right: &str) -> Option<Ordering> {
    let left = Decimal::of(left)?;
    let right = Decimal::of(right)?;
    Some(match (left.negative, right.negative) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => left.magnitude(&right),
        (true, true) => right.magnitude(&left),
    })
}

/// Says whether a decimal number of any length is other than zero; `None` if the text is none.
pub(super) fn is_other_than_zero(text: &str) -> Option<bool> {
    Decimal::of(text).map(|number| !(number.whole.is_empty() && number.fraction.is_empty()))
}

struct Decimal<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
}

impl<'t> Decimal<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let text = text.trim();
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
        let is_run = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        if !is_run(whole) || !fraction.is_none_or(is_run) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.unwrap_or("").trim_end_matches('0');
        let is_zero = whole.is_empty() && fraction.is_empty();
        Some(Self { negative: negative && !is_zero, whole, fraction })
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        let whole = self.whole.len().cmp(&other.whole.len()).then_with(|| self.whole.cmp(other.whole));
        whole.then_with(|| self.fraction.cmp(other.fraction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_zero_however_it_is_written() {
        for (text, expected) in [
            ("0", Some(false)),
            ("-0.00", Some(false)),
            (" 0.5 ", Some(true)),
            ("-1", Some(true)),
            ("99999999999999999999", Some(true)),
            ("1e5", None),
            ("", None),
        ] {
            assert_eq!(is_other_than_zero(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_compare_by_value() {
        let cases = [
            ("13", "5", Some(Ordering::Greater)),
            ("-10", "-9", Some(Ordering::Less)),
            ("007", "7", Some(Ordering::Equal)),
            ("1.50", "1.5", Some(Ordering::Equal)),
            ("-0", "0", Some(Ordering::Equal)),
            ("123456789012345678901", "123456789012345678900", Some(Ordering::Greater)),
            (" 2 ", "+10", Some(Ordering::Less)),
            ("1.", "1", None),
            ("a", "1", None),
            ("", "1", None),
        ];
        for (left, right, expected) in cases {
            assert_eq!(numeric_order(left, right), expected, "{left} and {right}");
        }
    }
}
