//! Sets of exports as files: what is read, how complete it is, and what refuses it (sources.md 3, 4, 15, 16).

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs;

use provisiond::model::{SourceObject, SourceValue};
use provisiond::source::{
    Completeness, FileEntry, FileSet, Mode, Nothing, ObjectKey, Read, Ready, Recognise, Remembered, Role, SetMemory,
    SetMode, SetReport, Settings, find, read,
};
use tempfile::TempDir;

/// A source folder and how it is read.
struct Bench {
    folder: TempDir,
    settings: Settings,
}

/// What a reading gave.
struct Given {
    report: SetReport,
    objects: Vec<SourceObject>,
    /// Records as a caller keeps them.
    records: Remembered,
    known: usize,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Settings { directory: folder.path().to_owned(), ..Settings::default() };
        let bench = Self { folder, settings };
        for (name, text) in files {
            bench.write(name, text.as_bytes());
        }
        bench
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join(name), bytes).expect("written");
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.folder.path().join(name)).expect("removed");
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    fn read(&self) -> Given {
        self.read_with(None, &Remembered::default())
    }

    fn read_after(&self, last: &Given) -> Given {
        self.read_with(Some(&last.report.memory), &last.records)
    }

    /// Reads with what a cycle presumes at first and without; where it holds, both give the same.
    fn read_with(&self, memory: Option<&SetMemory>, known: &Remembered) -> Given {
        let (given, presumed) = (self.read_by(memory, known, false), self.read_by(memory, known, true));
        if presumed.report.presumed_wrongly {
            assert!(given.report.memory.repeats, "it would be presumed again: {:?}", given.report);
            return given;
        }
        let all = |Given { report, objects, records, known }: &Given| {
            let SetReport { refused, files, counts, problems, memory, assignments, .. } = report;
            let mut records = records.clone();
            let recall = records.parts().recall;
            let records: Vec<_> = (0..recall.count()).map(|number| recall.record(number)).collect();
            format!(
                "{objects:?}\n{records:?}\n{files:?}\n{problems:?}\n{memory:?}\n{assignments:?}\n{counts:?} {known} {refused}"
            )
        };
        let (got, expected) = (all(&presumed), all(&given));
        assert!(got == expected, "{got}\n\n{expected}");
        // what cannot be read, or went on being written, has none
        if let (Ok(identity), false) = (find(&self.settings).identity(), presumed.has("file.changed_while_read")) {
            assert_eq!(presumed.report.identity, Some(identity));
        }
        given
    }

    fn read_by(&self, memory: Option<&SetMemory>, known: &Remembered, presumes: bool) -> Given {
        let set = FileSet { presumes, is_hashed: presumes, ..find(&self.settings) };
        let mut known = known.clone();
        let mut before = known.clone();
        let before = before.parts().recall;
        let mut objects: HashMap<ObjectKey, (usize, SourceObject)> = HashMap::new();
        let mut records = Remembered::default();
        let mut recognised = 0;
        let mut order = 0;
        let mut sink = |read: Read<'_>| -> Result<(), Infallible> {
            order += 1;
            match read {
                Read::Known { fingerprint, key, living, number, .. } => {
                    recognised += 1;
                    let last = number.and_then(|number| before.record(number)).map(|record| record.fingerprint);
                    records.learn(last.unwrap_or(fingerprint), key, living);
                }
                Read::Run { first, count, .. } => {
                    recognised += count;
                    for record in (first..first + count).filter_map(|number| before.record(number)) {
                        records.learn(record.fingerprint, record.recognised.key, record.recognised.living);
                    }
                }
                Read::Ignored { fingerprint, .. } => records.learn(fingerprint, ObjectKey(0), true),
                Read::Object { fingerprint, key, object, .. } => {
                    let living = object.deletion() == provisiond::model::Deletion::None;
                    records.learn(fingerprint, key, living);
                    objects.insert(key, (order, object.into_object()));
                }
                Read::Withdrawn { hash, .. } => records.forget(hash),
                Read::Refused { .. } | Read::Change { .. } | Read::Gone { .. } => {}
            }
            Ok(())
        };
        let Ok(report) = read(&self.settings, &set, memory, &mut known, &mut sink);
        let mut objects: Vec<(usize, SourceObject)> = objects.into_values().collect();
        objects.sort_by_key(|(order, _)| *order);
        Given { report, objects: objects.into_iter().map(|(_, object)| object).collect(), records, known: recognised }
    }
}

impl Given {
    fn codes(&self, level: &str) -> Vec<&str> {
        let mut codes: Vec<&str> = self
            .report
            .problems
            .iter()
            .filter(|problem| problem.level.letter() == level)
            .map(|problem| problem.code)
            .collect();
        codes.dedup();
        codes
    }

    fn has(&self, code: &str) -> bool {
        self.report.problems.iter().any(|problem| problem.code == code)
    }

    fn refused(&self) -> Vec<&str> {
        let fatal = |letter: &str| self.codes(letter);
        fatal("F").into_iter().chain(fatal("S")).collect()
    }

    fn text(&self, anchor: &str, name: &str) -> Option<String> {
        let object = self.objects.iter().find(|object| object.anchor.as_str() == anchor)?;
        object.text(name).map(str::to_owned)
    }
}

const HEAD: &str = "id,userPrincipalName,displayName,accountEnabled\n";

fn id(number: u32) -> String {
    format!("11111111-aaaa-4aaa-8aaa-{number:012}")
}

fn row(number: u32) -> String {
    format!("{},user{number}@contoso.example,User {number},True\n", id(number))
}

fn people(numbers: impl IntoIterator<Item = u32>) -> String {
    numbers.into_iter().fold(HEAD.to_owned(), |text, number| text + &row(number))
}

fn graph(numbers: impl IntoIterator<Item = u32>, next: bool) -> String {
    let users: Vec<String> = numbers
        .into_iter()
        .map(|number| {
            format!(
                r#"{{"id":"{}","userPrincipalName":"user{number}@contoso.example","accountEnabled":true}}"#,
                id(number)
            )
        })
        .collect();
    let link = if next { r#""@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=x","# } else { "" };
    format!(
        r#"{{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users",{link}"value":[{}]}}"#,
        users.join(",\n")
    )
}

fn entry(number: u32) -> String {
    format!(
        "dn: uid=u{number},dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: u{number}\nsn: Name\nmail: u{number}@example.com\nentryUUID: {}\n\n",
        id(number)
    )
}

fn scim(total: u32, numbers: impl IntoIterator<Item = u32>) -> String {
    let users: Vec<String> = numbers
        .into_iter()
        .map(|number| format!(r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"{number}","userName":"u{number}","active":true}}"#))
        .collect();
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":{total},"Resources":[{}]}}"#,
        users.join(",")
    )
}

