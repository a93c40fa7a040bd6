//! The status page and the metrics on `listen` (contract.md 3.1): reads the state, changes nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::Job;
use crate::cycle::{Service, ServiceError};
use crate::model::JobStatus;
use crate::report::{metrics_text, status_json, status_page};

/// Whose state is shown: the jobs as they were loaded last.
#[derive(Clone)]
pub struct Shown {
    pub service: Arc<Service>,
    pub jobs: watch::Receiver<Vec<Arc<Job>>>,
}

/// Begins to serve on `address` until `stop`; returns the address that was taken.
///
/// # Errors
/// The address cannot be listened on.
pub async fn start(address: SocketAddr, shown: Shown, stop: CancellationToken) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let taken = listener.local_addr()?;
    let router = Router::new()
        .route("/", get(|State(shown): State<Shown>| answer(shown, PAGE, status_page)))
        .route(
            "/status",
            get(|State(shown): State<Shown>| answer(shown, JSON, |jobs| format!("{}\n", status_json(jobs)))),
        )
        .route("/metrics", get(|State(shown): State<Shown>| answer(shown, METRICS, metrics_text)))
        .with_state(shown);
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "the status page ended");
        }
    });
    Ok(taken)
}

const PAGE: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Nothing is kept, and nothing but the page itself is loaded or run.
const GUARDS: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

async fn answer(shown: Shown, kind: &'static str, render: fn(&[JobStatus]) -> String) -> Response {
    let jobs = shown.jobs.borrow().clone();
    // The state file may be busy for a moment.
    let read = tokio::task::spawn_blocking(move || {
        jobs.iter().map(|job| shown.service.status(job)).collect::<Result<Vec<_>, ServiceError>>()
    });
    match read.await {
        Ok(Ok(states)) => (GUARDS, [(header::CONTENT_TYPE, kind)], render(&states)).into_response(),
        Ok(Err(error)) => failed(&error.to_string()),
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(why: &str) -> Response {
    tracing::error!("the state cannot be shown: {why}");
    (StatusCode::INTERNAL_SERVER_ERROR, GUARDS, "the state cannot be read; see the log\n").into_response()
}
