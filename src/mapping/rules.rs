//! What a target takes at all, and what follows from the name of its attributes.

use crate::model::{TargetPath, ValueKind};

/// Which attributes a target takes.
#[derive(Debug)]
pub struct TargetRules {
    /// The profile's name.
    pub profile: &'static str,
    /// The only attributes it takes; `None` for any.
    pub only: Option<&'static [&'static str]>,
    /// Attributes that can be set on creation only.
    pub on_create: &'static [&'static str],
    pub groups: bool,
}

pub const GENERIC: TargetRules = TargetRules { profile: "generic", only: None, on_create: &[], groups: true };

/// Kintone and cybozu.com (service.md 26): seven attributes, a login name that stays, no groups.
pub const KINTONE: TargetRules = TargetRules {
    profile: "kintone",
    only: Some(&[
        "userName",
        "active",
        "displayName",
        "emails[type eq \"work\"].value",
        "name.givenName",
        "name.familyName",
        "externalId",
    ]),
    on_create: &["userName"],
    groups: false,
};

/// Core attributes that hold several values when they are mapped as a whole (RFC 7643 4.1.2, 4.2).
const MULTIVALUED: [&str; 11] = [
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "groups",
    "entitlements",
    "roles",
    "x509Certificates",
    "members",
    "schemas",
];

/// The type of a target attribute of which the mapping declares none.
pub fn kind_of(path: &TargetPath) -> ValueKind {
    let ends_in = |name: &str| path.sub().is_some_and(|sub| sub.eq_ignore_ascii_case(name));
    if path.is_core("active") || ends_in("primary") {
        ValueKind::Boolean
    } else if path.is_manager() || path.is_core("members") {
        ValueKind::Reference
    } else {
        ValueKind::String
    }
}

/// Whether a target attribute holds several values where the mapping does not say so.
pub fn is_multivalued(path: &TargetPath) -> bool {
    MULTIVALUED.iter().any(|name| path.is_core(name))
}

/// Whether two paths address the same place, however they are spelled.
pub(super) fn same_place(a: &TargetPath, b: &TargetPath) -> bool {
    let same = |a: Option<&str>, b: Option<&str>| match (a, b) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    let filter = |path: &TargetPath| path.filter().map(|filter| format!("{} {}", filter.sub, filter.literal));
    same(a.urn(), b.urn())
        && a.attribute().eq_ignore_ascii_case(b.attribute())
        && same(filter(a).as_deref(), filter(b).as_deref())
        && same(a.sub(), b.sub())
}

impl TargetRules {
    pub(super) fn takes(&self, path: &TargetPath) -> bool {
        self.only.is_none_or(|only| names(only, path))
    }

    pub(super) fn is_on_create(&self, path: &TargetPath) -> bool {
        names(self.on_create, path)
    }
}

fn names(list: &[&str], path: &TargetPath) -> bool {
    list.iter().any(|name| name.parse::<TargetPath>().is_ok_and(|known| same_place(&known, path)))
}
