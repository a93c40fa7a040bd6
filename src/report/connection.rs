//! What "Test Connection" found (service.md 4.2, contract.md 5).

use serde_json::{Value, json};

use crate::model::ConnectionReport;

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
