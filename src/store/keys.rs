//! Who among the remembered objects is meant by keys, of which the snapshot of an export holds nothing else.

use hashbrown::HashSet;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement, params};

use super::codec::{self, Stored};
use super::{JobKey, ObjectRow, Store, StoreError};
use crate::model::{ObjectKey, ObjectKind, SourceAnchor};

/// A remembered object, and whether it has left.
pub type Known = (ObjectKind, SourceAnchor, bool);

/// With more keys than this a walk over all objects is quicker than a look at each.
const MANY: usize = 50_000;

/// Only where there is an index of keys.
pub(super) const FIND: &str = "SELECT anchor, flags, left_at IS NOT NULL FROM objects INDEXED BY objects_by_key
    WHERE job = ?1 AND key = ?2";

/// What is stored of a key: with half of it the file is smaller, and almost everybody is alone with theirs.
pub(super) fn stored(kind: ObjectKind, anchor: &str) -> i32 {
    half(ObjectKey::of(kind, anchor).0)
}

fn half(key: u64) -> i32 {
    (key as u32).cast_signed()
}

impl Store {
    /// The remembered objects with one of these keys ([`ObjectKey`]), in anchor order.
    pub fn objects_with_keys(&self, job: JobKey, keys: &HashSet<u64>) -> Result<Vec<Known>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        if keys.len() > MANY || !self.read(has_index)? {
            return self.objects_where(job, &|kind, anchor| keys.contains(&ObjectKey::of(kind, anchor).0));
        }
        let mut keys: Vec<u64> = keys.iter().copied().collect();
        keys.sort_unstable_by_key(|key| half(*key));
        let mut found = self.read_at_once(|connection| {
            let mut statement = connection.prepare_cached(FIND)?;
            let mut found = Vec::new();
            for key in keys {
                found.extend(objects_with_key(&mut statement, job, ObjectKey(key))?);
            }
            Ok(found)
        })?;
        found.sort_by_cached_key(|(_, anchor, _)| codec::place(anchor.clone()));
        Ok(found)
    }

    /// The remembered objects that are `wanted` by kind and anchor, in anchor order; made for walks over millions, of which few
    /// are wanted.
    pub fn objects_where(
        &self,
        job: JobKey,
        wanted: &(dyn Fn(ObjectKind, &str) -> bool + Sync),
    ) -> Result<Vec<Known>, StoreError> {
        // GUIDs are spread evenly over their first octet, so each half is walked by a thread of its own.
        let (low, high) = std::thread::scope(|scope| {
            let low = scope.spawn(|| self.half_where("anchor < x'80'", job, wanted));
            let high = self.half_where("anchor >= x'80'", job, wanted);
            (low.join().unwrap_or(Err(StoreError::Closed)), high)
        });
        let mut found = low?;
        found.extend(high?);
        Ok(found)
    }

    fn half_where(
        &self,
        half: &str,
        job: JobKey,
        wanted: &(dyn Fn(ObjectKind, &str) -> bool + Sync),
    ) -> Result<Vec<Known>, StoreError> {
        let connection = super::open::connect(&self.path)?;
        let sql =
            format!("SELECT anchor, flags, left_at IS NOT NULL FROM objects WHERE job = ?1 AND {half} ORDER BY anchor");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([job.0])?;
        let mut buffer = uuid::Uuid::encode_buffer();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let kind = ObjectRow::kind_of(row.get(1)?);
            let anchor = match row.get_ref(0)? {
                ValueRef::Blob(bytes) => {
                    let guid = uuid::Uuid::from_slice(bytes).map_err(|error| StoreError::Decode(error.to_string()))?;
                    &*guid.as_hyphenated().encode_lower(&mut buffer)
                }
                text => text.as_str().map_err(rusqlite::Error::from)?,
            };
            if wanted(kind, anchor) {
                found.push((kind, SourceAnchor(anchor.to_owned()), row.get(2)?));
            }
        }
        Ok(found)
    }

    /// Makes the index of keys where there is none: at the end of the first cycle, in one piece, since to keep it up while
    /// everybody comes for the first time costs each of them a page.
    pub(super) async fn index_keys(&self) -> Result<(), StoreError> {
        if self.read(has_index)? {
            return Ok(());
        }
        let sql = "CREATE INDEX IF NOT EXISTS objects_by_key ON objects (job, key)";
        self.write(None, move |connection| Ok(connection.execute_batch(sql)?)).await
    }
}

