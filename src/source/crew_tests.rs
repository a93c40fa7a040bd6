//! A crew finds what one thread finds, of every fixture and of what becomes of it when it is damaged.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::base::{Base, BaseKey};
use super::changes::Entry;
use super::crew::Crew;
use super::find::{FileSet, find};
use super::read::{Given, ObjectKey, Read, read_by};
use super::recognise::{
    Ahead, Filter, FindAny, Fingerprint, Follow, Knowing, Recall, Recalling, Recognise, Recognised, Remembered,
};
use super::settings::Settings;
use crate::model::Deletion;

/// Knows the records that it was told of, and has a base that holds nothing.
struct Half {
    follow: Box<dyn Follow>,
    any: Anywhere,
    recall: OverNothing,
}

/// Finds the first record with a hash, wherever it was, and notes those that it found.
#[derive(Clone)]
struct Anywhere(Recalling, Arc<Mutex<BTreeSet<usize>>>);

impl FindAny for Anywhere {
    fn find(&self, hash: u128) -> Option<Recognised> {
        let found = (0..self.0.count())
            .filter_map(|number| self.0.record(number))
            .find_map(|one| (one.fingerprint.hash == hash).then_some(one.recognised))?;
        self.1.lock().expect("nobody panics").insert(found.number);
        Some(found)
    }
}

impl Follow for Anywhere {
    fn ahead(&self) -> Option<Ahead> {
        None
    }

    fn advance(&mut self, _: &Ahead) {}

    fn find(&mut self, hash: u128) -> Option<Recognised> {
        FindAny::find(self, hash)
    }

    fn is_lost(&self) -> bool {
        true
    }

    fn each_again(&mut self, hashes: &Filter, keys: &Filter, with: &mut dyn FnMut(&Ahead)) {
        let found = self.1.lock().expect("nobody panics");
        let found = found.iter().filter_map(|number| self.0.record(*number));
        found.filter(|record| record.may_be_in(hashes, keys)).for_each(|record| with(&record));
    }
}

struct OverNothing {
    recall: Recalling,
    has_base: bool,
}

impl Half {
    fn of(Remembered { follow, recall }: Remembered, has_base: bool, is_lost: bool) -> Self {
        let any = Anywhere(recall.clone(), Arc::default());
        let follow: Box<dyn Follow> = if is_lost { Box::new(any.clone()) } else { Box::new(follow) };
        Self { follow, any, recall: OverNothing { recall, has_base } }
    }
}

impl Recognise for Half {
    fn parts(&mut self) -> Knowing<'_> {
        Knowing { follow: Some(&mut *self.follow), any: Some(&self.any), recall: &mut self.recall }
    }
}

impl Recall for OverNothing {
    fn record(&self, number: usize) -> Option<Ahead> {
        self.recall.record(number)
    }

    fn knew(&self, hash: u128) -> Option<ObjectKey> {
        self.recall.knew(hash)
    }

    fn number_of(&self, key: ObjectKey, is_met: &dyn Fn(usize) -> bool) -> Option<usize> {
        self.recall.number_of(key, is_met)
    }

    fn count(&self) -> usize {
        self.recall.count()
    }

    fn base(&mut self) -> Option<&mut dyn Base> {
        self.has_base.then_some(self)
    }
}

