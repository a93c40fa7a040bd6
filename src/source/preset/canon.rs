//! Canonical names by number, so that a record's values lie in a row.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

/// The number of a canonical name in a preset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Canon(pub u16);

/// One canonical name.
#[derive(Debug, Clone)]
pub struct Canonical {
    pub name: Arc<str>,
    /// Whether it stays in the object; others are read for the anchor and the like.
    pub handed: bool,
    /// Stands for the name in hashes.
    pub seed: u64,
}

/// Names that the reader itself asks for; they have the same numbers in all presets.
const FIRST: [&str; 12] = [
    "objectId",
    "userPrincipalName",
    "mail",
    "displayName",
    "givenName",
    "surname",
    "employeeId",
    "proxyAddresses",
    "modifiedDateTime",
    "accountEnabled",
    "originalUserPrincipalName",
    "onPremisesDistinguishedName",
];

impl Canon {
    pub const OBJECT_ID: Self = Self(0);
    pub const USER_PRINCIPAL_NAME: Self = Self(1);
    pub const MAIL: Self = Self(2);
    pub const DISPLAY_NAME: Self = Self(3);
    pub const GIVEN_NAME: Self = Self(4);
    pub const SURNAME: Self = Self(5);
    pub const EMPLOYEE_ID: Self = Self(6);
    pub const PROXY_ADDRESSES: Self = Self(7);
    pub const MODIFIED: Self = Self(8);
    pub const ACCOUNT_ENABLED: Self = Self(9);
    pub const ORIGINAL_USER_PRINCIPAL_NAME: Self = Self(10);
    pub const DISTINGUISHED_NAME: Self = Self(11);

    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Says whether the reader itself may ask for it.
    pub fn is_asked_for(self) -> bool {
        self.index() < FIRST.len()
    }
}

/// Gives numbers to canonical names.
pub(super) struct Numbers {
    pub names: Vec<Canonical>,
    pub full: bool,
}

impl Numbers {
    pub fn new() -> Self {
        let mut numbers = Self { names: Vec::new(), full: false };
        for name in FIRST {
            numbers.number(&Arc::from(name));
        }
        numbers
    }

    pub fn number(&mut self, name: &Arc<str>) -> Canon {
        let at = self.names.iter().position(|one| one.name == *name).unwrap_or_else(|| {
            let seed = xxh3_64(name.as_bytes());
            self.names.push(Canonical { name: Arc::clone(name), handed: true, seed });
            self.names.len() - 1
        });
        u16::try_from(at).map(Canon).unwrap_or_else(|_| {
            self.full = true;
            Canon(0)
        })
    }
}
