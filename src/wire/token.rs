//! Requests to a token endpoint and their answers (wire.md 4.1, 4.2).

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::Response;
use super::refuse::cut;

/// How long a token lives whose answer does not say.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);
/// How long an assertion is good for, in seconds.
const ASSERTION_LIFE: i64 = 300;
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Where the client's secret goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    #[default]
    Body,
    /// Into an `Authorization` header, with the identifier.
    Basic,
}

/// What a token is asked for with.
#[derive(Debug, Clone)]
pub enum Grant {
    ClientCredentials {
        client_id: String,
        client_secret: SecretString,
        scope: Option<String>,
        client_auth: ClientAuth,
    },
    /// RFC 7523: a signed assertion instead of a secret.
    Federated {
        client_id: String,
        assertion: SecretString,
        scope: Option<String>,
    },
    /// Okta's refresh of a token that somebody consented to.
    Refresh {
        client_id: String,
        client_secret: SecretString,
        token: SecretString,
    },
}

/// A POST to a token endpoint; `Content-Type` is that of a form, `Accept` is `application/json`.
pub struct TokenRequest {
    /// In the order in which they are sent.
    pub form: Vec<(&'static str, SecretString)>,
    /// User name and password for an `Authorization` header.
    pub basic: Option<(String, SecretString)>,
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.form.iter().map(|(name, _)| *name).collect();
        f.debug_struct("TokenRequest").field("form", &names).finish_non_exhaustive()
    }
}

/// The fields of a token request, in the published order.
pub fn token_request(grant: &Grant) -> TokenRequest {
    let public = |text: &str| SecretString::from(text.to_owned());
    let mut basic = None;
    let mut form = Vec::with_capacity(5);
    let scope = match grant {
        Grant::ClientCredentials { client_id, client_secret, scope, client_auth } => {
            form.push(("grant_type", public("client_credentials")));
            match client_auth {
                ClientAuth::Body => {
                    form.push(("client_id", public(client_id)));
                    form.push(("client_secret", client_secret.clone()));
                }
                ClientAuth::Basic => basic = Some((client_id.clone(), client_secret.clone())),
            }
            scope
        }
        Grant::Federated { client_id, assertion, scope } => {
            form.push(("grant_type", public("client_credentials")));
            form.push(("client_id", public(client_id)));
            form.push(("client_assertion_type", public(ASSERTION_TYPE)));
            form.push(("client_assertion", assertion.clone()));
            scope
        }
        Grant::Refresh { client_id, client_secret, token } => {
            form.push(("grant_type", public("refresh_token")));
            form.push(("refresh_token", token.clone()));
            form.push(("client_id", public(client_id)));
            form.push(("client_secret", client_secret.clone()));
            &None
        }
    };
    form.extend(scope.as_deref().map(|scope| ("scope", public(scope))));
    TokenRequest { form, basic }
}

/// An access token and how long it lives.
#[derive(Debug, Clone)]
pub struct Token {
    pub access_token: SecretString,
    pub life: Duration,
    /// Replaces the one that was sent, where the endpoint rotates them.
    pub refresh_token: Option<SecretString>,
}

impl Token {
    /// How long the token is used: until 60 s or a fifth of its life is left, whichever is less (wire.md 4.1).
    pub fn useful_life(&self) -> Duration {
        self.life - Duration::from_secs(60).min(self.life / 5)
    }
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TokenRefusal {
    pub message: String,
    /// The credentials are wrong: the job is quarantined at once.
    pub credentials: bool,
    /// Worth another try.
    pub transient: bool,
}

/// Reads the answer of a token endpoint.
pub fn read_token(response: &Response) -> Result<Token, TokenRefusal> {
    let refuse = |message: String, credentials: bool| {
        let transient = response.status >= 500 || response.status == 429;
        Err(TokenRefusal { message, credentials, transient })
    };
    let body: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    if response.status != 200 {
        let error = body.get("error").and_then(Value::as_str).unwrap_or("");
        let detail = body.get("error_description").and_then(Value::as_str).unwrap_or("");
        let wrong = matches!(response.status, 400 | 401)
            && matches!(error, "invalid_client" | "unauthorized_client" | "invalid_grant");
        let mut message = format!("the token endpoint answered {}", response.status);
        for words in [error, detail].into_iter().filter(|words| !words.is_empty()) {
            message.push_str(": ");
            message.push_str(&cut(words, 512));
        }
        return refuse(message, wrong || response.status == 401);
    }
    let Some(access_token) = body.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty()) else {
        return refuse("the token endpoint answered 200 without an `access_token`".to_owned(), false);
    };
    match body.get("token_type").and_then(Value::as_str) {
        Some(kind) if kind.eq_ignore_ascii_case("bearer") => {}
        Some(kind) => {
            return refuse(format!("the token endpoint gave a token of type `{}`, not `bearer`", cut(kind, 64)), false);
        }
        None => return refuse("the token endpoint gave a token without `token_type`".to_owned(), false),
    }
    let seconds = match body.get("expires_in") {
        None | Some(Value::Null) => Some(DEFAULT_LIFE.as_secs()),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(number) => number.as_u64(),
    };
    let Some(seconds) = seconds else {
        return refuse("the token endpoint gave an `expires_in` that is no number of seconds".to_owned(), false);
    };
    let refresh_token = body.get("refresh_token").and_then(Value::as_str).filter(|token| !token.is_empty());
    Ok(Token {
        access_token: SecretString::from(access_token.to_owned()),
        life: Duration::from_secs(seconds),
        refresh_token: refresh_token.map(|token| SecretString::from(token.to_owned())),
    })
}

/// Who an assertion speaks for (wire.md 4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    pub tenant: String,
    pub app_id: String,
    pub object_id: String,
    /// `None` is `api://<app_id>`.
    pub audience: Option<String>,
}

impl Assertion {
    /// The claims, as JSON text.
    pub fn claims(&self, now: Timestamp) -> String {
        let issued = now.as_second();
        let audience = self.audience.clone().unwrap_or_else(|| format!("api://{}", self.app_id));
        json!({
            "iss": format!("https://login.microsoftonline.com/{}/v2.0", self.tenant),
            "aud": audience,
            "sub": self.object_id,
            "oid": self.object_id,
            "appid": self.app_id,
            "tid": self.tenant,
            "ver": "2.0",
            "iat": issued,
            "nbf": issued,
            "exp": issued + ASSERTION_LIFE,
        })
        .to_string()
    }
}

impl TokenRequest {
    /// The body of the request: the fields as `application/x-www-form-urlencoded`.
    pub fn body(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.form {
            if !out.is_empty() {
                out.push('&');
            }
            out.push_str(name);
            out.push('=');
            super::query::form(value.expose_secret(), &mut out);
        }
        out
    }
}
