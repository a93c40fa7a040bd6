//! Entra's synchronisation schema (service.md 22.2): from its JSON to a mapping file and back.
//!
//! A mapping file holds what is honoured here; the document itself stays beside it, and an export writes into it only what
//! differs, so that members without a key here survive and an export after an import changes nothing.

mod attribute;
mod export;
mod find;
mod import;
mod place;
mod source;
mod yaml;

pub use export::export;
pub use import::{Imported, import};
