//! Errors of the process and its exit status (contract.md 2).

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;

use crate::cycle::ServiceError;
use crate::diagnostic::{Diagnostic, Style, render_all};
use crate::model::{Class, CycleReport, Entry, LoggedStatus, RunError};
use crate::report::{plain, problems_json};
use crate::store::StoreError;

/// How the process ends. The order is that of the contract: where several hold, the greatest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Everything asked for was done.
    Done,
    /// Done, but some objects failed.
    ObjectsFailed,
    /// Wrong usage or configuration.
    Usage,
    /// The target cannot be reached or refuses the credentials.
    TargetUnavailable,
    /// The job is in quarantine or paused, and what was asked for was not done.
    NotDone,
    /// Deprovisionings await approval.
    Staged,
    /// The source was refused as incomplete.
    SourceRefused,
    /// Ended by a signal.
    Interrupted,
}

/// The codes of run-level errors that end a process with another status than [`Status::ObjectsFailed`].
const STATUS_OF_CODE: [(&str, Status); 23] = [
    ("Unauthorized", Status::TargetUnavailable),
    ("InsufficientRights", Status::TargetUnavailable),
    ("SystemForCrossDomainIdentityManagementCredentialValidationFailure", Status::TargetUnavailable),
    ("SystemForCrossDomainIdentityManagementServiceIncompatible", Status::TargetUnavailable),
    ("SystemForCrossDomainIdentityManagementServiceIncompatibleFiltering", Status::TargetUnavailable),
    ("EncounteredQuarantineException", Status::TargetUnavailable),
    ("WebExceptionProtocolError", Status::TargetUnavailable),
    ("InternalServerError", Status::TargetUnavailable),
    ("Timeout", Status::TargetUnavailable),
    // What an opening probe may be answered; of single objects the class decides.
    ("TooManyRequests", Status::TargetUnavailable),
    ("MethodNotAllowed", Status::TargetUnavailable),
    ("NotPermitted", Status::TargetUnavailable),
    ("NotImplemented", Status::TargetUnavailable),
    ("UnprocessableEntity", Status::TargetUnavailable),
    ("SystemForCrossDomainIdentityManagementBadRequest", Status::TargetUnavailable),
    ("SystemForCrossDomainIdentityManagementMultipleEntriesInResponse", Status::TargetUnavailable),
    ("Paused", Status::NotDone),
    ("Quarantine", Status::NotDone),
    ("QuarantinedOnDemand", Status::NotDone),
    ("TooManyDeletes", Status::Staged),
    ("IngestionInterrupted", Status::SourceRefused),
    ("SourceIncomplete", Status::SourceRefused),
    ("Interrupted", Status::Interrupted),
];

impl Status {
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::ObjectsFailed => 1,
            Self::Usage => 2,
            Self::TargetUnavailable => 3,
            Self::NotDone => 4,
            Self::Staged => 5,
            Self::SourceRefused => 6,
            Self::Interrupted => 130,
        }
    }

    pub fn of_cycle(report: &CycleReport) -> Self {
        let failed = if report.counts.failure > 0 { Self::ObjectsFailed } else { Self::Done };
        let staged =
            if report.staged.as_ref().is_some_and(|staged| staged.count > 0) { Self::Staged } else { Self::Done };
        failed.max(staged).max(report.error.as_ref().map_or(Self::Done, Self::of_run_error))
    }

    pub fn of_run_error(error: &RunError) -> Self {
        Self::of_code(&error.code)
    }

    pub fn of_entry(entry: &Entry) -> Self {
        match entry.status {
            LoggedStatus::Failure => match entry.failure.as_ref().map(|failure| failure.class) {
                Some(Class::Critical) => Self::TargetUnavailable,
                Some(Class::Permanent | Class::Transient | Class::Special) | None => Self::ObjectsFailed,
            },
            LoggedStatus::Success | LoggedStatus::Skipped | LoggedStatus::Warning | LoggedStatus::NotEvaluated => {
                Self::Done
            }
        }
    }

    fn of_code(code: &str) -> Self {
        let found = STATUS_OF_CODE.iter().find(|(known, _)| *known == code);
        found.map_or(Self::ObjectsFailed, |(_, status)| *status)
    }

    fn of_number(number: u8) -> Self {
        match number {
            0 => Self::Done,
            1 => Self::ObjectsFailed,
            3 => Self::TargetUnavailable,
            4 => Self::NotDone,
            5 => Self::Staged,
            6 => Self::SourceRefused,
            _ => Self::Usage,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.number())
    }
}

