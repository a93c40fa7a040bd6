//! `provisiond run` as a service manager sees it: readiness, signs of life, reload, the end.

use std::{
    io::ErrorKind,
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn the_daemon_runs_reloads_and_ends() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let target = Target::start(folder);
    write_configuration(folder, &target.url, &["first"]);
    let socket = UnixDatagram::bind(folder.join("notify")).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");

    let mut daemon = Running(
        program(folder)
            .args(["run", "--config", "provisiond.yaml"])
            .env("NOTIFY_SOCKET", folder.join("notify"))
            .env("WATCHDOG_USEC", "4000000")
            .stderr(std::fs::File::create(folder.join("daemon.log")).expect("a log"))
            .spawn()
            .expect("the daemon starts"),
    );
    let mut heard = Heard { socket, words: String::new(), daemon_log: folder.join("daemon.log") };
    heard.until("READY=1");
    heard.until("STATUS=first: next cycle");
    heard.until("WATCHDOG=1");
    assert_eq!(target.accounts(), 2, "the first job is due at once");
    assert_eq!(last_state(folder, "first"), "Succeeded");

    // A process that was stopped, as one whose machine slept, goes on.
    daemon.signal("STOP");
    std::thread::sleep(Duration::from_secs(3));
    daemon.signal("CONT");
    for _ in 0..3 {
        heard.forget();
        heard.until("WATCHDOG=1");
    }

    // A faulty configuration is reported, and the daemon lives on with the old one.
    std::fs::write(folder.join("provisiond.yaml"), "jobs: [{ name: first, nonsense: true }]\n").expect("written");
    heard.forget();
    daemon.signal("HUP");
    heard.until("RELOADING=1");
    heard.until("READY=1");
    assert!(daemon.is_alive());

    // A good one is taken over: the new job is due at once.
    write_configuration(folder, &target.url, &["first", "second"]);
    heard.forget();
    daemon.signal("HUP");
    heard.until("second: next cycle");
    assert_eq!(last_state(folder, "second"), "Succeeded");
    assert_eq!(target.accounts(), 2, "the second job finds the same people");

    heard.forget();
    daemon.signal("TERM");
    heard.until("STOPPING=1");
    assert_eq!(daemon.end(), Some(0), "{}", log(folder));

    // After a restart of the process nothing is due: the starts are kept in the state.
    let requests = target.requests();
    let again = Running(
        program(folder)
            .args(["run", "--config", "provisiond.yaml"])
            .env("NOTIFY_SOCKET", folder.join("notify"))
            .stderr(std::fs::File::create(folder.join("daemon.log")).expect("a log"))
            .spawn()
            .expect("the daemon starts"),
    );
    heard.forget();
    heard.until("STATUS=first: next cycle");
    assert_eq!(target.requests(), requests);
    again.signal("TERM");
    let mut again = again;
    assert_eq!(again.end(), Some(0), "{}", log(folder));
}

fn write_configuration(folder: &Path, url: &str, jobs: &[&str]) {
    let source = folder.join("source");
    std::fs::create_dir_all(&source).expect("the folder is made");
    let people = "id,userPrincipalName,displayName,givenName,surname,mail,accountEnabled\n\
                  11111111-0000-4000-8000-000000000001,a@example.jp,A,A,A,a@example.jp,True\n\
                  11111111-0000-4000-8000-000000000002,b@example.jp,B,B,B,b@example.jp,True\n";
    if !source.join("users.csv").exists() {
        std::fs::write(source.join("users.csv"), people).expect("the export is written");
    }
    let mut text = "state: state.db\njobs:\n".to_owned();
    for job in jobs {
        text.push_str(&format!(
            "  - name: {job}\n    source: {{ directory: source, preset: entra-csv, settle: PT0S }}\n    mapping: {}/mappings/kintone.yaml\n    \
             target:\n      url: {url}\n      auth: {{ bearer: {{ env: TOKEN }} }}\n      profile: kintone\n",
            env!("CARGO_MANIFEST_DIR")
        ));
    }
    std::fs::write(folder.join("provisiond.yaml"), text).expect("the configuration is written");
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provisiond"));
    command.current_dir(folder).env("TOKEN", "secret").env_remove("RUST_LOG").env_remove("NOTIFY_SOCKET");
    command.env_remove("STATE_DIRECTORY").env_remove("PROVISIOND_CONFIG").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn last_state(folder: &Path, job: &str) -> String {
    let arguments = ["status", "--output", "json", "--config", "provisiond.yaml"];
    let output = program(folder).args(arguments).stdout(Stdio::piped()).output().expect("status runs");
    let status: Value = serde_json::from_slice(&output.stdout).expect("status prints JSON");
    let jobs = status["jobs"].as_array().expect("jobs");
    let job = jobs.iter().find(|found| found["name"] == job).expect("the job is shown");
    job["status"]["lastExecution"]["state"].as_str().unwrap_or_default().to_owned()
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("daemon.log")).unwrap_or_default()
}

/// A process that ends with the test.
pub struct Running(Child);

impl Running {
    pub fn new(process: Child) -> Self {
        Self(process)
    }

    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([format!("-{name}"), self.0.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
    }

    fn is_alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Waits for the end; the exit status.
    fn end(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.0.try_wait() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the daemon does not end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the daemon told its service manager.
struct Heard {
    socket: UnixDatagram,
    words: String,
    daemon_log: std::path::PathBuf,
}

impl Heard {
    fn until(&mut self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.words.contains(words) {
            let log = || std::fs::read_to_string(&self.daemon_log).unwrap_or_default();
            assert!(Instant::now() < deadline, "`{words}` was never said, but:\n{}\n{}", self.words, log());
            let mut message = [0; 4096];
            match self.socket.recv(&mut message) {
                Ok(length) => {
                    self.words.push_str(&String::from_utf8_lossy(&message[..length]));
                    self.words.push('\n');
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn forget(&mut self) {
        self.words.clear();
    }
}

/// The stand-in target.
struct Target {
    url: String,
    log: std::path::PathBuf,
    _process: Running,
}

impl Target {
    fn start(folder: &Path) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let log = folder.join("target.log");
        let process = program(folder)
            .args(["target", "--profile", "kintone", "--token", "secret", "--listen", &address.to_string()])
            .stderr(std::fs::File::create(&log).expect("a log"))
            .spawn()
            .expect("the target starts");
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "the target does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { url: format!("http://{address}/scim/v2"), log, _process: Running(process) }
    }

    /// How many requests it has logged.
    fn requests(&self) -> usize {
        let text = std::fs::read_to_string(&self.log).expect("the log is there");
        text.lines().filter(|line| line.contains("/Users")).count()
    }

    /// How many accounts were created in it.
    fn accounts(&self) -> usize {
        let text = std::fs::read_to_string(&self.log).expect("the log is there");
        text.lines().filter(|line| line.contains("POST") && line.contains("201")).count()
    }
}
