//! The objects of the cycle at hand: in memory while they are few, else in a private file that vanishes with the process, so that
//! memory does not grow with the directory.

mod held;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};
use serde_json::Value;

use super::codec::{Stored, identifier};
use super::known::EachKnown;
use super::{StoreError, packed};
use crate::model::{ObjectKind, SourceAnchor, SourceObject};
use held::Held;

/// One object that may have to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Staged {
    pub anchor: SourceAnchor,
    pub kind: ObjectKind,
    /// `None`: the object is absent from the export, or due without having been read.
    pub object: Option<Arc<SourceObject>>,
}

/// An object whose references are sent after all objects (service.md 15).
#[derive(Debug, Clone, PartialEq)]
pub struct FollowUp {
    pub anchor: SourceAnchor,
    pub kind: ObjectKind,
    /// How its evaluation was counted; a number of the cycle's own.
    pub came_to: u8,
    /// The account as it was last seen.
    pub resource: Option<Value>,
    /// The name that people know the object by.
    pub name: String,
}

/// What octets that were put away are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spool {
    Snapshot,
    Keys,
}

/// See the module.
pub struct Staging {
    /// Nothing once there were too many: then all objects are in the file.
    held: Mutex<Option<Held>>,
    connection: Mutex<Connection>,
}

const WAITING: i64 = -1;
/// Octets of objects that stay in memory: of some 21,000 people.
const FEW: usize = 32 << 20;
/// Of these, octets of objects that stay as they are.
const LOOSE: usize = 20 << 20;
/// Rows that are written in one transaction.
const BATCH: u64 = 10_000;
/// Octets of objects that are handed out together.
const PAGE: usize = 4 << 20;

/// Is given a key and what is known under it now, packed.
pub(super) type EachLearned<'a> = dyn FnMut(&[u8], Option<&[u8]>) -> Result<(), StoreError> + 'a;

impl Staging {
    pub fn open() -> Result<Self, StoreError> {
        // An empty name is SQLite's word for a temporary file, which exists on disk only once the cache is full.
        let connection = Connection::open("")?;
        connection.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8000; PRAGMA locking_mode = EXCLUSIVE;
             CREATE TABLE objects (
                anchor ANY PRIMARY KEY, kind INTEGER NOT NULL, object TEXT, phase INTEGER NOT NULL
             ) STRICT, WITHOUT ROWID;
             CREATE TABLE follow_ups (
                anchor ANY PRIMARY KEY, kind INTEGER NOT NULL, came_to INTEGER NOT NULL, resource TEXT, name TEXT NOT NULL
             ) STRICT, WITHOUT ROWID;
             CREATE TABLE learned (key BLOB NOT NULL UNIQUE, known BLOB) STRICT;
             CREATE TABLE spool (
                of INTEGER NOT NULL, number INTEGER NOT NULL, octets BLOB NOT NULL, PRIMARY KEY (of, number)
             ) STRICT;",
        )?;
        connection.set_prepared_statement_cache_capacity(16);
        Ok(Self { held: Mutex::new(Some(Held::of_room(LOOSE, FEW))), connection: Mutex::new(connection) })
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up all objects, which nobody asks for any more. Where they are many they are taken apart beside whatever comes next.
    pub fn give_up(&self) {
        let held = self.held().take();
        if held.as_ref().is_some_and(Held::is_large) {
            // Without a thread they go where the closure does.
            drop(std::thread::Builder::new().name("objects".to_owned()).spawn(move || drop(held)));
        }
    }

