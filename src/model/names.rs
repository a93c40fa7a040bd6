//! The names of source attributes (sources.md 10, 11.9).

/// The names of Entra's provisioning source schema, as they are spelled.
pub const CANONICAL: [&str; 66] = [
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
    "extensionAttribute1",
    "extensionAttribute2",
    "extensionAttribute3",
    "extensionAttribute4",
    "extensionAttribute5",
    "extensionAttribute6",
    "extensionAttribute7",
    "extensionAttribute8",
    "extensionAttribute9",
    "extensionAttribute10",
    "extensionAttribute11",
    "extensionAttribute12",
    "extensionAttribute13",
    "extensionAttribute14",
    "extensionAttribute15",
    "manager",
    "members",
    "securityEnabled",
    "externalUserState",
];

/// More of Entra's names: mappings know them, and a source hands them on as they stand.
pub const FURTHER: [&str; 6] = [
    "ageGroup",
    "consentProvidedForMinor",
    "legalAgeGroupClassification",
    "identityIssuer",
    "assignedPlans",
    "dirSyncOverrides",
];

/// Graph's newer spellings, accepted in mappings, and what they mean.
pub const GRAPH: [(&str, &str); 5] = [
    ("id", "objectId"),
    ("officeLocation", "physicalDeliveryOfficeName"),
    ("mobilePhone", "mobile"),
    ("businessPhones", "telephoneNumber"),
    ("faxNumber", "facsimileTelephoneNumber"),
];

/// Passwords and keys, dropped as soon as a record is read (sources.md 11.9).
const SECRETS: [&str; 15] = [
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

/// Returns the canonical spelling of `name`, which may be one of Graph's newer names.
pub fn spelling(name: &str) -> Option<&'static str> {
    let canonical = CANONICAL.iter().find(|other| other.eq_ignore_ascii_case(name)).copied();
    canonical.or_else(|| other_name(name))
}

/// Returns what one of Graph's newer names means.
pub fn other_name(name: &str) -> Option<&'static str> {
    GRAPH.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, canonical)| *canonical)
}

/// Says whether `name` is a password or key in some source, and so must not be mapped (sources.md 11.9).
pub fn is_secret(name: &str) -> bool {
    let base = name.split_once(';').map_or(name, |(base, _)| base);
    base.split('.').any(|segment| SECRETS.iter().any(|secret| secret.eq_ignore_ascii_case(segment)))
}

/// The names of such passwords and keys.
pub fn secrets() -> impl Iterator<Item = &'static str> {
    SECRETS.into_iter()
}
