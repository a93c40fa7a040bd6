//! One person, now (service.md 19).

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::assignment::{Assigned, UNSAID};
use super::error::ServiceError;
use super::known::Known;
use super::line::{Line, Protect, Run, run_error};
use super::lock::CycleLock;
use super::members::Which;
use super::named::{TOLD, Unread};
use super::search::{Before, Search, search};
use super::service::{JobRules, Service, job_runs};
use super::transcript::Transcript;
use crate::config::{Job, ScopeMode};
use crate::model::{
    Entry, Initiator, Link, LoggedStatus, ObjectKind, RunError, SourceAnchor, SourceObject, SourceValue, Trigger,
};
use crate::source::{self, Lasting, Level, ObjectKey, Problem, SetMemory, SetMode, SetReport};
use crate::store::{Claimed, JobKey, JobState, ObjectRow, Remembered, Spellings, Staged, Staging};
use crate::target::{Client, Transport};

/// How long an object is waited for that a cycle is just handling (D-53).
const PATIENCE: Duration = Duration::from_secs(30);
/// A claim of an on-demand run that is older than this is void, whatever its process does.
const STALE: SignedDuration = SignedDuration::from_mins(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OnDemandOptions {
    pub dry_run: bool,
    /// Goes on although the export was refused or the object is staged.
    pub force: bool,
    /// Sends every member of a group, not only a few (service.md 19).
    pub all_members: bool,
}

/// Members of a group that one run sends where nobody asked for all of them (service.md 19).
pub const MOST_MEMBERS: usize = 5;

/// What became of one person named.
#[derive(Debug, Clone, PartialEq)]
pub struct OnDemandAnswer {
    /// As it was typed, but for what no name of a source has: white space around it, another way to write a letter.
    pub id: String,
    pub entry: Option<Entry>,
    /// Why nothing was evaluated.
    pub error: Option<RunError>,
}

impl Service {
    /// Provisions the people called `ids`, whatever the daemon does meanwhile.
    pub async fn provision_now(
        &self,
        job: &Job,
        ids: &[String],
        options: OnDemandOptions,
        stop: CancellationToken,
    ) -> Result<Vec<OnDemandAnswer>, ServiceError> {
        self.provision(job, ids, ObjectKind::User, &[], options, stop).await
    }

    /// Provisions the group called `id` with those `members` of it; with its first few where none are named.
    pub async fn provision_group(
        &self,
        job: &Job,
        id: &str,
        members: &[String],
        options: OnDemandOptions,
        stop: CancellationToken,
    ) -> Result<OnDemandAnswer, ServiceError> {
        let answers = self.provision(job, &[id.to_owned()], ObjectKind::Group, members, options, stop).await?;
        answers.into_iter().next().ok_or_else(|| ServiceError::Internal("nobody was provisioned".to_owned()))
    }

    async fn provision(
        &self,
        job: &Job,
        ids: &[String],
        sought: ObjectKind,
        members: &[String],
        options: OnDemandOptions,
        stop: CancellationToken,
    ) -> Result<Vec<OnDemandAnswer>, ServiceError> {
        let [ids, members] =
            [ids, members].map(|names| names.iter().map(|name| source::typed(name)).collect::<Vec<_>>());
        let ids = ids.as_slice();
        let store = self.store();
        let key = store.job(&job.name)?;
        let state = store.job_state(key)?;
        let before = Before::new(store, key)?;
        let mut found = {
            // Reading may take a second on a large directory; the caller has nothing else to do.
            let named = [ids, &members].concat();
            tokio::task::block_in_place(|| search(job, &named, sought, &before))?
        };
        let remembered = self.remembered(job, key, ids, sought, &before, &mut found)?;
        {
            let spellings = Spellings::new(store, key)?;
            for object in found.meant.found.values_mut() {
                spellings.restore(object)?;
                store.choose_again(key, object)?;
            }
            let staging = Staging::open()?;
            let known = Known::new(store, key, &staging);
            for object in found.meant.found.values_mut().filter(|object| object.partial) {
                let key = ObjectKey::of(object.kind, object.anchor.as_str());
                // Who is not known stays partial.
                object.partial = !known.complete(object, key, Lasting::Object)?;
            }
        }
        let unsaid = job.scope_mode == ScopeMode::Assigned && found.assigned.is_none();
        let mut shrunk = false;
        let refused = refusal_of(&found.report)
            .or_else(|| shrink_of(&found.report, &state, job).inspect(|_| shrunk = true))
            .or_else(|| thinned(&found.report, &state, job).inspect(|_| shrunk = true))
            .or_else(|| unsaid.then(|| refusal(UNSAID.0, UNSAID.1)));
        let assigned = found.assigned.take().unwrap_or_default();
        let which = match members.as_slice() {
            [] if options.all_members => Which::All,
            [] => Which::Most(MOST_MEMBERS),
            // Somebody who left the directory is known by the immutable id alone.
            named => Which::Only(
                named
                    .iter()
                    .map(|id| match found.meant.found.get(id) {
                        Some(object) => object.anchor.clone(),
                        None => SourceAnchor(id.clone()),
                    })
                    .collect(),
            ),
        };
        let client = self.client(job, &stop)?;
        let rules = JobRules::of(job);
        let seed = super::ids::seed();
        let now = self.now();
        let run = Run {
            cycle_id: super::ids::Ids::new(seed).next(now),
            trigger: Trigger::OnDemand,
            dry_run: options.dry_run,
            initiator: Initiator::Operator(operator()),
            owner: format!("on-demand:{}:{}", std::process::id(), now.as_millisecond()),
            job_runs: job_runs(&state),
            export_complete: refused.is_none() || options.force,
            protect: Protect::default(),
            seed,
            review: None,
            rollback_of: None,
        };
        let rehearsal;
        let mut line = self.line(key, job, &rules, &client, run)?;
        if options.dry_run && line.has_references() {
            rehearsal = store.rehearsal(key)?;
            line.book = Some(&rehearsal);
        }
        let mut answers = Vec::with_capacity(ids.len());
        let mut probed = None;
        for id in ids {
            if stop.is_cancelled() {
                answers.push(failed(id, interrupted()));
                continue;
            }
            if let Some(refused) = refused.as_ref().filter(|_| !options.force && found.meant.knows(id)) {
                answers.push(failed(
                    id,
                    match shrunk {
                        true => with_force(refused),
                        false => refused.clone(),
                    },
                ));
                continue;
            }
            let mut called = std::iter::once(id).chain(&members);
            if let Some((name, several)) = called.find_map(|name| found.meant.several.get_key_value(name)) {
                answers.push(failed(id, called_alike(name, several)));
                continue;
            }
            if let Some(error) = self.stranger(job, key, id, &members, &found)? {
                answers.push(failed(id, error));
                continue;
            }
            let staged = match found.meant.found.get(id) {
                Some(object) if object.partial => {
                    let message = format!("record.no_base: nothing is known of `{id}` that the change applies to");
                    answers.push(failed(id, refusal(message, "export the whole directory once")));
                    continue;
                }
                Some(object) => Some(Staged {
                    anchor: object.anchor.clone(),
                    kind: object.kind,
                    object: Some(Arc::new(object.clone())),
                }),
                None => {
                    let rows = remembered.get(id).map_or(&[][..], Vec::as_slice);
                    match departed(id, rows, &found, refused.is_some()) {
                        Ok(staged) => staged,
                        Err(error) => {
                            answers.push(failed(id, error));
                            continue;
                        }
                    }
                }
            };
            let answer = match (staged, &refused) {
                // A person who is not in a refused export may be anywhere, whatever is forced.
                (None | Some(Staged { object: None, .. }), Some(refused)) => failed(id, absent_of(id, refused)),
                (None, None) => failed(id, not_found(id, sought, found.meant.unread.get(id))),
                (Some(staged), _) => {
                    if probed.is_none() {
                        probed = Some(self.probe(&mut line).await);
                    }
                    match &probed {
                        Some(Some(_)) if stop.is_cancelled() => failed(id, interrupted()),
                        Some(Some(failure)) => failed(id, failure.clone()),
                        Some(None) | None => {
                            self.one(&line, id, staged, &assigned, which.clone(), options, &stop).await?
                        }
                    }
                }
            };
            answers.push(answer);
        }
        self.lift_by_success(key, &answers, options, &client).await?;
        Ok(answers)
    }

    /// Why a member that was named cannot be sent with the group, where one cannot: nobody is called so, or the group has
    /// no such member. Of a group that is not found, or known in part, nothing is said.
    fn stranger(
        &self,
        job: &Job,
        key: JobKey,
        group: &str,
        members: &[String],
        found: &Search,
    ) -> Result<Option<RunError>, ServiceError> {
        let Some(group) = found.meant.found.get(group).filter(|group| !group.partial) else { return Ok(None) };
        // whom inner groups bring is seen only when they are put together
        let flattens = job.mapping.groups.as_ref().is_some_and(|groups| groups.flatten);
        for name in members {
            let anchor = match found.meant.found.get(name) {
                Some(object) => object.anchor.clone(),
                None => SourceAnchor(name.clone()),
            };
            let is_known = found.meant.found.contains_key(name) || self.store().object(key, &anchor)?.is_some();
            if !is_known {
                return Ok(Some(not_found(name, ObjectKind::User, found.meant.unread.get(name))));
            }
            let is_named = match group.attribute("members") {
                Some(SourceValue::List(list)) => list.iter().any(|one| one.eq_ignore_ascii_case(anchor.as_str())),
                Some(_) => group.text("members").is_some_and(|one| one.eq_ignore_ascii_case(anchor.as_str())),
                None => false,
            };
            if !flattens && !is_named && !self.store().knows_member(key, &group.anchor, &anchor)? {
                return Ok(Some(error(
                    "SourceObjectNotFound",
                    &format!("`{name}` is no member of the group `{}`: nothing was sent", group.anchor),
                    "name members that the export gives the group, or leave `--member` away; `provisiond source` shows what was read",
                )));
            }
        }
        Ok(None)
    }

    /// The connection test that opens an on-demand run; shown only when it fails.
    async fn probe<T: Transport>(&self, line: &mut Line<'_, T>) -> Option<RunError> {
        let mut transcript = Transcript::default();
        line.discover(&mut transcript).await;
        let guids = super::ids::guids(&line.run.seed);
        line.probe([&guids[0], &guids[1]], &mut transcript).await.err().map(|failure| run_error(&failure))
    }

    #[expect(clippy::too_many_arguments, reason = "one object's parts, each of another kind")]
    async fn one<T: Transport>(
        &self,
        line: &Line<'_, T>,
        id: &str,
        staged: Staged,
        assigned: &Assigned,
        which: Which,
        options: OnDemandOptions,
        stop: &CancellationToken,
    ) -> Result<OnDemandAnswer, ServiceError> {
        let store = self.store();
        if staged.kind == ObjectKind::Group && line.groups.is_none() {
            let help = "switch groups on in the mapping file, or name a user";
            return Ok(failed(
                id,
                error("MappingDisabled", &format!("`{id}` is a group, and groups are not provisioned"), help),
            ));
        }
        if !options.force && !options.dry_run && store.is_staged(line.job, &staged.anchor)? {
            let help = "look at `provisiond deletions list`; approve the batch, or run it again with `--force`";
            let message = format!("the deprovisioning of `{id}` is withheld with others and awaits approval");
            return Ok(failed(id, error("TooManyDeletes", &message, help)));
        }
        let Remembered { row, escrow } = if options.dry_run {
            store.remembered(line.job, &staged.anchor)?
        } else {
            match self.claim(line, &staged.anchor, stop).await? {
                Ok(remembered) => remembered,
                Err(busy) => return Ok(failed(id, busy)),
            }
        };
        let anchor = staged.anchor.clone();
        let assigned = staged.object.as_deref().is_some_and(|object| assigned.holds(object));
        let mut evaluated = line.evaluate(&staged, row.as_ref(), escrow.as_ref(), assigned).await?;
        if evaluated.is_unreached {
            if !options.dry_run {
                store.release(line.job, anchor).await?;
            }
            return Ok(failed(id, interrupted()));
        }
        line.store(&staged.anchor, &mut evaluated, escrow.as_ref()).await?;
        let mut entry = Arc::unwrap_or_clone(evaluated.entry);
        if line.book.is_some() && entry.failure.is_none() {
            self.follow(line, &anchor, which, &mut entry, stop).await?;
        }
        Ok(OnDemandAnswer { id: id.to_owned(), entry: Some(entry), error: None })
    }

    /// Sends the references of one object behind its own attributes, and adds what became of them to its entry.
    async fn follow<T: Transport>(
        &self,
        line: &Line<'_, T>,
        anchor: &SourceAnchor,
        which: Which,
        entry: &mut Entry,
        stop: &CancellationToken,
    ) -> Result<(), ServiceError> {
        let ready = line.book().ready_references_of(line.job, anchor)?;
        entry.warnings.extend(self.flatten(line).await?);
        let settled = match ready.is_empty() {
            false => self.refer(line, None, ready).await?,
            true => match line.book().object(line.job, anchor)? {
                Some(ObjectRow { kind: ObjectKind::Group, link: Link::Managed(target), .. }) => {
                    self.deliver(line, None, anchor.clone(), target, which, stop).await?
                }
                _ => None,
            },
        };
        if let Some(settled) = settled {
            let told = settled.entry;
            entry.steps.extend(told.steps);
            entry.modified.extend(told.modified);
            entry.warnings.extend(told.warnings);
            entry.exchanges.extend(told.exchanges);
            if told.failure.is_some() {
                (entry.status, entry.reason, entry.failure) = (LoggedStatus::Failure, told.reason, told.failure);
            } else if settled.sent && entry.status == LoggedStatus::Skipped {
                (entry.action, entry.status, entry.reason) = (told.action, told.status, told.reason);
            }
        }
        Ok(())
    }

    /// Claims the object, waiting for whoever works on it.
    async fn claim<T: Transport>(
        &self,
        line: &Line<'_, T>,
        anchor: &SourceAnchor,
        stop: &CancellationToken,
    ) -> Result<Result<Remembered, RunError>, ServiceError> {
        let store = self.store();
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let claim = store.claim(line.job, anchor.clone(), line.run.owner.clone(), Timestamp::now());
            let owner = match claim.await? {
                Claimed::Ours(remembered) => return Ok(Ok(*remembered)),
                Claimed::Theirs { owner, .. } => owner,
            };
            if tokio::time::Instant::now() >= until || stop.is_cancelled() {
                let message = format!("somebody else has been working on this object for 30 seconds ({owner})");
                return Ok(Err(error("ObjectBusy", &message, "run it again in a moment")));
            }
            let job_name = line.job_name.to_owned();
            store.void_claims(line.job, &|owner| match owner.starts_with("cycle:") {
                true => CycleLock::is_held(store.path(), &job_name),
                false => is_alive(owner),
            })?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Good credentials lift the quarantine that bad ones brought (D-50).
    async fn lift_by_success(
        &self,
        key: JobKey,
        answers: &[OnDemandAnswer],
        options: OnDemandOptions,
        client: &Client,
    ) -> Result<(), ServiceError> {
        let worked = answers.iter().any(|answer| answer.entry.is_some());
        if worked && !options.dry_run && client.requests() > 0 {
            self.lift_connection_quarantine(key).await?;
        }
        Ok(())
    }
}

/// Whether the owner of a claim still runs; a cycle holds a lock of its own, so that none runs beside us is known.
pub(super) fn is_alive(owner: &str) -> bool {
    let mut parts = owner.split(':');
    let (Some("on-demand"), Some(process), Some(since)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let began = since.parse().ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    let is_fresh = began.is_some_and(|began| Timestamp::now().duration_since(began).abs() < STALE);
    is_fresh && std::path::Path::new("/proc").join(process).exists()
}

/// Why nothing may be concluded from the export, where that is so (X3).
fn refusal_of(report: &SetReport) -> Option<RunError> {
    let fatal = |problem: &&Problem| matches!(problem.level, Level::File | Level::Set);
    report.refused.then(|| {
        let (message, help) = match report.problems.iter().find(fatal) {
            Some(problem) => (format!("{}: {}", problem.code, problem.message), problem.help.clone()),
            None => ("the export is incomplete".to_owned(), "run `provisiond source` to see why".to_owned()),
        };
        refusal(message, help)
    })
}

/// Says by how much the export shrank, where that is too much (D-04).
fn shrink_of(report: &SetReport, state: &JobState, job: &Job) -> Option<RunError> {
    // Changes are as many as there are.
    if report.mode == SetMode::Changes {
        return None;
    }
    let previous = state.watermark.as_ref().map_or(0, |watermark| watermark.users + watermark.groups);
    let now = report.files.iter().map(|file| file.records).sum::<u64>();
    let least = previous as f64 * job.source.max_shrink / 100.0;
    ((now as f64) < least).then(|| {
        let message = format!("set.shrink: the export holds {now} records where the last held {previous}");
        refusal(message, "look at the exporter; if the export is right, confirm it with `provisiond source accept`")
    })
}

/// Says by how much the assignment files shrank, where that is too much.
fn thinned(report: &SetReport, state: &JobState, job: &Job) -> Option<RunError> {
    let watermark = state.watermark.as_ref().filter(|_| job.scope_mode == ScopeMode::Assigned)?;
    let last: SetMemory = serde_json::from_str(&watermark.memory).ok()?;
    let problem = source::judge_assignments(&job.source, report, Some(&last), false)?;
    Some(refusal(format!("{}: {}", problem.code, problem.message), problem.help))
}

/// For whoever stands in an export that merely shrank.
fn with_force(refused: &RunError) -> RunError {
    let help = "look at the exporter, or run it again with `--force` for this person alone";
    RunError { help: help.to_owned(), ..refused.clone() }
}

/// For whoever does not stand in an export that was refused: nothing can be forced on them.
fn absent_of(id: &str, refused: &RunError) -> RunError {
    let message = format!("`{id}` is not in the export, and the export was refused: {}", refused.message);
    RunError { message, ..refused.clone() }
}

/// Nobody is called so, unless it is somebody whose record cannot be read.
fn not_found(id: &str, sought: ObjectKind, unread: Option<&Unread>) -> RunError {
    let code = "SourceObjectNotFound";
    if let Some(Unread { file, line, code: why, message, .. }) = unread {
        let message = format!("the record in which `{id}` stands cannot be read: {file}:{line}: {why}: {message}");
        return error(code, &message, "mend this record in the export; `provisiond source` shows what was read");
    }
    match sought {
        ObjectKind::User => error(
            code,
            &format!("nobody in the source is called `{id}`, and the job knows no such person"),
            "check the spelling: the anchor, the login name or the mail address; `provisiond source` shows what was read",
        ),
        ObjectKind::Group => error(
            code,
            &format!("no group in the source is called `{id}`, and the job knows no such group"),
            "check the spelling: the anchor or the name that groups are matched by; `provisiond source` shows what was read",
        ),
    }
}

/// Several are called so, as well each as the other: who is meant is not for us to guess.
fn called_alike(id: &str, several: &[SourceObject]) -> RunError {
    let told = several.iter().take(TOLD);
    let told = told.map(|one| format!("`{}` ({}:{})", one.anchor, one.origin.file, one.origin.line));
    let more = if several.len() > TOLD { " and more" } else { "" };
    let message = format!("several in the source are called `{id}`: {}{more}", told.collect::<Vec<_>>().join(", "));
    error("DuplicateSourceEntries", &message, "name one of them by the immutable id")
}

/// Who typed the command.
pub(super) fn operator() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "operator".to_owned())
}

/// Somebody who is not in the export: the one of `rows` that is known, unless nothing says that they left.
fn departed(id: &str, rows: &[ObjectRow], found: &Search, is_refused: bool) -> Result<Option<Staged>, RunError> {
    let row = match rows {
        [] => return Ok(None),
        [row] => row,
        several => return Err(ambiguous(id, several)),
    };
    // Of a refused export another reason is told, whatever it holds.
    if let Some(why) = found.may_hold(row).filter(|_| !is_refused) {
        let why = match found.meant.unread.get(id) {
            Some(Unread { file, line, code, message, .. }) => format!("{why}: {file}:{line}: {code}: {message}"),
            None => why.to_owned(),
        };
        let message = format!("`{id}` was not found in the export, but has not left for certain: {why}");
        return Err(refusal(message, "mend the export; `provisiond source` shows what was read"));
    }
    Ok(Some(Staged { anchor: row.anchor.clone(), kind: row.kind, object: None }))
}

/// Who is meant is not for us to guess.
fn ambiguous(id: &str, several: &[ObjectRow]) -> RunError {
    let anchors = several.iter().map(|row| format!("`{}`", row.anchor)).collect::<Vec<_>>().join(", ");
    let message = format!("nobody in the source is called `{id}`, and several people were: {anchors}");
    error("SourceObjectNotFound", &message, "name one of them by the immutable id")
}

fn interrupted() -> RunError {
    error("Interrupted", "the run was ended before this person's turn", "run it again")
}

fn failed(id: &str, error: RunError) -> OnDemandAnswer {
    OnDemandAnswer { id: id.to_owned(), entry: None, error: Some(error) }
}

/// The export was refused, so that nothing is done for one person either (service.md 13.5, X3).
fn refusal(message: impl AsRef<str>, help: impl AsRef<str>) -> RunError {
    error("SourceIncomplete", message.as_ref(), help.as_ref())
}

fn error(code: &str, message: &str, help: &str) -> RunError {
    RunError { code: code.to_owned(), message: message.to_owned(), help: help.to_owned() }
}
