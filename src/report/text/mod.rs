//! Text for people: stable columns, no colour unless asked for, nothing that could move the cursor.

mod columns;
mod connection;
mod cycle;
mod details;
mod entry;
mod lists;
mod matching;
mod source;
mod status;
mod survey;

pub use connection::connection_text;
pub use cycle::cycle_text;
pub use entry::{entry_line, entry_text, modified_text, not_evaluated_text};
pub use lists::{LinkTable, deletions_text, escrows_text};
pub use matching::Matching;
pub use source::{SOURCE_RECORDS, source_text};
pub use status::status_text;
pub use survey::{account_text, drift_text, story_text};

pub use crate::diagnostic::Style;
use crate::model::LoggedStatus;

/// Shown where there is no value.
const NOTHING: &str = "-";

/// Colours a word by how good the news is.
fn painted(word: &str, tone: Tone, style: Style) -> String {
    if !style.color {
        return word.to_owned();
    }
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Odd => "33",
        Tone::Quiet => "2",
    };
    format!("\u{1b}[{code}m{word}\u{1b}[0m")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Good,
    Bad,
    Odd,
    Quiet,
}

fn tone(status: LoggedStatus) -> Tone {
    match status {
        LoggedStatus::Success => Tone::Good,
        LoggedStatus::Failure => Tone::Bad,
        LoggedStatus::Warning => Tone::Odd,
        LoggedStatus::Skipped | LoggedStatus::NotEvaluated => Tone::Quiet,
    }
}
