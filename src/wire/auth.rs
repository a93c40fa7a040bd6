//! Values of the `Authorization` header (wire.md 4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A bearer token, verbatim.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A user name and password (RFC 7617, UTF-8).
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
