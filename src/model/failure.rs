//! Why one object could not be brought to its state, and what that means (service.md 16.1, 20.5).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A published error code of the provisioning service, spelled as published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorCode {
    Conflict,
    DuplicateSourceEntries,
    DuplicateTargetEntries,
    EntryConflict,
    InsufficientRights,
    InternalError,
    InternalServerError,
    InvalidAnchor,
    InvalidDomain,
    LicenseLimitExceeded,
    MandatoryFieldsMissing,
    MethodNotAllowed,
    MissingValues,
    NotImplemented,
    NotPermitted,
    SchemaAttributeNotFound,
    SchemaPropertyCanOnlyAcceptValue,
    ScopeEvaluationFailed,
    #[serde(rename = "SystemForCrossDomainIdentityManagementBadRequest")]
    ScimBadRequest,
    #[serde(rename = "SystemForCrossDomainIdentityManagementCredentialValidationFailure")]
    ScimCredentialValidationFailure,
    #[serde(rename = "SystemForCrossDomainIdentityManagementMultipleEntriesInResponse")]
    ScimMultipleEntriesInResponse,
    #[serde(rename = "SystemForCrossDomainIdentityManagementServiceIncompatible")]
    ScimServiceIncompatible,
    #[serde(rename = "SystemForCrossDomainIdentityManagementServiceIncompatibleFiltering")]
    ScimServiceIncompatibleFiltering,
    Timeout,
    TooManyRequests,
    UnableToResolveReferenceAttributeValue,
    Unauthorized,
    UnprocessableEntity,
    WebExceptionProtocolError,
    /// Our own: an expression or a mapped value failed for this object (expressions.md 1).
    AttributeEvaluationFailed,
}

/// What kind of failure it is; feeds the circuit breaker and the wording of the remedy (D-42).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    Permanent,
    Transient,
    /// Ends the cycle.
    Critical,
    /// `InvalidAnchor`: no timed retries.
    Special,
}

/// A failure of one object, in the target's words and ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: ErrorCode,
    pub class: Class,
    /// What happened, with the target's own words; never a secret.
    pub message: String,
    /// What a person can do about it.
    pub remedy: String,
}

impl ErrorCode {
    /// Every code, in order of declaration.
    pub const ALL: [Self; 30] = [
        Self::Conflict,
        Self::DuplicateSourceEntries,
        Self::DuplicateTargetEntries,
        Self::EntryConflict,
        Self::InsufficientRights,
        Self::InternalError,
        Self::InternalServerError,
        Self::InvalidAnchor,
        Self::InvalidDomain,
        Self::LicenseLimitExceeded,
        Self::MandatoryFieldsMissing,
        Self::MethodNotAllowed,
        Self::MissingValues,
        Self::NotImplemented,
        Self::NotPermitted,
        Self::SchemaAttributeNotFound,
        Self::SchemaPropertyCanOnlyAcceptValue,
        Self::ScopeEvaluationFailed,
        Self::ScimBadRequest,
        Self::ScimCredentialValidationFailure,
        Self::ScimMultipleEntriesInResponse,
        Self::ScimServiceIncompatible,
        Self::ScimServiceIncompatibleFiltering,
        Self::Timeout,
        Self::TooManyRequests,
        Self::UnableToResolveReferenceAttributeValue,
        Self::Unauthorized,
        Self::UnprocessableEntity,
        Self::WebExceptionProtocolError,
        Self::AttributeEvaluationFailed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "Conflict",
            Self::DuplicateSourceEntries => "DuplicateSourceEntries",
            Self::DuplicateTargetEntries => "DuplicateTargetEntries",
            Self::EntryConflict => "EntryConflict",
            Self::InsufficientRights => "InsufficientRights",
            Self::InternalError => "InternalError",
            Self::InternalServerError => "InternalServerError",
            Self::InvalidAnchor => "InvalidAnchor",
            Self::InvalidDomain => "InvalidDomain",
            Self::LicenseLimitExceeded => "LicenseLimitExceeded",
            Self::MandatoryFieldsMissing => "MandatoryFieldsMissing",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::MissingValues => "MissingValues",
            Self::NotImplemented => "NotImplemented",
            Self::NotPermitted => "NotPermitted",
            Self::SchemaAttributeNotFound => "SchemaAttributeNotFound",
            Self::SchemaPropertyCanOnlyAcceptValue => "SchemaPropertyCanOnlyAcceptValue",
            Self::ScopeEvaluationFailed => "ScopeEvaluationFailed",
            Self::ScimBadRequest => "SystemForCrossDomainIdentityManagementBadRequest",
            Self::ScimCredentialValidationFailure => {
                "SystemForCrossDomainIdentityManagementCredentialValidationFailure"
            }
            Self::ScimMultipleEntriesInResponse => "SystemForCrossDomainIdentityManagementMultipleEntriesInResponse",
            Self::ScimServiceIncompatible => "SystemForCrossDomainIdentityManagementServiceIncompatible",
            Self::ScimServiceIncompatibleFiltering => {
                "SystemForCrossDomainIdentityManagementServiceIncompatibleFiltering"
            }
            Self::Timeout => "Timeout",
            Self::TooManyRequests => "TooManyRequests",
            Self::UnableToResolveReferenceAttributeValue => "UnableToResolveReferenceAttributeValue",
            Self::Unauthorized => "Unauthorized",
            Self::UnprocessableEntity => "UnprocessableEntity",
            Self::WebExceptionProtocolError => "WebExceptionProtocolError",
            Self::AttributeEvaluationFailed => "AttributeEvaluationFailed",
        }
    }
}

