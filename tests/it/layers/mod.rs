//! The rooms of `src/` and who may name whom, as in ARCHITECTURE.md. A new edge is a change to this table, with the reason.

mod checker;
mod paths;

use std::path::Path;

use checker::{Absence, Room, Rules, check};

const PURE: &str = "model diagnostic expr scoping mapping delta plan wire report";

/// What `daemon`, `web` and `validator` may name.
const SHELL: &str =
    "model diagnostic expr scoping mapping delta plan wire report source target store telemetry config cycle";

const RULES: Rules<'_> = Rules {
    rooms: &[
        Room { name: "model", may_name: "" },
        Room { name: "diagnostic", may_name: "" },
        Room { name: "expr", may_name: "model diagnostic" },
        Room { name: "scoping", may_name: "model diagnostic" },
        Room { name: "mapping", may_name: "model diagnostic expr" },
        Room { name: "delta", may_name: "model" },
        Room { name: "plan", may_name: "model" },
        Room { name: "wire", may_name: "model" },
        Room { name: "report", may_name: "model diagnostic" },
        Room { name: "source", may_name: "model diagnostic" },
        Room { name: "target", may_name: "model wire" },
        Room { name: "recording", may_name: "model wire target" },
        Room { name: "store", may_name: "model" },
        Room { name: "telemetry", may_name: "model" },
        Room { name: "mail", may_name: "model" },
        Room {
            name: "config",
            may_name: "model diagnostic expr scoping mapping delta plan wire source target telemetry",
        },
        Room {
            name: "cycle",
            may_name: "model diagnostic expr scoping mapping delta plan wire source target store telemetry mail config",
        },
        Room { name: "daemon", may_name: SHELL },
        Room { name: "web", may_name: SHELL },
        Room { name: "validator", may_name: SHELL },
        Room {
            name: "cli",
            may_name: "model diagnostic expr scoping mapping delta plan wire report source target store telemetry config cycle \
                       daemon web validator recording mock",
        },
        // Nothing, on purpose: one misreading of the protocol must not hide another.
        Room { name: "mock", may_name: "" },
    ],
    absences: &[
        Absence {
            rooms: PURE,
            begins: "std::env std::fs std::process std::time::Instant std::time::SystemTime std::net::TcpStream \
                     std::net::TcpListener std::net::UdpSocket std::net::ToSocketAddrs tokio rand reqwest::Client reqwest::get",
            ends: "TcpStream::connect TcpListener::bind UdpSocket::bind Instant::now SystemTime::now Timestamp::now Zoned::now TimeZone::system Uuid::new_v4 Uuid::now_v7",
            why: "a pure room has no clock, environment, random number, file or socket",
        },
        Absence {
            rooms: "model diagnostic expr scoping mapping delta plan wire report source target telemetry mail config cycle daemon web \
                    validator recording cli mock",
            begins: "rusqlite",
            ends: "",
            why: "no `rusqlite` type outside `store`",
        },
    ],
};

#[test]
fn every_room_names_only_what_it_may() {
    let files = rust_files(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").as_path());
    assert!(files.len() > 50, "only {} files found", files.len());
    let faults: Vec<String> = files.iter().flat_map(|(path, text)| check(&RULES, path, text)).collect();
    println!("{} files checked", files.len());
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// The table in ARCHITECTURE.md says the same as the one above: each room stands there.
#[test]
fn the_page_names_every_room() {
    let page = include_str!("../../../ARCHITECTURE.md");
    for room in RULES.rooms {
        assert!(page.contains(&format!("`{}/`", room.name)), "`{}/` is missing in ARCHITECTURE.md", room.name);
    }
}

/// All Rust files below `folder` with their text, by path from `src`.
fn rust_files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(place) = waiting.pop() {
        for entry in std::fs::read_dir(&place).expect("the folder is readable") {
            let path = entry.expect("the entry is readable").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(folder).expect("it lies below").to_string_lossy().into_owned();
                found.push((name, std::fs::read_to_string(&path).expect("the file is UTF-8")));
            }
        }
    }
    found.sort();
    found
}