#[test]
fn every_row_of_completeness() {
    use Completeness::{Incomplete, Plausible, Proven};
    let search = |result: &str, counts: &str| {
        format!("version: 1\n\n{}{}search: 2\nresult: {result}\n\n{counts}", entry(1), entry(2))
    };
    let manifest = |records: u32| format!(r#"{{"files":[{{"name":"users.csv","records":{records}}}]}}"#);
    let short = format!("{}{},user3", people(1..3), id(3));
    let quoted = format!("{}{},\"user3@contoso.example,User 3,True\n", people(1..3), id(3));
    let unended = people(1..3).trim_end().to_owned();
    let array = format!("[{}]", r#"{"id":"a","status":"ACTIVE","profile":{"login":"a@b.example"},"_links":{}}"#);
    let slapcat = format!("{}{}", entry(1), entry(2));
    let page = |cookie: &str| format!("search: 2\nresult: 0 Success\npagedresults: cookie={cookie}\n");
    let (first, last) = (entry(1) + &page("AA=="), page(""));
    let counts = "\n# numResponses: 4\n# numEntries: 2\n";
    type Case = (&'static str, Vec<(&'static str, String)>, Completeness, &'static [&'static str]);
    let cases: Vec<Case> = vec![
        ("manifest agrees", vec![("users.csv", people(1..3)), ("manifest.json", manifest(2))], Proven, &[]),
        (
            "manifest disagrees",
            vec![("users.csv", people(1..3)), ("manifest.json", manifest(3))],
            Incomplete,
            &["set.manifest"],
        ),
        ("csv", vec![("users.csv", people(1..3))], Plausible, &[]),
        ("csv, never ended", vec![("users.csv", unended)], Plausible, &[]),
        ("csv, quote open", vec![("users.csv", quoted)], Incomplete, &["csv.unclosed_quote"]),
        ("csv, last short", vec![("users.csv", short)], Incomplete, &["set.incomplete"]),
        ("graph, one page", vec![("users.json", graph(1..3, false))], Proven, &[]),
        ("graph, two pages", vec![("u-1.json", graph(1..3, true)), ("u-2.json", graph(3..5, false))], Proven, &[]),
        (
            "graph, last page missing",
            vec![("u-1.json", graph(1..3, true)), ("u-2.json", graph(3..5, true))],
            Incomplete,
            &["set.incomplete"],
        ),
        (
            "graph, end in the middle",
            vec![("u-1.json", graph(1..3, false)), ("u-2.json", graph(3..5, true))],
            Incomplete,
            &["set.incomplete"],
        ),
        (
            "graph, gap",
            vec![("u-1.json", graph(1..3, true)), ("u-3.json", graph(3..5, false))],
            Incomplete,
            &["set.gap"],
        ),
        ("scim, all", vec![("scim.json", scim(2, 1..3))], Proven, &[]),
        ("scim, fewer", vec![("scim.json", scim(3, 1..3))], Incomplete, &["set.incomplete"]),
        ("scim, pages", vec![("s1.json", scim(4, 1..3)), ("s2.json", scim(4, 3..5))], Proven, &[]),
        ("json array", vec![("okta.json", array.clone())], Plausible, &[]),
        ("json array, cut", vec![("okta.json", array[..array.len() - 1].to_owned())], Incomplete, &["json.truncated"]),
        (
            "ldapsearch, success",
            vec![("d.ldif", search("0 Success", "# numResponses: 3\n# numEntries: 2\n"))],
            Proven,
            &[],
        ),
        (
            "ldapsearch, counts disagree",
            vec![("d.ldif", search("0 Success", "# numResponses: 4\n# numEntries: 3\n"))],
            Incomplete,
            &["ldif.entry_count", "set.incomplete"],
        ),
        ("ldapsearch, no counts", vec![("d.ldif", search("0 Success", ""))], Plausible, &[]),
        ("ldapsearch, pages", vec![("d.ldif", format!("{first}{}{last}{counts}", entry(2)))], Proven, &[]),
        ("ldapsearch, first page only", vec![("d.ldif", first.clone())], Incomplete, &["set.incomplete"]),
        (
            "ldapsearch, last page cut",
            vec![("d.ldif", format!("{first}{}", entry(2)))],
            Incomplete,
            &["set.incomplete"],
        ),
        (
            "ldapsearch, a page of no search",
            vec![("d.ldif", format!("{}{last}{counts}{}", entry(1), entry(2)))],
            Incomplete,
            &["set.incomplete"],
        ),
        (
            "ldapsearch -LLL, first page only",
            vec![("d.ldif", format!("{}# pagedresults: cookie=AA==\n", entry(1)))],
            Incomplete,
            &["set.incomplete"],
        ),
        (
            "ldapsearch, nothing found beside the people",
            vec![
                ("d.ldif", search("0 Success", "# numResponses: 3\n# numEntries: 2\n")),
                ("g.ldif", "version: 1\n\nsearch: 2\nresult: 0 Success\n\n# numResponses: 1\n".to_owned()),
            ],
            Proven,
            &[],
        ),
        (
            "ldapsearch, size limit",
            vec![("d.ldif", search("4 Size limit exceeded", "# numEntries: 2\n"))],
            Incomplete,
            &["ldif.result_code", "set.incomplete"],
        ),
        (
            "ldbsearch, agrees",
            vec![("d.ldif", format!("{slapcat}# returned 2 records\n# 2 entries\n# 0 referrals\n"))],
            Proven,
            &[],
        ),
        (
            "ldbsearch, disagrees",
            vec![("d.ldif", format!("{slapcat}# returned 3 records\n# 3 entries\n# 0 referrals\n"))],
            Incomplete,
            &["ldif.entry_count", "set.incomplete"],
        ),
        ("slapcat", vec![("d.ldif", slapcat.clone())], Plausible, &[]),
        (
            "slapcat, cut",
            vec![("d.ldif", slapcat.trim_end()[..slapcat.len() - 5].to_owned())],
            Incomplete,
            &["set.incomplete"],
        ),
    ];
    let count = cases.len();
    for (name, files, complete, codes) in cases {
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let given = Bench::new(&files).read();
        assert_eq!(given.report.complete, complete, "{name}: {:?}", given.report.problems);
        let mut refused = given.refused();
        refused.sort_unstable();
        assert_eq!(refused, codes, "{name}: {:?}", given.report.problems);
        assert_eq!(given.report.refused, !codes.is_empty(), "{name}");
    }
    assert_eq!(count, 30);
}

#[test]
fn a_csv_that_lost_its_last_line_end_is_incomplete() {
    let bench = Bench::new(&[("users.csv", &people(1..5))]);
    let first = bench.read();
    bench.write("users.csv", people(1..5).trim_end().as_bytes());
    assert_eq!(bench.read_after(&first).report.complete, Completeness::Incomplete);
}

#[test]
fn what_is_no_export_refuses_the_set_and_says_what_it_is() {
    let cases: [(&[u8], &str); 10] = [
        (b"", "file.empty"),
        (b" \r\n \n", "file.empty"),
        (b"PK\x03\x04rest", "format.zip"),
        (b"\x1f\x8b\x08", "format.gzip"),
        (b"%PDF-1.7", "format.pdf"),
        (b"\xd0\xcf\x11\xe0", "format.ole"),
        (b"<!DOCTYPE html><html>", "format.html"),
        (b"\x00\x00\x01\x00\x00\x00\x02\x00", "format.binary"),
        (b"i\0d\0,\0u\0s\0e\0r\0P\0\n\0", "encoding.utf16_without_bom"),
        (b"a,b,c\n1,2,3\n", "csv.no_known_heading"),
    ];
    for (bytes, code) in cases {
        let bench = Bench::new(&[("deleted.csv", &people(8..9))]);
        bench.write("users.csv", bytes);
        let given = bench.read();
        assert_eq!(given.refused(), [code], "{:?}", given.report.problems);
        let problem = given.report.problems.iter().find(|problem| problem.code == code).expect("just seen");
        assert!(!problem.message.is_empty() && !problem.help.is_empty(), "{code}");
        assert_eq!(problem.file.as_deref(), Some("users.csv"));
    }
}

