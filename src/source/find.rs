//! Which files a set consists of (sources.md 3).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::encoding::Look;
use super::manifest::Manifest;
use super::peek::is_of_changes;
use super::preset::Presets;
use super::report::{Level, Problem};
use super::settings::{FileEntry, Mode, Ready, Role, Settings};
use super::shape::{Dates, Shape};
use super::value::Locale;

/// How deep `recursive` goes.
const DEEPEST: usize = 8;
/// Endings that are never exports.
const LEFT_OUT: [&str; 12] = [
    ".tmp",
    ".temp",
    ".part",
    ".partial",
    ".crdownload",
    ".filepart",
    ".swp",
    ".lock",
    ".ready",
    ".done",
    ".sha256",
    "~",
];
/// Not to be opened in a way that waits: a FIFO would block.
const O_NONBLOCK: i32 = 0o4000;

/// One file of a set, as it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Relative to the folder, with `/`.
    pub name: String,
    pub path: PathBuf,
    pub role: Option<Role>,
    /// Named by the entry of `source.files` that takes it.
    pub preset: Option<String>,
    /// Whether an entry of `source.files` takes it: then it must be readable.
    pub is_named: bool,
    pub stamp: Stamp,
    pub shape: Shape,
}

/// What changes when a file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub size: u64,
    pub mtime_ns: i128,
    pub inode: u64,
}

/// Names that the last export said something under and this one does not, by the pattern of the files' names.
pub type LostNames = BTreeMap<String, BTreeSet<String>>;

/// The files of a set in order, and what is to be said about the folder.
#[derive(Debug, Clone)]
pub struct FileSet {
    pub directory: PathBuf,
    pub files: Vec<Found>,
    pub manifest: Option<Manifest>,
    pub problems: Vec<Problem>,
    /// How the encodings of its files are found out.
    pub look: Look,
    /// Its identity is wanted once it is read: files that are gone through anyway are hashed on the way.
    pub is_hashed: bool,
    /// Of no object, it is presumed, there is a record that is recognised and one that is not; so nobody need look for it as long as
    /// they come. It does not hold where an export has several records of an object, which is seldom; that is remembered.
    pub presumes: bool,
    /// What a reading found out to be lost, by [`SetReport::lost`](super::SetReport::lost): it is not known of anybody.
    pub lost: LostNames,
}

impl Stamp {
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            mtime_ns: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
            inode: metadata.ino(),
        }
    }
}

impl Found {
    /// Opens the file to read; what is no regular file is an error.
    pub fn open(&self) -> io::Result<File> {
        let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(&self.path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(file)
    }
}

impl FileSet {
    /// Says whether both looks saw the same files, unchanged (sources.md 4.1).
    ///
    /// The daemon takes two looks at least `settle` apart, with [`find`], and reads when they agree.
    pub fn is_settled_since(&self, earlier: &FileSet) -> bool {
        let look = |set: &FileSet| set.files.iter().map(|file| (file.name.clone(), file.stamp)).collect::<Vec<_>>();
        look(self) == look(earlier)
    }

