//! The straight way from the bytes of a record to its pack, for records of which there is nothing to say: most of them.
//!
//! ```text
//! Cells, Lines,  the values of a record, as places in it; Decoded: those in base64
//! Members
//! Values         whither with each
//! Run            lines that come together again
//! Flat           those that are asked something, by the numbers of the preset
//! Filling        attributes, references and hashes, into Packs
//! First          which of the preset's rules holds
//! Direct         all of it, with the kind and state of the object
//! ```
//!
//! Whatever is in any way special (a cell that is no value, a warning, a refusal, a change) is [`NotPlain`] and left to the general
//! way, [`Decoder`](super::frame::Decoder) and [`Mapper`](super::map::Mapper). Both find the same; `crew_tests` hold one against
//! the other.

mod cells;
mod decoded;
mod fill;
mod first;
mod flat;
mod head;
mod lines;
mod members;
mod run;
mod straight;
#[cfg(test)]
mod tests;
mod whole;

use std::ops::Range;

use self::cells::Cells;
use self::fill::{Filling, Step};
use self::first::First;
use self::flat::{Flat, Plain};
use self::lines::Lines;
use self::members::Members;
use self::straight::{Repeats, Straight, Values};
use self::whole::{Clear, Whole};
use super::draft::{self, Hashes};
use super::extent::Extent;
use super::fields::{is_below, may_be_prefixed};
use super::frame::{Format, Limits, Wanted};
use super::map::{Manner, Mapper};
use super::memory::SAMPLES;
use super::pack::{Found, Mark, Pack, Packed, Packs};
use super::preset::{Asked, Canon, Preset, Slot};
use super::read::ObjectKey;
use super::twins::SINGLE;
use crate::model::{Deletion, ObjectKind};

/// A record is left to the general way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPlain;

/// Maps the plain records of one file.
pub struct Direct {
    preset: Preset,
    manner: Manner,
    cutter: Cutter,
    flat: Flat,
    /// Columns that the heading names, by [`Slot`].
    named: Vec<bool>,
    /// What the user principal name is read from.
    upn: Vec<Slot>,
    account: Vec<Slot>,
    /// Of the rules on kinds, those on the state of the account, and those on deletion.
    kinds: First,
    states: First,
    deletions: First,
    /// Of what does not go straight.
    steps: Vec<Step>,
    /// By [`Slot`].
    straight: Vec<Option<Straight>>,
    /// Names of what went straight, to be noted.
    to_note: Vec<Slot>,
    /// The name that is the anchor, as a rule.
    anchor: Option<Canon>,
    takes_print: bool,
    /// To write in.
    room: String,
}

enum Cutter {
    Cells(Cells),
    Lines(Box<Lines>),
    Members(Box<Members>),
}

/// What a record says besides its values.
struct Object {
    kind: ObjectKind,
    deletion: Deletion,
    hashes: Hashes,
    key: Option<(Canon, ObjectKey)>,
    /// As in [`Pack`].
    enabled: Option<bool>,
    is_dated: bool,
}

