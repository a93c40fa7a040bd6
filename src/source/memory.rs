//! What is remembered of an accepted set, for judging the next (sources.md 16).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::SourceCounts;

/// Stored with the snapshot of an accepted set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMemory {
    /// By the pattern of the file's name.
    pub files: BTreeMap<String, FileMemory>,
    /// Names of the set's files, by pattern.
    pub names: BTreeSet<String>,
    /// Canonical name of the anchor, by kind (`user`, `group`).
    pub anchors: BTreeMap<String, String>,
    /// Where the source may give the anchor several names, the one that was chosen, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub anchor_sources: BTreeMap<String, String>,
    pub newest: Option<Newest>,
    /// Digests of change files that were applied, of the last sets.
    pub applied: BTreeSet<String>,
    /// How many ids assignment files named, where there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned: Option<u64>,
    /// Whether the files were such that change files can follow on them.
    #[serde(default)]
    pub takes_changes: bool,
    /// Whether an object had several records.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
    /// Where the records were those of the stored snapshot in another order, what that is known again by; for who keeps the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
    /// Objects that could not be read and are not gone: the next export is compared with them too; for who keeps the snapshot.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unread: u64,
    /// What was read of the files, to be told again of the same octets; for who keeps the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<SourceCounts>,
    /// Of `applied` those that an accepted snapshot is later than: whatever is read anew, they are not applied again; for who
    /// keeps both.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub settled: BTreeSet<String>,
    /// Names that were asked for when the set was read; for who keeps what is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<BTreeSet<String>>,
    /// Changes were applied since the last snapshot, which knows nothing of them; for who keeps both.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
    /// [`Settings::digest`](super::Settings::digest) of when the set was read; for who compares it with the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<u64>,
}

impl SetMemory {
    /// What of it decides about changes; whether the rest of a set fits to the last one is for a cycle to judge.
    pub fn for_changes(self) -> Self {
        let Self { files, anchors, anchor_sources, applied, takes_changes, settled, wanted, changed, settings, .. } =
            self;
        // Of the files' columns nothing is kept that could be missed; a change file alone does not show its preset.
        let preset_of = |(pattern, file): (String, FileMemory)| {
            let FileMemory { preset, final_newline, .. } = file;
            (pattern, FileMemory { preset, final_newline, ..FileMemory::default() })
        };
        let files = files.into_iter().map(preset_of).collect();
        Self {
            files,
            anchors,
            anchor_sources,
            applied,
            takes_changes,
            settled,
            wanted,
            changed,
            settings,
            ..Self::default()
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What is remembered of files of one name pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMemory {
    pub preset: String,
    pub final_newline: bool,
    /// Source names that feed something, in lower case, with hashes of some of the records that had a value.
    ///
    /// A column of a CSV file is there though no record has a value: the heading names it.
    pub names: BTreeMap<String, Vec<u128>>,
    /// Those of them that feed anchor, state or references.
    pub vital: BTreeSet<String>,
}

/// The latest `modifiedDateTime`, with hashes of some of the records that had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    pub time: String,
    pub records: Vec<u128>,
}

/// How many hashes are kept to recognise a record by.
pub const SAMPLES: usize = 32;
