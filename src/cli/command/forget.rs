//! `forget`: the operation "delete job" (service.md 4.2).

use serde_json::json;

use super::super::error::{CliError, Status};
use super::super::session::Session;
use crate::cycle::Clock;

/// Erases every piece of state of a job; the target is not touched
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  provisiond forget --job kintone --yes

Links go too: the next cycle is an initial one and matches every account again. Accounts of people who left the scope
meanwhile are then unknown to the job and stay as they are.")]
pub struct Args {
    /// Really does it
    #[arg(long)]
    yes: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    if !args.yes {
        return Err(CliError::usage("confirmation_missing", format!("all state of `{}` would be erased", job.name))
            .with_help("say `--yes` if that is meant; `restart` keeps links and log"));
    }
    opened.service.forget(job)?;
    session.output.either(
        || json!({ "ok": true, "job": job.name, "forgotten": true }),
        |_| format!("all state of `{}` is erased; the target was not touched\n", job.name),
    )?;
    Ok(Status::Done)
}
