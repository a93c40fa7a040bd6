//! Presets: what the names and words of one exporter mean, as data (sources.md 22).

mod built_in;
mod canon;
mod compile;
mod condition;
mod detect;
mod form;
mod load;
mod names;

use std::sync::Arc;

pub use built_in::names as built_in_names;
pub use canon::{Canon, Canonical};
pub use compile::{Misfit, derived_rule, misfits};
pub use condition::{Asked, Condition, Shown, Test};
pub use detect::{Evidence, choose, missing};
pub use form::{
    AttributeForm, CsvForm, DetectForm, FormatName, Header, HeaderStyleName, JsonForm, KindName, LdifForm, ReferenceBy,
};
pub use load::{Presets, check, names_read};
pub use names::{Names, Slot, fold};

use super::anchor_source::{AnchorSource, position};
use super::value::Reading;
use crate::model::{Deletion, ObjectKind};

/// A preset made ready: names are numbers, words are lower case.
#[derive(Debug, Clone)]
pub struct Preset {
    pub name: String,
    /// Differs where anything that decides about a record differs.
    pub digest: u128,
    pub format: FormatName,
    pub csv: CsvForm,
    pub json: JsonForm,
    pub ldif: LdifForm,
    pub detect: Option<DetectForm>,
    pub names: Names,
    /// By [`Slot`].
    pub uses: Vec<Use>,
    /// In order; `None` is the kind `ignore`.
    pub kinds: Vec<(Option<ObjectKind>, Condition)>,
    pub anchor: Vec<String>,
    pub anchor_if_allowed: Vec<String>,
    pub attributes: Vec<Attribute>,
    /// By [`Canon`].
    canonical: Vec<Canonical>,
    pub account_enabled: Vec<(Condition, bool)>,
    pub deletion: Vec<(Condition, Deletion)>,
    pub references: Vec<Reference>,
    pub rename: Option<Rename>,
    pub partial: Partial,
    pub drop_rows: Vec<Condition>,
    pub derived: Derived,
    pub keeps_rest: bool,
    /// Names whose existence is asked for, also as `NAME.x`.
    pub existence: Vec<Slot>,
}

/// What one source name is used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    /// Octets that are no text refuse the record.
    pub text: bool,
    /// Feeds an attribute, a reference or a rule.
    pub used: bool,
    /// Feeds the anchor, `accountEnabled`, deletion or a reference (sources.md 16.4).
    pub vital: bool,
    pub account: bool,
    pub secret: bool,
    pub ignored: bool,
    pub single: bool,
    /// Names of entries, in which a separator of values may stand behind a backslash.
    pub dns: bool,
}

/// How one canonical attribute is read.
#[derive(Debug, Clone)]
pub struct Attribute {
    pub name: Arc<str>,
    /// None for one that is read for `also` only.
    pub canon: Option<Canon>,
    pub from: Vec<Slot>,
    pub reading: Reading,
    pub multi: bool,
    pub split: Vec<char>,
    pub split_before: Vec<String>,
    pub merge: bool,
    pub skip_first: bool,
    /// Whether it stays in the object; others are read for the anchor and the like.
    pub kept: bool,
    /// Whether it is put into the object's `rest` too, and under which names.
    pub also: Vec<String>,
    /// Telephone and employee numbers, postal codes: a spreadsheet's float is unreadable.
    pub digits: bool,
    /// Of an anchor: which of `from` was chosen, by kind; it alone counts (sources.md 13).
    pub chosen: [Option<usize>; 2],
}

impl Attribute {
    /// The names it is read from, the first that is there.
    pub fn sources(&self, kind: ObjectKind) -> &[Slot] {
        match self.chosen[kind as usize] {
            Some(at) => &self.from[at..=at],
            None => &self.from,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Reference {
    pub name: Arc<str>,
    pub canon: Canon,
    pub from: Vec<Slot>,
    pub by: ReferenceBy,
    pub multi: bool,
    /// Of a list in change files: what is new, and what is no more (`members@delta` of Graph).
    pub changes: Option<[Slot; 2]>,
}

/// The record's own new identifier.
#[derive(Debug, Clone)]
pub struct Rename {
    pub from: String,
    pub to: Slot,
}

#[derive(Debug, Clone, Default)]
pub struct Partial {
    /// A change file makes its records partial.
    pub in_changes: bool,
    /// So does having one of these names.
    pub names: Vec<Slot>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Derived {
    pub mail_from_primary: bool,
    pub display_name: Option<NameOrder>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameOrder {
    GivenSurname,
    SurnameGiven,
}

impl Preset {
    /// The preset for the records of one file: what depends on the file's name is decided.
    pub fn for_file(&self, name: &str, anchor_sources: &[AnchorSource]) -> Self {
        let mut own = self.clone();
        let rules = own.account_enabled.iter_mut().map(|(when, _)| when);
        let kinds = own.kinds.iter_mut().map(|(_, when)| when);
        let deletion = own.deletion.iter_mut().map(|(when, _)| when);
        for condition in rules.chain(kinds).chain(deletion).chain(&mut own.drop_rows) {
            *condition = condition.settled(name);
        }
        for chosen in anchor_sources {
            let at = position(self, chosen);
            let is_it = |attribute: &&mut Attribute| attribute.name.eq_ignore_ascii_case(&chosen.anchor);
            own.attributes.iter_mut().filter(is_it).for_each(|anchor| anchor.chosen[chosen.kind as usize] = at);
        }
        own
    }

    /// The preset for records that have only the names that are there: rules that never hold are left out.
    pub fn for_names(&self, is_there: impl Fn(Slot) -> bool) -> Self {
        let mut own = self.clone();
        own.account_enabled.retain(|(when, _)| when.may_hold(&is_there));
        own.kinds.retain(|(_, when)| when.may_hold(&is_there));
        own.deletion.retain(|(when, _)| when.may_hold(&is_there));
        own.drop_rows.retain(|when| when.may_hold(&is_there));
        own
    }

    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    #[inline]
    pub fn canonical(&self, name: Canon) -> &Canonical {
        &self.canonical[name.index()]
    }

    /// Says whether somebody asks for the values of a name; of others it is only told what is no value. `anchor`: its name, as a rule.
    pub fn asks_for(&self, name: Canon, anchor: Option<&str>) -> bool {
        let one = self.canonical(name);
        let anchors = self.anchor.iter().chain(&self.anchor_if_allowed).map(String::as_str).chain(anchor);
        let mut others = anchors.chain(self.rename.iter().map(|rename| rename.from.as_str()));
        one.handed || name.is_asked_for() || others.any(|other| other.eq_ignore_ascii_case(&one.name))
    }

    /// All canonical names, in the order of their numbers.
    pub fn canonicals(&self) -> &[Canonical] {
        &self.canonical
    }

    /// Returns the number of a canonical name.
    pub fn canon(&self, name: &str) -> Option<Canon> {
        let index = self.canonical.iter().position(|one| *one.name == *name)?;
        u16::try_from(index).ok().map(Canon)
    }

    #[inline]
    pub fn use_of(&self, slot: Slot) -> Use {
        self.uses[slot.index()]
    }
}
