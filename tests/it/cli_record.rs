//! `record` and `replay`: a conversation is kept without its secrets, and held again elsewhere.

use std::io::{BufRead, BufReader, Read};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use provisiond::mock::{self, Defect, Options, Profile, Standin};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::cli_bench::{Run, run_in};

const TOKEN: &str = "the-t0ken-of-the-endpoint";

/// Stand-ins and a folder.
struct Place {
    folder: tempfile::TempDir,
    runtime: Runtime,
}

impl Place {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
        Self { folder: tempfile::tempdir().expect("a folder"), runtime }
    }

    /// An endpoint; another `seed` gives other identifiers.
    fn endpoint(&self, profile: Profile, seed: u64, defects: &[Defect]) -> Standin {
        let options =
            Options { profile, seed, token: Some(TOKEN.into()), defects: defects.to_vec(), ..Options::default() };
        self.runtime.block_on(mock::start((Ipv4Addr::LOCALHOST, 0).into(), options)).expect("a loopback port")
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        run_in(self.path(), env!("CARGO_BIN_EXE_provisiond"), arguments)
    }

    /// Starts to record and tells where.
    fn record(&self, to: &str, out: &str, more: &[&str]) -> Recording {
        let mut child = Command::new(env!("CARGO_BIN_EXE_provisiond"))
            .args(["record", "--listen", "127.0.0.1:0", "--to", to, "--out", out, "--output", "json"])
            .args(more)
            .current_dir(self.path())
            .env_remove("PROVISIOND_CONFIG")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("a line");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            let mut problems = String::new();
            child.stderr.take().expect("it is piped").read_to_string(&mut problems).expect("UTF-8");
            panic!("{error}: {line}{problems}")
        });
        Recording { child, url: said["url"].as_str().expect("a URL").to_owned() }
    }

    fn har(&self, name: &str) -> Value {
        let text = std::fs::read_to_string(self.path().join(name)).expect("the file is there");
        serde_json::from_str(&text).expect("it is whole")
    }
}

struct Recording {
    child: Child,
    url: String,
}

impl Recording {
    /// Ends it by a signal; says the status and what it logged.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill runs").success());
        let mut log = String::new();
        self.child.stderr.take().expect("it is piped").read_to_string(&mut log).expect("UTF-8");
        (self.child.wait().expect("it ends").code(), log)
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
    }
}

fn request(url: &str, method: &str, body: Option<&str>, token: Option<&str>) -> (u16, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let method = method.parse::<http::Method>().expect("a method");
        let mut request = reqwest::Client::new().request(method, url).header("cookie", "session=oatmeal");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/scim+json").body(body.to_owned());
        }
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    })
}

#[test]
fn a_recorded_conversation_is_replayed_without_a_difference() {
    let place = Place::new();
    let first = place.endpoint(Profile::Rfc7644, 1, &[]);
    let recording = place.record(&first.url(), "run.har", &[]);
    // Everything that the clients are known to send, the refused and the broken included.
    let only = "C-01,C-05,C-08,C-09,C-12,C-13,C-15,C-16,C-18,C-19,C-30,C-43,C-45,C-49,C-56,C-63";
    let run = place.run(&["validate", &recording.url, "--token", TOKEN, "--only", only]);
    assert_eq!(run.status, Some(0), "{}{}", run.out, run.err);
    let (status, log) = recording.end("-TERM");
    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains("POST /scim/v2/Users 201"), "{log}");

    let har = place.har("run.har");
    let entries = har["log"]["entries"].as_array().expect("entries");
    assert!(entries.len() > 100, "{}", entries.len());
    assert_eq!(har["log"]["version"], "1.2");
    assert!(!har.to_string().contains(TOKEN));
    let request = &entries[0]["request"];
    assert!(request["url"].as_str().is_some_and(|url| url.starts_with(&first.url())), "{request}");

    // Other identifiers, the same answers.
    let second = place.endpoint(Profile::Rfc7644, 2, &[]);
    let same = place.run(&["replay", "run.har", &second.url(), "--token", TOKEN, "--output", "json"]);
    let document: Value = serde_json::from_str(&same.out).expect("JSON");
    assert_eq!((same.status, &document["summary"]["different"]), (Some(0), &0.into()), "{}{}", same.out, same.err);
    assert_eq!(document["summary"]["same"], entries.len());
    assert_eq!(document["exchanges"][0]["number"], 1);
    assert_eq!((second.users().len(), second.groups().len()), (0, 0), "the deletions found what was made");

    // An endpoint that does one thing otherwise is found out.
    let third = place.endpoint(Profile::Rfc7644, 3, &[Defect::MemberRemoveWipes]);
    let differs = place.run(&["replay", "run.har", &third.url(), "--token", TOKEN]);
    assert_eq!(differs.status, Some(1), "{}{}", differs.out, differs.err);
    assert!(differs.out.contains("members"), "{}", differs.out);
    let junit = place.run(&["replay", "run.har", &second.url(), "--token", TOKEN, "--output", "junit"]);
    assert_eq!(junit.status, Some(0), "{}", junit.out);
    assert!(junit.out.contains("<testsuites name=\"provisiond replay\""), "{}", junit.out);
}

