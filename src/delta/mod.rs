//! What changed between two exports, without parsing what did not (service.md D-15).

mod absence;
mod builder;
mod index;
mod matcher;
mod met;
mod snapshot;

pub use absence::absent_keys;
pub use builder::{Built, Piece, SnapshotBuilder};
pub use matcher::Matcher;
pub use met::Met;
pub use snapshot::{Record, Snapshot};
