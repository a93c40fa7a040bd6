//! Staged objects in memory, as long as they are few: most cycles write none to a file and read none back.
//!
//! Those that come first lie as they are. Of the others there is only their text, which takes a quarter of the room.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::{Staged, WAITING};
use crate::model::{ObjectKind, SourceAnchor, SourceObject, SourceValue};
use crate::store::StoreError;
use crate::store::codec::{Place, place};

/// The objects in the order of the state file.
pub(super) struct Held {
    objects: BTreeMap<Place, One>,
    /// By a rough measure.
    octets: usize,
    /// Octets from which on objects lie as texts.
    loose: usize,
    most: usize,
}

struct One {
    kind: ObjectKind,
    body: Body,
    phase: i64,
}

enum Body {
    None,
    Whole(Arc<SourceObject>),
    Text(Box<str>),
}

impl Held {
    /// Has room for about so many octets, of which `loose` for objects as they are.
    pub fn of_room(loose: usize, most: usize) -> Self {
        Self { objects: BTreeMap::new(), octets: 0, loose, most }
    }

    /// Taking the objects apart takes longer than to begin a thread.
    pub fn is_large(&self) -> bool {
        self.octets > 1 << 20
    }

    pub fn is_full(&self) -> bool {
        self.octets > self.most
    }

    /// False where the anchor is taken by an object of the other kind.
    pub fn put(&mut self, staged: Staged) -> Result<bool, StoreError> {
        let Staged { anchor, kind, object } = staged;
        let body = match object {
            None => Body::None,
            Some(object) if self.octets < self.loose => Body::Whole(object),
            Some(object) => Body::Text(serde_json::to_string(&*object)?.into()),
        };
        self.octets += body.size();
        let one = self.objects.entry(place(anchor)).or_insert(One { kind, body: Body::None, phase: WAITING });
        if one.kind != kind {
            return Ok(false);
        }
        (one.body, one.phase) = (body, WAITING);
        Ok(true)
    }

    /// At most `count` objects of a phase behind `after`.
    pub fn page(&self, phase: i64, after: Option<&SourceAnchor>, count: usize) -> Result<Vec<Staged>, StoreError> {
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

    pub fn get(&self, anchor: &SourceAnchor) -> Result<Option<Staged>, StoreError> {
        let place = place(anchor.clone());
        self.objects.get(&place).map(|one| one.staged(&place)).transpose()
    }

    /// Gives away all objects, with their phases.
    pub fn into_all(self) -> impl Iterator<Item = Result<(Staged, i64), StoreError>> {
        self.objects.into_iter().map(|((_, anchor), One { kind, body, phase })| {
            let object = body.object()?;
            Ok((Staged { anchor, kind, object }, phase))
        })
    }
}

impl One {
    fn staged(&self, (_, anchor): &Place) -> Result<Staged, StoreError> {
        Ok(Staged { anchor: anchor.clone(), kind: self.kind, object: self.body.object()? })
    }
}

const EACH: usize = 64;

impl Body {
    fn object(&self) -> Result<Option<Arc<SourceObject>>, StoreError> {
        Ok(match self {
            Self::None => None,
            Self::Whole(object) => Some(Arc::clone(object)),
            Self::Text(text) => Some(Arc::new(serde_json::from_str(text)?)),
        })
    }

    /// About how many octets the object takes, with its place.
    fn size(&self) -> usize {
        4 * EACH
            + match self {
                Self::None => 0,
                Self::Whole(object) => size(object),
                Self::Text(text) => text.len(),
            }
    }
}

fn size(object: &SourceObject) -> usize {
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
    let values = object.attributes.iter().chain(object.rest.iter());
    let lists = object.unresolved.iter().chain(&object.removed).chain(&object.choices);
    let names = object.unknown.iter().chain(&object.cleared).chain(&object.incomplete);
    let values = values.map(|(_, value)| of_value(value) + EACH).sum::<usize>();
    let lists = lists.map(|(name, texts)| name.len() + of_texts(texts) + 2 * EACH).sum::<usize>();
    values + lists + names.map(|name| name.len() + EACH).sum::<usize>() + size_of::<SourceObject>()
}
