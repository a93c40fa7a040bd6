//! Finds single people in the source, without parsing everybody else.

use std::collections::HashMap;

use regex::bytes::{Regex, RegexBuilder};

use super::assignment::{Assigned, Heard};
use crate::config::{Job, ScopeMode};
use crate::model::{ObjectKind, SourceObject};
use crate::source::{self, Nothing, ObjectKey, Read, Recognise, Recognised, SetReport};
use crate::store::StoreError;

/// More names than this are looked for in every record.
const MOST_NEEDLES: usize = 64;

/// What a search of the source gave.
pub(super) struct Search {
    /// Who is assigned; `None` where the source does not say.
    pub assigned: Option<Assigned>,
    /// By the name that was asked for.
    pub found: HashMap<String, SourceObject>,
    pub report: SetReport,
}

/// How well a name fits an object; the smallest wins (contract.md 2, `provision-now`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Anchor,
    Login,
    Mail,
}

/// Reads the source for the people called `ids`.
///
/// First only records that hold one of the names are decoded; who is not found so (a name may be folded or encoded in the
/// file) is looked for in every record.
pub(super) fn search(job: &Job, ids: &[String]) -> Result<Search, StoreError> {
    // Whether somebody is assigned may stand in the record of a group.
    let all = job.scope_mode == ScopeMode::Assigned || ids.len() > MOST_NEEDLES;
    let needles = if all { None } else { needles(ids) };
    let Some(needles) = needles else { return read(job, ids, &mut Nothing) };
    let quick = read(job, ids, &mut Skipping { needles })?;
    if ids.iter().all(|id| quick.found.contains_key(id)) || quick.report.refused {
        return Ok(quick);
    }
    read(job, ids, &mut Nothing)
}

fn needles(ids: &[String]) -> Option<Regex> {
    let pattern = ids.iter().map(|id| regex::escape(id)).collect::<Vec<_>>().join("|");
    RegexBuilder::new(&pattern).case_insensitive(true).size_limit(10 << 20).build().ok()
}

/// Passes over every record that does not hold a name.
struct Skipping {
    needles: Regex,
}

impl Recognise for Skipping {
    fn recognise(&mut self, _file: usize, hash: u128, bytes: &[u8]) -> Option<Recognised> {
        // Somebody else, under a key that is as good as theirs. Where records are decoded for their references anyway, there are no bytes to look at.
        (!bytes.is_empty() && !self.needles.is_match(bytes))
            .then_some(Recognised { key: ObjectKey(hash as u64 | 1), living: true })
    }
}

fn read(job: &Job, ids: &[String], known: &mut dyn Recognise) -> Result<Search, StoreError> {
    let set = source::find(&job.source);
    let mut found: HashMap<String, (Fit, SourceObject)> = HashMap::new();
    let user_login = job.mapping.users.mapping.first_matching_source();
    let group_login = job.mapping.groups.as_ref().and_then(|groups| groups.mapping.first_matching_source());
    let mut heard = Heard::default();
    let report = source::read(&job.source, &set, None, known, &mut |read| -> Result<(), StoreError> {
        let Read::Object { object, .. } = read else { return Ok(()) };
        if job.scope_mode == ScopeMode::Assigned {
            heard.hear(&object);
        }
        let login = match object.kind {
            ObjectKind::User => user_login,
            ObjectKind::Group => group_login,
        };
        for id in ids {
            let Some(fit) = fit(&object, id, login) else { continue };
            // Of two that fit alike the later record counts, as in a cycle.
            if found.get(id).is_none_or(|(best, _)| fit <= *best) {
                found.insert(id.clone(), (fit, (*object).clone()));
            }
        }
        Ok(())
    })?;
    let assigned = heard.judge(&report);
    Ok(Search { assigned, found: found.into_iter().map(|(id, (_, object))| (id, object)).collect(), report })
}

fn fit(object: &SourceObject, id: &str, login: Option<&str>) -> Option<Fit> {
    let is = |text: Option<&str>| {
        text.is_some_and(|text| text.eq_ignore_ascii_case(id) || text.to_lowercase() == id.to_lowercase())
    };
    if is(Some(object.anchor.as_str())) {
        Some(Fit::Anchor)
    } else if is(login.and_then(|name| object.text(name))) {
        Some(Fit::Login)
    } else if is(object.text("mail")) {
        Some(Fit::Mail)
    } else {
        None
    }
}
