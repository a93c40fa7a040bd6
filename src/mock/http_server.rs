//! The socket around the service: waiting, faults, the request log.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use http::{HeaderValue, Method, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::answer::{SlowProbe, html, page, refusal_response};
use super::failure::Refusal;
use super::fault::{Faults, Strike};
use super::service::Service;

/// The largest body that is read.
const MAX_BODY: usize = 16 << 20;
const SLOW: Duration = Duration::from_secs(2);
const DRIP: Duration = Duration::from_secs(1);
/// The size of the answer of the fault `huge`.
const HUGE: usize = 100 << 20;

/// One finished request, for the log. It holds no header, so no token.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// The method.
    pub method: Method,
    /// The path, encoded as it came.
    pub path: String,
    /// The query, encoded as it came, empty without one.
    pub query: String,
    /// The status; `None` when the connection was cut instead.
    pub status: Option<StatusCode>,
    /// From the last byte of the request to the first of the answer.
    pub duration: Duration,
}

/// Where the log of requests goes.
#[derive(Clone, Default)]
pub enum RequestLog {
    /// Nowhere; costs nothing.
    #[default]
    Off,
    /// One line each to standard error.
    Stderr,
    /// To a function.
    Callback(Arc<dyn Fn(&RequestRecord) + Send + Sync>),
}

/// What a request handler works with.
pub(super) struct Shell {
    pub(super) service: Service,
    pub(super) faults: Faults,
    pub(super) latency: Duration,
    pub(super) log: RequestLog,
    pub(super) drops: bool,
}

/// Listens for connections whose writes a handler can cut off.
struct Tap {
    listener: TcpListener,
    drops: bool,
}

/// A connection, and the mark that it is to be cut.
struct Tapped {
    stream: TcpStream,
    cut: Cut,
}

/// The mark that a connection is to be cut before anything more is sent.
#[derive(Clone, Default)]
struct Cut(Arc<AtomicBool>);

impl Listener for Tap {
    type Io = Tapped;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Tapped, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) if self.drops => drop(stream),
                Ok((stream, address)) => {
                    // Without it small answers wait for the acknowledgement of the one before.
                    if stream.set_nodelay(true).is_err() {
                        continue;
                    }
                    let cut = Cut::default();
                    return (Tapped { stream, cut }, address);
                }
                // Out of file descriptors, or the peer has gone: neither ends the stand-in.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Tap>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Tap>) -> Self {
        stream.io().cut.clone()
    }
}

