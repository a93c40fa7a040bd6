//! The log entry of one evaluation (service.md 20).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::line::Line;
use super::standing::Standing;
use super::transcript::Transcript;
use crate::mapping::canonical;
use crate::model::{
    Change, Deletion, Detail, Details, Entry, Failure, Identity, Link, LinkState, LoggedAction, LoggedStatus,
    ModifiedProperty, Mutability, ObjectKind, Operation, Resource, Retry, SourceObject, SourceState, SourceValue, Step,
    StepKind, TargetId, Trigger, Word,
};
use crate::plan::{Decision, Reason};
use crate::scoping::Verdict;
use crate::store::ObjectRow;

/// Shown instead of a redacted value (expressions.md 4).
pub(super) const REDACTED: &str = "[Redact]";
/// Values of a list that are shown.
const SHOWN: usize = 50;

/// What is known of an evaluation when it is recorded.
pub(super) struct Recorded<'a> {
    pub object: &'a SourceObject,
    pub row: Option<&'a ObjectRow>,
    pub standing: Option<&'a Standing>,
    pub scoping: Option<Verdict<'a>>,
    pub decision: &'a Decision,
    pub failure: Option<(Operation, &'a Failure)>,
    pub retry: Option<Retry>,
    pub target: Option<&'a TargetId>,
    pub matched: Option<&'a Resource>,
    pub transcript: &'a Transcript,
    pub began: Instant,
}

/// Skips without a link are noise unless somebody asked (D-55).
pub(super) fn is_logged<T>(line: &Line<'_, T>, decision: &Decision, failed: bool, link_before: &Link) -> bool {
    let known = line.run.trigger == Trigger::OnDemand || line.verbose_skips || *link_before != Link::None;
    match decision {
        Decision::Create { .. } | Decision::Update { .. } | Decision::Disable { .. } | Decision::Delete { .. } => true,
        Decision::Fail(_) => true,
        Decision::Skip { link_after, .. } => failed || known || *link_after != Link::None,
        Decision::Pass(_) => failed,
    }
}

pub(super) fn entry<T>(line: &Line<'_, T>, recorded: Recorded<'_>) -> Entry {
    let object = recorded.object;
    let (action, status) = outcome(&recorded);
    let failure = recorded.failure.map(|(_, failure)| failure.clone());
    let reason = match &failure {
        Some(failure) => failure.code.to_string(),
        None => recorded.decision.reason().to_owned(),
    };
    let id = line.ids.next(line.now());
    let target = recorded.target.map(|target| Identity {
        id: target.as_str().to_owned(),
        display_name: recorded.matched.and_then(Resource::display_name).unwrap_or_default().to_owned(),
        details: Details::new(),
    });
    let mut modified = modified(recorded.decision.changes());
    if matches!(recorded.decision, Decision::Create { .. }) {
        modified.iter_mut().for_each(|one| one.old = None);
    }
    Entry {
        change_id: id.clone(),
        id,
        cycle_id: line.run.cycle_id.clone(),
        at: line.now(),
        duration_ms: u64::try_from(recorded.began.elapsed().as_millis()).unwrap_or(u64::MAX),
        kind: object.kind,
        action,
        status,
        reason,
        failure,
        retry: recorded.retry.clone(),
        source: source_identity(object, recorded.matched),
        target,
        initiator: line.run.initiator.clone(),
        steps: steps(line, &recorded, action, status, &modified),
        modified,
        warnings: recorded.transcript.warnings.clone(),
        exchanges: Vec::new(),
    }
}

fn outcome(recorded: &Recorded<'_>) -> (LoggedAction, LoggedStatus) {
    let action = match recorded.decision {
        Decision::Create { .. } | Decision::Skip { reason: Reason::CreateDisabled, .. } => LoggedAction::Create,
        Decision::Update { .. } | Decision::Skip { reason: Reason::UpdateDisabled, .. } => LoggedAction::Update,
        Decision::Disable { .. } => LoggedAction::Disable,
        Decision::Delete { .. } | Decision::Skip { reason: Reason::DeleteDisabled, .. } => LoggedAction::Delete,
        Decision::Skip { reason: Reason::StagedAction, .. } => LoggedAction::StagedAction,
        Decision::Skip { reason: Reason::StagedDelete, .. } => LoggedAction::StagedDelete,
        Decision::Skip { .. } | Decision::Pass(_) => LoggedAction::Other,
        Decision::Fail(_) => match recorded.failure {
            Some((Operation::Create, _)) => LoggedAction::Create,
            Some((Operation::Update | Operation::Reference, _)) => LoggedAction::Update,
            Some((Operation::Disable, _)) => LoggedAction::Disable,
            Some((Operation::Delete, _)) => LoggedAction::Delete,
            Some((Operation::Evaluate | Operation::Match | Operation::Read, _)) | None => LoggedAction::Other,
        },
    };
    let status = match (recorded.failure, recorded.decision) {
        (Some(_), _) | (None, Decision::Fail(_)) => LoggedStatus::Failure,
        (None, Decision::Skip { .. }) => LoggedStatus::Skipped,
        (None, Decision::Pass(_)) => LoggedStatus::NotEvaluated,
        (None, _) if !recorded.transcript.warnings.is_empty() => LoggedStatus::Warning,
        (None, _) => LoggedStatus::Success,
    };
    (action, status)
}

