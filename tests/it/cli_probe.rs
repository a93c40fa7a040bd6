//! `probe`, and how it and `validate` reach an endpoint.

use std::net::Ipv4Addr;

use provisiond::mock::{self, Defect, Fault, OAuth, Options, Profile, Standin};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::cli_bench::{Run, run_in};

const TOKEN: &str = "the-t0ken";

fn start(runtime: &Runtime, options: Options) -> Standin {
    runtime.block_on(mock::start((Ipv4Addr::LOCALHOST, 0).into(), options)).expect("a loopback port")
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads")
}

fn run(folder: &std::path::Path, arguments: &[&str]) -> Run {
    run_in(folder, env!("CARGO_BIN_EXE_provisiond"), arguments)
}

/// A configuration around a printed block, for `check`.
fn configuration(block: &str, folder: &std::path::Path) {
    let indented: String = block.lines().map(|line| format!("    {line}\n")).collect();
    let text = format!(
        "jobs:\n  - name: probed\n    source: {{ directory: source, preset: entra-csv }}\n    mapping: kintone.yaml\n{indented}"
    );
    std::fs::create_dir_all(folder.join("source")).expect("a folder");
    let people = crate::cli_bench::person(1, "p", "Name", true);
    std::fs::write(folder.join("source/users.csv"), format!("{}\n{people}\n", crate::cli_bench::HEADER))
        .expect("a file");
    std::fs::write(folder.join("kintone.yaml"), include_str!("../../mappings/kintone.yaml")).expect("a file");
    std::fs::write(folder.join("provisiond.yaml"), text).expect("a file");
}

#[test]
fn the_printed_block_is_a_configuration_that_works() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().expect("a folder"));
    let folder = folder.path();
    std::fs::write(folder.join("token"), TOKEN).expect("a file");
    let endpoint = start(&runtime, Options { token: Some(TOKEN.into()), ..Options::default() });
    endpoint.create_user(&serde_json::json!({ "userName": "somebody@example.com", "active": true })).expect("a user");
    let probed = run(folder, &["probe", &endpoint.url(), "--token", "file:token"]);
    assert_eq!(probed.status, Some(0), "{}{}", probed.out, probed.err);
    assert!(!probed.out.contains(TOKEN));
    let writes: u64 =
        endpoint.requests_by_method().iter().filter(|(method, _)| *method != "GET").map(|(_, count)| count).sum();
    assert_eq!(writes, 0, "it only reads");
    configuration(&probed.out, folder);
    for command in ["check", "test-connection"] {
        let checked = run(folder, &[command]);
        assert_eq!(checked.status, Some(0), "{command}: {}{}{}", probed.out, checked.out, checked.err);
    }
    // The same block is what `validate` and `replay` take.
    std::fs::write(folder.join("target.yaml"), &probed.out).expect("a file");
    let only = ["--only", "C-01,C-05"];
    let by_file = run(folder, &[&["validate", "--target", "target.yaml"], &only[..]].concat());
    assert_eq!(by_file.status, Some(0), "{}{}", by_file.out, by_file.err);
    let by_job = run(folder, &[&["validate", "--job", "probed"], &only[..]].concat());
    assert_eq!(by_job.status, Some(0), "{}{}", by_job.out, by_job.err);
}

#[test]
fn what_an_endpoint_needs_is_found() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().expect("a folder"));
    let cases: [(Options, &str, Value); 5] = [
        (Options::default(), "", Value::Null),
        (
            Options { defects: vec![Defect::AcceptRequired], ..Options::default() },
            "/options/accept",
            "application/scim+json".into(),
        ),
        (Options { defects: vec![Defect::Nomatch404], ..Options::default() }, "/dialect", "okta-oin".into()),
        (Options { profile: Profile::Kintone, ..Options::default() }, "/dialect", Value::Null),
        (Options { defects: vec![Defect::NoGroups], ..Options::default() }, "/dialect", Value::Null),
    ];
    for (number, (options, pointer, expected)) in cases.into_iter().enumerate() {
        let endpoint = start(&runtime, options);
        let probed = run(folder.path(), &["probe", &endpoint.url(), "--output", "json"]);
        assert_eq!(probed.status, Some(0), "{number}: {}{}", probed.out, probed.err);
        let document: Value = serde_json::from_str(&probed.out).expect("JSON");
        assert_eq!(document["target"]["url"], endpoint.url());
        let found = document["target"].pointer(pointer).filter(|_| !pointer.is_empty());
        assert_eq!(found.cloned().unwrap_or_default(), expected, "{number}: {document}");
    }
    // A filter that is ignored would match strangers: no setting helps.
    let endpoint = start(&runtime, Options { defects: vec![Defect::FilterIgnored], ..Options::default() });
    endpoint.create_user(&serde_json::json!({ "userName": "somebody@example.com" })).expect("a user");
    let probed = run(folder.path(), &["probe", &endpoint.url()]);
    assert_eq!(probed.status, Some(1), "{}{}", probed.out, probed.err);
    assert!(probed.out.contains("stranger"), "{}", probed.out);
    // Nothing that speaks SCIM at all.
    let html =
        start(&runtime, Options { faults: vec!["html".parse::<Fault>().expect("a fault")], ..Options::default() });
    assert_eq!(run(folder.path(), &["probe", &html.url()]).status, Some(1));
    // The credentials are refused.
    let closed = start(&runtime, Options { token: Some(TOKEN.into()), ..Options::default() });
    assert_eq!(run(folder.path(), &["probe", &closed.url(), "--token", "wrong-one"]).status, Some(3));
}

