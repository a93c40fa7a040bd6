//! References that wait for the other object, and what an evaluation changes of them (service.md 15, D-39, D-44).

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::codec::{Stored, identifier, millis};
use super::memberships::{self, Joining, WantedMembers};
use super::{JobKey, Store, StoreError, nested};
use crate::model::{SourceAnchor, TargetId};

/// What one evaluation says about the references of its object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReferenceChange {
    /// The account is another one than before: what was exported with the old one is gone.
    pub moved: bool,
    /// The account was reactivated: what was exported for it is sent again (D-39).
    pub reactivated: bool,
    /// Takes the place of what was pending; `None` leaves it and what was exported.
    pub pending: Option<Vec<Pending>>,
    /// The references that the account holds already.
    pub exported: Vec<Exported>,
    pub members: Option<WantedMembers>,
}

impl ReferenceChange {
    /// Whether anything may have to be sent for it.
    pub fn is_open(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| !pending.is_empty()) || self.members.is_some()
    }
}

/// One reference to be set once both ends exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Target path of the mapping.
    pub attribute: String,
    /// `None` clears the reference.
    pub wanted: Option<SourceAnchor>,
}

/// A reference that the account holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Target path of the mapping.
    pub attribute: String,
    pub wanted: SourceAnchor,
}

/// A reference whose both ends have an account now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    pub anchor: SourceAnchor,
    pub attribute: String,
    /// The account that holds the reference.
    pub holder: TargetId,
    /// What it is to hold; `None` clears it.
    pub wanted: Option<(SourceAnchor, TargetId)>,
}

/// `o` is the row of an object whose account the job manages; 32 is the flag of a released link (`object.rs`).
pub(super) const MANAGED: &str = "o.target IS NOT NULL AND o.flags & 32 = 0";

/// Nothing is written onto the account of somebody who is not entitled (service.md 11.4): of the flags, 62 are state, assigned,
/// filter passed and released. Whose deprovisioning is withheld is entitled no more, though the row says so still. What they are
/// to refer to waits until they are entitled again.
const READY: &str = "SELECT p.anchor, p.attribute, o.target, p.wanted, w.target FROM pending_references p
    JOIN objects o ON o.job = p.job AND o.anchor = p.anchor AND o.target IS NOT NULL AND o.flags & 62 = 24
        AND NOT EXISTS (SELECT 1 FROM staged s WHERE s.job = p.job AND s.anchor = p.anchor)
    LEFT JOIN objects w ON w.job = p.job AND w.anchor = p.wanted AND w.target IS NOT NULL AND w.flags & 32 = 0";

impl Store {
    /// References of objects behind `after` that can be sent at `now`, in the order of anchor and attribute.
    pub fn ready_references(
        &self,
        job: JobKey,
        after: Option<&SourceAnchor>,
        now: Timestamp,
        count: u32,
    ) -> Result<Vec<Ready>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "{READY} LEFT JOIN escrows e ON e.job = p.job AND e.anchor = p.anchor
                 WHERE p.job = ?1 AND p.anchor > ?2 AND (p.wanted IS NULL OR w.target IS NOT NULL)
                   AND (e.anchor IS NULL OR e.next_due <= ?3)
                 ORDER BY p.anchor, p.attribute LIMIT ?4"
            ))?;
            let from = memberships::from(after)?;
            let mut rows = statement.query(params![job.0, from, millis(now), count])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(ready(row)?);
            }
            // The references of one object are never torn apart.
            let torn = found.last().map(|last: &Ready| last.anchor.clone()).filter(|_| found.len() == count as usize);
            if let Some(anchor) = torn.filter(|anchor| found.iter().any(|one| one.anchor != *anchor)) {
                found.retain(|one| one.anchor != anchor);
            }
            Ok(found)
        })
    }

    /// References of one object that can be sent, whatever its timetable says.
    pub fn ready_references_of(&self, job: JobKey, anchor: &SourceAnchor) -> Result<Vec<Ready>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "{READY} WHERE p.job = ?1 AND p.anchor = ?2 AND (p.wanted IS NULL OR w.target IS NOT NULL) ORDER BY p.attribute"
            ))?;
            let mut rows = statement.query(params![job.0, Stored(anchor.as_str())])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(ready(row)?);
            }
            Ok(found)
        })
    }

    /// The objects whose accounts refer to that of `wanted`.
    pub fn referrers(&self, job: JobKey, wanted: &SourceAnchor) -> Result<Vec<SourceAnchor>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT DISTINCT anchor FROM exported_references WHERE job = ?1 AND wanted = ?2 ORDER BY anchor",
            )?;
            let mut rows = statement.query(params![job.0, Stored(wanted.as_str())])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(SourceAnchor(identifier(row.get_ref(0)?)?));
            }
            Ok(found)
        })
    }

    /// What is pending of one object.
    pub fn pending_references(&self, job: JobKey, anchor: &SourceAnchor) -> Result<Vec<Pending>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT attribute, wanted FROM pending_references WHERE job = ?1 AND anchor = ?2 ORDER BY attribute",
            )?;
            let mut rows = statement.query(params![job.0, Stored(anchor.as_str())])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let wanted = match row.get_ref(1)? {
                    ValueRef::Null => None,
                    other => Some(SourceAnchor(identifier(other)?)),
                };
                found.push(Pending { attribute: row.get(0)?, wanted });
            }
            Ok(found)
        })
    }

    /// Notes that one reference was set to `exported`, or is not wanted any more.
    pub async fn settle_reference(
        &self,
        job: JobKey,
        anchor: SourceAnchor,
        attribute: String,
        exported: Option<SourceAnchor>,
    ) -> Result<(), StoreError> {
        self.write(Some(job), move |connection| {
            for table in ["pending_references", "exported_references"] {
                connection
                    .prepare_cached(&format!("DELETE FROM {table} WHERE job = ?1 AND anchor = ?2 AND attribute = ?3"))?
                    .execute(params![job.0, Stored(anchor.as_str()), attribute])?;
            }
            let exported = exported.map(|wanted| Exported { attribute, wanted });
            exported.iter().try_for_each(|exported| note_exported(connection, job, &anchor, exported))
        })
        .await
    }

    /// Forgets every reference whose other end has no account, as the service does (D-44 switched off).
    pub async fn drop_unresolved(&self, job: JobKey) -> Result<(), StoreError> {
        self.write(None, move |connection| {
            connection
                .prepare_cached(&format!(
                    "DELETE FROM pending_references WHERE job = ?1 AND wanted IS NOT NULL AND NOT EXISTS
                     (SELECT 1 FROM objects o WHERE o.job = ?1 AND o.anchor = wanted AND {MANAGED})"
                ))?
                .execute([job.0])?;
            Ok(())
        })
        .await
    }

    /// Whether any reference or membership can be sent at `now`.
    pub fn has_ready_references(&self, job: JobKey, now: Timestamp) -> Result<bool, StoreError> {
        if self.references_rest(job, now)? {
            return Ok(false);
        }
        Ok(!self.ready_references(job, None, now, 1)?.is_empty() || !self.ready_groups(job, None, now, 1)?.is_empty())
    }
}

