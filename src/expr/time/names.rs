//! English names of the invariant culture.

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From Sunday on, as .NET counts them.
pub(super) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The abbreviation of a month or day: its first three letters.
pub(super) fn short(name: &str) -> &str {
    &name[..3]
}

/// Finds the name that `text` begins with, in any letter case: its place in `names` and its length.
pub(super) fn prefix_of(text: &str, names: &[&str], abbreviated: bool) -> Option<(usize, usize)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let name = if abbreviated { short(name) } else { name };
        let head = text.get(..name.len())?;
        head.eq_ignore_ascii_case(name).then_some((index, name.len()))
    })
}
