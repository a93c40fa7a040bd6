//! The five ways of speaking SCIM, as tables of habits (wire.md 25).
//!
//! Nothing asks for a dialect by its name: encoders and readers match on a habit.

/// How `op` is spelled in a PATCH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpCase {
    /// `Add`, `Replace`, `Remove`.
    Capital,
    /// `add`, `replace`, `remove`.
    Lower,
}

/// How a single value is written in a PATCH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueForm {
    /// Always as a JSON string.
    Text,
    /// With its JSON type.
    Native,
}

/// How changed attributes are laid out in the operations of a PATCH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchLayout {
    /// One operation with a path each, in mapping order.
    PathEach,
    /// By classes, plain attributes together without a path (wire.md 10.3).
    Classes,
}

/// What adds a value path of which the target has no element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingElement {
    /// The value path; the target has to create the element.
    ValuePath,
    /// The whole element, added to the attribute (RFC 7644 3.5.2: a filter without a hit is `noTarget`).
    WholeElement,
}

/// Which requests bring a resource to its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateVerb {
    Patch,
    /// PATCH where the target supports it, else PUT without the read-only attributes.
    PatchElsePut,
    /// PUT of the read-back with the changes laid over it.
    Put,
    /// The same, but `active` and everything of a group by PATCH.
    PutStatusByPatch,
}

/// How the manager is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ManagerForm {
    /// The bare identifier.
    String,
    /// `{"value": id}`.
    Object,
    /// `[{"value": id}]`.
    Array,
}

/// How a manager is taken away in a PATCH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ManagerRemoval {
    /// The path with `[{"value": old}]`.
    Value,
    /// `manager[value eq "old"]`.
    Filter,
    /// The path alone.
    Path,
}

/// How members are taken out of a group by PATCH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberRemoval {
    /// One operation on `members` with the members as its value.
    ValueArray,
    /// One `members[value eq "id"]` each.
    ValueFilter,
}

/// How the roles of `AppRoleAssignmentsComplex` go into a PATCH (wire.md 10.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleAddition {
    /// As JSON text inside `value`.
    Stringified,
    /// As the objects of a create.
    Objects,
}

/// What an element of `roles` looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleElement {
    /// With `primary` and Microsoft's `type`; the name's key depends on the expression.
    Entra,
    /// What RFC 7643 names, nothing implied.
    Plain,
}

/// What `schemas` of a new user lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserSchemas {
    /// Core and enterprise, always and only.
    CoreAndEnterprise,
    /// Those that occur in the body.
    Used,
}

/// What a new group carries beside its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupCreate {
    /// Microsoft's second schema.
    Adscim,
    /// `"members": []`.
    EmptyMembers,
    Plain,
}

/// How a query value is encoded (wire.md 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryEncoding {
    /// `application/x-www-form-urlencoded` with lower-case hex digits.
    Form,
    /// RFC 3986 with upper-case hex digits.
    Rfc3986,
}

/// How the connection is tested (wire.md 6, 18, 19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Asks for an object that cannot exist.
    RandomFilter,
    /// Lists a page; any number of resources will do.
    List { users: u32, groups: u32 },
    /// Reads `/ServiceProviderConfig`, then lists.
    ConfigThenList { users: u32, groups: u32 },
}

/// Where the next page of a list begins (wire.md 16, 18).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStep {
    /// After what was received.
    Received,
    /// After what was asked for.
    Fixed,
}

/// Which words of an error answer decide its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorReading {
    Status,
    /// `scimType` where there is one (wire.md 19).
    ScimType,
}

/// The habits of one client.
#[derive(Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The name in a configuration.
    pub name: &'static str,
    pub op_case: OpCase,
    pub values: ValueForm,
    pub patch: PatchLayout,
    pub missing_element: MissingElement,
    pub update: UpdateVerb,
    pub manager: ManagerForm,
    pub manager_removal: ManagerRemoval,
    pub member_removal: MemberRemoval,
    /// Members in one request when standing in for the original client; `None` is all.
    pub member_batch_stand_in: Option<usize>,
    /// The same when provisioning.
    pub member_batch: Option<usize>,
    pub role_addition: RoleAddition,
    pub role_element: RoleElement,
    pub user_schemas: UserSchemas,
    /// Sends `meta.resourceType` on create.
    pub resource_type: bool,
    /// Marks a work address as `primary`.
    pub primary_on_work: bool,
    /// Adds `groups` and `password` to a new user (wire.md 18.1).
    pub user_extras: bool,
    pub group_create: GroupCreate,
    pub query: QueryEncoding,
    /// `startIndex` and `count` of a matching query.
    pub match_page: Option<(u32, u32)>,
    /// Reads groups with `excludedAttributes=members`.
    pub excludes_members: bool,
    /// A filter on `primary` compares with a boolean.
    pub boolean_literals: bool,
    /// 404 on a query may mean that nothing was found.
    pub no_hit_may_be_404: bool,
    pub deletes_users: bool,
    pub probe: Probe,
    pub page_step: PageStep,
    pub accept: Option<&'static str>,
    pub accept_charset: Option<&'static str>,
    pub accept_encoding: &'static str,
    pub content_type: &'static str,
    pub user_agent: &'static str,
    /// The `User-Agent` when standing in for the original client.
    pub user_agent_stand_in: &'static str,
    pub if_match: bool,
    pub discovery: bool,
    /// A 201 without `Location` is not accepted.
    pub needs_location: bool,
    pub errors: ErrorReading,
    /// May authenticate with a user name and password (wire.md 4).
    pub basic: bool,
    /// May send a configured `Authorization` value.
    pub custom_header: bool,
    /// The original client refuses an underscore in the host (wire.md 18).
    pub underscore_in_host: bool,
}

