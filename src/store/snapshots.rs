//! The records of the last export of each job (`delta::Snapshot`): one that was written as a whole, and what changed since.
//!
//! A change is a list of steps, each of two numbers of four octets: so many octets of the snapshot before from there on, or, where
//! the first number is [`NEW`], as many that follow the step.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::{Advice, MmapMut};
use rusqlite::blob::{Blob, ZeroBlob};
use rusqlite::{Connection, MAIN_DB, OptionalExtension, params};

use super::{JobKey, Spool, Staging, Store, StoreError, open};

/// Some octets of a snapshot, which begin where those before them end.
pub enum SnapshotPiece {
    /// In the stored one they begin there.
    Same(usize, Bytes),
    New(Bytes),
    /// Some of those that lie under this number in the staging.
    Spooled(Arc<Staging>, usize, Range<usize>),
    /// So many that are made when they are written.
    Made(usize, Box<dyn Fn() -> Vec<u8> + Send + Sync>),
}

const NEW: u32 = u32::MAX;
/// What changed since a snapshot was written as a whole may take this part of it.
const SHARE: i64 = 8;
/// So often may it have changed since.
const MOST_CHANGES: i64 = 64;
/// Asked for alone, as the octets themselves are not read for it.
const LENGTH: &str = "SELECT length(data) FROM snapshots WHERE job = ?1";
/// What a step counts for: in memory it takes more than its octets.
const STEP: usize = 64;

impl Store {
    /// The snapshot of the last accepted export, as `delta` wrote it.
    pub fn snapshot(&self, job: JobKey) -> Result<Option<Bytes>, StoreError> {
        // A connection of its own: what has to be read page by page would take the place of all pages that are asked for again.
        let connection = open::connect(&self.path)?;
        open::cache(&connection, open::PASSING)?;
        let transaction = connection.unchecked_transaction()?;
        let length: Option<i64> = transaction.query_row(LENGTH, [job.0], |row| row.get(0)).optional()?;
        let Some(length) = length else { return Ok(None) };
        let (parts, changes) = parts(&transaction, job, usize::try_from(length).unwrap_or(0))?;
        let whole = transaction.blob_open(MAIN_DB, "snapshots", "data", job.0, true)?;
        put_together(&parts, &changes, &whole).map(Some)
    }
}

/// Stores what differs from the stored snapshot; where that is much, all of it.
pub(super) fn write(connection: &Connection, job: JobKey, pieces: &[SnapshotPiece]) -> Result<(), StoreError> {
    let stored: Option<i64> = connection.prepare_cached(LENGTH)?.query_row([job.0], |row| row.get(0)).optional()?;
    let sql = "SELECT count(*), coalesce(max(number), 0), coalesce(sum(length(data)), 0) FROM snapshot_changes WHERE job = ?1";
    let numbers = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (count, last, changed) = connection.prepare_cached(sql)?.query_row([job.0], numbers)?;
    let fresh: usize =
        pieces.iter().filter(|piece| !matches!(piece, SnapshotPiece::Same(..))).map(SnapshotPiece::len).sum();
    let weight = i64::try_from(fresh + pieces.len() * STEP).unwrap_or(i64::MAX);
    match stored {
        Some(length) if count < MOST_CHANGES && weight <= length / SHARE - changed => {
            let sql = "INSERT INTO snapshot_changes (job, number, data) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute(params![job.0, last + 1, steps(pieces, fresh)?])?;
            Ok(())
        }
        Some(_) | None => write_whole(connection, job, stored, pieces),
    }
}

/// `stored`: how many octets the one has that is there.
fn write_whole(
    connection: &Connection,
    job: JobKey,
    stored: Option<i64>,
    pieces: &[SnapshotPiece],
) -> Result<(), StoreError> {
    connection.execute("DELETE FROM snapshot_changes WHERE job = ?1", [job.0])?;
    let length: usize = pieces.iter().map(SnapshotPiece::len).sum();
    // of the same length it takes the same pages
    if stored.and_then(|stored| usize::try_from(stored).ok()) != Some(length) {
        let sql = "INSERT OR REPLACE INTO snapshots (job, data) VALUES (?1, ?2)";
        connection.execute(sql, params![job.0, ZeroBlob(length as u64)])?;
    }
    let mut blob = connection.blob_open(MAIN_DB, "snapshots", "data", job.0, false)?;
    let mut begin = 0;
    for piece in pieces {
        piece.with(|octets| Ok(blob.write_at(octets, begin)?))?;
        begin += piece.len();
    }
    Ok(())
}

