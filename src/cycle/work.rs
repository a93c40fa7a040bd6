//! The objects of a cycle have their turns.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::future::Either;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt, TryFutureExt};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::error::ServiceError;
use super::evaluate::{Evaluated, is_staged};
use super::import::Imported;
use super::line::{Line, run_error};
use super::outlook::{Outlook, StagingPlan};
use super::phases::Phase;
use super::progress::Observer;
use super::quarantine;
use super::run::Begun;
use super::service::Service;
use super::tally::{CameTo, Tally};
use super::transcript::Transcript;
use crate::config::Job;
use crate::mapping::ObjectMapping;
use crate::model::{
    Class, Counts, Failure, LoggedAction, ObjectKind, Operation, Pace, RunError, SourceAnchor, StagedObject,
};
use crate::plan::Protection;
use crate::store::{Claimed, FollowUp, JobState, ObjectCommit, Remembered, Staged, Staging, StoreError};
use crate::target::{Client, Transport};
use crate::telemetry::events::ObjectProvisioned;

/// Objects that need no request are stored this many at a time.
const TOGETHER: usize = 500;
/// Objects that need no request and are evaluated side by side.
const SIDE_BY_SIDE: usize = 64;
/// How long an object is waited for that somebody else works on.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the state says how far the cycle is, and is asked whether to stop: `pause --now` must not wait for more than
/// the objects in hand (service.md D-06).
const NOTED_EVERY: Duration = Duration::from_millis(250);

/// One cycle's objects, and what their turns need besides the line.
pub(super) struct Work<'a> {
    pub service: &'a Service,
    pub job: &'a Job,
    pub begun: &'a Begun,
    pub imported: &'a Imported,
    pub outlook: &'a Outlook,
    pub staging: &'a StagingPlan,
    /// References of before are ready to be sent.
    pub waits: bool,
    pub observer: &'a Arc<dyn Observer>,
    pub stop: &'a CancellationToken,
    pub client: &'a Client,
}

/// How the work on the objects ended.
#[derive(Default)]
pub(super) struct Worked {
    pub counts: Counts,
    pub requests: u64,
    pub pace: Option<Pace>,
    pub exports: u64,
    pub exported: u64,
    pub entitled: u64,
    /// Why the cycle ended before its objects did.
    pub error: Option<RunError>,
    /// The error is one that quarantines at once.
    pub critical: bool,
    pub interrupted: bool,
    /// Objects that failed for 28 days, where one such object disables the job (`escrow.strict_expiry`).
    pub expired: u64,
    pub warnings: Vec<String>,
}

/// How far the work is.
struct Course {
    tally: Tally,
    done: u64,
    /// Objects that somebody else worked on when their turn came.
    deferred: Vec<(Phase, Staged)>,
    /// When the state was last told.
    noted: Instant,
}

/// The objects of a phase, a page at a time.
struct Queue<'a> {
    staging: &'a Staging,
    phase: Phase,
    after: Option<SourceAnchor>,
    page: VecDeque<Staged>,
    /// Claimed already: their turns can begin.
    ready: VecDeque<(Staged, Box<Remembered>)>,
}

impl<'a> Queue<'a> {
    fn new(staging: &'a Staging, phase: Phase) -> Self {
        let (page, ready) = (VecDeque::new(), VecDeque::new());
        Self { staging, phase, after: None, page, ready }
    }

    /// At most `count` objects that are not ready yet.
    fn take(&mut self, count: usize) -> Result<Vec<Staged>, StoreError> {
        if self.page.is_empty() {
            self.page = self.staging.next(self.phase as u8, self.after.as_ref(), 256)?.into();
            self.after = self.page.back().map(|staged| staged.anchor.clone()).or(self.after.take());
        }
        Ok(self.page.drain(..count.min(self.page.len())).collect())
    }
}

/// What happens next in a phase.
enum Event {
    /// A turn.
    Ended(Box<Evaluated>),
    Claimed(Vec<(Staged, Claimed)>),
}

