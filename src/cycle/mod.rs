//! The shell that drives the line: reads, decides with the planner, talks to the target, records.

mod assignment;
mod check;
mod clock;
mod connection;
mod error;
mod escrow;
mod evaluate;
mod ids;
mod import;
mod line;
mod lock;
mod members;
mod on_demand;
mod operations;
mod phases;
mod progress;
mod quarantine;
mod reader;
mod record;
mod references;
mod run;
mod search;
mod service;
mod standing;
mod status;
mod talk;
mod tally;

pub use clock::Clock;
pub use error::ServiceError;
pub use on_demand::{MOST_MEMBERS, OnDemandAnswer, OnDemandOptions};
pub use operations::{Pause, ResetScopes};
pub use progress::{Observer, Unobserved};
pub use run::CycleOptions;
pub use service::{DueFacts, Service};
