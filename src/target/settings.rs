//! What is needed to reach a target, as plain data (contract.md 3).

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::wire::{Assertion, ClientAuth};

/// How a target is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Of the tenant URL, without a slash at the end.
    pub base: String,
    pub auth: Auth,
    /// Requests a second; `None` is no limit.
    pub rate: Option<NonZeroU32>,
    /// Requests in flight.
    pub concurrency: NonZeroUsize,
    /// For a whole exchange, from the connection to the last byte of the answer.
    pub timeout: Duration,
    /// PEM of further certificate authorities.
    pub ca: Option<Vec<u8>>,
    pub client_certificate: Option<ClientCertificate>,
    pub proxy: Proxy,
    /// Longest answer that is read, in bytes after decompression.
    pub answer_limit: usize,
    /// Pauses as long as `Retry-After` says.
    pub honour_retry_after: bool,
    /// Once it is cancelled, no pause that the target asked for is waited for any more.
    pub stop: CancellationToken,
}

impl Settings {
    /// The defaults for a target without authentication.
    pub fn new(base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            auth: Auth::None,
            rate: NonZeroU32::new(25),
            concurrency: const { NonZeroUsize::new(4).expect("4 is not 0") },
            timeout: Duration::from_secs(30),
            ca: None,
            client_certificate: None,
            proxy: Proxy::Environment,
            answer_limit: 10 << 20,
            honour_retry_after: true,
            stop: CancellationToken::new(),
        }
    }
}

/// How the provisioner shows who it is (wire.md 4).
#[derive(Debug, Clone)]
pub enum Auth {
    None,
    Bearer(SecretString),
    Basic {
        user: String,
        password: SecretString,
    },
    /// The whole value of `Authorization`.
    Header(SecretString),
    ClientCredentials {
        token_url: String,
        client_id: String,
        client_secret: SecretString,
        scope: Option<String>,
        client_auth: ClientAuth,
    },
    Federated(Federated),
    Refresh {
        token_url: String,
        client_id: String,
        client_secret: SecretString,
        token: SecretString,
    },
}

/// A signed assertion instead of a secret (wire.md 4.2).
#[derive(Debug, Clone)]
pub struct Federated {
    pub token_url: String,
    pub client_id: String,
    pub scope: Option<String>,
    pub assertion: Assertion,
    /// PEM of an RSA key or of a P-256 key.
    pub key: SecretString,
}

/// Shows the target who connects, in the TLS handshake.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// PEM of the certificate and those above it.
    pub chain: Vec<u8>,
    /// PEM of the key.
    pub key: SecretString,
}

/// Whether requests go through a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    #[default]
    Environment,
    None,
    /// An `http://` URL.
    Url(String),
}

/// Why a target cannot be reached with these settings; never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SetupFault {
    pub message: String,
    pub help: String,
}

impl SetupFault {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}
