//! `verify`: drift of linked accounts (service.md D-40).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::error::{CliError, Status};
use super::super::session::{Session, block_on};
use crate::cycle::Clock;
use crate::model::{Drift, DriftState};
use crate::report::{drift_json, text};

/// Reads every linked account and reports where it differs from the source; writes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond verify                   who differs, is switched off by hand, or is gone
  provisiond verify --output json | jq '.objects[] | select(.state != \"same\")'

Exit status: 0 everybody could be read, 1 some could not, 3 the target cannot be reached, 6 the source was refused.")]
pub struct Args {}

pub fn run(_: &Args, session: &Session) -> Result<Status, CliError> {
    let opened = session.open(Clock::System)?;
    let job = session.job(&opened.config)?;
    let mut objects: Vec<Value> = Vec::new();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut broken = None;
    let mut each = |drift: Drift| {
        let name = match drift.state {
            DriftState::Same => "same",
            DriftState::Differs => "differ",
            DriftState::Missing => "missing",
            DriftState::Inactive => "inactive",
        };
        *counts.entry(name).or_default() += 1;
        if session.output.is_json() {
            objects.push(drift_json(&drift));
        } else if drift.state != DriftState::Same && broken.is_none() {
            broken = session.output.text(&text::drift_text(&drift, session.output.style())).err();
        }
    };
    let walk = block_on(async { Ok(opened.service.verify(job, &mut each).await?) })?;
    if let Some(error) = broken {
        return Err(error.into());
    }
    if session.output.is_json() {
        let failures: Vec<Value> = walk
            .failures
            .iter()
            .map(|(source, error)| json!({ "source": source, "code": error.code, "message": error.message }))
            .collect();
        session.output.json(&json!({ "objects": objects, "failures": failures }))?;
    } else {
        for (source, error) in &walk.failures {
            session.output.text(&format!("unread  {source}: {}: {}\n", error.code, error.message))?;
        }
        let shown: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let shown = if shown.is_empty() { "no linked account".to_owned() } else { shown.join(", ") };
        session.output.text(&format!("{shown}\n"))?;
    }
    super::ended(&walk)
}
