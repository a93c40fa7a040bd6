//! Mails about the health of a job (service.md 17.4, 18).

mod letter;
mod smtp;

pub use letter::{Letter, Occasion};
pub use smtp::{MailError, Server, send};