/// What people are called in the log besides their display name.
pub(super) const LOGGED_NAMES: [&str; 2] = ["userPrincipalName", "mail"];

fn source_identity(object: &SourceObject, matched: Option<&Resource>) -> Identity {
    let mut details = Details::with_capacity(4);
    for name in LOGGED_NAMES {
        if let Some(text) = object.text(name) {
            details.insert(name, text);
        }
    }
    if !object.origin.file.is_empty() {
        details.insert("file", &*object.origin.file);
        details.insert("line", object.origin.line);
    }
    let name = object.text("displayName").or_else(|| object.text("userPrincipalName"));
    Identity {
        id: object.anchor.as_str().to_owned(),
        display_name: name.or_else(|| matched.and_then(Resource::display_name)).unwrap_or_default().to_owned(),
        details,
    }
}

pub(super) fn modified(changes: &[Change]) -> Vec<ModifiedProperty> {
    changes
        .iter()
        .map(|change| {
            let shown = |text: Word| if change.rule.redacted { Word::Constant(REDACTED) } else { text };
            ModifiedProperty {
                name: change.rule.path.word(),
                // What the target never shows is not known to have been nothing.
                old: (change.rule.mutability == Mutability::WriteOnly).then_some(Word::Constant(REDACTED)).or_else(
                    || {
                        change.before.as_ref().map(|before| {
                            shown(match before {
                                Value::String(text) => Word::Own(text.clone()),
                                Value::Bool(flag) => yes(*flag),
                                other => Word::Own(other.to_string()),
                            })
                        })
                    },
                ),
                new: change.set.as_ref().map(|value| shown(value.to_word())),
            }
        })
        .collect()
}

fn yes(flag: bool) -> Word {
    Word::Constant(if flag { "True" } else { "False" })
}

fn steps<T>(
    line: &Line<'_, T>,
    recorded: &Recorded<'_>,
    action: LoggedAction,
    status: LoggedStatus,
    modified: &[ModifiedProperty],
) -> Vec<Step> {
    let mut steps = vec![import(line, recorded)];
    let Some(standing) = recorded.standing else { return steps };
    steps.push(scoping(line, recorded, standing));
    if let Some(step) = matching(recorded) {
        steps.push(step);
    }
    steps.push(processing(line, recorded, standing, action));
    if let Some(step) = export(line, recorded, action, status, modified) {
        steps.push(step);
    }
    steps
}

fn import<T>(line: &Line<'_, T>, recorded: &Recorded<'_>) -> Step {
    let object = recorded.object;
    let absent = object.origin.file.is_empty();
    let name = match (recorded.row, object.deletion) {
        _ if absent => "EntryImportDelete",
        (_, Deletion::Soft | Deletion::Hard) => "EntryImportDelete",
        (None, Deletion::None) => "EntryImportAdd",
        (Some(_), Deletion::None) => "EntryImportUpdate",
    };
    let what = match object.kind {
        ObjectKind::User => "user",
        ObjectKind::Group => "group",
    };
    let description = if absent {
        format!("the {what} is not in the export any more")
    } else {
        format!("read the {what} at {}:{}", object.origin.file, object.origin.line)
    };
    let mut details = Details::with_capacity(object.attributes.len() + 1);
    details.insert("objectId", object.anchor.as_str());
    let kind = line.kind(object.kind);
    for (name, value) in object.attributes.iter().chain(object.rest.iter()) {
        let used = kind.is_some_and(|kind| kind.used.contains(&**name));
        if !used && **name != *"accountEnabled" || **name == *"objectId" {
            continue;
        }
        let hidden = kind.is_some_and(|kind| kind.hidden.contains(&**name));
        let shown = if hidden { Word::Constant(REDACTED).into() } else { Detail::from(source_value(value)) };
        details.insert(Arc::clone(name), shown);
    }
    step(StepKind::Import, name, LoggedStatus::Success, description, details)
}

