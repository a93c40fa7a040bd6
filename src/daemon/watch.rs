//! The source folder of a job, looked at from time to time: is there something new, and has it settled (sources.md 4).

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::source::{self, FileSet, Settings};

/// How often a watched folder is looked at. Notices of the kernel do not arrive over NFS and SMB, and a look costs one `stat` a file.
const EVERY: Duration = Duration::from_secs(3);
/// How often a cycle that is due waits anew for files that are still being written; then it begins, and its reader judges.
const LOOKS: u32 = 60;

/// What is known of a watched folder.
#[derive(Debug, Default)]
pub(super) struct Watch {
    looking: Option<JoinHandle<FileSet>>,
    looked_at: Option<Instant>,
    /// The last look, and since when the folder has been like that.
    last: Option<(FileSet, Instant)>,
    /// What lay there when the last cycle began.
    begun_with: Option<FileSet>,
}

impl Watch {
    /// Says whether an export lies there that no cycle began with, unchanged for the time that the job allows.
    pub(super) fn is_new(&mut self, settings: &Settings, now: Instant) -> bool {
        if let Some(look) = self.looking.take_if(|look| look.is_finished()) {
            self.take(look, now);
        }
        let is_due = self.looked_at.is_none_or(|at| now.saturating_duration_since(at) >= EVERY);
        if self.looking.is_none() && is_due {
            self.looked_at = Some(now);
            let settings = settings.clone();
            self.looking = Some(tokio::task::spawn_blocking(move || source::find(&settings)));
        }
        let Some((look, since)) = &self.last else { return false };
        let is_settled = now.saturating_duration_since(*since) >= settings.settle && !look.is_refused();
        is_settled && self.begun_with.as_ref().is_none_or(|begun| !look.is_settled_since(begun))
    }

    fn take(&mut self, look: JoinHandle<FileSet>, now: Instant) {
        // Finished: the answer is there. A look that broke off is made again.
        let Some(Ok(look)) = futures_util::FutureExt::now_or_never(look) else { return };
        match &mut self.last {
            Some((last, _)) if look.is_settled_since(last) => *last = look,
            _ => self.last = Some((look, now)),
        }
    }

    /// Notes that a cycle begins with what lies there.
    pub(super) fn begin(&mut self) {
        self.begun_with = self.last.as_ref().map(|(look, _)| look.clone());
    }
}

/// Waits until two looks at the folder, `settle` apart, are the same (sources.md 4.1).
pub(super) async fn settled(settings: &Settings, stop: &CancellationToken) {
    if settings.settle.is_zero() {
        return;
    }
    let mut last = look(settings).await;
    for _ in 0..LOOKS {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(settings.settle) => {}
        }
        let now = look(settings).await;
        let is_settled = matches!((&now, &last), (Some(now), Some(last)) if now.is_settled_since(last));
        if is_settled {
            return;
        }
        last = now;
    }
    tracing::warn!(folder = %settings.directory.display(), "the source folder does not settle; the cycle begins all the same");
}

/// One look; none if it broke off.
async fn look(settings: &Settings) -> Option<FileSet> {
    let settings = settings.clone();
    tokio::task::spawn_blocking(move || source::find(&settings)).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_new_export_is_new_once_and_only_when_settled() {
        let folder = tempfile::tempdir().expect("a folder");
        let settle = Duration::from_secs(5);
        let settings = Settings { directory: folder.path().to_owned(), settle, ..Settings::default() };
        let begin = Instant::now();
        let mut watch = Watch::default();
        let mut seconds = 0;
        let mut is_new = async |watch: &mut Watch, wait: u64| {
            seconds += wait;
            let at = begin + Duration::from_secs(seconds);
            watch.is_new(&settings, at);
            while watch.looking.as_ref().is_some_and(|look| !look.is_finished()) {
                tokio::task::yield_now().await;
            }
            watch.is_new(&settings, at)
        };
        assert!(!is_new(&mut watch, 0).await, "an empty folder");
        std::fs::write(folder.path().join("users.csv"), "a").expect("written");
        assert!(!is_new(&mut watch, 10).await, "just written");
        assert!(!is_new(&mut watch, 4).await, "not settled yet");
        std::fs::write(folder.path().join("users.csv"), "ab").expect("written");
        assert!(!is_new(&mut watch, 4).await, "it has grown");
        assert!(!is_new(&mut watch, 4).await, "and not settled again");
        assert!(is_new(&mut watch, 4).await, "now it has");
        watch.begin();
        assert!(!is_new(&mut watch, 60).await, "a cycle began with it");
        std::fs::write(folder.path().join("users.csv"), "abc").expect("written");
        assert!(!is_new(&mut watch, 60).await, "the next one");
        assert!(is_new(&mut watch, 6).await, "has settled");
    }
}
