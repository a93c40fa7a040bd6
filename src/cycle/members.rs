//! The members of one group, in bounded requests; whoever the target refuses is found and set aside (wire.md 12, 18).

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::error::ServiceError;
use super::intended::{Held, Side};
use super::line::Line;
use super::references::{Settled, Story};
use super::service::Service;
use super::transcript::Transcript;
use crate::model::{
    Class, Details, ErrorCode, Failure, IntendedReference, ModifiedProperty, ObjectKind, Operation, Resource,
    SourceAnchor, TargetId,
};
use crate::plan::ReadAnswer;
use crate::store::{EscrowChange, Joining, Member, Sender, Staging, StoreError};
use crate::target::Transport;
use crate::wire::{self, MembershipForm, Refusal};

/// Single members that are refused one after the other before the target is taken to refuse everybody.
const REFUSED_IN_A_ROW: u32 = 10;
/// Members that a log entry names.
const NAMED: usize = 20;
/// Members of one group whose names are looked up for a plan.
const NAMED_IN_PLANS: usize = 1000;
/// The attribute.
pub(super) const MEMBERS: &str = "members";

/// Which members of a group are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Which {
    All,
    /// At most so many.
    Most(usize),
    Only(BTreeSet<SourceAnchor>),
}

/// What became of the members.
#[derive(Debug, Default)]
struct Delivery {
    joined: u64,
    left: u64,
    names: Vec<String>,
    /// While planning: everybody.
    sent: Vec<Member>,
    refused: Vec<(SourceAnchor, Failure)>,
    in_a_row: u32,
    /// Why the rest was not sent.
    failure: Option<Failure>,
    transcript: Transcript,
}

/// How one request ended.
enum Pushed {
    Taken,
    /// Refused for what is in it: the members are tried in halves.
    Refused(Failure),
    /// Nothing more can be sent to this group.
    Ended(Failure),
}

