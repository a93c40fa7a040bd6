//! The members of a group: kept so that adding and removing one costs the same in any group.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// One member as it was sent; its type and reference follow from its id.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) value: Box<str>,
    pub(super) display: Option<Box<str>>,
    pub(super) kind: Option<Box<str>>,
}

impl Member {
    /// Reads a shaped member; `None` without a `value`.
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(Into::into);
        Some(Self { value: text("value")?, display: text("display"), kind: text("type") })
    }

    pub(super) fn to_json(&self) -> Map<String, Value> {
        let mut out = Map::new();
        out.insert("value".into(), (&*self.value).into());
        if let Some(display) = &self.display {
            out.insert("display".into(), (&**display).into());
        }
        if let Some(kind) = &self.kind {
            out.insert("type".into(), (&**kind).into());
        }
        out
    }
}

/// A list of members in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Members {
    slots: Vec<Option<Member>>,
    places: HashMap<Box<str>, usize>,
    gone: usize,
}

impl Members {
    /// Adds a member, or takes over its new words when it is there; `twice` lists it again.
    pub(super) fn add(&mut self, member: Member, twice: bool) {
        match self.places.get(&member.value) {
            Some(place) if !twice => self.slots[*place] = Some(member),
            Some(_) => self.slots.push(Some(member)),
            None => {
                self.places.insert(member.value.clone(), self.slots.len());
                self.slots.push(Some(member));
            }
        }
    }

    /// Removes a member; says whether it was there.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let Some(place) = self.places.remove(id) else {
            return false;
        };
        self.slots[place] = None;
        self.gone += 1;
        if self.slots.len() > self.places.len() + self.gone {
            // Someone is listed twice, which only a defect does.
            self.slots.retain(|slot| slot.as_ref().is_none_or(|member| &*member.value != id));
            self.compact();
        } else if self.gone > 64 && self.gone > self.places.len() {
            self.compact();
        }
        true
    }

    fn compact(&mut self) {
        self.slots.retain(Option::is_some);
        self.gone = 0;
        self.places.clear();
        for (place, member) in self.slots.iter().flatten().enumerate() {
            self.places.entry(member.value.clone()).or_insert(place);
        }
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.places.contains_key(id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.slots.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str) -> Member {
        Member { value: id.into(), display: None, kind: None }
    }

    #[test]
    fn members_keep_their_order_and_come_once() {
        let mut members = Members::default();
        for id in 0..500 {
            members.add(member(&id.to_string()), false);
        }
        members.add(member("3"), false);
        for id in 10..490 {
            assert!(members.remove(&id.to_string()));
        }
        assert!(!members.remove("10"));
        let ids: Vec<_> = members.iter().map(|m| m.value.to_string()).collect();
        let expected: Vec<_> = (0..10).chain(490..500).map(|id| id.to_string()).collect();
        assert_eq!(ids, expected);
        assert!(members.contains("495") && !members.contains("11"));
    }

    #[test]
    fn a_member_listed_twice_goes_at_once() {
        let mut members = Members::default();
        for id in ["a", "b", "a", "c"] {
            members.add(member(id), true);
        }
        assert_eq!(members.iter().count(), 4);
        assert!(members.remove("a"));
        let ids: Vec<_> = members.iter().map(|m| &*m.value).collect();
        assert_eq!(ids, ["b", "c"]);
        assert!(members.contains("c"));
    }
}
