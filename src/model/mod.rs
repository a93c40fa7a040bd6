//! The nouns of the service; no input, output or decisions.

mod attributes;
mod connection;
mod desired;
mod details;
pub mod dn;
mod entry;
mod escrow;
mod failure;
mod intended;
mod key;
mod link;
pub mod names;
mod path;
mod resource;
mod run;
pub mod secrecy;
mod settings;
mod source;
mod survey;
mod value;
mod word;

pub use attributes::Attributes;
pub use connection::{ConnectionCheck, ConnectionReport};
pub use desired::{AttributeRule, Change, Desired, Flow, Mutability, Sent};
pub use details::{Detail, Details};
pub use entry::{
    Entry, Exchange, Identity, Initiator, LoggedAction, LoggedStatus, ModifiedProperty, Retry, Step, StepKind,
};
pub use escrow::{Escrow, Operation, StagedObject};
pub use failure::{Class, ErrorCode, Failure};
pub use intended::{Intended, IntendedReference, IntendedRequest};
pub use key::ObjectKey;
pub use link::{Link, LinkState};
pub use path::{ElementFilter, PathError, TargetPath};
pub use resource::Resource;
pub use run::{
    Counts, CycleKind, CycleReport, CycleState, JobCode, JobStatus, Pace, Quarantine, QuarantineReason, RunError,
    RunSummary, ScheduleState, SourceCounts, StagedBatch,
};
pub use settings::{Actions, ApplyMode, OnMissingTarget, Trigger};
pub use source::{
    Deletion, ObjectKind, Origin, RoleAssignment, SourceAnchor, SourceObject, SourceState, SourceValue, TargetId,
};
pub use survey::{Account, AccountState, Drift, DriftState, Explained, Story};
pub use value::{Role, RoleForm, TargetValue, ValueKind};
pub use word::Word;
