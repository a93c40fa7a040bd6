//! References between objects of a set: from DNs, ids, addresses and numbers to anchors (sources.md 14).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use regex::bytes::Regex;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use super::again::each_record;
use super::base::BaseKey;
use super::batch::{Batch, Step};
use super::crew::{self, Crew, Entries, Lead, Task};
use super::draft::Draft;
use super::file::Chosen;
use super::frame::Decoder;
use super::map::{Mapped, Mapper};
use super::open::Opened;
use super::preset::{Canon, FormatName, Preset, Presets, Reference, ReferenceBy};
use super::raw::{LdifChange, RawBody, RawRecord};
use super::read::{Given, Plan, Reading};
use super::settings::Settings;
use super::value::is_lower_guid;
use crate::model::dn;
use crate::model::{ObjectKind, SourceValue};

/// What a record's references came to.
#[derive(Debug, Default)]
pub struct Resolved {
    pub found: Vec<(Arc<str>, SourceValue)>,
    pub unresolved: Vec<(Arc<str>, Vec<String>)>,
    /// Anchors that a list has no more (`members@delta` of Graph).
    pub removed: Vec<(Arc<str>, Vec<String>)>,
    pub self_reference: Option<Arc<str>>,
}

/// Hashes of everything that objects can be referred to by, each with the anchor; 16 octets an entry beside the anchors.
#[derive(Debug, Default)]
pub struct References {
    /// Each the first 96 bits of a hash, and in the others where the anchor is; sorted, so that the first object of a hash comes first.
    entries: Vec<u128>,
    /// Of entries whose first bits are a number, the place of the first, by that number; the end of all behind.
    starts: Vec<u32>,
    anchors: Anchors,
}

/// Anchors one after the other.
#[derive(Debug, Default)]
struct Anchors {
    /// Each behind its length; that of a GUID in 16 octets is [`GUID`].
    octets: Vec<u8>,
}

const GUID: [u8; 2] = u16::MAX.to_le_bytes();
/// Of an entry that are not the hash.
const PLACE: u32 = 32;
/// How many entries there are, about, of which the first bits are one number, as a power of two.
const TOGETHER: u32 = 3;

impl Anchors {
    /// Returns where it is, if there is room.
    fn push(&mut self, anchor: &str) -> Option<u32> {
        let at = u32::try_from(self.octets.len()).ok()?;
        match Uuid::try_parse(anchor) {
            Ok(guid) if is_lower_guid(anchor) => {
                self.octets.extend(GUID);
                self.octets.extend(guid.as_bytes());
            }
            Ok(_) | Err(_) => {
                let length = u16::try_from(anchor.len()).ok()?.to_le_bytes();
                if length == GUID {
                    return None;
                }
                self.octets.extend(length);
                self.octets.extend(anchor.as_bytes());
            }
        }
        Some(at)
    }

    fn get(&self, at: u32) -> Option<String> {
        let (length, rest) = self.octets.get(at as usize..)?.split_first_chunk::<2>()?;
        if *length == GUID {
            return Some(Uuid::from_bytes(*rest.first_chunk()?).hyphenated().to_string());
        }
        let text = std::str::from_utf8(rest.get(..usize::from(u16::from_le_bytes(*length)))?);
        text.ok().map(str::to_owned)
    }
}

impl Resolved {
    /// Makes the hash of a record differ where its references lead elsewhere; `room` is to write in.
    pub fn mix(&self, hash: u128, room: &mut String) -> u128 {
        let Self { found, unresolved, removed, self_reference } = self;
        if found.is_empty() && unresolved.is_empty() && removed.is_empty() && self_reference.is_none() {
            return hash;
        }
        room.clear();
        // what is written to a text is written
        let _ = write!(room, "{hash:x}");
        push_list(room, found, |room, (name, value)| {
            room.push('(');
            push_text(room, name);
            room.push_str(", ");
            match value {
                SourceValue::Text(text) => {
                    room.push_str("Text(");
                    push_text(room, text);
                    room.push(')');
                }
                SourceValue::List(list) => {
                    room.push_str("List(");
                    push_list(room, list, |room, text| push_text(room, text));
                    room.push(')');
                }
                other => drop(write!(room, "{other:?}")),
            }
            room.push(')');
        });
        let _ = write!(room, "{unresolved:?}{removed:?}{self_reference:?}");
        xxh3_128(room.as_bytes())
    }
}

