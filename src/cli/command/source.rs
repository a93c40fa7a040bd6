//! `source`: what was read, and the consent to a refused export (sources.md 16, 24).

use std::io::{BufWriter, Write};

use serde_json::json;

use super::super::error::{CliError, Status};
use super::super::output::Piece;
use super::super::session::Session;
use crate::cycle::Clock;
use crate::report::text;
use crate::source;

/// Shows what was read of the source, or accepts an export that was refused
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond source                          files, format, preset, encoding, counts, problems, first records
  provisiond source --output json            every record
  provisiond source accept                   confirms, once, the refused export that now lies in the folder")]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Shows what was read; nothing is applied
    Show,
    /// Confirms, once, the refused export that now lies in the folder
    Accept,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    match args.what {
        None | Some(What::Show) => {
            let judged = opened.service.judge_source(job)?;
            let refused = if session.output.is_json() {
                let mut results = BufWriter::new(Piece(&session.output));
                let refused = source::write_document(&job.source, &judged, &mut results)?;
                results.flush()?;
                refused
            } else {
                let (document, left) = source::document(&job.source, text::SOURCE_RECORDS, &judged);
                session.output.text(&text::source_text(&document, left, session.output.style()))?;
                document["set"]["refused"] == true
            };
            Ok(if refused { Status::SourceRefused } else { Status::Done })
        }
        Some(What::Accept) => {
            let identity = opened.service.accept_source(job)?;
            session.output.either(
                || json!({ "ok": true, "job": job.name, "identity": identity }),
                |_| format!("accepted: the next cycle of `{}` uses the export {identity}\n", job.name),
            )?;
            Ok(Status::Done)
        }
    }
}