pub(super) fn source_value(value: &SourceValue) -> Value {
    match value {
        SourceValue::Text(text) => Value::from(text.as_str()),
        SourceValue::Bool(flag) => Value::from(if *flag { "True" } else { "False" }),
        SourceValue::Integer(number) => Value::from(number.to_string()),
        // A group may have a hundred thousand members.
        SourceValue::List(list) if list.len() > SHOWN => {
            let more = format!("and {} more", list.len() - SHOWN);
            list[..SHOWN].iter().chain([&more]).map(|text| Value::from(text.as_str())).collect()
        }
        SourceValue::List(list) => list.iter().map(|text| Value::from(text.as_str())).collect(),
        SourceValue::Roles(roles) => {
            roles.iter().map(|role| Value::from(role.display_name.as_deref().or(role.value.as_deref()))).collect()
        }
    }
}

/// A value as one text.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text_of).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

fn scoping<T>(line: &Line<'_, T>, recorded: &Recorded<'_>, standing: &Standing) -> Step {
    let mut details = Details::with_capacity(7);
    let (status, description) = match &standing.scope {
        Err(failure) => (LoggedStatus::Failure, failure.message.clone().into()),
        Ok(scope) => {
            details.insert("IsActive", yes(scope.state == SourceState::Active));
            details.insert("Assigned", yes(scope.assigned));
            details.insert("ScopeModeAll", yes(!line.scope.assigned_only));
            details.insert("IsEffectivelyEntitledForProvisioning", yes(scope.is_entitled()));
            details.insert("IsInProvisioningScope", yes(scope.in_scope()));
            details.insert("InputFilterPassed", yes(standing.input_passed));
            (LoggedStatus::Success, entitlement(scope.state, scope.assigned, scope.filter_passed))
        }
    };
    let hidden = line.kind(recorded.object.kind).map(|kind| &kind.hidden);
    let clauses = clauses(recorded.scoping.as_ref(), hidden);
    if !clauses.is_empty() {
        details.insert("ScopeEvaluationResult", Value::Object(clauses));
    }
    step(StepKind::Scoping, "EntrySynchronizationScoping", status, description, details)
}

/// Says which conditions of entitlement are not met, all of them.
fn entitlement(state: SourceState, assigned: bool, filter_passed: bool) -> Word {
    let mut against = Vec::new();
    match state {
        SourceState::Active => {}
        SourceState::Disabled => against.push("it is disabled in the source"),
        SourceState::SoftDeleted => against.push("it is deleted in the source"),
        SourceState::HardDeleted => against.push("it is permanently deleted in the source"),
    }
    if !assigned {
        against.push("it is not assigned");
    }
    if !filter_passed {
        against.push("it does not pass the scoping filter");
    }
    match against.as_slice() {
        [] => "in scope and active: entitled".into(),
        against => format!("not entitled: {}", against.join(", ")).into(),
    }
}

fn clauses(verdict: Option<&Verdict<'_>>, hidden: Option<&BTreeSet<String>>) -> Map<String, Value> {
    let mut all = Map::new();
    for group in verdict.into_iter().flat_map(|verdict| &verdict.groups) {
        for clause in &group.clauses {
            let result = match &clause.result {
                Ok(holds) => if *holds { "True" } else { "False" }.to_owned(),
                Err(fault) => fault.to_string(),
            };
            let is_hidden =
                hidden.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(canonical(clause.attribute)));
            let tested = match clause.tested.as_deref() {
                Some(_) if is_hidden => REDACTED.to_owned(),
                Some(tested) => format!("`{tested}`"),
                None => "no value".to_owned(),
            };
            let warning = clause.warning.map(|warning| format!("; {warning}")).unwrap_or_default();
            let name = format!("{}: {} {} {}", group.name, clause.attribute, clause.operator, clause.value);
            all.insert(name.trim_end().to_owned(), Value::from(format!("{result} ({tested}{warning})")));
        }
    }
    all
}

fn matching(recorded: &Recorded<'_>) -> Option<Step> {
    let asked = !recorded.transcript.exchanges.is_empty();
    let linked = recorded.row.and_then(|row| row.link.target());
    let mut details = Details::new();
    let (status, description) = match (recorded.matched, linked) {
        _ if !asked => return None,
        (Some(resource), Some(id)) if resource.id() == id => {
            (LoggedStatus::Success, format!("found the linked account `{id}`"))
        }
        (Some(resource), _) => {
            let by = recorded.transcript.matched_by.as_deref().unwrap_or("its identifier");
            (LoggedStatus::Success, format!("found `{}` by `{by}`", resource.id()))
        }
        (None, Some(id)) if matches!(recorded.decision, Decision::Delete { .. }) => {
            (LoggedStatus::Success, format!("the linked account is `{id}`"))
        }
        (None, Some(id)) => (LoggedStatus::Success, format!("the linked account `{id}` was not found")),
        (None, None) => (LoggedStatus::Success, "no account in the target matches".to_owned()),
    };
    if let Some(by) = recorded.transcript.matched_by.as_deref().filter(|_| recorded.matched.is_some()) {
        details.insert("matchedBy", by);
    }
    if let Some(resource) = recorded.matched {
        details.insert("targetId", resource.id().as_str());
        if let Some(active) = resource.active() {
            details.insert("active", yes(active));
        }
    }
    let failed = matches!(recorded.failure, Some((Operation::Match | Operation::Read, _)));
    let (status, description) = match recorded.failure {
        Some((_, failure)) if failed => (LoggedStatus::Failure, failure.message.clone()),
        _ => (status, description),
    };
    Some(step(StepKind::Matching, "EntryMatching", status, description, details))
}

