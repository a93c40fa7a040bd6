//! Access tokens: asked for once, shared, renewed in time (wire.md 4.1, 4.2).

use std::sync::{Mutex, PoisonError};

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::auth::Credential;
use super::body::too_large;
use super::connect::{self, CONNECT_TIMEOUT};
use super::fault::fault_of;
use super::settings::{Auth, Federated, Proxy, Settings, SetupFault};
use super::sign::Signer;
use crate::wire::{
    Answer, Assertion, Fault, FaultKind, Grant, Response, TokenRequest, basic, bearer, read_token, token_request,
};

/// Longest answer of a token endpoint that is read, in bytes.
const ANSWER_LIMIT: usize = 1 << 20;

/// The token of one target, and how to get the next.
pub(super) struct Tokens {
    http: reqwest::Client,
    url: String,
    source: Mutex<Source>,
    held: Mutex<Held>,
    /// Whoever holds it is asking for a token; the others wait and share what comes.
    asking: tokio::sync::Mutex<()>,
}

enum Source {
    Grant(Grant),
    Assertion { client_id: String, scope: Option<String>, assertion: Assertion, signer: Box<Signer> },
}

#[derive(Default)]
struct Held {
    token: Option<(Credential, Instant)>,
    /// How many times an answer came from the endpoint.
    asked: u64,
    fault: Option<Fault>,
}

impl Tokens {
    pub fn new(settings: &Settings) -> Result<Self, SetupFault> {
        let (url, source) = match &settings.auth {
            Auth::ClientCredentials { token_url, client_id, client_secret, scope, client_auth } => {
                let grant = Grant::ClientCredentials {
                    client_id: client_id.clone(),
                    client_secret: client_secret.clone(),
                    scope: scope.clone(),
                    client_auth: *client_auth,
                };
                (token_url, Source::Grant(grant))
            }
            Auth::Refresh { token_url, client_id, client_secret, token } => {
                let grant = Grant::Refresh {
                    client_id: client_id.clone(),
                    client_secret: client_secret.clone(),
                    token: token.clone(),
                };
                (token_url, Source::Grant(grant))
            }
            Auth::Federated(Federated { token_url, client_id, scope, assertion, key }) => {
                let source = Source::Assertion {
                    client_id: client_id.clone(),
                    scope: scope.clone(),
                    assertion: assertion.clone(),
                    signer: Box::new(Signer::new(key)?),
                };
                (token_url, source)
            }
            Auth::None | Auth::Bearer(_) | Auth::Basic { .. } | Auth::Header(_) => {
                return Err(SetupFault::new("this kind of `auth` needs no token", "please report this"));
            }
        };
        let encrypted = url.starts_with("https:");
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(settings.timeout)
            .tls_backend_preconfigured(connect::tls(settings, encrypted)?);
        let wrong = |error: reqwest::Error| {
            SetupFault::new(
                format!("the token endpoint cannot be reached with these settings: {error}"),
                "check `proxy`",
            )
        };
        let builder = match &settings.proxy {
            Proxy::Environment => builder,
            Proxy::None => builder.no_proxy(),
            Proxy::Url(url) => builder.proxy(reqwest::Proxy::all(url).map_err(wrong)?),
        };
        Ok(Self {
            http: builder.build().map_err(wrong)?,
            url: url.clone(),
            source: Mutex::new(source),
            held: Mutex::new(Held::default()),
            asking: tokio::sync::Mutex::new(()),
        })
    }

    /// The token in use, a new one where its time is over.
    pub async fn current(&self) -> Result<Credential, Fault> {
        let asked = {
            let held = lock(&self.held);
            if let Some(credential) = held.usable() {
                return Ok(credential);
            }
            held.asked
        };
        let _turn = self.asking.lock().await;
        {
            let held = lock(&self.held);
            if let Some(credential) = held.usable() {
                return Ok(credential);
            }
            // Somebody asked while this request waited: it shares the failure too.
            if let Some(fault) = held.fault.as_ref().filter(|_| held.asked != asked) {
                return Err(fault.clone());
            }
        }
        let read = self.ask().await;
        let mut held = lock(&self.held);
        held.asked += 1;
        let token = match read {
            Ok(token) => token,
            Err(fault) => {
                held.fault = Some(fault.clone());
                return Err(fault);
            }
        };
        held.fault = None;
        let text = bearer(token.access_token.expose_secret());
        let Some(credential) = Credential::new(&text, &token.access_token, held.asked) else {
            return Err(Fault::new(FaultKind::Token, "the token endpoint gave a token that no header can carry"));
        };
        held.token = Some((credential.clone(), Instant::now() + token.useful_life()));
        if let Some(next) = token.refresh_token
            && let Source::Grant(Grant::Refresh { token, .. }) = &mut *lock(&self.source)
        {
            *token = next;
        }
        Ok(credential)
    }

    /// Throws the token away, unless it was replaced meanwhile.
    pub fn forget(&self, generation: u64) {
        let mut held = lock(&self.held);
        if held.token.as_ref().is_some_and(|(credential, _)| credential.generation == generation) {
            held.token = None;
        }
    }

    async fn ask(&self) -> Result<crate::wire::Token, Fault> {
        let request = self.request()?;
        let response = self.exchange(&request).await.map_err(|fault| {
            Fault::new(FaultKind::Token, format!("no answer from the token endpoint: {}", fault.message))
        })?;
        read_token(&response).map_err(|refusal| {
            let kind = if refusal.credentials { FaultKind::Credentials } else { FaultKind::Token };
            Fault::new(kind, refusal.message)
        })
    }

    fn request(&self) -> Result<TokenRequest, Fault> {
        Ok(match &*lock(&self.source) {
            Source::Grant(grant) => token_request(grant),
            Source::Assertion { client_id, scope, assertion, signer } => {
                let assertion = signer.sign(&assertion.claims(jiff::Timestamp::now()))?;
                token_request(&Grant::Federated { client_id: client_id.clone(), assertion, scope: scope.clone() })
            }
        })
    }

    async fn exchange(&self, request: &TokenRequest) -> Answer {
        let mut message = self
            .http
            .post(&self.url)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(request.body());
        if let Some((user, password)) = &request.basic {
            message = message.header(AUTHORIZATION, basic(user, password.expose_secret()));
        }
        let fault = |error: reqwest::Error| {
            let error = error.without_url();
            match error.is_timeout() {
                true => Fault::new(FaultKind::Timeout, "it did not answer in time"),
                false => fault_of(&error, error.is_connect()),
            }
        };
        let mut answer = message.send().await.map_err(fault)?;
        let mut response = Response { status: answer.status().as_u16(), ..Response::default() };
        while let Some(chunk) = answer.chunk().await.map_err(fault)? {
            if response.body.len() + chunk.len() > ANSWER_LIMIT {
                return Err(too_large(ANSWER_LIMIT));
            }
            response.body.extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

impl Held {
    fn usable(&self) -> Option<Credential> {
        let (credential, until) = self.token.as_ref()?;
        (Instant::now() < *until).then(|| credential.clone())
    }
}

/// A poisoned lock guards plain values that are never half-written.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
