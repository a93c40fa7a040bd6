//! Which of a file's names are decoded: those that the preset reads or a mapping names.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::frame::Wanted;
use super::preset::{Preset, fold};

/// What is to be decoded for `preset`; none: everything. `names`: what mappings use, none: everything.
pub fn of_preset(preset: &Preset, names: Option<&BTreeSet<String>>) -> Option<Wanted> {
    let mut read: BTreeSet<String> = names?.iter().map(|name| fold(name).into_owned()).collect();
    let slots = preset.names.slots().filter(|slot| preset.use_of(*slot).used);
    for slot in slots.chain(preset.existence.iter().copied()) {
        let name = fold(preset.names.name(slot)).into_owned();
        // of `manager.id` also `manager`, which may be null
        read.extend(name.match_indices('.').map(|(at, _)| name[..at].to_owned()));
        read.insert(name);
    }
    Some(Rc::new(move |name: &str| {
        let name = fold(name);
        let base = name.split(';').next().unwrap_or_default();
        read.contains(&*name) || read.contains(base)
    }))
}
