//! Mapping tests: runs their cases and shows what came out.

mod coverage;
mod print;
mod run;

pub use print::{json, junit, text};
pub use run::run;
