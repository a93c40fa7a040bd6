//! Where an object stands: its state, its scope, and a hash over everything of it that is used (service.md 3, 9, 13.1, D-15).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use super::line::{KindRules, Line};
use crate::model::{ErrorCode, Failure, Identity, SourceAnchor, SourceObject, SourceState, SourceValue};
use crate::plan::Scope;
use crate::store::{ObjectRow, StoreError};

/// The standing of one object in this cycle.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub scope: Result<Scope, Failure>,
    pub input_passed: bool,
    /// Hash over what is used; 0 for an object that is absent.
    pub used: u64,
    /// Since when it is soft-deleted.
    pub left_at: Option<Timestamp>,
}

/// What decides about scope besides the filters of a mapping.
#[derive(Debug, Clone)]
pub struct ScopeRules {
    /// Scope mode `assigned`.
    pub assigned_only: bool,
    /// Single people by anchor or first matching value, in lower case; empty: everybody.
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    pub retention: SignedDuration,
}

impl Standing {
    /// Judges an object that the export holds.
    pub(super) fn of_present(
        object: &SourceObject,
        row: Option<&ObjectRow>,
        rules: &ScopeRules,
        kind: &KindRules<'_>,
        assigned: bool,
        now: Timestamp,
    ) -> Self {
        let mut state = object.state();
        // What could not be read is as it was last known; of whom nothing is known nothing is concluded (sources.md, rule 2).
        let unread = object.is_unknown("accountEnabled") && state == SourceState::Active;
        if unread && row.is_some_and(|row| row.state == SourceState::Disabled) {
            state = SourceState::Disabled;
        }
        let left_at = match state {
            SourceState::SoftDeleted => Some(since(object).or_else(|| row.and_then(|row| row.left_at)).unwrap_or(now)),
            SourceState::Active | SourceState::Disabled | SourceState::HardDeleted => None,
        };
        if left_at.is_some_and(|left_at| left_at + rules.retention <= now) {
            state = SourceState::HardDeleted;
        }
        // A deleted record only deletes (sources.md 12.2): what it says of its scope is the last that was known.
        let deleted = matches!(state, SourceState::SoftDeleted | SourceState::HardDeleted);
        let last = row.filter(|_| deleted);
        let filter_passed = match last {
            Some(row) => Ok(row.filter_passed),
            None => kind.scope.tells(object).map(|told| told.unwrap_or(row.is_some_and(|row| row.filter_passed))),
        };
        let input_passed = match kind.input_scope.tells(object) {
            // An error of the filter concerns who is there.
            told if deleted => {
                let was_passed = row.is_none_or(|row| !row.left_out);
                let in_lists = rules.lists_let_in(object, kind).unwrap_or(was_passed);
                Ok(in_lists && told.ok().flatten().unwrap_or(was_passed))
            }
            // What could not be read is as it was last known.
            Ok(passed) => {
                let in_lists = rules.lists_let_in(object, kind).unwrap_or(rules.include.is_empty());
                Ok(passed.unwrap_or(row.is_some_and(|row| !row.left_out)) && in_lists)
            }
            Err(fault) => Err(fault),
        };
        // An error of either filter leaves the object as it is (D-23).
        let filter_passed = filter_passed.and_then(|passed| input_passed.clone().map(|_| passed));
        let input_passed = input_passed.unwrap_or(true);
        let scope = match filter_passed {
            Ok(filter_passed) => Ok(Scope {
                state,
                assigned: last.map_or(assigned || !rules.assigned_only, |row| row.assigned),
                filter_passed,
            }),
            Err(fault) => Err(Failure::new(ErrorCode::ScopeEvaluationFailed, fault.to_string())),
        };
        let used = used_hash(object, kind, state, scope.as_ref().map_or(assigned, |scope| scope.assigned));
        Self { scope, input_passed, used, left_at }
    }

    /// Judges an object that a complete export lacks (D-02).
    ///
    /// `names`: what is remembered of how it was called; needed of whom was left out.
    pub(super) fn of_absent(
        row: &ObjectRow,
        rules: &ScopeRules,
        kind: &KindRules<'_>,
        names: &[&str],
        now: Timestamp,
    ) -> Self {
        let left_at = row.left_at.unwrap_or(now);
        let state = if left_at + rules.retention <= now { SourceState::HardDeleted } else { SourceState::SoftDeleted };
        let scope = Scope { state, assigned: row.assigned, filter_passed: row.filter_passed };
        // What an input scope would say of it nobody knows.
        let may_pass = !row.left_out || kind.input_scope.is_empty();
        let input_passed = may_pass && rules.let_in(&row.anchor, names).unwrap_or(!row.left_out);
        Self { scope: Ok(scope), input_passed, used: 0, left_at: Some(left_at) }
    }

