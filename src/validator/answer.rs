//! The closing answers: which clients the endpoint works with, as far as that was tried.

use std::borrow::Cow;

use super::judge::Status;
use super::report::Row;
use super::table::{CHECKS, Severity};

/// How it stands with one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Every check that the client depends on was made, and none fails.
    Works,
    Fails,
    /// Nothing was seen against it, but not everything was tried.
    Open,
}

/// The closing answer for one client.
#[derive(Debug, Clone)]
pub struct Answer {
    pub client: &'static str,
    pub dialect: &'static str,
    /// `works with …`.
    pub question: &'static str,
    pub standing: Standing,
    /// The checks that speak against it.
    pub because: Vec<Cow<'static, str>>,
    /// The checks that it depends on and that were not made.
    pub open: Vec<Cow<'static, str>>,
    /// How many checks it depends on.
    pub of: usize,
}

const CLIENTS: [(&str, &str, &str); 5] = [
    ("Entra without flag", "entra-legacy", "works with Entra without flag"),
    ("Entra with flag", "entra-2020", "works with Entra with flag"),
    ("Okta OIN", "okta-oin", "works with Okta OIN"),
    ("Okta AIW", "okta-aiw", "works with Okta AIW"),
    ("strict RFC", "strict", "works with strict RFC"),
];

/// What one check says about one client.
enum Said {
    Fine,
    Against,
    /// It was not tried with what the client sends.
    Nothing,
}

/// The answers to these rows.
pub(super) fn answers(rows: &[Row]) -> Vec<Answer> {
    let of = |(client, dialect, question)| {
        let (mut because, mut open, mut of) = (Vec::new(), Vec::new(), 0);
        let musts = CHECKS.iter().filter(|check| check.severity == Severity::Must);
        let wanted = musts.filter(|check| match check.hits {
            [] => check.forms.iter().any(|form| form.dialect().name == dialect),
            hits => hits.contains(&dialect),
        });
        for check in wanted {
            of += 1;
            match rows.iter().find(|row| row.check.id == check.id).map_or(Said::Nothing, |row| said(row, dialect)) {
                Said::Fine => {}
                Said::Against => because.push(Cow::Borrowed(check.id)),
                Said::Nothing => open.push(Cow::Borrowed(check.id)),
            }
        }
        // Checks of a mapping are no part of the table: those that were not asked for are nobody's concern.
        for row in rows.iter().filter(|row| !CHECKS.iter().any(|check| row.check.id == check.id)) {
            of += 1;
            match said(row, dialect) {
                Said::Fine => {}
                Said::Against => because.push(row.check.id.clone()),
                Said::Nothing => open.push(row.check.id.clone()),
            }
        }
        let standing = match (because.is_empty(), open.is_empty()) {
            (false, _) => Standing::Fails,
            (true, true) => Standing::Works,
            (true, false) => Standing::Open,
        };
        Answer { client, dialect, question, standing, because, open, of }
    };
    CLIENTS.into_iter().map(of).collect()
}

fn said(row: &Row, dialect: &str) -> Said {
    // What the endpoint does not offer, or the mapping does not send, hurts nobody.
    if row.forms.iter().any(|(_, finding)| finding.as_ref().is_some_and(|finding| !finding.applies)) {
        return Said::Fine;
    }
    let all = !row.check.hits.is_empty();
    let mut tried = row.forms.iter().filter(|(form, _)| all || form.dialect().name == dialect).peekable();
    if tried.peek().is_none() {
        return Said::Nothing;
    }
    let worst = tried.map(|(_, finding)| finding.as_ref().map_or(Status::Pass, |finding| finding.status)).max();
    match worst {
        Some(Status::Fail) => Said::Against,
        Some(Status::Pass | Status::Warn) => Said::Fine,
        Some(Status::Skip) | None => Said::Nothing,
    }
}

impl Answer {
    /// The answer in words; `groups` tells whether the endpoint offers groups.
    pub(super) fn words(&self, groups: bool) -> String {
        match self.standing {
            Standing::Works if groups => "yes".to_owned(),
            Standing::Works => "yes, for users; groups are not offered".to_owned(),
            Standing::Fails => format!("no, because of {}", self.because.join(", ")),
            Standing::Open if self.open.len() <= 5 => {
                format!("unknown; nothing speaks against it, but not tried: {}", self.open.join(", "))
            }
            Standing::Open => {
                let made = self.of - self.open.len();
                format!("unknown; nothing speaks against it in {made} of the {} checks it depends on", self.of)
            }
        }
    }
}
