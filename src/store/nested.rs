//! Groups inside groups, where the mapping file has them flattened: what each group holds in the source, and from that
//! who is a member in the target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::codec::{Stored, identifier};
use super::memberships::{self, WantedMembers};
use super::{JobKey, Store, StoreError};
use crate::model::SourceAnchor;

impl Store {
    /// Whether the inner groups of some group changed since members were last flattened.
    pub fn is_regrouped(&self, job: JobKey) -> Result<bool, StoreError> {
        self.read(|connection| {
            Ok(connection.prepare_cached("SELECT 1 FROM regrouped WHERE job = ?1 LIMIT 1")?.exists([job.0])?)
        })
    }

    /// Gives each group that changed, and each around it, the members of its inner groups; returns the loops that it met,
    /// as the anchors on the way round.
    pub async fn flatten_members(&self, job: JobKey, later: bool) -> Result<Vec<Vec<String>>, StoreError> {
        self.write(Some(job), move |connection| {
            let tree = Tree::read(connection, job)?;
            let mut loops = BTreeSet::new();
            for group in tree.affected(&anchors(connection, "SELECT holder FROM regrouped WHERE job = ?1", job)?) {
                let inside = tree.inside(&group, &mut loops);
                let mut members = Vec::new();
                let mut complete = true;
                for inner in &inside {
                    let mut statement = connection
                        .prepare_cached("SELECT member, whole FROM direct_members WHERE job = ?1 AND holder = ?2")?;
                    let mut rows = statement.query(params![job.0, Stored(inner)])?;
                    while let Some(row) = rows.next()? {
                        complete &= row.get::<_, bool>(1)?;
                        let member = identifier(row.get_ref(0)?)?;
                        // A group names itself, so that an empty one is known as a group.
                        if !tree.groups.contains(&member) {
                            members.push(member);
                        }
                    }
                }
                members.sort_unstable();
                members.dedup();
                let wanted =
                    WantedMembers { members: Arc::new(members), complete, dangling: false, later, nested: false };
                memberships::note(connection, job, &SourceAnchor(group), &wanted)?;
            }
            connection.prepare_cached("DELETE FROM regrouped WHERE job = ?1")?.execute([job.0])?;
            Ok(loops.into_iter().collect())
        })
        .await
    }
}

/// Notes what a group holds in the source; who is a member follows when all groups are known.
pub(super) fn note(
    connection: &Connection,
    job: JobKey,
    group: &SourceAnchor,
    wanted: &WantedMembers,
) -> Result<(), StoreError> {
    let holder = || Stored(group.as_str());
    let whole = wanted.complete && !wanted.dangling;
    if wanted.complete {
        connection
            .prepare_cached("DELETE FROM direct_members WHERE job = ?1 AND holder = ?2")?
            .execute(params![job.0, holder()])?;
    }
    for member in wanted.members.iter().map(String::as_str).chain([group.as_str()]) {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO direct_members (job, holder, member, whole) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![job.0, holder(), Stored(member), whole])?;
    }
    connection
        .prepare_cached("INSERT OR IGNORE INTO regrouped (job, holder) VALUES (?1, ?2)")?
        .execute(params![job.0, holder()])?;
    Ok(())
}

/// The group is gone from the source: it holds nobody, and whoever holds it is looked at again.
pub(super) fn forget(connection: &Connection, job: JobKey, group: &SourceAnchor) -> Result<(), StoreError> {
    for sql in [
        "INSERT OR IGNORE INTO regrouped (job, holder)
         SELECT job, holder FROM direct_members WHERE job = ?1 AND member = ?2 AND holder <> ?2",
        "DELETE FROM direct_members WHERE job = ?1 AND holder = ?2",
    ] {
        connection.prepare_cached(sql)?.execute(params![job.0, Stored(group.as_str())])?;
    }
    Ok(())
}

/// Which group holds which.
struct Tree {
    groups: BTreeSet<String>,
    inner: BTreeMap<String, Vec<String>>,
    outer: BTreeMap<String, Vec<String>>,
}

impl Tree {
    fn read(connection: &Connection, job: JobKey) -> Result<Self, StoreError> {
        let groups: BTreeSet<String> =
            anchors(connection, "SELECT DISTINCT holder FROM direct_members WHERE job = ?1", job)?
                .into_iter()
                .collect();
        let (mut inner, mut outer) = (BTreeMap::<_, Vec<String>>::new(), BTreeMap::<_, Vec<String>>::new());
        let mut statement = connection.prepare_cached(
            "SELECT d.holder, d.member FROM direct_members d WHERE d.job = ?1 AND d.holder <> d.member
             AND d.member IN (SELECT holder FROM direct_members WHERE job = ?1 AND holder = member)",
        )?;
        let mut rows = statement.query([job.0])?;
        while let Some(row) = rows.next()? {
            let (holder, member) = (identifier(row.get_ref(0)?)?, identifier(row.get_ref(1)?)?);
            outer.entry(member.clone()).or_default().push(holder.clone());
            inner.entry(holder).or_default().push(member);
        }
        Ok(Self { groups, inner, outer })
    }

    /// The changed groups and all groups around them.
    fn affected(&self, changed: &[String]) -> BTreeSet<String> {
        let mut affected = BTreeSet::new();
        let mut waiting = changed.to_vec();
        while let Some(group) = waiting.pop() {
            if affected.insert(group.clone()) {
                waiting.extend(self.outer.get(&group).into_iter().flatten().cloned());
            }
        }
        affected
    }

    /// A group and all groups inside it, each once; a way that comes back to a group on it is a loop.
    fn inside(&self, group: &str, loops: &mut BTreeSet<Vec<String>>) -> BTreeSet<String> {
        let mut inside = BTreeSet::from([group.to_owned()]);
        // The way down to where we are, with the inner groups of each that are still to be entered.
        let none = Vec::new();
        let inner = |group: &str| self.inner.get(group).unwrap_or(&none).iter();
        let mut way = vec![(group.to_owned(), inner(group))];
        while let Some((_, rest)) = way.last_mut() {
            let Some(next) = rest.next() else {
                way.pop();
                continue;
            };
            if let Some(at) = way.iter().position(|(on_way, _)| on_way == next) {
                let mut round: Vec<String> = way[at..].iter().map(|(group, _)| group.clone()).collect();
                // The same loop is met from each of its groups: it begins with the smallest.
                let smallest =
                    round.iter().enumerate().min_by_key(|(_, group)| group.as_str()).map_or(0, |(index, _)| index);
                round.rotate_left(smallest);
                loops.insert(round);
            } else if inside.insert(next.clone()) {
                let next = next.clone();
                let rest = inner(&next);
                way.push((next, rest));
            }
        }
        inside
    }
}

fn anchors(connection: &Connection, sql: &str, job: JobKey) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([job.0])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(identifier(row.get_ref(0)?)?);
    }
    Ok(found)
}
