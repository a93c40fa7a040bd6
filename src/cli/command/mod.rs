//! One file for each command: its arguments, what it calls, what it prints.

pub mod apply;
pub mod check;
pub mod completions;
pub mod cycle;
pub mod deletions;
pub mod demo;
pub mod discover;
pub mod escrows;
pub mod eval;
pub mod explain;
pub mod forget;
pub mod functions;
pub mod init;
pub mod links;
pub mod log;
pub mod man;
pub mod mapping;
pub mod pause;
pub mod plan;
pub mod probe;
pub mod provision_now;
pub mod record;
pub mod replay;
pub mod restart;
pub mod rollback;
pub mod run;
pub mod schema;
pub mod source;
pub mod start;
pub mod status;
pub mod target;
pub mod test;
pub mod test_connection;
pub mod validate;
pub mod verify;

/// Parses a time of the command line.
fn time(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().map_err(|_| "write it as RFC 3339, such as `2026-04-01T09:00:00+09:00`".to_owned())
}

/// The status of a walk; why it ended early is the error of the command.
fn ended(walk: &crate::cycle::Walk) -> Result<super::error::Status, super::error::CliError> {
    use super::error::{CliError, Status};
    match &walk.error {
        Some(error) => {
            let status = Status::of_run_error(error);
            Err(CliError::new(status, &error.code, &error.message).with_help(&error.help))
        }
        None if walk.failures.is_empty() => Ok(Status::Done),
        None => Ok(Status::ObjectsFailed),
    }
}