    fn with<T>(&self, ask: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        ask(&self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts octets away that would take too much memory.
    pub fn spool(&self, of: Spool, number: usize, octets: &[u8]) -> Result<(), StoreError> {
        self.with(|connection| {
            let sql = "INSERT OR REPLACE INTO spool (of, number, octets) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute(params![of as i64, number.cast_signed() as i64, octets])?;
            Ok(())
        })
    }

    /// Gives octets back that were put away.
    pub fn spooled(&self, of: Spool, number: usize) -> Result<Vec<u8>, StoreError> {
        self.with(|connection| {
            let sql = "SELECT octets FROM spool WHERE of = ?1 AND number = ?2";
            let number = number.cast_signed() as i64;
            Ok(connection.prepare_cached(sql)?.query_row(params![of as i64, number], |row| row.get(0))?)
        })
    }

    /// Notes what is now known under a key; nothing: it is no more.
    pub fn learn(&self, key: &[u8], data: Option<&str>) -> Result<(), StoreError> {
        let known = data.map(packed::pack_text).transpose()?;
        self.with(|connection| {
            let sql = "INSERT OR REPLACE INTO learned (key, known) VALUES (?1, ?2)";
            connection.prepare_cached(sql)?.execute(params![key, known])?;
            Ok(())
        })
    }

    /// Says whether something was learned about a key.
    pub fn has_learned(&self, key: &[u8]) -> Result<bool, StoreError> {
        self.with(|connection| Ok(connection.prepare_cached("SELECT 1 FROM learned WHERE key = ?1")?.exists([key])?))
    }

    /// What was learned about a key: nothing, that there is nothing any more, or what there is.
    pub fn learned(&self, key: &[u8]) -> Result<Option<Option<String>>, StoreError> {
        self.with(|connection| {
            let sql = "SELECT known FROM learned WHERE key = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([key])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let known = row.get_ref(0)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
            known.map(packed::unpack_text).transpose().map(Some)
        })
    }

    /// Calls `each` with at most `count` things that were learned, in order of keys, behind the key `after`.
    pub(super) fn each_learned(&self, after: &[u8], count: i64, each: &mut EachLearned<'_>) -> Result<(), StoreError> {
        self.with(|connection| {
            let sql = "SELECT key, known FROM learned WHERE key > ?1 ORDER BY key LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![after, count])?;
            while let Some(row) = rows.next()? {
                let key = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
                each(key, row.get_ref(1)?.as_blob_or_null().map_err(rusqlite::Error::from)?)?;
            }
            Ok(())
        })
    }

    /// Calls `each` with every key of `length` octets under which something was learned, and what that is, in order of keys.
    pub fn each_learned_text(&self, length: usize, each: &mut EachKnown<'_>) -> Result<(), StoreError> {
        self.each_learned(&[], i64::MAX, &mut |key, known| match known {
            Some(known) if key.len() == length => each(key, &packed::unpack_text(known)?),
            Some(_) | None => Ok(()),
        })
    }

    /// Adds objects as they come; a later one of an anchor takes the place of an earlier one.
    pub fn fill(&self) -> Result<Filling<'_>, StoreError> {
        Ok(Filling { staging: self, pending: 0 })
    }

    /// Gives every waiting object its phase, in anchor order and many at a time; `None` drops it.
    pub fn sort(
        &self,
        mut phases_of: impl FnMut(&[Staged]) -> Result<Vec<Option<u8>>, StoreError>,
    ) -> Result<(), StoreError> {
        let mut after: Option<SourceAnchor> = None;
        loop {
            let page = self.page(WAITING, after.as_ref(), 1000)?;
            let Some(last) = page.last() else { break };
            after = Some(last.anchor.clone());
            let phases = phases_of(&page)?;
            let decided: Vec<(SourceAnchor, Option<u8>)> =
                page.into_iter().map(|staged| staged.anchor).zip(phases).collect();
            if let Some(held) = self.held().as_mut() {
                held.decide(decided);
                continue;
            }
            self.with(|connection| {
                connection.execute_batch("BEGIN")?;
                for (anchor, phase) in &decided {
                    match phase {
                        Some(phase) => connection
                            .prepare_cached("UPDATE objects SET phase = ?2 WHERE anchor = ?1")?
                            .execute(params![Stored(anchor.as_str()), phase])?,
                        None => connection
                            .prepare_cached("DELETE FROM objects WHERE anchor = ?1")?
                            .execute([Stored(anchor.as_str())])?,
                    };
                }
                connection.execute_batch("COMMIT")?;
                Ok(())
            })?;
        }
        if self.held().is_some() {
            return Ok(());
        }
        self.with(|connection| Ok(connection.execute_batch("CREATE INDEX by_phase ON objects (phase, anchor)")?))
    }

    /// The next `count` objects of a phase behind `after`, in anchor order.
    pub fn next(&self, phase: u8, after: Option<&SourceAnchor>, count: u32) -> Result<Vec<Staged>, StoreError> {
        self.page(i64::from(phase), after, count)
    }

    /// One object, whatever its phase.
    pub fn get(&self, anchor: &SourceAnchor) -> Result<Option<Staged>, StoreError> {
        if let Some(held) = self.held().as_ref() {
            return held.get(anchor);
        }
        self.with(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT anchor, kind, object FROM objects WHERE anchor = ?1")?;
            let mut rows = statement.query([Stored(anchor.as_str())])?;
            rows.next()?.map(staged).transpose()
        })
    }

