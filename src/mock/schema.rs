//! The schemas of RFC 7643 as one table: names, types, case rules, mutability.

use serde_json::{Map, Value, json};

pub(super) const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const GROUP_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(super) const ENTERPRISE_URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What a value of an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Boolean,
    DateTime,
    Reference,
    Binary,
    Complex,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Boolean => "boolean",
            Self::DateTime => "dateTime",
            Self::Reference => "reference",
            Self::Binary => "binary",
            Self::Complex => "complex",
        }
    }
}

/// Who may write an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    ReadWrite,
    ReadOnly,
    Immutable,
    WriteOnly,
}

/// One attribute or sub-attribute of a schema.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) multi: bool,
    pub(super) case_exact: bool,
    pub(super) access: Access,
    pub(super) required: bool,
    pub(super) unique: bool,
    pub(super) types: &'static [&'static str],
    pub(super) sub: &'static [Attribute],
}

impl Attribute {
    const fn text(name: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Text,
            multi: false,
            case_exact: false,
            access: Access::ReadWrite,
            required: false,
            unique: false,
            types: &[],
            sub: &[],
        }
    }

    const fn of(name: &'static str, kind: Kind) -> Self {
        Self {
            kind,
            // References and binary values are case-exact by RFC 7643 sections 2.3.6 and 2.3.7.
            case_exact: matches!(kind, Kind::Reference | Kind::Binary),
            ..Self::text(name)
        }
    }

    const fn complex(name: &'static str, sub: &'static [Attribute]) -> Self {
        Self { kind: Kind::Complex, sub, ..Self::text(name) }
    }

    const fn list(name: &'static str, sub: &'static [Attribute]) -> Self {
        Self { multi: true, ..Self::complex(name, sub) }
    }

    const fn exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    const fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    const fn referring(self, types: &'static [&'static str]) -> Self {
        Self { types, ..self }
    }

    /// Finds a sub-attribute by name, ignoring case (RFC 7643 section 2.1).
    pub(super) fn sub(&self, name: &str) -> Option<&'static Attribute> {
        self.sub.iter().find(|sub| sub.name.eq_ignore_ascii_case(name))
    }

    fn to_json(&self) -> Value {
        let mut out = Map::new();
        out.insert("name".into(), self.name.into());
        out.insert("type".into(), self.kind.name().into());
        if self.kind == Kind::Complex {
            let sub = self.sub.iter().map(Self::to_json).collect();
            out.insert("subAttributes".into(), Value::Array(sub));
        }
        out.insert("multiValued".into(), self.multi.into());
        out.insert("description".into(), self.name.into());
        out.insert("required".into(), self.required.into());
        out.insert("caseExact".into(), self.case_exact.into());
        let mutability = match self.access {
            Access::ReadWrite => "readWrite",
            Access::ReadOnly => "readOnly",
            Access::Immutable => "immutable",
            Access::WriteOnly => "writeOnly",
        };
        out.insert("mutability".into(), mutability.into());
        let returned = if self.access == Access::WriteOnly { "never" } else { "default" };
        out.insert("returned".into(), returned.into());
        let uniqueness = if self.unique { "server" } else { "none" };
        out.insert("uniqueness".into(), uniqueness.into());
        if self.kind == Kind::Reference {
            out.insert("referenceTypes".into(), json!(self.types));
        }
        Value::Object(out)
    }
}

const PRIMARY: Attribute = Attribute::of("primary", Kind::Boolean);

/// The sub-attributes of the lists of RFC 7643 section 2.4 whose values are text.
const PLURAL: &[Attribute] = &[Attribute::text("value"), Attribute::text("display"), Attribute::text("type"), PRIMARY];

const META: &[Attribute] = &[
    Attribute::text("resourceType").exact().access(Access::ReadOnly),
    Attribute::of("created", Kind::DateTime).access(Access::ReadOnly),
    Attribute::of("lastModified", Kind::DateTime).access(Access::ReadOnly),
    Attribute::of("location", Kind::Reference).referring(&["uri"]).access(Access::ReadOnly),
    Attribute::text("version").exact().access(Access::ReadOnly),
];

/// The attributes that every resource has (RFC 7643 section 3.1).
static COMMON: &[Attribute] = &[
    Attribute { multi: true, ..Attribute::of("schemas", Kind::Reference).access(Access::ReadOnly) },
    Attribute::text("id").exact().access(Access::ReadOnly),
    Attribute::text("externalId").exact(),
    Attribute::complex("meta", META).access(Access::ReadOnly),
];