/// Writes a list as `{:?}` does, which takes longer.
fn push_list<T>(room: &mut String, list: &[T], each: impl Fn(&mut String, &T)) {
    room.push('[');
    for (number, item) in list.iter().enumerate() {
        if number > 0 {
            room.push_str(", ");
        }
        each(room, item);
    }
    room.push(']');
}

/// The same of a text.
fn push_text(room: &mut String, text: &str) {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if text.bytes().all(is_plain) {
        room.push('"');
        room.push_str(text);
        room.push('"');
    } else {
        let _ = write!(room, "{text:?}");
    }
}

impl References {
    /// Reads the set once for what its objects can be referred to by; none if nothing refers to anything.
    pub fn build(reading: &mut Reading<'_>, plans: &[Plan], presets: &Presets) -> Option<Self> {
        let may_be_in = |opened: &Opened, reference: &Reference| {
            let slots = reference.from.iter().chain(reference.changes.iter().flatten());
            let named = |column: &str| opened.preset.names.find(column.split(';').next().unwrap_or(column));
            opened.preset.format != FormatName::Csv
                || slots.into_iter().any(|slot| opened.columns.iter().any(|column| named(column) == Some(*slot)))
        };
        let of_file = |opened: &'_ Opened| {
            let there = opened.preset.references.iter().filter(|reference| may_be_in(opened, reference));
            there.map(|reference| reference.by).collect::<Vec<_>>()
        };
        let mut kinds: Vec<ReferenceBy> = plans.iter().filter_map(Plan::opened).flat_map(of_file).collect();
        kinds.dedup();
        if kinds.is_empty() {
            return None;
        }
        let given = reading.given();
        let wanted = Some(["onPremisesDistinguishedName".to_owned()].into());
        let settings = Settings { wanted, references: false, ..given.settings.clone() };
        let keys = Given { settings: &settings, ..given };
        let octets = plans.iter().filter_map(Plan::opened).map(|opened| opened.stamp.size).sum();
        let mut growing = Growing { table: Self::default(), octets, passed: 0 };
        for plan in plans {
            let Some(opened) = plan.opened() else { continue };
            let named = given.set.files[plan.index].preset.as_deref().unwrap_or(&given.settings.preset);
            let name = if named == "detect" { opened.preset.name.clone() } else { named.to_owned() };
            let Some(preset) = presets.keys_of(&name, &settings) else { continue };
            let task = Task {
                given: keys,
                index: plan.index,
                opened,
                preset: &preset,
                is_delta: plan.is_delta,
                takes_hashes: false,
                entries: Entries::None,
                takes_prints: false,
                seed: 0,
            };
            let keys = Keys {
                growing: &mut growing,
                kinds: &kinds,
                anchors: &mut reading.anchors,
                settings: &settings,
                opened,
                preset: &preset,
                chosen: Chosen::default(),
                room: String::new(),
            };
            let mut gathering = Gathering { keys, mapper: task.mapper(), decoder: task.decoder() };
            gathering.gather(plan, task, reading.crew, &mut reading.spare);
        }
        growing.table.sort();
        Some(growing.table)
    }

    fn add(&mut self, draft: &Draft<'_>, anchor: &str, kinds: &[ReferenceBy], room: &mut String) {
        let Some(at) = self.anchors.push(anchor) else { return };
        let text = |name| draft.text(name);
        for kind in kinds {
            let hashes = match kind {
                ReferenceBy::Dn => [text(Canon::DISTINGUISHED_NAME).and_then(|dn| hash_of_dn(dn, room)), None],
                ReferenceBy::Anchor => [Some(hash('a', anchor, room)), None],
                ReferenceBy::UserPrincipalName => {
                    [text(Canon::USER_PRINCIPAL_NAME).map(|upn| hash('u', upn, room)), None]
                }
                ReferenceBy::EmployeeId => [text(Canon::EMPLOYEE_ID).map(|id| hash('e', id, room)), None],
                ReferenceBy::AnchorOrEmployeeId => {
                    [Some(hash('a', anchor, room)), text(Canon::EMPLOYEE_ID).map(|id| hash('e', id, room))]
                }
            };
            self.entries.extend(hashes.into_iter().flatten().map(|hash| hash >> PLACE << PLACE | u128::from(at)));
        }
    }

    /// The first object in the order of files and lines wins.
    fn sort(&mut self) {
        self.entries.sort_unstable();
        self.entries.dedup_by_key(|entry| *entry >> PLACE);
        let bits = self.entries.len().checked_ilog2().unwrap_or_default().saturating_sub(TOGETHER);
        let mut at = 0;
        self.starts = (0..1_usize << bits)
            .map(|number| {
                at += self.entries[at..].iter().take_while(|entry| first_bits(**entry, bits) < number).count();
                u32::try_from(at).unwrap_or(u32::MAX)
            })
            .chain([u32::try_from(self.entries.len()).unwrap_or(u32::MAX)])
            .collect();
    }

    fn find(&self, hash: u128) -> Option<String> {
        let bits = (self.starts.len() - 1).ilog2();
        let number = first_bits(hash, bits);
        let together = self.entries.get(self.starts[number] as usize..self.starts[number + 1] as usize)?;
        let entry = together.iter().find(|entry| (*entry ^ hash) >> PLACE == 0)?;
        self.anchors.get(*entry as u32)
    }

    fn anchor_of(&self, text: &str, by: ReferenceBy, room: &mut String) -> Option<String> {
        match by {
            ReferenceBy::Dn => self.find(hash_of_dn(text, room)?),
            ReferenceBy::Anchor => self.find(hash('a', text, room)),
            ReferenceBy::UserPrincipalName => self.find(hash('u', text, room)),
            ReferenceBy::EmployeeId => self.find(hash('e', text, room)),
            ReferenceBy::AnchorOrEmployeeId => {
                self.find(hash('a', text, room)).or_else(|| self.find(hash('e', text, room)))
            }
        }
    }

    /// Resolves the references of one record; nobody is their own manager.
    ///
    /// `base` is asked for what the set does not hold: change files name people of the snapshot before; `room` is to write in.
    pub fn resolve(
        &self,
        draft: &Draft<'_>,
        anchor: &str,
        preset: &Preset,
        base: &mut dyn FnMut(BaseKey) -> Option<String>,
        room: &mut String,
    ) -> Resolved {
        let mut resolved = Resolved::default();
        draft.each_reference(|index, texts| {
            let Some(reference) = preset.references.get(index) else { return };
            let mut found = Vec::new();
            let mut unresolved = Vec::new();
            for text in texts {
                let here = self.anchor_of(text, reference.by, room);
                match here.or_else(|| anchor_in(base, text, reference.by)) {
                    Some(other) if !reference.multi && other.eq_ignore_ascii_case(anchor) => {
                        resolved.self_reference = Some(Arc::clone(&reference.name));
                    }
                    Some(other) => found.push(other),
                    None => unresolved.push(text.to_string()),
                }
            }
            let value = if reference.multi {
                (!found.is_empty()).then_some(SourceValue::List(found))
            } else {
                found.pop().map(SourceValue::Text)
            };
            resolved.found.extend(value.map(|value| (Arc::clone(&reference.name), value)));
            if !unresolved.is_empty() {
                resolved.unresolved.push((Arc::clone(&reference.name), unresolved));
            }
        });
        for (index, texts) in &draft.extras().removed {
            let Some(reference) = preset.references.get(*index) else { continue };
            // who left the directory is known by the immutable id alone
            let anchors = texts.iter().map(|text| {
                let here = self.anchor_of(text, reference.by, room);
                here.or_else(|| anchor_in(base, text, reference.by)).unwrap_or_else(|| text.to_string())
            });
            resolved.removed.push((Arc::clone(&reference.name), anchors.collect()));
        }
        resolved
    }
}