impl Direct {
    /// Prepares for the file of `mapper`; none if all of its records are left to the general way.
    ///
    /// `anchor`: the first name that may be the anchor; `takes_print`: [`Hashes::print`] is wanted.
    pub fn new(
        mapper: &Mapper,
        format: &Format,
        limits: Limits,
        wanted: Option<&Wanted>,
        (anchor, takes_print): (Option<&str>, bool),
    ) -> Option<Self> {
        let manner = mapper.manner();
        let preset = &match format {
            Format::Csv(_) => mapper.preset().for_names(|slot| mapper.named()[slot.index()]),
            Format::Json(_) | Format::Ldif(_) => mapper.preset().for_names(|_| true),
        };
        // the state of the account is a rule's, and no value's
        let has_state = preset.attributes.iter().any(|attribute| attribute.canon == Some(Canon::ACCOUNT_ENABLED));
        if manner.changes || mapper.has_lost() || mapper.is_parted() || has_state {
            return None;
        }
        let mut cutter = match format {
            Format::Csv(csv)
                if !csv.delimiter.is_ascii() || csv.columns.iter().any(|name| is_asked_below(preset, name)) =>
            {
                return None;
            }
            Format::Csv(csv) => Cutter::Cells(Cells::new(csv, preset, manner, wanted)),
            Format::Ldif(_) if preset.keeps_rest => return None,
            Format::Ldif(ldif) => Cutter::Lines(Box::new(Lines::new(
                ldif,
                preset,
                wanted,
                limits.columns.min(limits.values).saturating_sub(1),
            ))),
            Format::Json(_) if preset.keeps_rest => return None,
            Format::Json(_) => Cutter::Members(Box::new(Members::new(preset, wanted, limits))),
        };
        let upn = preset.attributes.iter().find(|attribute| attribute.canon == Some(Canon::USER_PRINCIPAL_NAME));
        let step = |attribute| Step::new(attribute, preset, anchor, takes_print, manner.locale);
        let mut steps: Vec<Step> = preset.attributes.iter().map(step).collect();
        let places = |slot: Slot| match &cutter {
            Cutter::Cells(cells) => cells.count_of(slot),
            Cutter::Lines(_) | Cutter::Members(_) => 1,
        };
        let straight = straight::names(preset, &steps, places);
        let is_left = |slot: &Slot| places(*slot) > 0 && straight[slot.index()].is_none();
        steps.retain(|step| step.attribute.from.iter().any(is_left));
        if let Cutter::Cells(cells) = &mut cutter {
            cells.go_straight(&straight);
        }
        Some(Self {
            cutter,
            steps,
            straight,
            to_note: Vec::new(),
            flat: Flat::new(preset.names.len()),
            named: mapper.named().to_vec(),
            upn: upn.map(|attribute| attribute.from.clone()).unwrap_or_default(),
            account: preset.names.slots().filter(|slot| preset.use_of(*slot).account).collect(),
            kinds: First::new(preset.kinds.iter().map(|(_, when)| when)),
            states: First::new(preset.account_enabled.iter().map(|(when, _)| when)),
            deletions: First::new(preset.deletion.iter().map(|(when, _)| when)),
            preset: preset.clone(),
            manner: manner.clone(),
            anchor: anchor.and_then(|name| preset.canon(name)),
            takes_print,
            room: String::new(),
        })
    }

