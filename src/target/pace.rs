//! How fast and how many at once: a rate, a number in flight, and pauses (wire.md 15.2, service.md D-46).

use std::collections::VecDeque;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Requests in flight at the start.
const FIRST: usize = 4;
/// One refusal slows down once, however many requests in flight get the same answer.
const ONE_REFUSAL: Duration = Duration::from_secs(1);
/// After this time without a refusal the rate rises by a tenth of what it was.
const RECOVERY: Duration = Duration::from_secs(5);
/// Latency holds while it is below this many times the best seen, plus [`SLACK`].
const STRETCH: u32 = 4;
const SLACK: Duration = Duration::from_millis(20);

/// How fast requests are let through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Requests a second; `None` is no limit.
    pub rate: Option<f64>,
    /// Requests in flight.
    pub concurrency: usize,
    /// Nothing is sent before.
    pub paused_until: Option<Instant>,
}

/// Lets requests through, never faster and never more at once than configured.
pub(super) struct Pacer {
    configured: Option<NonZeroU32>,
    most: usize,
    places: Semaphore,
    state: Mutex<State>,
}

struct State {
    limiter: Option<Arc<DefaultDirectRateLimiter>>,
    /// Below the configured rate after a refusal; `None` is as configured.
    slowed: Option<f64>,
    /// The rate that a recovery goes back to.
    before: f64,
    changed: Instant,
    concurrency: usize,
    /// Places to take away as soon as they come free.
    surplus: usize,
    paused_until: Option<Instant>,
    refused: Option<Instant>,
    best: Option<Duration>,
    /// When the last requests were let through; at most a second back, only where no rate is set.
    recent: VecDeque<Instant>,
}

/// A place in flight.
pub(super) struct Permit<'a> {
    pacer: &'a Pacer,
    place: Option<SemaphorePermit<'a>>,
}

impl Pacer {
    pub fn new(rate: Option<NonZeroU32>, concurrency: NonZeroUsize) -> Self {
        let most = concurrency.get().min(Semaphore::MAX_PERMITS);
        let concurrency = most.min(FIRST);
        let state = State {
            limiter: rate.map(|rate| limiter(f64::from(rate.get()), most)),
            slowed: None,
            before: rate.map_or(0.0, |rate| f64::from(rate.get())),
            changed: Instant::now(),
            concurrency,
            surplus: 0,
            paused_until: None,
            refused: None,
            best: None,
            recent: VecDeque::new(),
        };
        Self { configured: rate, most, places: Semaphore::new(concurrency), state: Mutex::new(state) }
    }

    pub fn pace(&self) -> Pace {
        let state = self.state();
        let now = Instant::now();
        Pace {
            rate: state.slowed.or(self.configured.map(|rate| f64::from(rate.get()))),
            concurrency: state.concurrency,
            paused_until: state.paused_until.filter(|until| *until > now),
        }
    }

    /// Waits for a place, for the end of a pause, and for the rate; `None` where a pause outlasts `stop`.
    pub async fn ready(&self, stop: &CancellationToken) -> Option<Permit<'_>> {
        // Nobody closes the semaphore; were it closed, requests would go on unbounded by it, not hang.
        let place = self.places.acquire().await.ok();
        loop {
            let (pause, limiter) = {
                let mut state = self.state();
                state.recover(self.configured, self.most);
                let now = Instant::now();
                let pause = state.paused_until.filter(|until| *until > now);
                if pause.is_none() && state.limiter.is_none() {
                    state.note(now);
                }
                (pause, state.limiter.clone())
            };
            if let Some(until) = pause {
                tokio::select! {
                    () = tokio::time::sleep_until(until) => continue,
                    () = stop.cancelled() => return None,
                }
            }
            let Some(limiter) = limiter else { break };
            match limiter.check() {
                Ok(()) => break,
                Err(early) => tokio::time::sleep(early.wait_time_from(limiter.clock().now())).await,
            }
        }
        Some(Permit { pacer: self, place })
    }

    /// The target refused a request for now: everything pauses, and goes on at half the pace.
    ///
    /// False where it only says again what it said a moment ago.
    pub fn refused(&self, pause: Duration) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        let until = now + pause;
        state.paused_until = Some(state.paused_until.map_or(until, |known| known.max(until)));
        if state.refused.is_some_and(|last| now < last + ONE_REFUSAL) {
            return false;
        }
        state.refused = Some(now);
        state.changed = until;
        let rate = state.slowed.or(self.configured.map(|rate| f64::from(rate.get())));
        let rate = rate.unwrap_or_else(|| {
            state.before = state.measured(now);
            state.before
        });
        // However often it is refused, a target is asked once a second: else chance refusals would stop everything.
        let slowed = (rate / 2.0).max(1.0);
        state.slowed = Some(slowed);
        let fewer = (state.concurrency / 2).max(1);
        state.limiter = Some(limiter(slowed, fewer));
        let gone = state.concurrency - fewer;
        state.concurrency = fewer;
        let at_once = self.places.forget_permits(gone);
        state.surplus += gone - at_once;
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change leaves the numbers usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Raises a lowered rate step by step, up to what it was.
    fn recover(&mut self, configured: Option<NonZeroU32>, most: usize) {
        let Some(slowed) = self.slowed else { return };
        let now = Instant::now();
        if now < self.changed + RECOVERY {
            return;
        }
        self.changed = now;
        let raised = slowed + self.before / 10.0;
        if raised < self.before {
            self.slowed = Some(raised);
            self.limiter = Some(limiter(raised, self.concurrency));
        } else {
            self.slowed = None;
            self.limiter = configured.map(|rate| limiter(f64::from(rate.get()), most));
        }
    }

    fn note(&mut self, now: Instant) {
        self.recent.push_back(now);
        while self.recent.front().is_some_and(|first| now > *first + Duration::from_secs(1)) {
            self.recent.pop_front();
        }
    }

    /// Requests let through in the last second, where no rate is set.
    fn measured(&mut self, now: Instant) -> f64 {
        while self.recent.front().is_some_and(|first| now > *first + Duration::from_secs(1)) {
            self.recent.pop_front();
        }
        let count = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        f64::from(count.max(1))
    }
}

