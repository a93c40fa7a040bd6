//! The names of source attributes (sources.md 10, 11.9).

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::expr::KnownNames;
use crate::model::names::{CANONICAL, FURTHER, GRAPH, spelling};

pub use crate::model::names::is_secret;

/// Computed for each job from state, assignment and filters (service.md 1).
pub const IS_SOFT_DELETED: &str = "IsSoftDeleted";

/// The code for an attribute that the source does not have, of expressions too.
pub(super) const UNKNOWN_ATTRIBUTE: &str = "unknown_attribute";

/// The source attributes that a mapping may name.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Names beyond the canonical ones: a preset's own, the columns of the export.
    pub others: BTreeSet<String>,
    /// Whether these are all, so that any other name is a mistake and not only perhaps one.
    pub complete: bool,
    /// More names that are secret, from the preset.
    pub secret: BTreeSet<String>,
    /// The job provisions everybody, assigned or not.
    pub everybody: bool,
}

/// Returns the canonical name that `name` stands for; any other name stands for itself.
pub fn canonical(name: &str) -> &str {
    if name == IS_SOFT_DELETED {
        return name;
    }
    let further = || FURTHER.into_iter().find(|known| known.eq_ignore_ascii_case(name));
    spelling(name).or_else(further).unwrap_or(name)
}

/// Whether the name is Entra's, in either spelling, ignoring case.
pub fn is_canonical(name: &str) -> bool {
    is_extension(name) || spelling(name).is_some() || FURTHER.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The form of a directory extension.
fn is_extension(name: &str) -> bool {
    name.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("extension_"))
}

impl Known {
    fn knows(&self, name: &str) -> bool {
        name == IS_SOFT_DELETED
            || is_canonical(name)
            || self.others.iter().any(|other| other.eq_ignore_ascii_case(name))
    }

    /// What is wrong with a name that somebody writes for an attribute of the source; what to write instead of a secret depends on
    /// where it stands, and is not said.
    pub fn judge(&self, name: &str) -> Option<Diagnostic> {
        if self.is_secret(name) {
            let message = format!("`{name}` is a secret and is never read from an export");
            return Some(Diagnostic::error("secret_attribute", message));
        }
        if self.knows(name) {
            return None;
        }
        let help = match self.nearest(name) {
            Some(near) => format!("an attribute with a similar name exists: `{near}`"),
            None => "write the name of a source attribute; `provisiond source show` lists them".to_owned(),
        };
        let severity = if self.complete { Severity::Error } else { Severity::Warning };
        let message = format!("the source is not known to have an attribute `{name}`");
        Some(Diagnostic::new(severity, UNKNOWN_ATTRIBUTE, message).with_help(help))
    }

    /// Every name as expressions compare them, case included.
    pub(super) fn names(&self) -> KnownNames {
        let fixed = CANONICAL.into_iter().chain(FURTHER).chain([IS_SOFT_DELETED]).chain(GRAPH.map(|(graph, _)| graph));
        fixed.map(str::to_owned).chain(self.others.iter().cloned()).collect()
    }

    /// Whether a name that no list holds is one by its form.
    pub(super) fn has_form(&self, name: &str) -> bool {
        is_extension(name)
    }

    pub(super) fn is_secret(&self, name: &str) -> bool {
        is_secret(name) || self.secret.iter().any(|secret| secret.eq_ignore_ascii_case(name))
    }

    /// The known name that was probably meant.
    fn nearest(&self, name: &str) -> Option<&str> {
        let graph = GRAPH.iter().map(|(graph, _)| *graph);
        let others = self.others.iter().map(String::as_str);
        nearest(name, CANONICAL.into_iter().chain(FURTHER).chain([IS_SOFT_DELETED]).chain(graph).chain(others))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_canonical_form() {
        let cases = [
            ("mail", "mail"),
            ("MAIL", "mail"),
            ("id", "objectId"),
            ("OfficeLocation", "physicalDeliveryOfficeName"),
            ("IsSoftDeleted", "IsSoftDeleted"),
            ("sn", "sn"),
        ];
        for (name, expected) in cases {
            assert_eq!(canonical(name), expected, "{name}");
        }
        for (name, expected) in [
            ("extensionAttribute15", true),
            ("extensionAttribute16", false),
            ("extension_abc_cost", true),
            ("mobilephone", true),
            ("sn", false),
        ] {
            assert_eq!(is_canonical(name), expected, "{name}");
        }
        assert!(is_secret("UserPassword"));
    }
}
