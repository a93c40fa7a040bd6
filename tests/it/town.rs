//! A directory, a job and a target in one process: whole cycles, with every request they sent.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use http::{Request, Response, StatusCode};
use provisiond::config::{self, Environment};
use provisiond::cycle::{Clock, CycleOptions, Observer, OnDemandAnswer, OnDemandOptions, Service};
use provisiond::mapping::Known;
use provisiond::mock;
use provisiond::model::{CycleReport, Entry};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const DIALECTS: [&str; 5] = ["entra-legacy", "entra-2020", "okta-oin", "okta-aiw", "strict"];

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// One request as the target saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub body: Value,
}

impl Seen {
    /// Whether it changes the membership of a group, or writes a whole group.
    pub fn is_about_members(&self) -> bool {
        self.path.starts_with("/scim/Groups/") && self.method != "GET" && self.body.to_string().contains("members")
    }
}

/// What a user of the directory is like.
#[derive(Debug, Clone)]
pub struct Person {
    pub manager: Option<String>,
    pub department: String,
    pub active: bool,
}

pub struct Town {
    folder: tempfile::TempDir,
    pub target: Arc<mock::Service>,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// The target refuses every change of members that names one of these accounts.
    pub refused: Arc<Mutex<Vec<String>>>,
    pub people: BTreeMap<String, Person>,
    /// Name and members, by anchor.
    pub groups: BTreeMap<String, (String, Vec<String>)>,
    opened: Opened,
    entries: Arc<Entries>,
}

struct Opened {
    config: config::Config,
    service: Service,
}

#[derive(Default)]
struct Entries(Mutex<Vec<Entry>>);

impl Observer for Entries {
    fn entry(&self, entry: &Entry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry.clone());
    }
    fn progress(&self, _: u64, _: u64) {}
    fn note(&self, _: &str) {}
}

/// How a town differs from the usual one.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    pub dialect: &'a str,
    /// Lines of the job, indented by four.
    pub job: &'a str,
    /// Lines of `groups` in the mapping file, indented by two.
    pub groups: &'a str,
    /// What stands behind the source of the manager.
    pub manager: &'a str,
    /// Lines of the target, indented by six.
    pub target: &'a str,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        Self { dialect: "entra-2020", job: "", groups: "", manager: "", target: "" }
    }
}

impl Person {
    pub fn new() -> Self {
        Self { manager: None, department: "In".to_owned(), active: true }
    }

    pub fn under(manager: &str) -> Self {
        Self { manager: Some(anchor(manager)), ..Self::new() }
    }
}

/// The identifier of an object in the directory.
pub fn anchor(name: &str) -> String {
    let digest = name.bytes().fold(7u128, |sum, byte| sum.wrapping_mul(257).wrapping_add(u128::from(byte)));
    uuid::Uuid::from_u128(digest | 1 << 126).to_string()
}

