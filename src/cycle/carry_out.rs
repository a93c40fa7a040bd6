//! A decision becomes requests.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use super::evaluate::{Course, read_back};
use super::line::{KindRules, Line};
use super::record;
use super::rivals::not_its_own;
use super::talk::{Trouble, Written};
use super::transcript::Transcript;
use crate::expr::{Class as ExpressionClass, Context, DateTime, Random, SeededRandom};
use crate::model::{Change, ErrorCode, Failure, Flow, Operation, Resource, SourceObject, TargetId};
use crate::plan::{self, Decision, ReadAnswer};
use crate::target::Transport;

/// What a write left behind.
pub(super) enum Carried {
    Created(Box<Resource>),
    Changed,
    Gone,
}

impl<T: Transport> Line<'_, T> {
    pub(super) async fn carry_out(
        &self,
        kind: &KindRules<'_>,
        object: &SourceObject,
        decision: &Decision,
        course: &mut Course,
    ) -> Result<Carried, Trouble> {
        let carried = self.write(kind, object, decision, course).await?;
        // Whether it has been another object's since before is seen when it is stored.
        if let Carried::Created(resource) = &carried
            && let Some(other) = self.account_in_flight(object, resource.id())
        {
            return Err(Trouble { failure: not_its_own(resource.id(), &other), operation: Operation::Create });
        }
        Ok(carried)
    }

    async fn write(
        &self,
        kind: &KindRules<'_>,
        object: &SourceObject,
        decision: &Decision,
        course: &mut Course,
    ) -> Result<Carried, Trouble> {
        let object_kind = kind.mapping.kind();
        match decision {
            Decision::Create { values, .. } => {
                let mut values = Cow::Borrowed(values.as_slice());
                let asks = kind.mapping.attributes().iter().any(|mapping| mapping.class == ExpressionClass::Target);
                if asks && !course.uniques_known {
                    self.unique_values(kind, object, values.to_mut(), &mut course.transcript).await?;
                }
                let password = self.password();
                let (password, transcript) = (password.as_deref(), &mut course.transcript);
                let resource = self.create(object_kind, &object.anchor, &values, password, transcript).await?;
                Ok(Carried::Created(Box::new(resource)))
            }
            Decision::Update { changes, .. } => {
                let Course { knowledge, transcript, .. } = course;
                let current = read_back(knowledge).ok_or_else(|| lost_track(Operation::Update))?;
                self.update(object_kind, current, changes, Operation::Update, transcript).await?;
                Ok(Carried::Changed)
            }
            Decision::Disable { changes, .. } => {
                let Course { knowledge, transcript, .. } = course;
                let current = read_back(knowledge).ok_or_else(|| lost_track(Operation::Disable))?;
                match self.update(object_kind, current, changes, Operation::Disable, transcript).await? {
                    Written::Done => Ok(Carried::Changed),
                    Written::AlreadyGone => Ok(Carried::Gone),
                }
            }
            Decision::Delete { target, .. } if self.wire.deletes(object_kind) => {
                self.delete(object_kind, target, &mut course.transcript).await?;
                Ok(Carried::Gone)
            }
            // A dialect that never deletes deactivates instead (wire.md 25).
            Decision::Delete { target, .. } => {
                let ReadAnswer::Found(current) =
                    self.read(object_kind, target, &course.desired, &mut course.transcript).await?
                else {
                    return Ok(Carried::Gone);
                };
                let changes = plan::changes_on_update(&course.desired, &current);
                self.update(object_kind, &current, &changes, Operation::Disable, &mut course.transcript).await?;
                Ok(Carried::Gone)
            }
            Decision::Skip { .. } | Decision::Fail(_) | Decision::Pass(_) => Ok(Carried::Changed),
        }
    }

    /// Adds the values that need the target's word, on creation only (`SelectUniqueValue`).
    pub(super) async fn unique_values(
        &self,
        kind: &KindRules<'_>,
        object: &SourceObject,
        values: &mut Vec<Change>,
        transcript: &mut Transcript,
    ) -> Result<(), Trouble> {
        for (index, mapping) in kind.mapping.attributes().iter().enumerate() {
            if mapping.class != ExpressionClass::Target {
                continue;
            }
            let path = mapping.rule.path.as_str();
            let mut answers: BTreeMap<String, bool> = BTreeMap::new();
            loop {
                let open = RefCell::new(None);
                let flow = {
                    let random = self.random(object);
                    let ask = |value: &str| -> Result<bool, String> {
                        answers.get(value).copied().ok_or_else(|| {
                            *open.borrow_mut() = Some(value.to_owned());
                            "not asked yet".to_owned()
                        })
                    };
                    let context = Context { now: DateTime::from(self.as_of()), random: &random, uniqueness: &ask };
                    kind.mapping.evaluate_one(index, object, false, &context)
                };
                let open = open.into_inner();
                match (open, flow) {
                    (Some(value), _) => {
                        let taken = self.reserve(path, &value)
                            || self.is_taken(kind.mapping.kind(), &mapping.rule, &value, transcript).await?;
                        answers.insert(value, taken);
                    }
                    (None, Some(Ok(Flow::Value(value)))) => {
                        values.push(Change { rule: mapping.rule.clone(), set: Some(value), before: None });
                        break;
                    }
                    (None, Some(Err(failure))) => return Err(Trouble { failure, operation: Operation::Evaluate }),
                    (None, Some(Ok(Flow::Null | Flow::Ignore)) | None) => break,
                }
            }
        }
        Ok(())
    }

    /// Reserves a unique value for this run; true where it was handed out before.
    fn reserve(&self, path: &str, value: &str) -> bool {
        let mut reserved = self.reserved.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        !reserved.entry(path.to_owned()).or_default().insert(value.to_lowercase())
    }

    /// Eight characters that nobody keeps, where the dialect sends some (wire.md 18.1).
    pub(super) fn password(&self) -> Option<String> {
        if !self.wire.sends_password() {
            return None;
        }
        if self.run.dry_run {
            return Some(record::REDACTED.to_owned());
        }
        let mut bytes = [0; 8];
        let mut seed = self.run.seed;
        seed[0] ^= 0x5a;
        SeededRandom::new(seed).fill(&mut bytes);
        const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
        Some(bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect())
    }
}

fn lost_track(operation: Operation) -> Trouble {
    let failure = Failure::new(ErrorCode::InternalError, "the account to change was not read before");
    Trouble { failure, operation }
}

pub(super) fn carried_target(carried: Option<&Carried>) -> Option<&TargetId> {
    match carried {
        Some(Carried::Created(resource)) => Some(resource.id()),
        Some(Carried::Changed | Carried::Gone) | None => None,
    }
}
