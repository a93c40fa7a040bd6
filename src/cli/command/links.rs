//! `links`: stored links between source and target objects (service.md 10).

use serde_json::{Value, json};

use super::super::error::{CliError, Status};
use super::super::session::Session;
use crate::cycle::Clock;
use crate::report::text::LinkTable;
use crate::report::{LinkRow, link_json};
use crate::store::StoredLink;

/// Shows and removes stored links between people and accounts
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond links list
  provisiond links show taro-id       by either side's identifier
  provisiond pause
  provisiond links remove taro-id     while the job is paused; then mend the data,
  provision-now --user taro-id        which matches the person again,
  provisiond start")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Shows every link
    List,
    /// Shows the link of one object
    Show {
        /// Source anchor or target identifier
        id: String,
    },
    /// Forgets the link of one object; the target is not touched
    Remove {
        /// Source anchor or target identifier
        id: String,
    },
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    let store = opened.service.store();
    let key = store.job(&job.name)?;
    let find = |id: &str| -> Result<StoredLink, CliError> {
        store.link(key, id)?.ok_or_else(|| {
            CliError::usage("link_unknown", format!("no link has the identifier `{id}`"))
                .with_help("`provisiond links list` shows all of them")
        })
    };
    match &args.what {
        What::List => show(session, |each| Ok(store.each_link(key, &mut |link| each(row(link)))?))?,
        What::Show { id } => {
            let link = row(find(id)?);
            show(session, |each| {
                each(link.clone());
                Ok(())
            })?;
        }
        What::Remove { id } => {
            let removed = opened.service.remove_link(job, id)?;
            session.output.either(
                || json!({ "ok": true, "removed": removed.iter().cloned().map(row).map(|link| link_json(&link)).collect::<Value>() }),
                |_| match &removed {
                    Some(link) => format!("the link of `{}` with `{}` is removed\n", link.source, link.target),
                    None => format!("no link has the identifier `{id}`: nothing is removed\n"),
                },
            )?;
        }
    }
    Ok(Status::Done)
}

/// Prints links as `all` gives them, which may be asked twice.
fn show(session: &Session, all: impl Fn(&mut dyn FnMut(LinkRow)) -> Result<(), CliError>) -> Result<(), CliError> {
    let output = &session.output;
    let mut table = LinkTable::default();
    let mut opening = "[";
    if !output.is_json() {
        all(&mut |link| table.fit(&link))?;
        output.text(&table.heading())?;
    }
    let mut written = Ok(());
    all(&mut |link| {
        if written.is_ok() {
            written = match output.is_json() {
                true => output.text(&format!("{}{}", std::mem::replace(&mut opening, ",\n"), link_json(&link))),
                false => output.text(&table.line(&link)),
            };
        }
    })?;
    written?;
    if output.is_json() {
        output.text(if opening == "[" { "[]\n" } else { "]\n" })?;
    }
    Ok(())
}

fn row(link: StoredLink) -> LinkRow {
    LinkRow { source_anchor: link.source.0, target_anchor: link.target.0, kind: link.kind, state: link.state }
}