impl Town {
    pub async fn new(plan: Plan<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let refused = Arc::new(Mutex::new(Vec::new()));
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let url = format!("http://{address}/scim/");
        let target =
            mock::Service::open(&mock::Options::default(), format!("http://{address}/scim")).expect("a target");
        let target = Arc::new(target);
        let (service, log, bad) = (Arc::clone(&target), Arc::clone(&seen), Arc::clone(&refused));
        let router = axum::Router::new().fallback(move |request: Request<Body>| {
            let (service, log, bad) = (Arc::clone(&service), Arc::clone(&log), Arc::clone(&bad));
            async move { answer(&service, &log, &bad, request).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        std::fs::create_dir(folder.path().join("source")).expect("made");
        std::fs::write(folder.path().join("token"), "secret").expect("written");
        std::fs::write(folder.path().join("provisiond.yaml"), configuration(&url, plan)).expect("written");
        std::fs::write(folder.path().join("mapping.yaml"), mapping(plan)).expect("written");
        let opened = open(folder.path());
        Self {
            folder,
            target,
            seen,
            refused,
            people: BTreeMap::new(),
            groups: BTreeMap::new(),
            opened,
            entries: Arc::default(),
        }
    }

    pub fn person(&mut self, name: &str, person: Person) {
        self.people.insert(name.to_owned(), person);
    }

    pub fn group(&mut self, name: &str, members: &[&str]) {
        let members = members.iter().map(|member| anchor(member)).collect();
        self.groups.insert(name.to_owned(), (name.to_owned(), members));
    }

    pub fn export(&self) {
        let people = self.people.iter().map(|(name, person)| {
            let mut enterprise = json!({ "department": person.department });
            if let Some(manager) = &person.manager {
                enterprise["manager"] = json!({ "value": manager });
            }
            json!({
                "schemas": [USER], "id": anchor(name), "userName": format!("{name}@example.com"),
                "displayName": name, "active": person.active, ENTERPRISE: enterprise,
            })
        });
        let groups = self.groups.iter().map(|(name, (display, members))| {
            let members: Vec<Value> = members.iter().map(|member| json!({ "value": member })).collect();
            json!({ "schemas": [GROUP], "id": anchor(name), "displayName": display, "members": members })
        });
        let all: Vec<Value> = people.chain(groups).collect();
        let total = all.len();
        let list = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": total, "Resources": all,
        });
        std::fs::write(self.folder.path().join("source/directory.json"), list.to_string()).expect("written");
    }

    /// Exports and runs one cycle; returns its report.
    pub async fn cycle(&self) -> CycleReport {
        self.run(CycleOptions::default()).await
    }

    pub async fn run(&self, options: CycleOptions) -> CycleReport {
        self.export();
        self.forget();
        let job = &self.opened.config.jobs[0];
        let observer: Arc<dyn Observer> = self.entries.clone();
        self.opened.service.cycle(job, options, observer, CancellationToken::new()).await.expect("a cycle")
    }

    pub async fn now(&self, ids: &[&str], options: OnDemandOptions) -> Vec<OnDemandAnswer> {
        self.export();
        self.forget();
        let job = &self.opened.config.jobs[0];
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        self.opened.service.provision_now(job, &ids, options, CancellationToken::new()).await.expect("an answer")
    }

    pub async fn group_now(&self, id: &str, members: &[&str], options: OnDemandOptions) -> OnDemandAnswer {
        self.export();
        self.forget();
        let job = &self.opened.config.jobs[0];
        let members: Vec<String> = members.iter().map(|id| (*id).to_owned()).collect();
        let stop = CancellationToken::new();
        self.opened.service.provision_group(job, id, &members, options, stop).await.expect("an answer")
    }

    fn forget(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.entries.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The requests of the last run, probes left out.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn writes(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.method != "GET").collect()
    }

    pub fn member_writes(&self) -> Vec<Seen> {
        self.writes().into_iter().filter(Seen::is_about_members).collect()
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.entries.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn service(&self) -> &Service {
        &self.opened.service
    }

    pub fn job(&self) -> provisiond::store::JobKey {
        self.service().store().job("job").expect("the job")
    }

    /// Members by name, of each group in the target by name.
    pub fn held(&self) -> BTreeMap<String, Vec<String>> {
        let names = self.names();
        let groups = self.target.groups().into_iter().map(|group| {
            let members = group["members"].as_array().cloned().unwrap_or_default();
            let mut members: Vec<String> =
                members.iter().map(|member| names[member["value"].as_str().expect("an id")].clone()).collect();
            members.sort();
            (group["displayName"].as_str().expect("a name").to_owned(), members)
        });
        groups.collect()
    }

    /// The manager's name of every user in the target who has one, by name.
    pub fn managers(&self) -> BTreeMap<String, String> {
        let names = self.names();
        let users = self.target.users();
        let managed = users.iter().filter_map(|user| {
            let manager = user[ENTERPRISE]["manager"]["value"].as_str()?;
            Some((user["displayName"].as_str()?.to_owned(), names[manager].clone()))
        });
        managed.collect()
    }

    /// The account of somebody in the target.
    pub fn account(&self, name: &str) -> String {
        let names = self.names();
        let found = names.iter().find(|(_, other)| *other == name);
        found.unwrap_or_else(|| panic!("nobody is called {name}")).0.clone()
    }

    fn names(&self) -> BTreeMap<String, String> {
        let all = self.target.users().into_iter().chain(self.target.groups());
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        all.map(|object| (text(&object["id"]), text(&object["displayName"]))).collect()
    }
}

async fn answer(
    service: &mock::Service,
    log: &Mutex<Vec<Seen>>,
    bad: &Mutex<Vec<String>>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.expect("a body");
    let text = String::from_utf8_lossy(&body).into_owned();
    let names_bad = parts.method != http::Method::GET
        && parts.uri.path().contains("/Groups/")
        && bad.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|id| text.contains(id.as_str()));
    let (method, path) = (parts.method.to_string(), parts.uri.path().to_owned());
    let response = match names_bad {
        true => {
            let error = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400",
                "scimType": "invalidValue", "detail": "no such member",
            });
            let response = Response::builder().status(StatusCode::BAD_REQUEST);
            let response = response.header("content-type", "application/scim+json");
            response.body(Bytes::from(error.to_string())).expect("a response")
        }
        false => service.answer(&Request::from_parts(parts, body.clone())),
    };
    log.lock().unwrap_or_else(PoisonError::into_inner).push(Seen {
        method,
        path,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    });
    response.map(Body::from)
}

fn open(folder: &std::path::Path) -> Opened {
    let loaded = config::load(&folder.join("provisiond.yaml"), &Environment::default(), &|_| Known::default());
    let Some(config) = loaded.config else { panic!("{:#?}", loaded.problems) };
    let service = Service::open(&config, Environment::default(), Clock::System).expect("a state");
    Opened { config, service }
}

fn configuration(url: &str, plan: Plan<'_>) -> String {
    let Plan { dialect, job, target, .. } = plan;
    format!(
        "state: state.db
jobs:
  - name: job
    source:
      directory: source
      preset: scim-json
      max_shrink: 99%
{job}    mapping: mapping.yaml
    target:
      url: {url}
      auth:
        bearer: {{ file: token }}
      profile: generic
      dialect: {dialect}
      rate: none
{target}"
    )
}

fn mapping(plan: Plan<'_>) -> String {
    let Plan { groups, manager, .. } = plan;
    format!(
        "users:
  scope:
    - - {{ attribute: department, operator: EQUALS, value: In }}
  attributes:
    userName: {{ source: userPrincipalName, match: 1 }}
    active: Not([IsSoftDeleted])
    displayName: displayName
    externalId: objectId
    {ENTERPRISE}:manager: {{ source: manager{manager} }}
groups:
{groups}  attributes:
    displayName: {{ source: displayName, match: 1 }}
    members: members
"
    )
}
