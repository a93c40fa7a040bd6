//! The proxy: passes every exchange on as it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::keep::{Draft, Head, Recorder};
use super::tee::{Exchange, Kept, Tee, Way};
use crate::target::Relay;
use crate::wire::{Fault, FaultKind};

/// Connections at a time; more wait. It bounds what is held of bodies.
const CONNECTIONS: usize = 64;
/// For what is under way when the proxy is to end.
const GRACE: Duration = Duration::from_secs(2);

/// The body of an answer on its way back.
type Back = UnsyncBoxBody<Bytes, hyper::Error>;

/// Passes on and keeps every exchange until `stop`, then those under way.
pub async fn record(listener: TcpListener, relay: Relay, recorder: Recorder, stop: CancellationToken) {
    let (relay, recorder) = (Arc::new(relay), Arc::new(recorder));
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = next(&listener, &room) => accepted,
            Some(_) = connections.join_next() => continue,
            () = stop.cancelled() => break,
        };
        let Some((stream, place)) = accepted else {
            // Out of file descriptors, or the peer has gone: neither ends the proxy.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (relay, recorder, stop) = (relay.clone(), recorder.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, relay, recorder, stop).await;
            drop(place);
        });
    }
    let rest = async { while connections.join_next().await.is_some() {} };
    // Dropping what is left writes down as much as is known of it.
    let _ = tokio::time::timeout(GRACE, rest).await;
}

async fn next(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = room.clone().acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    stream.set_nodelay(true).ok()?;
    Some((stream, place))
}

async fn connection(stream: TcpStream, relay: Arc<Relay>, recorder: Arc<Recorder>, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let (relay, recorder) = (relay.clone(), recorder.clone());
        async move { pass(request, &relay, &recorder).await }
    });
    let mut serving = std::pin::pin!(
        http1::Builder::new()
            .preserve_header_case(true)
            .auto_date_header(false)
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service)
    );
    // A connection that ends early ends one exchange, which is in the file.
    tokio::select! {
        _ = serving.as_mut() => return,
        () = stop.cancelled() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

/// Passes one request on. An error cuts the connection, as the target did.
async fn pass(request: Request<Incoming>, relay: &Relay, recorder: &Arc<Recorder>) -> Result<Response<Back>, Fault> {
    if request.method() == Method::CONNECT {
        return Ok(refusal(StatusCode::NOT_IMPLEMENTED, "the recorder stands for one target and opens no tunnels"));
    }
    let (mut parts, body) = request.into_parts();
    let url = match relay.url(&parts.uri) {
        Ok(url) => url,
        Err(fault) => return Ok(refusal(StatusCode::BAD_REQUEST, &fault.message)),
    };
    strip(&mut parts.headers);
    let mut headers = parts.headers.clone();
    if let Ok(host) = HeaderValue::from_str(relay.authority()) {
        headers.insert(HOST, host);
    }
    if relay.has_identity {
        match relay.identity().await {
            Ok(own) => headers.extend(own.map(|own| (AUTHORIZATION, own))),
            Err(fault) => return Ok(refusal(StatusCode::BAD_GATEWAY, &fault.message)),
        }
    }
    let draft = Draft {
        began: Timestamp::now(),
        clock: Instant::now(),
        method: parts.method.clone(),
        url,
        version: parts.version,
        headers,
        sent: Kept::default(),
        answer: Err(Fault::new(FaultKind::Closed, "the client went away before the answer")),
        received: Kept::default(),
    };
    let exchange = Exchange::new(draft, recorder.clone());
    let body = Tee::new(body, exchange.clone(), Way::There).map_err(Into::into).boxed_unsync();
    match relay.pass(Request::from_parts(parts, body), relay.has_identity).await {
        Ok(answer) => {
            let (mut parts, body) = answer.into_parts();
            exchange.note(|draft| {
                let after = draft.clock.elapsed().as_secs_f64() * 1000.0;
                let (status, version, headers) = (parts.status, parts.version, parts.headers.clone());
                let said = parts.extensions.get::<ReasonPhrase>();
                let reason = said.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
                draft.answer = Ok(Head { status, reason, version, headers, after });
            });
            strip(&mut parts.headers);
            parts.version = http::Version::HTTP_11;
            let body = Tee::new(body, exchange, Way::Back).boxed_unsync();
            Ok(Response::from_parts(parts, body))
        }
        Err(fault) => {
            exchange.note(|draft| draft.answer = Err(fault.clone()));
            exchange.finish();
            match fault.kind {
                FaultKind::Closed | FaultKind::Protocol => Err(fault),
                FaultKind::Timeout => Ok(refusal(StatusCode::GATEWAY_TIMEOUT, &fault.message)),
                FaultKind::Dns
                | FaultKind::Connect
                | FaultKind::Tls
                | FaultKind::TooLarge
                | FaultKind::GivenUp
                | FaultKind::Credentials
                | FaultKind::Token
                | FaultKind::Unsendable => Ok(refusal(StatusCode::BAD_GATEWAY, &fault.message)),
            }
        }
    }
}

/// Takes out what belongs to one connection only (RFC 9110 7.6.1).
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let always = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    let more = ["keep-alive", "proxy-connection", "proxy-authorization"].map(HeaderName::from_static);
    for name in named.into_iter().chain(always).chain(more) {
        headers.remove(name);
    }
}

/// An answer of the recorder itself, where there is none of the target.
fn refusal(status: StatusCode, why: &str) -> Response<Back> {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": status.as_str(),
        "detail": format!("provisiond record: {why}"),
    });
    let full = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {});
    let mut response = Response::new(full.boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
    response
}
