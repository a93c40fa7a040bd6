//! The one thread that writes.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{JobKey, Store, StoreError, rest};

/// Writes that are committed together at most.
const MOST_TOGETHER: usize = 512;
/// How long a write waits for others where many are under way: with few of them most of a transaction is the pages that every
/// one changes.
const GATHERING: Duration = Duration::from_millis(1);

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
    /// Others will follow at once.
    gathers: bool,
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
    while let Ok(first) = writes.recv() {
        if first.gathers {
            std::thread::sleep(GATHERING);
        }
        let mut replies = Vec::new();
        let mut jobs = BTreeSet::new();
        let run = |sql: &str| connection.prepare_cached(sql)?.execute([]).map(drop);
        let done = run("BEGIN IMMEDIATE").map_err(StoreError::from).and_then(|()| {
            let mut next = Some(first);
            while let Some(write) = next.take() {
                jobs.extend(write.of);
                let done = (write.change)(&connection);
                replies.push(done.reply);
                if let Some(error) = done.spoilt {
                    return Err(error);
                }
                // Nothing: empty, or nobody is left who sends.
                next = if replies.len() < MOST_TOGETHER { writes.try_recv().ok() } else { None };
            }
            jobs.iter().try_for_each(|job| rest::end(&connection, *job))?;
            Ok(run("COMMIT")?)
        });
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
        self.write_among(of, false, change).await
    }

    /// [`Store::write_whole`], where it `gathers` with others that are to follow at once.
    pub(super) async fn write_among<T: Send + 'static>(
        &self,
        of: Option<JobKey>,
        gathers: bool,
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
        self.send(Write { of, gathers, change })?;
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
        self.send(Write { of, gathers: false, change })?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn note(name: &'static str) -> impl FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static {
        move |connection| {
            connection.execute("INSERT INTO noted (name) VALUES (?1)", [name])?;
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_fails_undoes_its_transaction_and_tells_all_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("state.db")).expect("a store");
        let table = |connection: &Connection| Ok(connection.execute_batch("CREATE TABLE noted (name TEXT UNIQUE)")?);
        store.write(None, table).await.expect("a table");

        // all wait behind the first, so that they are one transaction up to what fails
        let (go, begun) = mpsc::channel::<()>();
        let first = store.write(None, move |connection| {
            begun.recv().map_err(|_| StoreError::Closed)?;
            note("first")(connection)
        });
        let twice = store.write(None, |connection| note("kept")(connection).and_then(|()| note("kept")(connection)));
        let good = store.write_whole(None, note("good"));
        let bad = store.write_whole(None, |connection| note("bad")(connection).and_then(|()| note("bad")(connection)));
        let later = store.write_whole(None, note("later"));
        let start = async move { go.send(()).is_ok() };
        let (first, twice, good, bad, later, _) = tokio::join!(first, twice, good, bad, later, start);
        assert!(first.is_err() && twice.is_err() && good.is_err() && bad.is_err(), "all of one transaction");
        assert!(later.is_ok(), "{later:?}");

        // what runs in a savepoint undoes itself alone
        let (good, twice) = tokio::join!(
            store.write(None, note("good")),
            store.write(None, |connection| note("kept")(connection).and_then(|()| note("kept")(connection)))
        );
        assert!(good.is_ok() && twice.is_err());
        let names = |connection: &Connection| {
            let mut names = connection.prepare("SELECT name FROM noted ORDER BY name")?;
            Ok(names.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?)
        };
        assert_eq!(store.read(names).expect("names"), ["good", "later"]);
    }
}
