//! Drives a SCIM endpoint as the clients would and reports what is wrong with it (validator.md 3).
//!
//! [`validate`] runs the checks of [`CHECKS`]; each makes its own resources under a run prefix, reads back after every
//! write by a request of its own, and removes what it made, even after an interruption. [`judge`] judges one recorded
//! exchange by the same rules.

mod checks;
mod conversation;
mod judge;
mod report;
mod state;
mod table;

use tokio_util::sync::CancellationToken;

pub use conversation::{Exchange, Finding, Form};
pub use judge::{Judgement, Seen, Status, judge};
pub use report::{Answer, Report, Row};
pub use table::{CHECKS, Check, Severity};

use conversation::Conversation;

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
    /// Target paths that a mapping sends; checks of others are left out. `None` takes all as mapped.
    pub mapped: Option<Vec<String>>,
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
const NEEDS: [(&str, &str); 9] = [
    ("C-16", "manager"),
    ("C-28", "manager"),
    ("C-26", "urn:"),
    ("C-31", "roles"),
    ("C-32", "roles"),
    ("C-07", "emails"),
    ("C-25", "emails"),
    ("C-35", "emails"),
    ("C-41", "externalId"),
];

/// Groups, roles and the like, which a Kintone-like endpoint does not have (wire.md 20.1).
const NOT_IN_KINTONE: [&str; 16] = [
    "C-09", "C-10", "C-11", "C-28", "C-29", "C-30", "C-33", "C-34", "C-35", "C-40", "C-51", "C-56", "C-60", "C-61",
    "C-62", "C-27",
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
    reach(&mut conversation, plan).await?;
    let mut rows = Vec::new();
    for check in CHECKS.iter().filter(|check| plan.only.is_empty() || plan.only.iter().any(|id| id == check.id)) {
        let row = one(&mut conversation, check, plan).await;
        progress(&row);
        rows.push(row);
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
    conversation.groups = (groups.status != 404 || filtered) && !plan.kintone;
    Ok(())
}

async fn one(conversation: &mut Conversation, check: &'static Check, plan: &Plan) -> Row {
    let mut row = Row::new(check);
    let unmapped = NEEDS.iter().find(|(id, attribute)| {
        let mapped = |path: &String| path.to_ascii_lowercase().contains(&attribute.to_ascii_lowercase());
        *id == check.id && plan.mapped.as_ref().is_some_and(|paths| !paths.iter().any(mapped))
    });
    if let Some((_, attribute)) = unmapped {
        row.add(check.forms[0], Err(Finding::skip(format!("the mapping sends no `{attribute}`"))));
        return row;
    }
    if plan.kintone && NOT_IN_KINTONE.contains(&check.id) {
        row.add(check.forms[0], Err(Finding::skip("Kintone has no such thing (wire.md 20.1)")));
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
