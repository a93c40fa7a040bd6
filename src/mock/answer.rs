//! The answers of the stand-in, before they become HTTP.

use axum::body::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use super::defect::{Defect, DefectSet};
use super::failure::Refusal;

/// A marker in the extensions of a response: the shell waits before it sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlowProbe;

/// One answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Option<Bytes>,
    pub(super) location: Option<String>,
    pub(super) etag: Option<String>,
    /// A filter without a hit, which one defect makes slow.
    pub(super) no_hit: bool,
}

impl Answer {
    pub(super) fn new(status: StatusCode, body: Bytes) -> Self {
        Self { status, body: Some(body), location: None, etag: None, no_hit: false }
    }

    pub(super) fn ok(body: Bytes) -> Self {
        Self::new(StatusCode::OK, body)
    }

    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self::new(status, Bytes::from(body.to_string()))
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self { body: None, ..Self::new(status, Bytes::new()) }
    }

    /// Turns the answer into a response, with the defects of media types.
    pub(super) fn into_response(self, defects: DefectSet) -> Response<Bytes> {
        let mut response = Response::new(self.body.clone().unwrap_or_default());
        *response.status_mut() = self.status;
        if self.body.is_some() {
            let kind = match defects.has(Defect::PlainJsonAnswers) {
                true => "application/json",
                false => "application/scim+json",
            };
            let kind = HeaderValue::from_static(kind);
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        for (name, value) in [(header::LOCATION, self.location), (header::ETAG, self.etag)] {
            // Ids are ours or percent-encoded, so the text is a header value in every case.
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                response.headers_mut().insert(name, value);
            }
        }
        if self.no_hit && defects.has(Defect::SlowProbe) {
            response.extensions_mut().insert(SlowProbe);
        }
        response
    }
}

/// Turns a refusal into a response, with the defects of error bodies.
pub(super) fn refusal_response(mut refusal: Refusal, defects: DefectSet) -> Response<Bytes> {
    if refusal.status == StatusCode::CONFLICT {
        if defects.has(Defect::ConflictNoScimtype) {
            refusal.scim_type = None;
        }
        if defects.has(Defect::Conflict500) {
            refusal.status = StatusCode::INTERNAL_SERVER_ERROR;
            refusal.scim_type = None;
        }
    }
    let other = if defects.has(Defect::HtmlErrors) {
        Some(("text/html", html(refusal.status)))
    } else if defects.has(Defect::TextErrors) {
        Some(("text/plain; charset=utf-8", refusal.detail.clone()))
    } else {
        None
    };
    let mut response = match other {
        None => Answer::json(refusal.status, &refusal.to_json()).into_response(defects),
        Some((kind, text)) => page(refusal.status, kind, text),
    };
    if refusal.status == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

/// Returns a response that is not SCIM.
pub(super) fn page(status: StatusCode, kind: &'static str, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Returns the page that a proxy or web framework would show.
pub(super) fn html(status: StatusCode) -> String {
    format!("<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>")
}