/// The remembered objects with this key, in anchor order, as [`FIND`] finds them.
pub(super) fn objects_with_key(
    statement: &mut Statement<'_>,
    job: JobKey,
    key: ObjectKey,
) -> Result<Vec<Known>, StoreError> {
    let mut rows = statement.query(params![job.0, half(key.0)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let kind = ObjectRow::kind_of(row.get(1)?);
        let anchor = codec::identifier(row.get_ref(0)?)?;
        if ObjectKey::of(kind, &anchor) == key {
            found.push((kind, SourceAnchor(anchor), row.get(2)?));
        }
    }
    Ok(found)
}

pub(super) fn has_index(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = 'objects_by_key'";
    Ok(connection.prepare_cached(sql)?.exists([])?)
}

/// Moves an object to a new anchor and its key, unless somebody else is remembered there.
pub(super) fn rename(
    connection: &Connection,
    job: JobKey,
    from: &SourceAnchor,
    to: &SourceAnchor,
) -> Result<(), StoreError> {
    if let Some(row) = super::objects::object(connection, job, from)? {
        connection
            .prepare_cached("UPDATE OR IGNORE objects SET anchor = ?3, key = ?4 WHERE job = ?1 AND anchor = ?2")?
            .execute(params![job.0, Stored(from.as_str()), Stored(to.as_str()), stored(row.kind, to.as_str())])?;
    }
    Ok(())
}

/// The part of a migration that SQL cannot do: gives objects whose anchors are distinguished names the keys of today.
pub(super) fn renew_keys_of_names(connection: &Connection) -> Result<(), StoreError> {
    let mut select = connection.prepare(
        "SELECT job, anchor, flags FROM objects WHERE typeof(anchor) = 'text' AND instr(anchor, '=') > 0 ORDER BY job, anchor",
    )?;
    let mut update = connection.prepare("UPDATE objects SET key = ?3 WHERE job = ?1 AND anchor = ?2")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (job, anchor): (i64, String) = (row.get(0)?, row.get(1)?);
        update.execute(params![job, anchor, stored(ObjectRow::kind_of(row.get(2)?), &anchor)])?;
    }
    Ok(())
}

