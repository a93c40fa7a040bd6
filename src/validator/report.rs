//! What came of a validation.

use std::fmt::Write;

use serde_json::{Value, json};

use super::answer::{Answer, Standing, answers};
use super::conversation::{Checked, Exchange, Finding, Form};
use super::judge::Status;
use super::table::{About, Severity};
use crate::report::{JunitCase, JunitOutcome, JunitSuite, junit_xml};

/// One check with what came of it.
pub struct Row {
    pub check: About,
    /// By form, what was found; passed where there is nothing.
    pub forms: Vec<(Form, Option<Finding>)>,
    /// The last exchange, for checks that passed.
    pub exchange: Option<Box<Exchange>>,
}

impl Row {
    pub(super) fn new(check: About) -> Self {
        Self { check, forms: Vec::new(), exchange: None }
    }

    pub(super) fn add(&mut self, form: Form, ended: Checked) {
        self.forms.push((form, ended.err()));
    }

    /// The worst of the forms; skipped where none was tried.
    pub fn status(&self) -> Status {
        let of = |finding: &Option<Finding>| finding.as_ref().map_or(Status::Pass, |finding| finding.status);
        self.forms.iter().map(|(_, finding)| of(finding)).max().unwrap_or(Status::Skip)
    }

    fn worst(&self) -> Option<&Finding> {
        let mut findings = self.forms.iter().filter_map(|(_, finding)| finding.as_ref());
        findings.find(|finding| finding.status == self.status())
    }

    /// What was seen.
    pub fn observed(&self) -> &str {
        self.worst().map_or("as expected", |finding| &finding.observed)
    }

    fn to_json(&self) -> Value {
        let exchange = self.worst().and_then(|finding| finding.exchange.as_ref()).or(self.exchange.as_ref());
        let forms = self.forms.iter().map(|(form, finding)| {
            let status = finding.as_ref().map_or(Status::Pass, |finding| finding.status);
            let observed = finding.as_ref().map_or("as expected", |finding| &finding.observed);
            json!({ "dialect": form.dialect().name, "status": status.as_str(), "observed": observed })
        });
        json!({
            "id": self.check.id, "title": self.check.title, "status": self.status().as_str(),
            "expected": self.check.title, "observed": self.observed(),
            "request": exchange.map(|exchange| exchange.request()), "response": exchange.map(|exchange| exchange.response()),
            "reference": self.check.reference, "name": self.check.name, "severity": self.check.severity.as_str(),
            "remedy": self.check.remedy, "forms": forms.collect::<Vec<_>>(),
        })
    }
}

impl Exchange {
    fn request(&self) -> Value {
        let headers: serde_json::Map<String, Value> =
            self.headers.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
        json!({ "method": self.method.as_str(), "path": self.path, "query": self.query, "headers": headers, "body": self.sent })
    }

    fn response(&self) -> Value {
        match &self.answer {
            Ok((status, kind, body)) => json!({ "status": status, "contentType": kind, "body": body }),
            Err(why) => json!({ "error": why }),
        }
    }
}

/// Everything that came of a validation.
pub struct Report {
    pub rows: Vec<Row>,
    /// Paths of what could not be removed.
    pub left_behind: Vec<String>,
    pub groups: bool,
    pub interrupted: bool,
}

impl Report {
    /// Whether a check fails without which Entra or Okta does not work.
    pub fn must_failed(&self) -> bool {
        self.rows.iter().any(|row| row.status() == Status::Fail && row.check.severity == Severity::Must)
    }

    /// Which clients the endpoint works with.
    pub fn answers(&self) -> Vec<Answer> {
        answers(&self.rows)
    }

    fn count(&self, status: Status) -> usize {
        self.rows.iter().filter(|row| row.status() == status).count()
    }

    /// The document of contract.md 5.
    pub fn to_json(&self) -> Value {
        let answers = self.answers().into_iter().map(|answer| {
            let works = match answer.standing {
                Standing::Works => Some(true),
                Standing::Fails => Some(false),
                Standing::Open => None,
            };
            json!({ "client": answer.client, "dialect": answer.dialect, "works": works, "because": answer.because,
                "notTried": answer.open })
        });
        json!({
            "summary": {
                "pass": self.count(Status::Pass), "fail": self.count(Status::Fail),
                "warn": self.count(Status::Warn), "skip": self.count(Status::Skip),
            },
            "checks": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "works": answers.collect::<Vec<_>>(), "groups": self.groups, "leftBehind": self.left_behind,
        })
    }

    /// For people: a line a check, and the exchange where something is wrong.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        for row in &self.rows {
            let _ =
                writeln!(out, "{:4} {} {:20} {}", row.status().as_str(), row.check.id, row.check.name, row.check.title);
            if matches!(row.status(), Status::Pass) {
                continue;
            }
            let _ = writeln!(out, "       {}", clean(row.observed()));
            if row.status() == Status::Skip {
                continue;
            }
            let forms: Vec<&str> =
                row.forms.iter().filter(|(_, found)| found.is_some()).map(|(form, _)| form.dialect().name).collect();
            let _ = writeln!(
                out,
                "       {} · as {} · {}",
                row.check.severity.as_str(),
                forms.join(", "),
                row.check.reference
            );
            let _ = writeln!(out, "       change: {}", row.check.remedy);
            if let Some(exchange) = row.worst().and_then(|finding| finding.exchange.as_ref()) {
                let query = if exchange.query.is_empty() { String::new() } else { format!("?{}", exchange.query) };
                let _ = writeln!(out, "       > {} {}{query}", exchange.method, exchange.path);
                if !exchange.sent.is_null() {
                    let _ = writeln!(out, "       > {}", clean(&clip(&exchange.sent.to_string())));
                }
                let _ = match &exchange.answer {
                    Ok((status, _, body)) => writeln!(out, "       < {status} {}", clean(&clip(&body.to_string()))),
                    Err(why) => writeln!(out, "       < {}", clean(why)),
                };
            }
        }
        let _ = writeln!(
            out,
            "\n{} passed, {} failed, {} warnings, {} skipped{}",
            self.count(Status::Pass),
            self.count(Status::Fail),
            self.count(Status::Warn),
            self.count(Status::Skip),
            if self.interrupted { "; interrupted" } else { "" },
        );
        for answer in self.answers() {
            let _ = writeln!(out, "{}: {}", answer.question, answer.words(self.groups));
        }
        for path in &self.left_behind {
            let _ = writeln!(out, "left behind, remove by hand: {}", clean(path));
        }
        out
    }

    /// For build pipelines.
    pub fn junit(&self) -> String {
        let cases = self.rows.iter().map(|row| JunitCase {
            class: row.check.severity.as_str().to_owned(),
            name: format!("{} {}", row.check.id, row.check.name),
            outcome: match row.status() {
                Status::Pass => JunitOutcome::Passed,
                Status::Skip => JunitOutcome::Skipped(row.observed().to_owned()),
                Status::Warn => JunitOutcome::Remarked(format!("warning: {}", row.observed())),
                Status::Fail => JunitOutcome::Failed {
                    message: row.observed().to_owned(),
                    story: format!("{} ({})", row.check.remedy, row.check.reference),
                },
            },
        });
        let answers = self.answers().into_iter();
        let output = answers.map(|answer| format!("{}: {}\n", answer.question, answer.words(self.groups)));
        let suite =
            JunitSuite { name: "provisiond validate".to_owned(), cases: cases.collect(), output: output.collect() };
        junit_xml("provisiond validate", &[suite])
    }
}

/// Keeps what a server sent from steering the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

fn clip(text: &str) -> String {
    match text.char_indices().nth(600) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
