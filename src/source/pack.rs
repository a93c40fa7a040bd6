//! Drafts that leave the thread that made them: their texts lie one after the other in one string.

use std::borrow::Cow;
use std::ops::Range;

use super::changes::Entry;
use super::draft::{Draft, Value};
use super::map::Remark;
use super::preset::{Canon, Slot};

/// The values of the drafts of one batch.
#[derive(Debug, Default)]
pub struct Packs {
    text: String,
    values: Vec<(Canon, Packed)>,
    lists: Vec<Range<usize>>,
    slots: Vec<Slot>,
}

/// One draft of a batch, and what was found out beside it.
#[derive(Debug)]
pub struct Pack {
    /// Without its values.
    draft: Draft<'static>,
    values: Range<usize>,
    slots: Range<usize>,
    pub remarks: Vec<Remark>,
    pub entry: Option<Box<Entry>>,
}

#[derive(Debug)]
enum Packed {
    Text(Range<usize>),
    Bool(bool),
    /// Places in `lists`.
    List(Range<usize>),
}

impl Packs {
    /// Forgets all drafts and keeps the room.
    pub fn clear(&mut self) {
        self.text.clear();
        self.values.clear();
        self.lists.clear();
        self.slots.clear();
    }

    /// Notes a name of the record whose draft is packed next.
    pub fn push_slot(&mut self, slot: Slot) {
        self.slots.push(slot);
    }

    /// `slots`: how many names were noted before the record.
    pub fn pack(&mut self, draft: Draft<'_>, slots: usize, remarks: Vec<Remark>, entry: Option<Box<Entry>>) -> Pack {
        let from = self.values.len();
        let draft = draft.detach(|name, value| {
            let packed = match value {
                Value::Text(text) => Packed::Text(self.put(&text)),
                Value::Bool(truth) => Packed::Bool(truth),
                Value::List(list) => {
                    let from = self.lists.len();
                    for text in list {
                        let place = self.put(&text);
                        self.lists.push(place);
                    }
                    Packed::List(from..self.lists.len())
                }
            };
            self.values.push((name, packed));
        });
        Pack { draft, values: from..self.values.len(), slots: slots..self.slots.len(), remarks, entry }
    }

    /// How many names were noted so far.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    pub fn slots_of(&self, pack: &Pack) -> &[Slot] {
        self.slots.get(pack.slots.clone()).unwrap_or_default()
    }

    /// Returns the draft, its texts borrowed; `names`: how many names its preset has.
    pub fn unpack(&self, pack: Pack, names: usize) -> Draft<'_> {
        let values = self.values.get(pack.values).unwrap_or_default();
        pack.draft.attach(
            names,
            values.iter().map(|(name, packed)| {
                let value = match packed {
                    Packed::Text(place) => Value::Text(self.text_at(place)),
                    Packed::Bool(truth) => Value::Bool(*truth),
                    Packed::List(places) => {
                        let list = self.lists.get(places.clone()).unwrap_or_default();
                        Value::List(list.iter().map(|place| self.text_at(place)).collect())
                    }
                };
                (*name, value)
            }),
        )
    }

    fn put(&mut self, text: &str) -> Range<usize> {
        let from = self.text.len();
        self.text.push_str(text);
        from..self.text.len()
    }

    fn text_at(&self, place: &Range<usize>) -> Cow<'_, str> {
        Cow::Borrowed(self.text.get(place.clone()).unwrap_or_default())
    }
}
