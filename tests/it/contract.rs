//! What the contract says of single commands, through the program: states, statuses, members of documents.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli_bench::{Bench, HEADER, person};
use crate::daemon::Running;

const PATIENCE: Duration = Duration::from_secs(60);
const ID: &str = "7c9e6679-7425-40de-944b-000000000001";

/// A folder with one person in the export.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.people(&[&person(1, "taro", "佐藤", true)]);
    bench
}

/// Writes the configuration again with `from` replaced.
fn configure(bench: &Bench, from: &str, to: &str) {
    let text = std::fs::read_to_string(bench.path().join("provisiond.yaml")).expect("a configuration");
    assert!(text.contains(from), "{text}");
    bench.write("provisiond.yaml", &text.replace(from, to));
}

fn job(bench: &Bench) -> Value {
    bench.json(&["status"], 0)["jobs"][0].clone()
}

fn code(bench: &Bench) -> String {
    job(bench)["status"]["code"].as_str().expect("a code").to_owned()
}

#[test]
fn a_job_is_not_configured_until_it_was_tested_started_or_run() {
    let bench = bench();
    let fresh = job(&bench);
    assert_eq!(fresh["status"]["code"], "NotConfigured");
    let schedule = json!({"expiration": null, "interval": "P10675199DT2H48M5.4775807S", "state": "Disabled"});
    assert_eq!(fresh["schedule"], schedule);
    assert_eq!(bench.run(&["pause"]).status, Some(0));
    assert_eq!(code(&bench), "Paused");
    for (begins, expected) in
        [("test-connection", "NotRun"), ("start", "NotRun"), ("restart", "NotRun"), ("cycle", "Active")]
    {
        assert_eq!(bench.run(&["forget", "--yes"]).status, Some(0));
        assert_eq!(code(&bench), "NotConfigured");
        assert_eq!(bench.run(&[begins]).status, Some(0), "{begins}");
        assert_eq!(code(&bench), expected, "{begins}");
    }
    assert_eq!(job(&bench)["schedule"]["interval"], "PT40M");
}

#[test]
fn links_are_removed_only_while_the_job_is_paused() {
    let bench = bench();
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    let refused = bench.run(&["links", "remove", ID, "--output", "json"]);
    let error: Value = serde_json::from_str(&refused.err).expect("JSON");
    assert_eq!((refused.status, &error["error"]["code"]), (Some(4), &json!("conflict")));
    assert_eq!(bench.json(&["links", "list"], 0).as_array().map(Vec::len), Some(1));
    assert_eq!(bench.run(&["pause"]).status, Some(0));
    let removed = bench.json(&["links", "remove", ID], 0);
    assert_eq!((&removed["ok"], &removed["removed"][0]["sourceAnchor"]), (&json!(true), &json!(ID)));
    // What is not there is as good as removed.
    assert_eq!(bench.json(&["links", "remove", ID], 0), json!({"ok": true, "removed": []}));
    assert_eq!(bench.json(&["links", "list"], 0), json!([]));
    // On demand the person is matched again.
    assert_eq!(bench.json(&["provision-now", "--user", ID], 0)["key"]["details"]["errorCode"], "RedundantExport");
    assert_eq!(bench.json(&["links", "list"], 0)[0]["state"], "managed");
}

#[test]
fn fixed_hours_have_a_next_cycle() {
    let bench = bench();
    configure(
        &bench,
        "    mapping: kintone.yaml",
        "    mapping: kintone.yaml\n    schedule: { cron: \"30 6,18 * * *\" }",
    );
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    let job = job(&bench);
    assert_eq!(job["schedule"]["interval"], "30 6,18 * * *");
    let next: jiff::Timestamp = job["nextCycle"].as_str().expect("a next cycle").parse().expect("a time");
    assert_eq!(next.as_second() % 1800, 0, "{next}");
}

