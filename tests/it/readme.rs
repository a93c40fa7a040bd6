//! Runs the command blocks of README.md through the real programs.
//!
//! A block under `<!-- run: NAME -->` is run; blocks of one name are one session, in their order. A line that begins with `$ ` is
//! a command, which must succeed; the lines below it are what it prints, where `…` stands for anything. A command without such
//! lines may print what it likes.

use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

/// The port that the page uses; each session gets a free one in its place.
const PORT: &str = "8080";
/// The port of a second program on the page.
const SECOND_PORT: &str = "8081";

#[test]
fn administrators_commands_work() {
    run_session("administrator");
}

#[test]
fn setting_up_works() {
    run_session("set-up");
}

#[test]
fn developers_commands_work() {
    run_session("developer");
}

#[test]
fn expressions_work() {
    run_session("expressions");
}

#[test]
fn every_session_of_the_page_is_run() {
    let mut names: Vec<&str> = page().lines().filter_map(session_name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, ["administrator", "developer", "expressions", "set-up"]);
    let blocks = page().matches("```console").count();
    let marked = page().lines().filter(|line| session_name(line).is_some()).count();
    assert_eq!(blocks, marked, "a console block without a session is never run");
}

#[test]
fn output_is_compared() {
    let table = [
        ("one", "one", true),
        ("one", "two", false),
        ("…", "anything\nat all", true),
        ("…two…", "one two three", true),
        ("…four…", "one two three", false),
        ("a…\nz", "a b\nz", true),
        ("a", "a\nb", false),
    ];
    for (expected, found, same) in table {
        assert_eq!(matches(expected, found), same, "{expected:?} against {found:?}");
    }
}

#[derive(Debug)]
struct Step {
    command: String,
    expected: Option<String>,
}

fn run_session(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let port = free_port();
    for part in ["examples", "mappings"] {
        copy(&root.join(part), &folder.path().join(part), &port);
    }
    let page = page().replace(&format!(":{PORT}"), &format!(":{port}"));
    let steps = steps(&page.replace(&format!(":{SECOND_PORT}"), &format!(":{}", free_port())), name);
    assert!(!steps.is_empty(), "the page has no session `{name}`");

    let output = Command::new("bash")
        .arg("-c")
        .arg(script(&steps, &port))
        .current_dir(folder.path())
        .env("PATH", search_path())
        .env_remove("PROVISIOND_CONFIG")
        .env_remove("STATE_DIRECTORY")
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    let problems = String::from_utf8_lossy(&output.stderr);
    let parts: Vec<&str> = printed.split(&separator()).skip(1).collect();
    assert!(
        output.status.success() && parts.len() == steps.len(),
        "`{}` failed ({}):\n{printed}\n{problems}",
        steps[parts.len().saturating_sub(1)].command,
        output.status
    );
    for (step, found) in steps.iter().zip(parts) {
        println!("$ {}\n{}", step.command, found.trim_end());
        if let Some(expected) = &step.expected {
            assert!(matches(expected, found.trim()), "`{}` printed\n{found}\ninstead of\n{expected}", step.command);
        }
    }
}

/// One script for the session: what is exported or started in it stays for the commands that follow.
fn script(steps: &[Step], port: &str) -> String {
    let mut script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n".to_owned();
    for step in steps {
        script.push_str(&format!("printf '%s' '{}'\n{}\n", separator(), step.command));
        if step.command.ends_with('&') {
            script.push_str(&format!(
                "for _ in $(seq 200); do (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && break; sleep 0.05; done\n"
            ));
        }
    }
    script
}

fn separator() -> String {
    "\u{1}next\u{1}".to_owned()
}

/// The commands of a session and what each prints.
fn steps(page: &str, name: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if session_name(line) != Some(name) {
            continue;
        }
        assert_eq!(lines.next(), Some("```console"), "a block of commands follows the mark of `{name}`");
        for line in lines.by_ref().take_while(|line| *line != "```") {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step { command: command.to_owned(), expected: None });
            } else {
                let step = steps.last_mut().expect("a command stands above its output");
                let expected = step.expected.get_or_insert_default();
                if !expected.is_empty() {
                    expected.push('\n');
                }
                expected.push_str(line);
            }
        }
    }
    steps
}

fn session_name(line: &str) -> Option<&str> {
    line.strip_prefix("<!-- run: ")?.strip_suffix(" -->")
}

/// Whether `found` is `expected`, where `…` stands for any text.
fn matches(expected: &str, found: &str) -> bool {
    let parts: Vec<&str> = expected.split('…').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return expected == found };
    let Some(mut rest) = found.strip_prefix(first) else { return false };
    for part in middle {
        let Some(place) = rest.find(part) else { return false };
        rest = &rest[place + part.len()..];
    }
    rest.ends_with(last)
}

fn page() -> &'static str {
    include_str!("../../README.md")
}

/// The folder of the programs under test before everything else.
fn search_path() -> std::ffi::OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_provisiond"));
    assert!(Path::new(env!("CARGO_BIN_EXE_provision-now")).exists());
    let mut folders = vec![program.parent().expect("a program lies in a folder").to_path_buf()];
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    std::env::join_paths(folders).expect("the folders have no colons")
}

fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port().to_string()
}

/// Copies a folder; the port of the page becomes the session's.
fn copy(from: &Path, to: &Path, port: &str) {
    std::fs::create_dir_all(to).expect("the folder is made");
    for entry in std::fs::read_dir(from).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy(&path, &target, port);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            let text = std::fs::read_to_string(&path).expect("YAML is UTF-8");
            std::fs::write(&target, text.replace(&format!(":{PORT}"), &format!(":{port}")))
                .expect("the file is written");
        } else if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("state.db")) {
            std::fs::copy(&path, &target).expect("the file is copied");
        }
    }
}
