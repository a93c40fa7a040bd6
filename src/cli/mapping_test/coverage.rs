//! What the cases of a test exercised, and what they left out.

use crate::config::{MappingFile, ObjectRules};
use crate::model::{Failure, ObjectKind, TargetValue};
use crate::scoping;

/// Something of a mapping file that no case exercised.
#[derive(Debug, PartialEq, Eq)]
pub struct Gap {
    /// `users` or `groups`.
    pub object: &'static str,
    /// The target attribute, or the clause with its place.
    pub name: String,
    /// What did not happen.
    pub missing: &'static str,
}

/// What happened so far, by kind of object.
#[derive(Debug)]
pub(super) struct Coverage {
    users: Seen,
    groups: Seen,
}

#[derive(Debug, Default)]
struct Seen {
    /// By mapping: it gave a value, or the error that was asked for.
    mappings: Vec<bool>,
    scope: Vec<Clause>,
    input_scope: Vec<Clause>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Clause {
    held: bool,
    failed: bool,
}

impl Coverage {
    pub(super) fn new(mapping: &MappingFile) -> Self {
        let groups = mapping.groups.as_ref().map(Seen::new).unwrap_or_default();
        Self { users: Seen::new(&mapping.users), groups }
    }

    fn of(&mut self, kind: ObjectKind) -> &mut Seen {
        match kind {
            ObjectKind::User => &mut self.users,
            ObjectKind::Group => &mut self.groups,
        }
    }

    pub(super) fn filters(&mut self, kind: ObjectKind, scope: &scoping::Verdict<'_>, input: &scoping::Verdict<'_>) {
        let seen = self.of(kind);
        for (clauses, verdict) in [(&mut seen.scope, scope), (&mut seen.input_scope, input)] {
            let results = verdict.groups.iter().flat_map(|group| &group.clauses);
            for (clause, result) in clauses.iter_mut().zip(results) {
                clause.held |= result.result == Ok(true);
                clause.failed |= result.result == Ok(false);
            }
        }
    }

    pub(super) fn values(&mut self, kind: ObjectKind, values: &[Result<Option<TargetValue>, Failure>]) {
        for (seen, value) in self.of(kind).mappings.iter_mut().zip(values) {
            *seen |= !matches!(value, Ok(None));
        }
    }

    pub(super) fn gaps(&self, mapping: &MappingFile) -> Vec<Gap> {
        let mut gaps = self.users.gaps("users", &mapping.users);
        gaps.extend(mapping.groups.iter().flat_map(|rules| self.groups.gaps("groups", rules)));
        gaps
    }
}

impl Seen {
    fn new(rules: &ObjectRules) -> Self {
        Self {
            mappings: vec![false; rules.mapping.attributes().len()],
            scope: vec![Clause::default(); rules.scope.attributes().count()],
            input_scope: vec![Clause::default(); rules.input_scope.attributes().count()],
        }
    }

    fn gaps(&self, object: &'static str, rules: &ObjectRules) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for (mapping, seen) in rules.mapping.attributes().iter().zip(&self.mappings) {
            if !seen && !mapping.gives_nothing() {
                let name = mapping.rule.path.to_string();
                gaps.push(Gap { object, name, missing: "never gave a value" });
            }
        }
        for (key, clauses, filter) in
            [("scope", &self.scope, &rules.scope), ("input_scope", &self.input_scope, &rules.input_scope)]
        {
            for (name, clause) in filter.clauses().zip(clauses) {
                let name = format!("{key}: {name}");
                if !clause.held {
                    gaps.push(Gap { object, name: name.clone(), missing: "never held" });
                }
                if !clause.failed {
                    gaps.push(Gap { object, name, missing: "never failed" });
                }
            }
        }
        gaps
    }
}
