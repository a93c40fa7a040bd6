//! `demo`: the whole product on embedded parts.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::super::error::{CliError, Status};
use super::super::session::{Opened, Session, block_on};
use super::super::signals::stop_token;
use super::super::watcher::Watcher;
use super::init::write_new;
use crate::config::{self, Environment};
use crate::cycle::{Clock, CycleOptions, Observer, OnDemandOptions, Unobserved};
use crate::mapping::Known;
use crate::mock::{self, Options, Profile, RequestLog, RequestRecord, Standin};
use crate::model::CycleReport;
use crate::report::{OnDemandRow, cycle_json, on_demand_json, plain, text};

/// Shows the whole product in one command: an initial cycle, a joiner, a mover, a leaver, an on-demand run
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  provisiond demo

It needs no network and no configuration: the target is a stand-in for Kintone on a free loopback port. Everything it
writes is in a new folder, which it names at the end.")]
pub struct Args {}

/// The export, before and after the changes. One person joins, one moves, one leaves.
const BEFORE: &str = "\
userPrincipalName,displayName,surname,mail,givenName,id,department,accountEnabled
hanako.sato@example.jp,佐藤 花子,佐藤,hanako.sato@example.jp,花子,7c9e6679-7425-40de-944b-e07fc1f90ae1,営業部,True
ichiro.suzuki@example.jp,鈴木 一郎,鈴木,ichiro.suzuki@example.jp,一郎,7c9e6679-7425-40de-944b-e07fc1f90ae2,営業部,True
yuki.takahashi@example.jp,高橋 由紀,高橋,yuki.takahashi@example.jp,由紀,7c9e6679-7425-40de-944b-e07fc1f90ae3,人事部,True
ken.tanaka@example.jp,田中 健,田中,ken.tanaka@example.jp,健,7c9e6679-7425-40de-944b-e07fc1f90ae4,開発部,True
";
const AFTER: &str = "\
userPrincipalName,displayName,surname,mail,givenName,id,department,accountEnabled
hanako.sato@example.jp,山田 花子,山田,hanako.yamada@example.jp,花子,7c9e6679-7425-40de-944b-e07fc1f90ae1,営業部,True
ichiro.suzuki@example.jp,鈴木 一郎,鈴木,ichiro.suzuki@example.jp,一郎,7c9e6679-7425-40de-944b-e07fc1f90ae2,営業部,True
yuki.takahashi@example.jp,高橋 由紀,高橋,yuki.takahashi@example.jp,由紀,7c9e6679-7425-40de-944b-e07fc1f90ae3,人事部,False
ken.tanaka@example.jp,田中 健,田中,ken.tanaka@example.jp,健,7c9e6679-7425-40de-944b-e07fc1f90ae4,開発部,True
mei.watanabe@example.jp,渡辺 芽衣,渡辺,mei.watanabe@example.jp,芽衣,7c9e6679-7425-40de-944b-e07fc1f90ae5,営業部,True
";
const EXPORT: &str = "source/users.csv";
const MAPPING: &str = include_str!("../../../mappings/kintone.yaml");
/// Who is run on demand: the person who joined.
const JOINER: &str = "mei.watanabe@example.jp";

type Requests = Arc<Mutex<Vec<RequestRecord>>>;

struct Demo<'s> {
    session: &'s Session,
    opened: Opened,
    folder: PathBuf,
    requests: Requests,
}

pub fn run(_: &Args, session: &Session) -> Result<Status, CliError> {
    block_on(async {
        let folder = new_folder()?;
        let requests = Requests::default();
        let token = uuid::Uuid::new_v4().simple().to_string();
        let standin = start(&folder, &token, &requests).await?;
        let files = [
            ("provisiond.yaml", configuration(&standin.url())),
            ("token", format!("{token}\n")),
            ("mappings/kintone.yaml", MAPPING.to_owned()),
            (EXPORT, BEFORE.to_owned()),
        ];
        write_new(&folder, &files)?;
        let opened = open(&folder)?;
        let address = standin.address();
        let demo = Demo { session, opened, folder, requests };
        let status = demo.play(&standin).await?;
        demo.goodbye(address)?;
        standin.shutdown().await;
        Ok(status)
    })
}