impl<T: Transport> Line<'_, T> {
    async fn deliver_members(
        &self,
        group: &SourceAnchor,
        target: &TargetId,
        new: Option<Resource>,
        which: &Which,
        stop: &CancellationToken,
    ) -> Result<Delivery, StoreError> {
        let mut delivery = Delivery::default();
        let mut holder = Holder { id: target, current: new, known: false };
        let form = self.wire.membership_form();
        let batch = match form {
            MembershipForm::Apart | MembershipForm::Together => self.wire.member_batch(),
            MembershipForm::Whole => usize::MAX,
        };
        let order = match form {
            MembershipForm::Apart => [Joining::Joins, Joining::Rejoins, Joining::Leaves],
            MembershipForm::Together | MembershipForm::Whole => [Joining::Leaves, Joining::Joins, Joining::Rejoins],
        };
        let mut room = match which {
            Which::Most(most) => *most,
            Which::All | Which::Only(_) => usize::MAX,
        };
        let mut waiting: Vec<Member> = Vec::new();
        for joining in order {
            let mut after: Option<SourceAnchor> = None;
            while room > 0 && delivery.failure.is_none() && !stop.is_cancelled() && !self.breaker.is_open() {
                let mut page = self.book().ready_members(self.job, group, joining, after.as_ref(), batch.min(room))?;
                let Some(last) = page.last() else { break };
                after = Some(last.anchor.clone());
                if let Which::Only(named) = which {
                    page.retain(|member| named.contains(&member.anchor));
                }
                if let Some(planned) = self.planned() {
                    let ready = page.len();
                    page.retain(|member| planned.holds_reference(group, MEMBERS, side(member)) == Held::AsIs);
                    self.withheld.fetch_add((ready - page.len()) as u64, Ordering::Relaxed);
                }
                room = room.saturating_sub(page.len());
                if form == MembershipForm::Apart {
                    self.deliver_page(group, &mut holder, page, &mut delivery, stop).await?;
                } else {
                    waiting.append(&mut page);
                }
            }
        }
        // Where additions and removals share a request, they are cut together.
        while !waiting.is_empty() && delivery.failure.is_none() {
            let rest = if waiting.len() > batch { waiting.split_off(batch) } else { Vec::new() };
            self.deliver_page(group, &mut holder, std::mem::replace(&mut waiting, rest), &mut delivery, stop).await?;
        }
        Ok(delivery)
    }

    /// Sends some members; a refused request is halved until the members remain that the target does not take.
    async fn deliver_page(
        &self,
        group: &SourceAnchor,
        holder: &mut Holder<'_>,
        page: Vec<Member>,
        delivery: &mut Delivery,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let mut stack = vec![page];
        while let Some(mut members) = stack.pop() {
            if members.is_empty() {
                continue;
            }
            if stop.is_cancelled() || self.breaker.is_open() {
                return Ok(());
            }
            // A list that is replaced as a whole must be whole (wire.md 18, full push).
            let held = match self.wire.pushes_whole_lists() {
                true => self.book().held_members(self.job, group)?,
                false => Vec::new(),
            };
            let pushed = self.push(holder, &members, &held, &mut delivery.transcript).await;
            if delivery.transcript.given_up {
                return Ok(());
            }
            self.breaker.note(match &pushed {
                Pushed::Ended(failure) => Some(failure),
                Pushed::Taken | Pushed::Refused(_) => None,
            });
            match pushed {
                Pushed::Taken => {
                    delivery.in_a_row = 0;
                    for member in &members {
                        let (count, sign) = match member.joining {
                            Joining::Joins | Joining::Rejoins => (&mut delivery.joined, '+'),
                            Joining::Leaves => (&mut delivery.left, '-'),
                        };
                        *count += 1;
                        if delivery.names.len() < NAMED {
                            delivery.names.push(format!("{sign}{}", member.anchor));
                        }
                    }
                    if self.is_planning() {
                        delivery.sent.extend(members.iter().cloned());
                    }
                    let sender = Sender { cycle: self.run.cycle_id.clone(), at: self.now() };
                    self.book().settle_members(self.job, sender, group.clone(), members).await?;
                }
                Pushed::Ended(failure) => {
                    delivery.failure = Some(failure);
                    return Ok(());
                }
                Pushed::Refused(failure) if members.len() == 1 => {
                    delivery.in_a_row += 1;
                    if delivery.in_a_row >= REFUSED_IN_A_ROW {
                        let message = format!(
                            "{} members were refused one after the other, the last with: {}",
                            delivery.in_a_row, failure.message
                        );
                        delivery.failure = Some(Failure { message, ..failure });
                        return Ok(());
                    }
                    for member in members {
                        delivery.refused.push((member.anchor.clone(), failure.clone()));
                        self.book().refuse_member(self.job, group.clone(), member).await?;
                    }
                }
                Pushed::Refused(_) => {
                    let second = members.split_off(members.len() / 2);
                    stack.push(second);
                    stack.push(members);
                }
            }
        }
        Ok(())
    }

    /// One change of membership; sent again once where the group had changed since it was read.
    async fn push(
        &self,
        holder: &mut Holder<'_>,
        members: &[Member],
        held: &[TargetId],
        transcript: &mut Transcript,
    ) -> Pushed {
        for attempt in 0..2 {
            let current = match self.current(holder, transcript).await {
                Ok(current) => current,
                Err(failure) => return Pushed::Ended(failure),
            };
            let leaves = |member: &&Member| member.joining == Joining::Leaves;
            let join = members.iter().filter(|member| !leaves(member));
            let join = held.iter().chain(join.map(|member| &member.target));
            let add: Vec<wire::Member<'_>> = join.map(|id| wire::Member { id, display: None }).collect();
            let remove: Vec<&TargetId> = members.iter().filter(leaves).map(|member| &member.target).collect();
            let membership = wire::Membership { add: &add, remove: &remove };
            let update = self.wire.update(ObjectKind::Group, &current, &[], Some(membership));
            match self.send_all(holder, &update.requests, transcript).await {
                Ok(()) => return Pushed::Taken,
                Err(refusal) if self.wire.is_stale(&refusal) && attempt == 0 => holder.current = None,
                Err(refusal) => return self.judge(holder, refusal, transcript).await,
            }
        }
        Pushed::Ended(Failure::new(ErrorCode::Conflict, "the group changes while its members are sent"))
    }

    async fn send_all(
        &self,
        holder: &mut Holder<'_>,
        requests: &[wire::Request],
        transcript: &mut Transcript,
    ) -> Result<(), Box<Refusal>> {
        let held = holder.current.take();
        for request in requests {
            let answer = self.send(request, transcript).await;
            let read = self.wire.updated(holder.id, &answer, self.now()).map_err(Box::new)?;
            holder.current = read.value;
        }
        // The name is all that is needed of a group whose members are not repeated; in a dry run it stays as it is.
        let stays = self.run.dry_run || self.wire.membership_form() == MembershipForm::Together;
        if stays && holder.current.is_none() {
            holder.current = held;
        }
        if !self.run.dry_run && self.wire.membership_form() == MembershipForm::Whole {
            holder.current = None;
        }
        Ok(())
    }

    /// Whether a refusal is about the members sent or about the group.
    async fn judge(&self, holder: &mut Holder<'_>, refusal: Box<Refusal>, transcript: &mut Transcript) -> Pushed {
        let is_answer = refusal.status.is_some_and(|status| (400..500).contains(&status));
        let is_gone = refusal.is_gone();
        let failure = transcript.trouble(Operation::Reference, *refusal).failure;
        match failure.class {
            Class::Transient | Class::Critical => return Pushed::Ended(failure),
            Class::Permanent | Class::Special => {}
        }
        if !is_answer {
            return Pushed::Ended(failure);
        }
        // 404 may mean the group as well as a member.
        if is_gone && !holder.known {
            match self.read(ObjectKind::Group, holder.id, &[], transcript).await {
                Ok(ReadAnswer::Found(_)) => holder.known = true,
                Ok(ReadAnswer::Missing) => return Pushed::Ended(failure),
                Err(trouble) => return Pushed::Ended(trouble.failure),
            }
        }
        Pushed::Refused(failure)
    }

    /// The group as the next request needs it.
    async fn current(&self, holder: &mut Holder<'_>, transcript: &mut Transcript) -> Result<Resource, Failure> {
        if let Some(current) = &holder.current {
            return Ok(current.clone());
        }
        let bare = Resource::new(json!({ "id": holder.id.as_str() }));
        if let Some(bare) = bare.filter(|_| !self.wire.needs_current()) {
            return Ok(bare);
        }
        match self.read(ObjectKind::Group, holder.id, &[], transcript).await {
            Ok(ReadAnswer::Found(resource)) => {
                holder.known = true;
                holder.current = Some((*resource).clone());
                Ok(*resource)
            }
            Ok(ReadAnswer::Missing) => {
                let message = format!("the group `{}` is gone from the target", holder.id);
                Err(Failure::new(ErrorCode::InvalidAnchor, message))
            }
            Err(trouble) => Err(trouble.failure),
        }
    }
}

