//! What the user wrote, checked, with all faults at once (contract.md 3 and 4).
//!
//! [`load`] reads `provisiond.yaml` and the mapping files it names. One table of keys ([`keys`], [`mapping_keys`]) says what
//! may be written; checking, defaults, the effective configuration, the JSON Schema and the texts of `init` come from it.

mod check;
mod connect;
mod discretion;
mod entra;
mod environment;
mod fixed_hours;
mod item;
mod job;
mod json_schema;
mod keys;
mod load;
mod mapping_file;
#[cfg(test)]
mod mapping_file_tests;
mod mapping_keys;
mod mapping_test;
mod mapping_test_keys;
mod secret;
mod shape;
mod source;
mod target;
mod target_file;
mod template;
mod units;
mod yaml;

pub use entra::{Imported, export, import};
pub use environment::{Environment, NotFound};
pub use fixed_hours::FixedHours;
pub use job::{
    AccidentalDeletion, Escrow, FirstRetry, Job, Logs, Notifications, Quarantine, Schedule, ScopeMode, Smtp,
};
pub use json_schema::{config_schema, mapping_schema, mapping_test_schema};
pub use load::{Config, Loaded, load};
pub use mapping_file::{MappingFile, ObjectDraft, ObjectRules};
pub use mapping_test::{Expected, ExpectedValue, MappingTest, Outcome, TestCase};
pub use secret::{Secret, SecretError};
pub use target::{Auth, ClientCertificate, Target, VerifyWrites};
pub use target_file::{TargetFile, target_file};
pub use template::{Preset, SOURCE_FOLDER, Template, init};
pub use units::duration;