impl Base for OverNothing {
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

/// Everything that reading the folder gives, and half of its records to be known next time; none if it was presumed wrongly that
/// no object has several records.
fn trace(
    settings: &Settings,
    presumes: bool,
    crew: Crew,
    known: &mut dyn Recognise,
    before: &Remembered,
) -> Option<(String, Remembered)> {
    let set = FileSet { presumes, ..find(settings) };
    let mut text = String::new();
    let mut half = Remembered::default();
    let mut sink = |read: Read<'_>| -> Result<(), Infallible> {
        match read {
            Read::Object { file, fingerprint, key, object, renamed_to, self_reference, change, lasting } => {
                let living = object.deletion() == Deletion::None;
                if fingerprint.hash % 2 == 0 {
                    half.learn(fingerprint, key, living);
                }
                let object = object.into_object();
                text += &format!(
                    "{file} {fingerprint:?} {key:?} {object:?} {renamed_to:?} {self_reference:?} {change} {lasting:?}\n"
                );
            }
            Read::Run { file, first, count } => {
                for Ahead { fingerprint, recognised } in &before.recall.records[first..first + count] {
                    let Recognised { number, key, living } = *recognised;
                    let fingerprint = Fingerprint::again(fingerprint.hash);
                    let one = Read::Known { file, fingerprint, key, living, number: Some(number) };
                    text += &format!("{one:?}\n");
                }
            }
            other => {
                if let Read::Ignored { fingerprint, .. } = &other {
                    half.learn(*fingerprint, ObjectKey(0), true);
                }
                text += &format!("{other:?}\n");
            }
        }
        Ok(())
    };
    let Ok(report) = read_by(Given { settings, set: &set, memory: None }, crew, known, &mut sink);
    (!report.presumed_wrongly).then(|| (format!("{text}{report:?}"), half))
}

/// The same both ways, with some records known and with none; `turn` chooses settings and a crew. Returns how often it held what is
/// presumed.
fn compare(folder: &Path, turn: usize, what: &str) -> usize {
    let some = ["userPrincipalName", "displayName", "mail", "department", "proxyAddresses", "costCenter", "manager"];
    let some: BTreeSet<String> = some.iter().map(|name| (*name).to_owned()).collect();
    let choices =
        [(None, true, false), (Some(some.clone()), false, true), (None, false, false), (Some(some), true, true)];
    let (wanted, references, has_base) = choices[(turn + turn / 4) % 4].clone();
    let settings = Settings {
        directory: folder.to_owned(),
        wanted,
        references,
        allow_mutable_anchor: true,
        ..Settings::default()
    };
    let (workers, batch) = [(1, 1), (2, 700), (3, 1 << 17)][turn / 3 % 3];
    let mut known = Remembered::default();
    let mut presumed = 0;
    for _ in 0..2 {
        let trace_by = |presumes, crew| {
            trace(&settings, presumes, crew, &mut Half::of(known.clone(), has_base, turn % 2 == 1), &known)
        };
        let short = [0, u64::MAX][turn / 2 % 2];
        let alone = Crew { workers: 0, least: 0, short: 0, batch: 1 };
        let several = Crew { workers, least: 0, short, batch };
        let (expected, half) = trace_by(false, alone).expect("nothing is presumed");
        let (got, _) = trace_by(false, several).expect("nothing is presumed");
        assert!(got == expected, "{what}, {workers} workers, batches of {batch}:\n{got}\n\n{expected}");
        for (got, _) in [alone, several].into_iter().filter_map(|crew| trace_by(true, crew)) {
            assert!(got == expected, "{what}, presuming:\n{got}\n\n{expected}");
            presumed += usize::from(got.contains("Known"));
        }
        known = half;
    }
    presumed
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

fn fixtures(folders: &[&str]) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files = folders.iter().flat_map(|folder| {
        let entries = fs::read_dir(root.join(folder)).expect("the fixtures are here");
        entries.map(|entry| entry.expect("a readable entry").path())
    });
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    files
}

#[test]
fn a_crew_finds_what_one_thread_finds() {
    let files = fixtures(&["csv", "json", "ldif"]);
    assert!(files.len() > 20, "{files:?}");
    let (mut turn, mut presumed) = (0, 0);
    for path in &files {
        let name = path.file_name().expect("a name");
        for (number, text) in damaged(&fs::read(path).expect("readable")).into_iter().enumerate() {
            let folder = tempfile::tempdir().expect("a folder");
            fs::write(folder.path().join(name), text).expect("room");
            presumed += compare(folder.path(), turn, &format!("{} damaged in way {number}", name.display()));
            turn += 1;
        }
        // so that each way of damage meets each crew
        turn += 1;
    }
    assert!(presumed > 40, "{presumed}");
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        usize::try_from(self.0 >> 33).unwrap_or(0) % sides.max(1)
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.throw(texts.len())]
    }
}

