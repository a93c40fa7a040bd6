//! Work on many files that two threads share.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What is made of each number below `count`, in their order. Each is taken by whichever of two threads has time; `worker` is called
/// once in each of them.
pub fn each<T: Send, W: FnMut(usize) -> T>(count: usize, worker: impl Fn() -> W + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let take = || {
        let (mut work, mut made) = (worker(), Vec::new());
        loop {
            match next.fetch_add(1, Ordering::Relaxed) {
                at if at < count => made.push((at, work(at))),
                _ => return made,
            }
        }
    };
    let mut made = thread::scope(|scope| {
        // without another thread it only takes longer
        let other = (count > 1).then(|| thread::Builder::new().spawn_scoped(scope, take));
        let mut made = take();
        if let Some(Ok(other)) = other {
            made.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        made
    });
    made.sort_unstable_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_comes_in_order() {
        for count in [0, 1, 2, 1000] {
            let made = each(count, || |at| at * at);
            assert!(made.iter().copied().eq((0..count).map(|at| at * at)), "{count}");
        }
    }
}