#[test]
fn a_missing_or_empty_folder_is_said_with_its_remedy() {
    let bench = Bench::new(&[]);
    let given = bench.read();
    assert_eq!(given.refused(), ["set.empty"]);
    let gone = Bench::new(&[]).set(|settings| settings.directory = settings.directory.join("nowhere")).read();
    assert_eq!(gone.refused(), ["source.directory"]);
    let file = Bench::new(&[("users.csv", "x")])
        .set(|settings| settings.directory = settings.directory.join("users.csv"))
        .read();
    assert_eq!(file.refused(), ["source.directory"]);
    assert!(gone.report.problems.iter().chain(&file.report.problems).all(|problem| !problem.help.is_empty()));
    let nobody = Bench::new(&[("users.csv", HEAD)]).read();
    assert_eq!(nobody.refused(), ["set.empty"]);
}

#[test]
fn files_are_found_by_their_names() {
    let bench = Bench::new(&[
        ("users.csv", &people(1..3)),
        (".hidden.csv", "x"),
        ("~$users.csv", "x"),
        ("users.csv~", "x"),
        ("users.csv.part", "x"),
        ("users.csv.sha256", "x"),
        ("notes.txt", "hello\n"),
        ("old.xlsx", "PK\u{3}\u{4}"),
    ]);
    fs::create_dir(bench.folder.path().join("archive")).expect("made");
    bench.write("archive/more.csv", people(3..5).as_bytes());
    let given = bench.read();
    assert_eq!((given.objects.len(), given.refused()), (2, vec![]));
    assert_eq!(given.codes("W"), ["file.skipped"]);
    let deep = bench.set(|settings| settings.recursive = true);
    assert_eq!(deep.read().objects.len(), 4);
    let ignoring = deep.set(|settings| settings.ignore = vec!["archive/**".to_owned()]);
    assert_eq!(ignoring.read().objects.len(), 2);
    std::os::unix::fs::symlink("/etc/passwd", ignoring.folder.path().join("evil.csv")).expect("linked");
    assert_eq!(ignoring.read().refused(), ["file.outside"]);
    ignoring.remove("evil.csv");
    std::os::unix::fs::symlink("users.csv", ignoring.folder.path().join("same.csv")).expect("linked");
    assert_eq!(ignoring.read().refused(), Vec::<&str>::new());
}

#[test]
fn of_generations_only_the_newest_is_read() {
    let bench = Bench::new(&[("users_2026-04-01.csv", &people(1..3)), ("users_2026-4-2.csv", &people(5..9))]);
    let given = bench.read();
    assert_eq!((given.objects.len(), given.refused(), given.has("file.older")), (4, vec![], true));
    bench.write("users.csv", people(1..2).as_bytes());
    assert_eq!(bench.read().refused(), ["set.ambiguous"]);
    let entry = FileEntry { pattern: "users_*.csv".to_owned(), role: None, preset: None };
    let named = bench.set(|settings| settings.files = vec![entry]);
    assert_eq!(named.read().refused(), Vec::<&str>::new());
    named.write("users_20260402.csv", people(1..2).as_bytes());
    assert_eq!(named.read().refused(), ["set.ambiguous"]);
    // the next day's export is the same file, under another name
    let bench = Bench::new(&[("users_2026-04-01.csv", &people(1..9))]);
    let first = bench.read();
    bench.remove("users_2026-04-01.csv");
    bench.write("users_2026-04-02.csv", people(2..10).as_bytes());
    let second = bench.read_after(&first);
    assert_eq!((second.refused(), second.objects.len(), second.known), (vec![], 1, 7));
    // but not that of the day before
    bench.remove("users_2026-04-02.csv");
    bench.write("users_2026-03-31.csv", people(2..9).as_bytes());
    assert_eq!(bench.read_after(&second).refused(), ["set.file_missing"]);
}

#[test]
fn generations_are_known_however_their_date_is_written() {
    let series = [
        ["u_2026.04.01.csv", "u_2026.04.02.csv"],
        ["u_01-04-2026.csv", "u_02-04-2026.csv"],
        ["u_04_12_2026.csv", "u_04_13_2026.csv"],
        ["u_01Apr2026.csv", "u_02Apr2026.csv"],
        ["u_2026-04.csv", "u_2026-05.csv"],
        ["u_2026-04-01_9-30.csv", "u_2026-04-01_10-30.csv"],
        ["u_260401.csv", "u_260402.csv"],
        ["u_2026-W09.csv", "u_2026-W10.csv"],
        ["u_20260401T093000+0900.csv", "u_20260401T013000Z.csv"],
    ];
    for [old, new] in series {
        let bench = Bench::new(&[(old, &people(1..3)), (new, &people(5..9))]);
        let given = bench.read();
        assert_eq!((given.objects.len(), given.refused(), given.codes("I")), (4, vec![], vec!["file.older"]), "{new}");
        // each day under another name, with nothing of the day before
        bench.remove(new);
        let first = bench.read();
        bench.remove(old);
        bench.write(new, people(2..4).as_bytes());
        let (older, newer) = (first.refused(), bench.read_after(&first));
        assert_eq!((older, newer.refused()), (vec![], vec![]), "{new}");
    }
    let given = Bench::new(&[("u_2026-04-01.csv", HEAD), ("u_2026-04-02 (1).csv", &people(5..9))]).read();
    assert_eq!((given.objects.len(), given.refused(), given.codes("I")), (4, vec![], vec!["file.older"]));
    for files in [
        &["exportUsers_2026-4-1.csv", "exportUsers_2026-4-1 (1).csv"][..],
        &["users.csv", "users (1).csv"],
        &["users (1).csv", "users (2).csv"],
        &["users (2).csv", "users_2026-04-01.csv"],
        // the twelfth of April is older, the fourth of December is not
        &["u_12-04-2026.csv", "u_01-05-2026.csv"],
        &["u_13-04-2026.csv", "u_04-14-2026.csv"],
    ] {
        let given = Bench::new(&files.iter().map(|name| (*name, HEAD)).collect::<Vec<_>>()).read();
        assert!(given.has("set.ambiguous") && !given.has("file.older"), "{files:?}: {:?}", given.report.problems);
    }
    // parts of one export are all read, and a file that was saved twice may lie there alone
    for files in [
        &["u_20260401_1.csv", "u_20260401_2.csv"][..],
        &["part1-04-2026.csv", "part2-04-2026.csv"],
        &["u_000001.csv", "u_000002.csv"],
        &["dept_300101_users.csv", "dept_300102_users.csv"],
    ] {
        let texts = [people(1..3), people(3..5)];
        let files: Vec<(&str, &str)> = files.iter().copied().zip(texts.iter().map(String::as_str)).collect();
        let given = Bench::new(&files).read();
        assert_eq!((given.objects.len(), given.refused(), given.codes("I")), (4, vec![], vec![]), "{files:?}");
    }
}

