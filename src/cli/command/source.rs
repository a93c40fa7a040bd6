//! `source`: what was read, and the consent to a refused export (sources.md 16, 24).

use serde_json::{Value, json};

use super::super::error::{CliError, Status};
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
            let mut document = source::document(&job.source);
            let identity = source::find(&job.source).identity().ok().map(|identity| identity.digest());
            document["identity"] = json!(identity);
            document["complete"] = document["set"]["complete"].clone();
            document["problems"] = problems(&document["set"]["problems"]);
            let refused = document["set"]["refused"] == true;
            session.output.either(|| document.clone(), |style| text::source_text(&document, style))?;
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

/// The problems of the set once more, as `check` prints them.
fn problems(of_set: &Value) -> Value {
    let shown = |problem: &Value| {
        let severity = match problem["level"].as_str() {
            Some("W") => "warning",
            Some("I") => "info",
            _ => "error",
        };
        json!({
            "severity": severity,
            "file": problem["file"],
            "line": problem["line"],
            "column": problem["column"],
            "code": problem["code"],
            "message": problem["message"],
            "help": problem["help"],
        })
    };
    of_set.as_array().into_iter().flatten().map(shown).collect()
}
