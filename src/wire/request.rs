//! What is sent and what comes back, as plain data.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use http::Method;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::model::secrecy;

/// A request to a target, before authentication.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub method: Method,
    /// Below the base of the tenant URL, encoded, beginning with `/`.
    pub path: String,
    /// Encoded, without `?`; empty for none.
    pub query: String,
    /// Without `Authorization`, which belongs to whoever holds the secret.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    pub body: Option<Body>,
}

/// What a request carries: as values, and as the text that is sent and kept, which is made once.
#[derive(Debug, Clone)]
pub struct Body {
    value: Value,
    text: OnceLock<Bytes>,
}

impl Body {
    pub fn value(&self) -> &Value {
        &self.value
    }

    pub fn into_value(self) -> Value {
        self.value
    }

    pub fn text(&self) -> &Bytes {
        // Every value has a form in JSON.
        self.text.get_or_init(|| Bytes::from(serde_json::to_vec(&self.value).unwrap_or_default()))
    }
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self { value, text: OnceLock::new() }
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl Request {
    /// Whether sending it twice does no more than sending it once, whatever became of the first.
    pub fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    /// What the request line names.
    pub fn path_and_query(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", self.path, self.query)
    }

    /// The path with the query, without what may be secret in it: a tenant URL can pass on items of its own.
    pub fn shown_path(&self) -> String {
        secrecy::shown_path(&self.path_and_query())
    }

    /// The value of a header this request carries.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
    }
}

/// What a target answered.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Response {
    pub status: u16,
    pub content_type: Option<String>,
    pub location: Option<String>,
    pub etag: Option<String>,
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A body holds what people have in their directories: logs show its size only.
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why there is no answer, or none that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The host name has no address.
    Dns,
    /// No connection came about.
    Connect,
    /// Certificate or handshake.
    Tls,
    /// No answer in the time allowed.
    Timeout,
    /// The connection ended in the middle of an exchange.
    Closed,
    /// The answer is not HTTP.
    Protocol,
    /// The answer is longer than allowed.
    TooLarge,
    /// The token endpoint refuses the credentials.
    Credentials,
    /// The token endpoint does not give a token for another reason.
    Token,
    /// The request cannot be sent as it is.
    Unsendable,
    /// The request was not sent, because the program ends.
    GivenUp,
}

/// An exchange that failed below SCIM; never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    pub kind: FaultKind,
    pub message: String,
}

impl Fault {
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// What became of a request.
pub type Answer = Result<Response, Fault>;
