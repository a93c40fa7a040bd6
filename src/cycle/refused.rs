//! The text of refused records, kept beside the state (sources.md 17).

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;

/// Of so many sets the records are kept.
const SETS: usize = 10;
/// As many records of a file are kept at most.
const RECORDS: u64 = 100_000;

/// Writes what is refused of one set, a file of the source a file.
pub(super) struct RefusedRecords {
    folder: PathBuf,
    date: String,
    files: BTreeMap<usize, (BufWriter<File>, u64)>,
}

impl RefusedRecords {
    /// Begins with a set; nothing is written before a record is refused.
    pub(super) fn new(state: &Path, now: Timestamp) -> Self {
        let folder = state.parent().unwrap_or(Path::new("")).join("refused");
        let date = now.strftime("%Y%m%dT%H%M%S%3fZ").to_string();
        Self { folder, date, files: BTreeMap::new() }
    }

    /// Keeps one record; `text` has no secrets in it.
    pub(super) fn keep(
        &mut self,
        (index, name): (usize, &str),
        line: u64,
        code: &str,
        message: &str,
        text: Option<&str>,
    ) -> io::Result<()> {
        let (file, count) = match self.files.entry(index) {
            std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::btree_map::Entry::Vacant(none) => {
                DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
                let path = self.folder.join(format!("{}-{}.ndjson", self.date, flat(name)));
                let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
                none.insert((BufWriter::new(file), 0))
            }
        };
        *count += 1;
        if *count > RECORDS {
            return Ok(());
        }
        let record = json!({"file": name, "line": line, "code": code, "message": message, "raw": text});
        serde_json::to_writer(&mut *file, &record)?;
        file.write_all(b"\n")
    }

    /// Ends with the set, and takes away what is older than the last few.
    pub(super) fn finish(self) -> io::Result<()> {
        if self.files.is_empty() {
            return Ok(());
        }
        for (mut file, _) in self.files.into_values() {
            file.flush()?;
        }
        let mut sets: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let date = name.split('-').next().unwrap_or_default();
            if name.ends_with(".ndjson") && date.len() == self.date.len() {
                sets.entry(date.to_owned()).or_default().push(entry.path());
            }
        }
        let old = sets.len().saturating_sub(SETS);
        sets.into_values().take(old).flatten().try_for_each(fs::remove_file)
    }
}

/// The relative path of a file of the source as one plain name.
fn flat(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let flat: String = name.chars().map(plain).collect();
    // names are limited in bytes, and the last part says most
    let cut = flat.char_indices().map(|(at, _)| at).find(|at| flat.len() - at <= 180).unwrap_or(0);
    flat[cut..].to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn records_of_the_last_ten_sets_are_kept_for_their_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state.db");
        for second in 0..12 {
            let now = Timestamp::from_second(1_800_000_000 + second).expect("a time");
            let mut refused = RefusedRecords::new(&state, now);
            refused.keep((0, "sub/users.csv"), 7, "csv.field_count", "short", Some("a,b")).expect("written");
            refused.keep((0, "sub/users.csv"), 9, "text.nul", "NUL", None).expect("written");
            refused.finish().expect("finished");
        }
        RefusedRecords::new(&state, Timestamp::from_second(1_900_000_000).expect("a time")).finish().expect("nothing");
        let mut files: Vec<PathBuf> = fs::read_dir(folder.path().join("refused"))
            .expect("there")
            .map(|file| file.expect("read").path())
            .collect();
        files.sort();
        assert_eq!(files.len(), SETS);
        let last = files.last().expect("ten of them");
        assert_eq!(last.file_name().expect("a name"), "20270115T080011000Z-sub_users.csv.ndjson");
        assert_eq!(fs::metadata(last).expect("there").permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(last).expect("read");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(
            lines[0],
            json!({"file": "sub/users.csv", "line": 7, "code": "csv.field_count", "message": "short", "raw": "a,b"})
        );
        assert_eq!((lines.len(), &lines[1]["raw"]), (2, &serde_json::Value::Null));
    }
}
