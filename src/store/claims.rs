//! Who works on which object, so that a cycle and an on-demand run never send one person twice.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::codec::{Stored, identifier, millis};
use super::{JobKey, ObjectRow, Store, StoreError, escrows, objects};
use crate::model::{Escrow, SourceAnchor};

/// What the state holds of an object when its turn begins.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Remembered {
    pub row: Option<ObjectRow>,
    pub escrow: Option<Escrow>,
}

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum Claimed {
    /// Ours now, with the object as it is remembered at this moment.
    Ours(Box<Remembered>),
    /// Somebody else works on it.
    Theirs { owner: String, since: i64 },
}

impl Store {
    /// Claims an object for `owner`; a claim of the same owner is renewed.
    pub async fn claim(
        &self,
        job: JobKey,
        anchor: SourceAnchor,
        owner: String,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        self.write(None, move |connection| claim(&mut Recall::new(connection, job)?, &anchor, &owner, now)).await
    }

    /// Claims several objects at once; the answers are in their order.
    pub async fn claim_all(
        &self,
        job: JobKey,
        anchors: Vec<SourceAnchor>,
        owner: String,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.write_whole(None, move |connection| {
            let mut recall = Recall::new(connection, job)?;
            anchors.iter().map(|anchor| claim(&mut recall, anchor, &owner, now)).collect()
        })
        .await
    }

    /// What is remembered of objects that need no claim, because nothing of them will change; in their order.
    pub fn remembered_all<'a>(
        &self,
        job: JobKey,
        anchors: impl Iterator<Item = &'a SourceAnchor>,
    ) -> Result<Vec<Remembered>, StoreError> {
        self.read_at_once(|connection| {
            let mut recall = Recall::new(connection, job)?;
            anchors.map(|anchor| recall.remembered(anchor)).collect()
        })
    }

    /// What is remembered of an object that needs no claim, because nothing of it will change.
    pub fn remembered(&self, job: JobKey, anchor: &SourceAnchor) -> Result<Remembered, StoreError> {
        self.read_at_once(|connection| Recall::new(connection, job)?.remembered(anchor))
    }

    /// Gives up a claim without a change.
    pub async fn release(&self, job: JobKey, anchor: SourceAnchor) -> Result<(), StoreError> {
        self.write(None, move |connection| release(connection, job, &anchor)).await
    }

    /// Gives up several claims without a change.
    pub async fn release_all(&self, job: JobKey, anchors: Vec<SourceAnchor>) -> Result<(), StoreError> {
        self.write(None, move |connection| anchors.iter().try_for_each(|anchor| release(connection, job, anchor))).await
    }

    /// The objects whose claims are of owners that are gone.
    pub fn dead_claims(&self, job: JobKey, is_alive: &dyn Fn(&str) -> bool) -> Result<Vec<SourceAnchor>, StoreError> {
        let dead = self.dead(job, is_alive)?;
        Ok(dead.into_iter().map(|(anchor, _)| SourceAnchor(anchor)).collect())
    }

    /// Claims whose owners are not alive: the anchor and the owner.
    fn dead(&self, job: JobKey, is_alive: &dyn Fn(&str) -> bool) -> Result<Vec<(String, String)>, StoreError> {
        let held: Vec<(String, String)> = self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT anchor, owner FROM claims WHERE job = ?1")?;
            let rows = statement.query_map([job.0], |row| Ok((identifier(row.get_ref(0)?)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })?;
        Ok(held.into_iter().filter(|(_, owner)| !is_alive(owner)).collect())
    }

    /// Voids every claim of the job whose owner is not alive.
    pub fn void_claims(&self, job: JobKey, is_alive: &dyn Fn(&str) -> bool) -> Result<(), StoreError> {
        let dead = self.dead(job, is_alive)?;
        self.write_now(None, move |connection| {
            for (anchor, owner) in &dead {
                connection.execute(
                    "DELETE FROM claims WHERE job = ?1 AND anchor = ?2 AND owner = ?3",
                    params![job.0, Stored(anchor), owner],
                )?;
            }
            Ok(())
        })
    }
}

fn claim(recall: &mut Recall<'_>, anchor: &SourceAnchor, owner: &str, now: Timestamp) -> Result<Claimed, StoreError> {
    let (connection, job) = (recall.connection, recall.job);
    let claimed = connection
        .prepare_cached(
            "INSERT INTO claims (job, anchor, owner, since) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (job, anchor) DO UPDATE SET since = excluded.since WHERE owner = excluded.owner",
        )?
        .execute(params![job.0, Stored(anchor.as_str()), owner, millis(now)])?;
    if claimed == 0 {
        return Ok(connection
            .prepare_cached("SELECT owner, since FROM claims WHERE job = ?1 AND anchor = ?2")?
            .query_row(params![job.0, Stored(anchor.as_str())], |row| {
                Ok(Claimed::Theirs { owner: row.get(0)?, since: row.get(1)? })
            })?);
    }
    Ok(Claimed::Ours(Box::new(recall.remembered(anchor)?)))
}

/// Recalls one object after the other, at one moment.
struct Recall<'a> {
    connection: &'a Connection,
    job: JobKey,
    rows: objects::Lookup<'a>,
    /// Is anything in escrow? Mostly nothing is, and nobody needs to be looked for there.
    escrows: bool,
}

impl<'a> Recall<'a> {
    fn new(connection: &'a Connection, job: JobKey) -> Result<Self, StoreError> {
        let rows = objects::Lookup::new(connection, job)?;
        Ok(Self { connection, job, rows, escrows: escrows::are_any(connection, job)? })
    }

    fn remembered(&mut self, anchor: &SourceAnchor) -> Result<Remembered, StoreError> {
        let escrow = if self.escrows { escrows::of_object(self.connection, self.job, anchor)? } else { None };
        Ok(Remembered { row: self.rows.get(anchor)?, escrow })
    }
}

pub(super) fn release(connection: &Connection, job: JobKey, anchor: &SourceAnchor) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM claims WHERE job = ?1 AND anchor = ?2")?
        .execute(params![job.0, Stored(anchor.as_str())])?;
    Ok(())
}
