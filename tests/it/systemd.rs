//! The unit file: accepted by systemd, and a sandbox that stays tight.

use std::{path::PathBuf, process::Command};

/// The worst rating of `systemd-analyze security` that is let through; 10 is no sandbox at all.
const WORST: f64 = 1.5;

#[test]
fn the_unit_file_is_accepted_and_rated_well() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        println!("SKIPPED: systemd-analyze is not installed (Debian: package `systemd`)");
        return;
    };
    assert!(version.status.success());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let unit = folder.path().join("provisiond.service");
    std::fs::write(&unit, installed_here(&unit_text())).expect("the unit is written");

    let verified = Command::new("systemd-analyze").arg("verify").arg(&unit).output().expect("systemd-analyze runs");
    let words = String::from_utf8_lossy(&verified.stderr);
    let about_us: Vec<&str> = words.lines().filter(|line| line.contains("provisiond")).collect();
    assert!(verified.status.success() && about_us.is_empty(), "systemd-analyze verify: {words}");

    let rated = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager"])
        .arg(&unit)
        .output()
        .expect("systemd-analyze runs");
    let table = String::from_utf8_lossy(&rated.stdout);
    let exposure =
        exposure(&table).unwrap_or_else(|| panic!("no rating in:\n{table}{}", String::from_utf8_lossy(&rated.stderr)));
    println!("overall exposure {exposure}");
    assert!(exposure <= WORST, "{table}");
}

#[test]
fn the_rating_is_read() {
    assert_eq!(exposure("✗ A=   0.2\n\n→ Overall exposure level for x.service: 9.6 UNSAFE 😨\n"), Some(9.6));
    assert_eq!(exposure("nothing"), None);
}

/// What the program relies on when it runs as a service.
#[test]
fn the_unit_file_gives_what_the_program_needs() {
    let text = unit_text();
    for line in [
        "Type=notify",
        "NotifyAccess=main",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "DynamicUser=yes",
        "StateDirectory=provisiond",
        "ConfigurationDirectory=provisiond",
        "Restart=on-failure",
    ] {
        assert!(text.lines().any(|found| found == line), "`{line}` is missing");
    }
    for key in ["WatchdogSec=", "LoadCredential=kintone-token:"] {
        assert!(text.lines().any(|found| found.starts_with(key)), "`{key}` is missing");
    }
}

fn unit_text() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("systemd/provisiond.service");
    std::fs::read_to_string(path).expect("the unit file is there")
}

/// Puts the program under test in the place of the installed one: `verify` looks whether it exists.
fn installed_here(text: &str) -> String {
    text.replace("ExecStart=/usr/bin/provisiond ", &format!("ExecStart={} ", env!("CARGO_BIN_EXE_provisiond")))
        .replace("Documentation=file:/usr/share/doc/provisiond/README.md\n", "")
}

fn exposure(table: &str) -> Option<f64> {
    let line = table.lines().find(|line| line.contains("Overall exposure level"))?;
    line.split_whitespace().find_map(|word| word.parse().ok())
}
