//! The objects of a report, written down beside the cycle.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::spool::Spool;
use crate::model::Entry;
use crate::report::{EntryRecord, JobContext, JobParts};

/// Entries that are handed over together: each for itself would wake the thread for each.
const TOGETHER: usize = 64;
/// Hand-overs that may wait.
const WAITING: usize = 4;

/// Writes entries to a spool in a thread of its own: putting them into their printed form takes as long as a tenth of what the
/// thread of the cycle does for an object, and nothing waits for it.
pub struct Reporter {
    batch: Vec<Arc<Entry>>,
    queue: SyncSender<Vec<Arc<Entry>>>,
    thread: JoinHandle<io::Result<Spool>>,
}

impl Reporter {
    pub fn start(job: JobContext) -> io::Result<Self> {
        let spool = Spool::new()?;
        let (queue, batches) = sync_channel(WAITING);
        let thread = thread::Builder::new().name("report".to_owned()).spawn(move || write(spool, &job, &batches))?;
        Ok(Self { batch: Vec::with_capacity(TOGETHER), queue, thread })
    }

    pub fn push(&mut self, entry: Arc<Entry>) {
        self.batch.push(entry);
        if self.batch.len() == TOGETHER {
            // A thread that ended early says why when it is asked for the spool.
            let _ = self.queue.send(std::mem::replace(&mut self.batch, Vec::with_capacity(TOGETHER)));
        }
    }

    /// Waits until all is written.
    pub fn finish(self) -> io::Result<Spool> {
        let _ = self.queue.send(self.batch);
        drop(self.queue);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Nothing is written after the first error.
fn write(mut spool: Spool, job: &JobContext, batches: &Receiver<Vec<Arc<Entry>>>) -> io::Result<Spool> {
    let parts = JobParts::new(job)?;
    for entry in batches.iter().flatten() {
        spool.push(&EntryRecord::new(&entry, job, &parts))?;
    }
    Ok(spool)
}
