//! The members that each run sent, so that they can be given back (contract.md 2, `rollback`).

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::codec::{Stored, guid, identifier, millis};
use super::{JobKey, Joining, Store, StoreError};
use crate::model::{Entry, LoggedAction, LoggedStatus, ObjectKind, SourceAnchor};

/// Members that are packed into one row at most.
const PACK: usize = 1000;

/// Which run sends, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    pub cycle: String,
    pub at: jiff::Timestamp,
}

impl Store {
    /// The groups whose members a run changed.
    pub fn sent_groups(&self, job: JobKey, cycle: &str) -> Result<Vec<SourceAnchor>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT DISTINCT holder FROM sent_members WHERE job = ?1 AND cycle = ?2 ORDER BY holder",
            )?;
            let mut rows = statement.query(params![job.0, cycle])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(SourceAnchor(identifier(row.get_ref(0)?)?));
            }
            Ok(found)
        })
    }

    /// Who joined and who left one group in a run; whoever came and went again is neither.
    pub fn sent_members(
        &self,
        job: JobKey,
        cycle: &str,
        group: &SourceAnchor,
    ) -> Result<BTreeMap<SourceAnchor, Joining>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT joined, gone FROM sent_members WHERE job = ?1 AND cycle = ?2 AND holder = ?3 ORDER BY seq",
            )?;
            let mut rows = statement.query(params![job.0, cycle, Stored(group.as_str())])?;
            let mut came_to = BTreeMap::new();
            while let Some(row) = rows.next()? {
                for (column, joining) in [(0, Joining::Joins), (1, Joining::Leaves)] {
                    for member in unpacked(row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?)? {
                        match came_to.remove(&member) {
                            Some(before) if before != joining => {}
                            Some(_) | None => {
                                came_to.insert(member, joining);
                            }
                        }
                    }
                }
            }
            Ok(came_to)
        })
    }
}

/// Notes what one request changed.
pub(super) fn note<'a>(
    connection: &Connection,
    job: JobKey,
    sender: &Sender,
    group: &SourceAnchor,
    members: impl Iterator<Item = (&'a SourceAnchor, Joining)>,
) -> Result<(), StoreError> {
    let (mut joined, mut gone) = (Vec::new(), Vec::new());
    for (member, joining) in members {
        match joining {
            Joining::Joins => pack(member, &mut joined),
            // For all that is known the target holds what it held.
            Joining::Rejoins => {}
            Joining::Leaves => pack(member, &mut gone),
        }
    }
    connection
        .prepare_cached(
            "INSERT INTO sent_members (job, cycle, at, holder, joined, gone) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![job.0, sender.cycle, millis(sender.at), Stored(group.as_str()), joined, gone])?;
    Ok(())
}

/// Notes who loses a group that an entry says was deleted; before its members are forgotten.
pub(super) fn note_deleted(connection: &Connection, job: JobKey, entry: &Entry) -> Result<(), StoreError> {
    let went_through = matches!(entry.status, LoggedStatus::Success | LoggedStatus::Warning);
    if entry.kind != ObjectKind::Group || entry.action != LoggedAction::Delete || !went_through {
        return Ok(());
    }
    let group = entry.source_anchor();
    let sender = Sender { cycle: entry.cycle_id.clone(), at: entry.at };
    let mut statement = connection
        .prepare_cached("SELECT member FROM memberships WHERE job = ?1 AND holder = ?2 AND state IN (1, 4, 5)")?;
    let mut rows = statement.query(params![job.0, Stored(group.as_str())])?;
    let mut members = Vec::new();
    let write = |members: &mut Vec<SourceAnchor>| {
        let leave = members.iter().map(|member| (member, Joining::Leaves));
        let noted = note(connection, job, &sender, &group, leave);
        members.clear();
        noted
    };
    while let Some(row) = rows.next()? {
        members.push(SourceAnchor(identifier(row.get_ref(0)?)?));
        if members.len() == PACK {
            write(&mut members)?;
        }
    }
    if members.is_empty() { Ok(()) } else { write(&mut members) }
}

/// Adds an anchor to a packed list: 0 and the 16 octets of a GUID, else its length plus one and its text.
fn pack(anchor: &SourceAnchor, list: &mut Vec<u8>) {
    match guid(anchor.as_str()) {
        Some(bytes) => {
            list.extend(0_u32.to_le_bytes());
            list.extend(bytes);
        }
        None => {
            // No anchor comes near four gigabytes: a record is refused long before.
            let length = u32::try_from(anchor.as_str().len()).unwrap_or(u32::MAX - 1);
            list.extend((length + 1).to_le_bytes());
            list.extend(&anchor.as_str().as_bytes()[..length as usize]);
        }
    }
}

fn unpacked(list: &[u8]) -> Result<Vec<SourceAnchor>, StoreError> {
    let broken = || StoreError::Decode("a list of members is cut off".to_owned());
    let mut found = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
        let (anchor, after) = match u32::from_le_bytes(*length) {
            0 => {
                let (bytes, after) = after.split_first_chunk::<16>().ok_or_else(broken)?;
                (uuid::Uuid::from_bytes(*bytes).to_string(), after)
            }
            length => {
                let (text, after) = after.split_at_checked(length as usize - 1).ok_or_else(broken)?;
                (String::from_utf8(text.to_vec()).map_err(|error| StoreError::Decode(error.to_string()))?, after)
            }
        };
        found.push(SourceAnchor(anchor));
        rest = after;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_lists_come_back() {
        let anchors =
            ["3d628091-ebb6-4e5b-a621-3648e0d9dc7a", "", "uid=佐藤,dc=b", "3D628091-EBB6-4E5B-A621-3648E0D9DC7A"]
                .map(|text| SourceAnchor(text.to_owned()));
        let mut list = Vec::new();
        anchors.iter().for_each(|anchor| pack(anchor, &mut list));
        assert_eq!(unpacked(&list).expect("whole"), anchors);
        assert!(unpacked(&list[..list.len() - 1]).is_err());
        assert!(unpacked(&[9, 0, 0]).is_err());
    }
}
