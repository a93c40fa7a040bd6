//! The snapshot that is stored of a reading: its records, by which the next one knows them again.

use std::sync::Arc;

use super::import::Request;
use super::reader::{Keys, Sorted};
use crate::delta::{Built, Met, Piece, Record, Snapshot, SnapshotBuilder};
use crate::model::ObjectKind;
use crate::source::{Fingerprint, ObjectKey, SetMemory, SetReport};
use crate::store::{SnapshotPiece, Spool, Staging, StoreError};

pub(super) fn record_of(fingerprint: Fingerprint, key: ObjectKey, living: bool) -> Record {
    Record { hash: fingerprint.hash, length: fingerprint.extent.bits(), key: key.0, living }
}

/// Keeps no more of a snapshot in memory than is little.
pub(super) fn put_away(builder: &mut SnapshotBuilder, staging: &Staging) -> Result<(), StoreError> {
    match builder.overflow() {
        Some((number, octets)) => staging.spool(Spool::Snapshot, number, &octets),
        None => Ok(()),
    }
}

/// How many objects of the snapshot were recognised of which changes beside it speak.
pub(super) fn met_and_changed(old: &Snapshot, met: &Met, changed: &Keys) -> u64 {
    let mut count = 0;
    if !changed.is_empty() {
        met.each_met(old, |_, record| count += u64::from(changed.contains(&record.key)));
    }
    count
}

/// An exporter may give the same records in another order each time: that is worth to be written only where it comes again.
pub(super) fn is_to_be_stored(built: &Built, memory: Option<&SetMemory>) -> bool {
    built.order.is_none() || built.order == memory.and_then(|memory| memory.order)
}

pub(super) fn to_store(piece: Piece, staging: &Arc<Staging>) -> SnapshotPiece {
    match piece {
        Piece::Same(from, bytes) => SnapshotPiece::Same(from, bytes),
        Piece::New(bytes) => SnapshotPiece::New(bytes),
        Piece::Given(number, octets) => SnapshotPiece::Spooled(Arc::clone(staging), number, octets),
        Piece::Moved(moved) => SnapshotPiece::Made(moved.len(), Box::new(move || moved.octets())),
    }
}

/// The last snapshot, but for the objects that changes touched: what it said of them holds no more.
pub(super) fn changed_snapshot(
    request: &Request<'_>,
    sorted: &Sorted,
    staging: &Staging,
) -> Result<(Option<Vec<Piece>>, u64, u64), StoreError> {
    let (mut users, mut groups) = match request.previous {
        Some(before) => (before.users, before.groups),
        None => request.store.object_counts(request.job)?,
    };
    if sorted.touched.is_empty() && sorted.purged.is_empty() {
        return Ok((None, users, groups));
    }
    let Some(old) = request.store.snapshot(request.job)?.and_then(Snapshot::decode) else {
        // Without one the next complete export is compared with everybody.
        return Ok((None, users, groups));
    };
    let mut builder = SnapshotBuilder::default();
    let mut was = Keys::new();
    for (number, record) in old.iter().enumerate() {
        if sorted.touched.contains_key(&record.key) || sorted.purged.contains(&record.key) {
            was.insert(record.key);
        } else {
            builder.push_old(&old, number);
            put_away(&mut builder, staging)?;
        }
    }
    for (key, (kind, record)) in &sorted.touched {
        builder.push(&old, *record);
        put_away(&mut builder, staging)?;
        let count = if *kind == ObjectKind::Group { &mut groups } else { &mut users };
        *count += u64::from(!was.contains(key));
    }
    let gone = sorted.purged.iter().filter(|key| was.contains(*key)).count() as u64;
    users = users.saturating_sub(gone);
    let built = builder.finish(&old, |number| staging.spooled(Spool::Snapshot, number))?;
    Ok((built.map(|built| built.pieces), users, groups))
}

pub(super) fn totals(request: &Request<'_>, report: &SetReport, sorted: &Sorted, previous: Option<u64>) -> (u64, u64) {
    // What change files say beside a snapshot is no part of its size.
    let users = report.counts.users.saturating_sub(sorted.changes.0);
    let groups = report.counts.groups.saturating_sub(sorted.changes.1);
    if sorted.recognised == 0 {
        return (users, groups);
    }
    // Recognised records are not decoded, so their kind is known only from last time.
    let known_groups = request.previous.map_or(0, |before| before.groups).saturating_sub(groups);
    let recognised_groups = known_groups.min(sorted.recognised).min(previous.unwrap_or(0));
    (users + sorted.recognised - recognised_groups, groups + recognised_groups)
}
