//! `validate`: the offline SCIM validator (validator.md 3).

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use secrecy::SecretString;
use serde_json::json;

use super::super::args::Format;
use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on, eprint};
use super::super::signals::stop_token;
use crate::config::MappingFile;
use crate::mapping::{GENERIC, KINTONE, Known};
use crate::target::{Auth, Settings};
use crate::validator::{self, CHECKS, Form, Plan, Unreached};
use crate::wire::{Reading, TenantUrl};

/// Drives a SCIM endpoint exactly as Entra and Okta would and reports every check
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond validate https://app.example.com/scim/v2 --token env:SCIM_TOKEN
  provisiond validate http://127.0.0.1:8080/scim/v2 --only C-05,C-09
  provisiond validate https://x.kintone.com/scim/v2 --profile kintone --token file:token.txt --output junit > report.xml
  provisiond validate --list

It makes users and groups of its own, named `provisiond-validate-…`, and deletes them, also after Ctrl-C.
Exit status: 1 where a check fails without which Entra or Okta does not work, 3 where the endpoint is not reached.")]
pub struct Args {
    /// Tenant URL of the endpoint
    #[arg(value_name = "URL", required_unless_present = "list")]
    url: Option<String>,
    /// Bearer token: `env:NAME`, `file:PATH` or the text itself, which others see in the list of processes
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// What kind of endpoint it is
    #[arg(long, value_enum, default_value_t)]
    profile: Kind,
    /// Tries one dialect's forms only: `entra-legacy`, `entra-2020`, `okta-oin` or `strict`
    #[arg(long, value_name = "DIALECT", value_parser = form)]
    dialect: Option<Form>,
    /// Mapping file: checks of attributes that it does not send are left out
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Kind {
    #[default]
    Rfc7644,
    Kintone,
}

fn form(text: &str) -> Result<Form, String> {
    let known = || Form::ALL.map(|form| form.dialect().name).join("`, `");
    Form::ALL.into_iter().find(|form| form.dialect().name == text).ok_or_else(|| format!("write one of `{}`", known()))
}

/// Reads a token as it is given to the commands that take one.
fn token(text: &str) -> Result<SecretString, CliError> {
    if let Some(name) = text.strip_prefix("env:") {
        let found = std::env::var(name).map_err(|_| {
            CliError::usage("token_missing", format!("the variable `{name}` is not set"))
                .with_help("set it, or give the token as `file:PATH`")
        })?;
        return Ok(SecretString::from(found));
    }
    if let Some(path) = text.strip_prefix("file:") {
        let path = Path::new(path);
        let read = std::fs::read_to_string(path).map_err(|error| CliError::io("read", path, &error))?;
        return Ok(SecretString::from(read.trim_end_matches(['\r', '\n']).to_owned()));
    }
    Ok(SecretString::from(text.to_owned()))
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    if args.list {
        return list(session);
    }
    if let Some(wrong) = args.only.iter().find(|id| !CHECKS.iter().any(|check| check.id == **id)) {
        return Err(CliError::usage("check_unknown", format!("there is no check `{wrong}`"))
            .with_help("`provisiond validate --list` names them all"));
    }
    let text = args.url.as_deref().unwrap_or_default();
    let url = TenantUrl::parse(text, Reading { allow_insecure_http: true, ..Reading::default() })
        .map_err(|fault| CliError::usage("url", fault.message).with_help(fault.help))?;
    let mut settings = Settings::new(url.base.clone());
    if let Some(text) = &args.token {
        settings.auth = Auth::Bearer(token(text)?);
    }
    let plan = Plan {
        only: args.only.clone(),
        forms: args.dialect.into_iter().collect(),
        kintone: args.profile == Kind::Kintone,
        mapped: args.mapping.as_deref().map(|path| mapped(path, args.profile)).transpose()?,
        load: args.load,
        prefix: format!("provisiond-validate-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]),
    };
    let bar = session.output.bar();
    bar.set_length(if plan.only.is_empty() { CHECKS.len() } else { plan.only.len() } as u64);
    let report = block_on(async {
        let stop = stop_token();
        validator::validate(&settings, &url, &plan, stop, |_| bar.inc(1)).await.map_err(|error| {
            let code = match &error {
                Unreached::Setup(_) => "setup",
                Unreached::Fault(_) => "WebExceptionProtocolError",
                Unreached::Refused(_) => "Unauthorized",
            };
            CliError::new(Status::TargetUnavailable, code, error.to_string())
                .with_help("check the URL, the token and the network")
        })
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

/// The target paths that a mapping file sends.
fn mapped(path: &Path, kind: Kind) -> Result<Vec<String>, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::io("read", path, &error))?;
    let rules = match kind {
        Kind::Rfc7644 => &GENERIC,
        Kind::Kintone => &KINTONE,
    };
    let (file, problems) = MappingFile::read(&path.display().to_string(), &text, rules, &Known::default());
    let Some(file) = file else { return Err(CliError::of_problems(problems)) };
    let objects = std::iter::once(&file.users).chain(&file.groups);
    let rules = objects.flat_map(|object| object.mapping.attributes());
    Ok(rules.map(|mapping| mapping.rule.path.as_str().to_owned()).collect())
}
