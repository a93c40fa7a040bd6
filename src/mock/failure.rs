//! The refusals of the stand-in, as SCIM Error messages (RFC 7644 section 3.12).

use http::StatusCode;
use serde_json::{Map, Value};

pub(super) const ERROR_URN: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// One refused request: what goes into the SCIM Error body.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub(super) status: StatusCode,
    pub(super) scim_type: Option<&'static str>,
    pub(super) detail: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }

    fn bad(scim_type: &'static str, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, scim_type: Some(scim_type), detail: detail.into() }
    }

    pub(super) fn invalid_value(detail: impl Into<String>) -> Self {
        Self::bad("invalidValue", detail)
    }

    pub(super) fn invalid_syntax(detail: impl Into<String>) -> Self {
        Self::bad("invalidSyntax", detail)
    }

    pub(super) fn invalid_path(detail: impl Into<String>) -> Self {
        Self::bad("invalidPath", detail)
    }

    pub(super) fn invalid_filter(detail: impl Into<String>) -> Self {
        Self::bad("invalidFilter", detail)
    }

    pub(super) fn no_target(detail: impl Into<String>) -> Self {
        Self::bad("noTarget", detail)
    }

    pub(super) fn mutability(detail: impl Into<String>) -> Self {
        Self::bad("mutability", detail)
    }

    pub(super) fn uniqueness(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, scim_type: Some("uniqueness"), detail: detail.into() }
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("`{what}` was not found"))
    }

    /// Returns the SCIM Error message; `status` is a string, as the RFC has it.
    pub(super) fn to_json(&self) -> Value {
        let mut body = Map::new();
        body.insert("schemas".into(), Value::from(vec![ERROR_URN]));
        body.insert("status".into(), self.status.as_str().into());
        if let Some(scim_type) = self.scim_type {
            body.insert("scimType".into(), scim_type.into());
        }
        body.insert("detail".into(), self.detail.as_str().into());
        Value::Object(body)
    }
}