const SCIM_JSON: &str = "application/scim+json";
const SCIM_JSON_UTF8: &str = "application/scim+json; charset=utf-8";
const OUR_AGENT: &str = concat!("provisiond/", env!("CARGO_PKG_VERSION"));
const ENTRA_AGENT: &str = concat!("scim-provisioner/", env!("CARGO_PKG_VERSION"));

/// What RFC 7643 and 7644 say, nothing less (wire.md 19).
pub const STRICT: Dialect = Dialect {
    name: "strict",
    op_case: OpCase::Lower,
    values: ValueForm::Native,
    patch: PatchLayout::PathEach,
    missing_element: MissingElement::WholeElement,
    update: UpdateVerb::PatchElsePut,
    manager: ManagerForm::Object,
    manager_removal: ManagerRemoval::Path,
    member_removal: MemberRemoval::ValueFilter,
    member_batch_stand_in: Some(100),
    member_batch: Some(100),
    role_addition: RoleAddition::Objects,
    role_element: RoleElement::Plain,
    user_schemas: UserSchemas::Used,
    resource_type: false,
    primary_on_work: false,
    user_extras: false,
    group_create: GroupCreate::Plain,
    query: QueryEncoding::Rfc3986,
    match_page: None,
    excludes_members: true,
    boolean_literals: true,
    no_hit_may_be_404: false,
    deletes_users: true,
    probe: Probe::ConfigThenList { users: 1, groups: 1 },
    page_step: PageStep::Received,
    accept: Some(SCIM_JSON),
    accept_charset: None,
    accept_encoding: "gzip",
    content_type: SCIM_JSON,
    user_agent: OUR_AGENT,
    user_agent_stand_in: OUR_AGENT,
    if_match: true,
    discovery: true,
    needs_location: true,
    errors: ErrorReading::ScimType,
    basic: true,
    custom_header: false,
    underscore_in_host: true,
};

/// Entra under the flag `aadOptscim062020`.
pub const ENTRA_2020: Dialect = Dialect {
    name: "entra-2020",
    patch: PatchLayout::Classes,
    missing_element: MissingElement::ValuePath,
    update: UpdateVerb::Patch,
    manager: ManagerForm::String,
    manager_removal: ManagerRemoval::Filter,
    member_batch_stand_in: Some(1),
    role_element: RoleElement::Entra,
    user_schemas: UserSchemas::CoreAndEnterprise,
    resource_type: true,
    primary_on_work: true,
    group_create: GroupCreate::Adscim,
    query: QueryEncoding::Form,
    boolean_literals: false,
    probe: Probe::RandomFilter,
    accept: None,
    content_type: SCIM_JSON_UTF8,
    user_agent: ENTRA_AGENT,
    user_agent_stand_in: ENTRA_AGENT,
    if_match: false,
    discovery: false,
    needs_location: false,
    errors: ErrorReading::Status,
    basic: false,
    ..STRICT
};

/// Entra without a flag.
pub const ENTRA_LEGACY: Dialect = Dialect {
    name: "entra-legacy",
    op_case: OpCase::Capital,
    values: ValueForm::Text,
    patch: PatchLayout::PathEach,
    manager_removal: ManagerRemoval::Value,
    member_removal: MemberRemoval::ValueArray,
    role_addition: RoleAddition::Stringified,
    ..ENTRA_2020
};

/// Okta, built on a template of its catalogue (wire.md 18).
pub const OKTA_OIN: Dialect = Dialect {
    name: "okta-oin",
    update: UpdateVerb::PutStatusByPatch,
    manager: ManagerForm::String,
    member_batch_stand_in: None,
    member_batch: None,
    primary_on_work: true,
    user_extras: true,
    group_create: GroupCreate::EmptyMembers,
    match_page: Some((1, 100)),
    excludes_members: false,
    boolean_literals: false,
    no_hit_may_be_404: true,
    deletes_users: false,
    probe: Probe::List { users: 2, groups: 100 },
    page_step: PageStep::Fixed,
    accept_charset: Some("utf-8"),
    accept_encoding: "gzip, deflate",
    content_type: SCIM_JSON_UTF8,
    user_agent_stand_in: "Okta SCIM Client 1.0.0",
    if_match: false,
    discovery: false,
    needs_location: false,
    errors: ErrorReading::Status,
    custom_header: true,
    underscore_in_host: false,
    ..STRICT
};

/// Okta, built with the App Integration Wizard.
pub const OKTA_AIW: Dialect = Dialect { name: "okta-aiw", update: UpdateVerb::Put, ..OKTA_OIN };

/// Every dialect, in the order of the specification.
pub const DIALECTS: [&Dialect; 5] = [&ENTRA_LEGACY, &ENTRA_2020, &OKTA_OIN, &OKTA_AIW, &STRICT];

impl Dialect {
    /// Finds a dialect by the name a configuration gives it; `entra` is none, it follows the tenant URL.
    pub fn named(name: &str) -> Option<&'static Self> {
        DIALECTS.into_iter().find(|dialect| dialect.name == name)
    }
}
