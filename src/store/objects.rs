//! Source objects and what a push changed of them.

use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::codec::{Stored, millis};
use super::{
    Choices, JobKey, Logged, ObjectRow, ReferenceChange, Store, StoreError, escrows, keys, log, references, sent,
};
use crate::model::{Escrow, SourceAnchor, TargetId};

const COLUMNS: &str = "anchor, target, used, flags, left_at";

/// Everything that one evaluation changes in the state; one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectCommit {
    pub anchor: SourceAnchor,
    pub row: RowChange,
    pub escrow: EscrowChange,
    /// Digests of what was sent and is never shown again; `None` where nothing is there any more.
    pub kept: Vec<(String, Option<String>)>,
    /// What was taken of several values; stored with the row.
    pub choices: Choices,
    /// The batch of staged deprovisionings no longer holds the object.
    pub unstage: bool,
    /// What the evaluation found out about references; `None` leaves them as they are.
    pub references: Option<Box<ReferenceChange>>,
    pub entry: Option<Logged>,
}

/// How a commit ended.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    Stored,
    /// This other object has the account.
    Taken(SourceAnchor),
}

#[derive(Debug, Clone, PartialEq)]
pub enum RowChange {
    Keep,
    Put(ObjectRow),
    Remove,
}

#[derive(Debug, Clone, PartialEq)]
pub enum EscrowChange {
    Keep,
    Clear,
    Put(Escrow),
}

impl Store {
    pub fn object(&self, job: JobKey, anchor: &SourceAnchor) -> Result<Option<ObjectRow>, StoreError> {
        self.read(|connection| object(connection, job, anchor))
    }

