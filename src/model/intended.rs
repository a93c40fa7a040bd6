//! What would be sent for one object, for whoever reviews it before it is sent (contract.md 2, `plan`).

use jiff::Timestamp;
use serde_json::Value;

use super::SourceAnchor;

/// The requests of one decision, beside the log entry that says why and with which attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Intended {
    /// The time that the expressions were evaluated for.
    pub at: Timestamp,
    /// In their order; redacted values are `[Redact]`.
    pub requests: Vec<IntendedRequest>,
    /// Where references are sent: each of them. They stand in the place of the attributes.
    pub references: Vec<IntendedReference>,
    /// What was remembered of the object, what was decided, and what the target held: two hexadecimal parts with `-`.
    pub digest: String,
}

/// One reference that is set, or one member that joins or leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntendedReference {
    pub attribute: String,
    /// The identifier in the target of whom it names so far; of an account to be created, `new:` and its source id.
    pub before: Option<String>,
    pub after: Option<String>,
    /// Whom it is about, in the source.
    pub source: Option<SourceAnchor>,
    /// The name that people know them by, where it is known.
    pub name: Option<String>,
}

/// One request without its headers.
#[derive(Debug, Clone, PartialEq)]
pub struct IntendedRequest {
    pub method: String,
    /// Below the base of the target's URL, with the query.
    pub path: String,
    pub body: Option<Value>,
}