#[test]
fn a_restart_without_any_scope_starts_a_job_in_quarantine() {
    let bench = bench();
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    assert_eq!(bench.run(&["pause", "--quarantine"]).status, Some(0));
    assert_eq!(code(&bench), "Quarantine");
    assert_eq!(bench.run(&["restart", "--reset", "none"]).status, Some(0));
    assert_eq!(code(&bench), "Active");
    assert_eq!(bench.json(&["cycle"], 0)["cycle"]["kind"], "incremental");
}

#[test]
fn check_ends_as_what_it_found_says() {
    let bench = Bench::new();
    let codes = |status: i32| -> Vec<String> {
        let problems = bench.json(&["check"], status)["problems"].clone();
        let problems = problems.as_array().expect("a list").iter();
        problems
            .map(|problem| {
                format!("{}:{}", problem["severity"].as_str().unwrap_or(""), problem["code"].as_str().unwrap_or(""))
            })
            .collect()
    };
    // A folder that was never filled is no export that could be refused.
    std::fs::create_dir(bench.path().join("source")).expect("a folder");
    assert_eq!(codes(0), ["warning:set.empty"]);
    bench.people(&[&person(1, "taro", "佐藤", true), "short,row"]);
    assert_eq!(codes(1), ["error:csv.field_count"]);
    bench.write("source/users.csv", &format!("{HEADER}\n{}\n\"cut", person(1, "taro", "佐藤", true)));
    assert_eq!(codes(6), ["error:csv.unclosed_quote"]);
    configure(&bench, "preset: entra-csv", "preset: detect");
    bench.write("source/users.csv", "userPrincipalName,displayName\na@example.jp,A\n");
    let heading = bench.json(&["check"], 6)["problems"][0]["message"].clone();
    assert!(heading.as_str().is_some_and(|text| text.contains("`id`")), "{heading}");
    bench.people(&[&person(1, "taro", "佐藤", true)]);
    configure(&bench, "preset: detect", "preset: entra-csv, scope: assigned");
    assert_eq!(codes(6), ["error:set.no_assignments"]);
    configure(&bench, "directory: source", "directory: sorce");
    let missing = bench.json(&["check"], 6)["problems"].clone();
    assert_eq!(missing.as_array().map(Vec::len), Some(1), "{missing}");
    assert_eq!((&missing[0]["severity"], &missing[0]["line"]), (&json!("error"), &json!(4)));
    configure(&bench, "scope: assigned", "scop: assigned");
    assert_eq!(codes(2), ["error:missing_folder", "error:unknown_key"]);
}

#[test]
fn a_refused_export_is_named_to_whoever_asks_for_one_person() {
    let bench = bench();
    assert_eq!(bench.run(&["cycle"]).status, Some(0));
    bench.write("source/users.csv", &format!("{HEADER}\n{}\n\"cut", person(1, "taro", "佐藤", true)));
    let answer = bench.json(&["provision-now", "--user", ID], 6);
    assert_eq!((&answer["key"]["details"]["errorCode"], &answer["value"]), (&json!("SourceIncomplete"), &Value::Null));
    let source = bench.json(&["source"], 6);
    assert_eq!(source["complete"], "incomplete");
    assert_eq!((&source["problems"][0]["severity"], &source["problems"][0]["line"]), (&json!("error"), &json!(3)));
    assert!(source["identity"].as_str().is_some_and(|identity| !identity.is_empty()), "{source}");
}

