//! How matching went, as the match report before the first cycle says it.

use crate::model::{Entry, ErrorCode, LoggedAction, LoggedStatus, StepKind};

/// Whom a cycle would adopt, create, or cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Matching {
    adopt: u64,
    create: u64,
    ambiguous: u64,
}

impl Matching {
    pub fn add(&mut self, entry: &Entry) {
        let code = entry.failure.as_ref().map(|failure| failure.code);
        let matched = || {
            let mut steps = entry.steps.iter();
            steps.any(|step| step.kind == StepKind::Matching && step.details.get("matchedBy").is_some())
        };
        if matches!(code, Some(ErrorCode::DuplicateTargetEntries | ErrorCode::DuplicateSourceEntries)) {
            self.ambiguous += 1;
        } else if code.is_none() && matched() {
            self.adopt += 1;
        } else if entry.action == LoggedAction::Create
            && matches!(entry.status, LoggedStatus::Success | LoggedStatus::Warning)
        {
            self.create += 1;
        }
    }

    /// One line; empty where nobody had to be matched.
    pub fn text(self) -> String {
        let Self { adopt, create, ambiguous } = self;
        if adopt + create + ambiguous == 0 {
            return String::new();
        }
        format!("  match: {adopt} to adopt, {create} to create, {ambiguous} ambiguous\n")
    }
}
