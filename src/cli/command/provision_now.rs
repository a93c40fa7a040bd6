//! `provision-now`: on-demand provisioning (service.md 19).

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on};
use super::super::signals::stop_token;
use crate::cycle::{Clock, MOST_MEMBERS, OnDemandOptions};
use crate::report::{OnDemandRow, on_demand_json, text};

/// Provisions single people now and explains every step
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provision-now --user taro@example.jp             by login name, mail or immutable id
  provision-now --user taro@example.jp --dry-run   the same, without writing anything
  provision-now --user taro --user hanako          several people
  provision-now --file leavers.txt --output json   one id a line
  provision-now --group Sales                      a group and the first changes of its members
  provision-now --group Sales --member taro@example.jp --member hanako@example.jp
  provision-now --group Sales --all-members

Works while the daemon runs and while a cycle is under way. A person whose deprovisioning is staged is refused without
--force.")]
pub struct Args {
    /// Person, by the immutable id, the source attribute behind the first matching attribute, or `mail`; repeatable
    #[arg(long = "user", value_name = "ID", required_unless_present_any = ["file", "group", "bare"])]
    users: Vec<String>,
    /// Names without an option: what they are is asked back
    #[arg(hide = true)]
    bare: Vec<String>,
    /// File that names people one a line; empty lines and lines with `#` are left out
    #[arg(long, value_name = "IDS.txt")]
    file: Option<PathBuf>,
    /// Group, by the immutable id or the source attribute behind its first matching attribute
    #[arg(long, value_name = "ID", conflicts_with_all = ["users", "file"])]
    group: Option<String>,
    /// Member to send with the group, named like a person; repeatable, at most 5 without --all-members. Without it the
    /// first 5 changes are sent
    #[arg(long = "member", value_name = "ID", requires = "group")]
    members: Vec<String>,
    /// Sends any number of members
    #[arg(long, requires = "group")]
    all_members: bool,
    /// Sends reads only and shows what would be sent
    #[arg(long)]
    dry_run: bool,
    /// Also carries out a deprovisioning that awaits approval
    #[arg(long)]
    force: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    if let Some(name) = args.bare.first() {
        let message = format!("`{name}` stands there without an option");
        return Err(CliError::usage("unexpected_argument", message)
            .with_help(format!("name a person with `--user {name}`, a group with `--group {name}`")));
    }
    let mut ids = args.users.clone();
    if let Some(path) = &args.file {
        ids.extend(ids_of(path)?);
    }
    ids.extend(args.group.clone());
    if args.members.len() > MOST_MEMBERS && !args.all_members {
        let message = format!("{} members are named, and one run sends at most {MOST_MEMBERS}", args.members.len());
        return Err(CliError::usage("too_many_members", message).with_help("add `--all-members`"));
    }
    if ids.is_empty() {
        return Err(CliError::usage("nobody_named", "the file names nobody").with_help("write one id a line"));
    }
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    let context = opened.context(job)?;
    let options = OnDemandOptions { dry_run: args.dry_run, force: args.force, all_members: args.all_members };
    let answers = block_on(async {
        Ok(match &args.group {
            Some(group) => {
                vec![opened.service.provision_group(job, group, &args.members, options, stop_token()).await?]
            }
            None => opened.service.provision_now(job, &ids, options, stop_token()).await?,
        })
    })?;

    let mut status = Status::Done;
    let mut documents = Vec::new();
    for (index, answer) in answers.iter().enumerate() {
        let row = OnDemandRow { id: &answer.id, entry: answer.entry.as_ref(), error: answer.error.as_ref() };
        status = status
            .max(answer.error.as_ref().map_or(Status::Done, Status::of_run_error))
            .max(answer.entry.as_ref().map_or(Status::Done, Status::of_entry));
        if session.output.is_json() {
            documents.push(on_demand_json(row, &context));
            continue;
        }
        let style = session.output.style();
        let mut story = if index > 0 { "\n".to_owned() } else { String::new() };
        if let Some(entry) = row.entry {
            story.push_str(&text::entry_text(entry, style));
        }
        if let Some(error) = row.error {
            story.push_str(&text::not_evaluated_text(row.id, error, style));
        }
        session.output.text(&story)?;
    }
    if session.output.is_json() {
        // One person gives one document, several an array (contract.md 5).
        let document = if ids.len() == 1 { documents.pop().unwrap_or(Value::Null) } else { Value::Array(documents) };
        session.output.json(&document)?;
    }
    Ok(status)
}

fn ids_of(path: &Path) -> Result<Vec<String>, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::io("read", path, &error))?;
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}
