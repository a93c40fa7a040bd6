//! What "Test Connection" found (service.md 4.2, contract.md 5).

use serde_json::{Value, json};

/// The outcome of a connection test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionReport {
    pub ok: bool,
    pub checks: Vec<ConnectionCheck>,
}

/// One request of the test and what its answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionCheck {
    pub name: String,
    pub ok: bool,
    pub code: Option<String>,
    pub message: String,
    pub help: Option<String>,
    /// Method and address, without secrets.
    pub request: Option<String>,
    pub warnings: Vec<String>,
    pub hints: Vec<String>,
}

pub fn connection_json(report: &ConnectionReport) -> Value {
    json!({
        "ok": report.ok,
        "checks": report.checks.iter().map(|check| json!({
            "name": check.name,
            "ok": check.ok,
            "code": check.code,
            "message": check.message,
            "help": check.help,
            "request": check.request,
            "warnings": check.warnings,
            "hints": check.hints,
        })).collect::<Value>(),
    })
}
