//! The inverse of what one entry of the log says: attributes as they were, accounts that were created removed, accounts that
//! were deleted created anew (contract.md 2, `rollback`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use super::intended::held;
use super::line::{KindRules, Line};
use super::members::MEMBERS;
use super::record::{REDACTED, modified};
use super::rollback::RollbackOptions;
use super::talk::{Trouble, Written};
use super::transcript::Transcript;
use crate::mapping::AttributeMapping;
use crate::model::{
    AttributeRule, Change, Details, Entry, ErrorCode, Failure, Identity, Link, LoggedAction, LoggedStatus,
    ModifiedProperty, Mutability, ObjectKind, Operation, Resource, Role, RoleForm, SourceAnchor, SourceState, Step,
    StepKind, TargetId, TargetPath, TargetValue, ValueKind, Word,
};
use crate::plan::ReadAnswer;
use crate::store::{ObjectRow, ReferenceChange, RowChange};
use crate::target::Transport;

/// What one entry of the log did, as far as it has to be undone.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub entry: String,
    pub kind: ObjectKind,
    pub action: LoggedAction,
    pub source: Identity,
    pub target: TargetId,
    pub modified: Vec<ModifiedProperty>,
    /// Members were sent, of which the log names only some.
    pub has_members: bool,
    /// Attributes that the target does not show; named in the warnings of the entry.
    hidden: Vec<Word>,
    /// Of a deleted account: the attributes to create it with.
    pub last_known: Vec<ModifiedProperty>,
}

/// How the undoing of one entry ended.
pub(super) struct Undone {
    action: LoggedAction,
    changes: Vec<ModifiedProperty>,
    target: TargetId,
    pub row: RowChange,
    pub references: Option<Box<ReferenceChange>>,
}

/// Accounts that were created anew: what the old identifier is now.
#[derive(Debug, Default)]
pub(super) struct Renewed(Mutex<BTreeMap<TargetId, TargetId>>);

impl Renewed {
    fn put(&self, old: TargetId, new: TargetId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(old, new);
    }

    pub(super) fn get(&self, old: &TargetId) -> Option<TargetId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(old).cloned()
    }
}

/// Why it was not undone.
pub(super) enum Left {
    /// Nothing is left to undo.
    Settled,
    Failed(Failure),
}

impl Done {
    /// `None` for an entry that changed nothing in the target.
    pub(super) fn of(entry: Entry) -> Option<Self> {
        let went_through = matches!(entry.status, LoggedStatus::Success | LoggedStatus::Warning);
        let writes = match entry.action {
            LoggedAction::Create | LoggedAction::Update | LoggedAction::Disable | LoggedAction::Delete => true,
            LoggedAction::StagedDelete | LoggedAction::StagedAction | LoggedAction::Other => false,
        };
        let target = entry.target_id().filter(|_| went_through && writes)?;
        let named = |name: &str| entry.warnings.iter().any(|warning| warning.contains(&format!("`{name}`")));
        let hidden = entry.modified.iter().map(|one| one.name.clone()).filter(|name| named(name)).collect();
        // Who belongs to a group is in the log only in part, and kept elsewhere.
        let (members, modified): (Vec<_>, Vec<_>) =
            entry.modified.into_iter().partition(|one| entry.kind == ObjectKind::Group && one.name == MEMBERS);
        Some(Self {
            entry: entry.id,
            kind: entry.kind,
            action: entry.action,
            source: entry.source,
            target,
            modified,
            has_members: !members.is_empty(),
            hidden,
            last_known: Vec::new(),
        })
    }

    /// Takes in what the same cycle did afterwards.
    pub(super) fn add(&mut self, later: Self) {
        self.has_members |= later.has_members;
        self.hidden.extend(later.hidden);
        if self.action == LoggedAction::Create {
            return;
        }
        for one in later.modified {
            match self.modified.iter_mut().find(|known| known.name == one.name) {
                Some(known) => known.new = one.new,
                None => self.modified.push(one),
            }
        }
    }