impl ErrorCode {
    /// The class of the failure and what a person can do, where the answer itself says no more (service.md 16.1, 20.5).
    pub fn class_and_remedy(self) -> (Class, &'static str) {
        use Class::{Critical, Permanent, Special, Transient};
        match self {
            Self::Conflict | Self::EntryConflict => (
                Permanent,
                "correct the value on one side, or fix the matching attributes if the existing account should have been taken over",
            ),
            Self::DuplicateSourceEntries | Self::DuplicateTargetEntries => {
                (Permanent, "remove the duplicate or change the matching attributes")
            }
            Self::InsufficientRights | Self::NotPermitted | Self::MethodNotAllowed => {
                (Permanent, "give the credentials the rights the application's guide asks for")
            }
            Self::Unauthorized | Self::ScimCredentialValidationFailure => {
                (Critical, "renew the credentials, then run `provisiond test-connection`")
            }
            Self::InternalError => (Transient, "nothing; it is retried, please report the defect"),
            Self::InternalServerError | Self::TooManyRequests => {
                (Transient, "nothing, if it passes: it is retried; else ask whoever runs the target")
            }
            Self::Timeout | Self::WebExceptionProtocolError => (
                Transient,
                "check that `target.url` is right and that the target runs and can be reached from here; it is retried by itself",
            ),
            Self::InvalidAnchor => (
                Special,
                "restore the account in the target, or run the object on demand or `provisiond restart` to match it again",
            ),
            Self::InvalidDomain => (Permanent, "change the value or allow its domain in the target"),
            Self::LicenseLimitExceeded => (Permanent, "buy licences or reduce the scope"),
            Self::MandatoryFieldsMissing | Self::MissingValues => {
                (Permanent, "fill the source attribute or change the mapping")
            }
            Self::NotImplemented | Self::UnprocessableEntity | Self::ScimBadRequest => {
                (Permanent, "check the mapped values and the target's configuration")
            }
            Self::SchemaAttributeNotFound => (Permanent, "correct the mapping"),
            Self::SchemaPropertyCanOnlyAcceptValue => (Permanent, "map one value"),
            Self::ScopeEvaluationFailed => (Permanent, "correct the scoping filter or the value it tests"),
            Self::ScimMultipleEntriesInResponse
            | Self::ScimServiceIncompatible
            | Self::ScimServiceIncompatibleFiltering => {
                (Permanent, "fix the endpoint; `provisiond validate` shows what it answers")
            }
            Self::UnableToResolveReferenceAttributeValue => {
                (Permanent, "nothing; it is set when the referenced object is provisioned")
            }
            Self::AttributeEvaluationFailed => (Permanent, "correct the source value or the mapping"),
        }
    }
}

impl Failure {
    /// A failure with the class and remedy of its code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let (class, remedy) = code.class_and_remedy();
        Self { code, class, message: message.into(), remedy: remedy.to_owned() }
    }

    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    #[must_use]
    pub fn with_class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_and_serde_spells_it_as_we_do() {
        let last = ErrorCode::AttributeEvaluationFailed;
        assert_eq!(ErrorCode::ALL.len(), last as usize + 1);
        for (number, code) in ErrorCode::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, number, "{code}");
            assert_eq!(serde_json::to_value(code).expect("a word"), code.as_str());
        }
    }
}
