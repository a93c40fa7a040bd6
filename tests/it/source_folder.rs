//! A folder with files of the given names, read once.

use std::convert::Infallible;
use std::fs;

use provisiond::model::SourceObject;
use provisiond::source::{FileSet, Look, Nothing, Read, SetMemory, SetReport, Settings, find, read};

pub struct Given {
    pub report: SetReport,
    pub objects: Vec<SourceObject>,
}

pub fn read_files(files: &[(&str, &[u8])], memory: Option<&SetMemory>, change: impl FnOnce(&mut Settings)) -> Given {
    read_files_by(Look::Whole, files, memory, change)
}

pub fn read_files_by(
    look: Look,
    files: &[(&str, &[u8])],
    memory: Option<&SetMemory>,
    change: impl FnOnce(&mut Settings),
) -> Given {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("written");
    }
    let mut settings = Settings { directory: folder.path().to_owned(), ..Settings::default() };
    change(&mut settings);
    let mut objects = Vec::new();
    let mut sink = |read: Read<'_>| -> Result<(), Infallible> {
        if let Read::Object { object, .. } = read {
            objects.push(object.into_object());
        }
        Ok(())
    };
    let report = match read(&settings, &FileSet { look, ..find(&settings) }, memory, &mut Nothing, &mut sink) {
        Ok(report) => report,
        Err(never) => match never {},
    };
    Given { report, objects }
}

impl Given {
    /// Codes of the given levels, each with its line.
    pub fn codes(&self, letters: &str) -> Vec<String> {
        let of_level = self.report.problems.iter().filter(|problem| letters.contains(problem.level.letter()));
        of_level.map(|problem| format!("{}:{}", problem.code, problem.line.unwrap_or(0))).collect()
    }

    pub fn texts(&self, name: &str) -> Vec<String> {
        self.objects.iter().map(|object| object.text(name).unwrap_or("-").to_owned()).collect()
    }
}

pub fn id(number: u32) -> String {
    format!("11111111-aaaa-4aaa-8aaa-{number:012}")
}
