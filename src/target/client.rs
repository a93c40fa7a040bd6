//! The client of one target.

use std::borrow::Cow;
use std::panic::resume_unwind;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::uri::Scheme;
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::auth::{Authorization, Credential};
use super::base::{Base, unsendable};
use super::connect::{self, Route};
use super::fault::{abandoned, fault_of, given_up, late};
use super::pace::{Pace, Pacer};
use super::settings::{Settings, SetupFault};
use super::{Transport, body};
use crate::wire::{Answer, Fault, FaultKind, Request, Response, mask, retry_after, retry_pause};

/// How often a refused request is repeated (wire.md 15.2).
const REPEATS: u32 = 5;
/// Shorter pauses are noticed by nobody.
const WORTH_TELLING: Duration = Duration::from_secs(5);

/// A request whose every byte the caller decides, for testing an endpoint.
#[derive(Debug, Clone)]
pub struct Raw {
    pub method: http::Method,
    /// Below the base, encoded, beginning with `/`.
    pub path: String,
    /// Encoded, without `?`.
    pub query: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Bytes>,
    pub identity: Shown,
}

/// Which `Authorization` a [`Raw`] request carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// That of the settings.
    Own,
    None,
    /// This text.
    Text(String),
}

/// Sends requests to one target; made once for the life of a job.
pub struct Client {
    base: Base,
    auth: Authorization,
    line: Arc<Line>,
}

/// The way to the target and back.
struct Line {
    http: legacy::Client<HttpsConnector<Route>, Full<Bytes>>,
    pacer: Pacer,
    timeout: Duration,
    answer_limit: usize,
    honour_retry_after: bool,
    stop: CancellationToken,
    requests: AtomicU64,
}

impl Client {
    /// Prepares connections; sends nothing yet.
    pub fn new(settings: &Settings) -> Result<Self, SetupFault> {
        let base = Base::parse(&settings.base)?;
        let tls = connect::tls(settings, base.scheme == Scheme::HTTPS)?;
        let auth = Authorization::new(settings)?;
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(connect::IDLE)
            .build(connect::connector(settings, tls)?);
        let line = Line {
            http,
            pacer: Pacer::new(settings.rate, settings.concurrency),
            timeout: settings.timeout,
            answer_limit: settings.answer_limit,
            honour_retry_after: settings.honour_retry_after,
            stop: settings.stop.clone(),
            requests: AtomicU64::new(0),
        };
        Ok(Self { base, auth, line: Arc::new(line) })
    }

    /// How many requests went to the target so far, repeats included, those for tokens not.
    pub fn requests(&self) -> u64 {
        self.line.requests.load(Ordering::Relaxed)
    }

    /// How fast requests are let through at the moment.
    pub fn pace(&self) -> Pace {
        self.line.pacer.pace()
    }

    /// Sends one request as it stands, once, and brings the answer as it stands.
    ///
    /// Nothing is repeated, and an answer that refuses the credentials does not renew them. What the answer quotes of the
    /// secret is masked.
    pub async fn send_raw(&self, raw: &Raw) -> Answer {
        let credential = self.auth.credential().await?;
        let mut message = http::Request::new(Full::new(raw.body.clone().unwrap_or_default()));
        *message.method_mut() = raw.method.clone();
        *message.uri_mut() = self.base.uri(&raw.path, &raw.query)?;
        for (name, value) in &raw.headers {
            let name = HeaderName::from_str(name).map_err(|error| unsendable(&error))?;
            let value = HeaderValue::from_str(value).map_err(|error| unsendable(&error))?;
            message.headers_mut().insert(name, value);
        }
        let identity = match (&raw.identity, &credential) {
            (Shown::Own, Some(credential)) => Some(credential.header.clone()),
            (Shown::Own, None) | (Shown::None, _) => None,
            (Shown::Text(text), _) => Some(HeaderValue::from_str(text).map_err(|error| unsendable(&error))?),
        };
        if let Some(identity) = identity {
            message.headers_mut().insert(AUTHORIZATION, identity);
        }
        let _permit = self.line.pacer.ready(&self.line.stop).await.ok_or_else(given_up)?;
        let mut response = self.line.exchange(message).await?;
        let secrets: Vec<&str> = credential.iter().map(Credential::secret).collect();
        if let Some(masked) = mask(&response.body, &secrets) {
            response.body = masked;
        }
        Ok(response)
    }

