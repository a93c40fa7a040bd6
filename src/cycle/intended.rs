//! What a review sees of each decision, and the fence that lets only reviewed decisions through (contract.md 2, `plan`, `apply`).

use std::collections::HashMap;

use blake3::Hasher;
use jiff::Timestamp;
use serde_json::Value;

use super::evaluate::{Course, read_back};
use super::line::{KindRules, Line};
use super::record::{REDACTED, modified};
use super::talk::Trouble;
use super::transcript::Transcript;
use crate::model::{
    Change, ErrorCode, Failure, Intended, IntendedRequest, ModifiedProperty, ObjectKind, Operation, Resource,
    SourceAnchor, SourceObject, TargetValue,
};
use crate::plan::{self, Decision, ReadAnswer};
use crate::store::ObjectRow;
use crate::target::Transport;
use crate::wire::{self, Request};

/// What makes a run a plan, or the execution of one.
#[derive(Debug)]
pub(super) struct Review {
    /// The time that expressions and states are evaluated for, the same in plan and apply.
    pub at: Timestamp,
    /// Identity of the source that is reviewed.
    pub identity: String,
    /// A secret of this state file, so that nobody can find a hidden value by trying.
    pub key: [u8; 32],
    /// `None` while planning.
    pub planned: Option<Planned>,
}

/// The reviewed decisions, by object.
#[derive(Debug, Default)]
pub(super) struct Planned(HashMap<[u8; 16], [u8; 16]>);

impl Planned {
    pub(super) fn put(&mut self, review_key: &[u8; 32], anchor: &SourceAnchor, decision: [u8; 16]) {
        self.0.insert(name(review_key, anchor), decision);
    }
}

impl Review {
    /// The seed of random values: the same source gives the same values in plan and apply, and the plan does not tell it.
    pub(super) fn draws(&self) -> [u8; 32] {
        *blake3::keyed_hash(&self.key, self.identity.as_bytes()).as_bytes()
    }

    /// What is remembered of an object, as eight octets.
    pub(super) fn state_of(&self, row: Option<&ObjectRow>) -> String {
        let digest = blake3::keyed_hash(&self.key, format!("{row:?}").as_bytes());
        hex(&digest.as_bytes()[..8])
    }
}

impl<T: Transport> Line<'_, T> {
    /// Shows the decision to the review, or lets it pass the fence.
    pub(super) async fn reviewed(
        &self,
        review: &Review,
        kind: &KindRules<'_>,
        object: &SourceObject,
        row: Option<&ObjectRow>,
        mut decision: Decision,
        course: &mut Course,
    ) -> (Decision, Option<Trouble>) {
        if let Decision::Create { values, .. } = &mut decision {
            if let Err(trouble) = self.unique_values(kind, object, values, &mut course.transcript).await {
                return (decision, Some(trouble));
            }
            course.uniques_known = true;
        }
        let object_kind = kind.mapping.kind();
        let mut doomed = None;
        if let Decision::Delete { target, .. } = &decision {
            match self.read(object_kind, target, &course.desired, &mut course.transcript).await {
                Ok(ReadAnswer::Found(resource)) => doomed = Some(*resource),
                Ok(ReadAnswer::Missing) => {}
                Err(trouble) => return (decision, Some(trouble)),
            }
        }
        // What goes is noted, so that a rollback can bring it back.
        course.lost = doomed.as_ref().map(|resource| held(kind, resource)).unwrap_or_default();
        let current = doomed.as_ref().or_else(|| read_back(&course.knowledge));
        let print = fingerprint(&review.key, &decision, current);
        if let Some(planned) = &review.planned {
            let trouble = match planned.0.get(&name(&review.key, &object.anchor)) {
                Some(known) if *known == print => None,
                Some(_) => Some(refusal(
                    &decision,
                    "the account in the target, or what would be sent to it, changed since the plan was made: nothing was sent for it",
                )),
                None => {
                    Some(refusal(&decision, "the plan holds nothing to send for this object: nothing was sent for it"))
                }
            };
            return (decision, trouble);
        }
        let current = current.cloned();
        let requests = self.requests(object_kind, &decision, current.as_ref(), &course.desired, &mut course.transcript);
        course.intended = Some(Intended {
            at: review.at,
            requests: requests.into_iter().map(shown).collect(),
            digest: format!("{}-{}", review.state_of(row), hex(&print)),
        });
        (decision, None)
    }

    /// The requests that carry a decision out, without what must not be seen.
    fn requests(
        &self,
        kind: ObjectKind,
        decision: &Decision,
        current: Option<&Resource>,
        desired: &[crate::model::Desired],
        transcript: &mut Transcript,
    ) -> Vec<Request> {
        let mut update = |changes: &[Change]| {
            let Some(current) = current else { return Vec::new() };
            let changes: Vec<Change> = changes.iter().map(hidden).collect();
            let wanted: Vec<wire::Change<'_>> = changes
                .iter()
                .map(|change| wire::Change {
                    path: &change.rule.path,
                    set: change.set.as_ref(),
                    present: change.is_held(),
                })
                .collect();
            let update = self.wire.update(kind, current, &wanted, None);
            for hint in update.hints {
                transcript.hint(hint);
            }
            update.requests
        };
        match decision {
            Decision::Create { values, .. } => {
                let values: Vec<Change> = values.iter().map(hidden).collect();
                let wanted: Vec<wire::Desired<'_>> = values
                    .iter()
                    .map(|change| wire::Desired {
                        path: &change.rule.path,
                        value: change.set.as_ref(),
                        single_role: self.is_single_role(kind, change),
                    })
                    .collect();
                let password = self.wire.sends_password().then_some(REDACTED);
                vec![self.wire.create(kind, &wanted, password)]
            }
            Decision::Update { changes, .. } | Decision::Disable { changes, .. } => update(changes),
            Decision::Delete { target, .. } if self.wire.deletes(kind) => vec![self.wire.delete(kind, target, None)],
            Decision::Delete { .. } => {
                update(&current.map(|current| plan::changes_on_update(desired, current)).unwrap_or_default())
            }
            Decision::Skip { .. } | Decision::Fail(_) | Decision::Pass(_) => Vec::new(),
        }
    }
}

