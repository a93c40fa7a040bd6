//! Work that stays in one thread.

use std::io;
use std::panic::resume_unwind;
use std::thread;

use super::error::ServiceError;

/// Runs what `begin` returns to its end in a thread and a runtime of its own; the calling thread waits.
///
/// The objects of a cycle and the connections that carry their requests wake each other several times for each object: within
/// one thread that costs next to nothing, from thread to thread as much as the evaluation itself.
///
/// # Errors
/// As of the work, or the thread cannot be started.
pub(super) fn run<T: Send, F>(begin: impl FnOnce() -> F + Send) -> Result<T, ServiceError>
where
    F: Future<Output = Result<T, ServiceError>>,
{
    let failed = |error: io::Error| ServiceError::Internal(format!("no thread can be started: {error}"));
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        runtime.block_on(begin())
    };
    tokio::task::block_in_place(|| {
        thread::scope(|scope| {
            let thread = thread::Builder::new().name("cycle".to_owned()).spawn_scoped(scope, work).map_err(failed)?;
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    })
}