    /// Finds what is to be known of the bytes of a batch, whose records come one after the other then; none where they are no plain text.
    pub fn begin<'b>(&mut self, bytes: &'b [u8]) -> Option<Whole<'b>> {
        let whole = Whole::of(bytes, !matches!(self.cutter, Cutter::Cells(_)))?;
        match &mut self.cutter {
            Cutter::Cells(cells) => cells.begin(bytes),
            Cutter::Lines(lines) => lines.begin(bytes),
            Cutter::Members(_) => {}
        }
        Some(whole)
    }

    /// Maps the record at `line`, which begins `at` in the batch, and puts its object behind the others; false if it is of kind
    /// `ignore`.
    ///
    /// `noted`: how often each name was noted; see [`Packs::note_slot`].
    pub fn map(
        &mut self,
        place: Range<usize>,
        line: u64,
        batch: &Whole<'_>,
        (packs, mapped): (&mut Packs, &mut Vec<Pack>),
        noted: &mut [u8],
    ) -> Result<bool, NotPlain> {
        let Some(record) = batch.text.get(place.clone()) else { return Err(NotPlain) };
        self.flat.clear();
        self.to_note.clear();
        let mark = packs.mark();
        let mut clear = batch.clear(&place);
        clear.is_settled = clear.is_settled || record.is_ascii();
        let object = self.object((record, clear), place.start, packs, (batch, mark), noted);
        let Ok(Some(object)) = object else {
            packs.take_back(mark);
            return object.map(|_| false);
        };
        for slot in &self.to_note {
            packs.note_slot(*slot, noted);
        }
        let is_json = matches!(self.cutter, Cutter::Members(_));
        let Self { flat, named, manner, .. } = &*self;
        let plain = Plain { flat, record, named, file_name: &manner.file_name, is_upn_prefixed: false };
        for slot in &self.flat.slots {
            let usage = self.preset.use_of(*slot);
            // as `Mapper::each_used`
            let is_empty = || is_json && usage.vital && !plain.is_present(*slot);
            if usage.used && usize::from(noted[slot.index()]) < SAMPLES && !is_empty() {
                packs.note_slot(*slot, noted);
            }
        }
        let bytes = record.as_bytes();
        let extent = match &self.cutter {
            Cutter::Lines(lines) => lines.extent,
            Cutter::Cells(_) | Cutter::Members(_) if clear.is_one_line => Extent::of_ends(bytes, 0),
            Cutter::Cells(_) | Cutter::Members(_) => Extent::of(bytes),
        };
        let Object { kind, deletion, hashes, key, enabled, is_dated } = object;
        let found = Found { key, enabled, is_dated };
        mapped.push(packs.wrap((kind, deletion, false, line), extent, hashes, found, mark));
        Ok(true)
    }

    fn object(
        &mut self,
        (record, clear): (&str, Clear),
        at: usize,
        packs: &mut Packs,
        (batch, mark): (&Whole<'_>, Mark),
        noted: &[u8],
    ) -> Result<Option<Object>, NotPlain> {
        let Self { preset, manner, cutter, flat, named, steps, room, straight, to_note, takes_print, .. } = self;
        let preset = &*preset;
        let mut into = Filling {
            packs,
            batch: batch.text,
            at,
            clear,
            mark,
            given: 0,
            singles: [None; SINGLE.len()],
            takes_print: *takes_print,
            print: 0,
            last_single: None,
            room,
        };
        let repeats = match cutter {
            Cutter::Cells(_) => Repeats::Never,
            Cutter::Lines(_) => Repeats::Doubtful,
            Cutter::Members(_) => Repeats::FirstCounts,
        };
        let mut values =
            Values { flat, into: &mut into, straight, repeats, noted, to_note, preset, may_be_prefixed: false };
        match cutter {
            Cutter::Cells(cells) => cells.cut(record, at, &mut values)?,
            Cutter::Lines(lines) => lines.cut((record, at), batch.has_returns, &mut values)?,
            Cutter::Members(members) => members.cut(record, &mut values)?,
        }
        let original = if values.may_be_prefixed { into.behind_object_id()? } else { None };
        let is_upn_prefixed = original.is_some();
        let plain = Plain { flat, record, named, file_name: &manner.file_name, is_upn_prefixed };
        if preset.drop_rows.iter().any(|row| row.holds(&plain)) {
            return Err(NotPlain);
        }
        let rule = self.kinds.of(preset.kinds.iter().map(|(_, when)| when), &plain);
        let Some(kind) = manner.kind_by(preset, rule) else { return Ok(None) };
        let is_special = flat.has_odd_octets
            || preset.partial.names.iter().any(|slot| plain.exists(*slot))
            || self.upn.iter().any(|slot| plain.texts(*slot).any(may_be_prefixed))
            || preset.rename.as_ref().is_some_and(|rename| plain.texts(rename.to).next().is_some());
        if is_special {
            return Err(NotPlain);
        }
        for step in &*steps {
            into.step(step, kind, &plain, manner, preset)?;
        }
        into.derive(preset)?;
        if manner.references {
            into.references(preset, &plain);
        }
        if let Cutter::Cells(cells) = cutter {
            for (number, value) in &flat.rest {
                into.rest(cells.rest_name(*number), plain.shown(value));
            }
        }
        if let Some(original) = original {
            into.push(Canon::ORIGINAL_USER_PRINCIPAL_NAME, Packed::Text(original), preset);
        }
        let rule = self.deletions.of(preset.deletion.iter().map(|(when, _)| when), &plain);
        let deletion = manner.deletion_by(preset, rule, &plain);
        let mut enabled = None;
        if kind == ObjectKind::User {
            match self.states.of(preset.account_enabled.iter().map(|(when, _)| when), &plain) {
                Some(rule) => {
                    let truth = preset.account_enabled[rule].1;
                    into.push(Canon::ACCOUNT_ENABLED, Packed::Bool(truth), preset);
                    enabled = Some(truth);
                }
                None if self.account.iter().any(|slot| plain.is_present(*slot)) => return Err(NotPlain),
                None => {}
            }
        }
        let key = self.anchor.and_then(|name| Some((name, into.key_under(name, kind)?)));
        let is_dated = into.has(Canon::MODIFIED);
        into.add(draft::print_of_head(kind, deletion));
        let hashes = Hashes { print: takes_print.then_some(into.print), singles: into.singles };
        Ok(Some(Object { kind, deletion, hashes, key, enabled, is_dated }))
    }
}

/// Says whether a name is below one whose existence is asked for.
fn is_asked_below(preset: &Preset, text: &str) -> bool {
    preset.existence.iter().any(|slot| is_below(text, preset.names.name(*slot)))
}
