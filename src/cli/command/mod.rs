//! One file for each command: its arguments, what it calls, what it prints.

pub mod check;
pub mod completions;
pub mod cycle;
pub mod deletions;
pub mod demo;
pub mod escrows;
pub mod eval;
pub mod forget;
pub mod functions;
pub mod init;
pub mod links;
pub mod log;
pub mod man;
pub mod mapping;
pub mod pause;
pub mod provision_now;
pub mod restart;
pub mod run;
pub mod schema;
pub mod source;
pub mod start;
pub mod status;
pub mod target;
pub mod test;
pub mod test_connection;
pub mod validate;

/// Parses a time of the command line.
fn time(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().map_err(|_| "write it as RFC 3339, such as `2026-04-01T09:00:00+09:00`".to_owned())
}