fn processing<T>(line: &Line<'_, T>, recorded: &Recorded<'_>, standing: &Standing, action: LoggedAction) -> Step {
    let name = match action {
        LoggedAction::Create => "EntrySynchronizationAdd",
        LoggedAction::Update | LoggedAction::Disable => "EntrySynchronizationUpdate",
        LoggedAction::Delete => "EntrySynchronizationDelete",
        LoggedAction::Other | LoggedAction::StagedAction | LoggedAction::StagedDelete => "EntrySynchronizationSkip",
    };
    let mut details = Details::new();
    let (status, description) = match (recorded.decision, recorded.failure) {
        (_, Some((Operation::Evaluate, failure))) => (LoggedStatus::Failure, failure.message.clone()),
        (Decision::Fail(failure), _) => (LoggedStatus::Failure, failure.message.clone()),
        (Decision::Skip { reason, .. }, _) => {
            details.insert("SkipReason", reason.as_str());
            (LoggedStatus::Skipped, reason.explain().to_owned())
        }
        (Decision::Pass(reason), _) => (LoggedStatus::NotEvaluated, reason.explain().to_owned()),
        (
            Decision::Create { reason, .. }
            | Decision::Update { reason, .. }
            | Decision::Disable { reason, .. }
            | Decision::Delete { reason, .. },
            _,
        ) => {
            details.insert("Reason", reason.as_str());
            (LoggedStatus::Success, reason.explain().to_owned())
        }
    };
    let mut description = description;
    if let Some(planned) = planned_deletion(line, recorded, standing) {
        details.insert("PlannedDeletion", planned.to_string());
        description.push_str(&format!("; to be deleted from {planned} on"));
    }
    step(StepKind::Processing, name, status, description, details)
}

/// When the account of a leaver is deleted, where it will be (service.md 14.1).
fn planned_deletion<T>(line: &Line<'_, T>, recorded: &Recorded<'_>, standing: &Standing) -> Option<Timestamp> {
    let rules = line.kind(recorded.object.kind)?.rules;
    let managed = match recorded.decision {
        Decision::Disable { link_after, .. } => *link_after == LinkState::Managed,
        Decision::Skip { link_after, .. } => link_after.state() == LinkState::Managed,
        Decision::Create { .. }
        | Decision::Update { .. }
        | Decision::Delete { .. }
        | Decision::Fail(_)
        | Decision::Pass(_) => false,
    };
    let leaves = standing.scope.as_ref().is_ok_and(|scope| scope.state == SourceState::SoftDeleted);
    let will = managed && leaves && rules.actions.delete && recorded.failure.is_none();
    standing.left_at.filter(|_| will)?.checked_add(line.scope.retention).ok()
}

fn export<T>(
    line: &Line<'_, T>,
    recorded: &Recorded<'_>,
    action: LoggedAction,
    status: LoggedStatus,
    modified: &[ModifiedProperty],
) -> Option<Step> {
    if !recorded.decision.writes() || matches!(recorded.failure, Some((Operation::Evaluate, _))) {
        return None;
    }
    let name = match action {
        LoggedAction::Create => "EntryExportAdd",
        LoggedAction::Delete => "EntryExportDelete",
        _ => "EntryExportUpdate",
    };
    let mut details = Details::with_capacity(modified.len());
    for (change, one) in recorded.decision.changes().iter().zip(modified) {
        let value = match &one.new {
            _ if change.rule.redacted => Detail::Text(Word::Constant(REDACTED)),
            Some(value) => Detail::Text(value.clone()),
            None => Detail::Other(Value::Null),
        };
        details.insert(one.name.clone(), value);
    }
    let description = match recorded.failure {
        Some((_, failure)) => failure.message.clone(),
        None if line.run.dry_run => "would be sent; this is a dry run".to_owned(),
        None => recorded.transcript.sent(),
    };
    Some(step(StepKind::Export, name, status, description, details))
}

fn step(
    kind: StepKind,
    name: &'static str,
    status: LoggedStatus,
    description: impl Into<Word>,
    details: Details,
) -> Step {
    Step { kind, name: name.into(), status, description: description.into(), details }
}
