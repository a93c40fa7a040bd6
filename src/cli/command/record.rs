//! `record`: a proxy that keeps what passes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use super::super::error::{CliError, Status};
use super::super::reach::{Reach, unusable};
use super::super::session::{Session, block_on, eprint};
use super::super::signals::stop_token;
use crate::recording::{self, Heard, Recorder};
use crate::report::plain;
use crate::target::{Auth, Relay};

/// Without a `timeout` of the endpoint's own the client decides how long it waits.
const PATIENCE: Duration = Duration::from_secs(600);

/// Passes a conversation with an endpoint on and keeps it as a HAR file, without its secrets
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond record --to https://app.example.com/scim/v2 --out monday.har
  provisiond record --listen 127.0.0.1:9000 --to http://127.0.0.1:8080/scim/v2 --out run.har

Point the client at the address that is printed instead of the endpoint; its own credentials are passed on, or, with
`--token` or `--target`, those given here are sent instead. Tokens, passwords and cookies do not reach the file, people's data does.
The file is whole after every exchange. Ctrl-C or SIGTERM ends it.")]
pub struct Args {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Tenant URL of the endpoint
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// File to write; one that holds something is left alone
    #[arg(long, value_name = "FILE.har", default_value = "recording.har")]
    out: PathBuf,
    #[command(flatten)]
    reach: Reach,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let mut reached = args.reach.read(args.to.as_deref(), session)?;
    if reached.block.get("timeout").is_none() {
        reached.settings.timeout = PATIENCE;
    }
    if !args.listen.ip().is_loopback() && !matches!(reached.settings.auth, Auth::None) {
        eprint(
            "warning[open_proxy]: everybody who reaches this address speaks to the endpoint with these credentials\n",
        );
    }
    let (kept, lost) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let quiet = session.global.quiet;
    let heard = {
        let (kept, lost) = (kept.clone(), lost.clone());
        move |heard: &Heard| {
            let missed = heard.trouble.as_deref().is_some_and(|trouble| trouble.starts_with("not kept"));
            if missed { &lost } else { &kept }.fetch_add(1, Ordering::Relaxed);
            if !quiet || missed {
                eprint(&line(heard));
            }
        }
    };
    block_on(async {
        let stop = stop_token();
        let listener = tokio::net::TcpListener::bind(args.listen).await.map_err(|error| {
            CliError::usage("listen", format!("`{}` cannot be listened on: {error}", args.listen))
                .with_help("choose another address with `--listen`")
        })?;
        let address = listener.local_addr()?;
        let relay = Relay::new(&reached.settings).map_err(|fault| unusable(&fault))?;
        let recorder = Recorder::create(&args.out, &reached.url.base, heard).map_err(|error| {
            CliError::io("written", &args.out, &error).with_help("choose another file with `--out`")
        })?;
        let url = format!("http://{address}{}", relay.prefix());
        let out = args.out.display().to_string();
        session.output.either(
            || json!({ "url": url, "to": reached.url.base, "out": out }),
            |_| format!("listening on {url} for {}, writing {out}; Ctrl-C ends it\n", reached.url.base),
        )?;
        session.output.flush()?;
        recording::record(listener, relay, recorder, stop).await;
        Ok(())
    })?;
    let (kept, lost) = (kept.load(Ordering::Relaxed), lost.load(Ordering::Relaxed));
    if !quiet {
        eprint(&format!("{kept} exchanges in {}\n", args.out.display()));
    }
    Ok(if lost > 0 { Status::ObjectsFailed } else { Status::Done })
}

fn line(heard: &Heard) -> String {
    let status = heard.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let trouble = heard.trouble.as_deref().map(|trouble| format!(" ({})", plain(trouble))).unwrap_or_default();
    format!("{} {} {status} {} ms{trouble}\n", heard.method, plain(&heard.path), heard.milliseconds)
}
