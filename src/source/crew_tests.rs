//! A crew finds what one thread finds, of every fixture and of what becomes of it when it is damaged.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use super::base::{Base, BaseKey};
use super::changes::Entry;
use super::crew::Crew;
use super::find::find;
use super::read::{Given, ObjectKey, Read, Recognise, Recognised, read_by};
use super::settings::Settings;
use crate::model::Deletion;

/// Knows some records, as far as it was told of them, and has a base that holds nothing.
#[derive(Default)]
struct Recalling {
    records: HashMap<u128, Recognised>,
    has_base: bool,
}

impl Recognise for Recalling {
    fn recognise(&mut self, _: usize, hash: u128, _: &[u8]) -> Option<Recognised> {
        self.records.get(&hash).copied()
    }

    fn base(&mut self) -> Option<&mut dyn Base> {
        self.has_base.then_some(self)
    }
}

impl Base for Recalling {
    fn entry(&mut self, _: BaseKey) -> Option<Entry> {
        None
    }

    fn anchor(&mut self, _: BaseKey) -> Option<String> {
        None
    }

    fn below(&mut self, _: &str) -> Vec<BaseKey> {
        Vec::new()
    }
}

/// Everything that reading the folder gives, and half of its records to be known next time.
fn trace(settings: &Settings, crew: Crew, known: &mut Recalling) -> (String, HashMap<u128, Recognised>) {
    let mut set = find(settings);
    let _ = set.identity();
    let mut text = String::new();
    let mut half = HashMap::new();
    let mut sink = |read: Read<'_>| -> Result<(), Infallible> {
        match read {
            Read::Object { file, hash, key, object, renamed_to, self_reference, change, lasting } => {
                let living = object.deletion() == Deletion::None;
                if hash % 2 == 0 {
                    half.insert(hash, Recognised { key, living });
                }
                let object = object.into_object();
                text += &format!(
                    "{file} {hash} {key:?} {object:?} {renamed_to:?} {self_reference:?} {change} {lasting:?}\n"
                );
            }
            other => {
                if let Read::Ignored { hash, .. } = &other {
                    half.insert(*hash, Recognised { key: ObjectKey(0), living: true });
                }
                text += &format!("{other:?}\n");
            }
        }
        Ok(())
    };
    let Ok(report) = read_by(Given { settings, set: &set, memory: None }, crew, known, &mut sink);
    (format!("{text}{report:?}"), half)
}

/// The same both ways, with some records known and with none; `turn` chooses settings and a crew.
fn compare(folder: &Path, turn: usize, what: &str) {
    let some = ["userPrincipalName", "displayName", "mail", "department", "proxyAddresses", "costCenter"];
    let some = some.iter().map(|name| (*name).to_owned()).collect();
    let choices = [(None, true, false), (Some(some), false, true), (None, false, false)];
    let (wanted, references, has_base) = choices[turn % 3].clone();
    let settings = Settings {
        directory: folder.to_owned(),
        wanted,
        references,
        allow_mutable_anchor: true,
        ..Settings::default()
    };
    let (workers, batch) = [(1, 1), (2, 700), (3, 1 << 17)][turn / 3 % 3];
    let mut known = Recalling { has_base, ..Recalling::default() };
    for _ in 0..2 {
        let (expected, half) = trace(&settings, Crew { workers: 0, least: 0, batch: 1 }, &mut known);
        let (got, _) = trace(&settings, Crew { workers, least: 0, batch }, &mut known);
        assert!(got == expected, "{what}, {workers} workers, batches of {batch}:\n{got}\n\n{expected}");
        known.records = half;
    }
}

/// Ways to damage a file.
fn damaged(text: &[u8]) -> Vec<Vec<u8>> {
    let at = |part: usize| {
        let near = text.len() * part / 7;
        near + text[near..].iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1)
    };
    let spliced = |from: usize, to: usize, with: &[u8]| {
        let (from, to) = (from.min(text.len()), to.min(text.len()));
        [&text[..from], with, &text[to..]].concat()
    };
    let long = [b"x: \"".to_vec(), vec![b'y'; 80_000], b"\"\n".to_vec()].concat();
    vec![
        text.to_vec(),
        text[..at(5).saturating_sub(9)].to_vec(),
        spliced(at(3), at(3), &text[at(3)..at(5).max(at(3))]),
        spliced(at(4), at(4), b"\0,nul\n"),
        spliced(at(4) + 3, at(4) + 5, b"\""),
        spliced(at(2), at(4), b""),
        spliced(at(4), at(4), &long),
        spliced(at(5) + 2, at(5) + 2, b"\xff\xfe"),
        bstr::ByteSlice::replace(text, b"rue", b"perhaps"),
    ]
}

#[test]
fn a_crew_finds_what_one_thread_finds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files = ["csv", "json", "ldif"].iter().flat_map(|folder| {
        let entries = fs::read_dir(root.join(folder)).expect("the fixtures are here");
        entries.map(|entry| entry.expect("a readable entry").path())
    });
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    assert!(files.len() > 20, "{files:?}");
    let mut turn = 0;
    for path in &files {
        let name = path.file_name().expect("a name");
        for (number, text) in damaged(&fs::read(path).expect("readable")).into_iter().enumerate() {
            let folder = tempfile::tempdir().expect("a folder");
            fs::write(folder.path().join(name), text).expect("room");
            compare(folder.path(), turn, &format!("{} damaged in way {number}", name.display()));
            turn += 1;
        }
        // so that each way of damage meets each crew
        turn += 1;
    }
}