/// Cells of which some are no values, or not to be taken as they are.
const CELLS: [&str; 44] = [
    "",
    " ",
    "  padded\t",
    "\u{a0}no break\u{a0}",
    "\u{3000}",
    "\"quoted, with a delimiter\"",
    "\"doubled \"\"quotes\"\"\"",
    "half \"quoted\"",
    "two \"\" quotes",
    "\"two\nlines\"",
    "\"closed\" ",
    "\"closed\"x",
    "\"open",
    "=\"00012\"",
    "System.String[]",
    "#NAME?",
    "######",
    "8.13555E+11",
    "****",
    "*",
    "Jose\u{301}",
    "髙橋 𠮷田",
    "か\u{3099}",
    "con\u{1}trol",
    "\u{7f}",
    "TRUE",
    "False",
    "perhaps",
    "1",
    "a@example.com;b@example.com,c@example.com",
    "SMTP:primary@example.com+smtp:other@example.com",
    "3D628091-EBB6-4E5B-A621-3648E0D9DC7A",
    "{3d628091-ebb6-4e5b-a621-3648e0d9dc7a}",
    "3d628091-ebb6-4e5b-a621-3648e0d9dc7b",
    "3d628091ebb64e5ba6213648e0d9dc7bleaver@example.com",
    "no-guid",
    "7/5/2025 9:58:01 PM",
    "2025-07-05",
    "31.12.2025",
    "0",
    "X'e697a5'",
    "top;person;user",
    "X",
    "a.very.long.name.that.is.longer.than.sixty.four.octets.in.all@subdomain.example.com",
];

/// The rows of `text` again and again, some of their cells others.
fn scrambled_csv(text: &str, delimiter: char, dice: &mut Dice) -> String {
    let mut lines = text.split_inclusive('\n');
    let mut scrambled = lines.next().unwrap_or_default().to_owned();
    let rows: Vec<&str> = lines.collect();
    for _ in 0..40 {
        let Some(row) = rows.get(dice.throw(rows.len())) else { break };
        let mut cells: Vec<&str> = row.trim_end().split(delimiter).collect();
        for _ in 0..dice.throw(4) {
            let at = dice.throw(cells.len());
            cells[at] = dice.pick(&CELLS);
        }
        if dice.throw(30) == 0 {
            cells.push(dice.pick(&["", " ", "x"]));
        }
        scrambled += &cells.join(&delimiter.to_string());
        scrambled += dice.pick(&["\n", "\r\n", "\n"]);
    }
    scrambled
}

/// Lines of which some are not to be taken as they are; the name of another stands before some.
const LINES: [&str; 34] = [
    ": text",
    ":text  ",
    ":",
    ":    ",
    ":: aHVsbG8=",
    ":: aHVsbG8=   ",
    "::  6auY5qmL",
    ":: 6auY5qmL4",
    ":: AAECAw==",
    ":: /////w==",
    ":: ",
    ":: kYBiPbbrW06mITZI4NncfA==",
    ":< file:///etc/passwd",
    ": folded\n  over\n  lines",
    ":: aHVs\n bG8=",
    ": Jose\u{301}",
    ": con\u{1}trol",
    ": TRUE",
    ": 512",
    ": 514",
    ": 20250705215801Z",
    ": 9223372036854775807",
    ": yesterday",
    ": 3D628091-EBB6-4E5B-A621-3648E0D9DC7A",
    ": uid=somebody,ou=people,dc=example,dc=com",
    ": bare\rreturn",
    ": returns\r\r",
    ";lang-ja: 髙橋",
    ";binary:: AAECAw==",
    ";range=0-1: text",
    ";range=0-*: text",
    "\n# comment\n  going on",
    " no colon",
    "",
];