    /// Whether the source says something else than at the last evaluation that came to its end.
    pub(super) fn changed_since(&self, row: &ObjectRow) -> bool {
        // 0: absent, or an evaluation that did not end
        self.used != 0 && row.used != 0 && self.used != row.used
    }

    /// Whether anything differs from what the last evaluation saw.
    pub(super) fn differs_from(&self, row: Option<&ObjectRow>) -> bool {
        let Some(row) = row else { return true };
        match &self.scope {
            Ok(scope) => {
                self.used != row.used
                    || self.input_passed == row.left_out
                    || scope.state != row.state
                    || scope.assigned != row.assigned
                    || scope.filter_passed != row.filter_passed
            }
            Err(_) => self.used != row.used,
        }
    }
}

impl<T> Line<'_, T> {
    /// [`Standing::of_absent`], with what the log remembers of its names where they decide.
    pub(super) fn of_absent(
        &self,
        row: &ObjectRow,
        kind: &KindRules<'_>,
        now: Timestamp,
    ) -> Result<Standing, StoreError> {
        let last = if row.left_out { self.store.last_identity(self.job, &row.anchor)? } else { None };
        let names: Vec<&str> = last.iter().flat_map(Identity::names).collect();
        Ok(Standing::of_absent(row, self.scope, kind, &names, now))
    }
}

impl ScopeRules {
    /// `source.include` and `source.exclude`; whoever they leave out is neither provisioned nor deprovisioned (X7).
    fn lists_let_in(&self, object: &SourceObject, kind: &KindRules<'_>) -> Option<bool> {
        if self.include.is_empty() && self.exclude.is_empty() {
            return Some(true);
        }
        let name = kind.mapping.matching_value(object);
        self.let_in(&object.anchor, name.as_deref().as_slice())
    }

    /// Takes away from `names` those that an object has, as the lists name people.
    pub(super) fn strike_out(names: &mut BTreeSet<&str>, object: &SourceObject, kind: &KindRules<'_>) {
        if names.is_empty() {
            return;
        }
        let name = kind.mapping.matching_value(object);
        for name in std::iter::once(object.anchor.as_str()).chain(name.as_deref()) {
            names.remove(&*name.to_lowercase());
        }
    }

    /// Says whether the lists let an object in; `None` where its names would tell and there are none.
    fn let_in(&self, anchor: &SourceAnchor, names: &[&str]) -> Option<bool> {
        if self.include.is_empty() && self.exclude.is_empty() {
            return Some(true);
        }
        let is_named = |list: &[String]| {
            let mut all = std::iter::once(anchor.as_str()).chain(names.iter().copied());
            !list.is_empty() && all.any(|name| list.contains(&name.to_lowercase()))
        };
        let (included, excluded) = (is_named(&self.include), is_named(&self.exclude));
        let is_open = self.include.is_empty() || included;
        match (excluded, is_open) {
            (true, _) => Some(false),
            (false, true) if included && self.exclude.is_empty() => Some(true),
            _ if names.is_empty() => None,
            (false, is_open) => Some(is_open),
        }
    }
}

/// The deletion date that the source gives.
fn since(object: &SourceObject) -> Option<Timestamp> {
    object.text("deletedDateTime")?.parse().ok()
}

fn used_hash(object: &SourceObject, kind: &KindRules<'_>, state: SourceState, assigned: bool) -> u64 {
    let mut hash = Xxh3Default::new();
    let mut feed = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    feed(&[state as u8, u8::from(assigned), u8::from(object.partial)]);
    for name in kind.used {
        let Some(value) = object.attribute(name) else {
            if object.is_unknown(name) {
                feed(name.as_bytes());
                feed(b"unknown");
            }
            continue;
        };
        feed(name.as_bytes());
        if object.incomplete.contains(name) {
            feed(b"incomplete");
        }
        match value {
            SourceValue::Text(text) => feed(text.as_bytes()),
            SourceValue::Bool(flag) => feed(&[u8::from(*flag)]),
            SourceValue::Integer(number) => feed(&number.to_le_bytes()),
            // Members are a set: an exporter that shuffles them changes nothing.
            SourceValue::List(list) if name == "members" => {
                let sum = list.iter().fold(0, |sum: u64, text| sum.wrapping_add(xxh3_64(text.as_bytes())));
                feed(&sum.to_le_bytes());
                feed(&(list.len() as u64).to_le_bytes());
            }
            SourceValue::List(list) => list.iter().for_each(|text| feed(text.as_bytes())),
            SourceValue::Roles(roles) => {
                for role in roles {
                    for part in [&role.id, &role.value, &role.display_name] {
                        feed(part.as_deref().unwrap_or_default().as_bytes());
                    }
                }
            }
        }
    }
    // 0 is the mark of a row that must be evaluated again.
    hash.digest().max(1)
}
