//! `escrows`: objects set aside after a failure (service.md 16.2).

use jiff::Timestamp;
use serde_json::json;

use super::super::error::{CliError, Status};
use super::super::session::Session;
use crate::cycle::Clock;
use crate::model::SourceAnchor;
use crate::report::{escrows_json, text};

/// Shows objects that failed, with the target's words and the next attempt, and retries or drops them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond escrows list
  provisiond escrows retry taro-id    due in the next cycle
  provisiond escrows skip taro-id     drops the entry; a change of the person makes it due again")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Shows every object that is set aside
    List,
    /// Makes the retry of one object due
    Retry {
        /// Source anchor, as `list` shows it
        id: String,
    },
    /// Drops the entry of one object
    Skip {
        /// Source anchor, as `list` shows it
        id: String,
    },
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    let store = opened.service.store();
    let key = store.job(&job.name)?;
    let (id, known, done) = match &args.what {
        What::List => {
            let escrows = store.escrows(key)?;
            session.output.either(|| escrows_json(&escrows), |_| text::escrows_text(&escrows))?;
            return Ok(Status::Done);
        }
        What::Retry { id } => {
            (id, store.retry_escrow(key, &SourceAnchor(id.clone()), Timestamp::now())?, "is due in the next cycle")
        }
        What::Skip { id } => (id, store.skip_escrow(key, &SourceAnchor(id.clone()))?, "is not set aside any more"),
    };
    if !known {
        return Err(CliError::usage("escrow_unknown", format!("`{id}` is not set aside"))
            .with_help("`provisiond escrows list` shows the objects that are"));
    }
    session.output.either(|| json!({ "ok": true, "sourceAnchor": id }), |_| format!("`{id}` {done}\n"))?;
    Ok(Status::Done)
}
