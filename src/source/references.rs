//! References between objects of a set: from DNs, ids, addresses and numbers to anchors (sources.md 14).

use std::ops::ControlFlow;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use super::again::each_record;
use super::base::BaseKey;
use super::draft::Draft;
use super::file::{choose_anchor, mapper_of};
use super::map::Mapped;
use super::preset::{Canon, Preset, Presets, ReferenceBy};
use super::raw::{LdifChange, RawBody};
use super::read::{Plan, Reading};
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

/// Hashes of everything that objects can be referred to by, each with the anchor; 20 bytes an entry beside the anchors.
#[derive(Debug, Default)]
pub struct References {
    /// Sorted by hash.
    entries: Vec<([u8; 16], u32)>,
    /// Anchors one after the other, each behind its length.
    anchors: Vec<u8>,
}

impl Resolved {
    /// Makes the hash of a record differ where its references lead elsewhere.
    pub fn mix(&self, hash: u128) -> u128 {
        let Self { found, unresolved, removed, self_reference } = self;
        if found.is_empty() && unresolved.is_empty() && removed.is_empty() && self_reference.is_none() {
            return hash;
        }
        let text = format!("{hash:x}{found:?}{unresolved:?}{removed:?}{self_reference:?}");
        xxh3_128(text.as_bytes())
    }
}

impl References {
    /// Reads the set once for what its objects can be referred to by; none if nothing refers to anything.
    pub fn build(reading: &mut Reading<'_>, plans: &[Plan], presets: &Presets) -> Option<Self> {
        let mut kinds: Vec<ReferenceBy> = plans
            .iter()
            .filter_map(Plan::opened)
            .flat_map(|opened| opened.preset.references.iter().map(|reference| reference.by))
            .collect();
        kinds.dedup();
        if kinds.is_empty() {
            return None;
        }
        let mut table = Self::default();
        for plan in plans {
            let Some(opened) = plan.opened() else { continue };
            let given = reading.given();
            let named = given.set.files[plan.index].preset.as_deref().unwrap_or(&given.settings.preset);
            let name = if named == "detect" { opened.preset.name.clone() } else { named.to_owned() };
            let Some(preset) = presets.keys_of(&name, given.settings) else { continue };
            let mut mapper = mapper_of(given, plan.index, opened, plan.is_delta, Arc::clone(&preset));
            let wanted = super::wanted::of_preset(&preset, Some(&["onPremisesDistinguishedName".to_owned()].into()));
            let mut remarks = Vec::new();
            each_record(given, plan, wanted, |record| {
                match std::mem::replace(&mut record.body, RawBody::Content) {
                    RawBody::Content | RawBody::Change(LdifChange::Add) => {}
                    RawBody::Change(_) => return ControlFlow::Continue(()),
                }
                let mapped = mapper.map(record, &mut remarks);
                remarks.clear();
                let Mapped::Object(draft) = mapped else { return ControlFlow::Continue(()) };
                let anchor = choose_anchor(&mut reading.anchors, opened, given.settings, &preset, &draft);
                if let Some((_, anchor)) = anchor {
                    table.add(&draft, anchor, &kinds);
                }
                ControlFlow::Continue(())
            });
        }
        // the first object in the order of files and lines wins
        table.entries.sort_by_key(|(hash, at)| (*hash, *at));
        table.entries.dedup_by_key(|(hash, _)| *hash);
        Some(table)
    }

    fn add(&mut self, draft: &Draft<'_>, anchor: &str, kinds: &[ReferenceBy]) {
        let (Ok(at), Ok(length)) = (u32::try_from(self.anchors.len()), u16::try_from(anchor.len())) else { return };
        self.anchors.extend(length.to_le_bytes());
        self.anchors.extend(anchor.as_bytes());
        let text = |name| draft.text(name);
        for kind in kinds {
            let hashes = match kind {
                ReferenceBy::Dn => [text(Canon::DISTINGUISHED_NAME).and_then(dn_hash), None],
                ReferenceBy::Anchor => [Some(hash('a', anchor)), None],
                ReferenceBy::UserPrincipalName => [text(Canon::USER_PRINCIPAL_NAME).map(|upn| hash('u', upn)), None],
                ReferenceBy::EmployeeId => [text(Canon::EMPLOYEE_ID).map(|id| hash('e', id)), None],
                ReferenceBy::AnchorOrEmployeeId => {
                    [Some(hash('a', anchor)), text(Canon::EMPLOYEE_ID).map(|id| hash('e', id))]
                }
            };
            self.entries.extend(hashes.into_iter().flatten().map(|hash| (hash, at)));
        }
    }

    fn find(&self, hash: [u8; 16]) -> Option<&str> {
        let index = self.entries.binary_search_by_key(&hash, |(other, _)| *other).ok()?;
        let at = self.entries[index].1 as usize;
        let (length, rest) = self.anchors.get(at..)?.split_first_chunk::<2>()?;
        std::str::from_utf8(rest.get(..usize::from(u16::from_le_bytes(*length)))?).ok()
    }

    fn anchor_of(&self, text: &str, by: ReferenceBy) -> Option<&str> {
        match by {
            ReferenceBy::Dn => self.find(dn_hash(text)?),
            ReferenceBy::Anchor => self.find(hash('a', text)),
            ReferenceBy::UserPrincipalName => self.find(hash('u', text)),
            ReferenceBy::EmployeeId => self.find(hash('e', text)),
            ReferenceBy::AnchorOrEmployeeId => self.find(hash('a', text)).or_else(|| self.find(hash('e', text))),
        }
    }

    /// Resolves the references of one record; nobody is their own manager.
    ///
    /// `base` is asked for what the set does not hold: change files name people of the snapshot before.
    pub fn resolve(
        &self,
        draft: &Draft<'_>,
        anchor: &str,
        preset: &Preset,
        base: &mut dyn FnMut(BaseKey) -> Option<String>,
    ) -> Resolved {
        let mut resolved = Resolved::default();
        for (index, texts) in draft.references().iter() {
            let Some(reference) = preset.references.get(*index) else { continue };
            let mut found = Vec::new();
            let mut unresolved = Vec::new();
            for text in texts {
                let here = self.anchor_of(text, reference.by).map(str::to_owned);
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
        }
        for (index, texts) in &draft.extras().removed {
            let Some(reference) = preset.references.get(*index) else { continue };
            // who left the directory is known by the immutable id alone
            let anchors = texts.iter().map(|text| {
                let here = self.anchor_of(text, reference.by).map(str::to_owned);
                here.or_else(|| anchor_in(base, text, reference.by)).unwrap_or_else(|| text.to_string())
            });
            resolved.removed.push((Arc::clone(&reference.name), anchors.collect()));
        }
        resolved
    }
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

fn dn_hash(text: &str) -> Option<[u8; 16]> {
    Some(hash('d', &dn::normalise(text)?))
}

fn hash(kind: char, text: &str) -> [u8; 16] {
    let mut key = String::with_capacity(text.len() + 1);
    key.push(kind);
    key.extend(text.chars().flat_map(char::to_lowercase));
    xxh3_128(key.as_bytes()).to_le_bytes()
}
