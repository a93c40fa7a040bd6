//! Names that belong to a related language, and what to write here instead (expressions.md 8).

use std::ops::Range;

use super::fault::{Fault, UNKNOWN_FUNCTION};
use super::functions;
use crate::diagnostic::nearest;

/// Returns the fault of a call to a function that this language does not have.
pub(super) fn unknown_function(name: &str, span: Range<usize>) -> Fault {
    let fault = Fault::error(UNKNOWN_FUNCTION, span, format!("unknown function `{name}`"))
        .label("not a function of the expression language");
    match (hint(name), nearest(name, functions::ALL.iter().map(|function| function.name))) {
        (_, Some(near)) if near.eq_ignore_ascii_case(name) => {
            fault.help(format!("function names are case-sensitive: `{near}`"))
        }
        (Some(hint), _) => fault.help(hint),
        (None, Some(near)) => fault.help(format!("a function with a similar name exists: `{near}`")),
        (None, None) => fault.help("`provisiond functions` lists them"),
    }
}

/// Returns what to write instead of a function that only connect sync has.
fn hint(name: &str) -> Option<String> {
    if let Some((_, suggestion)) = CONNECT_SYNC.iter().find(|(known, _)| *known == name) {
        return Some(if suggestion.is_empty() {
            format!(
                "`{name}` exists in connect sync only, and nothing here replaces it; prepare the value in the source data"
            )
        } else {
            format!("`{name}` exists in connect sync only; {suggestion}")
        });
    }
    if name == "DefaultDomain" {
        return Some("no default domain is configured; write the domain as a text: `\"contoso.com\"`".to_owned());
    }
    (name == "IsCert" || (name.starts_with("Cert") && name.len() > "Cert".len())).then(|| {
        "functions on certificates exist in connect sync only; prepare the value in the source data".to_owned()
    })
}

const CONNECT_SYNC: [(&str, &str); 32] = [
    ("BitOr", ""),
    ("CGuid", ""),
    ("StringFromGuid", ""),
    ("CNum", "it is not needed: a text of digits converts by itself"),
    ("Contains", "write a condition with `InStr(Join(\";\", list), text)`"),
    ("ConvertFromUTF8Hex", ""),
    ("CRef", "it is not needed: a reference is a text"),
    ("DNComponentRev", "write `Item(Split(dn, \",\"), n)`, or count from the left with `DNComponent`"),
    ("EscapeDNComponent", "write `Replace` with a pattern"),
    ("InStrRev", "write `Replace` with a pattern"),
    ("IsBitSet", "write `IIF(BitAnd(value, flag) <> \"0\", ..., ...)`"),
    ("IsDate", ""),
    ("IsGuid", ""),
    ("IsNumeric", ""),
    ("IsEmpty", "write `Switch([a], ..., \"\", ...)`"),
    ("ItemOrNull", "write `IIF(Count(list) >= i, Item(list, i), )`"),
    ("LCase", "write `ToLower`"),
    ("UCase", "write `ToUpper`"),
    ("Len", ""),
    ("LTrim", "write `Replace` with the pattern `\"^\\\\s+\"`"),
    ("RTrim", "write `Replace` with the pattern `\"\\\\s+$\"`"),
    ("PadLeft", "write `Append` or `Prepend`, then `Mid`"),
    ("PadRight", "write `Append`, then `Mid`"),
    ("RandomNum", "write `RandomString`"),
    ("ReplaceChars", "write `NormalizeDiacritics` or nested `Replace`"),
    ("Right", "write `Replace` with a pattern"),
    ("Select", ""),
    ("Where", ""),
    ("With", ""),
    ("ImportedValue", ""),
    ("AND", "nest `IIF`: AND in the true branch"),
    ("OR", "nest `IIF`: OR in the false branch"),
];