#[test]
fn numbers_of_a_sequence_have_no_gap_and_come_once() {
    for (first, second, code) in [
        ("u-2.csv", "u-99999999999999999999999.csv", "set.gap"),
        ("u1.csv", "u01.csv", "set.ambiguous"),
        ("u_2026-04-01_1.csv", "u_2026-04-01_01.csv", "set.ambiguous"),
    ] {
        let given = Bench::new(&[(first, &people(1..3)), (second, &people(3..5))]).read();
        assert_eq!((given.refused(), given.report.complete), (vec![code], Completeness::Incomplete), "{second}");
    }
}

#[test]
fn of_too_many_files_none_is_read() {
    let names: Vec<String> = (1..6).map(|number| format!("u{number}.csv")).collect();
    let bench = Bench::new(&names.iter().map(|name| (name.as_str(), HEAD)).collect::<Vec<_>>());
    bench.write("u1.csv", people(1..3).as_bytes());
    let first = bench.read();
    let bench = bench.set(|settings| settings.limits.files = 3);
    let given = bench.read_after(&first);
    assert_eq!((given.refused(), given.objects.len(), given.report.files.len()), (vec!["limit.files"], 0, 0));
    // nor are they few where most are older
    let names: Vec<String> = (1..6).map(|day| format!("u_2026-04-0{day}.csv")).collect();
    let bench = Bench::new(&names.iter().map(|name| (name.as_str(), HEAD)).collect::<Vec<_>>());
    assert_eq!(bench.set(|settings| settings.limits.files = 3).read().refused(), ["limit.files"]);
}

#[test]
fn roles_say_what_the_records_are() {
    let role = |pattern: &str, role| FileEntry { pattern: pattern.to_owned(), role: Some(role), preset: None };
    let bench = Bench::new(&[
        ("a.csv", &people(1..4)),
        ("gone.csv", &people(7..9)),
        ("teams.csv", &people(20..21)),
        ("members.csv", "id,kind,role\nuser1@contoso.example,user,Editor\nnobody,,\n"),
    ])
    .set(|settings| {
        settings.files = vec![
            role("gone.csv", Role::Deleted),
            role("teams.csv", Role::Groups),
            role("members.csv", Role::Assignments),
            FileEntry { pattern: "a.csv".to_owned(), role: None, preset: None },
        ];
    });
    let given = bench.read();
    assert_eq!(given.refused(), Vec::<&str>::new(), "{:?}", given.report.problems);
    let counts = given.report.counts;
    assert_eq!((counts.users, counts.groups, counts.soft_deleted), (5, 1, 2));
    let assigned = given.report.assignments.expect("an assignment file");
    assert_eq!(assigned.len(), 2);
    assert_eq!((assigned[0].id.as_str(), assigned[0].role.as_deref()), ("user1@contoso.example", Some("Editor")));
    let unresolved: Vec<_> =
        given.report.problems.iter().filter(|problem| problem.code == "assignment.unresolved").collect();
    assert_eq!(unresolved.len(), 1, "{unresolved:?}");
    assert_eq!((unresolved[0].file.as_deref(), unresolved[0].line), (Some("members.csv"), Some(3)));
}

#[test]
fn a_line_that_comes_a_second_time_is_no_other_person() {
    let bench = Bench::new(&[("users.csv", &people(1..5))]);
    let first = bench.read();
    bench.write("users.csv", format!("{}{}", people(1..5), row(2)).as_bytes());
    let second = bench.read_after(&first);
    assert_eq!((second.codes("R"), second.codes("W")), (vec![], vec!["record.repeated"]));
    bench.write("users.csv", format!("{}{}", people(1..5), row(2).replace("User 2", "Other")).as_bytes());
    let third = bench.read_after(&first);
    assert_eq!(third.codes("R"), ["record.duplicate_anchor"]);
}

#[test]
fn a_record_of_before_is_held_against_one_that_is_written_otherwise() {
    let alike = row(2).replace("User 2", " User 2 ");
    let other = row(2).replace("User 2", "Other");
    let day_one = people(1..5);
    let short = row(4).replace(',', ";");
    let lines = |rows: &[&str]| format!("{HEAD}{}", rows.concat());
    let (one, two, three) = (row(1), row(2), row(3));
    for (files, refused, warned) in [
        (vec![("users.csv", day_one.clone() + &alike)], vec![], vec!["record.repeated"]),
        (vec![("users.csv", lines(&[&alike, &one, &two, &three, &row(4)]))], vec![], vec!["record.repeated"]),
        (vec![("users.csv", lines(&[&other, &one, &two, &three, &row(4)]))], vec!["record.duplicate_anchor"], vec![]),
        (
            vec![("users.csv", lines(&[&one, &two, &other, &short, &three, &alike]))],
            vec!["record.duplicate_anchor", "csv.field_count"],
            vec!["record.repeated"],
        ),
        // in two files once is enough
        (vec![("users.csv", day_one.clone()), ("users2.csv", lines(&[&alike]))], vec![], vec![]),
        (
            vec![("users.csv", day_one.clone()), ("users2.csv", lines(&[&row(9), &other]))],
            vec!["record.duplicate_anchor"],
            vec![],
        ),
    ] {
        for crew_of in [1, 40] {
            // large enough for several threads to share it, too
            let many: String = if crew_of == 1 { String::new() } else { (1000..9000).map(row).collect() };
            let bench = Bench::new(&[("users.csv", &(day_one.clone() + &many))]);
            let first = bench.read();
            for (name, text) in &files {
                let more = if *name == "users.csv" { many.as_str() } else { "" };
                bench.write(name, format!("{text}{more}").as_bytes());
            }
            let second = bench.read_after(&first);
            assert_eq!((second.codes("R"), second.codes("W")), (refused.clone(), warned.clone()), "{files:?}");
            let report = &second.report;
            assert!(report.files.iter().all(|file| file.refused.is_sorted_by_key(|refused| refused.line)));
            assert_eq!(report.refused_without_anchor, u64::from(refused.contains(&"csv.field_count")));
        }
    }
}