/// The entries of `text` again and again, some of their lines others.
fn scrambled_ldif(text: &str, dice: &mut Dice) -> String {
    let text = text.replace("\r\n", "\n");
    let entries: Vec<&str> = text.split("\n\n").filter(|entry| entry.contains("dn:")).collect();
    let mut scrambled = String::new();
    for _ in 0..40 {
        let Some(entry) = entries.get(dice.throw(entries.len())) else { break };
        let mut lines: Vec<String> = entry.trim_end().lines().map(str::to_owned).collect();
        for _ in 0..dice.throw(4) {
            let at = dice.throw(lines.len());
            let name = lines[at].split([':', ';']).next().unwrap_or_default();
            let line = format!("{name}{}", dice.pick(&LINES));
            match dice.throw(4) {
                0 => lines.insert(at, line),
                1 => drop(lines.remove(at)),
                2 if at > 0 => lines[at] = lines[at].to_uppercase(),
                _ => lines[at] = line,
            }
            if lines.is_empty() {
                break;
            }
        }
        let end = dice.pick(&["\n", "\r\n", "\n"]);
        scrambled += &lines.join(end);
        scrambled += end;
        scrambled += end;
    }
    scrambled
}

/// Values of members of which some are not to be taken as they are, or are no JSON.
const VALUES: [&str; 52] = [
    "null",
    "true",
    "false",
    "truest",
    "0",
    "-0.5e+3",
    "01",
    "1.",
    "8.13555E+11",
    "12345",
    "\"\"",
    "\" \"",
    "\"  padded\\t\"",
    "\"text\"",
    "\"TRUE\"",
    "\"quote \\\" and \\\\\"",
    "\"\\u9ad9\\u6a4b \\ud842\\udfb7\"",
    "\"\\ud842\"",
    "\"nul \\u0000\"",
    "\"con\\u0001trol\"",
    "\"\\q\"",
    "\"raw\u{1}control\"",
    "\"raw\nline\"",
    "\"\u{7f}\"",
    "\"Jose\u{301}\"",
    "\"か\u{3099}\"",
    "\"髙橋 𠮷田\"",
    "\"8.13555E+11\"",
    "\"System.Object[]\"",
    "\"t.leaver\\nDEL:7b7f7bdd-4cf9-4510-b83b-61e2bc8350ed\"",
    "\"3D628091-EBB6-4E5B-A621-3648E0D9DC7A\"",
    "\"3d628091-ebb6-4e5b-a621-3648e0d9dc7b\"",
    "\"3d628091ebb64e5ba6213648e0d9dc7bleaver@example.com\"",
    "\"2025-07-05T21:58:01Z\"",
    "\"open",
    "[]",
    "[ ]",
    "[null]",
    "[null, \"a\", 1, true]",
    "[\"a\",\"b\"]",
    "[\"a\",]",
    "[\"\", \" \", \"c\"]",
    "[[\"a\"],[\"b\"]]",
    "[{\"type\":\"work\",\"primary\":true,\"value\":\"a@example.com\"}]",
    "[{\"id\":\"3d628091-ebb6-4e5b-a621-3648e0d9dc7b\"}]",
    "{}",
    "{\"id\":\"3d628091-ebb6-4e5b-a621-3648e0d9dc7b\"}",
    "{ \"id\" : null , \"name\" : [1, {\"x\": \"y\"}] }",
    "{\"reason\":\"changed\"}",
    "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}}}",
    "{\"id\":1,\"id\":2}",
    "{\"x\\u0000\":\"\\ud800\"}",
];
/// Names of members that mean something, or nothing.
const MEMBERS: [&str; 10] =
    ["@removed", "manager", "delta", "x", "ID", "\\u0069d", "purged", "name", "onPremisesExtensionAttributes", "é"];

