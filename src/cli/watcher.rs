//! Shows a cycle while it runs, or keeps its objects for one document at its end.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::ProgressBar;

use super::output::Output;
use super::reporter::Reporter;
use crate::cycle::Observer;
use crate::model::{CycleReport, Entry};
use crate::report::{JobContext, cycle_json, text};

/// The observer of a cycle on the command line.
pub struct Watcher {
    output: Arc<Output>,
    bar: ProgressBar,
    /// Shows the attributes below each line.
    details: bool,
    /// In a dry run: how matching went.
    matching: Mutex<text::Matching>,
    /// Keeps the objects of a document.
    reporter: Mutex<Option<Reporter>>,
    /// The first error of writing; nothing is written after it, and the cycle goes on.
    broken: Mutex<Option<io::Error>>,
}

impl Watcher {
    pub fn new(output: &Arc<Output>, job: JobContext, details: bool) -> io::Result<Self> {
        let reporter = if output.is_json() { Some(Reporter::start(job)?) } else { None };
        Ok(Self {
            output: Arc::clone(output),
            bar: output.bar(),
            details,
            matching: Mutex::default(),
            reporter: Mutex::new(reporter),
            broken: Mutex::new(None),
        })
    }

    /// Prints the document, or the totals below the lines.
    pub fn finish(&self, report: &CycleReport) -> io::Result<()> {
        self.bar.finish_and_clear();
        if let Some(error) = lock(&self.broken).take() {
            return Err(error);
        }
        match lock(&self.reporter).take() {
            None => {
                self.output.text(&text::cycle_text(report, self.output.style()))?;
                self.output.text(&lock(&self.matching).text())
            }
            Some(reporter) => {
                let spool = reporter.finish()?;
                // The empty list of the document is where the objects go, as they stand in the file.
                let document = serde_json::to_string(&cycle_json(report))?;
                let place = r#""objects":["#;
                let (before, after) =
                    document.split_once(place).ok_or_else(|| io::Error::other("no list of objects"))?;
                self.output.text(before)?;
                self.output.text(place)?;
                self.output.copy_file(&mut spool.into_file()?)?;
                self.output.text(after)?;
                self.output.text("\n")
            }
        }
    }

    fn write(&self, entry: &Entry) -> io::Result<()> {
        let mut line = text::entry_line(entry, self.output.style());
        if self.details {
            line.push_str(&text::modified_text(entry));
        }
        self.output.text(&line)
    }
}

impl Observer for Watcher {
    fn entry(&self, entry: &Entry) {
        self.shared(&Arc::new(entry.clone()));
    }

    fn shared(&self, entry: &Arc<Entry>) {
        if self.details {
            lock(&self.matching).add(entry);
        }
        if let Some(reporter) = lock(&self.reporter).as_mut() {
            return reporter.push(Arc::clone(entry));
        }
        let mut broken = lock(&self.broken);
        if broken.is_none() {
            *broken = self.write(entry).err();
        }
    }

    fn progress(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    fn note(&self, message: &str) {
        tracing::info!("{message}");
    }
}

/// A panic of another thread leaves nothing half-written that matters here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
