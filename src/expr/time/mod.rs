//! Dates as the language knows them: the years 1 to 9999 in steps of 100 nanoseconds, always UTC (expressions.md 6).

mod civil;
mod format;
mod names;
mod read;
mod reader;
mod styles;
mod write;

pub use civil::DateTime;
pub(super) use civil::Interval;
pub(super) use format::Format;
pub(super) use read::Reading;
pub(super) use reader::read_general;
pub(super) use styles::Styles;
