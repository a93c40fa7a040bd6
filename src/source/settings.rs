//! What `source:` of the configuration says (sources.md 2), checked and with its defaults.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::frame::Limits;
use super::preset::{AttributeForm, Preset};

/// Everything that decides how a folder is read; plain data that the configuration fills in.
#[derive(Debug, Clone)]
pub struct Settings {
    pub directory: PathBuf,
    /// The name of a preset, the path of a preset file, or `detect`.
    pub preset: String,
    /// What paths of preset files are relative to: the folder of the configuration file.
    pub base: PathBuf,
    pub mode: Mode,
    /// Empty: every file that section 3 does not leave out.
    pub files: Vec<FileEntry>,
    /// Globs of relative paths.
    pub ignore: Vec<String>,
    pub recursive: bool,
    /// A canonical name; none: the preset's.
    pub anchor: Option<String>,
    pub allow_mutable_anchor: bool,
    /// A label of the WHATWG Encoding Standard; none: by section 5.
    pub encoding: Option<String>,
    /// How `D/M/Y` is read in Entra's CSV files.
    pub locale: String,
    pub settle: Duration,
    pub ready: Ready,
    /// In percent: a set that shrank by more than this is refused (service.md D-04).
    pub max_shrink: f64,
    pub absences_without_proof: Allowance,
    pub max_refused: Allowance,
    /// Whether the text of refused records is kept beside the state (sources.md 17).
    pub keep_refused: bool,
    /// Laid over the preset: canonical name to how it is read.
    pub attributes: BTreeMap<String, AttributeForm>,
    /// Laid over the preset's `derived`.
    pub derived: BTreeMap<String, String>,
    pub limits: Limits,
    /// Canonical and other names that mappings, filters and matching use; none: all.
    pub wanted: Option<BTreeSet<String>>,
    /// Whether `manager` and `members` are wanted; without them the files are read once only.
    pub references: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Auto,
    Snapshot,
    Changes,
}

/// How an exporter says that a file is whole (sources.md 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    None,
    Marker,
    Manifest,
}

/// One entry of `source.files`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// A glob of the path relative to the folder.
    pub pattern: String,
    pub role: Option<Role>,
    pub preset: Option<String>,
}

/// What the records of a file are (sources.md 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Objects,
    /// Every record is soft-deleted.
    Deleted,
    /// Every record is a group.
    Groups,
    Assignments,
    Changes,
}

/// The greater of a count and a percentage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    pub count: u64,
    pub percent: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            directory: PathBuf::new(),
            preset: "detect".to_owned(),
            base: PathBuf::new(),
            mode: Mode::Auto,
            files: Vec::new(),
            ignore: Vec::new(),
            recursive: false,
            anchor: None,
            allow_mutable_anchor: false,
            encoding: None,
            locale: "en-US".to_owned(),
            settle: Duration::from_secs(5),
            ready: Ready::None,
            max_shrink: 50.0,
            absences_without_proof: Allowance { count: 5, percent: 1.0 },
            max_refused: Allowance { count: 20, percent: 1.0 },
            keep_refused: true,
            attributes: BTreeMap::new(),
            derived: BTreeMap::new(),
            limits: Limits::default(),
            wanted: None,
            references: true,
        }
    }
}

impl Settings {
    /// Says whether files of the preset, other than LDIF, may be followed by changes: they show it, or `files` says so.
    pub(super) fn takes_changes_of(&self, preset: &Preset) -> bool {
        preset.partial.in_changes || self.files.iter().any(|file| file.role == Some(Role::Changes))
    }

    /// Says whether `name`, in any case, is used by anything.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|other| other.eq_ignore_ascii_case(name)))
    }
}

impl Settings {
    /// A digest of what decides what is read out of the same octets, with the contents of preset files.
    pub fn digest(&self) -> u64 {
        let Self { preset, base, mode, files, ignore, recursive, anchor, .. } = self;
        let Self { allow_mutable_anchor, encoding, locale, attributes, derived, limits, wanted, references, .. } = self;
        let presets = files.iter().filter_map(|file| file.preset.as_ref()).chain([preset]).map(|name| base.join(name));
        // One that cannot be read is told of where it is used.
        let presets: Vec<_> = presets.filter(|path| path.is_file()).map(|path| std::fs::read(path).ok()).collect();
        let which = (preset, presets, mode, files, ignore, recursive, anchor, allow_mutable_anchor);
        let how = (encoding, locale, attributes, derived, limits, wanted, references, env!("CARGO_PKG_VERSION"));
        xxh3_64(format!("{which:?}{how:?}").as_bytes())
    }
}

/// Attributes that say something about an object's state, whether a mapping names them or not.
const NEEDED: [&str; 3] = ["accountEnabled", "assigned", "appRoleAssignments"];

impl Settings {
    /// Says whether `name` stays in an object.
    pub(super) fn wants_or_needs(&self, name: &str) -> bool {
        NEEDED.contains(&name) || self.wants(name)
    }
}

impl Allowance {
    /// Returns how many of `total` are allowed.
    pub fn of(self, total: u64) -> u64 {
        // counts of people: exact in f64 far beyond any directory
        self.count.max((total as f64 * self.percent / 100.0).floor() as u64)
    }
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Objects => "objects",
            Self::Deleted => "deleted",
            Self::Groups => "groups",
            Self::Assignments => "assignments",
            Self::Changes => "changes",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Objects, Self::Deleted, Self::Groups, Self::Assignments, Self::Changes]
            .into_iter()
            .find(|role| role.name() == text)
    }
}
