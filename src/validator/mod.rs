//! Drives a SCIM endpoint as the clients would and reports what is wrong with it (validator.md 3).
//!
//! [`validate`] runs the checks of [`CHECKS`]; each makes its own resources under a run prefix, reads back after every
//! write by a request of its own, and removes what it made, even after an interruption. [`judge`] judges one recorded
//! exchange by the same rules.

mod answer;
mod checks;
mod conversation;
mod judge;
mod location;
mod mapped;
mod probe;
mod report;
mod state;
mod suited;
mod table;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub use answer::{Answer, Standing};
pub use conversation::{Exchange, Finding, Form};
pub use judge::{Judgement, Seen, Status, judge};
pub use mapped::ids as mapping_ids;
pub use probe::{Fit, Learned, Probed, probe};
pub use report::{Report, Row};
pub use table::{About, CHECKS, Check, Severity};

use conversation::Conversation;

use crate::config::MappingFile;
use crate::model::ObjectKind;
use crate::target::{Auth, Client, Settings, SetupFault};
use crate::wire::{Fault, TenantUrl};

/// What to validate.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Ids of checks; empty for all.
    pub only: Vec<String>,
    /// Forms to try; empty for all.
    pub forms: Vec<Form>,
    /// The endpoint is Kintone, with its own expectations (wire.md 20).
    pub kintone: bool,
    /// The attributes to keep to, each with a check of its own (`M-01`, …); `None` takes everything as mapped.
    pub mapping: Option<Arc<MappingFile>>,
    /// Sends bursts, to learn how the endpoint throttles.
    pub load: bool,
    /// What the names of everything that is made begin with.
    pub prefix: String,
}

/// Why a validation could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Unreached {
    #[error(transparent)]
    Setup(#[from] SetupFault),
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The credentials are refused.
    #[error("the endpoint refuses the credentials with {0}")]
    Refused(u16),
}

/// The checks that need an attribute to be mapped.
const NEEDS: [(&str, &str); 15] = [
    ("C-16", "manager"),
    ("C-28", "manager"),
    ("C-26", "enterprise:2.0:User:department"),
    ("C-31", "roles"),
    ("C-32", "roles"),
    ("C-07", "emails[type eq \"work\"].value"),
    ("C-25", "emails[type eq \"work\"].value"),
    ("C-33", "emails[type eq \"work\"].value"),
    ("C-34", "emails"),
    ("C-35", "emails"),
    ("C-41", "externalId"),
    ("C-27", "displayName"),
    ("C-38", "displayName"),
    ("C-53", "name.formatted"),
    ("C-54", "displayName"),
];

/// Runs the checks against the endpoint of `url`; `progress` hears of each that is done.
///
/// Fails only where the endpoint cannot be reached or refuses the credentials, before anything was made.
pub async fn validate(
    settings: &Settings,
    url: &TenantUrl,
    plan: &Plan,
    stop: CancellationToken,
    mut progress: impl FnMut(&Row),
) -> Result<Report, Unreached> {
    let client = Client::new(settings)?;
    let open = matches!(settings.auth, Auth::None);
    let mut conversation = Conversation::new(client, url.clone(), stop, plan.prefix.clone());
    conversation.kintone = plan.kintone;
    conversation.load = plan.load;
    conversation.open = open;
    conversation.mapping.clone_from(&plan.mapping);
    reach(&mut conversation, plan).await?;
    let mut rows = Vec::new();
    for check in CHECKS.iter().filter(|check| plan.only.is_empty() || plan.only.iter().any(|id| id == check.id)) {
        let row = one(&mut conversation, check, plan).await;
        progress(&row);
        rows.push(row);
    }
    if let Some(mapping) = &plan.mapping {
        let wanted = |id: &str| plan.only.is_empty() || plan.only.iter().any(|only| only == id);
        let forms: Vec<Form> =
            Form::ALL.into_iter().filter(|form| plan.forms.is_empty() || plan.forms.contains(form)).collect();
        for row in mapped::check(&mut conversation, mapping, wanted, &forms).await {
            progress(&row);
            rows.push(row);
        }
    }
    let (groups, interrupted) = (conversation.groups, conversation.interrupted());
    Ok(Report { rows, left_behind: conversation.close().await, groups, interrupted })
}

/// Finds out whether there is anybody at the other end, and whether groups are offered.
async fn reach(conversation: &mut Conversation, plan: &Plan) -> Result<(), Unreached> {
    let fault = |finding: Finding| Unreached::Fault(Fault::new(crate::wire::FaultKind::Connect, finding.observed));
    let nobody = uuid::Uuid::new_v4().to_string();
    let users = conversation.find(Form::Legacy, ObjectKind::User, "userName", &nobody).await.map_err(fault)?;
    let asks_for_token = plan.only.iter().any(|id| id == "C-49");
    if matches!(users.status, 401 | 403) && !asks_for_token {
        return Err(Unreached::Refused(users.status));
    }
    let groups = conversation.find(Form::Legacy, ObjectKind::Group, "displayName", &nobody).await.map_err(fault)?;
    let filtered = groups.status == 404 && conversation.get("/Groups", "").await.map_err(fault)?.status == 200;
    let mapped = plan.mapping.as_ref().is_none_or(|mapping| mapping.groups.is_some());
    conversation.groups = (groups.status != 404 || filtered) && !plan.kintone && mapped;
    Ok(())
}

async fn one(conversation: &mut Conversation, check: &'static Check, plan: &Plan) -> Row {
    let mut row = Row::new(check.about());
    let unmapped = NEEDS.iter().find(|(id, attribute)| *id == check.id && !conversation.maps_any(attribute));
    if let Some((_, attribute)) = unmapped {
        row.add(check.forms[0], Err(Finding::not_here(format!("the mapping sends no `{attribute}`"))));
        return row;
    }
    let wanted = |form: &Form| plan.forms.is_empty() || plan.forms.contains(form) || !check.hits.is_empty();
    for form in check.forms.iter().copied().filter(wanted) {
        conversation.last = None;
        let ended = (check.run)(conversation, form).await;
        let last = conversation.last.take();
        row.exchange = row.exchange.take().or_else(|| last.map(Box::new));
        row.add(form, ended);
        conversation.tidy().await;
        if conversation.interrupted() {
            break;
        }
    }
    row
}