    /// Keeps what is known of an object until its references are sent.
    pub fn follow_up(&self, follow_up: &FollowUp) -> Result<(), StoreError> {
        let resource = follow_up.resource.as_ref().map(serde_json::to_string).transpose()?;
        self.with(|connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO follow_ups (anchor, kind, came_to, resource, name) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    Stored(follow_up.anchor.as_str()),
                    follow_up.kind == ObjectKind::Group,
                    follow_up.came_to,
                    resource,
                    follow_up.name
                ])?;
            Ok(())
        })
    }

    /// What is known of one object whose references are to be sent.
    pub fn followed_up(&self, anchor: &SourceAnchor) -> Result<Option<FollowUp>, StoreError> {
        self.with(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT anchor, kind, came_to, resource, name FROM follow_ups WHERE anchor = ?1")?;
            let mut rows = statement.query([Stored(anchor.as_str())])?;
            rows.next()?.map(follow_up).transpose()
        })
    }

    /// The next objects behind `after` whose references were to be sent.
    pub fn follow_ups(&self, after: Option<&SourceAnchor>, count: u32) -> Result<Vec<FollowUp>, StoreError> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT anchor, kind, came_to, NULL, name FROM follow_ups WHERE anchor > ?1 ORDER BY anchor LIMIT ?2",
            )?;
            let mut rows = statement.query(params![super::memberships::from(after)?, count])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(follow_up(row)?);
            }
            Ok(found)
        })
    }

    fn page(&self, phase: i64, after: Option<&SourceAnchor>, count: u32) -> Result<Vec<Staged>, StoreError> {
        if let Some(held) = self.held().as_ref() {
            return held.page(phase, after, count as usize);
        }
        self.with(|connection| {
            let mut found = Vec::new();
            let from = super::memberships::from(after)?;
            let mut statement = connection.prepare_cached(
                "SELECT anchor, kind, object FROM objects WHERE phase = ?1 AND anchor > ?2 ORDER BY anchor LIMIT ?3",
            )?;
            let mut rows = statement.query(params![phase, from, count])?;
            let mut octets = 0;
            while let Some(row) = rows.next()? {
                octets += match row.get_ref(2)? {
                    ValueRef::Text(text) => text.len(),
                    _ => 0,
                };
                found.push(staged(row)?);
                // Groups with many members make large objects.
                if octets > PAGE {
                    break;
                }
            }
            Ok(found)
        })
    }
}

/// Adds objects, where they are many in large transactions.
pub struct Filling<'a> {
    staging: &'a Staging,
    pending: u64,
}

