//! `deletions`: staged deprovisionings (service.md 18).

use serde_json::json;

use super::super::error::{CliError, Status};
use super::super::session::Session;
use crate::cycle::Clock;
use crate::model::StagedBatch;
use crate::report::{DeletionRow, deletions_json, text};

/// Lists deprovisionings that were withheld because they are too many, and approves them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond deletions list
  provisiond deletions approve 0195d1c6-…   the next cycle carries out what still must go

To reject, undo the cause (assign again, restore, mend the filter or the export): who is entitled again leaves the batch.")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Shows the open batch with its objects
    List,
    /// Lets the next cycle carry out a batch
    Approve {
        /// The batch, as `list` shows it
        batch: String,
    },
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    let store = opened.service.store();
    match &args.what {
        What::List => {
            let staged = store.staged(store.job(&job.name)?)?;
            let batch = opened.service.status(job)?.staged;
            let row = |batch: StagedBatch| {
                let objects = staged.into_iter().filter(|object| object.batch == batch.batch).collect();
                DeletionRow { batch, objects }
            };
            let rows: Vec<DeletionRow> = batch.map(row).into_iter().collect();
            let context = opened.context(job)?;
            session.output.either(|| deletions_json(&rows, &context), |style| text::deletions_text(&rows, style))?;
        }
        What::Approve { batch } => {
            let count = opened.service.approve(job, batch)?;
            session.output.either(
                || json!({ "ok": true, "job": job.name, "batch": batch, "count": count }),
                |_| format!("approved: the next cycle carries out the {count} that still must go\n"),
            )?;
        }
    }
    Ok(Status::Done)
}