impl Permit<'_> {
    /// The target answered after `latency`; while that holds, more requests may be in flight.
    pub fn answered(self, latency: Duration) {
        let mut state = self.pacer.state();
        let best = state.best.map_or(latency, |best| best.min(latency));
        state.best = Some(best);
        if latency <= best * STRETCH + SLACK && state.concurrency < self.pacer.most && state.slowed.is_none() {
            state.concurrency += 1;
            if state.surplus > 0 {
                state.surplus -= 1;
            } else {
                self.pacer.places.add_permits(1);
            }
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.pacer.state();
        if state.surplus > 0
            && let Some(place) = self.place.take()
        {
            state.surplus -= 1;
            place.forget();
        }
    }
}

/// A limiter for `rate` requests a second, of which `burst` may come at once.
fn limiter(rate: f64, burst: usize) -> Arc<DefaultDirectRateLimiter> {
    let burst = u32::try_from(burst).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    let period = Duration::from_secs_f64(1.0 / rate.max(0.001)).max(Duration::from_nanos(1));
    let quota = Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst);
    Arc::new(RateLimiter::direct_with_clock(quota, DefaultClock::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pacer(rate: u32, concurrency: usize) -> Pacer {
        Pacer::new(NonZeroU32::new(rate), NonZeroUsize::new(concurrency).expect("not 0"))
    }

    async fn ready(pacer: &Pacer) -> Permit<'_> {
        pacer.ready(&CancellationToken::new()).await.expect("nothing ends")
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_not_waited_for_when_all_ends() {
        let pacer = pacer(20, 8);
        let stop = CancellationToken::new();
        assert!(pacer.refused(Duration::from_secs(3600)));
        let begun = Instant::now();
        let ending = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.cancel();
        };
        let (permit, ()) = tokio::join!(pacer.ready(&stop), ending);
        assert!(permit.is_none() && begun.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn concurrency_grows_to_what_is_configured_and_no_further() {
        let pacer = pacer(0, 7);
        assert_eq!(pacer.pace().concurrency, 4);
        for _ in 0..20 {
            ready(&pacer).await.answered(Duration::from_millis(5));
        }
        assert_eq!((pacer.pace().concurrency, pacer.places.available_permits()), (7, 7));
    }

    #[tokio::test(start_paused = true)]
    async fn concurrency_stays_while_latency_does_not_hold() {
        let pacer = pacer(0, 32);
        ready(&pacer).await.answered(Duration::from_millis(5));
        let before = pacer.pace().concurrency;
        for _ in 0..20 {
            ready(&pacer).await.answered(Duration::from_millis(500));
        }
        assert_eq!(pacer.pace().concurrency, before);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_pauses_everything_and_halves_once() {
        let pacer = pacer(20, 8);
        let first = ready(&pacer).await;
        let second = ready(&pacer).await;
        let begun = Instant::now();
        pacer.refused(Duration::from_secs(7));
        pacer.refused(Duration::from_secs(3));
        drop((first, second));
        let pace = pacer.pace();
        assert_eq!((pace.rate, pace.concurrency), (Some(10.0), 2));
        drop(ready(&pacer).await);
        assert!(begun.elapsed() >= Duration::from_secs(7));
        assert_eq!(pacer.places.available_permits(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_recovers_slowly() {
        let pacer = pacer(1000, 8);
        pacer.refused(Duration::from_secs(1));
        let mut seen = Vec::new();
        for _ in 0..8 {
            tokio::time::advance(Duration::from_secs(11)).await;
            drop(ready(&pacer).await);
            seen.push(pacer.pace().rate);
        }
        let expected = [600.0, 700.0, 800.0, 900.0, 1000.0, 1000.0, 1000.0, 1000.0];
        assert_eq!(seen, expected.map(Some));
    }

    #[tokio::test]
    async fn the_rate_holds() {
        let pacer = pacer(100, 1);
        let begun = Instant::now();
        for _ in 0..21 {
            drop(ready(&pacer).await);
        }
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(195), "{took:?}");
    }
}
