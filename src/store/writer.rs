//! The one thread that writes.

use std::collections::{BTreeSet, VecDeque};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{JobKey, Store, StoreError, rest};

/// Writes that are committed together at most.
const MOST_TOGETHER: usize = 512;

/// Where writes come side by side, so many are waited for, for so long: each transaction writes the last page of every index
/// again, whatever number of writes it holds.
const ENOUGH: usize = 32;
const PATIENCE: Duration = Duration::from_millis(2);

type Change = Box<dyn FnOnce(&Connection) -> Done + Send>;

/// A change that was made, or failed.
struct Done {
    /// Why nothing of the transaction may be committed: what failed may have left a half behind.
    spoilt: Option<StoreError>,
    /// Tells whoever waits, once it is known whether the transaction was committed.
    reply: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

struct Write {
    /// Whose references it may make ready.
    of: Option<JobKey>,
    change: Change,
}

pub(super) struct Writer {
    // `None` only while it is dropped.
    queue: Option<mpsc::Sender<Write>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (queue, writes) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || work(connection, &writes))
            .map_err(|error| StoreError::Decode(error.to_string()))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was reported there; whoever waited for it got `Closed`.
            drop(thread.join());
        }
    }
}

fn work(connection: Connection, writes: &mpsc::Receiver<Write>) {
    let mut next: VecDeque<Write> = VecDeque::new();
    let mut is_busy = false;
    loop {
        if next.is_empty() {
            let Ok(first) = writes.recv() else { break };
            next.push_back(first);
        }
        // Whoever writes alone waits for each write; and nobody else can write once the transaction has begun.
        let until = Instant::now() + PATIENCE;
        while is_busy && next.len() < ENOUGH {
            match writes.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(write) => next.push_back(write),
                Err(_) => break,
            }
        }
        let mut replies = Vec::new();
        let mut jobs = BTreeSet::new();
        let run = |sql: &str| connection.prepare_cached(sql)?.execute([]).map(drop);
        let begun = run("BEGIN IMMEDIATE");
        if begun.is_err() {
            // Whoever waits for them gets `Closed`.
            next.clear();
        }
        let done = begun.map_err(StoreError::from).and_then(|()| {
            while let Some(write) = next.pop_front() {
                jobs.extend(write.of);
                let done = (write.change)(&connection);
                replies.push(done.reply);
                if let Some(error) = done.spoilt {
                    // The others have their turn in the next transaction.
                    return Err(error);
                }
                if next.is_empty() && replies.len() < MOST_TOGETHER {
                    // Nothing: empty, or nobody is left who sends.
                    next.extend(writes.try_recv());
                }
            }
            jobs.iter().try_for_each(|job| rest::end(&connection, *job))?;
            Ok(run("COMMIT")?)
        });
        is_busy = replies.len() > 1;
        if done.is_err() && !connection.is_autocommit() {
            // If even this fails the next BEGIN says so.
            drop(connection.execute_batch("ROLLBACK"));
        }
        let mut first_error = done.err();
        for reply in replies {
            match &first_error {
                None => reply(Ok(())),
                Some(error) => {
                    let again = copy_of(error);
                    reply(Err(first_error.replace(again).unwrap_or(StoreError::Closed)));
                }
            }
        }
    }
}

/// Everybody whose write was in the transaction is told why it failed.
fn copy_of(error: &StoreError) -> StoreError {
    match error {
        StoreError::DiskFull => StoreError::DiskFull,
        StoreError::Damaged(message) => StoreError::Damaged(message.clone()),
        other => StoreError::Decode(other.to_string()),
    }
}

impl Store {
    /// Runs `change` in the writing thread and returns when it is committed.
    ///
    /// A `change` that fails must leave nothing behind: it runs inside a savepoint. `of` is the job whose objects it is about,
    /// where it may make a reference or member ready to be sent (`rest.rs`).
    pub(super) async fn write<T: Send + 'static>(
        &self,
        of: Option<JobKey>,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_whole(of, move |connection| Ok(in_savepoint(connection, change))).await?
    }

    /// [`Store::write`] for what is done for each object and fails only where the file does: without a savepoint, which copies
    /// every page that is changed. A failure undoes all of its transaction.
    pub(super) async fn write_whole<T: Send + 'static>(
        &self,
        of: Option<JobKey>,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let change: Change = Box::new(move |connection| {
            let result = change(connection);
            Done {
                spoilt: result.as_ref().err().map(copy_of),
                // A caller that has gone away does not need the answer.
                reply: Box::new(move |committed| drop(reply.send(result.and_then(|made| committed.map(|()| made))))),
            }
        });
        self.send(Write { of, change })?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// [`Store::write`] for callers without a runtime.
    pub(super) fn write_now<T: Send + 'static>(
        &self,
        of: Option<JobKey>,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = mpsc::channel();
        let change: Change = Box::new(move |connection| {
            let result = in_savepoint(connection, change);
            Done { spoilt: None, reply: Box::new(move |committed| drop(reply.send(committed.and(result)))) }
        });
        self.send(Write { of, change })?;
        answer.recv().map_err(|_| StoreError::Closed)?
    }

    fn send(&self, write: Write) -> Result<(), StoreError> {
        let queue = self.writer.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(write).map_err(|_| StoreError::Closed)
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.prepare_cached("SAVEPOINT one")?.execute([])?;
    let result = change(connection);
    let end = if result.is_ok() { "RELEASE one" } else { "ROLLBACK TO one" };
    connection.prepare_cached(end)?.execute([])?;
    result
}