    fn called(&self) -> String {
        format!("`{}` ({})", self.source.display_name, self.source.id)
    }

    pub(super) fn anchor(&self) -> SourceAnchor {
        SourceAnchor(self.source.id.clone())
    }

    /// The references of a deleted account, as a change of the account that was created in its place.
    pub(super) fn references<T>(&self, line: &Line<'_, T>, renewed: &Renewed) -> Option<Self> {
        let (kind, target) = (line.kind(self.kind)?, renewed.get(&self.target)?);
        let is_reference =
            |one: &&ModifiedProperty| attribute(kind, &one.name).is_some_and(|known| known.rule.reference);
        let modified = self.last_known.iter().filter(is_reference);
        let modified = modified.map(|one| ModifiedProperty { old: one.new.clone(), new: None, ..one.clone() });
        let modified: Vec<ModifiedProperty> = modified.filter(|one| one.old.is_some()).collect();
        (!modified.is_empty()).then(|| Self {
            action: LoggedAction::Update,
            modified,
            has_members: false,
            last_known: Vec::new(),
            target,
            ..self.clone()
        })
    }
}

/// Says of each thing that cannot be restored what it is; `members` says that the state has those who were sent.
pub(super) fn lost<T>(line: &Line<'_, T>, done: &Done, members: bool) -> Vec<String> {
    let called = done.called();
    let Some(kind) = line.kind(done.kind) else {
        return vec![format!("{called}: groups are not provisioned any more")];
    };
    match done.action {
        LoggedAction::Delete if !line.wire.deletes(done.kind) => Vec::new(),
        LoggedAction::Delete if done.last_known.is_empty() => {
            vec![format!("{called}: the account was deleted, and the log does not hold what it was")]
        }
        LoggedAction::Delete => {
            let id = done.target.as_str();
            let mut lost =
                vec![format!("{called}: the account `{id}` was deleted; it is created anew and gets another id")];
            for one in done.last_known.iter().filter(|one| one.new.as_deref() == Some(REDACTED)) {
                lost.push(format!("{called}: `{}` is not in the log, as it is hidden there", one.name));
            }
            lost
        }
        LoggedAction::Update | LoggedAction::Disable => {
            let why = |one: &ModifiedProperty| match (attribute(kind, &one.name), one.old.as_deref()) {
                (None, _) => Some("is not mapped any more"),
                (Some(_), Some(REDACTED)) => Some("is not in the log, as it is hidden there"),
                (Some(_), None) if done.hidden.contains(&one.name) => Some("was never shown by the target"),
                (Some(_), _) => None,
            };
            let values = done.modified.iter();
            let values =
                values.filter_map(|one| Some(format!("{called}: the value of `{}` before {}", one.name, why(one)?)));
            let unknown = done.has_members && !members;
            values.chain(unknown.then(|| format!("{called}: who its members were is not kept any more"))).collect()
        }
        LoggedAction::Create | LoggedAction::StagedDelete | LoggedAction::StagedAction | LoggedAction::Other => {
            Vec::new()
        }
    }
}

fn attribute<'a>(kind: &KindRules<'a>, name: &str) -> Option<&'a AttributeMapping> {
    kind.mapping.attributes().iter().find(|mapping| mapping.rule.path.as_str() == name)
}

