//! The members of groups: what was exported, and what is still to be sent (service.md 15, D-41).

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, ToSql, params};

use super::codec::{Stored, identifier, millis};
use super::references::MANAGED;
use super::{JobKey, Sender, Store, StoreError, sent};
use crate::model::{SourceAnchor, TargetId};

const ADD: i64 = 0;
const HELD: i64 = 1;
const REMOVE: i64 = 2;
const ADD_REFUSED: i64 = 3;
const REMOVE_REFUSED: i64 = 4;
/// Exported before, and sent again because the account may have lost it.
const AGAIN: i64 = 5;

/// The members that a group is to have.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedMembers {
    pub members: Arc<Vec<String>>,
    /// The list is whole: whoever is not in it leaves (sources.md 9.3).
    pub complete: bool,
    /// Some members are nobody in the set: whoever the set lacks may be one of them and stays.
    pub dangling: bool,
    /// Members without an account are kept until they have one (D-44).
    pub later: bool,
    /// Inner groups give their members: who is a member follows when all groups are known (`nested.rs`).
    pub nested: bool,
}

/// What is to be sent, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Difference {
    pub add: u64,
    pub remove: u64,
    /// To be added, but without an account yet.
    pub waiting: u64,
    /// Members that were refused before.
    pub refused: u64,
}

/// Whether a member joins or leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Joining {
    Joins,
    /// It was exported before: nobody knows whether the target kept it (D-39).
    Rejoins,
    Leaves,
}

/// A member that can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub anchor: SourceAnchor,
    pub target: TargetId,
    pub joining: Joining,
}

impl Joining {
    fn open(self) -> i64 {
        match self {
            Self::Joins => ADD,
            Self::Rejoins => AGAIN,
            Self::Leaves => REMOVE,
        }
    }

    fn refused(self) -> i64 {
        match self {
            Self::Joins | Self::Rejoins => ADD_REFUSED,
            Self::Leaves => REMOVE_REFUSED,
        }
    }
}

impl Store {
    /// Groups behind `after` with an account and at least one member that can be sent at `now`.
    pub fn ready_groups(
        &self,
        job: JobKey,
        after: Option<&SourceAnchor>,
        now: Timestamp,
        count: u32,
    ) -> Result<Vec<(SourceAnchor, TargetId)>, StoreError> {
        self.read(|connection| {
            // Group by group, so that a group with a hundred thousand members costs one look.
            let mut next = connection.prepare_cached(
                "SELECT holder FROM memberships WHERE job = ?1 AND holder > ?2 AND state <> 1 ORDER BY holder LIMIT 1",
            )?;
            let mut ready = connection.prepare_cached(
                "SELECT g.target FROM objects g LEFT JOIN escrows e ON e.job = g.job AND e.anchor = g.anchor
                 WHERE g.job = ?1 AND g.anchor = ?2 AND g.target IS NOT NULL AND g.flags & 32 = 0
                   AND (e.anchor IS NULL OR e.class <> 'transient' OR e.next_due <= ?3)
                   AND EXISTS (SELECT 1 FROM memberships m JOIN objects o ON o.job = m.job AND o.anchor = m.member
                               WHERE m.job = ?1 AND m.holder = ?2 AND m.state <> 1 AND m.state IN (0, 2, 5)
                                 AND o.target IS NOT NULL AND (m.state = 2 OR o.flags & 32 = 0))",
            )?;
            let mut found = Vec::new();
            let mut at = from(after)?;
            while found.len() < count as usize {
                let mut rows = next.query(params![job.0, at])?;
                let Some(row) = rows.next()? else { break };
                at = row.get(0)?;
                let mut rows = ready.query(params![job.0, at, millis(now)])?;
                if let Some(row) = rows.next()? {
                    let group = identifier((&at).into())?;
                    found.push((SourceAnchor(group), TargetId(identifier(row.get_ref(0)?)?)));
                }
            }
            Ok(found)
        })
    }