/// The records of `text` again and again, some of their members others.
fn scrambled_json(text: &str, dice: &mut Dice) -> String {
    use serde_json::Value;
    let whole: Option<Value> = serde_json::from_str(text).ok();
    let (mut before, mut records, mut after, mut between) = (String::new(), Vec::new(), String::new(), "\n");
    match &whole {
        Some(Value::Object(members)) if members.values().any(Value::is_array) => {
            before.push('{');
            for (name, value) in members {
                match value {
                    Value::Array(list) if records.is_empty() => records.clone_from(list),
                    other => before += &format!("\"{name}\":{other},"),
                }
            }
            let list = members.iter().find(|(_, value)| value.is_array()).map_or("value", |(name, _)| name);
            before += &format!("\"{list}\":[");
            (after, between) = ("]}".to_owned(), ",");
        }
        Some(Value::Array(list)) => {
            records.clone_from(list);
            (before, after, between) = ("[".to_owned(), "]".to_owned(), ", ");
        }
        Some(_) | None => records.extend(text.lines().filter_map(|line| serde_json::from_str(line).ok())),
    }
    let records: Vec<_> = records.iter().filter_map(Value::as_object).collect();
    let mut scrambled = Vec::new();
    for _ in 0..40 {
        let Some(record) = records.get(dice.throw(records.len())) else { break };
        let mut members: Vec<(String, String)> =
            record.iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
        for _ in 0..dice.throw(4) {
            let at = dice.throw(members.len());
            match dice.throw(7) {
                0 => drop(members.remove(at)),
                1 => members.insert(at, (dice.pick(&MEMBERS).to_owned(), dice.pick(&VALUES).to_owned())),
                2 => members[at].0 = members[at].0.to_uppercase(),
                3 => members.push((members[at].0.clone(), dice.pick(&VALUES).to_owned())),
                _ => members[at].1 = dice.pick(&VALUES).to_owned(),
            }
            if members.is_empty() {
                break;
            }
        }
        let blank = dice.pick(&["", "", " ", if between == "\n" { "\t" } else { "\r\n  " }]);
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("{blank}\"{name}\"{blank}:{blank}{value}{blank}")).collect();
        scrambled.push(format!("{{{}}}", members.join(",")));
    }
    format!("{before}{}{after}\n", scrambled.join(between))
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|end| end.to_str()).unwrap_or_default()
}

#[test]
fn a_crew_finds_what_one_thread_finds_in_scrambled_exports() {
    let mut dice = Dice(7);
    let (mut turn, mut presumed) = (0, 0);
    for path in &fixtures(&["csv", "json", "ldif"]) {
        let name = path.file_name().expect("a name");
        let Ok(text) = String::from_utf8(fs::read(path).expect("readable")) else { continue };
        for number in 0..4 {
            let delimiter = if text.lines().next().is_some_and(|line| line.contains(';')) { ';' } else { ',' };
            let mut scramble = || match ending(path) {
                "csv" => scrambled_csv(&text, delimiter, &mut dice),
                "ldif" => scrambled_ldif(&text, &mut dice),
                _ => scrambled_json(&text, &mut dice),
            };
            let folder = tempfile::tempdir().expect("a folder");
            let mut scrambled = scramble();
            fs::write(folder.path().join(name), &scrambled).expect("room");
            if number == 3 {
                // of objects of another file it is known what they say
                let other = scramble();
                fs::write(folder.path().join(name).with_extension(format!("2.{}", ending(path))), &other)
                    .expect("room");
                scrambled += &other;
            }
            presumed +=
                compare(folder.path(), turn, &format!("{} scrambled, {number}:\n{scrambled}\n", name.display()));
            turn += 1;
        }
    }
    assert!(turn > 50 && presumed > 80, "{turn} {presumed}");
}