    pub fn is_refused(&self) -> bool {
        self.problems.iter().any(|problem| matches!(problem.level, Level::File | Level::Set))
    }
}

/// Looks for the files of the set; what is wrong is among its problems.
pub fn find(settings: &Settings) -> FileSet {
    let mut set = FileSet {
        directory: settings.directory.clone(),
        files: Vec::new(),
        manifest: None,
        problems: Vec::new(),
        look: Look::Whole,
        is_hashed: false,
        presumes: false,
        lost: LostNames::new(),
    };
    let directory = &settings.directory;
    let root = match directory.canonicalize().and_then(|root| fs::read_dir(&root).map(|_| root)) {
        Ok(root) => root,
        Err(error) => {
            let (message, help) = match error.kind() {
                io::ErrorKind::NotFound => {
                    ("does not exist", "create it, or name another folder in `source.directory`")
                }
                io::ErrorKind::PermissionDenied => {
                    ("may not be read", "give the service's user the right to list and read the folder")
                }
                io::ErrorKind::NotADirectory => {
                    ("is not a folder", "name the folder that the files lie in, not a file")
                }
                _ => ("cannot be read", "check the disk or network share that it lies on"),
            };
            let message = format!("the source folder `{}` {message}: {error}", directory.display());
            set.problems.push(Problem::new(Level::Set, "source.directory", message).with_help(help));
            return set;
        }
    };
    warn_of_permissions(&root, &mut set);
    let filter = match Filter::new(settings) {
        Ok(filter) => filter,
        Err(problem) => {
            set.problems.push(*problem);
            return set;
        }
    };
    walk(&root, &root, String::new(), 0, &filter, settings, &mut set);
    set.files.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    if is_too_many(settings, &mut set) {
        return set;
    }
    choose_generations(settings, &mut set);
    check_total(settings, &mut set);
    match Manifest::read(&root) {
        Ok(manifest) => set.manifest = manifest,
        Err(problem) => set.problems.push(*problem),
    }
    check_ready(settings, &mut set);
    if set.files.is_empty() && !set.is_refused() {
        let message = format!("the source folder `{}` holds no file that can be read", directory.display());
        set.problems.push(
            Problem::new(Level::Set, "set.empty", message).with_help(
                "put the export into it: CSV, LDIF or JSON; an empty folder never means that everybody left",
            ),
        );
    }
    set
}

/// The globs of `source.files` and `source.ignore`.
pub(super) struct Filter {
    ignore: GlobSet,
    entries: Vec<globset::GlobMatcher>,
}

impl Filter {
    pub(super) fn new(settings: &Settings) -> Result<Self, Box<Problem>> {
        let refused = |pattern: &str, error: &globset::Error| {
            let message = format!("`{pattern}` is no pattern: {error}");
            Box::new(Problem::new(Level::Set, "source.files", message).with_help("write a glob such as `users*.csv`"))
        };
        let glob = |pattern: &String| Glob::new(pattern).map_err(|error| refused(pattern, &error));
        let mut ignore = GlobSetBuilder::new();
        for pattern in &settings.ignore {
            ignore.add(glob(pattern)?);
        }
        let ignore = ignore.build().map_err(|error| refused("ignore", &error))?;
        let entry = |entry: &FileEntry| glob(&entry.pattern).map(|glob| glob.compile_matcher());
        let entries = settings.files.iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { ignore, entries })
    }

    fn entry(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|glob| glob.is_match(name))
    }

    /// Says whether a file that was taken once would be taken again, if it were there.
    pub(super) fn takes(&self, settings: &Settings, name: &str) -> bool {
        let mut folders = name.match_indices('/').map(|(end, _)| &name[..end]);
        (settings.recursive || !name.contains('/'))
            && !self.ignore.is_match(name)
            && !folders.any(|folder| self.ignore.is_match(folder))
            && (settings.files.is_empty() || self.entry(name).is_some())
    }
}

fn is_left_out(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    name.starts_with('.')
        || name.starts_with("~$")
        || lower == "manifest.json"
        || LEFT_OUT.iter().any(|end| lower.ends_with(end))
}

fn walk(
    root: &Path,
    folder: &Path,
    prefix: String,
    depth: usize,
    filter: &Filter,
    settings: &Settings,
    set: &mut FileSet,
) {
    let entries = match fs::read_dir(folder) {
        // in order, as more than the limit are not looked at
        Ok(entries) => {
            let mut entries: Vec<DirEntry> = entries.flatten().collect();
            entries.sort_by_key(DirEntry::file_name);
            entries
        }
        Err(error) => {
            let message = format!("the folder cannot be read: {error}");
            set.problems
                .push(Problem::new(Level::File, "file.unreadable", message).in_file(prefix.trim_end_matches('/')));
            return;
        }
    };
    for entry in entries {
        if set.files.len() > settings.limits.files {
            return;
        }
        let Ok(file_name) = entry.file_name().into_string() else {
            let message = "the file's name is not UTF-8";
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            set.problems.push(
                Problem::new(Level::Warning, "file.skipped", message).in_file(&name).with_help("rename the file"),
            );
            continue;
        };
        let name = format!("{prefix}{file_name}");
        if is_left_out(&file_name) || filter.ignore.is_match(&name) {
            continue;
        }
        let matched = filter.entry(&name);
        let metadata = match resolve(root, &entry.path()) {
            Ok(metadata) => metadata,
            Err(Unusable::Outside) => {
                let message = "the link leads out of the source folder";
                set.problems.push(Problem::new(Level::File, "file.outside", message).in_file(&name));
                continue;
            }
            Err(Unusable::Failed(error)) => {
                let message = format!("the file cannot be read: {error}");
                set.problems.push(Problem::new(Level::File, "file.unreadable", message).in_file(&name));
                continue;
            }
        };
        if metadata.is_dir() {
            if settings.recursive && depth < DEEPEST {
                walk(root, &entry.path(), format!("{name}/"), depth + 1, filter, settings, set);
            }
            continue;
        }
        if !metadata.is_file() {
            let (level, code) =
                if matched.is_some() { (Level::File, "file.unreadable") } else { (Level::Warning, "file.skipped") };
            set.problems.push(
                Problem::new(level, code, "this is a device, socket or pipe, which is never opened").in_file(&name),
            );
            continue;
        }
        if matched.is_none() && !settings.files.is_empty() {
            set.problems
                .push(Problem::new(Level::Info, "file.skipped", "no entry of `source.files` takes it").in_file(&name));
            continue;
        }
        let rule = matched.map(|index| &settings.files[index]);
        set.files.push(Found {
            shape: Shape::of(&name),
            name,
            path: entry.path(),
            role: rule.and_then(|rule| rule.role),
            preset: rule.and_then(|rule| rule.preset.clone()),
            is_named: rule.is_some(),
            stamp: Stamp::of(&metadata),
        });
    }
}