static USER: &[Attribute] = &[
    Attribute { required: true, unique: true, ..Attribute::text("userName") },
    Attribute::complex(
        "name",
        &[
            Attribute::text("formatted"),
            Attribute::text("familyName"),
            Attribute::text("givenName"),
            Attribute::text("middleName"),
            Attribute::text("honorificPrefix"),
            Attribute::text("honorificSuffix"),
        ],
    ),
    Attribute::text("displayName"),
    Attribute::text("nickName"),
    Attribute::of("profileUrl", Kind::Reference).referring(&["external"]),
    Attribute::text("title"),
    Attribute::text("userType"),
    Attribute::text("preferredLanguage"),
    Attribute::text("locale"),
    Attribute::text("timezone"),
    Attribute::of("active", Kind::Boolean),
    Attribute::text("password").exact().access(Access::WriteOnly),
    Attribute::list("emails", PLURAL),
    Attribute::list("phoneNumbers", PLURAL),
    Attribute::list("ims", PLURAL),
    Attribute::list(
        "photos",
        &[
            Attribute::of("value", Kind::Reference).referring(&["external"]),
            Attribute::text("display"),
            Attribute::text("type"),
            PRIMARY,
        ],
    ),
    Attribute::list(
        "addresses",
        &[
            Attribute::text("formatted"),
            Attribute::text("streetAddress"),
            Attribute::text("locality"),
            Attribute::text("region"),
            Attribute::text("postalCode"),
            Attribute::text("country"),
            Attribute::text("type"),
            PRIMARY,
        ],
    ),
    Attribute::list(
        "groups",
        &[
            Attribute::text("value").exact().access(Access::ReadOnly),
            Attribute::of("$ref", Kind::Reference).referring(&["Group"]).access(Access::ReadOnly),
            Attribute::text("display").access(Access::ReadOnly),
            Attribute::text("type").access(Access::ReadOnly),
        ],
    )
    .access(Access::ReadOnly),
    Attribute::list("entitlements", PLURAL),
    Attribute::list("roles", PLURAL),
    Attribute::list(
        "x509Certificates",
        &[Attribute::of("value", Kind::Binary), Attribute::text("display"), Attribute::text("type"), PRIMARY],
    ),
];

static ENTERPRISE: &[Attribute] = &[
    Attribute::text("employeeNumber"),
    Attribute::text("costCenter"),
    Attribute::text("organization"),
    Attribute::text("division"),
    Attribute::text("department"),
    Attribute::complex(
        "manager",
        &[
            Attribute::text("value").exact(),
            Attribute::of("$ref", Kind::Reference).referring(&["User"]),
            Attribute::text("displayName").access(Access::ReadOnly),
        ],
    ),
];

static GROUP: &[Attribute] = &[
    Attribute { required: true, ..Attribute::text("displayName") },
    Attribute::list(
        "members",
        &[
            Attribute::text("value").exact().access(Access::Immutable),
            Attribute::of("$ref", Kind::Reference).referring(&["User", "Group"]).access(Access::Immutable),
            Attribute::text("type").access(Access::Immutable),
            Attribute::text("display").access(Access::ReadOnly),
        ],
    ),
];

/// A kind of resource that the stand-in keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Resource {
    User,
    Group,
}

impl Resource {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// Returns the path segment of the collection.
    pub(super) fn endpoint(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
        }
    }

    pub(super) fn urn(self) -> &'static str {
        match self {
            Self::User => USER_URN,
            Self::Group => GROUP_URN,
        }
    }

    /// Finds a core or common attribute by name, ignoring case.
    pub(super) fn attribute(self, name: &str) -> Option<&'static Attribute> {
        let core = match self {
            Self::User => USER,
            Self::Group => GROUP,
        };
        core.iter().chain(COMMON).find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    /// Finds an attribute of a schema known by its URN; both ignore case.
    pub(super) fn extension_attribute(self, urn: &str, name: &str) -> Option<&'static Attribute> {
        if urn.eq_ignore_ascii_case(self.urn()) {
            return self.attribute(name);
        }
        let extension = self == Self::User && urn.eq_ignore_ascii_case(ENTERPRISE_URN);
        ENTERPRISE.iter().find(|attribute| extension && attribute.name.eq_ignore_ascii_case(name))
    }
}

/// Returns the schema definitions; with `only`, those core user attributes and no other schema.
pub(super) fn definitions(only: Option<&[&str]>) -> Vec<Value> {
    let keep = |attribute: &&Attribute| only.is_none_or(|names| names.contains(&attribute.name));
    let definition = |urn: &str, name: &str, attributes: &'static [Attribute]| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": urn,
            "name": name,
            "description": name,
            "attributes": attributes.iter().filter(keep).map(Attribute::to_json).collect::<Vec<_>>(),
        })
    };
    let mut all = vec![definition(USER_URN, "User", USER)];
    if only.is_none() {
        all.push(definition(GROUP_URN, "Group", GROUP));
        all.push(definition(ENTERPRISE_URN, "EnterpriseUser", ENTERPRISE));
    }
    all
}