#[test]
fn a_cycle_that_is_paused_at_once_ends_as_paused_and_loses_nothing() {
    let bench = Bench::new();
    let rows: Vec<String> = (1..=60).map(|number| person(number, &format!("u{number}"), "佐藤", true)).collect();
    bench.people(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    configure(&bench, "      profile: kintone", "      profile: kintone\n      rate: 2");
    let cycle = Command::new(env!("CARGO_BIN_EXE_provisiond"))
        .args(["cycle", "--output", "json"])
        .current_dir(bench.path())
        .env_remove("PROVISIOND_CONFIG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    until(|| (!bench.standin().users().is_empty()).then_some(()));
    assert_eq!(bench.run(&["pause", "--now"]).status, Some(0));
    let ended = cycle.wait_with_output().expect("it ends");
    let report: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert_eq!((ended.status.code(), &report["error"]["code"]), (Some(4), &json!("Paused")), "{report}");
    assert!(bench.standin().users().len() < 60);
    assert_eq!(code(&bench), "Paused");
    configure(&bench, "rate: 2", "rate: none");
    assert_eq!(bench.run(&["start"]).status, Some(0));
    bench.json(&["cycle"], 0);
    assert_eq!(bench.standin().users().len(), 60);
}

#[test]
fn functions_are_described_for_programs_too() {
    let bench = Bench::new();
    let listed = bench.json(&["functions"], 0);
    assert!(listed["functions"].as_array().is_some_and(|functions| functions.len() > 50), "{listed}");
    let join = bench.json(&["functions", "Join"], 0);
    assert_eq!(join["signature"], "Join(separator, source, ...)");
    assert_eq!((&join["parameters"][0]["name"], &join["examples"][0]["gives"]), (&json!("separator"), &json!("1-3")));
}

#[test]
fn the_status_page_shows_the_state_and_new_credentials_end_a_quarantine() {
    let bench = bench();
    configure(&bench, "state: state.db", "state: state.db\nlisten: 127.0.0.1:0");
    let token = std::fs::read_to_string(bench.path().join("token")).expect("a token");
    bench.write("token", "not-the-token");
    let log = bench.path().join("daemon.log");
    let daemon = Running::new(
        Command::new(env!("CARGO_BIN_EXE_provisiond"))
            .arg("run")
            .current_dir(bench.path())
            .env_remove("PROVISIOND_CONFIG")
            .env_remove("RUST_LOG")
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("a log"))
            .spawn()
            .expect("the daemon starts"),
    );
    let address = until(|| {
        let text = std::fs::read_to_string(&log).ok()?;
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.filter_map(|entry| entry["address"].as_str().map(str::to_owned)).next()
    });
    until(|| get(&address, "/metrics").contains("{job=\"kintone\",code=\"Quarantine\"} 1\n").then_some(()));
    let page = get(&address, "/");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("kintone: Quarantine"), "{page}");
    assert!(get(&address, "/nothing").starts_with("HTTP/1.1 404"));
    bench.write("token", &token);
    daemon.signal("HUP");
    until(|| {
        let answer = get(&address, "/status");
        let status: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        (status["jobs"][0]["status"]["code"] != "Quarantine").then_some(())
    });
}

/// Of two members of one name a program sees one.
#[test]
fn no_member_of_a_line_of_the_log_is_there_twice() {
    let bench = bench();
    let mut command = Command::new(env!("CARGO_BIN_EXE_provisiond"));
    command.current_dir(bench.path()).env("RUST_LOG", "debug").args(["cycle", "--initial"]);
    for disabled in [false, true] {
        bench.people(&[&person(1, "taro", "佐藤", !disabled)]);
        let ran = command.output().expect("it runs");
        let log = String::from_utf8(ran.stderr).expect("text");
        let lines: Vec<&str> = log.lines().collect();
        let provisioned = lines.iter().find(|line| line.contains("ObjectProvisioned")).expect("one");
        let account = bench.standin().users()[0]["id"].clone();
        assert_eq!(serde_json::from_str::<Value>(provisioned).expect("JSON")["target_id"], account, "{provisioned}");
        for line in lines {
            let members: serde_json::Map<String, Value> = serde_json::from_str(line).expect("JSON");
            for name in members.keys() {
                assert_eq!(line.matches(&format!("\"{name}\":")).count(), 1, "{name}: {line}");
            }
        }
    }
}

/// Asks again and again.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "it never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The whole answer to a GET.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