impl Demo<'_> {
    async fn play(&self, standin: &Standin) -> Result<Status, CliError> {
        let mut cycles = Vec::new();
        self.heading("1. the initial cycle: four people in the export, nobody in the target")?;
        cycles.push(self.cycle().await?);
        self.heading("2. somebody joins, somebody gets another name, somebody leaves")?;
        let export = self.folder.join(EXPORT);
        replace(&export, AFTER).map_err(|error| CliError::io("written", &export, &error))?;
        cycles.push(self.cycle().await?);
        self.heading("3. nothing changed: nothing is sent")?;
        cycles.push(self.cycle().await?);
        self.heading("4. on demand, with every step")?;
        let job = self.session.job(&self.opened.config)?;
        let answers = self
            .opened
            .service
            .provision_now(job, &[JOINER.to_owned()], OnDemandOptions::default(), stop_token())
            .await?;
        let context = self.opened.context(job)?;
        let mut status = cycles.iter().map(Status::of_cycle).max().unwrap_or(Status::Done);
        let mut on_demand = Value::Null;
        for answer in &answers {
            let row = OnDemandRow { id: &answer.id, entry: answer.entry.as_ref(), error: answer.error.as_ref() };
            status = status
                .max(answer.error.as_ref().map_or(Status::Done, Status::of_run_error))
                .max(answer.entry.as_ref().map_or(Status::Done, Status::of_entry));
            on_demand = on_demand_json(row, &context);
            if !self.session.output.is_json() {
                let style = self.session.output.style();
                let story = answer.entry.as_ref().map(|entry| text::entry_text(entry, style));
                let error = answer.error.as_ref().map(|error| text::not_evaluated_text(&answer.id, error, style));
                self.session.output.text(&[story, error].into_iter().flatten().collect::<String>())?;
            }
        }
        self.show_requests()?;
        if self.session.output.is_json() {
            self.session.output.json(&json!({
                "ok": status == Status::Done,
                "folder": self.folder.display().to_string(),
                "cycles": cycles.iter().map(cycle_json).collect::<Value>(),
                "onDemand": on_demand,
                "accounts": standin.users(),
            }))?;
        }
        Ok(status)
    }

    async fn cycle(&self) -> Result<CycleReport, CliError> {
        let job = self.session.job(&self.opened.config)?;
        if self.session.output.is_json() {
            return Ok(self
                .opened
                .service
                .cycle(job, CycleOptions::default(), Arc::new(Unobserved), stop_token())
                .await?);
        }
        let watcher = Arc::new(Watcher::new(&self.session.output, self.opened.context(job)?, true)?);
        let observer: Arc<dyn Observer> = watcher.clone();
        let report = self.opened.service.cycle(job, CycleOptions::default(), observer, stop_token()).await?;
        watcher.finish(&report)?;
        self.show_requests()?;
        Ok(report)
    }

    fn heading(&self, words: &str) -> io::Result<()> {
        if self.session.output.is_json() { Ok(()) } else { self.session.output.text(&format!("\n{words}\n\n")) }
    }

    /// What the stand-in saw since the last time.
    fn show_requests(&self) -> io::Result<()> {
        let requests = std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner));
        if self.session.output.is_json() {
            return Ok(());
        }
        let mut shown = format!("  the target saw {} requests\n", requests.len());
        for request in &requests {
            let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
            let status = request.status.map_or_else(|| "cut".to_owned(), |status| status.as_u16().to_string());
            shown.push_str(&format!("    {status}  {} {}{}\n", request.method, plain(&request.path), plain(&query)));
        }
        self.session.output.text(&shown)
    }

    fn goodbye(&self, address: SocketAddr) -> io::Result<()> {
        if self.session.output.is_json() {
            return Ok(());
        }
        let folder = self.folder.display();
        self.session.output.text(&format!(
            "\neverything is in {folder}: export, mapping, configuration, state and the accounts of the stand-in\n\n\
             go on with it:\n  \
             provisiond target --profile kintone --listen {address} --token \"$(cat {folder}/token)\" --data {folder}/accounts.json &\n  \
             provisiond cycle --dry-run --config {folder}/provisiond.yaml\n  \
             provisiond log --config {folder}/provisiond.yaml\n"
        ))
    }
}

async fn start(folder: &Path, token: &str, requests: &Requests) -> Result<Standin, CliError> {
    let requests = Arc::clone(requests);
    let log = RequestLog::Callback(Arc::new(move |request: &RequestRecord| {
        requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    }));
    let options = Options {
        profile: Profile::Kintone,
        token: Some(token.to_owned()),
        data: Some(folder.join("accounts.json")),
        log,
        ..Options::default()
    };
    mock::start((Ipv4Addr::LOCALHOST, 0).into(), options)
        .await
        .map_err(|error| CliError::usage("listen", format!("the stand-in cannot listen on a loopback port: {error}")))
}

fn open(folder: &Path) -> Result<Opened, CliError> {
    let loaded = config::load(&folder.join("provisiond.yaml"), &Environment::default(), &|_| Known::default());
    let Some(config) = loaded.config else { return Err(CliError::of_problems(loaded.problems)) };
    Opened::new(config, Environment::default(), Clock::System)
}

fn configuration(url: &str) -> String {
    format!(
        "\
# Written by `provisiond demo`; relative paths are relative to this file.
state: state.db
jobs:
  - name: kintone
    source:
      directory: source
      preset: entra-csv
    mapping: mappings/kintone.yaml
    target:
      url: {url}
      auth:
        bearer: {{ file: token }}
      profile: kintone
"
    )
}

/// Makes `provisiond-demo`, or the first such name with a number that is free, here or where temporary files go.
fn new_folder() -> Result<PathBuf, CliError> {
    let here = PathBuf::from("provisiond-demo");
    let elsewhere = std::env::temp_dir().join("provisiond-demo");
    let mut last = None;
    for base in [here, elsewhere] {
        for number in 1..100 {
            let folder =
                if number == 1 { base.clone() } else { base.with_file_name(format!("provisiond-demo-{number}")) };
            match fs::create_dir(&folder) {
                Ok(()) => return Ok(folder),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    last = Some(CliError::io("made", &folder, &error));
                    break;
                }
            }
        }
    }
    Err(last.unwrap_or_else(|| {
        CliError::usage("file_exists", "a hundred folders of earlier demos are here")
            .with_help("remove `provisiond-demo*`")
    }))
}

/// Puts a new export in the place of the old one, as an exporter should: whole or not at all.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("csv.tmp");
    fs::write(&new, text)?;
    fs::rename(&new, path)
}
