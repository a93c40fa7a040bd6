//! What some canonical names are to a reader (sources.md 7.4, 10).

pub use crate::model::names::{CANONICAL as NAMES, is_secret, other_name, secrets, spelling};

/// Identifiers that people change: as an anchor they make a leaver and a joiner of one person.
const MUTABLE: [&str; 7] = [
    "userPrincipalName",
    "originalUserPrincipalName",
    "mail",
    "mailNickname",
    "displayName",
    "onPremisesSamAccountName",
    "onPremisesDistinguishedName",
];

/// Numbers that a spreadsheet turns into floats (sources.md 7.4).
const DIGITS: [&str; 6] =
    ["telephoneNumber", "mobile", "facsimileTelephoneNumber", "employeeId", "postalCode", "objectId"];

pub fn is_mutable(name: &str) -> bool {
    MUTABLE.iter().any(|other| other.eq_ignore_ascii_case(name))
}

pub fn is_digits(name: &str) -> bool {
    DIGITS.contains(&name)
}
