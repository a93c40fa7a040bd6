//! Reading exports against bare passes over the same people, as ratios taken in one run.
//!
//! `cargo bench --bench sources -- 200000` makes up so many people and writes them as CSV of the Entra portal, LDIF of slapcat
//! and pages of Microsoft Graph; then it prints for each format how long a whole reading takes and one of which every record is
//! recognised, both against their floor, and the peak memory of a process that does nothing else. `--in FOLDER` does so with the
//! exports that lie in its folders `csv`, `ldif` and `json`, those of them that are there. `--make FOLDER PEOPLE` only writes the files, `--peak FOLDER` only
//! reads a folder and prints the peak memory, `--floor FOLDER` only goes through CSV.
//!
//! The floor of CSV and LDIF is the `csv` crate with an xxh3 hash per record over the CSV; that of JSON is `serde_json` passing
//! over the values of a stream. Where each file is first read into memory it takes a fourth of the time: that is a line of its own.
//! Everything of a reading counts: the hash of the files' identity, detection, judgement.

use std::convert::Infallible;
use std::env;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use provisiond::model::Deletion;
use provisiond::source::{self, FileSet, Look, Nothing, ObjectKey, Read, Recognise, Remembered, Settings};
use serde::de::IgnoredAny;

const PEOPLE: u64 = 200_000;
/// The least time of so many interleaved rounds counts.
const ROUNDS: usize = 3;
const PAGE: u64 = 999;

