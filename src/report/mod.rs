//! Printed shapes: the only place that knows the names of Microsoft Graph, and what people read.
//!
//! Everything here turns values of the model into JSON, text or CSV; nothing here reads a file or a clock.

mod check;
mod connection;
mod csv;
mod cycle;
mod entry;
mod junit;
mod lists;
mod metrics;
mod on_demand;
mod page;
mod plain;
mod plan;
mod status;
mod status_page;
mod survey;
pub mod text;
mod time;

pub use check::{check_json, problems_json};
pub use connection::connection_json;
pub use csv::{CSV_FILES, CsvExport};
pub use cycle::cycle_json;
pub use entry::{EntryRecord, JobContext, JobParts, entry_json};
pub use junit::{JunitCase, JunitOutcome, JunitSuite, junit_xml};
pub use lists::{DeletionRow, LinkRow, deletions_json, escrows_json, link_json};
pub use metrics::metrics_text;
pub use on_demand::{OnDemandRow, on_demand_json};
pub use page::Page;
pub use plain::plain;
pub use plan::{GROUPS, action_group, action_json, action_text, plan_counts};
pub use status::status_json;
pub use status_page::status_page;
pub use survey::{account_json, drift_json, story_json};
