//! What is said to a SCIM target and how its answers are read, by dialect (wire.md).
//!
//! Pure: no clock, no network, no random numbers; whoever sends the requests hands in what they need.

mod address;
mod auth;
mod create;
mod dialect;
mod groups;
mod options;
mod patch;
mod put;
mod query;
mod read;
mod refuse;
mod request;
mod retry;
mod send;
mod token;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::model::{TargetId, TargetPath, TargetValue};

pub use address::{ConfigFault, Reading, TenantUrl};
pub use auth::{basic, bearer};
pub use dialect::{
    DIALECTS, Dialect, ENTRA_2020, ENTRA_LEGACY, ManagerForm, ManagerRemoval, OKTA_AIW, OKTA_OIN, STRICT,
};
pub use groups::MembershipForm;
pub use options::{Announced, Mode, Options, ProbeStyle, Profile, SinglePlain};
pub use query::segment;
pub use read::{Deleted, Found, Page, Read};
pub use refuse::{Exchange, Refusal, Retry, cut, mask};
pub use request::{Answer, Body, Fault, FaultKind, Request, Response};
pub use retry::{retry_after, retry_pause};
pub use token::{Assertion, ClientAuth, Grant, Token, TokenRefusal, TokenRequest, read_token, token_request};

/// Everything that decides how a target is spoken to.
#[derive(Debug, Clone)]
pub struct Wire {
    pub dialect: &'static Dialect,
    pub options: Options,
    pub profile: Profile,
    pub mode: Mode,
    pub announced: Announced,
    /// Host of the tenant URL, in lower case.
    pub host: String,
    /// Encoded query items that every request carries besides its own.
    pub extra_query: String,
    /// What is mapped of groups besides name and members; repeated where a group is replaced as a whole.
    pub mapped_in_groups: Vec<TargetPath>,
}

/// One mapped attribute, in mapping order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Desired<'a> {
    pub path: &'a TargetPath,
    /// `None` is no value.
    pub value: Option<&'a TargetValue>,
    /// The value comes from `SingleAppRoleAssignment` (wire.md 8.1).
    pub single_role: bool,
}

/// One attribute that differs between what is desired and what the target holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change<'a> {
    pub path: &'a TargetPath,
    /// `None` clears the attribute.
    pub set: Option<&'a TargetValue>,
    /// The read-back holds a value there.
    pub present: bool,
}

/// A member of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    pub id: &'a TargetId,
    /// The login name, which only some dialects send.
    pub display: Option<&'a str>,
}

/// What changes in the membership of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Membership<'a> {
    pub add: &'a [Member<'a>],
    pub remove: &'a [&'a TargetId],
}

/// Something odd that does not stop the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Stable name, such as `create-not-201`.
    pub code: &'static str,
    pub detail: Cow<'static, str>,
}

impl Remark {
    pub fn new(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// Advice that a particular target calls for (wire.md 20.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hint {
    KintoneUsernameImmutable,
    KintoneExternalIdOrDeleted,
    KintoneTokenValidity,
    IpRestrictionPossible,
}

impl Hint {
    /// Every hint.
    pub const ALL: [Self; 4] = [
        Self::KintoneUsernameImmutable,
        Self::KintoneExternalIdOrDeleted,
        Self::KintoneTokenValidity,
        Self::IpRestrictionPossible,
    ];

    /// The stable name of the hint.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KintoneUsernameImmutable => "kintone-username-immutable",
            Self::KintoneExternalIdOrDeleted => "kintone-external-id-or-deleted",
            Self::KintoneTokenValidity => "kintone-token-validity",
            Self::IpRestrictionPossible => "ip-restriction-possible",
        }
    }

    /// What a person can do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::KintoneUsernameImmutable => {
                "the login name of a synchronised user cannot be changed in Kintone: delete the user there, recreate it in the directory and run it again"
            }
            Self::KintoneExternalIdOrDeleted => {
                "another user holds the same `externalId`, or the user was deleted in Kintone: switch Propagate Provisioning off and on, then run the user on demand"
            }
            Self::KintoneTokenValidity => {
                "the validity period of the Kintone API token may have ended: create a new token, configure it, then run `provisiond test-connection`"
            }
            Self::IpRestrictionPossible => {
                "the target may restrict access by IP address, which shows as an invalid certificate: allow the address of this machine there"
            }
        }
    }
}

/// The requests of an update, and what was held back.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Update {
    /// In the order in which to send them; empty when there is nothing to send.
    pub requests: Vec<Request>,
    pub hints: Vec<Hint>,
}