impl Work<'_> {
    /// Gives every object its turn, phase by phase (D-11).
    pub(super) async fn all<T: Transport>(&self, line: &mut Line<'_, T>) -> Result<Worked, ServiceError> {
        if self.opens()
            && let Some(failure) = self.service.open_cycle(line).await
        {
            return Ok(self.not_opened(&failure));
        }
        let mut course = Course { tally: Tally::default(), done: 0, deferred: Vec::new(), noted: Instant::now() };
        for phase in Phase::ALL {
            if phase == Phase::Delete {
                let (staging, tally) = (&self.imported.staging, &mut course.tally);
                let (observer, stop) = (self.observer.as_ref(), self.stop);
                self.service.send_references(line, staging, self.concurrency(phase), tally, observer, stop).await?;
            }
            self.phase(line, phase, &mut course).await?;
        }
        for (phase, staged) in std::mem::take(&mut course.deferred) {
            match self.late_turn(line, phase, staged).await?.filter(|evaluated| !evaluated.is_unreached) {
                Some(evaluated) => self.note(line, &evaluated, &mut course.tally).await?,
                None => course.tally.not_reached += 1,
            }
        }
        Ok(self.ended(line, course.tally))
    }

    /// Is the target asked at all? What is withheld asks nothing (D-12); an attempt in quarantine always tests the connection
    /// (service.md 17.2).
    fn opens(&self) -> bool {
        let is_open =
            |(anchor, absent): (&SourceAnchor, &bool)| self.staging.protect.of(anchor, *absent) == Protection::Open;
        let quarantine = self.begun.state.quarantine.as_ref();
        let is_attempt = quarantine.is_some_and(|quarantine| quarantine::slows(quarantine.reason));
        self.outlook.asks
            || self.waits
            || self.job.target.options.probe_every_cycle
            || is_attempt
            || self.outlook.deprovisions.iter().any(is_open)
    }

    fn concurrency(&self, phase: Phase) -> usize {
        if phase.asks() { self.job.target.concurrency.max(1) } else { SIDE_BY_SIDE }
    }

    /// How many turns are underway beside those that have a request in flight, and how many objects are claimed before their
    /// turn: while one is stored or worked out, another can ask.
    ///
    /// An on-demand run waits for whoever is claimed, so they are no more than what is sent in an eighth of a second.
    fn ahead(&self, phase: Phase) -> usize {
        match (phase.asks(), self.concurrency(phase)) {
            (false, _) => SIDE_BY_SIDE,
            // One after the other means just that.
            (true, 1) => 0,
            (true, concurrency) => {
                self.job.target.rate.map_or(concurrency, |rate| concurrency.min(rate.get() as usize / 8))
            }
        }
    }

    async fn phase<T: Transport>(
        &self,
        line: &Line<'_, T>,
        phase: Phase,
        course: &mut Course,
    ) -> Result<(), ServiceError> {
        let mut queue = Queue::new(&self.imported.staging, phase);
        let mut running = FuturesUnordered::new();
        let mut pending: Vec<Arc<ObjectCommit>> = Vec::new();
        let ahead = self.ahead(phase);
        let most = self.concurrency(phase) + ahead;
        let (mut turns, mut is_claiming) = (0, false);
        loop {
            if self.stop.is_cancelled() || line.breaker.is_open() {
                course.tally.not_reached += self.leave(line, phase, &mut queue).await?;
            }
            while turns < most
                && let Some((staged, remembered)) = queue.ready.pop_front()
            {
                turns += 1;
                running.push(Either::Left(self.turn(line, phase, staged, *remembered).map_ok(Event::Ended)));
            }
            if !is_claiming && queue.ready.len() <= ahead / 2 {
                let next = queue.take(ahead.max(1))?;
                is_claiming = !next.is_empty();
                running
                    .extend(is_claiming.then(|| Either::Right(self.claim(line, phase, next).map_ok(Event::Claimed))));
            }
            let Some(event) = running.next().await else { break };
            match event? {
                Event::Claimed(objects) => {
                    is_claiming = false;
                    for (staged, claimed) in objects {
                        match claimed {
                            Claimed::Ours(remembered) => queue.ready.push_back((staged, remembered)),
                            Claimed::Theirs { .. } => {
                                course.deferred.push((phase, staged));
                                course.done += 1;
                            }
                        }
                    }
                    continue;
                }
                Event::Ended(evaluated) if evaluated.is_unreached => {
                    course.tally.not_reached += 1;
                    turns -= 1;
                    continue;
                }
                Event::Ended(evaluated) => {
                    self.note(line, &evaluated, &mut course.tally).await?;
                    follow_up(&self.imported.staging, &evaluated)?;
                    pending.extend(evaluated.commit.filter(|_| !phase.asks()));
                    if pending.len() >= TOGETHER {
                        line.book().commit_all(line.job, std::mem::take(&mut pending)).await?;
                    }
                }
            }
            turns -= 1;
            course.done += 1;
            self.observer.progress(course.done, self.outlook.total);
            if course.noted.elapsed() >= NOTED_EVERY && !self.begun.options.dry_run {
                course.noted = Instant::now();
                self.note_progress(course.done).await?;
            }
        }
        if !pending.is_empty() {
            line.book().commit_all(line.job, pending).await?;
        }
        Ok(())
    }

    /// Claims objects, or only looks them up where nothing of them will be stored with a request of theirs.
    async fn claim<T: Transport>(
        &self,
        line: &Line<'_, T>,
        phase: Phase,
        objects: Vec<Staged>,
    ) -> Result<Vec<(Staged, Claimed)>, ServiceError> {
        let claimed = if self.claims(line, phase) {
            let anchors = objects.iter().map(|staged| staged.anchor.clone()).collect();
            line.store.claim_all(line.job, anchors, line.run.owner.clone(), Timestamp::now()).await?
        } else {
            let (store, job) = (Arc::clone(line.store), line.job);
            let anchors: Vec<SourceAnchor> = objects.iter().map(|staged| staged.anchor.clone()).collect();
            // Beside the turns: the thread that they share does nothing but wait for the file meanwhile.
            let look = move || store.remembered_all(job, anchors.iter());
            let looked = tokio::task::spawn_blocking(look).await;
            let remembered = looked.map_err(|error| ServiceError::Internal(error.to_string()))??;
            remembered.into_iter().map(|remembered| Claimed::Ours(Box::new(remembered))).collect()
        };
        Ok(objects.into_iter().zip(claimed).collect())
    }

    fn claims<T>(&self, line: &Line<'_, T>, phase: Phase) -> bool {
        phase.asks() && !line.run.dry_run
    }

    /// The cycle ends before the objects that are left: returns how many they are, and gives up their claims.
    async fn leave<T>(&self, line: &Line<'_, T>, phase: Phase, queue: &mut Queue<'_>) -> Result<u64, ServiceError> {
        let claimed: Vec<SourceAnchor> = queue.ready.drain(..).map(|(staged, _)| staged.anchor).collect();
        let mut left = claimed.len() as u64;
        if self.claims(line, phase) && !claimed.is_empty() {
            line.store.release_all(line.job, claimed).await?;
        }
        loop {
            match queue.take(usize::MAX)?.len() as u64 {
                0 => return Ok(left),
                count => left += count,
            }
        }
    }

    /// The target could not be asked, so nobody had a turn.
    fn not_opened(&self, failure: &Failure) -> Worked {
        let not_evaluated = self.imported.recognised + self.outlook.unchanged + self.outlook.total;
        let interrupted = self.stop.is_cancelled();
        Worked {
            counts: Counts { not_evaluated, ..Counts::default() },
            requests: self.client.requests(),
            pace: self.pace(),
            entitled: self.outlook.entitled,
            critical: failure.class != Class::Transient && !interrupted,
            error: Some(match interrupted {
                true => self.interruption(self.outlook.total),
                false => run_error(failure),
            }),
            interrupted,
            ..Worked::default()
        }
    }

    fn ended<T: Transport>(&self, line: &Line<'_, T>, tally: Tally) -> Worked {
        let mut worked = Worked {
            counts: tally.counts,
            requests: self.client.requests(),
            pace: self.pace(),
            exports: tally.exports,
            exported: tally.exported,
            entitled: self.outlook.entitled,
            interrupted: tally.not_reached > 0,
            expired: line.expired.load(Ordering::Relaxed),
            warnings: tally.warnings,
            ..Worked::default()
        };
        for (kind, count) in tally.unmatched {
            let Some(rules) = line.kind(kind) else { continue };
            let warning = unmatched(kind, count, rules.mapping);
            self.observer.note(&warning);
            worked.warnings.push(warning);
        }
        worked.counts.not_evaluated += self.imported.recognised + self.outlook.unchanged + tally.not_reached;
        worked.counts.not_evaluated = worked.counts.not_evaluated.saturating_sub(tally.followed);
        if worked.expired > 0 {
            worked.warnings.push(format!(
                "escrow.expired: {} objects failed for 28 days: the job is disabled, as `escrow.strict_expiry` demands; \
                 mend the cause, then run `provisiond start`",
                worked.expired
            ));
        }
        if let Some(failure) = line.breaker.cause() {
            worked.critical = failure.class == Class::Critical;
            worked.error = Some(run_error(&failure));
        } else if worked.interrupted {
            worked.error = Some(self.interruption(tally.not_reached));
        }
        worked
    }

    /// Why the cycle ended before its last object: `pause --now` (D-06), or a signal.
    fn interruption(&self, not_reached: u64) -> RunError {
        let state = self.service.store().job_state(self.begun.key);
        let (code, why, help) = match state {
            Ok(state) if state.stop_now => ("Paused", "the job was paused", "run `provisiond start` to go on"),
            Ok(_) | Err(_) => {
                ("Interrupted", "the cycle was ended early", "run the cycle again: it goes on where it ended")
            }
        };
        let message = format!("{why}; {not_reached} objects were not reached");
        RunError { code: code.to_owned(), message, help: help.to_owned() }
    }

    /// How fast the target is asked by now; `None` where it was not asked.
    fn pace(&self) -> Option<Pace> {
        let pace = self.client.pace();
        (self.client.requests() > 0).then_some(Pace { concurrency: pace.concurrency as u64, rate: pace.rate })
    }

    /// One object's turn: evaluate, store.
    async fn turn<T: Transport>(
        &self,
        line: &Line<'_, T>,
        phase: Phase,
        staged: Staged,
        remembered: Remembered,
    ) -> Result<Box<Evaluated>, ServiceError> {
        let Remembered { row, escrow } = remembered;
        let assigned = staged.object.as_deref().is_some_and(|object| self.imported.assigned.holds(object));
        let evaluation = line.evaluate(&staged, row.as_ref(), escrow.as_ref(), assigned);
        // A defect of ours that one object meets must not cost the others their cycle.
        let mut evaluated = match AssertUnwindSafe(evaluation).catch_unwind().await {
            Ok(evaluated) => evaluated?,
            Err(_) => line.broke_down(&staged, row.as_ref(), escrow.as_ref()),
        };
        if evaluated.is_unreached {
            if self.claims(line, phase) {
                line.store.release(line.job, staged.anchor.clone()).await?;
            }
        } else if phase.asks() {
            line.store(&staged.anchor, &mut evaluated, escrow.as_ref()).await?;
        }
        line.has_found(&staged.anchor);
        Ok(Box::new(evaluated))
    }

    /// The turn of an object that an on-demand run was working on; `None` where that goes on.
    async fn late_turn<T: Transport>(
        &self,
        line: &Line<'_, T>,
        phase: Phase,
        staged: Staged,
    ) -> Result<Option<Box<Evaluated>>, ServiceError> {
        let until = tokio::time::Instant::now() + PATIENCE;
        let mut objects = vec![staged];
        loop {
            line.store.void_claims(line.job, &|owner| owner == line.run.owner || super::on_demand::is_alive(owner))?;
            match self.claim(line, phase, objects).await?.pop() {
                Some((staged, Claimed::Ours(remembered))) => {
                    return self.turn(line, phase, staged, *remembered).await.map(Some);
                }
                Some((staged, Claimed::Theirs { .. })) => objects = vec![staged],
                None => return Ok(None),
            }
            if tokio::time::Instant::now() >= until || self.stop.is_cancelled() {
                return Ok(None);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn note<T: Transport>(
        &self,
        line: &Line<'_, T>,
        evaluated: &Evaluated,
        tally: &mut Tally,
    ) -> Result<(), ServiceError> {
        tally.add(evaluated);
        let shown = evaluated.commit.as_ref().map_or_else(
            || {
                super::record::is_logged(
                    line,
                    &evaluated.decision,
                    evaluated.entry.failure.is_some(),
                    &evaluated.link_before,
                )
            },
            |commit| commit.entry.is_some(),
        );
        if shown {
            ObjectProvisioned { job: line.job_name, entry: &evaluated.entry }.emit();
            match &evaluated.intended {
                Some(intended) => self.observer.intended(&evaluated.entry, intended),
                None => self.observer.shared(&evaluated.entry),
            }
        }
        if let Some(book) = line.book.filter(|_| is_staged(&evaluated.decision)) {
            let action = match evaluated.entry.action {
                LoggedAction::StagedDelete => Operation::Delete,
                _ => Operation::Disable,
            };
            let staged = StagedObject {
                batch: self.staging.batch.clone(),
                source_anchor: evaluated.entry.source_anchor(),
                action,
                reason: evaluated.entry.reason.clone(),
                name: evaluated.entry.source.display_name.clone(),
                kind: evaluated.entry.kind,
                target: evaluated.link_before.target().cloned(),
            };
            book.stage(line.job, staged).await?;
        }
        Ok(())
    }

    /// Shows how far the cycle is, and obeys `pause --now`.
    async fn note_progress(&self, done: u64) -> Result<(), ServiceError> {
        let (now, total, pace) = (self.service.now(), self.outlook.total, self.pace());
        let change = move |state: &mut JobState| {
            state.progress = Some((done, total, now));
            state.pace = pace.or(state.pace);
        };
        let state = self.service.store().update_job(self.begun.key, change).await?;
        if state.stop_now {
            self.stop.cancel();
        }
        Ok(())
    }
}

impl Service {
    /// Discovery and probes (wire.md 6, 19); the failure that ends the cycle, if one does.
    pub(super) async fn open_cycle<T: Transport>(&self, line: &mut Line<'_, T>) -> Option<Failure> {
        let mut transcript = Transcript::default();
        line.discover(&mut transcript).await;
        let guids = super::ids::guids(&line.run.seed);
        line.probe([&guids[0], &guids[1]], &mut transcript).await.err()
    }
}

/// Keeps what was seen of an object whose references are sent later.
fn follow_up(staging: &Staging, evaluated: &Evaluated) -> Result<(), StoreError> {
    let Some(resource) = &evaluated.resource else { return Ok(()) };
    staging.follow_up(&FollowUp {
        anchor: evaluated.entry.source_anchor(),
        kind: evaluated.entry.kind,
        came_to: CameTo::of(evaluated) as u8,
        resource: Some(serde_json::Value::Object(resource.body().clone())),
        name: evaluated.entry.source.display_name.clone(),
    })
}

/// What is said where objects cannot be matched: as a rule the mapping names what this source does not have.
fn unmatched(kind: ObjectKind, count: u64, mapping: &ObjectMapping) -> String {
    let what = match (kind, count) {
        (ObjectKind::User, 1) => "1 user was",
        (ObjectKind::Group, 1) => "1 group was",
        (ObjectKind::User, _) => &format!("{count} users were"),
        (ObjectKind::Group, _) => &format!("{count} groups were"),
    };
    let list = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let numbered = mapping.attributes().iter().enumerate().filter(|(_, one)| one.rule.matching.is_some());
    let by: Vec<String> = numbered
        .map(|(index, one)| match mapping.reads(index).as_slice() {
            [] => format!("`{}`", one.rule.path),
            sources => format!("`{}` (from {})", one.rule.path, list(sources)),
        })
        .collect();
    let by = by.join(", ");
    format!(
        "match.no_value: {what} skipped, with no value for what accounts are matched by: {by}; map it from an attribute that they have, \
         which `provisiond source` shows"
    )
}
