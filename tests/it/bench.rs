//! A bench for whole cycles: a folder with a source, a mapping and a configuration, and a stand-in target beside it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use provisiond::config::{self, Config, Environment};
use provisiond::cycle::{Clock, CycleOptions, Observer, OnDemandAnswer, OnDemandOptions, Service, ServiceError};
use provisiond::mapping::Known;
use provisiond::mock::{self, Options, Standin};
use provisiond::model::{CycleReport, Entry, JobStatus, ObjectKind, SourceAnchor};
use provisiond::store::{JobKey, LogQuery};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

/// When the story of a test begins.
pub const BEGIN: &str = "2026-04-01T00:00:00Z";

/// See the module. Files are written anew before each run, so that a test may change them at any time.
pub struct Bench {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    pub standin: Arc<Standin>,
    /// Where cycles are sent instead of to the stand-in.
    url: Option<String>,
    now: Timestamp,
    mapping: String,
    source: String,
    target: String,
    job: String,
}

/// What one cycle did.
pub struct Cycle {
    pub report: CycleReport,
    pub entries: Vec<Entry>,
}

#[derive(Default)]
struct Seen(Mutex<Vec<Entry>>);

impl Observer for Seen {
    fn entry(&self, entry: &Entry) {
        self.0.lock().expect("no test panics while it holds this").push(entry.clone());
    }

    fn progress(&self, _: u64, _: u64) {}

    fn note(&self, _: &str) {}
}

pub const MAPPING: &str = "\
users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    active: Not([IsSoftDeleted])
    displayName: displayName
    externalId: objectId
";

pub const HEADING: &str = "id,userPrincipalName,displayName,department,accountEnabled\n";