/// The group whose members are sent.
struct Holder<'a> {
    id: &'a TargetId,
    /// As it was last read, where the dialect needs that.
    current: Option<Resource>,
    /// It is known to be there.
    known: bool,
}

impl Service {
    /// The members that a plan shows; by name as far as people can read.
    fn intended_members<T: Transport>(
        &self,
        line: &Line<'_, T>,
        staging: Option<&Staging>,
        members: Vec<Member>,
    ) -> Result<Vec<IntendedReference>, ServiceError> {
        let mut references = Vec::with_capacity(members.len());
        for (number, member) in members.into_iter().enumerate() {
            let name = if number < NAMED_IN_PLANS { self.name_of(line, staging, &member.anchor)? } else { None };
            let id = Some(member.target.to_string());
            let (before, after) = match member.joining {
                Joining::Joins | Joining::Rejoins => (None, id),
                Joining::Leaves => (id, None),
            };
            let (attribute, source) = (MEMBERS.to_owned(), Some(member.anchor));
            references.push(IntendedReference { attribute, before, after, source, name });
        }
        Ok(references)
    }

    /// Sends what is open of one group, and records it.
    pub(super) async fn deliver<T: Transport>(
        &self,
        line: &Line<'_, T>,
        staging: Option<&Staging>,
        group: SourceAnchor,
        target: TargetId,
        which: Which,
        stop: &CancellationToken,
    ) -> Result<Option<Settled>, ServiceError> {
        let began = Instant::now();
        let Some((_, escrow)) = self.claim_linked(line, &group, &target).await? else { return Ok(None) };
        let follow_up = staging.map(|staging| staging.followed_up(&group)).transpose()?.flatten();
        let seen = follow_up.as_ref().and_then(|follow_up| follow_up.resource.clone()).and_then(Resource::new);
        let name = self.named(line, &group, follow_up.as_ref(), seen.as_ref())?;
        // A group that is only rehearsed cannot be read.
        let made = || Resource::new(json!({ "id": target.as_str(), "displayName": name }));
        let new = if line.is_placeholder(&target) { seen.or_else(made) } else { None };
        let mut delivery = line.deliver_members(&group, &target, new, &which, stop).await?;
        if delivery.transcript.given_up {
            // what was not sent stays open
            delivery.failure = None;
            if delivery.joined + delivery.left == 0 && delivery.refused.is_empty() {
                line.book().release(line.job, group).await?;
                return Ok(None);
            }
        }
        let open = line.book().open_members(line.job, &group)?;
        let references = self.intended_members(line, staging, std::mem::take(&mut delivery.sent))?;
        let mut details = Details::new();
        for (name, count) in [
            ("joined", delivery.joined),
            ("left", delivery.left),
            ("waiting", open.waiting),
            ("open", open.add + open.remove),
        ] {
            if count > 0 {
                details.insert(name, count);
            }
        }
        if !delivery.refused.is_empty() {
            let refused = delivery.refused.iter().take(NAMED);
            let refused: Map<_, _> =
                refused.map(|(member, failure)| (member.to_string(), json!(failure.message))).collect();
            details.insert("refused", Value::Object(refused));
        }
        let sent = delivery.joined + delivery.left;
        let shown = match sent {
            0 => None,
            sent if sent as usize <= delivery.names.len() => Some(delivery.names.join(", ")),
            _ => Some(format!("+{} -{}", delivery.joined, delivery.left)),
        };
        let modified = shown.map(|new| ModifiedProperty { name: MEMBERS.into(), old: None, new: Some(new.into()) });
        let failure = delivery.failure.clone().or_else(|| refusal_of(&delivery.refused));
        let story = Story {
            kind: ObjectKind::Group,
            anchor: &group,
            target: &target,
            name: &name,
            details,
            modified: modified.into_iter().collect(),
            references,
            failure,
            transcript: delivery.transcript,
            began,
        };
        let on_success = if open.refused > 0 { EscrowChange::Keep } else { EscrowChange::Clear };
        self.settle(line, story, escrow, follow_up.as_ref(), sent > 0, on_success).await.map(Some)
    }
}

/// A member as a plan holds it.
fn side(member: &Member) -> Side<'_> {
    match member.joining {
        Joining::Joins | Joining::Rejoins => Side::Joins(member.anchor.as_str()),
        Joining::Leaves => Side::Leaves(member.anchor.as_str()),
    }
}

/// The failure of a group some of whose members were refused: the first one's, naming them.
fn refusal_of(refused: &[(SourceAnchor, Failure)]) -> Option<Failure> {
    let (first, failure) = refused.first()?;
    let message = match refused.len() {
        1 => format!("member `{first}` was refused: {}", failure.message),
        count => {
            let names: Vec<String> = refused.iter().take(NAMED).map(|(member, _)| format!("`{member}`")).collect();
            format!("{count} members were refused ({}), the first with: {}", names.join(", "), failure.message)
        }
    };
    Some(Failure { message, ..failure.clone() })
}
