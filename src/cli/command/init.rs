//! `init`: a configuration to start from.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::super::error::{CliError, Status};
use super::super::session::Session;
use crate::config::{self, Preset};

/// Writes a commented, working configuration, mapping and source folder; never overwrites a file
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  provisiond init work --preset kintone
  cd work
  provisiond check
  provisiond cycle --dry-run")]
pub struct Args {
    /// Folder to write to; made where it does not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// What the target is
    #[arg(long, value_name = "PRESET", default_value = "kintone", value_parser = preset())]
    preset: Preset,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let files: Vec<_> = config::init(args.preset).into_iter().map(|file| (file.path, file.text)).collect();
    let written = write_new(&args.folder, &files)?;
    let source = args.folder.join(config::SOURCE_FOLDER);
    fs::create_dir_all(&source).map_err(|error| CliError::io("made", &source, &error))?;
    session.output.either(
        || json!({ "ok": true, "files": written }),
        |_| {
            let list: String = written.iter().map(|path| format!("  {path}\n")).collect();
            format!(
                "written:\n{list}next:\n  put an export into the source folder, then\n  provisiond check --config {}\n",
                args.folder.join("provisiond.yaml").display()
            )
        },
    )?;
    Ok(Status::Done)
}

fn preset() -> impl TypedValueParser<Value = Preset> {
    PossibleValuesParser::new(Preset::NAMES).try_map(|name| Preset::named(&name).ok_or("no such preset"))
}

/// Writes all of the files, or none where one exists; returns their paths.
pub fn write_new(folder: &Path, files: &[(&str, String)]) -> Result<Vec<String>, CliError> {
    let paths: Vec<PathBuf> = files.iter().map(|(path, _)| folder.join(path)).collect();
    let existing: Vec<String> = paths
        .iter()
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if !existing.is_empty() {
        return Err(CliError::usage("file_exists", format!("these files exist already: {}", existing.join(", ")))
            .with_help("name another folder; nothing was written"));
    }
    for (path, (_, text)) in paths.iter().zip(files) {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| CliError::io("made", parent, &error))?;
        }
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| CliError::io("written", path, &error))?;
    }
    Ok(paths.iter().map(|path| path.display().to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let folder = std::env::temp_dir().join(format!("provisiond-init-{}", uuid::Uuid::new_v4()));
        let files = [("a.yaml", "a".to_owned()), ("source/b.csv", "b".to_owned())];
        assert_eq!(write_new(&folder, &files).expect("a new folder").len(), 2);
        fs::remove_file(folder.join("a.yaml")).expect("it was written");
        fs::write(folder.join("source/b.csv"), "mine").expect("it is writable");
        let error = write_new(&folder, &files).expect_err("one file exists");
        assert_eq!(error.code, "file_exists");
        assert!(!folder.join("a.yaml").exists(), "all or none");
        assert_eq!(fs::read_to_string(folder.join("source/b.csv")).expect("it is there"), "mine");
        fs::remove_dir_all(folder).expect("it is ours");
    }
}
