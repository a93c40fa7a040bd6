//! Stored links, objects set aside and staged deprovisionings (contract.md 5).

use serde_json::{Value, json};

use super::entry::{JobContext, entry_json};
use super::time::time;
use crate::model::{
    Class, Details, Entry, Escrow, Identity, Initiator, LinkState, LoggedAction, LoggedStatus, ObjectKind, Operation,
    StagedBatch, StagedObject,
};

/// One stored pair of a source object and a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    pub source_anchor: String,
    pub target_anchor: String,
    pub kind: ObjectKind,
    pub state: LinkState,
}

/// A batch of staged deprovisionings with its objects (service.md 18).
#[derive(Debug, Clone, PartialEq)]
pub struct DeletionRow {
    pub batch: StagedBatch,
    pub objects: Vec<StagedObject>,
}

pub fn link_json(link: &LinkRow) -> Value {
    json!({
        "sourceAnchor": link.source_anchor,
        "targetAnchor": link.target_anchor,
        "objectType": super::entry::kind_name(link.kind),
        "state": link_state(link.state),
    })
}

pub fn escrows_json(escrows: &[Escrow]) -> Value {
    escrows
        .iter()
        .map(|escrow| {
            json!({
                "sourceAnchor": escrow.source_anchor.as_str(),
                "targetAnchor": escrow.target_anchor.as_ref().map(|target| target.as_str()),
                "operation": operation_name(escrow.operation),
                "errorCode": escrow.error_code.as_str(),
                "class": class_name(escrow.class),
                "reference": escrow.reference,
                "firstFailure": time(escrow.first_failure),
                "attempts": escrow.attempts,
                "nextDue": escrow.next_due.map(time),
                "message": escrow.message,
            })
        })
        .collect()
}

pub fn deletions_json(batches: &[DeletionRow], job: &JobContext) -> Value {
    batches
        .iter()
        .map(|row| {
            json!({
                "batch": row.batch.batch,
                "began": time(row.batch.began),
                "count": row.batch.count,
                "objects": row.entries().map(|entry| entry_json(&entry, job)).collect::<Value>(),
            })
        })
        .collect()
}

impl DeletionRow {
    /// The log records that the withheld objects have (service.md 18); they are not stored, so they are made here.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.objects.iter().map(|object| Entry {
            id: format!("{}/{}", object.batch, object.source_anchor),
            change_id: format!("{}/{}", object.batch, object.source_anchor),
            cycle_id: object.batch.clone(),
            at: self.batch.began,
            duration_ms: 0,
            kind: object.kind,
            action: match object.action {
                Operation::Delete => LoggedAction::StagedDelete,
                Operation::Evaluate
                | Operation::Match
                | Operation::Read
                | Operation::Create
                | Operation::Update
                | Operation::Disable
                | Operation::Reference => LoggedAction::StagedAction,
            },
            status: LoggedStatus::Skipped,
            reason: object.reason.clone(),
            failure: None,
            retry: None,
            source: Identity {
                id: object.source_anchor.as_str().to_owned(),
                display_name: object.name.clone(),
                details: Details::new(),
            },
            target: object.target.as_ref().map(|target| Identity {
                id: target.as_str().to_owned(),
                display_name: String::new(),
                details: Details::new(),
            }),
            initiator: Initiator::System,
            steps: vec![],
            modified: vec![],
            warnings: vec![],
            exchanges: vec![],
        })
    }
}

pub(super) fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Evaluate => "evaluate",
        Operation::Match => "match",
        Operation::Read => "read",
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Disable => "disable",
        Operation::Delete => "delete",
        Operation::Reference => "reference",
    }
}

pub(super) fn link_state(state: LinkState) -> &'static str {
    match state {
        LinkState::None => "none",
        LinkState::Managed => "managed",
        LinkState::Released => "released",
    }
}

pub(super) fn class_name(class: Class) -> &'static str {
    match class {
        Class::Permanent => "permanent",
        Class::Transient => "transient",
        Class::Critical => "critical",
        Class::Special => "special",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::entry::tests::job;
    use super::*;
    use crate::model::{ErrorCode, SourceAnchor};

    pub fn escrow() -> Escrow {
        Escrow {
            source_anchor: SourceAnchor("a-1".into()),
            target_anchor: None,
            operation: Operation::Create,
            error_code: ErrorCode::EntryConflict,
            class: Class::Permanent,
            reference: false,
            first_failure: "2026-11-20T03:00:00Z".parse().expect("a time"),
            attempts: 2,
            next_due: Some("2026-11-21T09:00:00Z".parse().expect("a time")),
            abandoned: false,
            message: "409 uniqueness: userName `taro` is taken".into(),
            remedy: "change the login name on one side".into(),
        }
    }

    pub fn staged() -> StagedObject {
        StagedObject {
            batch: "b-1".into(),
            source_anchor: SourceAnchor("a-1".into()),
            action: Operation::Delete,
            reason: "StagedDelete".into(),
            name: "佐藤 太郎".into(),
            kind: ObjectKind::User,
            target: None,
        }
    }

    #[test]
    fn lists_are_as_in_the_contract() {
        let link = LinkRow {
            source_anchor: "a-1".into(),
            target_anchor: "t-9".into(),
            kind: ObjectKind::User,
            state: LinkState::Released,
        };
        assert_eq!(
            link_json(&link),
            json!({"sourceAnchor": "a-1", "targetAnchor": "t-9", "objectType": "User", "state": "released"})
        );
        assert_eq!(
            escrows_json(&[escrow()]),
            json!([{
                "sourceAnchor": "a-1", "targetAnchor": null, "operation": "create", "errorCode": "EntryConflict",
                "class": "permanent", "reference": false, "firstFailure": "2026-11-20T03:00:00Z", "attempts": 2,
                "nextDue": "2026-11-21T09:00:00Z", "message": "409 uniqueness: userName `taro` is taken",
            }])
        );
        let batch = StagedBatch { batch: "b".into(), began: "2026-11-20T03:00:00Z".parse().expect("a time"), count: 1 };
        let deletions = deletions_json(&[DeletionRow { batch, objects: vec![staged()] }], &job());
        assert_eq!(deletions[0]["count"], 1);
        assert_eq!(deletions[0]["objects"][0]["provisioningAction"], "stageddelete");
    }
}
