//! The daemon: ticks, signals and word to the service manager; every decision about time is in [`due`].

mod due;
mod manager;
mod run;
mod since;
mod watch;

pub use due::{Due, Facts, Rhythm, next_due};
pub use run::{DaemonError, Work, run};