impl Filling<'_> {
    /// Adds one object; false where its anchor is taken by an object of the other kind.
    pub fn put(&mut self, staged: Staged) -> Result<bool, StoreError> {
        let mut held = self.staging.held();
        match held.as_mut() {
            Some(few) => {
                let is_added = few.put(staged)?;
                if few.is_full() {
                    for one in held.take().into_iter().flat_map(Held::into_all) {
                        let (staged, phase) = one?;
                        self.write(&staged, phase)?;
                    }
                }
                Ok(is_added)
            }
            None => self.write(&staged, WAITING),
        }
    }

    fn write(&mut self, staged: &Staged, phase: i64) -> Result<bool, StoreError> {
        let object = staged.object.as_deref().map(serde_json::to_string).transpose()?;
        let begin = self.pending == 0;
        self.pending += 1;
        let end = self.pending == BATCH;
        if end {
            self.pending = 0;
        }
        self.staging.with(|connection| {
            if begin {
                connection.execute_batch("BEGIN")?;
            }
            let added = connection
                .prepare_cached(
                    "INSERT INTO objects (anchor, kind, object, phase) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (anchor) DO UPDATE SET object = excluded.object, phase = excluded.phase
                     WHERE kind = excluded.kind",
                )?
                .execute(params![Stored(staged.anchor.as_str()), staged.kind == ObjectKind::Group, object, phase])?;
            if end {
                connection.execute_batch("COMMIT")?;
            }
            Ok(added > 0)
        })
    }

    pub fn finish(self) -> Result<(), StoreError> {
        if self.pending > 0 {
            self.staging.with(|connection| Ok(connection.execute_batch("COMMIT")?))?;
        }
        Ok(())
    }
}

fn follow_up(row: &rusqlite::Row<'_>) -> Result<FollowUp, StoreError> {
    Ok(FollowUp {
        anchor: SourceAnchor(identifier(row.get_ref(0)?)?),
        kind: if row.get(1)? { ObjectKind::Group } else { ObjectKind::User },
        came_to: row.get(2)?,
        resource: match row.get_ref(3)? {
            ValueRef::Null => None,
            text => Some(serde_json::from_str(text.as_str().map_err(rusqlite::Error::from)?)?),
        },
        name: row.get(4)?,
    })
}