/// Sends the inverse of `done`.
pub(super) async fn inverse<T: Transport>(
    line: &Line<'_, T>,
    kind: &KindRules<'_>,
    done: &Done,
    row: Option<&ObjectRow>,
    options: RollbackOptions,
    renewed: &Renewed,
    transcript: &mut Transcript,
) -> Result<Undone, Left> {
    let failed = |trouble: Trouble| Left::Failed(trouble.failure);
    let found = match line.is_placeholder(&done.target) {
        true => Resource::new(json!({ "id": done.target.as_str() })),
        false => match line.read(done.kind, &done.target, &[], transcript).await.map_err(failed)? {
            ReadAnswer::Found(resource) => Some(*resource),
            ReadAnswer::Missing => None,
        },
    };
    let elsewhere = row.and_then(|row| row.link.target()).filter(|target| **target != done.target);
    if let Some(other) = elsewhere {
        return Err(changed(format!("the object is linked to another account since, `{other}`")));
    }
    match (done.action, found) {
        (LoggedAction::Create, None) => Err(Left::Settled),
        (LoggedAction::Create, Some(current)) => {
            if !options.yes {
                agree(kind, done, &current)?;
            }
            remove(line, kind, done, row, &current, transcript).await
        }
        (LoggedAction::Update | LoggedAction::Disable, None) => {
            Err(changed(format!("the account `{}` is gone since", done.target)))
        }
        (LoggedAction::Update | LoggedAction::Disable, Some(current)) => {
            if !options.yes {
                agree(kind, done, &current)?;
            }
            let changes: Vec<Change> =
                done.modified.iter().filter_map(|one| back(kind, done, one, &current, renewed)).collect();
            restore(line, done, row, &current, changes, transcript).await
        }
        (LoggedAction::Delete, Some(current)) => {
            restore(line, done, row, &current, switched(kind, &current, "True"), transcript).await
        }
        (LoggedAction::Delete, None) => recreate(line, kind, done, row, renewed, transcript).await,
        (LoggedAction::StagedDelete | LoggedAction::StagedAction | LoggedAction::Other, _) => Err(Left::Settled),
    }
}

/// The attributes that follow the state of an object, where they are not `text` yet.
fn switched(kind: &KindRules<'_>, current: &Resource, text: &str) -> Vec<Change> {
    let state = kind.mapping.attributes().iter().filter(|mapping| mapping.rule.follows_state);
    let changes = state.filter_map(|mapping| {
        let set = value(mapping, text)?;
        let before = current.get(&mapping.rule.path);
        let settled = before.is_some_and(|before| set.agrees_with(before, mapping.rule.case_exact));
        (!settled).then(|| Change { rule: Arc::clone(&mapping.rule), set: Some(set), before: before.cloned() })
    });
    changes.collect()
}

/// Refuses an account that does not hold what was sent, or what it held before.
fn agree(kind: &KindRules<'_>, done: &Done, current: &Resource) -> Result<(), Left> {
    let differs = |one: &&ModifiedProperty| {
        let Some(mapping) = attribute(kind, &one.name) else { return false };
        let unknown = mapping.rule.mutability == Mutability::WriteOnly || done.hidden.contains(&one.name);
        if unknown || one.new.as_deref() == Some(REDACTED) {
            return false;
        }
        let before = done.action != LoggedAction::Create && holds(mapping, one.old.as_deref(), current);
        !before && !holds(mapping, one.new.as_deref(), current)
    };
    let names: Vec<String> = done.modified.iter().filter(differs).map(|one| format!("`{}`", one.name)).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(changed(format!("the account `{}` was changed since in {}", done.target, names.join(", "))))
}