/// Gathers what the objects of a file can be referred to by.
struct Gathering<'g> {
    keys: Keys<'g>,
    /// For what threads leave as it is.
    mapper: Mapper,
    decoder: Decoder,
}

/// A table on its way.
struct Growing {
    table: References,
    /// Of the set, and those that were gone through.
    octets: u64,
    passed: u64,
}

/// So many octets tell how many entries the others may have.
const TELLING: u64 = 64 << 10;
/// Room is made for so many entries at most: that of more grows as they come.
const MOST_AHEAD: usize = 4 << 20;

impl Growing {
    /// Makes room for what is to come, once that can be told: of room that grows much is there twice.
    fn pass(&mut self, octets: u64) {
        let was_told = self.passed >= TELLING;
        self.passed += octets;
        if was_told || self.passed < TELLING {
            return;
        }
        let ahead = self.octets.saturating_sub(self.passed) as f64 / self.passed as f64 * 1.05;
        let entries = ((self.table.entries.len() as f64 * ahead) as usize).min(MOST_AHEAD);
        let anchors = self.table.anchors.octets.len() / self.table.entries.len().max(1);
        self.table.entries.reserve_exact(entries);
        self.table.anchors.octets.reserve_exact(entries * anchors.min(64));
    }
}

/// Where it goes.
struct Keys<'g> {
    growing: &'g mut Growing,
    kinds: &'g [ReferenceBy],
    anchors: &'g mut BTreeMap<ObjectKind, Arc<str>>,
    settings: &'g Settings,
    opened: &'g Opened,
    preset: &'g Preset,
    chosen: Chosen,
    /// To write in.
    room: String,
}

