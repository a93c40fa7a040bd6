//! Who may ask: static bearer tokens, and a token endpoint for client credentials.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::query::decode;

/// How many issued tokens are remembered; the endpoint asks nobody to be reasonable.
const MAX_ISSUED: usize = 10_000;

/// The client that the token endpoint `/oauth/token` knows.
#[derive(Clone)]
pub struct OAuth {
    /// The `client_id`.
    pub client_id: String,
    /// The `client_secret`.
    pub client_secret: String,
    /// How long an issued token is good for.
    pub lifetime: Duration,
}

impl std::fmt::Debug for OAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuth")
            .field("client_id", &self.client_id)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// The tokens that are good now.
pub(super) struct Tokens {
    /// Off when neither a token nor a client is configured: then everybody may ask.
    on: bool,
    oauth: Option<OAuth>,
    /// Token to the end of its validity, `None` for one without end.
    valid: Mutex<HashMap<String, Option<Timestamp>>>,
}

impl Tokens {
    pub(super) fn new(options: &super::Options) -> Self {
        let valid = options.token.iter().map(|token| (token.clone(), None));
        Self {
            on: options.token.is_some() || options.oauth.is_some(),
            oauth: options.oauth.clone(),
            valid: Mutex::new(valid.collect()),
        }
    }

    fn valid(&self) -> MutexGuard<'_, HashMap<String, Option<Timestamp>>> {
        self.valid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a token, as an administrator creates a second one; its validity may end.
    pub(super) fn add(&self, token: &str, until: Option<Timestamp>) {
        self.valid().insert(token.into(), until);
    }

    /// Ends the validity of every token there is; says how many there were.
    pub(super) fn expire_all(&self) -> usize {
        let mut valid = self.valid();
        let count = valid.len();
        valid.clear();
        count
    }

    pub(super) fn accepts(&self, headers: &HeaderMap, now: Timestamp) -> bool {
        if !self.on {
            return true;
        }
        let Some(token) = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| after_scheme(value, "bearer"))
        else {
            return false;
        };
        let valid = self.valid();
        valid.get(token).is_some_and(|until| until.is_none_or(|until| now < until))
    }

    /// Answers `POST /oauth/token` (RFC 6749 section 4.4).
    pub(super) fn issue(&self, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
        let Some(oauth) = &self.oauth else {
            return oauth_error(StatusCode::NOT_FOUND, "invalid_request");
        };
        if request.method() != Method::POST {
            return oauth_error(StatusCode::METHOD_NOT_ALLOWED, "invalid_request");
        }
        let form = match form(request.body()) {
            Some(form) => form,
            None => return oauth_error(StatusCode::BAD_REQUEST, "invalid_request"),
        };
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        if field("grant_type") != "client_credentials" {
            return oauth_error(StatusCode::BAD_REQUEST, "unsupported_grant_type");
        }
        let basic = request.headers().get(header::AUTHORIZATION);
        let (id, secret) = match basic.map(credentials) {
            Some(Some(pair)) => pair,
            Some(None) => return oauth_error(StatusCode::UNAUTHORIZED, "invalid_client"),
            None => (field("client_id"), field("client_secret")),
        };
        if id != oauth.client_id || secret != oauth.client_secret {
            return oauth_error(StatusCode::UNAUTHORIZED, "invalid_client");
        }
        let token = uuid::Uuid::new_v4().simple().to_string();
        let until = now.checked_add(oauth.lifetime).unwrap_or(Timestamp::MAX);
        let mut valid = self.valid();
        if valid.len() >= MAX_ISSUED {
            valid.retain(|_, until| until.is_none_or(|until| now < until));
        }
        if valid.len() >= MAX_ISSUED {
            return oauth_error(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable");
        }
        valid.insert(token.clone(), Some(until));
        let body = json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": oauth.lifetime.as_secs(),
        });
        plain_json(StatusCode::OK, &body)
    }
}

/// Returns what follows an authentication scheme, whose name ignores case.
fn after_scheme<'v>(value: &'v str, scheme: &str) -> Option<&'v str> {
    let (name, rest) = value.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

fn credentials(value: &HeaderValue) -> Option<(String, String)> {
    let encoded = after_scheme(value.to_str().ok()?, "basic")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decode(id).ok()?, decode(secret).ok()?))
}

fn form(body: &[u8]) -> Option<HashMap<String, String>> {
    let text = std::str::from_utf8(body).ok()?;
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name).ok()?, decode(value).ok()?))
        })
        .collect()
}

fn oauth_error(status: StatusCode, error: &str) -> Response<Bytes> {
    plain_json(status, &json!({ "error": error }))
}

pub(super) fn plain_json(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = super::answer::page(status, "application/json", body.to_string());
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    response
}
