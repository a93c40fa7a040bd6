//! The names of source attributes (sources.md 10, 11.9).

use std::collections::BTreeSet;

use crate::diagnostic::nearest;
use crate::expr::KnownNames;

/// Computed for each job from state, assignment and filters (service.md 1).
pub const IS_SOFT_DELETED: &str = "IsSoftDeleted";

/// Entra's names, spelled as there.
const CANONICAL: [&str; 57] = [
    "objectId",
    "userPrincipalName",
    "originalUserPrincipalName",
    "mail",
    "mailNickname",
    "otherMails",
    "proxyAddresses",
    "displayName",
    "givenName",
    "surname",
    "jobTitle",
    "department",
    "companyName",
    "employeeId",
    "employeeType",
    "physicalDeliveryOfficeName",
    "streetAddress",
    "city",
    "state",
    "postalCode",
    "country",
    "description",
    "externalId",
    "orgUnitPath",
    "phoneticSurname",
    "phoneticGivenName",
    "phoneticDisplayName",
    "appRoleAssignments",
    "telephoneNumber",
    "mobile",
    "facsimileTelephoneNumber",
    "preferredLanguage",
    "usageLocation",
    "userType",
    "creationType",
    "accountEnabled",
    "dirSyncEnabled",
    "assigned",
    "createdDateTime",
    "modifiedDateTime",
    "deletedDateTime",
    "employeeHireDate",
    "employeeLeaveDateTime",
    "onPremisesSamAccountName",
    "onPremisesDistinguishedName",
    "onPremisesSecurityIdentifier",
    "onPremisesImmutableId",
    "manager",
    "members",
    "securityEnabled",
    "ageGroup",
    "consentProvidedForMinor",
    "legalAgeGroupClassification",
    "externalUserState",
    "identityIssuer",
    "assignedPlans",
    "dirSyncOverrides",
];

/// Graph's newer spellings of the same attributes.
const GRAPH: [(&str, &str); 5] = [
    ("id", "objectId"),
    ("officeLocation", "physicalDeliveryOfficeName"),
    ("mobilePhone", "mobile"),
    ("businessPhones", "telephoneNumber"),
    ("faxNumber", "facsimileTelephoneNumber"),
];

/// Dropped by the reader before anything is stored.
const SECRET: [&str; 15] = [
    "userPassword",
    "unicodePwd",
    "dBCSPwd",
    "ntPwdHistory",
    "lmPwdHistory",
    "supplementalCredentials",
    "pwdHistory",
    "krbPrincipalKey",
    "sambaNTPassword",
    "sambaLMPassword",
    "userPKCS12",
    "authPassword",
    "password",
    "passwordProfile",
    "credentials",
];

/// The source attributes that a mapping may name.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Names beyond the canonical ones: a preset's own, the columns of the export.
    pub others: BTreeSet<String>,
    /// Whether these are all, so that any other name is a mistake and not only perhaps one.
    pub complete: bool,
    /// More names that are secret, from the preset.
    pub secret: BTreeSet<String>,
}

/// Returns the canonical name that `name` stands for; any other name stands for itself.
pub fn canonical(name: &str) -> &str {
    if name == IS_SOFT_DELETED {
        return name;
    }
    if let Some((_, canonical)) = GRAPH.iter().find(|(graph, _)| graph.eq_ignore_ascii_case(name)) {
        return canonical;
    }
    CANONICAL.into_iter().find(|canonical| canonical.eq_ignore_ascii_case(name)).unwrap_or(name)
}

/// Whether the name is Entra's, in either spelling, ignoring case.
pub fn is_canonical(name: &str) -> bool {
    is_extension(name)
        || CANONICAL.iter().chain(GRAPH.iter().map(|(graph, _)| graph)).any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether an attribute of this name is never kept, under any preset.
pub fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

/// `extensionAttribute1` to `15`, and directory extensions.
fn is_extension(name: &str) -> bool {
    let number = name.get(..18).filter(|start| start.eq_ignore_ascii_case("extensionAttribute")).map(|_| &name[18..]);
    number.is_some_and(|number| matches!(number.parse::<u8>(), Ok(1..=15)))
        || name.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("extension_"))
}

impl Known {
    pub(super) fn knows(&self, name: &str) -> bool {
        name == IS_SOFT_DELETED
            || is_canonical(name)
            || self.others.iter().any(|other| other.eq_ignore_ascii_case(name))
    }

    /// Every name as expressions compare them, case included.
    pub(super) fn names(&self) -> KnownNames {
        let extensions = (1..=15).map(|number| format!("extensionAttribute{number}"));
        let fixed = CANONICAL.into_iter().chain([IS_SOFT_DELETED]).chain(GRAPH.map(|(graph, _)| graph));
        fixed.map(str::to_owned).chain(extensions).chain(self.others.iter().cloned()).collect()
    }

    /// Whether a name that no list holds is one by its form.
    pub(super) fn has_form(&self, name: &str) -> bool {
        is_extension(name)
    }

    pub(super) fn is_secret(&self, name: &str) -> bool {
        is_secret(name) || self.secret.iter().any(|secret| secret.eq_ignore_ascii_case(name))
    }

    /// The known name that was probably meant.
    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        let graph = GRAPH.iter().map(|(graph, _)| *graph);
        let others = self.others.iter().map(String::as_str);
        nearest(name, CANONICAL.into_iter().chain([IS_SOFT_DELETED]).chain(graph).chain(others))
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
