//! Whether anything has to be looked for among the references and members that wait: a hundred thousand of them cost a cycle
//! in which nothing changed nothing.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::millis;
use super::{JobKey, Store, StoreError};

pub(super) const REST: &str = "SELECT until FROM references_rest WHERE job = ?1";

pub(super) const NEXT: &str = "SELECT min(next_due) FROM escrows WHERE job = ?1 AND next_due > ?2";

impl Store {
    /// Whether it is known that no reference or member can be sent at `now`.
    pub fn references_rest(&self, job: JobKey, now: Timestamp) -> Result<bool, StoreError> {
        self.read(|connection| {
            let until: Option<i64> =
                connection.prepare_cached(REST)?.query_row([job.0], |row| row.get(0)).optional()?;
            Ok(until.is_some_and(|until| millis(now) < until))
        })
    }

    /// Begins a look at all that waits, which ends in vain if an object changes meanwhile.
    pub async fn look_at_references(&self, job: JobKey) -> Result<(), StoreError> {
        self.write(None, move |connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO references_rest (job, until) VALUES (?1, 0)")?
                .execute([job.0])?;
            Ok(())
        })
        .await
    }

    /// Ends a look that found nothing to send at `now`: until the next retry is due, or something changes, none is needed.
    pub async fn let_references_rest(&self, job: JobKey, now: Timestamp) -> Result<(), StoreError> {
        self.write(None, move |connection| {
            let next: Option<i64> =
                connection.prepare_cached(NEXT)?.query_row(params![job.0, millis(now)], |row| row.get(0))?;
            connection
                .prepare_cached("UPDATE references_rest SET until = ?2 WHERE job = ?1")?
                .execute(params![job.0, next.unwrap_or(i64::MAX)])?;
            Ok(())
        })
        .await
    }
}

/// Ends the rest: something of the job may be ready now. Every write about objects does, whoever's it is.
pub(super) fn end(connection: &Connection, job: JobKey) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM references_rest WHERE job = ?1")?.execute([job.0]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Class, ErrorCode, Escrow, Operation, SourceAnchor};
    use crate::store::{Choices, EscrowChange, ObjectCommit, RowChange};

    const RETRY: i64 = 5_000;

    fn at(millis: i64) -> Timestamp {
        super::super::codec::time(millis).expect("a time")
    }

    fn anchor() -> SourceAnchor {
        SourceAnchor("a".to_owned())
    }

    async fn set_aside(store: &Store, job: JobKey, escrow: EscrowChange) {
        let commit = ObjectCommit {
            anchor: anchor(),
            row: RowChange::Keep,
            escrow,
            kept: Vec::new(),
            choices: Choices::default(),
            unstage: false,
            references: None,
            entry: None,
        };
        store.commit_all(job, vec![std::sync::Arc::new(commit)]).await.expect("stored");
    }

    /// A job at rest with one failure that is due at [`RETRY`].
    async fn at_rest(folder: &tempfile::TempDir) -> (Store, JobKey) {
        let store = Store::open(&folder.path().join("state.db")).expect("a state file");
        let job = store.job("job").expect("a job");
        let failure = Escrow {
            source_anchor: anchor(),
            target_anchor: None,
            operation: Operation::Reference,
            error_code: ErrorCode::Timeout,
            class: Class::Transient,
            reference: true,
            first_failure: at(0),
            attempts: 1,
            next_due: Some(at(RETRY)),
            abandoned: false,
            message: String::new(),
            remedy: String::new(),
        };
        set_aside(&store, job, EscrowChange::Put(failure)).await;
        store.look_at_references(job).await.expect("noted");
        assert!(!store.references_rest(job, at(0)).expect("asked"), "the look goes on");
        store.let_references_rest(job, at(0)).await.expect("noted");
        (store, job)
    }

    #[tokio::test]
    async fn a_rest_lasts_until_the_next_retry() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, job) = at_rest(&folder).await;
        let other = store.job("other").expect("a job");
        set_aside(&store, other, EscrowChange::Clear).await;
        let rests = |now| store.references_rest(job, at(now)).expect("asked");
        assert_eq!((rests(0), rests(RETRY - 1), rests(RETRY)), (true, true, false));
        set_aside(&store, job, EscrowChange::Clear).await;
        store.look_at_references(job).await.expect("noted");
        store.let_references_rest(job, at(0)).await.expect("noted");
        assert!(rests(i64::from(u32::MAX)), "nothing is due at any time");
    }

    #[tokio::test]
    async fn a_write_about_objects_ends_the_rest_and_the_look_in_this_process_and_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, job) = at_rest(&folder).await;
        let rests = || store.references_rest(job, at(0)).expect("asked");
        let beside = Store::open(store.path()).expect("a second process");
        beside.claim(job, anchor(), "cycle:1".to_owned(), at(0)).await.expect("claimed");
        beside.update_job(job, |state| state.progress = None).await.expect("stored");
        assert!(rests(), "these are not about objects");
        for change in 0..3 {
            store.look_at_references(job).await.expect("noted");
            match change {
                0 => set_aside(&beside, job, EscrowChange::Keep).await,
                1 => assert!(beside.retry_escrow(job, &anchor(), at(0)).expect("stored")),
                _ => assert!(!beside.remove_link(job, &anchor()).expect("stored"), "nobody is linked"),
            }
            store.let_references_rest(job, at(0)).await.expect("noted");
            assert!(!rests(), "change {change} came during the look");
        }
    }
}
