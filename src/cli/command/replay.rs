//! `replay`: holds a recorded conversation again and compares the answers.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::args::Format;
use super::super::error::{CliError, Status};
use super::super::reach::{Reach, unusable};
use super::super::session::{Session, block_on};
use super::super::signals::stop_token;
use crate::recording::{self, Compared, Difference, Ended, Recording, Replayed, Verdict};
use crate::report::{JunitCase, JunitOutcome, JunitSuite, junit_xml, plain};
use crate::target::Relay;

/// Sends a recorded conversation to an endpoint again and compares the answers
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond replay monday.har https://staging.example.com/scim/v2 --token env:SCIM_TOKEN
  provisiond replay run.har http://127.0.0.1:8080/scim/v2 --output junit > report.xml

Every request is sent, in order, so that accounts are made, changed and deleted as when it was recorded: take an endpoint for tests.
Identifiers are those that this endpoint gives. What no two runs have in common is not compared: times of creation, versions, hosts,
the words of errors. Exit status: 1 where an answer differs, 3 where the endpoint is not reached or refuses the credentials.")]
pub struct Args {
    /// HAR file, of `record` or of a browser
    #[arg(value_name = "FILE.har")]
    file: PathBuf,
    /// Tenant URL of the endpoint
    #[arg(value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let recording = Recording::load(&args.file).map_err(|error| {
        CliError::usage("recording", format!("`{}` cannot be replayed: {error}", args.file.display()))
            .with_help("give a HAR file, such as `provisiond record` writes")
    })?;
    let reached = args.reach.read(args.url.as_deref(), session)?;
    let relay = Relay::new(&reached.settings).map_err(|fault| unusable(&fault))?;
    let bar = session.output.bar();
    bar.set_length(recording.len() as u64);
    let replayed = block_on(async {
        let stop = stop_token();
        Ok(recording::replay(&recording, &relay, &reached.url.base, &stop, |_| bar.inc(1)).await)
    })?;
    bar.finish_and_clear();
    match session.output.format {
        Format::Text => session.output.text(&text(&replayed))?,
        Format::Json => session.output.json(&document(&replayed))?,
        Format::Junit => session.output.text(&junit(&args.file.display().to_string(), &replayed))?,
    }
    match &replayed.ended {
        Ended::Whole if replayed.exchanges.iter().any(is_different) => Ok(Status::ObjectsFailed),
        Ended::Whole => Ok(Status::Done),
        Ended::Interrupted => Ok(Status::Interrupted),
        Ended::Unreached(fault) => {
            Err(CliError::new(Status::TargetUnavailable, "WebExceptionProtocolError", fault.to_string())
                .with_help("check the URL and the network"))
        }
        Ended::Refused(status) => {
            let message = format!("the endpoint refuses the credentials with {status}");
            Err(CliError::new(Status::TargetUnavailable, "Unauthorized", message).with_help(
                "a recording holds no secrets: give the token with `--token`, or `auth` in a `--target` file",
            ))
        }
    }
}

fn is_different(compared: &Compared) -> bool {
    matches!(compared.verdict, Verdict::Different(_))
}

/// How many are the same, differ, and were left out.
fn counts(replayed: &Replayed) -> [usize; 3] {
    let count = |wanted: fn(&Verdict) -> bool| replayed.exchanges.iter().filter(|one| wanted(&one.verdict)).count();
    [
        count(|verdict| matches!(verdict, Verdict::Same)),
        count(|verdict| matches!(verdict, Verdict::Different(_))),
        count(|verdict| matches!(verdict, Verdict::LeftOut(_))),
    ]
}

fn text(replayed: &Replayed) -> String {
    let mut out = String::new();
    for one in &replayed.exchanges {
        let head = format!("{:>4} {} {}", one.number, one.method, plain(&one.path));
        match &one.verdict {
            Verdict::Same => {}
            Verdict::LeftOut(why) => out.push_str(&format!("{head}\n       left out: {}\n", plain(why))),
            Verdict::Different(differences) => {
                out.push_str(&format!("{head}\n"));
                for difference in differences {
                    out.push_str(&format!("       {}\n", told(difference)));
                }
            }
        }
    }
    let [same, different, left_out] = counts(replayed);
    out.push_str(&format!("{same} the same, {different} different, {left_out} left out\n"));
    out
}

fn told(difference: &Difference) -> String {
    let shown =
        |value: &Option<String>| value.as_deref().map_or_else(|| "nothing".to_owned(), |text| plain(text).into_owned());
    format!("{}: recorded {}, now {}", plain(&difference.at), shown(&difference.recorded), shown(&difference.answered))
}

fn document(replayed: &Replayed) -> Value {
    let exchanges = replayed.exchanges.iter().map(|one| {
        let (status, differences, why) = match &one.verdict {
            Verdict::Same => ("same", &[][..], None),
            Verdict::Different(differences) => ("different", differences.as_slice(), None),
            Verdict::LeftOut(why) => ("leftOut", &[][..], Some(why)),
        };
        let differences =
            differences.iter().map(|one| json!({ "at": one.at, "recorded": one.recorded, "answered": one.answered }));
        json!({
            "number": one.number, "method": one.method, "path": one.path, "status": status, "why": why,
            "recorded": one.recorded, "answered": one.answered, "differences": differences.collect::<Vec<_>>(),
        })
    });
    let exchanges: Vec<Value> = exchanges.collect();
    let [same, different, left_out] = counts(replayed);
    json!({
        "summary": { "same": same, "different": different, "leftOut": left_out },
        "exchanges": exchanges,
        "whole": matches!(replayed.ended, Ended::Whole),
    })
}

fn junit(file: &str, replayed: &Replayed) -> String {
    let cases = replayed.exchanges.iter().map(|one| {
        let outcome = match &one.verdict {
            Verdict::Same => JunitOutcome::Passed,
            Verdict::LeftOut(why) => JunitOutcome::Skipped(why.clone()),
            Verdict::Different(differences) => JunitOutcome::Failed {
                message: differences.first().map(told).unwrap_or_default(),
                story: differences.iter().map(|one| told(one) + "\n").collect(),
            },
        };
        JunitCase { class: file.to_owned(), name: format!("{} {} {}", one.number, one.method, one.path), outcome }
    });
    let suite = JunitSuite { name: file.to_owned(), cases: cases.collect(), output: String::new() };
    junit_xml("provisiond replay", &[suite])
}