impl AsyncRead for Tapped {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.cut.0.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.cut.0.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Serves until `until` is done, then a moment longer for what is under way.
pub(super) async fn serve(
    listener: TcpListener,
    shell: Arc<Shell>,
    until: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let tap = Tap { listener, drops: shell.drops };
    let app = Router::new().fallback(handle).with_state(shell).into_make_service_with_connect_info::<Cut>();
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let until = async move {
        until.await;
        // The other end may be gone already; then there is nobody to tell.
        stopping.send(()).ok();
    };
    let server = axum::serve(tap, app).with_graceful_shutdown(until);
    // A request that hangs on purpose must not hold up the end.
    let grace = async {
        stopped.await.ok();
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    tokio::select! {
        done = server.into_future() => done,
        () = grace => Ok(()),
    }
}

async fn handle(State(shell): State<Arc<Shell>>, ConnectInfo(cut): ConnectInfo<Cut>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY).await;
    let began = Instant::now();
    let logged = match shell.log {
        RequestLog::Off => None,
        RequestLog::Stderr | RequestLog::Callback(_) => Some((parts.method.clone(), parts.uri.clone())),
    };
    let response = match body {
        Ok(body) => shell.answer(&Request::from_parts(parts, body), &cut).await,
        Err(_) => {
            let refusal = Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
            refusal_response(refusal, shell.service.defects).map(Body::from)
        }
    };
    if let Some((method, uri)) = logged {
        let status = (!cut.0.load(Ordering::Relaxed)).then(|| response.status());
        shell.log.write(RequestRecord {
            method,
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or("").to_owned(),
            status,
            duration: began.elapsed(),
        });
    }
    response
}

impl Shell {
    async fn answer(&self, request: &http::Request<Bytes>, cut: &Cut) -> Response {
        let path = request.uri().path();
        if path.starts_with("/_standin/") {
            return self.service.answer(request).map(Body::from);
        }
        if !self.latency.is_zero() {
            // Timers go off at the next whole millisecond, half a one late on average.
            tokio::time::sleep(self.latency.saturating_sub(Duration::from_micros(500))).await;
        }
        let strike = self.faults.strike(request);
        let normal = || self.service.answer(request);
        let counted = || self.service.count(request.method());
        match strike {
            None => {
                let response = normal();
                if response.extensions().get::<SlowProbe>().is_some() {
                    tokio::time::sleep(SLOW).await;
                }
                response.map(Body::from)
            }
            Some(Strike::Refuse429 { retry_after }) => {
                counted();
                let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many requests");
                let mut response = refusal_response(refusal, self.service.defects);
                if retry_after {
                    let second = HeaderValue::from_static("1");
                    response.headers_mut().insert(header::RETRY_AFTER, second);
                }
                response.map(Body::from)
            }
            Some(Strike::Refuse500) => {
                counted();
                let refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "something broke");
                refusal_response(refusal, self.service.defects).map(Body::from)
            }
            Some(Strike::Slow) => {
                tokio::time::sleep(SLOW).await;
                normal().map(Body::from)
            }
            Some(Strike::CutBefore) => {
                counted();
                cut.0.store(true, Ordering::Relaxed);
                Response::new(Body::empty())
            }
            Some(Strike::CutAfter) => {
                let response = normal();
                cut.0.store(true, Ordering::Relaxed);
                response.map(Body::from)
            }
            Some(Strike::Html) => {
                counted();
                page(StatusCode::OK, "text/html", html(StatusCode::OK)).map(Body::from)
            }
            Some(Strike::Redirect) => {
                counted();
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::FOUND;
                let login = HeaderValue::from_static("/login");
                response.headers_mut().insert(header::LOCATION, login);
                response
            }
            Some(Strike::Huge) => {
                counted();
                huge()
            }
            Some(Strike::Hang) => {
                counted();
                std::future::pending().await
            }
            Some(Strike::Drip) => {
                normal().map(|body| stream(body.into_iter().map(|byte| Bytes::from(vec![byte])), DRIP))
            }
        }
    }
}

/// Returns a ListResponse of one user with a name of 100 MB.
fn huge() -> Response {
    let open = Bytes::from_static(
        br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"Resources":[{"id":"1","userName":""#,
    );
    let chunk = Bytes::from(vec![b'x'; 1 << 16]);
    let chunks = std::iter::repeat_n(chunk, HUGE >> 16);
    let close = Bytes::from_static(br#""}]}"#);
    let all = std::iter::once(open).chain(chunks).chain(std::iter::once(close));
    let mut response = Response::new(stream(all, Duration::ZERO));
    let kind = HeaderValue::from_static("application/scim+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Sends pieces one after the other, with a pause before each.
fn stream(pieces: impl Iterator<Item = Bytes> + Send + 'static, pause: Duration) -> Body {
    Body::from_stream(futures_util::stream::unfold(pieces, move |mut pieces| async move {
        let piece = pieces.next()?;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Some((Ok::<_, Infallible>(piece), pieces))
    }))
}

impl RequestLog {
    fn write(&self, record: RequestRecord) {
        match self {
            Self::Off => {}
            Self::Stderr => {
                let status = record.status.map_or("cut".into(), |s| s.as_u16().to_string());
                let mark = if record.query.is_empty() { "" } else { "?" };
                let RequestRecord { method, path, query, duration, .. } = record;
                // A log that nobody takes is no reason to stop answering.
                drop(writeln!(io::stderr(), "{method} {path}{mark}{query} {status} {duration:.1?}"));
            }
            Self::Callback(callback) => callback(&record),
        }
    }
}