#[test]
fn what_few_had_may_go_without_an_exporters_doing() {
    let entry = |number: u32, more: &str| {
        format!(
            "dn: uid=u{number},dc=x\nobjectClass: inetOrgPerson\nuid: u{number}\nsn: S\nmail: u{number}@x.example\n\
             entryUUID: 11111111-aaaa-4aaa-8aaa-{number:012}\n{more}\n"
        )
    };
    let group = |more: &str| {
        format!(
            "dn: cn=g,dc=x\nobjectClass: groupOfNames\ncn: g\nentryUUID: 11111111-aaaa-4aaa-8aaa-999999999999\n{more}\n"
        )
    };
    let people =
        |more: &str| (1..21).map(|number| entry(number, if number == 3 { more } else { "" })).collect::<String>();
    let with = format!("{}{}", people("pwdAccountLockedTime: 000001010000Z\n"), group("member: uid=u1,dc=x\n"));
    let bench = Bench::new(&[("directory.ldif", &with)]);
    let first = bench.read();
    assert_eq!(first.refused(), Vec::<&str>::new(), "{:?}", first.report.problems);
    bench.write("directory.ldif", format!("{}{}", people(""), group("")).as_bytes());
    assert_eq!(bench.read_after(&first).refused(), Vec::<&str>::new());
    // what everybody had does not go so
    let managed = |manager: &str| (1..21).map(|number| entry(number, manager)).collect::<String>();
    let bench = Bench::new(&[("directory.ldif", &managed("manager: uid=u1,dc=x\n"))]);
    let first = bench.read();
    bench.write("directory.ldif", managed("").as_bytes());
    assert_eq!(bench.read_after(&first).refused(), ["set.columns_lost"]);
}

#[test]
fn the_same_person_twice() {
    let other = row(1).replace("User 1", "Somebody Else");
    let within = Bench::new(&[("users.csv", &format!("{}{}{other}", people(1..3), row(2)))]).read();
    assert_eq!(within.report.counts.users, 2);
    assert!(within.has("record.repeated"));
    assert_eq!(within.codes("R"), ["record.duplicate_anchor"]);
    assert_eq!(within.report.files[0].refused[0].first_line, Some(2));
    assert_eq!(within.text(&id(1), "displayName").as_deref(), Some("User 1"));
    assert_eq!(within.report.refused_without_anchor, 0);

    for names in [["a-deleted.csv", "b.csv"], ["b-deleted.csv", "a.csv"]] {
        let bench = Bench::new(&[(names[0], &people(1..3)), (names[1], &people(2..4))]);
        let given = bench.read();
        assert!(given.has("record.conflict"), "{names:?}");
        let object = given.objects.iter().find(|object| object.anchor.as_str() == id(2)).expect("there");
        assert_eq!(object.deletion, provisiond::model::Deletion::None, "{names:?}");
        assert_eq!((given.report.counts.soft_deleted, given.refused()), (1, vec![]), "{names:?}");
        // when the living record goes, the deleted one counts
        bench.write(names[1], people(3..4).as_bytes());
        let after = bench.read_after(&given);
        let object = after.objects.iter().find(|object| object.anchor.as_str() == id(2)).expect("handed over anew");
        assert_eq!(object.deletion, provisiond::model::Deletion::Soft, "{names:?}");
    }
    let both = Bench::new(&[("a.csv", &people(1..3)), ("b.csv", &format!("{HEAD}{other}{}", row(2)))]).read();
    assert_eq!((both.report.counts.users, both.codes("R")), (2, vec!["record.duplicate_anchor"]));
    let same_mail = format!("{HEAD}{}{}", row(1), row(2).replace("user2@", "USER1@"));
    let same_mail = Bench::new(&[("users.csv", &same_mail)]).read();
    assert_eq!((same_mail.report.counts.users, same_mail.codes("W")), (2, vec!["record.duplicate_value"]));
}

#[test]
fn the_same_bytes_are_recognised_and_only_changes_are_decoded() {
    let bench = Bench::new(&[("users.csv", &people(1..101))]);
    let first = bench.read();
    assert_eq!(first.objects.len(), 100);
    let again = bench.read_after(&first);
    assert_eq!((again.known, again.objects.len(), again.report.counts.known), (100, 0, 100));
    bench.write("users.csv", people(2..102).replace("User 50,", "User Fifty,").as_bytes());
    let third = bench.read_after(&again);
    assert_eq!((third.known, third.objects.len(), third.refused()), (98, 2, vec![]));
    assert_eq!(third.text(&id(50), "displayName").as_deref(), Some("User Fifty"));
}

