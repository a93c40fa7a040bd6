//! What is found by looking without writing: drift, accounts, one person's story.

use super::{Entry, ModifiedProperty, Origin, RunError};

/// How a linked account compares with its source object (contract.md 5, `verify`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DriftState {
    Same,
    Differs,
    /// The target does not have it any more.
    Missing,
    /// It is switched off in the target, and ought to be on.
    Inactive,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    pub source: String,
    pub target: String,
    pub state: DriftState,
    /// What an evaluation would write: old is the target's value.
    pub differences: Vec<ModifiedProperty>,
}

/// Where an account of the target belongs (service.md 22.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccountState {
    /// Nobody in the source matches.
    Local,
    /// Somebody who is not assigned, or filtered out, matches.
    Unassigned,
    Assigned,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub target: String,
    /// Its value of the first matching attribute.
    pub name: String,
    pub source: Option<String>,
    pub state: AccountState,
}

/// One mapping for one object, with what went into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    pub target: String,
    /// As it is written in the mapping file.
    pub text: String,
    pub inputs: Vec<(String, Option<String>)>,
    /// The value, nothing, or why there is none.
    pub value: Result<Option<String>, String>,
}

/// Everything that can be told about one person.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// As it was typed.
    pub id: String,
    /// The row of the source.
    pub origin: Option<Origin>,
    pub expressions: Vec<Explained>,
    /// What an evaluation comes to now.
    pub now: Option<Entry>,
    /// Why there is none.
    pub error: Option<RunError>,
    pub log: Vec<Entry>,
}
