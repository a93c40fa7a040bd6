use super::{Body, Example, Function, Param, Presence, WhenNull};
use crate::expr::casing::Culture;
use crate::expr::evaluate::{Problem, Rest};

pub(super) const CULTURE: Param = Param {
    name: "culture",
    presence: Presence::Optional,
    doc: "Name of a culture such as `tr-TR`; the invariant one when empty.",
    ..Param::TEXT
};

pub(super) static TO_LOWER: Function = Function {
    name: "ToLower",
    summary: "Returns the text in lower case.",
    params: &[Param::SOURCE, CULTURE],
    examples: &[
        Example { expression: r#"ToLower("Sato")"#, source: "{}", gives: r#""sato""# },
        Example { expression: r#"ToLower("DIYARBAKIR", "tr-TR")"#, source: "{}", gives: r#""dıyarbakır""# },
    ],
    body: Body::Each(WhenNull::Null, |text, rest| Ok(culture(rest)?.lower(text))),
    constant: known_culture,
    ..Function::TEXT
};

pub(super) fn culture(rest: &Rest<'_, '_, '_>) -> Result<Culture, Problem> {
    let Some(name) = rest.text(1)? else { return Ok(Culture::Invariant) };
    known_culture(CULTURE.name, &name).map_err(Problem)?;
    Ok(Culture::of(&name).unwrap_or(Culture::Invariant))
}

pub(super) fn known_culture(param: &str, text: &str) -> Result<(), String> {
    if param == CULTURE.name && Culture::of(text).is_none() {
        return Err("`culture` names no culture; write one such as `tr-TR`, or leave it empty".to_owned());
    }
    Ok(())
}
