//! Staged objects in memory, as long as they are few: most cycles write none to a file and read none back.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::{Staged, WAITING};
use crate::model::{ObjectKind, SourceAnchor, SourceObject, SourceValue};
use crate::store::codec::{Place, place};

/// The objects in the order of the state file.
pub(super) struct Held {
    objects: BTreeMap<Place, One>,
    /// By a rough measure.
    octets: usize,
    most: usize,
}

struct One {
    kind: ObjectKind,
    object: Option<Arc<SourceObject>>,
    phase: i64,
}

impl Held {
    /// Has room for about so many octets.
    pub fn of_room(most: usize) -> Self {
        Self { objects: BTreeMap::new(), octets: 0, most }
    }

    pub fn is_full(&self) -> bool {
        self.octets > self.most
    }

    /// False where the anchor is taken by an object of the other kind.
    pub fn put(&mut self, staged: Staged) -> bool {
        self.octets += size(&staged);
        let Staged { anchor, kind, object } = staged;
        let one = self.objects.entry(place(anchor)).or_insert(One { kind, object: None, phase: WAITING });
        if one.kind != kind {
            return false;
        }
        (one.object, one.phase) = (object, WAITING);
        true
    }

    /// At most `count` objects of a phase behind `after`.
    pub fn page(&self, phase: i64, after: Option<&SourceAnchor>, count: usize) -> Vec<Staged> {
        let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded(place(after.clone())));
        let those = self.objects.range((from, Bound::Unbounded)).filter(|(_, one)| one.phase == phase);
        those.take(count).map(|(place, one)| one.staged(place)).collect()
    }

    /// Gives objects their phase; those without one go.
    pub fn decide(&mut self, decided: Vec<(SourceAnchor, Option<u8>)>) {
        for (anchor, phase) in decided {
            let place = place(anchor);
            match phase {
                Some(phase) => self.objects.entry(place).and_modify(|one| one.phase = i64::from(phase)),
                None => {
                    self.objects.remove(&place);
                    continue;
                }
            };
        }
    }

    pub fn get(&self, anchor: &SourceAnchor) -> Option<Staged> {
        let place = place(anchor.clone());
        Some(self.objects.get(&place)?.staged(&place))
    }

    /// Gives away all objects, with their phases.
    pub fn into_all(self) -> impl Iterator<Item = (Staged, i64)> {
        self.objects
            .into_iter()
            .map(|((_, anchor), One { kind, object, phase })| (Staged { anchor, kind, object }, phase))
    }
}

impl One {
    fn staged(&self, (_, anchor): &Place) -> Staged {
        Staged { anchor: anchor.clone(), kind: self.kind, object: self.object.clone() }
    }
}

/// About how many octets the object takes.
fn size(staged: &Staged) -> usize {
    const EACH: usize = 64;
    let of_texts = |texts: &[String]| texts.iter().map(|text| text.len() + EACH).sum::<usize>();
    let of_value = |value: &SourceValue| match value {
        SourceValue::Bool(_) | SourceValue::Integer(_) => 0,
        SourceValue::Text(text) => text.len(),
        SourceValue::List(texts) => of_texts(texts),
        SourceValue::Roles(roles) => {
            let texts = roles.iter().flat_map(|role| [&role.id, &role.value, &role.display_name]);
            texts.map(|text| text.as_ref().map_or(0, String::len) + EACH).sum()
        }
    };
    let of_object = |object: &SourceObject| {
        let values = object.attributes.iter().chain(&object.rest);
        let lists = object.unresolved.iter().chain(&object.removed);
        let names = object.unknown.iter().chain(&object.cleared).chain(&object.incomplete);
        let values = values.map(|(name, value)| name.len() + of_value(value) + 2 * EACH).sum::<usize>();
        let lists = lists.map(|(name, texts)| name.len() + of_texts(texts) + 2 * EACH).sum::<usize>();
        values + lists + names.map(|name| name.len() + EACH).sum::<usize>() + 8 * EACH
    };
    4 * EACH + staged.object.as_deref().map_or(0, of_object)
}