fn ready(row: &Row<'_>) -> Result<Ready, StoreError> {
    Ok(Ready {
        anchor: SourceAnchor(identifier(row.get_ref(0)?)?),
        attribute: row.get(1)?,
        holder: TargetId(identifier(row.get_ref(2)?)?),
        wanted: match (row.get_ref(3)?, row.get_ref(4)?) {
            (ValueRef::Null, _) | (_, ValueRef::Null) => None,
            (anchor, target) => Some((SourceAnchor(identifier(anchor)?), TargetId(identifier(target)?))),
        },
    })
}

/// `held` says whether the state has any reference or membership of the object or to it.
pub(super) fn apply(
    connection: &Connection,
    job: JobKey,
    anchor: &SourceAnchor,
    change: &ReferenceChange,
    held: bool,
) -> Result<(), StoreError> {
    if change.moved && held {
        memberships::reopen_group(connection, job, anchor)?;
        reopen(connection, job, anchor)?;
    }
    match (change.moved, change.reactivated) {
        _ if !held => {}
        (true, _) => memberships::reopen_member(connection, job, anchor, Joining::Joins)?,
        (false, true) => memberships::reopen_member(connection, job, anchor, Joining::Rejoins)?,
        (false, false) => {}
    }
    if let Some(pending) = &change.pending {
        let stored = || Stored(anchor.as_str());
        for table in ["pending_references", "exported_references"].into_iter().filter(|_| held) {
            connection
                .prepare_cached(&format!("DELETE FROM {table} WHERE job = ?1 AND anchor = ?2"))?
                .execute(params![job.0, stored()])?;
        }
        change.exported.iter().try_for_each(|exported| note_exported(connection, job, anchor, exported))?;
        for one in pending {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO pending_references (job, anchor, attribute, wanted) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    job.0,
                    stored(),
                    one.attribute,
                    one.wanted.as_ref().map(|wanted| Stored(wanted.as_str()))
                ])?;
        }
    }
    match &change.members {
        Some(members) if members.nested => nested::note(connection, job, anchor, members)?,
        Some(members) => memberships::note(connection, job, anchor, members)?,
        None => {}
    }
    Ok(())
}

fn note_exported(
    connection: &Connection,
    job: JobKey,
    anchor: &SourceAnchor,
    exported: &Exported,
) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO exported_references (job, anchor, attribute, wanted) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(sql)?.execute(params![
        job.0,
        Stored(anchor.as_str()),
        exported.attribute,
        Stored(exported.wanted.as_str())
    ])?;
    Ok(())
}

/// The object has a new account: whoever referred to the old one is to refer to it.
fn reopen(connection: &Connection, job: JobKey, wanted: &SourceAnchor) -> Result<(), StoreError> {
    for sql in [
        "INSERT OR IGNORE INTO pending_references (job, anchor, attribute, wanted)
         SELECT job, anchor, attribute, wanted FROM exported_references WHERE job = ?1 AND wanted = ?2",
        "DELETE FROM exported_references WHERE job = ?1 AND wanted = ?2",
    ] {
        connection.prepare_cached(sql)?.execute(params![job.0, Stored(wanted.as_str())])?;
    }
    Ok(())
}

/// The object is gone: nothing of it waits any more, and a group of it holds nobody.
pub(super) fn forget(connection: &Connection, job: JobKey, anchor: &SourceAnchor) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM pending_references WHERE job = ?1 AND anchor = ?2",
        "DELETE FROM exported_references WHERE job = ?1 AND anchor = ?2",
        "DELETE FROM memberships WHERE job = ?1 AND holder = ?2",
    ] {
        connection.prepare_cached(sql)?.execute(params![job.0, Stored(anchor.as_str())])?;
    }
    nested::forget(connection, job, anchor)
}