impl Gathering<'_> {
    /// Goes through the file; what is wrong with it is said where it is read.
    fn gather(&mut self, plan: &Plan, task: Task<'_>, crew: Crew, spare: &mut Vec<Batch>) {
        let size = task.opened.stamp.size;
        if crew.workers == 0 || size < crew.least {
            each_record(task.given, plan, task.wanted(), |record| {
                self.keys.of_record(&mut self.mapper, record);
                ControlFlow::Continue(())
            });
            return self.keys.growing.pass(size);
        }
        if let Ok(file) = task.given.set.files[plan.index].open() {
            let Ok(_) = crew::read(task, (&file, size), crew, (None, None), spare, self);
        }
    }
}

impl Keys<'_> {
    fn of_record(&mut self, mapper: &mut Mapper, record: &mut RawRecord<'_>) {
        match std::mem::replace(&mut record.body, RawBody::Content) {
            RawBody::Content | RawBody::Change(LdifChange::Add) => {}
            RawBody::Change(_) => return,
        }
        if let Mapped::Object(draft) = mapper.map(record, &mut Vec::new()) {
            self.of_object(&draft);
        }
    }

    fn of_object(&mut self, draft: &Draft<'_>) {
        let Self { growing, kinds, anchors, settings, opened, preset, chosen, room } = self;
        let anchor = chosen.of(anchors, opened, settings, preset, draft);
        if let Some(anchor) = anchor.and_then(|anchor| draft.text(anchor)) {
            growing.table.add(draft, anchor, kinds, room);
        }
    }
}

impl Lead for Gathering<'_> {
    type Stop = Infallible;

    fn wanted(&self) -> Option<Regex> {
        None
    }

    fn merge(&mut self, batch: &mut Batch) -> Result<(), Infallible> {
        let Self { keys, mapper, decoder } = self;
        let mut octets = 0;
        let done = batch.each(|record, bytes, mapped| {
            octets += bytes.len() as u64;
            match (&record.step, mapped) {
                (Step::Mapped, Some(unpacked)) => keys.of_object(&unpacked.draft),
                (Step::Unknown, _) => {
                    if let Ok(mut record) = decoder.decode(bytes, record.line) {
                        keys.of_record(mapper, &mut record);
                    }
                }
                (
                    Step::Mapped
                    | Step::Ignored(_)
                    | Step::Refused(_)
                    | Step::Known(_)
                    | Step::Run(_)
                    | Step::PassedOver,
                    _,
                ) => {}
            }
            Ok(())
        });
        keys.growing.pass(octets);
        done
    }
}

/// The first bits of a hash.
fn first_bits(hash: u128, bits: u32) -> usize {
    hash.checked_shr(u128::BITS - bits).unwrap_or_default() as usize
}

