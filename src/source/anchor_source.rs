//! From which of several names an anchor is read: chosen once for a source and each kind, never for a record (sources.md 13).

use std::ops::ControlFlow;
use std::sync::Arc;

use super::again::each_record;
use super::file::mapper_of;
use super::map::{Mapped, Mapper};
use super::preset::{FormatName, Preset};
use super::raw::{LdifChange, RawBody, RawRecord};
use super::read::{Plan, Reading, State};
use super::rules::{KINDS, anchor_candidates, kind_name};
use super::settings::Settings;
use crate::model::ObjectKind;

/// A choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorSource {
    pub kind: ObjectKind,
    /// The canonical name of the anchor.
    pub anchor: Arc<str>,
    /// The name that the source gives it.
    pub source: Arc<str>,
}

/// Chooses where it is not remembered: the first record of the kind that has one decides.
pub fn choose(reading: &Reading<'_>, plans: &mut [Plan]) {
    if !plans.iter().any(|plan| has_several(plan, reading.settings)) {
        return;
    }
    let is_read = |chosen: &AnchorSource| {
        let presets = plans.iter().filter_map(Plan::opened).map(|opened| &opened.preset);
        presets.into_iter().any(|preset| position(preset, chosen).is_some())
    };
    let mut chosen: Vec<AnchorSource> = remembered(reading).into_iter().filter(is_read).collect();
    // Of a kind that nobody was of nothing is looked for each time anew; a restart forgets what was chosen of all.
    let is_open = |kind: &ObjectKind| {
        let anchors = reading.memory.map(|memory| &memory.anchors).filter(|anchors| !anchors.is_empty());
        anchors.is_none_or(|anchors| anchors.contains_key(kind_name(*kind)))
            && chosen.iter().all(|chosen| chosen.kind != *kind)
    };
    let mut open: Vec<ObjectKind> = KINDS.into_iter().filter(is_open).collect();
    for plan in plans.iter() {
        if open.is_empty() {
            break;
        }
        look(reading, plan, &mut open, &mut chosen);
    }
    let chosen: Arc<[AnchorSource]> = chosen.into();
    for plan in plans {
        if let State::Ready(opened) = &mut plan.state {
            opened.anchor_sources = Arc::clone(&chosen);
        }
    }
}

/// What was chosen: the same for all files.
pub fn chosen(plans: &[Plan]) -> &[AnchorSource] {
    plans.iter().find_map(Plan::opened).map_or(&[], |opened| &opened.anchor_sources)
}

/// Records of a CSV file have the same columns, of which two are the same thing by different headings.
fn has_several(plan: &Plan, settings: &Settings) -> bool {
    plan.opened().is_some_and(|opened| {
        let preset = &opened.preset;
        let several = |name: &Arc<str>| preset.attribute(name).is_some_and(|attribute| attribute.from.len() > 1);
        preset.format != FormatName::Csv && anchor_candidates(preset, settings).iter().any(several)
    })
}

fn remembered(reading: &Reading<'_>) -> Vec<AnchorSource> {
    let of_kind = |kind| {
        let memory = reading.memory?;
        let (anchor, source) = (memory.anchors.get(kind_name(kind))?, memory.anchor_sources.get(kind_name(kind))?);
        Some(AnchorSource { kind, anchor: anchor.as_str().into(), source: source.as_str().into() })
    };
    KINDS.into_iter().filter_map(of_kind).collect()
}

/// Where a choice stands among the names that the anchor may be read from.
pub fn position(preset: &Preset, chosen: &AnchorSource) -> Option<usize> {
    let slot = preset.names.find(&chosen.source)?;
    preset.attribute(&chosen.anchor)?.from.iter().position(|from| *from == slot)
}

/// Looks through one file until nothing is open.
fn look(reading: &Reading<'_>, plan: &Plan, open: &mut Vec<ObjectKind>, chosen: &mut Vec<AnchorSource>) {
    let Some(opened) = plan.opened() else { return };
    let preset = &opened.preset;
    let candidates = anchor_candidates(preset, reading.settings);
    let mut mapper = mapper_of(reading.given(), plan.index, opened, plan.is_delta, Arc::clone(preset));
    let wanted = super::wanted::of_preset(preset, Some(&candidates.iter().map(ToString::to_string).collect()));
    each_record(reading.given(), plan, wanted, |record| {
        if let Some(found) = source_of(&mut mapper, record, &candidates)
            && let Some(at) = open.iter().position(|kind| *kind == found.kind)
        {
            open.remove(at);
            chosen.push(found);
        }
        if open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
}

fn source_of(mapper: &mut Mapper, record: &mut RawRecord<'_>, candidates: &[Arc<str>]) -> Option<AnchorSource> {
    match std::mem::replace(&mut record.body, RawBody::Content) {
        RawBody::Content | RawBody::Change(LdifChange::Add) => {}
        RawBody::Change(_) => return None,
    }
    let Mapped::Object(draft) = mapper.map(record, &mut Vec::new()) else { return None };
    let (kind, preset) = (draft.kind, mapper.preset());
    let is_there = |name: &&Arc<str>| preset.canon(name).is_some_and(|canon| draft.text(canon).is_some());
    let anchor = candidates.iter().find(is_there)?;
    let source = mapper.source_of(preset.attribute(anchor)?)?;
    Some(AnchorSource { kind, anchor: Arc::clone(anchor), source: preset.names.name(source).into() })
}