impl Bench {
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let standin = start(&runtime, options);
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("source")).expect("the source folder is made");
        Self {
            folder,
            runtime,
            standin,
            url: None,
            now: BEGIN.parse().expect("a time"),
            mapping: MAPPING.to_owned(),
            source: "preset: entra-csv".to_owned(),
            target: String::new(),
            job: String::new(),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The mapping file.
    pub fn mapping(&mut self, text: &str) -> &mut Self {
        text.clone_into(&mut self.mapping);
        self
    }

    /// Lines below `source:`, unindented.
    pub fn source(&mut self, lines: &str) -> &mut Self {
        lines.clone_into(&mut self.source);
        self
    }

    /// Lines below `target:`, unindented.
    pub fn target(&mut self, lines: &str) -> &mut Self {
        lines.clone_into(&mut self.target);
        self
    }

    /// Further lines of the job, unindented.
    pub fn job(&mut self, lines: &str) -> &mut Self {
        lines.clone_into(&mut self.job);
        self
    }

    /// Sends cycles to another address.
    pub fn standin_url(&mut self, url: &str) -> &mut Self {
        self.url = Some(url.to_owned());
        self
    }

    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(future);
    }

    /// The rows of the export, without the heading.
    pub fn people(&mut self, rows: &str) -> &mut Self {
        self.file("users.csv", &format!("{HEADING}{rows}"))
    }

    /// `count` people, all of them active.
    pub fn crowd(&mut self, count: usize) -> &mut Self {
        let rows: String = (0..count).map(|number| row(number, "Sales", true)).collect();
        self.people(&rows)
    }

    /// Writes a file of the source.
    pub fn file(&mut self, name: &str, text: &str) -> &mut Self {
        std::fs::write(self.path().join("source").join(name), text).expect("the export is written");
        self
    }

    pub fn remove_file(&mut self, name: &str) -> &mut Self {
        std::fs::remove_file(self.path().join("source").join(name)).expect("the export is removed");
        self
    }

    /// Moves the clock on.
    pub fn after_minutes(&mut self, minutes: i64) -> &mut Self {
        self.now += SignedDuration::from_mins(minutes);
        self
    }

    pub fn after_hours(&mut self, hours: i64) -> &mut Self {
        self.after_minutes(hours * 60)
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    fn write(&self) -> PathBuf {
        let indented =
            |lines: &str, by: usize| -> String { lines.lines().map(|line| format!("{:by$}{line}\n", "")).collect() };
        let text = format!(
            "state: state.db\njobs:\n  - name: job\n    mapping: mapping.yaml\n    source:\n      directory: source\n      settle: PT0S\n\
             {}    target:\n      url: {}\n      auth: {{ bearer: {{ env: TOKEN }} }}\n{}{}{}",
            indented(&self.source, 6),
            self.url.clone().unwrap_or_else(|| self.standin.url()),
            if self.target.contains("rate:") { "" } else { "      rate: none\n" },
            indented(&self.target, 6),
            indented(&self.job, 4),
        );
        let path = self.path().join("provisiond.yaml");
        std::fs::write(self.path().join("mapping.yaml"), &self.mapping).expect("the mapping is written");
        std::fs::write(&path, text).expect("the configuration is written");
        path
    }

    fn config(&self) -> (Config, Environment) {
        let path = self.write();
        let variables = [("TOKEN".to_owned(), "secret".into())].into();
        let environment = Environment { variables, ..Environment::default() };
        let loaded = config::load(&path, &environment, &|_| Known::default());
        let config = loaded.config.unwrap_or_else(|| panic!("the configuration is wrong: {:#?}", loaded.problems));
        (config, environment)
    }

    /// Hands out the service at the present time of the story.
    pub fn service<T>(&self, body: impl FnOnce(&Service, &config::Job) -> T) -> T {
        let (config, environment) = self.config();
        let service = Service::open(&config, environment, Clock::Fixed(self.now)).expect("the state opens");
        body(&service, &config.jobs[0])
    }

    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub fn try_cycle(&self, options: CycleOptions) -> Result<Cycle, ServiceError> {
        self.service(|service, job| {
            let seen = Arc::new(Seen::default());
            let stop = CancellationToken::new();
            let report = self.wait(service.cycle(job, options, seen.clone(), stop))?;
            let entries = std::mem::take(&mut *seen.0.lock().expect("no test panics while it holds this"));
            Ok(Cycle { report, entries })
        })
    }

    fn cycle_with(&self, options: CycleOptions) -> Cycle {
        self.try_cycle(options).unwrap_or_else(|error| panic!("the cycle could not run: {error}"))
    }

    pub fn cycle(&self) -> Cycle {
        self.cycle_with(CycleOptions::default())
    }

    pub fn initial(&self) -> Cycle {
        self.cycle_with(CycleOptions { initial: true, ..CycleOptions::default() })
    }

    pub fn now_for(&self, ids: &[&str], options: OnDemandOptions) -> Vec<OnDemandAnswer> {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        self.service(|service, job| {
            let run = service.provision_now(job, &ids, options, CancellationToken::new());
            self.wait(run).unwrap_or_else(|error| panic!("the run on demand failed: {error}"))
        })
    }

    /// One person on demand, who must have been evaluated.
    pub fn one(&self, id: &str) -> Entry {
        let mut answers = self.now_for(&[id], OnDemandOptions::default());
        let answer = answers.pop().expect("one answer");
        answer.entry.unwrap_or_else(|| panic!("not evaluated: {:?}", answer.error))
    }

    pub fn status(&self) -> JobStatus {
        self.service(|service, job| service.status(job).expect("the status is read"))
    }

    pub fn key<T>(&self, body: impl FnOnce(&provisiond::store::Store, JobKey) -> T) -> T {
        self.service(|service, job| {
            let key = service.store().job(&job.name).expect("the job is known");
            body(service.store(), key)
        })
    }

    /// The whole log, oldest first.
    pub fn log(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.key(|store, key| {
            let mut each = |entry| {
                entries.push(entry);
                std::ops::ControlFlow::Continue(())
            };
            store.log(key, &LogQuery::default(), &mut each).expect("the log is read")
        });
        entries
    }

    /// The state of one link: `none`, `managed` or `released`.
    pub fn link(&self, anchor: &str) -> String {
        let row =
            self.key(|store, key| store.object(key, &SourceAnchor(anchor.to_owned())).expect("the state is read"));
        let state = row.map(|row| row.link.state()).unwrap_or(provisiond::model::LinkState::None);
        serde_json::to_value(state).expect("a word").as_str().expect("a word").to_owned()
    }

    /// Writes mapping and configuration, which every run in this process does anyway.
    pub fn write_files(&self) {
        self.write();
    }

    /// The program itself, in the folder of the bench.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provisiond"));
        command
            .current_dir(self.path())
            .env("TOKEN", "secret")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        for name in ["RUST_LOG", "NOTIFY_SOCKET", "STATE_DIRECTORY", "PROVISIOND_CONFIG", "CREDENTIALS_DIRECTORY"] {
            command.env_remove(name);
        }
        command.args(arguments);
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.write();
        self.run_beside(arguments)
    }

    /// [`Bench::run`] while another process reads the files.
    pub fn run_beside(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Ran(command.output().expect("the program runs"))
    }

    /// [`Bench::run`] of `cycle` at the present time of the story.
    pub fn run_cycle(&self, arguments: &[&str]) -> Ran {
        let at = self.now.to_string();
        let mut all = vec!["cycle", "--at", &at];
        all.extend(arguments);
        self.run(&all)
    }

    /// An account of the target, by login name.
    pub fn account(&self, login: &str) -> Option<Value> {
        self.standin.users().into_iter().find(|user| user["userName"] == login)
    }

    /// Replaces everything of an account, as an administrator by hand.
    pub fn edit(&self, login: &str, change: impl FnOnce(&mut Map<String, Value>)) {
        let account = self.account(login).unwrap_or_else(|| panic!("no account `{login}`"));
        let id = account["id"].as_str().expect("an id").to_owned();
        let mut attributes = account.as_object().expect("an object").clone();
        change(&mut attributes);
        self.standin.update_user(&id, attributes).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    }

    /// Puts an account or group in from outside, in the place of the one with the same `id`.
    pub fn put(&self, kind: ObjectKind, body: &Value) {
        let put = match kind {
            ObjectKind::User => self.standin.create_user(body),
            ObjectKind::Group => self.standin.create_group(body),
        };
        put.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    }

    /// Deletes an account or group by hand.
    pub fn erase(&self, kind: ObjectKind, id: &str) {
        let collection = match kind {
            ObjectKind::User => "Users",
            ObjectKind::Group => "Groups",
        };
        let request = Request::builder().method("DELETE").uri(format!("/scim/v2/{collection}/{id}"));
        let answer = self.standin.service().answer(&request.body(Bytes::new()).expect("a request"));
        assert_eq!(answer.status(), 204, "{id}");
    }

    /// The requests that `body` causes.
    pub fn requests<T>(&self, body: impl FnOnce() -> T) -> (T, u64) {
        let before = self.standin.request_count();
        let result = body();
        (result, self.standin.request_count() - before)
    }
}