    /// Members of a group behind `after` that can be sent, in anchor order.
    pub fn ready_members(
        &self,
        job: JobKey,
        group: &SourceAnchor,
        joining: Joining,
        after: Option<&SourceAnchor>,
        count: usize,
    ) -> Result<Vec<Member>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT m.member, o.target FROM memberships m
                 JOIN objects o ON o.job = m.job AND o.anchor = m.member
                 WHERE m.job = ?1 AND m.holder = ?2 AND m.state <> 1 AND m.state = ?3 AND m.member > ?4
                   AND o.target IS NOT NULL AND (m.state = 2 OR o.flags & 32 = 0)
                 ORDER BY m.member LIMIT ?5",
            )?;
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let group = Stored(group.as_str());
            let mut rows = statement.query(params![job.0, group, joining.open(), from(after)?, count])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(Member {
                    anchor: SourceAnchor(identifier(row.get_ref(0)?)?),
                    target: TargetId(identifier(row.get_ref(1)?)?),
                    joining,
                });
            }
            Ok(found)
        })
    }

    /// Notes that members were sent and taken, and by whom.
    pub async fn settle_members(
        &self,
        job: JobKey,
        sender: Sender,
        group: SourceAnchor,
        members: Vec<Member>,
    ) -> Result<(), StoreError> {
        self.write(Some(job), move |connection| {
            let sent = members.iter().map(|member| (&member.anchor, member.joining));
            sent::note(connection, job, &sender, &group, sent)?;
            let group = Stored(group.as_str());
            for member in &members {
                let anchor = Stored(member.anchor.as_str());
                let sql = match member.joining {
                    Joining::Joins | Joining::Rejoins => {
                        "UPDATE memberships SET state = 1 WHERE job = ?1 AND holder = ?2 AND member = ?3"
                    }
                    Joining::Leaves => "DELETE FROM memberships WHERE job = ?1 AND holder = ?2 AND member = ?3",
                };
                connection.prepare_cached(sql)?.execute(params![job.0, group, anchor])?;
            }
            Ok(())
        })
        .await
    }

    /// Notes that the target refused one member; it is sent again when the group is evaluated again.
    pub async fn refuse_member(&self, job: JobKey, group: SourceAnchor, member: Member) -> Result<(), StoreError> {
        self.write(Some(job), move |connection| {
            connection
                .prepare_cached("UPDATE memberships SET state = ?4 WHERE job = ?1 AND holder = ?2 AND member = ?3")?
                .execute(params![
                    job.0,
                    Stored(group.as_str()),
                    Stored(member.anchor.as_str()),
                    member.joining.refused()
                ])?;
            Ok(())
        })
        .await
    }

    /// Forgets whoever leaves a group and has no account any more: the target took them out itself.
    pub async fn drop_members_without_account(&self, job: JobKey) -> Result<(), StoreError> {
        self.write(None, move |connection| {
            connection
                .prepare_cached(
                    "DELETE FROM memberships WHERE job = ?1 AND state <> 1 AND state IN (2, 4) AND NOT EXISTS
                     (SELECT 1 FROM objects o WHERE o.job = ?1 AND o.anchor = member AND o.target IS NOT NULL)",
                )?
                .execute([job.0])?;
            Ok(())
        })
        .await
    }

    /// What is open of one group.
    pub fn open_members(&self, job: JobKey, group: &SourceAnchor) -> Result<Difference, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT m.state, o.target IS NOT NULL, o.flags & 32 = 0, count(*) FROM memberships m
                 LEFT JOIN objects o ON o.job = m.job AND o.anchor = m.member
                 WHERE m.job = ?1 AND m.holder = ?2 AND m.state <> 1 GROUP BY 1, 2, 3",
            )?;
            let mut rows = statement.query(params![job.0, Stored(group.as_str())])?;
            let mut open = Difference::default();
            while let Some(row) = rows.next()? {
                let (linked, managed): (bool, bool) = (row.get(1)?, row.get::<_, Option<bool>>(2)?.unwrap_or(false));
                let count = row.get::<_, i64>(3)?.cast_unsigned();
                match row.get::<_, i64>(0)? {
                    ADD | AGAIN if linked && managed => open.add += count,
                    ADD | AGAIN => open.waiting += count,
                    REMOVE if linked => open.remove += count,
                    ADD_REFUSED | REMOVE_REFUSED => open.refused += count,
                    _ => {}
                }
            }
            Ok(open)
        })
    }

    /// The accounts that a group holds as far as is known, those who are sent again left out.
    pub fn held_members(&self, job: JobKey, group: &SourceAnchor) -> Result<Vec<TargetId>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT o.target FROM memberships m JOIN objects o ON o.job = m.job AND o.anchor = m.member
                 WHERE m.job = ?1 AND m.holder = ?2 AND m.state IN (1, 4) AND o.target IS NOT NULL ORDER BY m.member",
            )?;
            let mut rows = statement.query(params![job.0, Stored(group.as_str())])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(TargetId(identifier(row.get_ref(0)?)?));
            }
            Ok(found)
        })
    }

    /// Whether anything is known of somebody as a member of the group, who joins, is in it, or leaves.
    pub fn knows_member(&self, job: JobKey, group: &SourceAnchor, member: &SourceAnchor) -> Result<bool, StoreError> {
        self.read(|connection| {
            let sql = "SELECT 1 FROM memberships WHERE job = ?1 AND holder = ?2 AND member = ?3";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.exists(params![job.0, Stored(group.as_str()), Stored(member.as_str())])?)
        })
    }

    /// The groups that hold a member as far as is known.
    pub fn groups_of(&self, job: JobKey, member: &SourceAnchor) -> Result<Vec<SourceAnchor>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT holder FROM memberships WHERE job = ?1 AND member = ?2 AND state IN (1, 4, 5) ORDER BY holder",
            )?;
            let mut rows = statement.query(params![job.0, Stored(member.as_str())])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(SourceAnchor(identifier(row.get_ref(0)?)?));
            }
            Ok(found)
        })
    }

    /// Makes members of a group ready to join it again or to leave it again; whoever is there or gone already is left alone.
    pub async fn reverse_members(
        &self,
        job: JobKey,
        group: SourceAnchor,
        members: Vec<(SourceAnchor, Joining)>,
    ) -> Result<(), StoreError> {
        self.write(Some(job), move |connection| {
            for (member, joining) in &members {
                let statements: &[&str] = match joining {
                    Joining::Joins | Joining::Rejoins => &[
                        "UPDATE memberships SET state = 1 WHERE job = ?1 AND holder = ?2 AND member = ?3 AND state IN (2, 4)",
                        "UPDATE memberships SET state = 0 WHERE job = ?1 AND holder = ?2 AND member = ?3 AND state = 3",
                        "INSERT OR IGNORE INTO memberships (job, holder, member, state) VALUES (?1, ?2, ?3, 0)",
                    ],
                    Joining::Leaves => &[
                        "UPDATE memberships SET state = 2 WHERE job = ?1 AND holder = ?2 AND member = ?3 AND state IN (1, 4, 5)",
                    ],
                };
                for sql in statements {
                    connection.prepare_cached(sql)?.execute(params![
                        job.0,
                        Stored(group.as_str()),
                        Stored(member.as_str())
                    ])?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Lets members who have no account any more wait for another one: they join as soon as they have it (D-44).
    pub async fn keep_waiting(
        &self,
        job: JobKey,
        members: Vec<(SourceAnchor, SourceAnchor)>,
    ) -> Result<(), StoreError> {
        self.write(Some(job), move |connection| {
            for (group, member) in &members {
                if account(connection, job, member.as_str())?.0 {
                    continue;
                }
                connection
                    .prepare_cached(
                        "INSERT OR IGNORE INTO memberships (job, holder, member, state) VALUES (?1, ?2, ?3, 0)",
                    )?
                    .execute(params![job.0, Stored(group.as_str()), Stored(member.as_str())])?;
            }
            Ok(())
        })
        .await
    }
}

/// What happens to one row.
enum Step {
    Insert,
    Set(i64),
    Forget,
}

/// The difference between what is wanted and what is known, row by row.
fn steps(
    connection: &Connection,
    job: JobKey,
    group: &SourceAnchor,
    wanted: &WantedMembers,
) -> Result<Vec<(String, Step)>, StoreError> {
    let mut known: HashMap<&str, bool> = wanted.members.iter().map(|member| (member.as_str(), false)).collect();
    let mut steps = Vec::new();
    let mut statement =
        connection.prepare_cached("SELECT member, state FROM memberships WHERE job = ?1 AND holder = ?2")?;
    let mut rows = statement.query(params![job.0, Stored(group.as_str())])?;
    while let Some(row) = rows.next()? {
        let member = identifier(row.get_ref(0)?)?;
        let state: i64 = row.get(1)?;
        let is_wanted = match known.get_mut(member.as_str()) {
            Some(seen) => {
                *seen = true;
                true
            }
            None => false,
        };
        let step = match (is_wanted, state) {
            (true, ADD_REFUSED) => Step::Set(ADD),
            (true, REMOVE | REMOVE_REFUSED) => Step::Set(HELD),
            (false, HELD | REMOVE_REFUSED | AGAIN)
                if wanted.complete && wanted.dangling && has_left(connection, job, &member)? =>
            {
                continue;
            }
            (false, HELD | REMOVE_REFUSED | AGAIN) if wanted.complete => Step::Set(REMOVE),
            (false, ADD | ADD_REFUSED) if wanted.complete => Step::Forget,
            // Nothing is taken from a list of which a part is missing.
            (false, ADD_REFUSED) => Step::Set(ADD),
            (false, REMOVE_REFUSED) => Step::Set(REMOVE),
            (true | false, _) => continue,
        };
        steps.push((member, step));
    }
    for member in wanted.members.iter() {
        // Marking it seen leaves out whoever is named twice.
        if let Some(seen @ false) = known.get_mut(member.as_str()) {
            *seen = true;
            steps.push((member.clone(), Step::Insert));
        }
    }
    Ok(steps)
}

/// Brings the rows of a group to what is wanted; nothing is sent yet.
pub(super) fn note(
    connection: &Connection,
    job: JobKey,
    group: &SourceAnchor,
    wanted: &WantedMembers,
) -> Result<(), StoreError> {
    let holder = || Stored(group.as_str());
    for (member, step) in steps(connection, job, group, wanted)? {
        let stored = Stored(&member);
        match step {
            Step::Insert if !wanted.later && account(connection, job, &member)? != (true, true) => {}
            Step::Insert => {
                connection
                    .prepare_cached("INSERT INTO memberships (job, holder, member, state) VALUES (?1, ?2, ?3, 0)")?
                    .execute(params![job.0, holder(), stored])?;
            }
            Step::Set(state) => {
                connection
                    .prepare_cached("UPDATE memberships SET state = ?4 WHERE job = ?1 AND holder = ?2 AND member = ?3")?
                    .execute(params![job.0, holder(), stored, state])?;
            }
            Step::Forget => {
                connection
                    .prepare_cached("DELETE FROM memberships WHERE job = ?1 AND holder = ?2 AND member = ?3")?
                    .execute(params![job.0, holder(), stored])?;
            }
        }
    }
    Ok(())
}

/// Whether an object has an account, and whether the job manages it.
fn account(connection: &Connection, job: JobKey, anchor: &str) -> Result<(bool, bool), StoreError> {
    let sql = format!("SELECT {MANAGED} FROM objects o WHERE o.job = ?1 AND o.anchor = ?2 AND o.target IS NOT NULL");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![job.0, Stored(anchor)])?;
    Ok(match rows.next()? {
        Some(row) => (true, row.get(0)?),
        None => (false, false),
    })
}

/// Whether the last export lacked an object.
fn has_left(connection: &Connection, job: JobKey, anchor: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM objects WHERE job = ?1 AND anchor = ?2 AND left_at IS NULL";
    Ok(!connection.prepare_cached(sql)?.exists(params![job.0, Stored(anchor)])?)
}

/// The group has a new account, which holds nobody.
pub(super) fn reopen_group(connection: &Connection, job: JobKey, group: &SourceAnchor) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM memberships WHERE job = ?1 AND holder = ?2 AND state IN (2, 4)",
        "UPDATE memberships SET state = 0 WHERE job = ?1 AND holder = ?2 AND state IN (1, 5)",
    ] {
        connection.prepare_cached(sql)?.execute(params![job.0, Stored(group.as_str())])?;
    }
    Ok(())
}

/// The member has a new account, or one that may have lost its memberships: they are sent again.
pub(super) fn reopen_member(
    connection: &Connection,
    job: JobKey,
    member: &SourceAnchor,
    joining: Joining,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE memberships SET state = ?3 WHERE job = ?1 AND member = ?2 AND state IN (1, 5)")?
        .execute(params![job.0, Stored(member.as_str()), joining.open()])?;
    Ok(())
}

/// Where a walk behind `after` goes on; without it, at the beginning: in SQLite numbers sort before texts and octets.
pub(super) fn from(after: Option<&SourceAnchor>) -> Result<Value, StoreError> {
    Ok(match after {
        None => Value::Integer(i64::MIN),
        Some(anchor) => match Stored(anchor.as_str()).to_sql()? {
            ToSqlOutput::Owned(value) => value,
            _ => Value::Text(anchor.as_str().to_owned()),
        },
    })
}
