//! Conversations with a target, kept as HAR 1.2 and held again elsewhere.
//!
//! [`record`] is a proxy that passes every exchange on as it is and keeps it without its secrets; [`replay`] sends a
//! [`Recording`] to another endpoint, with the identifiers that this one gives, and compares the answers.

mod compare;
mod har;
mod keep;
mod load;
mod pairs;
mod proxy;
mod renamed;
mod replay;
mod secrets;
mod tee;
mod writer;

pub use compare::Difference;
pub use keep::{Heard, Recorder};
pub use load::{LoadError, Recording};
pub use proxy::record;
pub use replay::{Compared, Ended, Replayed, Verdict, replay};
