//! Who is assigned (service.md 9.1, sources.md 12.4).

use std::collections::{HashMap, HashSet};

use crate::model::{ObjectKind, SourceObject, SourceValue};
use crate::source::SetReport;

/// Why nothing may be concluded in scope mode `assigned`, and what to do.
pub(super) const UNSAID: (&str, &str) = (
    "`scope: assigned` is set, and the source does not say who is assigned",
    "export an `assigned` column or `appRoleAssignments`, add a file with the role `assignments`, or set `scope: all`",
);

/// What is heard of assignments while the source is read.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Direct members of each group, by the group's anchor and by its name, in lower case.
    members: HashMap<String, Vec<String>>,
    /// Groups that are assigned by their own record.
    groups: Vec<String>,
    /// Some object says whether it is assigned.
    spoke: bool,
}

impl Heard {
    pub(super) fn hear(&mut self, object: &SourceObject) {
        self.spoke |= says(object);
        if object.kind != ObjectKind::Group {
            return;
        }
        let anchor = object.anchor.as_str().to_lowercase();
        if is_assigned(object) {
            self.groups.push(anchor.clone());
        }
        let members: Vec<String> = match object.attribute("members") {
            Some(SourceValue::List(members)) => members.iter().map(|member| member.to_lowercase()).collect(),
            Some(SourceValue::Text(member)) => vec![member.to_lowercase()],
            _ => Vec::new(),
        };
        if let Some(name) = object.text("displayName") {
            self.members.insert(name.to_lowercase(), members.clone());
        }
        self.members.insert(anchor, members);
    }

    /// Puts together who is assigned; `None` where the source does not say, so that nothing may be concluded from silence.
    pub(super) fn judge(self, report: &SetReport) -> Option<Assigned> {
        let listed = report.assignments.as_ref();
        if !self.spoke && listed.is_none() {
            return None;
        }
        let mut ids: HashSet<String> = HashSet::new();
        for assignment in listed.into_iter().flatten() {
            let id = assignment.id.to_lowercase();
            if assignment.kind != Some(ObjectKind::User)
                && let Some(members) = self.members.get(&id)
            {
                ids.extend(members.iter().cloned());
            }
            ids.insert(id);
        }
        // Only direct members of an assigned group count: nested groups are not read (service.md 9.1).
        for group in &self.groups {
            ids.extend(self.members.get(group).into_iter().flatten().cloned());
        }
        Some(Assigned { ids })
    }
}

/// Everybody whom an assignment file or an assigned group names, in lower case.
#[derive(Debug, Default)]
pub(super) struct Assigned {
    ids: HashSet<String>,
}

impl Assigned {
    pub(super) fn holds(&self, object: &SourceObject) -> bool {
        let named = |text: &str| !self.ids.is_empty() && self.ids.contains(&text.to_lowercase());
        is_assigned(object)
            || named(object.anchor.as_str())
            || object.text("userPrincipalName").is_some_and(named)
            || (object.kind == ObjectKind::Group && object.text("displayName").is_some_and(named))
    }
}

fn is_assigned(object: &SourceObject) -> bool {
    matches!(object.attribute("assigned"), Some(SourceValue::Bool(true)))
        || object.attribute("appRoleAssignments").is_some()
}

fn says(object: &SourceObject) -> bool {
    object.attribute("assigned").is_some() || object.attribute("appRoleAssignments").is_some()
}
