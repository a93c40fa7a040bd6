//! What a run tells whoever watches it.

use std::sync::Arc;

use crate::model::{Entry, Intended};

/// Is told what happens while it happens; must not block.
pub trait Observer: Send + Sync {
    /// One object was acted on, failed, or was skipped with a reason.
    fn entry(&self, entry: &Entry);
    /// [`Observer::entry`] of a cycle, of which there may be very many: whoever wants can keep them and look at them later.
    fn shared(&self, entry: &Arc<Entry>) {
        self.entry(entry);
    }
    /// One object would be acted on; only while planning, and in the place of [`Observer::entry`].
    fn intended(&self, entry: &Entry, intended: &Intended) {
        let _ = intended;
        self.entry(entry);
    }
    /// So many of so many objects are done.
    fn progress(&self, done: u64, total: u64);
    /// Something a person who waits wants to know.
    fn note(&self, message: &str);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn entry(&self, _: &Entry) {}
    fn progress(&self, _: u64, _: u64) {}
    fn note(&self, _: &str) {}
}
