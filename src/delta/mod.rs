//! What changed between two exports, without parsing what did not (service.md D-15).

mod absence;
mod index;
mod matcher;
mod met;
mod snapshot;

pub use absence::absent_keys;
pub use matcher::Matcher;
pub use met::Met;
pub use snapshot::{Piece, Record, Snapshot, SnapshotBuilder};
