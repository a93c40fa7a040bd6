//! From a folder of exports to source objects (sources.md).
//!
//! ```text
//! find(settings)                         which files; two looks that agree are the daemon's patience
//! FileSet::identity()                    the same bytes as last time need no reading
//! read(settings, set, memory, known, …)  records one at a time, then the judgement of the set
//! judge_absences(…)                      what it means that somebody is not there
//! document(settings)                     all of it for people and tests
//! ```
//!
//! Where a multi-valued attribute feeds a single one, the first value in the file is taken (sources.md 11.2): what was taken
//! last time is not known here.

mod absence;
mod again;
mod anchor_source;
mod assignments;
mod attributes;
mod base;
mod batch;
mod bits;
mod blank;
mod canonical;
mod cells;
mod changes;
mod codes;
mod complete;
mod crew;
#[cfg(test)]
mod crew_tests;
mod cut;
mod delta;
mod direct;
mod document;
mod draft;
pub mod encoding;
mod extent;
mod fetch;
mod few;
mod fields;
mod file;
mod find;
pub mod frame;
mod hash;
mod identity;
mod manifest;
mod map;
mod memory;
mod open;
mod pack;
mod peek;
mod preset;
pub mod raw;
mod read;
mod recognise;
mod references;
mod report;
mod rules;
mod seen;
mod settings;
mod shape;
mod shared;
mod twins;
mod value;
mod wanted;
mod whole;

pub use absence::{Absences, Census, Judgement, judge_absences, judge_assignments, judge_changes};
pub use base::{Base, BaseKey, Lasting};
pub use canonical::{NAMES as CANONICAL_NAMES, is_secret, spelling as canonical_name};
pub use changes::{Applied, Change, Entry, EntryValue};
pub use document::{document, write_document};
pub use draft::Handed;
pub use encoding::Look;
pub use extent::Extent;
pub use fetch::Feed;
pub use find::{FileSet, Found, LostNames, Stamp, find};
pub use frame::Limits;
pub use identity::{FileIdentity, Identity};
pub use manifest::Manifest;
pub use memory::{FileMemory, Newest, SetMemory};
pub use preset::{
    AttributeForm, Misfit, built_in_names as preset_names, check as check_preset, derived_rule, misfits, names_read,
};
pub use read::{ObjectKey, Read, read};
pub use recognise::{
    Ahead, Filter, FindAny, Fingerprint, Follow, Knowing, Nothing, Recall, Recognise, Recognised, Remembered,
};
pub use report::{
    Assignment, Completeness, Counts, FileReport, Level, Problem, RefusedRecord, SetMode, SetReport, Warning,
};
pub use settings::{Allowance, FileEntry, Mode, Ready, Role, Settings};

/// Returns a name that somebody typed in the form that texts of a source have (sources.md 11.1).
pub fn typed(name: &str) -> String {
    value::clean(name, &mut false).into_owned()
}

/// Says whether `tag` is the tag of a language, as `source.locale` takes it.
pub fn is_locale(tag: &str) -> bool {
    value::Locale::is_tag(tag)
}
