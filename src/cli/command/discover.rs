//! `discover`: whose are the accounts of the target (service.md 22.3).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on, eprint};
use crate::cycle::Clock;
use crate::model::{Account, AccountState};
use crate::report::{account_json, text};

/// Lists every account of the target: local, of somebody who is not assigned, or assigned; writes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond discover                 before the first cycle: whose accounts are there already
  provisiond discover --output json | jq '.accounts[] | select(.state == \"local\")'

The first matching attribute alone decides. The target must answer in pages; a warning says where its pages do not
add up, and the list may be incomplete.")]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    let mut accounts: Vec<Value> = Vec::new();
    let mut counts: BTreeMap<AccountState, u64> =
        [AccountState::Local, AccountState::Unassigned, AccountState::Assigned].map(|state| (state, 0)).into();
    let mut broken = None;
    let mut each = |account: Account| {
        *counts.entry(account.state).or_default() += 1;
        if session.output.is_json() {
            accounts.push(account_json(&account));
        } else if broken.is_none() {
            broken = session.output.text(&text::account_text(&account, session.output.style())).err();
        }
    };
    let walk = block_on(async { Ok(opened.service.discover(job, &mut each).await?) })?;
    if let Some(error) = broken {
        return Err(error.into());
    }
    let of = |state: AccountState| counts.get(&state).copied().unwrap_or(0);
    let (local, unassigned, assigned) =
        (of(AccountState::Local), of(AccountState::Unassigned), of(AccountState::Assigned));
    session.output.either(
        || {
            json!({
                "counts": { "local": local, "unassigned": unassigned, "assigned": assigned },
                "accounts": accounts,
                "warnings": walk
                    .warnings
                    .iter()
                    .map(|(code, message)| json!({ "code": code, "message": message }))
                    .collect::<Vec<Value>>(),
            })
        },
        |_| format!("{local} local, {unassigned} unassigned, {assigned} assigned\n"),
    )?;
    if !session.output.is_json() && !session.global.quiet {
        walk.warnings.iter().for_each(|(code, message)| eprint(&format!("warning[{code}]: {message}\n")));
    }
    super::ended(&walk)
}