/// The change that leads to these pieces.
fn steps(pieces: &[SnapshotPiece], fresh: usize) -> Result<Vec<u8>, StoreError> {
    let mut steps = Vec::with_capacity(fresh + pieces.len() * 8);
    let number = |number: usize| u32::try_from(number).map_err(|_| damaged()).map(u32::to_le_bytes);
    for piece in pieces {
        let from = match piece {
            SnapshotPiece::Same(from, _) => number(*from)?,
            SnapshotPiece::New(_) | SnapshotPiece::Spooled(..) | SnapshotPiece::Made(..) => NEW.to_le_bytes(),
        };
        steps.extend(from);
        steps.extend(number(piece.len())?);
        if !matches!(piece, SnapshotPiece::Same(..)) {
            piece.with(|octets| {
                steps.extend_from_slice(octets);
                Ok(())
            })?;
        }
    }
    Ok(steps)
}

impl SnapshotPiece {
    fn len(&self) -> usize {
        match self {
            Self::Same(_, bytes) | Self::New(bytes) => bytes.len(),
            Self::Spooled(_, _, octets) => octets.len(),
            Self::Made(length, _) => *length,
        }
    }

    fn with(&self, take: impl FnOnce(&[u8]) -> Result<(), StoreError>) -> Result<(), StoreError> {
        match self {
            Self::Same(_, bytes) | Self::New(bytes) => take(bytes),
            Self::Spooled(staging, number, octets) => {
                let all = staging.spooled(Spool::Snapshot, *number)?;
                take(all.get(octets.clone()).ok_or_else(damaged)?)
            }
            Self::Made(length, make) => take(Some(&*make()).filter(|made| made.len() == *length).ok_or_else(damaged)?),
        }
    }
}

/// Where some octets of a snapshot are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// In the one that was written as a whole.
    Whole(Range<usize>),
    /// In the change of this place.
    Change(usize, Range<usize>),
}

impl Part {
    fn octets(&self) -> &Range<usize> {
        match self {
            Self::Whole(octets) | Self::Change(_, octets) => octets,
        }
    }

    /// Some of its octets, counted from its beginning.
    fn some(&self, octets: Range<usize>) -> Self {
        let begin = self.octets().start;
        let octets = begin + octets.start..begin + octets.end;
        match self {
            Self::Whole(_) => Self::Whole(octets),
            Self::Change(number, _) => Self::Change(*number, octets),
        }
    }
}

/// The parts of the stored snapshot, whose whole has so many octets, and the changes in which they are.
fn parts(connection: &Connection, job: JobKey, length: usize) -> Result<(Vec<Part>, Vec<Vec<u8>>), StoreError> {
    let sql = "SELECT data FROM snapshot_changes WHERE job = ?1 ORDER BY number";
    let mut statement = connection.prepare_cached(sql)?;
    let changes = statement.query_map([job.0], |row| row.get(0))?.collect::<Result<Vec<Vec<u8>>, _>>()?;
    let mut parts = vec![Part::Whole(0..length)];
    for (number, change) in changes.iter().enumerate() {
        parts = changed(&parts, number, change).ok_or_else(damaged)?;
    }
    Ok((parts, changes))
}

/// What comes of the parts by a change; none where it is not one of them.
fn changed(parts: &[Part], number: usize, change: &[u8]) -> Option<Vec<Part>> {
    let ends: Vec<usize> = parts
        .iter()
        .scan(0, |end, part| {
            *end += part.octets().len();
            Some(*end)
        })
        .collect();
    let (mut then, mut at) = (Vec::new(), 0);
    while let Some((step, _)) = change.get(at..)?.split_first_chunk::<8>() {
        let [a, b, c, d, e, f, g, h] = *step;
        let (from, length) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]) as usize);
        at += step.len();
        if from == NEW {
            change.get(at..at + length)?;
            then.push(Part::Change(number, at..at + length));
            at += length;
            continue;
        }
        let (mut from, to) = (from as usize, from as usize + length);
        let mut next = ends.partition_point(|end| *end <= from);
        while from < to {
            let (part, end) = (parts.get(next)?, ends.get(next)?);
            let begin = end - part.octets().len();
            let until = to.min(*end);
            then.push(part.some(from - begin..until - begin));
            (from, next) = (until, next + 1);
        }
    }
    (at == change.len()).then_some(then)
}

fn put_together(parts: &[Part], changes: &[Vec<u8>], whole: &Blob<'_>) -> Result<Bytes, StoreError> {
    // Bit by bit: as a column it would be in memory twice, and it is the largest thing there.
    let mut room = Room::of(parts.iter().map(|part| part.octets().len()).sum());
    let mut rest = room.octets();
    for part in parts {
        let (some, behind) = rest.split_at_mut(part.octets().len());
        match part {
            Part::Whole(octets) => whole.read_at_exact(some, octets.start)?,
            Part::Change(number, octets) => {
                let change = changes.get(*number).and_then(|change| change.get(octets.clone()));
                some.copy_from_slice(change.ok_or_else(damaged)?);
            }
        }
        rest = behind;
    }
    Ok(match room {
        Room::Little(octets) => octets.into(),
        Room::Large(octets) => Bytes::from_owner(octets),
    })
}

