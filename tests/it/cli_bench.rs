//! A folder with a configuration, a stand-in beside it, and the program run on both.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use provisiond::mock::{self, Options, Profile, Standin};
use serde_json::Value;
use tokio::runtime::Runtime;

const TOKEN: &str = "t0ken-of-the-bench";
pub const HEADER: &str = "userPrincipalName,displayName,surname,mail,givenName,id,accountEnabled";

/// What one run of the program printed.
pub struct Run {
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
}

pub struct Bench {
    folder: tempfile::TempDir,
    standin: Standin,
    /// Keeps the stand-in running; dropped after it.
    _runtime: Runtime,
}

impl Bench {
    /// Starts a stand-in for Kintone and writes a configuration for it; there is no export yet.
    pub fn new() -> Self {
        let bench = Self::beside(Profile::Kintone);
        let configuration = format!(
            "state: state.db\njobs:\n  - name: kintone\n    source: {{ directory: source, preset: entra-csv }}\n    \
             mapping: kintone.yaml\n    target:\n      url: {}\n      auth: {{ bearer: {{ file: token }} }}\n      profile: kintone\n",
            bench.standin.url()
        );
        bench.write("provisiond.yaml", &configuration);
        bench.write("kintone.yaml", include_str!("../../mappings/kintone.yaml"));
        bench
    }

    /// As [`Bench::new`], with requests as fast as they go.
    pub fn unpaced() -> Self {
        let bench = Self::new();
        let path = bench.path().join("provisiond.yaml");
        let configuration = std::fs::read_to_string(&path).expect("it was just written");
        bench.write("provisiond.yaml", &format!("{configuration}      rate: none\n"));
        bench
    }

    /// A folder with nothing but a token, beside a stand-in of this kind.
    pub fn beside(profile: Profile) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
        let options = Options { profile, token: Some(TOKEN.into()), ..Options::default() };
        let address = "127.0.0.1:0".parse().expect("an address");
        let standin = runtime.block_on(mock::start(address, options)).expect("a loopback port");
        let bench = Self { folder: tempfile::tempdir().expect("a folder"), standin, _runtime: runtime };
        bench.write("token", TOKEN);
        bench
    }

    /// Puts an export with these rows in the place of the one before.
    pub fn people(&self, rows: &[&str]) -> &Self {
        self.write("source/users.csv", &format!("{HEADER}\n{}\n", rows.join("\n")));
        self
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn standin(&self) -> &Standin {
        &self.standin
    }

    /// Runs `provisiond` in the folder.
    pub fn run(&self, arguments: &[&str]) -> Run {
        run_in(self.path(), env!("CARGO_BIN_EXE_provisiond"), arguments)
    }

    /// Runs it with `--output json`; the status must be `status`.
    pub fn json(&self, arguments: &[&str], status: i32) -> Value {
        let run = self.run(&[arguments, &["--output", "json"]].concat());
        assert_eq!(run.status, Some(status), "{arguments:?}\n{}\n{}", run.out, run.err);
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.out))
    }
}

/// Runs a program without the settings of whoever runs the tests.
pub fn run_in(folder: &Path, program: &str, arguments: &[&str]) -> Run {
    let Output { status, stdout, stderr } = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env_remove("PROVISIOND_CONFIG")
        .env_remove("STATE_DIRECTORY")
        .env_remove("RUST_LOG")
        .env("USER", "tester")
        .env_remove("SUDO_USER")
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { status: status.code(), out: text(stdout), err: text(stderr) }
}

/// A row of an export.
pub fn person(number: u32, login: &str, name: &str, enabled: bool) -> String {
    let enabled = if enabled { "True" } else { "False" };
    format!(
        "{login}@example.jp,{name},{name},{login}@example.jp,{login},7c9e6679-7425-40de-944b-{number:012},{enabled}"
    )
}