#[test]
fn writing_finds_the_dialect() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().expect("a folder"));
    for (defect, expected) in [
        (None, Value::Null),
        (Some(Defect::OpCaseSensitive), "entra-2020".into()),
        (Some(Defect::MemberRemoveWipes), "entra-2020".into()),
    ] {
        let endpoint = start(&runtime, Options { defects: defect.into_iter().collect(), ..Options::default() });
        let target = folder.path().join("target.yaml");
        std::fs::write(
            &target,
            format!("target:\n  url: {}\n  rate: none\n  auth: {{ bearer: {{ file: token }} }}\n", endpoint.url()),
        )
        .expect("a file");
        std::fs::write(folder.path().join("token"), TOKEN).expect("a file");
        let probed = run(folder.path(), &["probe", "--target", "target.yaml", "--write", "--output", "json"]);
        assert_eq!(probed.status, Some(0), "{}{}", probed.out, probed.err);
        let document: Value = serde_json::from_str(&probed.out).expect("JSON");
        assert_eq!(document["target"]["dialect"], expected, "{document}");
        assert_eq!((endpoint.users().len(), endpoint.groups().len()), (0, 0), "left behind");
    }
}

#[test]
fn oauth_is_as_in_the_configuration_and_plain_http_stays_here() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().expect("a folder"));
    let folder = folder.path();
    let oauth = OAuth {
        client_id: "me".into(),
        client_secret: "mine-alone".into(),
        lifetime: std::time::Duration::from_secs(3600),
    };
    let endpoint = start(&runtime, Options { oauth: Some(oauth), ..Options::default() });
    std::fs::write(folder.join("secret"), "mine-alone").expect("a file");
    let token_url = endpoint.url().replace("/scim/v2", "/oauth/token");
    std::fs::write(
        folder.join("target.yaml"),
        format!(
            "target:\n  url: {}\n  auth:\n    oauth2: {{ token_url: \"{token_url}\", client_id: me, client_secret: {{ file: secret }} }}\n",
            endpoint.url()
        ),
    )
    .expect("a file");
    for arguments in
        [&["validate", "--target", "target.yaml", "--only", "C-01,C-49"][..], &["probe", "--target", "target.yaml"]]
    {
        let run = run(folder, arguments);
        assert_eq!(run.status, Some(0), "{arguments:?}: {}{}", run.out, run.err);
        assert!(!run.out.contains("mine-alone"));
    }
    let plain = run(folder, &["validate", "http://example.com/scim"]);
    assert_eq!(plain.status, Some(2), "{}", plain.err);
    assert!(plain.err.contains("`--allow-insecure-http`"), "{}", plain.err);
    let broken = run(folder, &["validate", "https://127.0.0.1:9/scim", "--ca-file", "secret"]);
    assert_eq!(broken.status, Some(3), "{}", broken.err);
    assert!(broken.err.contains("ca_file"), "{}", broken.err);
}

#[test]
fn a_mapping_is_tried_attribute_by_attribute() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().expect("a folder"));
    let folder = folder.path();
    let mapping = "users:\n  attributes:\n    userName: { source: userPrincipalName, match: 1 }\n    active: Not([IsSoftDeleted])\n    \
        displayName: displayName\n    'emails[type eq \"work\"].value': mail\n    externalId: objectId\n";
    std::fs::write(folder.join("mapping.yaml"), mapping).expect("a file");
    let rows = |url: &str, status: i32, more: &[&str]| {
        let run = run(folder, &[&["validate", url, "--mapping", "mapping.yaml", "--output", "json"], more].concat());
        assert_eq!(run.status, Some(status), "{}{}", run.out, run.err);
        let document: Value = serde_json::from_str(&run.out).expect("JSON");
        document
    };
    let only = ["--only", "M-01,M-02,M-03,M-04,M-05,C-04,C-08,C-26,C-31,C-40"];
    let told = |document: &Value| -> Vec<String> {
        let checks = document["checks"].as_array().expect("checks");
        checks
            .iter()
            .map(|row| format!("{} {}", row["id"].as_str().expect("an id"), row["status"].as_str().expect("a status")))
            .collect()
    };
    let good = start(&runtime, Options::default());
    let document = rows(&good.url(), 0, &only);
    assert_eq!(
        told(&document),
        [
            "C-04 pass",
            "C-08 pass",
            "C-26 skip",
            "C-31 skip",
            "C-40 skip",
            "M-01 pass",
            "M-02 pass",
            "M-03 pass",
            "M-04 pass",
            "M-05 pass"
        ]
    );
    assert_eq!(document["checks"][8]["name"], "emails[type eq \"work\"].value");
    assert_eq!((good.users().len(), good.groups().len()), (0, 0), "left behind");
    // What goes wrong with one attribute is told of that one, and of the clients that send it so.
    let bad = start(&runtime, Options { defects: vec![Defect::StringFalseIsTrue], ..Options::default() });
    let document = rows(&bad.url(), 1, &only[..2]);
    let failed: Vec<_> = told(&document).into_iter().filter(|row| row.ends_with("fail")).collect();
    assert_eq!(failed, ["M-02 fail"], "{document}");
    let answers: Vec<_> =
        document["works"].as_array().expect("answers").iter().map(|one| one["works"].clone()).collect();
    assert_eq!(answers, [false.into(), Value::Null, Value::Null, Value::Null, Value::Null]);
}