/// How many records of a folder are objects, repeat one, and are refused; and half of the objects, to be known next time.
fn count(folder: &Path, crew: Crew, known: &Remembered) -> ([usize; 3], Remembered) {
    let wanted = Some(["displayName".to_owned()].into());
    let settings = Settings { directory: folder.to_owned(), wanted, allow_mutable_anchor: true, ..Settings::default() };
    let mut half = Remembered::default();
    let mut counts = [0; 3];
    let mut sink = |read: Read<'_>| -> Result<(), Infallible> {
        match read {
            Read::Object { fingerprint, key, .. } => {
                counts[0] += 1;
                if fingerprint.hash % 2 == 0 {
                    half.learn(fingerprint, key, true);
                }
            }
            Read::Known { number: None, .. } => counts[1] += 1,
            Read::Known { number: Some(_), .. } => counts[0] += 1,
            Read::Run { count, .. } => counts[0] += count,
            Read::Refused { code: "record.duplicate_anchor", .. } => counts[2] += 1,
            other => panic!("{other:?}"),
        }
        Ok(())
    };
    let set = find(&settings);
    let Ok(_) = read_by(Given { settings: &settings, set: &set, memory: None }, crew, &mut known.clone(), &mut sink);
    (counts, half)
}

/// What differs in what nobody reads is the same, however many objects have several records, and on however few lines.
#[test]
fn objects_that_say_the_same_are_one_however_many() {
    for (people, rows, is_json) in [
        (500, 700, false),
        (500, 700, true),
        (2000, 5000, true),
        (5000, 12_000, false),
        (1, 250, false),
        (1, 250, true),
        (70, 43_000, false),
    ] {
        let what = format!("{people} people in {rows} rows{}", if is_json { " of JSON" } else { "" });
        let folder = tempfile::tempdir().expect("a folder");
        let heading = "userPrincipalName,displayName,id,city\n";
        let mut others = 0;
        let rows: Vec<String> = (0..rows)
            .map(|row| {
                // each has some rows, of which one in seven has another name
                let person = row % people;
                let is_other = row >= people && row % 7 == 3;
                others += usize::from(is_other);
                let (name, city) = (if is_other { "Another" } else { "Anna" }, ["Tsu", "Ota"][row / people % 2]);
                let (upn, id) = (format!("u{person}@example.com"), format!("0d628091-ebb6-4e5b-a621-{person:012}"));
                if is_json {
                    format!(r#"{{"id":"{id}","userPrincipalName":"{upn}","displayName":"{name}","city":"{city}"}}"#)
                } else {
                    format!("{upn},{name},{id},{city}\n")
                }
            })
            .collect();
        let (file, text) = match is_json {
            true => ("users.json", format!(r#"{{"value":[{}]}}"#, rows.join(","))),
            false => ("users.csv", heading.to_owned() + &rows.concat()),
        };
        fs::write(folder.path().join(file), text).expect("room");
        let mut expected = [people, rows.len() - people - others, others];
        let alone = Crew { workers: 0, least: 0, short: 0, batch: 1 };
        let several = Crew { workers: 2, batch: 1 << 14, ..alone };
        let nothing = Remembered::default();
        for crew in [alone, several] {
            let (counts, half) = count(folder.path(), crew, &nothing);
            assert_eq!(counts, expected, "{what}, {crew:?}");
            assert!(people == 1 || !half.recall.records.is_empty(), "{what}");
            let (counts, _) = count(folder.path(), crew, &half);
            assert_eq!(
                (counts[0] + counts[1], counts[2]),
                (expected[0] + expected[1], expected[2]),
                "{what}, half known"
            );
        }
        if is_json {
            continue;
        }
        // a file behind it, so that it is not the last
        let one = format!("{heading}last@example.com,Last,1d628091-ebb6-4e5b-a621-000000000000,Tsu\n");
        fs::write(folder.path().join("users-2.csv"), one).expect("room");
        expected[0] += 1;
        assert_eq!(count(folder.path(), several, &nothing).0, expected, "{what} and another file");
    }
}
