//! Requests of somebody else, passed on as they came.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::uri::Scheme;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::auth::Authorization;
use super::base::Base;
use super::body;
use super::connect::{self, Route};
use super::fault::{fault_of, late};
use super::settings::{Auth, Settings, SetupFault};
use crate::wire::Fault;

/// The body of a request that is passed on while it comes in.
pub type RelayBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// An answer whose body is still on its way.
pub type Streamed = http::Response<Incoming>;

/// Passes requests on to one target, changing nothing but where they go.
pub struct Relay {
    http: legacy::Client<HttpsConnector<Route>, RelayBody>,
    base: Base,
    auth: Authorization,
    timeout: Duration,
    answer_limit: usize,
    /// There are credentials of our own.
    pub has_identity: bool,
}

impl Relay {
    /// Prepares connections; sends nothing yet.
    pub fn new(settings: &Settings) -> Result<Self, SetupFault> {
        let base = Base::parse(&settings.base)?;
        let tls = connect::tls(settings, base.scheme == Scheme::HTTPS)?;
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(connect::IDLE)
            .http1_preserve_header_case(true)
            .build(connect::connector(settings, tls)?);
        Ok(Self {
            http,
            base,
            auth: Authorization::new(settings)?,
            timeout: settings.timeout,
            answer_limit: settings.answer_limit,
            has_identity: !matches!(settings.auth, Auth::None),
        })
    }

    /// The path of the base, without a slash at the end.
    pub fn prefix(&self) -> &str {
        &self.base.prefix
    }

    /// Host and port of the target.
    pub fn authority(&self) -> &str {
        self.base.authority.as_str()
    }

    /// The URL at the target of a request that came for `uri`, with or without the path of the base.
    pub fn url(&self, uri: &http::Uri) -> Result<http::Uri, Fault> {
        self.base.uri(self.base.below(uri.path()), uri.query().unwrap_or_default())
    }

    /// The `Authorization` of our own, where there is one.
    pub async fn identity(&self) -> Result<Option<http::HeaderValue>, Fault> {
        Ok(self.auth.credential().await?.map(|credential| credential.header))
    }

    /// Passes one request on, once; with `own` it carries our own credentials.
    ///
    /// The time allowed is that until the answer begins.
    pub async fn pass(&self, mut request: http::Request<RelayBody>, own: bool) -> Result<Streamed, Fault> {
        *request.uri_mut() = self.url(request.uri())?;
        // Another version, and a name that leads here, are matters of the connection it came by.
        *request.version_mut() = http::Version::HTTP_11;
        request.headers_mut().remove(HOST);
        let credential = if own { self.auth.credential().await? } else { None };
        if let Some(credential) = &credential {
            request.headers_mut().insert(AUTHORIZATION, credential.header.clone());
        }
        let answer =
            tokio::time::timeout(self.timeout, self.http.request(request)).await.map_err(|_| late(self.timeout))?;
        let answer = answer.map_err(|error| fault_of(&error, error.is_connect()))?;
        if answer.status() == http::StatusCode::UNAUTHORIZED {
            // The next request asks for a new token, where there is one to ask for.
            self.auth.forget(credential.as_ref());
        }
        Ok(answer)
    }

    /// Reads the whole body of an answer, unpacked and of bounded size.
    pub async fn read(&self, answer: Streamed) -> Result<(http::response::Parts, Vec<u8>), Fault> {
        let (parts, incoming) = answer.into_parts();
        let read = body::read(incoming, &parts.headers, self.answer_limit);
        let bytes = tokio::time::timeout(self.timeout, read).await.map_err(|_| late(self.timeout))??;
        Ok((parts, bytes))
    }
}