enum Room {
    Little(Vec<u8>),
    /// In large pages where the system has them: records are looked up all over it, and each of thousands of small pages has to be
    /// made and found.
    Large(MmapMut),
}

/// From here on a snapshot is large.
const LARGE: usize = 4 << 20;

impl Room {
    fn of(length: usize) -> Self {
        let large = if length < LARGE { None } else { MmapMut::map_anon(length).ok() };
        match large {
            Some(octets) => {
                // Without them it is slower and no worse.
                let _ = octets.advise(Advice::HugePage);
                Self::Large(octets)
            }
            None => Self::Little(vec![0; length]),
        }
    }

    fn octets(&mut self) -> &mut [u8] {
        match self {
            Self::Little(octets) => octets,
            Self::Large(octets) => octets,
        }
    }
}

fn damaged() -> StoreError {
    StoreError::Decode("the snapshot of the last export is cut".to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Changes one after the other, some small and some so large that all is written anew: what is read is what was stored last.
    #[test]
    fn what_is_read_is_what_was_stored_last() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("state.db")).expect("a new file");
        let (job, other) = (store.job("one").expect("a job"), store.job("other").expect("a job"));
        let mut state = 3_usize;
        let mut random = |most: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % most
        };
        let begin: Vec<u8> = (0..60_000).map(|_| random(256) as u8).collect();
        let write = |job, pieces: Vec<SnapshotPiece>| {
            store.write_now(None, move |connection| super::write(connection, job, &pieces)).expect("written");
        };
        write(other, vec![SnapshotPiece::New(Bytes::from_static(b"other"))]);
        assert_eq!(store.snapshot(job).expect("readable"), None);
        write(job, vec![SnapshotPiece::New(begin.clone().into())]);
        let mut now = Bytes::from(begin);
        let mut most = 0;
        for round in 0..200 {
            let (mut at, mut pieces) = (0, Vec::new());
            let stride = if round % 50 == 49 { 90 } else { 20_000 };
            while at < now.len() {
                let end = (at + 1 + random(stride)).min(now.len());
                match random(9) {
                    0 => {}
                    1 => pieces.push(SnapshotPiece::New((0..random(40)).map(|_| random(256) as u8).collect())),
                    _ => pieces.push(SnapshotPiece::Same(at, now.slice(at..end))),
                }
                // now and then from elsewhere
                at = if random(30) == 0 { random(now.len()) } else { end };
            }
            let mut then = Vec::new();
            pieces.iter().for_each(|piece| {
                piece.with(|octets| then.write_all(octets).map_err(|_| damaged())).expect("in memory")
            });
            if then.len() < 1000 || then.len() > 200_000 {
                continue;
            }
            write(job, pieces);
            assert_eq!(store.snapshot(job).expect("readable").as_deref(), Some(&then[..]), "round {round}");
            let count = "SELECT count(*) FROM snapshot_changes WHERE job = ?1";
            most = most.max(
                store.read(|one| Ok(one.query_row(count, [job.0], |row| row.get::<_, i64>(0))?)).expect("a count"),
            );
            now = then.into();
        }
        assert!(most > 3, "{most}");
        assert_eq!(store.snapshot(other).expect("readable").as_deref(), Some(&b"other"[..]));
        store.reset_watermark(job).expect("reset");
        assert_eq!(store.snapshot(job).expect("readable"), None);
        let rows = store
            .read(|one| Ok(one.query_row("SELECT count(*) FROM snapshot_changes", [], |row| row.get::<_, i64>(0))?));
        assert_eq!(rows.expect("a count"), 0);
    }

    #[test]
    fn a_change_that_is_cut_is_no_change() {
        let parts = [Part::Whole(0..10), Part::Change(0, 8..12)];
        let step = |from: u32, length: u32| [from.to_le_bytes(), length.to_le_bytes()].concat();
        let good = [step(2, 11), step(NEW, 3), b"new".to_vec()].concat();
        let expected = [Part::Whole(2..10), Part::Change(0, 8..11), Part::Change(1, 16..19)];
        assert_eq!(changed(&parts, 1, &good).as_deref(), Some(&expected[..]));
        for bad in [step(2, 13), step(15, 1), step(NEW, 1), good[..good.len() - 1].to_vec(), good[..5].to_vec()] {
            assert_eq!(changed(&parts, 1, &bad), None, "{bad:?}");
        }
    }
}