/// Why a command ended without doing what it was asked for.
#[derive(Debug)]
pub struct CliError {
    pub code: String,
    pub message: String,
    pub help: Option<String>,
    pub status: Status,
    /// All problems of what the user wrote, each with its place; they are shown in the place of the message.
    pub problems: Vec<Diagnostic>,
    /// Nobody reads any more: there is nobody to tell.
    quiet: bool,
}

impl CliError {
    pub fn new(status: Status, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), help: None, status, problems: vec![], quiet: false }
    }

    /// Something is wrong with what was asked for.
    pub fn usage(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Status::Usage, code, message)
    }

    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn with_status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// The configuration, a mapping or a source file is wrong in all these places.
    pub fn of_problems(problems: Vec<Diagnostic>) -> Self {
        let errors = problems.iter().filter(|problem| problem.is_error()).count();
        let first = problems.iter().find(|problem| problem.is_error()).or(problems.first());
        let code = first.map_or("configuration", |problem| problem.code);
        let message = match first {
            Some(first) if errors <= 1 => first.message.clone(),
            Some(first) => format!("{} (and {} more)", first.message, errors - 1),
            None => "the configuration is wrong".to_owned(),
        };
        let help = first.and_then(|problem| problem.help.clone());
        Self { help, problems, ..Self::usage(code, message) }
    }

    /// A file or folder could not be read or written.
    pub fn io(doing: &str, path: &std::path::Path, error: &io::Error) -> Self {
        Self::usage("io", format!("`{}` cannot be {doing}: {error}", path.display()))
    }

    /// Writes the error to standard error, for a person or, with `json`, for a program.
    pub fn show(&self, json: bool, style: Style) {
        if self.quiet {
            return;
        }
        let text = if json {
            let mut error = json!({ "code": self.code, "message": self.message, "help": self.help });
            if !self.problems.is_empty() {
                error["problems"] = problems_json(&self.problems);
            }
            format!("{}\n", json!({ "error": error }))
        } else if self.problems.is_empty() {
            self.text(style)
        } else {
            render_all(&self.problems, style)
        };
        // Where standard error is gone there is nobody left to tell.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    fn text(&self, style: Style) -> String {
        let (red, off) = if style.color { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
        let mut text = format!("{red}error[{}]{off}: {}\n", plain(&self.code), plain(&self.message));
        if let Some(help) = &self.help {
            text.push_str(&format!("  = help: {}\n", plain(help)));
        }
        text
    }
}

impl From<io::Error> for CliError {
    /// Errors of standard output; every other file is named with [`CliError::io`].
    fn from(error: io::Error) -> Self {
        let broken = error.kind() == io::ErrorKind::BrokenPipe;
        let status = if broken { Status::Done } else { Status::Usage };
        Self { quiet: broken, ..Self::new(status, "output", format!("the output cannot be written: {error}")) }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::usage(error.code(), error.to_string()).with_help(error.help())
    }
}

impl From<ServiceError> for CliError {
    fn from(error: ServiceError) -> Self {
        let help = error.help().to_owned();
        let status = Status::of_number(error.exit());
        Self { help: (!help.is_empty()).then_some(help), ..Self::new(status, error.code(), error.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_the_status() {
        let cases = [
            ("Unauthorized", 3),
            ("WebExceptionProtocolError", 3),
            ("Quarantine", 4),
            ("Paused", 4),
            ("TooManyDeletes", 5),
            ("IngestionInterrupted", 6),
            ("SourceIncomplete", 6),
            ("Anything", 1),
        ];
        for (code, number) in cases {
            let error = RunError { code: code.into(), message: String::new(), help: String::new() };
            assert_eq!(Status::of_run_error(&error).number(), number, "{code}");
        }
    }

    #[test]
    fn the_text_is_that_of_diagnostics() {
        let error = CliError::usage("job_unknown", "no job is called `kinton`").with_help("did you mean `kintone`");
        assert_eq!(
            error.text(Style::default()),
            "error[job_unknown]: no job is called `kinton`\n  = help: did you mean `kintone`\n"
        );
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let error = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(error.quiet);
        assert_eq!(error.status, Status::Done);
        assert_eq!(CliError::from(io::Error::from(io::ErrorKind::StorageFull)).status, Status::Usage);
    }
}
