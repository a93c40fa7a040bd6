//! Ctrl-C and SIGTERM.

use tokio_util::sync::CancellationToken;

use super::error::Status;

/// Returns a token that the first Ctrl-C or SIGTERM cancels; the second Ctrl-C ends the process at once.
///
/// State is safe against that: what one request changed is stored in one transaction right after it.
pub fn stop_token() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        asked_to_stop().await;
        tracing::warn!("ending after the objects in flight; once more to end at once");
        cancelled.cancel();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(i32::from(Status::Interrupted.number()));
        }
    });
    token
}

#[cfg(unix)]
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await.is_some(),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminated => {}
        _ = interrupted() => {}
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() {
    interrupted().await;
}

/// Where signals cannot be received, the system's own handling of Ctrl-C stays.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