#[test]
fn a_cycle_is_recorded_and_replayed() {
    let place = Place::new();
    let first = place.endpoint(Profile::Kintone, 1, &[]);
    let recording = place.record(&first.url(), "cycle.har", &[]);
    let write = |path: &str, text: &str| {
        let path = place.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write("token", TOKEN);
    write("kintone.yaml", include_str!("../../mappings/kintone.yaml"));
    let people: Vec<String> = (1..=9).map(|n| crate::cli_bench::person(n, &format!("p{n}"), "Name", n != 3)).collect();
    write("source/users.csv", &format!("{}\n{}\n", crate::cli_bench::HEADER, people.join("\n")));
    write(
        "provisiond.yaml",
        &format!(
            "jobs:\n  - name: k\n    source: {{ directory: source, preset: entra-csv }}\n    mapping: kintone.yaml\n    \
             target: {{ url: \"{}\", auth: {{ bearer: {{ file: token }} }}, profile: kintone }}\n",
            recording.url
        ),
    );
    let cycle = place.run(&["cycle"]);
    assert_eq!(cycle.status, Some(0), "{}{}", cycle.out, cycle.err);
    let made = first.users().len();
    assert!(made > 5, "{made}");
    assert_eq!(recording.end("-INT").0, Some(0));
    let second = place.endpoint(Profile::Kintone, 2, &[]);
    let replay = place.run(&["replay", "cycle.har", &second.url(), "--token", "env:NOT_SET_ANYWHERE"]);
    assert_eq!(replay.status, Some(2), "{}", replay.err);
    let replay = place.run(&["replay", "cycle.har", &second.url(), "--token", "file:token"]);
    assert_eq!(replay.status, Some(0), "{}{}", replay.out, replay.err);
    assert_eq!(second.users().len(), made);
}

#[test]
fn secrets_stay_out_and_everything_else_stays_as_it_was() {
    let place = Place::new();
    let endpoint = place.endpoint(Profile::Rfc7644, 1, &[]);
    let recording = place.record(&endpoint.url(), "a.har", &[]);
    let user =
        r#"{ "schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"u@x","password":"hunter2-hunter2"}"#;
    let (status, made) = request(&format!("{}/Users", recording.url), "POST", Some(user), Some(TOKEN));
    assert_eq!(status, 201, "{made}");
    let direct = request(&format!("{}/Users", endpoint.url()), "GET", None, Some(TOKEN));
    assert_eq!(request(&format!("{}/Users?access_token=hidden-one", recording.url), "GET", None, Some(TOKEN)), direct);
    assert_eq!(
        request(&format!("{}/Users", recording.url), "POST", Some("{\"password\":\"hunter3-broken"), Some(TOKEN)).0,
        400
    );
    assert_eq!(request(&format!("{}/Users", recording.url), "GET", None, Some("another-wrong-one")).0, 401);
    assert_eq!(request(&format!("{}/Users", recording.url), "GET", None, None).0, 401);
    // The path of the base may be left out.
    let origin = recording.url.trim_end_matches("/scim/v2").to_owned();
    assert_eq!(request(&format!("{origin}/Users"), "GET", None, Some(TOKEN)), direct);

    // Killed at once, the file is whole.
    recording.end("-KILL");
    let text = std::fs::read_to_string(place.path().join("a.har")).expect("the file");
    for secret in [TOKEN, "hunter2", "hunter3", "hidden-one", "another-wrong-one", "oatmeal"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let har = place.har("a.har");
    let entries = har["log"]["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 6);
    let sent = entries[0]["request"]["postData"]["text"].as_str().expect("a text");
    assert_eq!(sent, user.replace("hunter2-hunter2", "[removed]"), "white space and order stay");
    let header = |entry: &Value, name: &str| {
        let headers = entry["request"]["headers"].as_array().expect("headers");
        headers.iter().find(|header| header["name"] == name).map(|header| header["value"].clone())
    };
    assert_eq!(header(&entries[0], "authorization"), Some("Bearer [secret-1]".into()));
    assert_eq!(header(&entries[3], "authorization"), Some("Bearer [secret-2]".into()));
    assert_eq!(header(&entries[4], "authorization"), None);

    // The wrong credentials are wrong again, the missing ones missing, the removed password is another one.
    let second = place.endpoint(Profile::Rfc7644, 2, &[]);
    let replay = place.run(&["replay", "a.har", &second.url(), "--token", TOKEN]);
    assert_eq!(replay.status, Some(0), "{}{}", replay.out, replay.err);
    // Without credentials it is told that they are missing.
    let refused = place.run(&["replay", "a.har", &second.url()]);
    assert_eq!(refused.status, Some(3), "{}{}", refused.out, refused.err);
    assert!(refused.err.starts_with("error[Unauthorized]"), "{}", refused.err);
}

#[test]
fn own_credentials_take_the_place_of_the_clients() {
    let place = Place::new();
    let endpoint = place.endpoint(Profile::Rfc7644, 1, &[]);
    let recording = place.record(&endpoint.url(), "own.har", &["--token", TOKEN]);
    assert_eq!(request(&format!("{}/Users", recording.url), "GET", None, Some("anything-else")).0, 200);
    recording.end("-TERM");
    let text = std::fs::read_to_string(place.path().join("own.har")).expect("the file");
    assert!(!text.contains(TOKEN) && !text.contains("anything-else"), "{text}");
    let replay = place.run(&["replay", "own.har", &endpoint.url(), "--token", TOKEN]);
    assert_eq!(replay.status, Some(0), "{}{}", replay.out, replay.err);
}

#[test]
fn what_an_endpoint_does_to_a_connection_reaches_the_client_and_the_file() {
    let place = Place::new();
    let options = Options { faults: vec!["cut-after".parse().expect("a fault")], ..Options::default() };
    let endpoint = place.runtime.block_on(mock::start((Ipv4Addr::LOCALHOST, 0).into(), options)).expect("a port");
    let recording = place.record(&endpoint.url(), "cut.har", &[]);
    let (url, runtime) = (format!("{}/Users", recording.url), &place.runtime);
    let sent = runtime.block_on(async {
        let body = r#"{"userName":"cut@x"}"#;
        reqwest::Client::new().post(&url).header("content-type", "application/scim+json").body(body).send().await
    });
    assert!(sent.is_err(), "the connection is cut here too");
    assert_eq!(request(&url, "GET", None, None).0, 200);
    recording.end("-TERM");
    let har = place.har("cut.har");
    let entries = har["log"]["entries"].as_array().expect("entries");
    assert_eq!((entries.len(), &entries[0]["response"]["status"]), (2, &0.into()));
    assert_eq!(entries[0]["_fault"], "closed");
    // Nobody at the other end: told as such, and never sent again.
    drop(endpoint);
    let recording = place.record("http://127.0.0.1:9/scim", "nobody.har", &[]);
    assert_eq!(request(&format!("{}/Users", recording.url), "GET", None, None).0, 502);
    let (_, log) = recording.end("-TERM");
    assert!(log.contains("no answer"), "{log}");
    assert_eq!(place.har("nobody.har")["log"]["entries"][0]["_fault"], "connect");
}

#[test]
fn wrong_files_and_places_are_told() {
    let place = Place::new();
    std::fs::write(place.path().join("x.har"), "{\"log\":").expect("a file");
    let cases: [(&[&str], &str, i32); 6] = [
        (&["replay", "x.har", "http://127.0.0.1:9/"], "error[recording]", 2),
        (&["replay", "none.har", "http://127.0.0.1:9/"], "error[recording]", 2),
        (&["record", "--to", "http://127.0.0.1:9/", "--out", "x.har", "--listen", "127.0.0.1:0"], "error[io]", 2),
        (&["record", "--listen", "127.0.0.1:0"], "error[url]", 2),
        (&["record", "--to", "http://example.com/scim", "--out", "y.har"], "error[url]", 2),
        (&["probe", "http://127.0.0.1:9/scim"], "error[WebExceptionProtocolError]", 3),
    ];
    for (arguments, code, status) in cases {
        let run = place.run(arguments);
        assert_eq!(run.status, Some(status), "{arguments:?}: {}", run.err);
        assert!(run.err.starts_with(code), "{arguments:?}: {}", run.err);
    }
    assert_eq!(std::fs::read_to_string(place.path().join("x.har")).expect("the file"), "{\"log\":", "left alone");
}