enum Unusable {
    Outside,
    Failed(io::Error),
}

/// Follows links, but only to what lies inside the folder.
fn resolve(root: &Path, path: &Path) -> Result<Metadata, Unusable> {
    let own = fs::symlink_metadata(path).map_err(Unusable::Failed)?;
    if !own.file_type().is_symlink() {
        return Ok(own);
    }
    let target = path.canonicalize().map_err(Unusable::Failed)?;
    if !target.starts_with(root) {
        return Err(Unusable::Outside);
    }
    fs::metadata(target).map_err(Unusable::Failed)
}

/// Of files that differ only in a date, only the newest is read; change files are all read, in order, but for those that a
/// later export takes the place of.
fn choose_generations(settings: &Settings, set: &mut FileSet) {
    if settings.mode == Mode::Changes {
        return;
    }
    let key = |found: &Found| Shape::of(&found.shape.undated).pattern;
    let locale = Locale::parse(&settings.locale);
    let changes = generations_of_changes(settings, set, key);
    let is_export = |found: &&Found| found.role != Some(Role::Changes) && !changes.contains(&found.name);
    let mut problems = Vec::new();
    let mut series: BTreeMap<String, Vec<(&str, Dates)>> = BTreeMap::new();
    let mut undated: BTreeMap<String, String> = BTreeMap::new();
    for found in set.files.iter().filter(is_export) {
        match found.shape.date {
            Some(date) => series.entry(key(found)).or_default().push((&found.name, date)),
            None => drop(undated.insert(key(found), found.name.clone())),
        }
    }
    let mut older: BTreeSet<String> = BTreeSet::new();
    for found in set.files.iter().filter(|found| changes.contains(&found.name)) {
        let (Some(date), Some(exports)) = (found.shape.date, series.get(&key(found))) else { continue };
        let dates: Vec<Dates> = exports.iter().map(|(_, date)| *date).chain([date]).collect();
        // of one that is doubtful it is said with the exports, or it is applied
        if Dates::latest(&dates, locale).is_some_and(|latest| latest.last() == Some(&false)) {
            older.insert(found.name.clone());
        }
    }
    for files in series.into_values() {
        let dates: Vec<Dates> = files.iter().map(|(_, date)| *date).collect();
        match Dates::latest(&dates, locale) {
            Some(latest) => {
                let of_before = files.iter().zip(latest).filter(|(_, is_latest)| !is_latest);
                older.extend(of_before.map(|((name, _), _)| (*name).to_owned()));
            }
            None => {
                let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
                let message = format!(
                    "which of `{}` is the newest depends on whether their names have the day first or the month",
                    names.join("`, `")
                );
                let help = "write the year first, say with `source.locale: en-GB` that the day is first, or take the others away";
                let last = names.last().copied().unwrap_or_default();
                problems.push(Problem::new(Level::Set, "set.ambiguous", message).in_file(last).with_help(help));
            }
        }
    }
    let ambiguous = |name: &str, other: &str| {
        let message = format!("`{name}` and `{other}` look like the same export");
        let help = "say in `source.files` which of them is meant, or take one away";
        Problem::new(Level::Set, "set.ambiguous", message).in_file(name).with_help(help)
    };
    let mut taken: BTreeMap<(String, Option<u64>, Dates), String> = BTreeMap::new();
    set.files.retain(|found| {
        let Some(date) = found.shape.date.filter(|_| found.role != Some(Role::Changes)) else { return true };
        if older.contains(&found.name) {
            let message = "a later export of the same name is there";
            problems.push(Problem::new(Level::Info, "file.older", message).in_file(&found.name));
            return false;
        }
        if changes.contains(&found.name) {
            return true;
        }
        let key = key(found);
        let other = match undated.get(&key).cloned() {
            None if found.shape.copy_of.is_none() => taken.insert((key, found.shape.number, date), found.name.clone()),
            other => other,
        };
        problems.extend(other.map(|other| ambiguous(&found.name, &other)));
        true
    });
    // of a file that was saved a second time nobody knows which is meant
    let exports = || set.files.iter().filter(is_export);
    let mut meant: BTreeMap<&str, &str> = exports().map(|found| (&*found.name, &*found.name)).collect();
    for found in exports() {
        let Some(original) = found.shape.copy_of.as_deref() else { continue };
        match meant.get(original) {
            Some(other) => problems.push(ambiguous(&found.name, other)),
            None => drop(meant.insert(original, &found.name)),
        }
    }
    set.problems.extend(problems);
}

