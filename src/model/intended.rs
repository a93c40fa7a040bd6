//! What would be sent for one object, for whoever reviews it before it is sent (contract.md 2, `plan`).

use jiff::Timestamp;
use serde_json::Value;

/// The requests of one decision, beside the log entry that says why and with which attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Intended {
    /// The time that the expressions were evaluated for.
    pub at: Timestamp,
    /// In their order; redacted values are `[Redact]`.
    pub requests: Vec<IntendedRequest>,
    /// What was remembered of the object, what was decided, and what the target held: two hexadecimal parts with `-`.
    pub digest: String,
}

/// One request without its headers.
#[derive(Debug, Clone, PartialEq)]
pub struct IntendedRequest {
    pub method: String,
    /// Below the base of the target's URL, with the query.
    pub path: String,
    pub body: Option<Value>,
}