fn holds(mapping: &AttributeMapping, text: Option<&str>, current: &Resource) -> bool {
    match (text.and_then(|text| value(mapping, text)), current.get(&mapping.rule.path)) {
        (Some(value), Some(held)) => value.agrees_with(held, mapping.rule.case_exact),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

pub(super) fn changed(message: String) -> Left {
    let failure = Failure::new(ErrorCode::Conflict, format!("{message}: it is left alone"))
        .with_remedy("look at the account; `--yes` undoes the change all the same");
    Left::Failed(failure)
}

/// One attribute as it was, where the account does not hold that yet.
fn back(
    kind: &KindRules<'_>,
    done: &Done,
    one: &ModifiedProperty,
    current: &Resource,
    renewed: &Renewed,
) -> Option<Change> {
    let mapping = attribute(kind, &one.name)?;
    let old = one.old.as_deref();
    // Whom a reference named may have a new account by now.
    let new = old.filter(|_| mapping.rule.reference).and_then(|old| renewed.get(&TargetId(old.to_owned())));
    let old = new.as_ref().map(TargetId::as_str).or(old);
    let unknown = old == Some(REDACTED) || old.is_none() && done.hidden.contains(&one.name);
    if unknown || holds(mapping, old, current) {
        return None;
    }
    let set = match old {
        Some(text) => Some(value(mapping, text)?),
        None => None,
    };
    Some(Change { rule: Arc::clone(&mapping.rule), set, before: current.get(&mapping.rule.path).cloned() })
}

/// Takes away whole what would be left of an element of a list: a target that made `addresses[type eq "work"]` for one value
/// keeps the rest of it when only the value goes.
fn whole_elements(changes: &[Change], current: &Resource) -> Vec<Change> {
    let element_of = |change: &Change| {
        let text = change.rule.path.as_str();
        change.rule.path.filter().filter(|_| change.set.is_none())?;
        text.rfind(']').map(|close| text[..=close].to_owned())
    };
    let mut left: Vec<Change> = Vec::with_capacity(changes.len());
    for change in changes {
        let path = &change.rule.path;
        let whole = element_of(change).and_then(|element| {
            let gone = changes.iter().filter(|other| element_of(other).as_deref() == Some(element.as_str()));
            let gone: Vec<&str> = gone.filter_map(|other| other.rule.path.sub()).collect();
            let shell = |key: &str| path.filter().is_some_and(|filter| filter.sub == key) || key == "primary";
            let is_empty = |key: &String| shell(key) || gone.iter().any(|gone| gone.eq_ignore_ascii_case(key));
            let held = current.element(path)?.as_object().filter(|held| held.keys().all(is_empty))?;
            let path: TargetPath = element.parse().ok()?;
            let rule = Arc::new(AttributeRule { path, ..(*change.rule).clone() });
            Some(Change { rule, set: None, before: Some(Value::Object(held.clone())) })
        });
        match whole {
            Some(whole) if left.iter().any(|known| known.rule.path.as_str() == whole.rule.path.as_str()) => {}
            Some(whole) => left.push(whole),
            None => left.push(change.clone()),
        }
    }
    left
}

/// Whether changes leave an account active; none where they do not say.
fn activity(changes: &[Change]) -> Option<bool> {
    let mut state = changes.iter().filter(|change| change.rule.follows_state);
    state.find_map(|change| change.set.as_ref().map(|set| set.agrees_with(&Value::Bool(true), false)))
}

/// Sends attributes as they were.
async fn restore<T: Transport>(
    line: &Line<'_, T>,
    done: &Done,
    row: Option<&ObjectRow>,
    current: &Resource,
    changes: Vec<Change>,
    transcript: &mut Transcript,
) -> Result<Undone, Left> {
    if changes.is_empty() {
        return Err(Left::Settled);
    }
    let active = activity(&changes);
    let (action, operation) = match active {
        Some(false) => (LoggedAction::Disable, Operation::Disable),
        Some(true) | None => (LoggedAction::Update, Operation::Update),
    };
    match line.update(done.kind, current, &whole_elements(&changes, current), operation, transcript).await {
        Ok(Written::Done) => {}
        Ok(Written::AlreadyGone) => return Err(changed(format!("the account `{}` is gone since", done.target))),
        Err(trouble) => return Err(Left::Failed(trouble.failure)),
    }
    let row = row.map(|row| {
        let active_in_target = active.or(row.active_in_target);
        // Disabled again, the object waits for the end of its retention; active again, nothing waits for it.
        let left_at = match (active, row.state) {
            (Some(true), _) => None,
            (Some(false), SourceState::SoftDeleted) => row.left_at.or(Some(line.now())),
            (Some(false) | None, _) => row.left_at,
        };
        ObjectRow { link: Link::Managed(done.target.clone()), active_in_target, left_at, ..row.clone() }
    });
    Ok(Undone {
        action,
        changes: modified(&changes),
        target: done.target.clone(),
        row: row.map_or(RowChange::Keep, RowChange::Put),
        references: None,
    })
}

/// Whether removing what was created of `kind` deletes it.
pub(super) fn removes<T>(line: &Line<'_, T>, kind: ObjectKind) -> bool {
    line.kind(kind).is_some_and(|rules| rules.rules.actions.delete) && line.wire.deletes(kind)
}

/// Removes what was created: deletes it, or disables it where deleting is not permitted.
async fn remove<T: Transport>(
    line: &Line<'_, T>,
    kind: &KindRules<'_>,
    done: &Done,
    row: Option<&ObjectRow>,
    current: &Resource,
    transcript: &mut Transcript,
) -> Result<Undone, Left> {
    if !removes(line, done.kind) {
        return restore(line, done, row, current, switched(kind, current, "False"), transcript).await;
    }
    let deleted = line.delete(done.kind, &done.target, transcript).await;
    deleted.map_err(|trouble| Left::Failed(trouble.failure))?;
    let row = row.map(|row| ObjectRow { link: Link::None, active_in_target: None, ..row.clone() });
    Ok(Undone {
        action: LoggedAction::Delete,
        changes: held(kind, current),
        target: done.target.clone(),
        row: row.map_or(RowChange::Keep, RowChange::Put),
        references: None,
    })
}

/// Creates a deleted account anew with what is known of it.
async fn recreate<T: Transport>(
    line: &Line<'_, T>,
    kind: &KindRules<'_>,
    done: &Done,
    row: Option<&ObjectRow>,
    renewed: &Renewed,
    transcript: &mut Transcript,
) -> Result<Undone, Left> {
    if row.is_some_and(|row| row.link != Link::None) {
        return Err(changed("the object has an account again".to_owned()));
    }
    let known = done.last_known.iter().filter(|one| one.new.as_deref() != Some(REDACTED));
    let values: Vec<Change> = known
        .filter_map(|one| {
            // References follow when both ends exist.
            let mapping = attribute(kind, &one.name).filter(|mapping| !mapping.rule.reference)?;
            let set = value(mapping, one.new.as_deref()?)?;
            Some(Change { rule: Arc::clone(&mapping.rule), set: Some(set), before: None })
        })
        .collect();
    if values.is_empty() {
        let failure = Failure::new(ErrorCode::MissingValues, "the log does not hold what the account was")
            .with_remedy("create it by hand, or let `provisiond restart` and a cycle create it from the source");
        return Err(Left::Failed(failure));
    }
    let password = line.password();
    let created = line.create(done.kind, &done.anchor(), &values, password.as_deref(), transcript).await;
    let target = created.map_err(|trouble| Left::Failed(trouble.failure))?.id().clone();
    renewed.put(done.target.clone(), target.clone());
    let active = activity(&values);
    let remembered = row.cloned().unwrap_or_else(|| ObjectRow {
        anchor: SourceAnchor(done.source.id.clone()),
        kind: done.kind,
        link: Link::None,
        used: 0,
        state: SourceState::HardDeleted,
        assigned: true,
        filter_passed: true,
        left_out: false,
        active_in_target: None,
        left_at: None,
    });
    let row = ObjectRow { link: Link::Managed(target.clone()), active_in_target: active, left_at: None, ..remembered };
    Ok(Undone {
        action: LoggedAction::Create,
        changes: modified(&values),
        target,
        row: RowChange::Put(row),
        // Whoever referred to the account refers to it again.
        references: Some(Box::new(ReferenceChange { moved: true, ..ReferenceChange::default() })),
    })
}

/// A value of the log as it is sent.
fn value(mapping: &AttributeMapping, text: &str) -> Option<TargetValue> {
    match mapping.kind {
        ValueKind::Boolean if text.eq_ignore_ascii_case("true") => Some(TargetValue::Boolean(true)),
        ValueKind::Boolean if text.eq_ignore_ascii_case("false") => Some(TargetValue::Boolean(false)),
        ValueKind::Integer => text.parse().ok().map(TargetValue::Integer),
        ValueKind::DateTime => Some(TargetValue::DateTime(text.to_owned())),
        ValueKind::Reference => Some(TargetValue::Reference(text.to_owned())),
        ValueKind::Boolean | ValueKind::String | ValueKind::Binary => Some(match several(text) {
            Some(values) => values,
            None if mapping.multivalued && text.contains(", ") => {
                TargetValue::List(text.split(", ").map(str::to_owned).collect())
            }
            None => TargetValue::Text(text.to_owned()),
        }),
    }
}

/// What the target returned as an array stands in the log as JSON.
fn several(text: &str) -> Option<TargetValue> {
    let elements = text.starts_with('[').then(|| serde_json::from_str::<Vec<Value>>(text).ok())??;
    let texts: Option<Vec<String>> = elements.iter().map(|one| one.as_str().map(str::to_owned)).collect();
    if let Some(texts) = texts.filter(|texts| !texts.is_empty()) {
        return Some(TargetValue::List(texts));
    }
    let part = |one: &Value, name: &str| one[name].as_str().map(str::to_owned);
    let roles: Option<Vec<Role>> = elements
        .iter()
        .map(|one| Some(Role { id: part(one, "id"), value: part(one, "value")?, display: part(one, "display") }))
        .collect();
    roles.filter(|roles| !roles.is_empty()).map(|roles| TargetValue::Roles(RoleForm::Assertive, roles))
}

/// The log entry of one undoing.
pub(super) fn entry<T>(
    line: &Line<'_, T>,
    cycle: &str,
    done: &Done,
    result: Result<&Undone, &Left>,
    transcript: &mut Transcript,
    began: Instant,
) -> Entry {
    let what = done.action.as_str();
    let sentence = format!("undoes the {what} of the cycle {cycle}");
    let mut details = Details::new();
    details.insert("RollbackOf", done.entry.as_str());
    let (action, status, reason, failure, changes, target) = match result {
        Ok(undone) => {
            let noted = if transcript.warnings.is_empty() { LoggedStatus::Success } else { LoggedStatus::Warning };
            (undone.action, noted, "RolledBack", None, undone.changes.clone(), &undone.target)
        }
        Err(Left::Settled) => {
            (LoggedAction::Other, LoggedStatus::Skipped, "RedundantExport", None, Vec::new(), &done.target)
        }
        Err(Left::Failed(failure)) => (
            LoggedAction::Other,
            LoggedStatus::Failure,
            failure.code.as_str(),
            Some(failure.clone()),
            Vec::new(),
            &done.target,
        ),
    };
    let description = match &failure {
        Some(failure) => failure.message.clone(),
        None => sentence,
    };
    let name = "EntrySynchronizationRollback".into();
    let mut steps = vec![Step { kind: StepKind::Processing, name, status, description: description.into(), details }];
    let sent = transcript.sent();
    if !sent.is_empty() {
        let name = match action {
            LoggedAction::Create => "EntryExportAdd",
            LoggedAction::Delete => "EntryExportDelete",
            _ => "EntryExportUpdate",
        };
        let (name, description) = (name.into(), sent.into());
        steps.push(Step { kind: StepKind::Export, name, status, description, details: Details::new() });
    }
    let id = line.ids.next(line.now());
    Entry {
        change_id: id.clone(),
        id,
        cycle_id: line.run.cycle_id.clone(),
        at: line.now(),
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        kind: done.kind,
        action,
        status,
        reason: reason.to_owned(),
        failure,
        retry: None,
        source: done.source.clone(),
        target: Some(Identity {
            id: target.to_string(),
            display_name: done.source.display_name.clone(),
            details: Details::new(),
        }),
        initiator: line.run.initiator.clone(),
        steps,
        modified: changes,
        warnings: transcript.warnings.clone(),
        exchanges: transcript.take_kept(),
    }
}