/// The anchor of an object that is known from before.
fn anchor_in(base: &mut dyn FnMut(BaseKey) -> Option<String>, text: &str, by: ReferenceBy) -> Option<String> {
    match by {
        ReferenceBy::Dn => base(BaseKey::of_dn(text)?),
        ReferenceBy::Anchor | ReferenceBy::AnchorOrEmployeeId => base(BaseKey::of_object(ObjectKind::User, text))
            .or_else(|| base(BaseKey::of_object(ObjectKind::Group, text))),
        ReferenceBy::UserPrincipalName | ReferenceBy::EmployeeId => None,
    }
}

fn hash_of_dn(text: &str, room: &mut String) -> Option<u128> {
    Some(hash('d', &dn::normalise(text)?, room))
}

fn hash(kind: char, text: &str, room: &mut String) -> u128 {
    room.clear();
    room.push(kind);
    if text.is_ascii() {
        room.push_str(text);
        room.make_ascii_lowercase();
    } else {
        room.extend(text.chars().flat_map(char::to_lowercase));
    }
    xxh3_128(room.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_references_lead_to_is_hashed_as_it_is_shown() {
        let texts = ["", "a", "8f1c3a52-9d1e-4c5e-8a6b-0f3d2e1c4b5a", "O'Hara \"x\"\\", "髙橋\t\n", "\u{1}\u{7f}é"]
            .map(str::to_owned);
        let mut values: Vec<SourceValue> = texts.iter().cloned().map(SourceValue::Text).collect();
        values.extend([SourceValue::List(Vec::new()), SourceValue::List(texts.to_vec()), SourceValue::Bool(true)]);
        let mut room = "before".to_owned();
        for count in 0..values.len() {
            let found: Vec<(Arc<str>, SourceValue)> =
                values[..count].iter().map(|value| ("man\"ager".into(), value.clone())).collect();
            let unresolved = if count % 2 > 0 { vec![("manager".into(), texts.to_vec())] } else { Vec::new() };
            let self_reference = (count % 3 > 0).then(|| "manager".into());
            let resolved = Resolved { found, unresolved, removed: Vec::new(), self_reference };
            let Resolved { found, unresolved, removed, self_reference } = &resolved;
            let text = format!("{:x}{found:?}{unresolved:?}{removed:?}{self_reference:?}", 0xabc_u128);
            let expected = if count == 0 { 0xabc } else { xxh3_128(text.as_bytes()) };
            assert_eq!(resolved.mix(0xabc, &mut room), expected, "{text}");
        }
    }

    #[test]
    fn the_first_object_of_each_key_is_found() {
        let guid = |number: u32| format!("{number:08x}-9d1e-4c5e-8a6b-0f3d2e1c4b5a");
        let mut room = String::new();
        for count in [0_u32, 1, 2, 7, 8, 9, 64, 5000] {
            let mut table = References::default();
            for number in 0..count {
                for anchor in [guid(number), guid(number).to_uppercase(), format!("no guid {number}")] {
                    let at = table.anchors.push(&anchor).expect("room");
                    for key in [number, number / 2 + 1_000_000] {
                        let hash = hash('u', &format!("{key}@example.com"), &mut room);
                        table.entries.push(hash >> PLACE << PLACE | u128::from(at));
                    }
                }
            }
            table.sort();
            let mut found =
                |key: u32| table.anchor_of(&format!("{key}@EXAMPLE.com"), ReferenceBy::UserPrincipalName, &mut room);
            for number in 0..count {
                assert_eq!(
                    (found(number), found(number / 2 + 1_000_000)),
                    (Some(guid(number)), Some(guid(number / 2 * 2)))
                );
            }
            assert_eq!((found(count), found(2_000_000)), (None, None));
        }
        let mut anchors = Anchors::default();
        assert_eq!(anchors.push(&"x".repeat(usize::from(u16::MAX))), None);
        let places: Vec<_> = ["no guid", "", "8F1C3A52-9d1e-4c5e-8a6b-0f3d2e1c4b5a", &guid(7)]
            .map(|anchor| (anchor.to_owned(), anchors.push(anchor).expect("room")))
            .to_vec();
        assert!(places.iter().all(|(anchor, at)| anchors.get(*at).as_ref() == Some(anchor)));
    }
}
