//! Requests that change the membership of a group (wire.md 12, 18, 19).

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::model::{Resource, TargetId};

use super::create::CORE_GROUP;
use super::dialect::{MemberRemoval, UpdateVerb};
use super::patch::{Verb, envelope};
use super::put::{erase, use_schema};
use super::query::quote;
use super::{Change, Member, Membership, Mode, Wire};

/// How a change of membership travels (wire.md 12, 18, 19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipForm {
    /// Additions, then removals, in requests of their own.
    Apart,
    /// Removals, then additions, in one request behind the name.
    Together,
    /// The whole list: what the group holds, less the removals, plus the additions.
    Whole,
}

impl Wire {
    pub fn membership_form(&self) -> MembershipForm {
        match self.dialect.update {
            UpdateVerb::Patch => MembershipForm::Apart,
            UpdateVerb::PatchElsePut if self.announced.patch => MembershipForm::Apart,
            UpdateVerb::PatchElsePut | UpdateVerb::Put => MembershipForm::Whole,
            UpdateVerb::PutStatusByPatch => MembershipForm::Together,
        }
    }

    /// Whether a later request to an object needs it as the target holds it by then.
    pub fn needs_current(&self) -> bool {
        self.membership_form() != MembershipForm::Apart || self.dialect.if_match
    }

    /// Whether a change of membership replaces the whole list (option `full_push`): what is added is everybody then.
    pub fn pushes_whole_lists(&self) -> bool {
        self.options.full_push && self.membership_form() != MembershipForm::Apart
    }

    /// How many members go into one request.
    pub fn member_batch(&self) -> usize {
        let habit = match self.mode {
            Mode::StandIn => self.dialect.member_batch_stand_in,
            Mode::Provisioning => self.dialect.member_batch,
        };
        self.options.member_batch.map(usize::from).or(habit).unwrap_or(usize::MAX)
    }

    /// PATCH bodies that add, then remove, in batches.
    pub(super) fn membership_patches(&self, membership: Membership<'_>) -> Vec<Value> {
        let batch = self.member_batch();
        let additions = membership.add.chunks(batch).map(|members| {
            let elements = members.iter().map(|member| self.member(member)).collect();
            vec![self.operation(Verb::Add, Some("members"), Some(elements))]
        });
        let removals = membership.remove.chunks(batch).map(|members| self.removals(members));
        additions.chain(removals).map(envelope).collect()
    }

    fn member(&self, member: &Member<'_>) -> Value {
        match self.options.member_ref_null {
            true => json!({ "$ref": null, "value": member.id.as_str() }),
            false => json!({ "value": member.id.as_str() }),
        }
    }

    fn removals(&self, members: &[&TargetId]) -> Vec<Value> {
        match self.dialect.member_removal {
            MemberRemoval::ValueArray => {
                let elements = members.iter().map(|id| json!({ "value": id.as_str() })).collect();
                vec![self.operation(Verb::Remove, Some("members"), Some(elements))]
            }
            MemberRemoval::ValueFilter => members
                .iter()
                .map(|id| {
                    let mut path = "members[value eq ".to_owned();
                    quote(id.as_str(), &mut path);
                    path.push(']');
                    self.operation(Verb::Remove, Some(&path), None)
                })
                .collect(),
        }
    }

