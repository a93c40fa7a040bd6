//! `validate`: the offline SCIM validator (validator.md 3).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use serde_json::json;

use super::super::args::Format;
use super::super::error::{CliError, Status};
use super::super::reach::Reach;
use super::super::session::{Session, block_on, eprint};
use super::super::signals::stop_token;
use crate::config::MappingFile;
use crate::mapping::{GENERIC, KINTONE, Known};
use crate::validator::{self, CHECKS, Form, Plan, Unreached};
use crate::wire::Profile;

/// Drives a SCIM endpoint exactly as Entra and Okta would and reports every check
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond validate https://app.example.com/scim/v2 --token env:SCIM_TOKEN
  provisiond validate http://127.0.0.1:8080/scim/v2 --only C-05,C-09
  provisiond validate https://x.kintone.com/scim/v2 --profile kintone --token file:token.txt --output junit > report.xml
  provisiond validate https://app.example.com/scim/v2 --token env:SCIM_TOKEN --mapping mappings/app.yaml
  provisiond validate --target target.yaml       OAuth, a client certificate, a proxy: as in a job's configuration
  provisiond validate --list

It makes users and groups of its own, named `provisiond-validate-…`, and deletes them, also after Ctrl-C.
Exit status: 1 where a check fails without which Entra or Okta does not work, 3 where the endpoint is not reached.")]
pub struct Args {
    /// Tenant URL of the endpoint
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// What kind of endpoint it is; by default as the `target:` block says
    #[arg(long, value_enum)]
    profile: Option<Kind>,
    /// Tries one dialect's forms only: `entra-legacy`, `entra-2020`, `okta-oin`, `okta-aiw` or `strict`
    #[arg(long, value_name = "DIALECT", value_parser = form)]
    dialect: Option<Form>,
    /// Mapping file: every attribute that it sends gets a check of its own, others are left alone
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Ids of checks, such as `C-05,C-09`
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    only: Vec<String>,
    /// Lists the checks and ends
    #[arg(long)]
    list: bool,
    /// Sends bursts too, to learn how the endpoint slows a client down
    #[arg(long)]
    load: bool,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Kind {
    #[default]
    #[value(alias = "generic")]
    Rfc7644,
    Kintone,
}

fn form(text: &str) -> Result<Form, String> {
    let known = || Form::ALL.map(|form| form.dialect().name).join("`, `");
    Form::ALL.into_iter().find(|form| form.dialect().name == text).ok_or_else(|| format!("write one of `{}`", known()))
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    if args.list {
        return list(session);
    }
    let reached = args.reach.read(args.url.as_deref(), session)?;
    let by_block = if reached.profile == Profile::Kintone { Kind::Kintone } else { Kind::Rfc7644 };
    let kind = args.profile.unwrap_or(by_block);
    let mapping = args.mapping.as_deref().map(|path| mapping(path, kind)).transpose()?;
    let mut known: Vec<String> = CHECKS.iter().map(|check| check.id.to_owned()).collect();
    known.extend(mapping.iter().flat_map(validator::mapping_ids));
    if let Some(wrong) = args.only.iter().find(|id| !known.contains(id)) {
        return Err(CliError::usage("check_unknown", format!("there is no check `{wrong}`"))
            .with_help("`provisiond validate --list` names them all; `M-01` and so on come with a `--mapping`"));
    }
    let plan = Plan {
        only: args.only.clone(),
        forms: args.dialect.into_iter().collect(),
        kintone: kind == Kind::Kintone,
        mapping: mapping.map(Arc::new),
        load: args.load,
        prefix: format!("provisiond-validate-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]),
    };
    let bar = session.output.bar();
    bar.set_length(if plan.only.is_empty() { known.len() } else { plan.only.len() } as u64);
    let report = block_on(async {
        let stop = stop_token();
        let validated = validator::validate(&reached.settings, &reached.url, &plan, stop, |_| bar.inc(1)).await;
        validated.map_err(|error| unreached(&error))
    })?;
    bar.finish_and_clear();
    match session.output.format {
        Format::Text => session.output.text(&report.text())?,
        Format::Json => session.output.json(&report.to_json())?,
        Format::Junit => session.output.text(&report.junit())?,
    }
    if !report.left_behind.is_empty() {
        eprint("warning[left_behind]: not everything that was made could be deleted\n");
    }
    Ok(match (report.interrupted, report.must_failed()) {
        (true, _) => Status::Interrupted,
        (false, true) => Status::ObjectsFailed,
        (false, false) => Status::Done,
    })
}

/// The endpoint is not reached, or does not let us in.
pub(super) fn unreached(error: &Unreached) -> CliError {
    let code = match error {
        Unreached::Setup(_) => "setup",
        Unreached::Fault(_) => "WebExceptionProtocolError",
        Unreached::Refused(_) => "Unauthorized",
    };
    CliError::new(Status::TargetUnavailable, code, error.to_string())
        .with_help("check the URL, the token and the network")
}

fn list(session: &Session) -> Result<Status, CliError> {
    let document = || {
        let rows = CHECKS.iter().map(|check| {
            let forms: Vec<&str> = check.forms.iter().map(|form| form.dialect().name).collect();
            json!({ "id": check.id, "name": check.name, "title": check.title, "severity": check.severity.as_str(),
                "dialects": forms, "reference": check.reference })
        });
        json!({ "checks": rows.collect::<Vec<_>>() })
    };
    let text = || {
        let rows = CHECKS
            .iter()
            .map(|check| format!("{} {:6} {:20} {}\n", check.id, check.severity.as_str(), check.name, check.title));
        rows.collect::<String>()
    };
    session.output.either(document, |_| text())?;
    Ok(Status::Done)
}

fn mapping(path: &Path, kind: Kind) -> Result<MappingFile, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::io("read", path, &error))?;
    let rules = match kind {
        Kind::Rfc7644 => &GENERIC,
        Kind::Kintone => &KINTONE,
    };
    let (file, problems) = MappingFile::read(&path.display().to_string(), &text, rules, &Known::default());
    file.ok_or_else(|| CliError::of_problems(problems))
}
