//! The `Authorization` of requests (wire.md 4).

use std::sync::Arc;

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::oauth::Tokens;
use super::settings::{Auth, Settings, SetupFault};
use crate::wire::{Fault, basic, bearer};

/// A header value and the secret in it.
#[derive(Clone)]
pub(super) struct Credential {
    pub header: HeaderValue,
    secret: Arc<SecretString>,
    /// Which token it is, counted from 0.
    pub generation: u64,
}

impl Credential {
    /// Makes a sensitive header of `text`; `None` where it cannot stand in a header.
    pub fn new(text: &str, secret: &SecretString, generation: u64) -> Option<Self> {
        let mut header = HeaderValue::from_bytes(text.as_bytes()).ok()?;
        header.set_sensitive(true);
        Some(Self { header, secret: Arc::new(secret.clone()), generation })
    }

    pub fn secret(&self) -> &str {
        self.secret.expose_secret()
    }
}

/// Where credentials come from.
pub(super) enum Authorization {
    Fixed(Option<Credential>),
    Tokens(Box<Tokens>),
}

impl Authorization {
    pub fn new(settings: &Settings) -> Result<Self, SetupFault> {
        let fixed = |text: String, secret: &SecretString| {
            let credential = Credential::new(&text, secret, 0).ok_or_else(|| {
                SetupFault::new(
                    "the secret holds a character that a header cannot carry",
                    "check that it is one line without control characters",
                )
            })?;
            Ok(Self::Fixed(Some(credential)))
        };
        match &settings.auth {
            Auth::None => Ok(Self::Fixed(None)),
            Auth::Bearer(secret) => fixed(bearer(secret.expose_secret()), secret),
            Auth::Basic { user, password } => fixed(basic(user, password.expose_secret()), password),
            Auth::Header(secret) => fixed(secret.expose_secret().to_owned(), secret),
            Auth::ClientCredentials { .. } | Auth::Federated(_) | Auth::Refresh { .. } => {
                Ok(Self::Tokens(Box::new(Tokens::new(settings)?)))
            }
        }
    }

    pub async fn credential(&self) -> Result<Option<Credential>, Fault> {
        match self {
            Self::Fixed(credential) => Ok(credential.clone()),
            Self::Tokens(tokens) => tokens.current().await.map(Some),
        }
    }

    /// Throws away the token that was refused; whether another one can be had.
    pub fn forget(&self, credential: Option<&Credential>) -> bool {
        match (self, credential) {
            (Self::Tokens(tokens), Some(credential)) => {
                tokens.forget(credential.generation);
                true
            }
            (Self::Fixed(_), _) | (Self::Tokens(_), None) => false,
        }
    }
}
