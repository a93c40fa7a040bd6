//! What time it is for a cycle.

use jiff::Timestamp;

/// The clock of a run: the machine's, or one that stands at the time of `--at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    #[default]
    System,
    Fixed(Timestamp),
}

impl Clock {
    pub fn now(self) -> Timestamp {
        match self {
            // To the millisecond, as it is stored and shown.
            Self::System => {
                let now = Timestamp::now();
                Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
            }
            Self::Fixed(time) => time,
        }
    }
}