/// Names a job's mappings usually ask for.
const WANTED: [&str; 16] = [
    "objectId",
    "userPrincipalName",
    "displayName",
    "givenName",
    "surname",
    "mail",
    "mailNickname",
    "jobTitle",
    "department",
    "employeeId",
    "telephoneNumber",
    "mobile",
    "city",
    "postalCode",
    "country",
    "preferredLanguage",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with("--bench")).collect();
    let done = match arguments.as_slice() {
        [flag, folder] if flag == "--peak" => peak(Path::new(folder)),
        [flag, folder] if flag == "--floor" => csv_floor(Path::new(folder)),
        [flag, folder, people] if flag == "--make" => {
            people.parse().map_err(io::Error::other).and_then(|people| make(Path::new(folder), people))
        }
        [flag, folder] if flag == "--in" => run(Path::new(folder)),
        [] => run_with(PEOPLE),
        [people] => people.parse().map_err(io::Error::other).and_then(run_with),
        _ => Err(io::Error::other("usage: sources [PEOPLE | --in FOLDER]")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run_with(people: u64) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    make(folder.path(), people)?;
    run(folder.path())
}

/// Measures the exports in a folder's folders.
fn run(folder: &Path) -> io::Result<()> {
    println!(
        "milliseconds, the least of {ROUNDS} rounds; ratios to the floor of the same round's format;\n\
         processor: the time that processors worked for a whole reading, as a ratio to the same of the floor\n"
    );
    println!(
        "{:<6}{:>9}{:>9}{:>9}{:>8}{:>7}{:>11}{:>13}{:>8}{:>10}{:>10}{:>9}",
        "",
        "people",
        "floor",
        "whole",
        "ratio",
        "goal",
        "processor",
        "recognised",
        "ratio",
        "of whole",
        "peak MiB",
        "allowed"
    );
    for (name, goal) in [("csv", 1.0), ("ldif", 2.5), ("json", 2.0)] {
        let folder_of = |name: &str| folder.join(name);
        if !folder_of(name).is_dir() {
            continue;
        }
        let settings = settings(&folder_of(name));
        let mut known = Remembered::default();
        let mut people = 0;
        whole(&settings, &mut Nothing, &mut |record| {
            people += 1;
            learn(&mut known, record);
        })?;
        let (mut least, mut wholly, mut recognised) = (Spent::MOST, Spent::MOST, Spent::MOST);
        for _ in 0..ROUNDS {
            let floor = || if name == "json" { json_floor(&folder_of("json")) } else { csv_floor(&folder_of("csv")) };
            least = least.least(timed(floor)?);
            wholly = wholly.least(timed(|| whole(&settings, &mut Nothing, &mut |_| {}).map(drop))?);
            let mut known = known.clone();
            recognised = recognised.least(timed(|| match whole(&settings, &mut known, &mut |_| {})? {
                count if count >= people => Ok(()),
                count => Err(io::Error::other(format!("only {count} of {people} records were recognised"))),
            })?);
        }
        let child = Command::new(env::current_exe()?).arg("--peak").arg(folder_of(name)).output()?;
        let peak: u64 = String::from_utf8_lossy(&child.stdout).trim().parse().map_err(io::Error::other)?;
        let millis = |spent: Spent| spent.wall.as_secs_f64() * 1e3;
        let ratio = |spent: Spent, other: Spent| spent.wall.as_secs_f64() / other.wall.as_secs_f64();
        println!(
            "{name:<6}{people:>9}{:>9.0}{:>9.0}{:>8.2}{goal:>7.1}{:>11.2}{:>13.0}{:>8.2}{:>10.2}{:>10.0}{:>9}",
            millis(least),
            millis(wholly),
            ratio(wholly, least),
            wholly.processor.as_secs_f64() / least.processor.as_secs_f64(),
            millis(recognised),
            ratio(recognised, least),
            ratio(recognised, wholly),
            peak as f64 / 1024.0,
            (60_000_000 + 32 * people) >> 20
        );
        if name == "json" {
            let mut least = Spent::MOST;
            for _ in 0..ROUNDS {
                least = least.least(timed(|| json_in_memory(&folder_of(name)))?);
            }
            println!("{:<15}{:>9.0}{:>17.2}  each file in memory", "", millis(least), ratio(wholly, least));
        }
    }
    println!("\nmemory allowed: 60 MB and 32 bytes a person");
    Ok(())
}

/// Writes the files of each format into a folder of its own.
fn make(folder: &Path, people: u64) -> io::Result<()> {
    for (name, write) in
        [("csv", write_csv as fn(&Path, u64) -> io::Result<()>), ("ldif", write_ldif), ("json", write_json)]
    {
        fs::create_dir(folder.join(name))?;
        write(&folder.join(name), people)?;
    }
    Ok(())
}

fn settings(folder: &Path) -> Settings {
    Settings {
        directory: folder.to_owned(),
        wanted: Some(WANTED.iter().map(|name| (*name).to_owned()).collect()),
        references: false,
        ..Settings::default()
    }
}

fn learn(known: &mut Remembered, record: &Read<'_>) {
    match record {
        Read::Object { fingerprint, key, object, .. } => {
            known.learn(*fingerprint, *key, object.deletion() == Deletion::None);
        }
        Read::Ignored { fingerprint, .. } => known.learn(*fingerprint, ObjectKey(0), true),
        Read::Known { .. }
        | Read::Run { .. }
        | Read::Withdrawn { .. }
        | Read::Refused { .. }
        | Read::Change { .. }
        | Read::Gone { .. } => {}
    }
}

/// Reads a folder as a cycle does that knows no export of the same size; returns how many records were recognised.
fn whole(settings: &Settings, known: &mut dyn Recognise, each: &mut dyn FnMut(&Read<'_>)) -> io::Result<u64> {
    let set = FileSet { look: Look::Head, is_hashed: true, presumes: true, ..source::find(settings) };
    let Ok(report) = source::read::<Infallible>(settings, &set, None, known, &mut |record| {
        each(&record);
        Ok(())
    });
    match report.problems.first().filter(|_| report.refused) {
        Some(problem) => Err(io::Error::other(format!("{}: {}", problem.code, problem.message))),
        None => Ok(report.counts.known),
    }
}

/// Reads a folder and prints the peak resident set in KiB.
fn peak(folder: &Path) -> io::Result<()> {
    whole(&settings(folder), &mut Nothing, &mut |_| {})?;
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    println!("{}", line.trim().trim_end_matches(" kB"));
    Ok(())
}

/// How long it took, and how long processors worked for it, of which other work on the machine takes nothing away.
#[derive(Clone, Copy)]
struct Spent {
    wall: Duration,
    processor: Duration,
}

impl Spent {
    const MOST: Self = Self { wall: Duration::MAX, processor: Duration::MAX };

    /// The least of both, each by itself.
    fn least(self, other: Self) -> Self {
        Self { wall: self.wall.min(other.wall), processor: self.processor.min(other.processor) }
    }
}

fn timed(work: impl FnOnce() -> io::Result<()>) -> io::Result<Spent> {
    let (start, before) = (Instant::now(), processor_time()?);
    work()?;
    Ok(Spent { wall: start.elapsed(), processor: processor_time()?.saturating_sub(before) })
}

/// User and system time of this process, in hundredths of a second (`proc_pid_stat(5)`).
fn processor_time() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        behind_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}

fn csv_floor(folder: &Path) -> io::Result<()> {
    let mut record = csv::ByteRecord::new();
    let mut sum = 0;
    for file in files(folder)? {
        let mut reader = csv::Reader::from_path(file).map_err(io::Error::other)?;
        while reader.read_byte_record(&mut record).map_err(io::Error::other)? {
            sum ^= xxhash_rust::xxh3::xxh3_128(record.as_slice());
        }
    }
    std::hint::black_box(sum);
    Ok(())
}

fn json_floor(folder: &Path) -> io::Result<()> {
    for file in files(folder)? {
        let stream = serde_json::Deserializer::from_reader(BufReader::with_capacity(256 << 10, File::open(file)?));
        // a page is one value, NDJSON has one a line
        stream.into_iter::<IgnoredAny>().try_for_each(|value| value.map(drop))?;
    }
    Ok(())
}

/// As [`json_floor`], with room for the largest file.
fn json_in_memory(folder: &Path) -> io::Result<()> {
    let mut text = Vec::new();
    for file in files(folder)? {
        text.clear();
        File::open(file)?.read_to_end(&mut text)?;
        serde_json::Deserializer::from_slice(&text).into_iter::<IgnoredAny>().try_for_each(|value| value.map(drop))?;
    }
    Ok(())
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.sort();
    Ok(files)
}

/// One made-up person: as much text as real ones have, a third of it beyond ASCII.
struct Person {
    number: u64,
    id: String,
    upn: String,
    given: &'static str,
    surname: &'static str,
    title: &'static str,
    department: &'static str,
    city: &'static str,
    enabled: bool,
}

fn person(number: u64) -> Person {
    const GIVEN: [(&str, &str); 6] = [
        ("大翔", "hiroto"),
        ("Anna", "anna"),
        ("さくら", "sakura"),
        ("John", "john"),
        ("Zoë", "zoe"),
        ("健太", "kenta"),
    ];
    const SURNAMES: [(&str, &str); 7] = [
        ("佐藤", "sato"),
        ("Müller", "mueller"),
        ("鈴木", "suzuki"),
        ("Smith", "smith"),
        ("Jones", "jones"),
        ("髙橋", "takahashi"),
        ("O'Brien", "obrien"),
    ];
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let pick = |shift: u32, count: usize| usize::try_from(mixed >> shift & 0xFFFF).unwrap_or(0) % count;
    let ((given, given_ascii), (surname, surname_ascii)) = (GIVEN[pick(3, 6)], SURNAMES[pick(13, 7)]);
    Person {
        number,
        id: format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{number:012x}",
            mixed >> 32,
            mixed >> 16 & 0xFFFF,
            mixed & 0xFFF,
            mixed >> 4 & 0xFFF
        ),
        upn: format!("{given_ascii}.{surname_ascii}{number}@example.com"),
        given,
        surname,
        title: ["主任", "Engineer", "担当", "Manager", ""][pick(23, 5)],
        department: ["製造部", "Sales", "法務部", "Research and Development"][pick(29, 4)],
        city: ["松山市", "Berlin", "札幌市", "London"][pick(37, 4)],
        enabled: pick(41, 25) != 0,
    }
}

