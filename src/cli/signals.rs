//! Ctrl-C and SIGTERM.

use tokio_util::sync::CancellationToken;

use super::error::Status;

/// Returns a token that the first Ctrl-C or SIGTERM cancels; the second of either ends the process at once.
///
/// State is safe against that: what one request changed is stored in one transaction right after it.
pub fn stop_token() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        let mut signals = Signals::new();
        signals.next().await;
        tracing::warn!("ending after the objects in flight; once more to end at once");
        cancelled.cancel();
        signals.next().await;
        std::process::exit(i32::from(Status::Interrupted.number()));
    });
    token
}

/// What asks the process to end. It is listened to from the first signal on, so that none between two is lost.
#[cfg(unix)]
struct Signals {
    terminate: Option<tokio::signal::unix::Signal>,
    interrupt: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self { terminate: signal(SignalKind::terminate()).ok(), interrupt: signal(SignalKind::interrupt()).ok() }
    }

    async fn next(&mut self) {
        tokio::select! {
            () = received(self.terminate.as_mut()) => {}
            () = received(self.interrupt.as_mut()) => {}
        }
    }
}

/// Where a signal cannot be received, the system's own handling of it stays.
#[cfg(unix)]
async fn received(signal: Option<&mut tokio::signal::unix::Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