    fn message(&self, request: &Request, credential: Option<&Credential>) -> Result<http::Request<Full<Bytes>>, Fault> {
        let uri = self.base.uri(&request.path, &request.query)?;
        let body = request.body.as_ref().map(|body| body.text().clone()).unwrap_or_default();
        let mut message = http::Request::new(Full::new(body));
        *message.method_mut() = request.method.clone();
        *message.uri_mut() = uri;
        let headers = message.headers_mut();
        // Besides: authorization here, host and length on the way out.
        headers.reserve(request.headers.len() + 3);
        for (name, value) in &request.headers {
            let name = HeaderName::from_str(name).map_err(|error| unsendable(&error))?;
            let value = match value {
                Cow::Borrowed(value) => HeaderValue::from_maybe_shared(Bytes::from_static(value.as_bytes())),
                Cow::Owned(value) => HeaderValue::from_str(value),
            };
            headers.insert(name, value.map_err(|error| unsendable(&error))?);
        }
        if let Some(credential) = credential {
            headers.insert(AUTHORIZATION, credential.header.clone());
        }
        Ok(message)
    }
}

impl Line {
    async fn exchange(&self, message: http::Request<Full<Bytes>>) -> Answer {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let whole = async {
            let response = self.http.request(message).await.map_err(|error| fault_of(&error, error.is_connect()))?;
            let (parts, incoming) = response.into_parts();
            let text = |name: HeaderName| header(&parts.headers, &name);
            Ok(Response {
                status: parts.status.as_u16(),
                content_type: text(CONTENT_TYPE),
                location: text(LOCATION),
                etag: text(ETAG),
                retry_after: text(RETRY_AFTER),
                body: body::read(incoming, &parts.headers, self.answer_limit).await?,
            })
        };
        tokio::time::timeout(self.timeout, whole).await.unwrap_or_else(|_| Err(late(self.timeout)))
    }

    /// Sends a request once it may go; returns its answer, and whether that is a refusal for now.
    async fn in_turn(&self, message: http::Request<Full<Bytes>>, repeat: u32) -> (Answer, bool) {
        let Some(permit) = self.pacer.ready(&self.stop).await else { return (Err(given_up()), false) };
        let begun = Instant::now();
        let answer = self.exchange(message).await;
        let pause = answer.as_ref().ok().and_then(|response| self.pause(response, repeat));
        match (&answer, pause) {
            (_, Some(pause)) => {
                if self.pacer.refused(pause) && pause >= WORTH_TELLING {
                    let until = jiff::Timestamp::now() + pause;
                    tracing::warn!("the target asks to wait: nothing is sent until {until:.0}");
                }
            }
            (Ok(_), None) => permit.answered(begun.elapsed()),
            (Err(_), None) => {}
        }
        (answer, pause.is_some())
    }

    /// The pause that a refusal asks for; `None` where the answer is no refusal of this kind.
    fn pause(&self, response: &Response, repeat: u32) -> Option<Duration> {
        let told = response.retry_after.as_deref().filter(|_| self.honour_retry_after);
        let asks = response.status == 429 || (response.status == 503 && response.retry_after.is_some());
        let now = jiff::Timestamp::now();
        asks.then(|| told.and_then(|told| retry_after(told, now)).unwrap_or_else(|| retry_pause(repeat)))
    }
}

impl Transport for Client {
    async fn send(&self, request: &Request) -> Answer {
        let mut repeats = 0;
        let mut renewed = false;
        // Only reads are sent again after a broken connection: nothing else may happen twice.
        let mut breaks = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_times(if request.is_read() { 2 } else { 0 })
            .build();
        loop {
            let credential = self.auth.credential().await?;
            let message = self.message(request, credential.as_ref())?;
            // A task of its own: when a place comes free the next request goes out before anybody works on the answer.
            let line = Arc::clone(&self.line);
            let sent = tokio::spawn(async move { line.in_turn(message, repeats).await });
            let (answer, refused) = match AbortOnDropHandle::new(sent).await {
                Ok(sent) => sent,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => resume_unwind(panic),
                    Err(_) => (Err(abandoned()), false),
                },
            };
            match answer {
                Ok(mut response) => {
                    if refused && repeats < REPEATS {
                        repeats += 1;
                        continue;
                    }
                    if response.status == 401 && !renewed && self.auth.forget(credential.as_ref()) {
                        renewed = true;
                        continue;
                    }
                    if response.status >= 300 {
                        let secrets: Vec<&str> = credential.iter().map(Credential::secret).collect();
                        if let Some(masked) = mask(&response.body, &secrets) {
                            response.body = masked;
                        }
                    }
                    return Ok(response);
                }
                Err(fault) => {
                    let broken = matches!(fault.kind, FaultKind::Connect | FaultKind::Closed);
                    match breaks.next().filter(|_| broken) {
                        Some(delay) => tokio::time::sleep(delay).await,
                        None => return Err(fault),
                    }
                }
            }
        }
    }
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
