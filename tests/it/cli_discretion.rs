//! What is secret is not repeated, even where it is written in the wrong place (contract.md 6).

use crate::bench::{Bench, anchor};

const SECRET: &str = "hunter2-4711";
const AUTH: &str = "{ bearer: { env: TOKEN } }";

/// Everything that a command printed, in the folder of a bench whose configuration was changed.
fn printed(bench: &Bench, from: &str, to: &str, arguments: &[&str]) -> (i32, String) {
    bench.write_files();
    let path = bench.path().join("provisiond.yaml");
    let text = std::fs::read_to_string(&path).expect("it was written");
    assert!(text.contains(from), "{from} is not in {text}");
    std::fs::write(&path, text.replacen(from, &to.replace("SECRET", SECRET), 1)).expect("it is written");
    let ran = bench.run_beside(arguments);
    (ran.status(), format!("{}\n{}", ran.text(), ran.errors()))
}

#[test]
fn a_secret_in_the_wrong_place_is_told_without_it() {
    let mut bench = Bench::new();
    bench.crowd(1);
    let url = format!("url: {}", bench.standin.url());
    let cases = [
        (AUTH, "{ basic: { user: u, password: SECRET } }", "error[unsupported_auth]"),
        (AUTH, "{ bearer: \"SECRET", "error[yaml]"),
        (AUTH, "{ bearer: *SECRET }", "error[yaml]"),
        (AUTH, "\n        bearer: |\n          SECRET", "error[plain_secret]"),
        (AUTH, "{ SECRET }", "error[unknown_key]"),
        (AUTH, "{ header: { name: X-Key, value: SECRET } }", "error[plain_secret]"),
        (
            AUTH,
            "{ oauth2: { token_url: \"https://u:SECRET@x/t\", client_id: a, client_secret: { env: TOKEN } } }",
            "x/t",
        ),
        (&url, "url: https://user:SECRET@a.example/scim", "https://…@a.example/scim"),
        (&url, "url: https://user:SECRET/x@a.example/scim", "https://…@a.example/scim"),
        (&url, "url: user:SECRET@a.example/scim", "…@a.example/scim"),
        ("rate: none", "token: SECRET", "token: …"),
        ("rate: none", "proxy: \"http://u:SECRET@127.0.0.1:9\"", "error[plain_secret]"),
        ("rate: none", "proxy: \"ftp://u:SECRET@127.0.0.1:9\"", "ftp://…@127.0.0.1:9"),
    ];
    for (from, to, told) in cases {
        for arguments in [&["check"][..], &["check", "--output", "json"], &["status"], &["cycle"]] {
            let (status, all) = printed(&bench, from, to, arguments);
            assert_eq!(status, 2, "{to} {arguments:?}\n{all}");
            assert!(!all.contains("hunter2"), "{to} {arguments:?}\n{all}");
            assert!(arguments.contains(&"json") || all.contains(told), "{to} {arguments:?}\n{all}");
        }
    }
}

/// A query is allowed, and may be a key of the target's gateway; it is sent, and neither shown nor kept.
#[test]
fn the_query_of_a_url_is_neither_shown_nor_kept() {
    for option in ["", "\n      options: { passthrough_query: true }"] {
        let mut bench = Bench::new();
        bench.crowd(1);
        let url = bench.standin.url();
        let with = format!("{url}?code=SECRET{option}");
        let logged = anchor(0);
        for arguments in [
            &["check"][..],
            &["check", "--output", "json"],
            &["test-connection", "--output", "json"],
            &["plan", "--out", "plan.json"],
            &["cycle", "-v"],
            &["status"],
            &["log", "--output", "json"],
            &["explain", "--user", &logged],
        ] {
            let (status, all) = printed(&bench, &url, &with, arguments);
            assert_eq!(status, 0, "{arguments:?}\n{all}");
            assert!(!all.contains("hunter2"), "{option} {arguments:?}\n{all}");
        }
        for name in ["state.db", "state.db-wal", "plan.json"] {
            let bytes = std::fs::read(bench.path().join(name)).unwrap_or_default();
            assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "{name}");
        }
    }
}
