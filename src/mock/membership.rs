//! The PATCH of a group that only adds and removes members: it costs what it names.

use serde_json::Value;

use super::defect::Defect;
use super::failure::Refusal;
use super::filter::{Filter, PatchPath};
use super::journal::Record;
use super::members::Member;
use super::patch::{Operation, Verb};
use super::path::is_empty;
use super::resource::known;
use super::schema::Resource;
use super::service::Service;
use super::shape::Shaper;
use super::store::Store;

/// The members that a PATCH adds and the ids that it removes, in this order.
type MemberChanges = (Vec<Member>, Vec<String>);

impl Service {
    /// Returns the members to add and the ids to remove, when that is all a PATCH asks for: such
    /// a change costs what it names, not what the group holds.
    pub(super) fn member_changes(
        &self,
        shaper: Shaper,
        operations: &[Operation<'_>],
    ) -> Result<Option<MemberChanges>, Refusal> {
        let (mut add, mut remove) = (Vec::new(), Vec::new());
        let special = [
            Defect::MemberRemoveWipes,
            Defect::MemberRemoveIgnored,
            Defect::MemberDuplicate,
            Defect::EmptyMembersRefused,
            Defect::MembersCut100,
            Defect::Null500,
            Defect::AttributeCaseSensitive,
            Defect::LowercasesValues,
        ];
        if special.iter().any(|defect| self.defects.has(*defect)) {
            return Ok(None);
        }
        for operation in operations {
            let (list, element) = match &operation.path {
                Some(PatchPath::Attribute(path)) if path.sub.is_none() => (path, None),
                Some(PatchPath::Element(path)) if path.sub.is_none() => {
                    (&path.list, path.filter.required_text("value"))
                }
                _ => return Ok(None),
            };
            if list.urn.is_some() || !list.name.eq_ignore_ascii_case("members") {
                return Ok(None);
            }
            let by_filter = matches!(&operation.path, Some(PatchPath::Element(path))
                if matches!(&*path.filter, Filter::Attribute(..)));
            match (operation.verb, element) {
                (Verb::Remove, Some(id)) if by_filter => remove.push(id.to_owned()),
                // Additions go first: what is removed before it is added again is a case for all.
                (Verb::Add, None) if !by_filter && remove.is_empty() => {
                    add.extend(shaped_members(shaper, operation.value)?);
                }
                (Verb::Remove, None) if !by_filter && !is_empty(operation.value) => {
                    let members = shaped_members(shaper, operation.value)?;
                    remove.extend(members.into_iter().map(|member| member.value.into()));
                }
                _ => return Ok(None),
            }
        }
        Ok(Some((add, remove)))
    }

    pub(super) fn change_members(
        &self,
        store: &mut Store,
        id: &str,
        add: Vec<Member>,
        remove: Vec<String>,
    ) -> Result<(), Refusal> {
        let entry = known(store.groups.get(id))?;
        let (seq, version) = (entry.seq, entry.version + 1);
        let mut doc = entry.doc();
        self.stamp(&mut doc, version);
        self.record(&Record::Members { id, doc: &doc, add: &add, remove: &remove })?;
        store.groups.put(id, seq, version, &doc);
        for member in add {
            store.add_member(id, member, false);
        }
        for member in remove {
            store.remove_member(id, &member);
        }
        Ok(())
    }
}

fn shaped_members(shaper: Shaper, value: &Value) -> Result<Vec<Member>, Refusal> {
    let members = Resource::Group.attribute("members");
    let members = members.expect("the schema of groups has members");
    let shaped = shaper.value(members, value)?;
    let items = shaped.as_ref().and_then(Value::as_array);
    Ok(items.into_iter().flatten().filter_map(Member::from_json).collect())
}