fn staged(row: &rusqlite::Row<'_>) -> Result<Staged, StoreError> {
    Ok(Staged {
        anchor: SourceAnchor(identifier(row.get_ref(0)?)?),
        kind: if row.get(1)? { ObjectKind::Group } else { ObjectKind::User },
        object: match row.get_ref(2)? {
            ValueRef::Null => None,
            text => Some(Arc::new(serde_json::from_str(text.as_str().map_err(rusqlite::Error::from)?)?)),
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::model::{Attributes, Deletion, Origin, SourceValue};

    fn one(anchor: &str) -> Staged {
        Staged { anchor: SourceAnchor(anchor.to_owned()), kind: ObjectKind::User, object: None }
    }

    fn object(anchor: &str, text: String) -> Arc<SourceObject> {
        Arc::new(SourceObject {
            kind: ObjectKind::User,
            anchor: SourceAnchor(anchor.to_owned()),
            deletion: Deletion::None,
            attributes: [("displayName", SourceValue::Text(text))].into_iter().collect(),
            rest: Attributes::new(),
            unknown: BTreeSet::new(),
            cleared: BTreeSet::new(),
            incomplete: BTreeSet::new(),
            unresolved: BTreeMap::new(),
            choices: BTreeMap::new(),
            removed: BTreeMap::new(),
            partial: false,
            origin: Origin { file: "f.csv".into(), line: 7 },
        })
    }

    /// Some of them come again, as another kind or with other contents.
    fn objects(count: u64) -> Vec<Staged> {
        let staged = |number: u64| {
            let hash = xxhash_rust::xxh3::xxh3_128(&(number % (count - count / 7)).to_le_bytes());
            let anchor = match number % 5 {
                0 => format!("anchor {}", hash % 1000),
                1 => uuid::Uuid::from_u128(hash).to_string().to_uppercase(),
                _ => uuid::Uuid::from_u128(hash).to_string(),
            };
            let kind = if number.is_multiple_of(11) { ObjectKind::Group } else { ObjectKind::User };
            let object = (!number.is_multiple_of(3)).then(|| object(&anchor, format!("{number} é \"quoted\"")));
            Staged { anchor: SourceAnchor(anchor), kind, object }
        };
        (0..count).map(staged).collect()
    }

    /// What a walk over the phases and a look at each object show; the third phase is none.
    fn walk(staging: &Staging, objects: &[Staged]) -> (Vec<Vec<Staged>>, Vec<Option<Staged>>) {
        let mut met = Vec::new();
        let phase = |staged: &Staged| Some(staged.anchor.as_str().len() as u8 % 3).filter(|phase| *phase < 2);
        let phases = |page: &[Staged]| {
            met.extend_from_slice(page);
            Ok(page.iter().map(phase).collect())
        };
        staging.sort(phases).expect("sorted");
        let mut pages = vec![met];
        for phase in 0..3 {
            let mut after = None;
            loop {
                let page = staging.next(phase, after.as_ref(), 100).expect("there");
                let Some(last) = page.last() else { break };
                after = Some(last.anchor.clone());
                pages.push(page);
            }
        }
        (pages, objects.iter().map(|staged| staging.get(&staged.anchor).expect("asked")).collect())
    }

    #[test]
    fn few_objects_are_told_as_many_are() {
        let objects = objects(3000);
        // all in memory, as they are and as texts, all in the file, and from somewhere on too many for memory
        let rooms = [(usize::MAX, usize::MAX), (1 << 18, usize::MAX), (0, 0), (1 << 19, 1 << 20)];
        let [held, packed, filed, both] = rooms.map(|(loose, most)| {
            let staging = Staging::open().expect("a temporary file");
            *staging.held() = Some(Held::of_room(loose, most));
            let mut filling = staging.fill().expect("open");
            let put = |staged: &Staged| {
                let is_added = filling.put(staged.clone()).expect("room");
                (is_added, staging.held().is_some())
            };
            let (added, in_memory): (Vec<bool>, Vec<bool>) = objects.iter().map(put).unzip();
            filling.finish().expect("room");
            (added, walk(&staging, &objects), in_memory.iter().filter(|held| **held).count())
        });
        assert_eq!((held.2, packed.2, filed.2), (3000, 3000, 0));
        assert!(both.2 > 500 && both.2 < 2500, "{}", both.2);
        assert!(held.0.contains(&false) && held.1.0[1].len() == 100);
        assert_eq!((&held.0, &held.1), (&filed.0, &filed.1));
        assert_eq!((&held.0, &held.1), (&packed.0, &packed.1));
        assert_eq!((held.0, held.1), (both.0, both.1));
    }

    #[test]
    fn objects_come_out_by_phase_in_anchor_order() {
        let staging = Staging::open().expect("a temporary file");
        let mut filling = staging.fill().expect("open");
        for anchor in ["c", "3d628091-ebb6-4e5b-a621-3648e0d9dc7a", "a", "b", "a"] {
            filling.put(one(anchor)).expect("room");
        }
        filling.finish().expect("room");
        let phase = |staged: &Staged| match staged.anchor.as_str() {
            "b" => None,
            "c" => Some(2),
            _ => Some(1),
        };
        staging.sort(|page| Ok(page.iter().map(phase).collect())).expect("sorted");
        let first = staging.next(1, None, 1).expect("there");
        assert_eq!(first, [one("a")]);
        let second = staging.next(1, Some(&first[0].anchor), 9).expect("there");
        assert_eq!(second, [one("3d628091-ebb6-4e5b-a621-3648e0d9dc7a")]);
        assert_eq!(staging.next(2, None, 9).expect("there"), [one("c")]);
        assert_eq!(staging.get(&SourceAnchor("b".to_owned())).expect("asked"), None);
    }
}