#[test]
fn the_same_people_written_differently_are_the_same() {
    let plain = "id,displayName,userPrincipalName,department,accountEnabled\n\
                 11111111-aaaa-4aaa-8aaa-000000000001,José García,jose@contoso.example,R&D,True\n\
                 11111111-aaaa-4aaa-8aaa-000000000002,Müller,mueller@contoso.example,,False\n";
    let permuted = "accountEnabled;department;userPrincipalName;displayName;id\r\n\
                    TRUE; R&D ;jose@contoso.example;Jose\u{301} Garci\u{301}a;11111111-AAAA-4AAA-8AAA-000000000001\r\n\
                    false;\"\";\"mueller@contoso.example\";\"Müller\";{11111111-aaaa-4aaa-8aaa-000000000002}\r\n";
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(plain.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let mark = [b"\xef\xbb\xbf".as_slice(), plain.as_bytes()].concat();
    let latin: Vec<u8> = plain.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin 1")).collect();
    let ignoring_lines = |given: &Given| -> Vec<SourceObject> {
        let mut objects = given.objects.clone();
        objects.iter_mut().for_each(|object| object.origin.line = 0);
        objects
    };
    let expected = ignoring_lines(&Bench::new(&[("users.csv", plain)]).read());
    assert_eq!(expected.len(), 2);
    for (name, bytes) in
        [("permuted", permuted.as_bytes()), ("utf-16", &utf16), ("mark", &mark), ("windows-1252", &latin)]
    {
        let bench = Bench::new(&[]).set(|settings| {
            settings.encoding = (name == "windows-1252").then(|| name.to_owned());
        });
        bench.write("users.csv", bytes);
        let given = bench.read();
        assert_eq!(given.refused(), Vec::<&str>::new(), "{name}");
        assert_eq!(ignoring_lines(&given), expected, "{name}");
    }
    // the encoding alone does not even make a record new
    let bench = Bench::new(&[("users.csv", plain)]);
    let first = bench.read();
    bench.write("users.csv", &utf16);
    assert_eq!(bench.read_after(&first).known, 2);
}

#[test]
fn what_was_remembered_refuses_what_does_not_fit() {
    let first = || {
        let bench = Bench::new(&[("users.csv", &people(1..9)), ("extra.csv", &people(20..22))]);
        let given = bench.read();
        assert!(!given.report.refused);
        (bench, given)
    };
    let (bench, given) = first();
    bench.remove("extra.csv");
    assert_eq!(bench.read_after(&given).refused(), ["set.file_missing"]);

    let (bench, given) = first();
    let without: String =
        people(1..9).lines().map(|line| line.rsplit_once(',').expect("cells").0.to_owned() + "\n").collect();
    bench.write("users.csv", without.as_bytes());
    let lost = bench.read_after(&given);
    assert_eq!(lost.refused(), ["set.columns_lost"]);

    let (bench, given) = first();
    let renamed =
        people(1..9).replace("displayName", "surname2").replace("userPrincipalName,", "userPrincipalName,displayName,");
    let widened: String = renamed
        .lines()
        .enumerate()
        .map(|(index, line)| if index == 0 { format!("{line}\n") } else { line.replacen(",User", ",,User", 1) + "\n" })
        .collect();
    bench.write("users.csv", widened.as_bytes());
    assert_eq!(bench.read_after(&given).refused(), Vec::<&str>::new());

    let (bench, given) = first();
    let m365 = "User principal name,Display name,Object Id,Block credential\nu@x.example,U,11111111-aaaa-4aaa-8aaa-000000000001,False\n";
    bench.write("users.csv", m365.as_bytes());
    assert!(bench.read_after(&given).refused().contains(&"set.preset_changed"));

    let (bench, given) = first();
    let bench = bench.set(|settings| settings.anchor = Some("employeeId".to_owned()));
    assert!(bench.read_after(&given).refused().contains(&"set.anchor_changed"));
}

#[test]
fn a_lost_mapped_column_is_unknown_and_not_absent() {
    let with = "id,userPrincipalName,displayName,accountEnabled,department\n11111111-aaaa-4aaa-8aaa-000000000001,a@x.example,A,True,Sales\n";
    let without =
        "id,userPrincipalName,displayName,accountEnabled\n11111111-aaaa-4aaa-8aaa-000000000001,a@x.example,A,True\n";
    let bench = Bench::new(&[("users.csv", with)]);
    let first = bench.read();
    bench.write("users.csv", without.as_bytes());
    let second = bench.read_after(&first);
    assert_eq!((second.refused(), second.codes("W")), (vec![], vec!["set.columns_lost"]));
    assert!(second.objects[0].unknown.contains("department"));
    assert_eq!(second.objects[0].attribute("department"), None);
}

#[test]
fn account_state_is_lost_where_it_stands_empty_too() {
    let head = HEAD.trim_end().to_owned() + ",manager\n";
    let rows = |numbers: std::ops::Range<u32>, change: &dyn Fn(u32) -> String| -> String {
        head.clone() + &numbers.map(change).collect::<String>()
    };
    let whole = |number: u32| row(number).trim_end().to_owned() + &format!(",{}\n", id(1));
    let bench = Bench::new(&[("users.csv", &rows(1..41, &whole))]);
    let first = bench.read();
    assert_eq!(first.refused(), Vec::<&str>::new());
    // one who says it is enough
    let no_state = |number: u32| whole(number).replace(",True,", ",,");
    let one = rows(1..40, &no_state) + &whole(40);
    for (text, expected) in [
        (rows(1..41, &no_state), vec!["set.columns_lost"]),
        (one, vec![]),
        (rows(1..41, &|number| whole(number).replace(&format!(",{}\n", id(1)), ",\n")), vec!["set.columns_lost"]),
        // those of before are recognised, and whoever is new says nothing
        (rows(1..41, &whole) + &no_state(50), vec![]),
    ] {
        bench.write("users.csv", text.as_bytes());
        assert_eq!(bench.read_after(&first).refused(), expected, "{text}");
    }
    // what few had may go
    let few = |number: u32| if number < 4 { whole(number) } else { row(number).trim_end().to_owned() + ",\n" };
    let bench = Bench::new(&[("users.csv", &rows(1..41, &few))]);
    let first = bench.read();
    bench.write("users.csv", rows(1..41, &|number| row(number).trim_end().to_owned() + ",\n").as_bytes());
    assert_eq!(bench.read_after(&first).refused(), Vec::<&str>::new());
    // null is no value
    let bench = Bench::new(&[("users.json", &graph(1..41, false))]);
    let first = bench.read();
    let null = graph(1..41, false).replace(r#""accountEnabled":true"#, r#""accountEnabled":null"#);
    bench.write("users.json", null.as_bytes());
    assert_eq!(bench.read_after(&first).refused(), ["set.columns_lost"]);
}

#[test]
fn lost_account_state_is_seen_among_recognised_records() {
    let bench = Bench::new(&[("users.json", &graph(1..101, false))]);
    let first = bench.read();
    // everybody who changed lost the attribute, half are the same as before: it is still there
    bench.write("users.json", graph(1..101, false).replacen(r#","accountEnabled":true"#, "", 50).as_bytes());
    let half = bench.read_after(&first);
    assert_eq!(half.refused(), Vec::<&str>::new(), "{:?}", half.report.problems);
    assert_eq!(half.known, 50);
    bench.write("users.json", graph(1..101, false).replace(r#","accountEnabled":true"#, "").as_bytes());
    assert_eq!(bench.read_after(&first).refused(), ["set.columns_lost"]);
    // without an earlier export it is a warning
    let new = bench.read();
    assert_eq!((new.refused(), new.codes("W")), (vec![], vec!["set.no_account_state"]));
}

#[test]
fn too_many_refused_records_refuse_the_set() {
    let bad = |count: u32| {
        format!("{}{}", people(1..101), (0..count).map(|number| format!("x,{number}\n")).collect::<String>())
    };
    let few = Bench::new(&[("users.csv", &bad(20))]).read();
    assert_eq!(
        (few.refused(), few.codes("R"), few.report.refused_without_anchor),
        (vec![], vec!["csv.field_count"], 20)
    );
    let many = Bench::new(&[("users.csv", &bad(21))]).read();
    assert_eq!(many.refused(), ["set.too_many_refused"]);
    assert_eq!(many.report.files[0].refused.len(), 21);
}

#[test]
fn changes_need_a_snapshot_and_are_applied_once() {
    let delta = |body: &str| {
        format!(
            r#"{{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users","@odata.deltaLink":"https://graph.microsoft.com/v1.0/users/delta?$deltatoken=x","value":[{body}]}}"#
        )
    };
    let body = format!(
        r#"{{"id":"{}","jobTitle":null,"displayName":"New"}},{{"id":"{}","@removed":{{"reason":"deleted"}}}},{{"id":"{}","@removed":{{"reason":"changed"}}}}"#,
        id(1),
        id(2),
        id(3)
    );
    let bench = Bench::new(&[("delta.json", &delta(&body))]);
    let alone = bench.read();
    assert_eq!((alone.refused(), alone.report.mode), (vec!["set.no_base"], SetMode::Changes));
    let base = Bench::new(&[("users.json", &graph(1..9, false))]).read();
    let given = bench.read_with(Some(&base.report.memory), &Remembered::default());
    assert_eq!((given.refused(), given.report.mode), (vec![], SetMode::Changes));
    let first = &given.objects[0];
    assert!(first.partial && first.cleared.contains("jobTitle") && !first.cleared.contains("mail"));
    let deletions: Vec<_> = given.objects.iter().map(|object| object.deletion).collect();
    use provisiond::model::Deletion::{Hard, None as Living, Soft};
    assert_eq!(deletions, [Living, Hard, Soft]);
    let again = bench.read_with(Some(&given.report.memory), &Remembered::default());
    assert_eq!(again.objects.len(), 0);
    let forced = bench.set(|settings| settings.mode = Mode::Snapshot);
    assert!(forced.read().refused().contains(&"set.ambiguous"));
}

#[test]
fn a_mutable_anchor_has_to_be_allowed() {
    let google = "First Name,Last Name,Email Address,Status,Employee ID\nA,B,a@x.example,Active,1\n";
    let bench = Bench::new(&[("google.csv", google)]);
    assert_eq!(bench.read().refused(), ["source.anchor"]);
    let bench = bench.set(|settings| settings.anchor = Some("employeeId".to_owned()));
    let given = bench.read();
    assert_eq!((given.refused(), given.objects[0].anchor.as_str()), (vec![], "1"));
    let bench = bench.set(|settings| (settings.anchor, settings.allow_mutable_anchor) = (None, true));
    assert_eq!(bench.read().objects[0].anchor.as_str(), "a@x.example");
}

#[test]
fn readiness_is_asked_for() {
    let bench = Bench::new(&[("users.csv", &people(1..3))]).set(|settings| settings.ready = Ready::Marker);
    assert_eq!(bench.read().refused(), ["set.incomplete"]);
    bench.write("users.csv.ready", b"");
    assert_eq!(bench.read().refused(), Vec::<&str>::new());
    let bench = bench.set(|settings| settings.ready = Ready::Manifest);
    assert_eq!(bench.read().refused(), ["set.incomplete"]);
    let digest = "0".repeat(64);
    bench.write("manifest.json", format!(r#"{{"files":[{{"name":"users.csv","sha256":"{digest}"}}]}}"#).as_bytes());
    assert_eq!(bench.read().refused(), ["set.manifest"]);
    bench.write("manifest.json", br#"{"files":[{"name":"users.csv"},{"name":"more.csv"}]}"#);
    assert_eq!(bench.read().refused(), ["set.manifest"]);
    bench.write("manifest.json", b"{");
    assert!(bench.read().refused().contains(&"set.manifest"));
}

#[test]
fn two_looks_agree_only_when_nothing_moved() {
    let bench = Bench::new(&[("users.csv", &people(1..3))]);
    let first = find(&bench.settings);
    assert!(find(&bench.settings).is_settled_since(&first));
    bench.write("users.csv", people(1..4).as_bytes());
    assert!(!find(&bench.settings).is_settled_since(&first));
    let (a, b) = (first.identity().expect("read"), find(&bench.settings).identity().expect("read"));
    assert_eq!(a.digest(), b.digest());
    bench.write("users.csv", people(1..5).as_bytes());
    assert_ne!(find(&bench.settings).identity().expect("read").digest(), a.digest());
    // a file that is written after it was looked at
    let stale = find(&bench.settings);
    bench.write("users.csv", people(1..6).as_bytes());
    let report = read(&bench.settings, &stale, None, &mut Nothing, &mut |_| Ok::<(), Infallible>(()));
    let Ok(report) = report;
    assert!(report.changed_while_read && report.refused);
}

#[test]
fn secrets_do_not_leave_the_reader() {
    let secret = "hunter2-very-secret";
    let okta = format!(
        r#"[{{"id":"1","status":"ACTIVE","profile":{{"login":"a@x.example"}},"credentials":{{"password":{{"value":"{secret}"}}}},"_links":{{}}}},
        {{"id":"2","status":"NONSENSE","profile":{{"login":"b@x.example"}},"credentials":{{"password":{{"value":"{secret}"}}}},"_links":{{}}}}]"#
    );
    let ldif =
        format!("{}dn: uid=b,dc=x\nobjectClass: person\nsn: B\nuserPassword: {secret}\n more\nuid: b\n\n", entry(1));
    let csv = format!(
        "id,userPrincipalName,displayName,accountEnabled,password\n{},a@x.example,A,True,{secret}\n{},b@x.example,B,maybe,{secret}\nx,{secret}\n",
        id(1),
        id(2)
    );
    // where the secret is what is damaged
    let without_colon = ldif.replace("userPassword:", "userPassword");
    let no_json = okta.replace("credentials", r"pass\u0077ord").replace(r#""status":"NONSENSE""#, r#""status":NaN"#);
    for (name, text) in [
        ("okta.json", &okta),
        ("d.ldif", &ldif),
        ("users.csv", &csv),
        ("d.ldif", &without_colon),
        ("okta.json", &no_json),
    ] {
        let bench = Bench::new(&[(name, text)]);
        let set = find(&bench.settings);
        let mut all = String::new();
        let mut refused = 0;
        let report = read(&bench.settings, &set, None, &mut Nothing, &mut |read: Read<'_>| {
            refused += usize::from(matches!(read, Read::Refused { .. }));
            all.push_str(&format!("{read:?}"));
            Ok::<(), Infallible>(())
        });
        let Ok(report) = report;
        all.push_str(&format!("{report:?}"));
        assert!(refused > 0, "{name}");
        assert!(!all.contains(secret), "{name}: {all}");
    }
}

#[test]
fn references_follow_whoever_they_name() {
    let with = |manager: &str, boss: u32| {
        format!(
            "{}dn: uid=p,dc=example,dc=com\nobjectClass: person\nsn: P\nentryUUID: {}\nmanager: {manager}\n\n",
            entry(boss),
            id(50)
        )
    };
    let bench = Bench::new(&[("d.ldif", &with("UID=u1, dc=example,dc=com", 1))]);
    let first = bench.read();
    assert_eq!(first.text(&id(50), "manager"), Some(id(1)));
    // another person under the same name: the record is the same and says something else
    let again = with("UID=u1, dc=example,dc=com", 1)
        .replace(&format!("entryUUID: {}", id(1)), &format!("entryUUID: {}", id(7)));
    bench.write("d.ldif", again.as_bytes());
    let second = bench.read_after(&first);
    assert_eq!(second.text(&id(50), "manager"), Some(id(7)));
    bench.write("d.ldif", with("uid=p,dc=example,dc=com", 7).as_bytes());
    let itself = bench.read_after(&second);
    assert_eq!((itself.text(&id(50), "manager"), itself.has("reference.self")), (None, true));
    bench.write("d.ldif", with("uid=nobody,dc=example,dc=com", 7).as_bytes());
    let unresolved = bench.read_after(&itself);
    let person = unresolved.objects.iter().find(|object| object.anchor.as_str() == id(50)).expect("changed");
    assert_eq!(person.unresolved["manager"], ["uid=nobody,dc=example,dc=com"]);
    assert!(!person.attributes.contains_key("manager") && !person.cleared.contains("manager"));
}

#[test]
fn only_what_is_wanted_is_kept_under_the_names_that_are_used() {
    let bench = Bench::new(&[("d.ldif", &entry(1))]).set(|settings| {
        settings.wanted = Some(["mail", "sn", "mobilePhone", "objectId"].map(str::to_owned).into());
        settings.references = false;
    });
    let given = bench.read();
    let object = &given.objects[0];
    assert_eq!(object.text("sn"), Some("Name"));
    assert_eq!(object.attribute("surname"), None);
    assert_eq!(object.text("mail"), Some("u1@example.com"));
    let names: Vec<&str> = object.attributes.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["accountEnabled", "mail", "objectId"]);
    assert_eq!(object.attribute("accountEnabled"), Some(&SourceValue::Bool(true)));
}

#[test]
fn hostile_files_are_refused_and_nothing_else() {
    let deep = format!(
        r#"[{{"id":"1","status":"ACTIVE","profile":{{"login":"a@x.example","x":{}1{}}},"_links":{{}}}}]"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let wide = format!("{}\n{}", (0..5000).map(|number| format!("c{number}")).collect::<Vec<_>>().join(","), "x");
    let long = format!("dn: uid=a,dc=b\nsn: {}\n", "x".repeat(3 << 20));
    let formula = format!("{HEAD}{},=cmd|'/c calc'!A1,\u{1b}[31mred,True\n", id(1));
    let bench = Bench::new(&[("okta.json", &deep)]).set(|settings| settings.preset = "okta-json".to_owned());
    assert_eq!((bench.read().codes("R"), bench.read().report.counts.users), (vec!["json.too_deep"], 0));
    assert!(Bench::new(&[("users.csv", &wide)]).read().report.refused);
    let limited = Bench::new(&[("d.ldif", &long)]).set(|settings| {
        settings.limits.line = 1 << 20;
        settings.preset = "openldap-ldif".to_owned();
    });
    assert_eq!(limited.read().codes("R"), ["limit.line"]);
    let given = Bench::new(&[("users.csv", &formula)]).read();
    assert_eq!(given.text(&id(1), "userPrincipalName").as_deref(), Some("=cmd|'/c calc'!A1"));
    assert_eq!(given.text(&id(1), "displayName").as_deref(), Some("[31mred"));
    assert!(given.has("value.control_characters"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 48, ..Default::default() })]

    /// Damage anywhere in a real export gives an answer, never a panic.
    #[test]
    fn damaged_files_never_panic(seed in proptest::collection::vec((0_usize..4000, proptest::num::u8::ANY), 1..12), cut in 0_usize..4000) {
        let samples = [
            ("users.csv", people(1..30)),
            ("users.json", graph(1..20, false)),
            ("scim.json", scim(3, 1..4)),
            ("d.ldif", (1..12).map(entry).collect::<String>()),
        ];
        for (name, text) in samples {
            let mut bytes = text.into_bytes();
            for (at, byte) in &seed {
                let length = bytes.len();
                bytes[at % length] = *byte;
            }
            bytes.truncate(1 + cut.min(bytes.len() - 1));
            let bench = Bench::new(&[]);
            bench.write(name, &bytes);
            let given = bench.read();
            let listed: u64 = given.report.files.iter().map(|file| file.refused_count).sum();
            proptest::prop_assert_eq!(listed, given.report.counts.refused);
        }
    }
}

#[test]
fn a_change_of_members_says_who_came_and_who_went() {
    let changes = r##"{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#directoryObjects","@odata.deltaLink":"https://graph.microsoft.com/v1.0/groups/delta?$deltatoken=x","value":[
        {"@odata.type":"#microsoft.graph.group","id":"11111111-aaaa-4aaa-8aaa-000000000009","displayName":"Team","members@delta":[
            {"@odata.type":"#microsoft.graph.user","id":"11111111-aaaa-4aaa-8aaa-000000000001"},
            {"@odata.type":"#microsoft.graph.user","id":"11111111-aaaa-4aaa-8aaa-000000000002","@removed":{"reason":"deleted"}}]},
        {"@odata.type":"#microsoft.graph.user","id":"11111111-aaaa-4aaa-8aaa-000000000001","userPrincipalName":"u1@x.example"}]}
"##;
    let given = Bench::new(&[("delta.json", changes)]).read();
    let team = given.objects.iter().find(|object| object.kind == provisiond::model::ObjectKind::Group).expect("read");
    assert!(team.partial);
    assert_eq!(team.attribute("members"), Some(&SourceValue::List(vec![id(1)])));
    assert!(team.incomplete.contains("members"), "what is not named stays");
    assert_eq!(team.removed.get("members"), Some(&vec![id(2)]));
}

/// Microsoft 365 names its files as the console writes dates.
#[test]
fn of_files_named_by_a_console_that_writes_the_day_first_the_newest_is_read_or_none() {
    let names = |given: &Given| given.report.files.iter().map(|file| file.file.clone()).collect::<Vec<_>>();
    let (february, march) = ("users_09_02_2026 20_21_52.csv", "users_03_03_2026 8_01_07.csv");
    let bench = Bench::new(&[(february, &people(1..9)), (march, &people(1..8))]);
    assert_eq!(bench.read().refused(), ["set.ambiguous"]);
    let bench = bench.set(|settings| settings.locale = "en-GB".to_owned());
    let given = bench.read();
    assert_eq!((given.refused(), names(&given)), (vec![], vec![march.to_owned()]));
    // The one of before need not stay.
    bench.remove(february);
    assert_eq!(bench.read_after(&given).refused(), Vec::<&str>::new());
    bench.remove(march);
    bench.write("users_01_04_2026 8_01_07.csv", people(1..8).as_bytes());
    assert_eq!(bench.read_after(&given).refused(), Vec::<&str>::new());
}

/// A host or a part of the export has a number of its own.
#[test]
fn dated_files_with_a_number_at_their_end_follow_on_those_of_the_day_before() {
    for (name, second) in [("export_{}_DC01.csv", None), ("users_{}_part1.csv", Some("users_{}_part2.csv"))] {
        let of_day = |name: &str, day: &str| name.replace("{}", day);
        let write = |bench: &Bench, day: &str| {
            bench.write(&of_day(name, day), people(1..9).as_bytes());
            second.into_iter().for_each(|second| bench.write(&of_day(second, day), people(20..29).as_bytes()));
        };
        let bench = Bench::new(&[]);
        write(&bench, "2026-03-04");
        let first = bench.read();
        write(&bench, "2026-03-05");
        let both = bench.read_after(&first);
        assert_eq!(both.refused(), Vec::<&str>::new(), "{name}: {:?}", both.report.problems);
        bench.remove(&of_day(name, "2026-03-04"));
        second.into_iter().for_each(|second| bench.remove(&of_day(second, "2026-03-04")));
        assert_eq!(bench.read_after(&first).refused(), Vec::<&str>::new(), "{name}");
        if let Some(second) = second {
            bench.remove(&of_day(second, "2026-03-05"));
            assert_eq!(bench.read_after(&first).refused(), ["set.file_missing"], "a part is missing");
        }
    }
}

/// After a restart changes may still be remembered, and no anchor is.
#[test]
fn the_name_of_an_anchor_is_chosen_anew_where_none_is_remembered() {
    let entry = |number: u32, more: &str| {
        format!(
            "dn: uid=u{number},dc=x\nobjectClass: person\nuid: u{number}\ncn: U\nsn: U\nipaUniqueID: ipa-{number}\n{more}\n"
        )
    };
    let bench = Bench::new(&[("people.ldif", &(entry(1, "") + &entry(2, "nsUniqueId: ns-2\n")))])
        .set(|settings| settings.preset = "389ds-ldif".to_owned());
    let anchors = |given: &Given| given.objects.iter().map(|object| object.anchor.to_string()).collect::<Vec<_>>();
    let first = bench.read();
    assert_eq!(anchors(&first), ["ipa-1", "ipa-2"]);
    let restarted =
        SetMemory { anchors: Default::default(), anchor_sources: Default::default(), ..first.report.memory.clone() };
    assert_eq!(anchors(&bench.read_with(Some(&restarted), &Remembered::default())), ["ipa-1", "ipa-2"]);
}
