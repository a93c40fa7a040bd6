//! What is open in the public record, and which target is at the other end (wire.md 24, contract.md 3.1).

use serde::{Deserialize, Serialize};

use super::dialect::{ManagerForm, ManagerRemoval};

/// How the object that cannot exist is named in a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeStyle {
    #[default]
    Guid,
    /// `AzureAD_Test-<guid>`.
    Prefixed,
}

/// How one plain attribute alone is sent by a dialect that sends several without a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SinglePlain {
    #[default]
    Path,
    Pathless,
}

/// Either-or points of the dialects; `None` leaves the dialect its own habit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Appends the tenant URL's other query items to every request.
    pub passthrough_query: bool,
    pub on_demand_ignores_flag: bool,
    /// Appends the tenant URL's flags to every request.
    pub pass_flags: bool,
    /// The literal `Accept`; `none` sends none.
    pub accept: Option<String>,
    pub user_agent: Option<String>,
    pub probe_style: ProbeStyle,
    pub probe_every_cycle: bool,
    /// Attributes whose work element is marked as primary on create.
    pub primary_on_work: Vec<String>,
    pub primary_as_string: bool,
    pub empty_roles: bool,
    pub manager_in_create: bool,
    pub manager_form: Option<ManagerForm>,
    pub manager_removal: Option<ManagerRemoval>,
    pub adscim_group_schema: bool,
    pub empty_members_in_create: bool,
    pub single_plain: SinglePlain,
    /// Members in one request.
    pub member_batch: Option<std::num::NonZeroUsize>,
    pub member_ref_null: bool,
    pub full_push: bool,
    pub members_pathless: bool,
    /// Sends a throw-away password on create where the dialect has one; by default only when standing in.
    pub okta_password: Option<bool>,
    pub honour_retry_after: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            passthrough_query: false,
            on_demand_ignores_flag: false,
            pass_flags: false,
            accept: None,
            user_agent: None,
            probe_style: ProbeStyle::Guid,
            probe_every_cycle: false,
            primary_on_work: vec!["emails".to_owned()],
            primary_as_string: false,
            empty_roles: false,
            manager_in_create: false,
            manager_form: None,
            manager_removal: None,
            adscim_group_schema: true,
            empty_members_in_create: false,
            single_plain: SinglePlain::Path,
            member_batch: None,
            member_ref_null: false,
            full_push: false,
            members_pathless: false,
            okta_password: None,
            honour_retry_after: true,
        }
    }
}

/// Which product the target is, where that changes what is sent or advised (wire.md 20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    #[default]
    Generic,
    Kintone,
}

/// What the requests are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// To bring people into a target.
    #[default]
    Provisioning,
    /// To test an endpoint with the original client's requests.
    StandIn,
}

/// What the target says it supports; what it does not say is taken as supported (wire.md 19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    pub patch: bool,
    pub filter: bool,
    pub etag: bool,
}

impl Default for Announced {
    fn default() -> Self {
        Self { patch: true, filter: true, etag: false }
    }
}