fn start(runtime: &tokio::runtime::Runtime, options: Options) -> Arc<Standin> {
    let address = "127.0.0.1:0".parse().expect("an address");
    Arc::new(runtime.block_on(mock::start(address, options)).expect("the stand-in starts"))
}

/// How the program ended.
pub struct Ran(pub Output);

impl Ran {
    pub fn status(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}\n{}", self.text(), self.errors()))
    }
}

impl Cycle {
    /// `create update disable delete skipped failure staged notEvaluated`.
    pub fn counts(&self) -> [u64; 8] {
        let counts = &self.report.counts;
        [
            counts.create,
            counts.update,
            counts.disable,
            counts.delete,
            counts.skipped,
            counts.failure,
            counts.staged,
            counts.not_evaluated,
        ]
    }

    pub fn of(&self, anchor: &str) -> &Entry {
        self.entries.iter().find(|entry| entry.source.id == anchor).unwrap_or_else(|| {
            panic!(
                "`{anchor}` is not among {:?}",
                self.entries.iter().map(|entry| &entry.source.id).collect::<Vec<_>>()
            )
        })
    }
}

/// The anchor of the person with a number.
pub fn anchor(number: usize) -> String {
    format!("11111111-0000-4000-8000-{number:012}")
}

pub fn login(number: usize) -> String {
    format!("user{number:05}@example.jp")
}

pub fn row(number: usize, department: &str, enabled: bool) -> String {
    let enabled = if enabled { "True" } else { "False" };
    format!("{},{},Person {number},{department},{enabled}\n", anchor(number), login(number))
}