/// The part of a migration that SQL cannot do: copies all objects into `objects_with_keys`, with their keys.
pub(super) fn copy_with_keys(connection: &Connection) -> Result<(), StoreError> {
    let mut select =
        connection.prepare("SELECT job, anchor, target, used, flags, left_at FROM objects ORDER BY job, anchor")?;
    let mut insert = connection.prepare("INSERT INTO objects_with_keys VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (anchor, flags) = (row.get_ref(1)?, row.get(4)?);
        let key = stored(ObjectRow::kind_of(flags), &codec::identifier(anchor)?);
        let (job, used): (i64, i64) = (row.get(0)?, row.get(3)?);
        let left_at: Option<i64> = row.get(5)?;
        let (anchor, target) = (codec::AsStored(anchor), codec::AsStored(row.get_ref(2)?));
        insert.execute(params![job, anchor, target, used, flags, left_at, key])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::model::{Link, SourceState};
    use crate::store::{Choices, EscrowChange, ObjectCommit, RowChange, Watermark};

    fn row(anchor: &str, kind: ObjectKind, left: bool) -> ObjectRow {
        ObjectRow {
            anchor: SourceAnchor(anchor.to_owned()),
            kind,
            link: Link::None,
            used: 7,
            state: if left { SourceState::SoftDeleted } else { SourceState::Active },
            assigned: true,
            filter_passed: true,
            left_out: false,
            active_in_target: Some(!left),
            left_at: left.then_some(Timestamp::UNIX_EPOCH),
        }
    }

    async fn change(store: &Store, job: JobKey, anchor: &str, row: RowChange) {
        let commit = ObjectCommit {
            anchor: SourceAnchor(anchor.to_owned()),
            row,
            escrow: EscrowChange::Keep,
            kept: Vec::new(),
            choices: Choices::default(),
            unstage: false,
            references: None,
            entry: None,
        };
        store.commit_all(job, vec![std::sync::Arc::new(commit)]).await.expect("stored");
    }

    fn key(kind: ObjectKind, anchor: &str) -> u64 {
        ObjectKey::of(kind, anchor).0
    }

    fn kind(is_group: bool) -> ObjectKind {
        if is_group { ObjectKind::Group } else { ObjectKind::User }
    }

    /// Whatever came, changed, became another kind, was renamed or removed, before the index was made and after it.
    #[tokio::test]
    async fn a_look_at_each_key_finds_whom_a_walk_finds() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("state.db")).expect("a state file");
        let (job, other) = (store.job("job").expect("a job"), store.job("other").expect("a job"));
        let mut state = 11_u64;
        let mut random = |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % most
        };
        let anchor = |number: u64| {
            let guid = uuid::Uuid::from_u128(xxhash_rust::xxh3::xxh3_128(&number.to_le_bytes())).to_string();
            match number % 4 {
                0 => format!("uid=é{number},dc=example"),
                1 => guid.to_uppercase(),
                _ => guid,
            }
        };
        let mut remembered: BTreeMap<String, (ObjectKind, bool)> = BTreeMap::new();
        let mut found_some = 0;
        for round in 0..600 {
            let (one, is_group, left) = (anchor(random(300)), random(9) == 0, random(5) == 0);
            let as_now = remembered.get(&one).map_or(kind(is_group), |(kind, _)| *kind);
            match random(8) {
                0 => {
                    remembered.remove(&one);
                    change(&store, job, &one, RowChange::Remove).await;
                }
                1 => {
                    let to = format!("renamed {round}");
                    if let Some(object) = remembered.remove(&one) {
                        remembered.insert(to.clone(), object);
                    }
                    store.rename_objects(job, vec![(SourceAnchor(one), SourceAnchor(to))]).await.expect("stored");
                }
                // as it was, or as another kind
                choice => {
                    let kind = if choice == 2 { kind(is_group) } else { as_now };
                    remembered.insert(one.clone(), (kind, left));
                    change(&store, job, &one, RowChange::Put(row(&one, kind, left))).await;
                }
            }
            change(&store, other, &anchor(round), RowChange::Put(row(&anchor(round), ObjectKind::User, true))).await;
            if round == 300 {
                assert!(!store.read(has_index).expect("asked"));
                let (meaning, memory) = (String::new(), String::new());
                let at = Timestamp::UNIX_EPOCH;
                let watermark =
                    Watermark { identity: String::new(), octets: None, meaning, users: 1, groups: 1, memory, at };
                assert!(store.move_watermark(job, 0, watermark, None, None).await.expect("stored"));
                assert!(store.read(has_index).expect("asked"), "the first cycle ended");
            }
            if round % 20 == 0 {
                let mut keys: HashSet<u64> = (0..60).map(|_| key(kind(random(9) == 0), &anchor(random(320)))).collect();
                keys.extend((0..round).step_by(3).map(|was| key(kind(false), &format!("renamed {was}"))));
                let mut expected: Vec<Known> = remembered
                    .iter()
                    .filter(|(anchor, (kind, _))| keys.contains(&key(*kind, anchor)))
                    .map(|(anchor, (kind, left))| (*kind, SourceAnchor(anchor.clone()), *left))
                    .collect();
                expected.sort_by_cached_key(|(_, anchor, _)| codec::place(anchor.clone()));
                let walk = store.objects_where(job, &|kind, anchor| keys.contains(&key(kind, anchor))).expect("asked");
                assert_eq!(walk, expected, "round {round}");
                assert_eq!(store.objects_with_keys(job, &keys).expect("asked"), expected, "round {round}");
                found_some += usize::from(expected.len() > 5);
            }
        }
        assert!(found_some > 20, "{found_some}");
        assert_eq!(store.objects_with_keys(job, &HashSet::new()).expect("asked"), []);
    }

    #[tokio::test]
    async fn objects_that_share_half_a_key_are_told_apart() {
        let mut seen: BTreeMap<i32, u64> = BTreeMap::new();
        let pair = (0..1_000_000_u64).find_map(|number| {
            let before = seen.insert(stored(ObjectKind::User, &number.to_string()), number)?;
            Some([before.to_string(), number.to_string()])
        });
        let pair = pair.expect("among a million numbers some share half of their keys");
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("state.db")).expect("a state file");
        let job = store.job("job").expect("a job");
        for anchor in &pair {
            change(&store, job, anchor, RowChange::Put(row(anchor, ObjectKind::User, false))).await;
        }
        store.index_keys().await.expect("made");
        for anchor in pair {
            let keys = [key(ObjectKind::User, &anchor)].into();
            let found = store.objects_with_keys(job, &keys).expect("asked");
            assert_eq!(found, [(ObjectKind::User, SourceAnchor(anchor), false)]);
        }
    }

    #[tokio::test]
    async fn names_get_the_keys_of_today() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("state.db")).expect("a state file");
        let job = store.job("job").expect("a job");
        let anchors = ["UID=a, ou=p,dc=x", "plain", "YQ==", "x=y=z,"];
        let renew = move |connection: &Connection| {
            for (number, anchor) in anchors.iter().enumerate() {
                let sql = "INSERT INTO objects (job, anchor, used, flags, key) VALUES (?1, ?2, 1, 0, ?3)";
                connection.execute(sql, params![job.0, anchor, number as i64])?;
            }
            renew_keys_of_names(connection)?;
            let key = |anchor: &&str| {
                let sql = "SELECT key FROM objects WHERE anchor = ?1";
                Ok(connection.query_row(sql, [anchor], |row| row.get::<_, i32>(0))?)
            };
            anchors.iter().map(key).collect::<Result<Vec<i32>, StoreError>>()
        };
        let keys = store.write(None, renew).await.expect("renewed");
        let of = |anchor| stored(ObjectKind::User, anchor);
        assert_eq!(keys, [of("uid=A,OU=p,dc=X"), 1, of("yq=="), of("X=Y=Z,")]);
    }
}