    /// The objects with these anchors, in their order, as they are at one moment.
    pub fn objects<'a>(
        &self,
        job: JobKey,
        anchors: impl Iterator<Item = &'a SourceAnchor>,
    ) -> Result<Vec<Option<ObjectRow>>, StoreError> {
        self.read_at_once(|connection| {
            let mut lookup = Lookup::new(connection, job)?;
            anchors.map(|anchor| lookup.get(anchor)).collect()
        })
    }

    /// Calls `each` with every remembered object in anchor order.
    pub fn each_object(
        &self,
        job: JobKey,
        each: &mut dyn FnMut(ObjectRow) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        // A connection of its own: a walk over a million rows must not hold up the point queries.
        let connection = super::open::connect(&self.path)?;
        let mut statement =
            connection.prepare(&format!("SELECT {COLUMNS} FROM objects WHERE job = ?1 ORDER BY anchor"))?;
        let mut rows = statement.query([job.0])?;
        while let Some(row) = rows.next()? {
            if each(ObjectRow::from_row(row)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Objects that have been soft-deleted since `before` or longer.
    pub fn left_before(&self, job: JobKey, before: Timestamp) -> Result<Vec<ObjectRow>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT anchor, target, used, flags, left_at FROM objects WHERE job = ?1 AND left_at IS NOT NULL AND left_at <= ?2 ORDER BY anchor",
            )?;
            let mut rows = statement.query(params![job.0, millis(before)])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(ObjectRow::from_row(row)?);
            }
            Ok(found)
        })
    }

    /// The source object that an account of the target belongs to.
    pub fn owner_of(&self, job: JobKey, target: &TargetId) -> Result<Option<SourceAnchor>, StoreError> {
        self.read(|connection| owner_of(connection, job, target))
    }

    /// How many users and groups are remembered.
    pub fn object_counts(&self, job: JobKey) -> Result<(u64, u64), StoreError> {
        self.read(|connection| {
            let groups = "SELECT count(*), coalesce(sum(flags & 1), 0) FROM objects WHERE job = ?1";
            let (all, groups): (i64, i64) =
                connection.query_row(groups, [job.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(((all - groups).cast_unsigned(), groups.cast_unsigned()))
        })
    }

    /// Stores what one evaluation changed, and gives up the claim on the object.
    ///
    /// Nothing is stored where another object has the account by now: an account belongs to one (service.md D-26).
    pub async fn commit(&self, job: JobKey, commit: impl Into<Arc<ObjectCommit>>) -> Result<Committed, StoreError> {
        self.commit_among(job, commit.into(), false).await
    }

    /// [`Store::commit`], which waits a moment for others where it `gathers`.
    pub async fn commit_among(
        &self,
        job: JobKey,
        commit: Arc<ObjectCommit>,
        gathers: bool,
    ) -> Result<Committed, StoreError> {
        self.write_among(Some(job), gathers, move |connection| {
            let held = Held::of(connection, job, &commit)?;
            if let Some(other) = held.owner {
                return Ok(Committed::Taken(other));
            }
            apply(connection, job, &commit, &held)?;
            super::claims::release(connection, job, &commit.anchor)?;
            Ok(Committed::Stored)
        })
        .await
    }

    /// Stores a link before anything is sent to its account (service.md D-25); `Taken`, and nothing stored, where another
    /// object has the account.
    pub async fn put_link(&self, job: JobKey, row: ObjectRow) -> Result<Committed, StoreError> {
        self.write(Some(job), move |connection| match other_owner(connection, job, &row)? {
            Some(other) => Ok(Committed::Taken(other)),
            None => put(connection, job, &row).map(|()| Committed::Stored),
        })
        .await
    }

    /// Stores many evaluations that needed no request, in one transaction.
    pub async fn commit_all(&self, job: JobKey, commits: Vec<Arc<ObjectCommit>>) -> Result<(), StoreError> {
        self.write(Some(job), move |connection| {
            commits.iter().try_for_each(|commit| apply(connection, job, commit, &Held::of(connection, job, commit)?))
        })
        .await
    }
}

impl Store {
    /// Moves objects from old anchors to new ones that nobody has, with their links and all that is kept of them.
    pub async fn rename_objects(
        &self,
        job: JobKey,
        renames: Vec<(SourceAnchor, SourceAnchor)>,
    ) -> Result<(), StoreError> {
        self.write(Some(job), move |connection| {
            for (from, to) in &renames {
                keys::rename(connection, job, from, to)?;
                let by_anchor =
                    ["kept_values", "choices", "escrows", "staged", "pending_references", "exported_references"];
                let others = [
                    ("pending_references", "wanted"),
                    ("exported_references", "wanted"),
                    ("sent_members", "holder"),
                    ("memberships", "holder"),
                    ("memberships", "member"),
                    ("direct_members", "holder"),
                    ("direct_members", "member"),
                ];
                for (table, column) in by_anchor.map(|table| (table, "anchor")).into_iter().chain(others) {
                    let sql = format!("UPDATE OR IGNORE {table} SET {column} = ?3 WHERE job = ?1 AND {column} = ?2");
                    connection.prepare_cached(&sql)?.execute(params![
                        job.0,
                        Stored(from.as_str()),
                        Stored(to.as_str())
                    ])?;
                }
            }
            Ok(())
        })
        .await
    }
}

pub(super) fn object(
    connection: &Connection,
    job: JobKey,
    anchor: &SourceAnchor,
) -> Result<Option<ObjectRow>, StoreError> {
    Lookup::new(connection, job)?.get(anchor)
}

/// Looks up one object after the other.
pub(super) struct Lookup<'a> {
    statement: CachedStatement<'a>,
    job: JobKey,
}

impl<'a> Lookup<'a> {
    pub fn new(connection: &'a Connection, job: JobKey) -> Result<Self, StoreError> {
        let sql = "SELECT anchor, target, used, flags, left_at FROM objects WHERE job = ?1 AND anchor = ?2";
        Ok(Self { statement: connection.prepare_cached(sql)?, job })
    }

    pub fn get(&mut self, anchor: &SourceAnchor) -> Result<Option<ObjectRow>, StoreError> {
        let mut rows = self.statement.query(params![self.job.0, Stored(anchor.as_str())])?;
        rows.next()?.map(ObjectRow::from_row).transpose()
    }
}

fn apply(connection: &Connection, job: JobKey, commit: &ObjectCommit, held: &Held) -> Result<(), StoreError> {
    let anchor = Stored(commit.anchor.as_str());
    if let Some(entry) = &commit.entry {
        sent::note_deleted(connection, job, entry.entry())?;
    }
    match &commit.row {
        RowChange::Keep => {}
        RowChange::Remove => {
            connection
                .prepare_cached("DELETE FROM objects WHERE job = ?1 AND anchor = ?2")?
                .execute(params![job.0, anchor])?;
            super::kept::forget(connection, job, &commit.anchor)?;
            super::choices::forget(connection, job, &commit.anchor)?;
            references::forget(connection, job, &commit.anchor)?;
        }
        RowChange::Put(row) => {
            put(connection, job, row)?;
            super::choices::put(connection, job, &commit.anchor, &commit.choices)?;
        }
    }
    super::kept::apply(connection, job, &commit.anchor, &commit.kept)?;
    match &commit.escrow {
        EscrowChange::Clear if held.escrow => escrows::remove(connection, job, &commit.anchor)?,
        EscrowChange::Keep | EscrowChange::Clear => {}
        EscrowChange::Put(escrow) => escrows::put(connection, job, escrow)?,
    }
    if let Some(change) = &commit.references {
        references::apply(connection, job, &commit.anchor, change, held.references)?;
    }
    if commit.unstage && held.staged {
        connection
            .prepare_cached("DELETE FROM staged WHERE job = ?1 AND anchor = ?2")?
            .execute(params![job.0, Stored(commit.anchor.as_str())])?;
    }
    if let Some(entry) = &commit.entry {
        log::append(connection, job, entry)?;
    }
    Ok(())
}

