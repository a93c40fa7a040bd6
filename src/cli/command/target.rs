//! `target`: the stand-in on its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on, eprint};
use super::super::signals::stop_token;
use crate::mock::{self, Defect, Fault, Options, Profile, RequestLog};

/// Runs the stand-in SCIM target on its own, for trying a configuration or another client
#[derive(Debug, clap::Args)]
#[command(
    after_help = "\
Examples:
  provisiond target                                      RFC 7644, everybody may ask
  provisiond target --profile kintone --token secret --data accounts.json
  provisiond target --defect filter-ignored --fault html:10
  provisiond target --help                               what every defect and fault does

Beside SCIM at /scim/v2 it has /_standin/users, /_standin/groups and /_standin/requests.",
    after_long_help = faults()
)]
pub struct Args {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Bearer token that is asked for
    #[arg(long, value_name = "T")]
    token: Option<String>,
    /// What kind of target it is
    #[arg(long, value_name = "PROFILE", default_value = "rfc7644")]
    profile: Profile,
    /// File that keeps the accounts; without it they end with the process
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Wait before each answer, such as `50ms`
    #[arg(long, value_name = "D", value_parser = duration)]
    latency: Option<Duration>,
    /// What it does wrong; repeatable
    #[arg(long = "defect", value_name = "NAME", value_parser = defect())]
    defects: Vec<Defect>,
    /// What goes wrong around it; repeatable; `NAME:N` strikes one request in N
    #[arg(long = "fault", value_name = "NAME")]
    faults: Vec<Fault>,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    if args.token.is_none() && !args.listen.ip().is_loopback() {
        eprint("warning[open_target]: without `--token` everybody who reaches this address may change the accounts\n");
    }
    let options = Options {
        profile: args.profile,
        token: args.token.clone(),
        data: args.data.clone(),
        latency: args.latency.unwrap_or_default(),
        defects: args.defects.clone(),
        faults: args.faults.clone(),
        log: if session.global.quiet { RequestLog::Off } else { RequestLog::Stderr },
        ..Options::default()
    };
    let ready = |_: SocketAddr, url: &str| {
        let shown = session
            .output
            .either(|| json!({ "url": url }), |_| format!("listening on {url}; Ctrl-C ends it\n"))
            .and_then(|()| session.output.flush());
        if let Err(error) = shown {
            tracing::warn!(%error, "the address could not be printed");
        }
    };
    block_on(async {
        let stop = stop_token();
        mock::run(args.listen, options, ready, stop.cancelled_owned()).await.map_err(|error| {
            CliError::usage("listen", format!("the stand-in cannot run on `{}`: {error}", args.listen))
                .with_help("choose another address with `--listen`, or another file with `--data`")
        })
    })?;
    Ok(Status::Done)
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    parsed.ok_or_else(|| "write it as `50ms`, `2s` or `PT0.05S`".to_owned())
}

fn defect() -> impl TypedValueParser<Value = Defect> {
    let names = mock::defects().iter().map(|row| PossibleValue::new(row.name).help(row.about));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Defect>())
}

fn faults() -> String {
    let rows = mock::faults().iter().map(|row| format!("  {:22} {}\n", row.name, row.about));
    format!(
        "Faults:\n{}\nExamples:\n  provisiond target\n  provisiond target --profile kintone --token secret --data accounts.json\n",
        rows.collect::<String>()
    )
}