/// The mapped attributes that an account holds, as attributes that will be gone.
pub(super) fn held(kind: &KindRules<'_>, resource: &Resource) -> Vec<ModifiedProperty> {
    let gone = |rule: &std::sync::Arc<crate::model::AttributeRule>| {
        let before = resource.get(&rule.path)?.clone();
        Some(Change { rule: std::sync::Arc::clone(rule), set: None, before: Some(before) })
    };
    let changes: Vec<Change> = kind.mapping.attributes().iter().filter_map(|mapping| gone(&mapping.rule)).collect();
    modified(&changes)
}

fn hidden(change: &Change) -> Change {
    let mut change = change.clone();
    if change.rule.redacted {
        change.set = change.set.map(|_| TargetValue::Text(REDACTED.to_owned()));
    }
    change
}

fn shown(request: Request) -> IntendedRequest {
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    IntendedRequest { method: request.method.to_string(), path: format!("{}{query}", request.path), body: request.body }
}

fn refusal(decision: &Decision, message: &str) -> Trouble {
    let operation = match decision {
        Decision::Create { .. } => Operation::Create,
        Decision::Update { .. } => Operation::Update,
        Decision::Disable { .. } => Operation::Disable,
        Decision::Delete { .. } => Operation::Delete,
        Decision::Skip { .. } | Decision::Fail(_) | Decision::Pass(_) => Operation::Evaluate,
    };
    let failure = Failure::new(ErrorCode::Conflict, message)
        .with_remedy("look at `provisiond plan` again; the next cycle evaluates the object as it is then");
    Trouble { failure, operation }
}

fn name(key: &[u8; 32], anchor: &SourceAnchor) -> [u8; 16] {
    first_half(&blake3::keyed_hash(key, anchor.as_str().as_bytes()))
}

/// Everything of a decision and of the account it is about, the version stamps of the target aside.
fn fingerprint(key: &[u8; 32], decision: &Decision, current: Option<&Resource>) -> [u8; 16] {
    let mut hasher = Hasher::new_keyed(key);
    let target = match decision {
        Decision::Update { target, .. } | Decision::Disable { target, .. } | Decision::Delete { target, .. } => {
            target.as_str()
        }
        Decision::Create { .. } | Decision::Skip { .. } | Decision::Fail(_) | Decision::Pass(_) => "",
    };
    for text in [&format!("{:?}", decision.action()), target, decision.reason()] {
        feed(&mut hasher, text.as_bytes());
    }
    for change in decision.changes() {
        feed(&mut hasher, change.rule.path.as_str().as_bytes());
        feed_json(&mut hasher, &change.set.as_ref().map_or(Value::Null, TargetValue::to_json));
        feed_json(&mut hasher, change.before.as_ref().unwrap_or(&Value::Null));
    }
    feed(&mut hasher, if current.is_some() { b"held" } else { b"none" });
    for (name, value) in sorted(current.map(Resource::body)).into_iter().filter(|(name, _)| *name != "meta") {
        feed(&mut hasher, name.as_bytes());
        feed_json(&mut hasher, value);
    }
    first_half(&hasher.finalize())
}

/// Feeds a value so that neither the order of members nor blanks matter.
pub(super) fn feed_json(hasher: &mut Hasher, value: &Value) {
    match value {
        Value::Object(object) => {
            feed(hasher, format!("object {}", object.len()).as_bytes());
            for (name, value) in sorted(Some(object)) {
                feed(hasher, name.as_bytes());
                feed_json(hasher, value);
            }
        }
        Value::Array(list) => {
            feed(hasher, format!("array {}", list.len()).as_bytes());
            list.iter().for_each(|value| feed_json(hasher, value));
        }
        Value::String(text) => {
            feed(hasher, b"string");
            feed(hasher, text.as_bytes());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => feed(hasher, value.to_string().as_bytes()),
    }
}

pub(super) fn feed(hasher: &mut Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

fn sorted(object: Option<&serde_json::Map<String, Value>>) -> Vec<(&str, &Value)> {
    let mut members: Vec<_> = object.into_iter().flatten().map(|(name, value)| (name.as_str(), value)).collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    members
}

fn first_half(hash: &blake3::Hash) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash.as_bytes()[..16]);
    half
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
