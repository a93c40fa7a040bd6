//! Names that belong to a related language, and what to write here instead (expressions.md 8).

/// Returns what to write instead of a function that only connect sync has.
pub(super) fn hint(name: &str) -> Option<String> {
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

const CONNECT_SYNC: [(&str, &str); 33] = [
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
    ("IIf", "write `IIF`"),
    ("AND", "nest `IIF`: AND in the true branch"),
    ("OR", "nest `IIF`: OR in the false branch"),
];