/// What the state holds around an object besides its row: of most nothing, and one look saves nine statements in vain.
struct Held {
    /// The other object that has the account of the commit.
    owner: Option<SourceAnchor>,
    escrow: bool,
    staged: bool,
    /// References and memberships of it or to it.
    references: bool,
}

impl Held {
    fn of(connection: &Connection, job: JobKey, commit: &ObjectCommit) -> Result<Self, StoreError> {
        let sql = "SELECT (SELECT anchor FROM objects WHERE job = ?1 AND target = ?3 AND anchor <> ?2),
            EXISTS (SELECT 1 FROM escrows WHERE job = ?1 AND anchor = ?2),
            EXISTS (SELECT 1 FROM staged WHERE job = ?1 AND anchor = ?2),
            EXISTS (SELECT 1 FROM pending_references WHERE job = ?1 AND anchor = ?2)
                OR EXISTS (SELECT 1 FROM exported_references WHERE job = ?1 AND anchor = ?2)
                OR EXISTS (SELECT 1 FROM exported_references WHERE job = ?1 AND wanted = ?2)
                OR EXISTS (SELECT 1 FROM memberships WHERE job = ?1 AND holder = ?2)
                OR EXISTS (SELECT 1 FROM memberships WHERE job = ?1 AND member = ?2)";
        let target = match &commit.row {
            RowChange::Put(row) => row.link.target().map(|target| Stored(target.as_str())),
            RowChange::Keep | RowChange::Remove => None,
        };
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.query_row(params![job.0, Stored(commit.anchor.as_str()), target], |row| {
            let owner = match row.get_ref(0)? {
                ValueRef::Null => None,
                anchor => Some(SourceAnchor(super::codec::identifier(anchor)?)),
            };
            Ok(Self { owner, escrow: row.get(1)?, staged: row.get(2)?, references: row.get(3)? })
        })?)
    }
}

/// The object that already has the account of `row`, if it is another one.
fn other_owner(connection: &Connection, job: JobKey, row: &ObjectRow) -> Result<Option<SourceAnchor>, StoreError> {
    match row.link.target() {
        Some(target) => Ok(owner_of(connection, job, target)?.filter(|owner| *owner != row.anchor)),
        None => Ok(None),
    }
}

fn owner_of(connection: &Connection, job: JobKey, target: &TargetId) -> Result<Option<SourceAnchor>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT anchor FROM objects WHERE job = ?1 AND target = ?2")?;
    Ok(statement
        .query_row(params![job.0, Stored(target.as_str())], |row| super::codec::identifier(row.get_ref(0)?))
        .optional()?
        .map(SourceAnchor))
}

fn put(connection: &Connection, job: JobKey, row: &ObjectRow) -> Result<(), StoreError> {
    let (anchor, target) = (Stored(row.anchor.as_str()), row.link.target().map(|target| Stored(target.as_str())));
    let key = keys::stored(row.kind, row.anchor.as_str());
    // An object keeps its key, and its place in the index with it, but where its kind is another by now.
    let mut statement = connection.prepare_cached(
        "INSERT INTO objects (job, anchor, target, used, flags, left_at, key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (job, anchor) DO UPDATE SET
            target = excluded.target, used = excluded.used, flags = excluded.flags, left_at = excluded.left_at
            WHERE key = excluded.key",
    )?;
    let values = params![job.0, anchor, target, row.used.cast_signed(), row.flags(), row.left_at.map(millis), key];
    if statement.execute(values)? == 0 {
        connection
            .prepare_cached("UPDATE objects SET key = ?3 WHERE job = ?1 AND anchor = ?2")?
            .execute(params![job.0, anchor, key])?;
        statement.execute(values)?;
    }
    Ok(())
}