fn write_csv(folder: &Path, people: u64) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(folder.join("users.csv"))?);
    file.write_all(
        b"userPrincipalName,displayName,surname,mail,givenName,id,userType,jobTitle,department,accountEnabled,usageLocation,\
streetAddress,state,country,officeLocation,city,postalCode,telephoneNumber,mobilePhone,alternateEmailAddress,ageGroup,\
consentProvidedForMinor,legalAgeGroupClassification,companyName,creationType,directorySynced,invitationState,identityIssuer,\
createdDateTime\r\n",
    )?;
    for number in 0..people {
        let Person { id, upn, given, surname, title, department, city, enabled, .. } = person(number);
        let enabled = if enabled { "True" } else { "False" };
        let day = number % 28 + 1;
        write!(
            file,
            "{upn},\"{surname}, {given}\",{surname},{upn},{given},{id},Member,{title},{department},{enabled},JP,{city} 1-{number},,JP,\
{city} office,{city},790-{:04},+81 3-5550-{:04},+81 90-2181-{:04},,,,,Example Corp.,,True,,example.onmicrosoft.com,\
7/{day}/2025 9:58:01 PM\r\n",
            number % 9999,
            number % 9973,
            number % 9967,
        )?;
    }
    file.flush()
}

fn write_ldif(folder: &Path, people: u64) -> io::Result<()> {
    use base64::Engine as _;
    let mut file = BufWriter::new(File::create(folder.join("directory.ldif"))?);
    let line = |file: &mut BufWriter<File>, name: &str, value: &str| match value.is_ascii() {
        _ if value.is_empty() => Ok(()),
        true => writeln!(file, "{name}: {value}"),
        false => writeln!(file, "{name}:: {}", base64::engine::general_purpose::STANDARD.encode(value)),
    };
    for number in 0..people {
        let Person { number, id, upn, given, surname, title, department, city, enabled } = person(number);
        let uid = upn.split('@').next().unwrap_or_default();
        write!(file, "dn: uid={uid},ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: {uid}\n")?;
        let common = format!("{surname} {given}");
        for (name, value) in [
            ("cn", common.as_str()),
            ("sn", surname),
            ("givenName", given),
            ("displayName", &common),
            ("mail", &upn),
            ("employeeNumber", &number.to_string()),
            ("departmentNumber", department),
            ("title", title),
            ("telephoneNumber", &format!("+81 3-5550-{:04}", number % 9973)),
            ("mobile", &format!("+81 90-2181-{:04}", number % 9967)),
            ("l", city),
            ("postalCode", &format!("790-{:04}", number % 9999)),
            ("preferredLanguage", "ja"),
            ("structuralObjectClass", "inetOrgPerson"),
            ("entryUUID", &id),
            ("creatorsName", "cn=admin,dc=example,dc=com"),
            ("createTimestamp", "20250705215801Z"),
            ("modifyTimestamp", "20250705215801Z"),
            ("pwdAccountLockedTime", if enabled { "" } else { "000001010000Z" }),
        ] {
            line(&mut file, name, value)?;
        }
        file.write_all(b"\n")?;
    }
    file.flush()
}