/// The names of those files of a series that hold changes.
fn generations_of_changes(settings: &Settings, set: &FileSet, key: impl Fn(&Found) -> String) -> BTreeSet<String> {
    if settings.mode != Mode::Auto {
        return BTreeSet::new();
    }
    let mut series: BTreeMap<String, Vec<&Found>> = BTreeMap::new();
    for found in set.files.iter().filter(|found| found.role.is_none()) {
        series.entry(key(found)).or_default().push(found);
    }
    let presets = Presets::default();
    let is_series = |files: &Vec<&Found>| files.len() > 1 && files.iter().any(|found| found.shape.date.is_some());
    let several = series.into_values().filter(is_series).flatten();
    several.filter(|found| is_of_changes(found, settings, &presets)).map(|found| found.name.clone()).collect()
}

/// Of more files than the limit none is read: what some of them hold says nothing of the set.
fn is_too_many(settings: &Settings, set: &mut FileSet) -> bool {
    if set.files.len() <= settings.limits.files {
        return false;
    }
    set.files.clear();
    let message = format!("the folder holds more than {} files: none is read", settings.limits.files);
    set.problems.push(
        Problem::new(Level::Set, "limit.files", message)
            .with_help("name the files in `source.files`, or raise `source.limits.files`"),
    );
    true
}

fn check_total(settings: &Settings, set: &mut FileSet) {
    let total: u64 = set.files.iter().map(|found| found.stamp.size).sum();
    if total > settings.limits.total {
        let message = format!("the files hold {total} bytes together; the limit is {}", settings.limits.total);
        set.problems.push(
            Problem::new(Level::Set, "limit.total", message)
                .with_help("name the files in `source.files`, or raise `source.limits.total`"),
        );
    }
}

/// What the exporter says of being finished (sources.md 4.2).
fn check_ready(settings: &Settings, set: &mut FileSet) {
    let missing = |message: String, help: &str| Problem::new(Level::Set, "set.incomplete", message).with_help(help);
    match settings.ready {
        Ready::None => {}
        Ready::Marker => {
            for found in &set.files {
                let marker = ["ready", "done"].iter().find_map(|end| {
                    let mut path = found.path.clone().into_os_string();
                    path.push(format!(".{end}"));
                    fs::metadata(path).ok()
                });
                let is_late = |marker: Metadata| Stamp::of(&marker).mtime_ns >= found.stamp.mtime_ns;
                if !marker.is_some_and(is_late) {
                    let message = format!("`{}` has no marker that is as new as the file", found.name);
                    let help = format!("let the exporter write `{}.ready` when it has finished", found.name);
                    set.problems.push(missing(message, &help).in_file(&found.name));
                }
            }
        }
        Ready::Manifest => {
            let names = set
                .manifest
                .as_ref()
                .map(|manifest| manifest.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>());
            match names {
                None => set.problems.push(missing(
                    "there is no `manifest.json` yet".to_owned(),
                    "let the exporter write it when it has finished",
                )),
                Some(names) => {
                    for found in set.files.iter().filter(|found| !names.contains(&found.name.as_str())) {
                        let message = format!("`manifest.json` does not name `{}`", found.name);
                        set.problems
                            .push(missing(message, "let the exporter name every file of the set").in_file(&found.name));
                    }
                }
            }
        }
    }
}

/// Whoever can write into the folder decides who works here (sources.md 20).
fn warn_of_permissions(root: &Path, set: &mut FileSet) {
    let Ok(metadata) = fs::metadata(root) else { return };
    if metadata.mode() & 0o002 != 0 {
        let message = "everybody on this machine can write into the source folder";
        set.problems.push(
            Problem::new(Level::Warning, "source.permissions", message)
                .with_help("take the right to write away from others: chmod o-w"),
        );
    }
}