    /// PATCH bodies of the catalogue client: the name first, then the membership in one request (wire.md 18).
    pub(super) fn named_group_patches(
        &self,
        current: &Resource,
        changes: &[&Change<'_>],
        membership: Option<Membership<'_>>,
    ) -> Vec<Value> {
        let id = current.id().as_str();
        let mut fields = Map::new();
        fields.insert("id".to_owned(), Value::from(id));
        fields.extend(current.display_name().map(|name| ("displayName".to_owned(), Value::from(name))));
        for change in changes {
            if let Some(value) = change.set {
                fields.insert(change.path.as_str().to_owned(), self.create_value(change.path, value));
            }
        }
        let name = fields.get("displayName").cloned();
        let rename = self.operation(Verb::Replace, None, Some(Value::Object(fields)));
        let mut bodies = vec![envelope(vec![rename])];
        let Some(membership) = membership else { return bodies };
        let added = || membership.add.iter().map(shown).collect::<Value>();
        if self.options.full_push {
            let push = match self.options.members_pathless {
                false => self.operation(Verb::Replace, Some("members"), Some(added())),
                true => {
                    let value = json!({ "members": added(), "id": id, "displayName": name });
                    self.operation(Verb::Replace, None, Some(value))
                }
            };
            bodies.push(envelope(vec![push]));
        } else {
            let mut operations = self.removals(membership.remove);
            if !membership.add.is_empty() {
                operations.push(self.operation(Verb::Add, Some("members"), Some(added())));
            }
            bodies.push(envelope(operations));
        }
        bodies
    }

    /// The PUT body with the full list: members of the read-back, less the removals, plus the additions.
    pub(super) fn group_put(
        &self,
        current: &Resource,
        changes: &[&Change<'_>],
        membership: Option<Membership<'_>>,
    ) -> Value {
        let replaces = self.options.full_push && membership.is_some();
        let membership = membership.unwrap_or_default();
        let held = current.body().iter().find(|(key, _)| key.eq_ignore_ascii_case("members"));
        let held = held.and_then(|(_, members)| members.as_array()).map_or(&[][..], Vec::as_slice);
        let id_of = |member: &Value| member.get("value").and_then(Value::as_str).map(str::to_owned);
        let gone: HashSet<&str> = membership.remove.iter().map(|gone| gone.as_str()).collect();
        let leaves = |id: &str| gone.contains(id);
        let kept = held.iter().filter(|member| !replaces && id_of(member).is_none_or(|id| !leaves(&id)));
        let mut members: Vec<Value> = kept.cloned().collect();
        let mut known: HashSet<String> = members.iter().filter_map(id_of).collect();
        for member in membership.add {
            if known.insert(member.id.as_str().to_owned()) {
                members.push(shown(member));
            }
        }
        match self.dialect.update {
            UpdateVerb::Put | UpdateVerb::PutStatusByPatch => {
                let mut body = Map::new();
                body.insert("schemas".to_owned(), json!([CORE_GROUP]));
                body.extend(current.display_name().map(|name| ("displayName".to_owned(), Value::from(name))));
                self.keep_mapped(current, &mut body);
                for change in changes {
                    match change.set {
                        Some(value) => self.overlay(&mut body, change.path, self.create_value(change.path, value)),
                        None => erase(&mut body, change.path),
                    }
                }
                body.insert("members".to_owned(), Value::Array(members));
                Value::Object(body)
            }
            UpdateVerb::Patch | UpdateVerb::PatchElsePut => {
                let mut body = self.overlaid_writable(current, changes);
                if let Value::Object(object) = &mut body {
                    object.retain(|key, _| !key.eq_ignore_ascii_case("members"));
                    object.insert("members".to_owned(), Value::Array(members));
                }
                body
            }
        }
    }
}

impl Wire {
    /// Repeats what the mapping gave the group besides its name: a PUT takes away whatever it lacks.
    fn keep_mapped(&self, current: &Resource, body: &mut Map<String, Value>) {
        for path in &self.mapped_in_groups {
            let name = path.urn().unwrap_or(path.attribute());
            let held = current.body().iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            if let Some((key, value)) = held.filter(|(key, _)| !body.contains_key(*key)) {
                body.insert(key.clone(), value.clone());
                if let Some(urn) = path.urn() {
                    use_schema(body, urn);
                }
            }
        }
    }
}

impl Membership<'_> {
    /// Whether nobody joins or leaves.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }
}

/// A member with its login name, which may be null (wire.md 18).
fn shown(member: &Member<'_>) -> Value {
    json!({ "value": member.id.as_str(), "display": member.display })
}