fn write_json(folder: &Path, people: u64) -> io::Result<()> {
    let pages = people.div_ceil(PAGE).max(1);
    for page in 0..pages {
        let mut file = BufWriter::new(File::create(folder.join(format!("users-{:05}.json", page + 1)))?);
        file.write_all(br#"{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users","#)?;
        if page + 1 < pages {
            write!(file, r#""@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken={page}","#)?;
        }
        file.write_all(br#""value":["#)?;
        for number in page * PAGE..(page * PAGE + PAGE).min(people) {
            let Person { number, id, upn, given, surname, title, department, city, enabled } = person(number);
            let comma = if number == page * PAGE { "" } else { "," };
            let title = if title.is_empty() { "null".to_owned() } else { format!("\"{title}\"") };
            write!(
                file,
                r#"{comma}{{"id":"{id}","deletedDateTime":null,"accountEnabled":{enabled},"businessPhones":["+81 3-5550-{:04}"],"city":"{city}","companyName":"Example Corp.","country":"JP","createdDateTime":"2025-07-05T21:58:01Z","department":"{department}","displayName":"{surname} {given}","employeeId":"{number:07}","givenName":"{given}","jobTitle":{title},"mail":"{upn}","mailNickname":"{given}.{number}","mobilePhone":"+81 90-2181-{:04}","officeLocation":"{city} office","otherMails":[],"postalCode":"790-{:04}","preferredLanguage":"ja","proxyAddresses":["SMTP:{upn}"],"streetAddress":"{city} 1-{number}","surname":"{surname}","usageLocation":"JP","userPrincipalName":"{upn}","userType":"Member"}}"#,
                number % 9973,
                number % 9967,
                number % 9999,
            )?;
        }
        file.write_all(b"]}\n")?;
        file.flush()?;
    }
    Ok(())
}
