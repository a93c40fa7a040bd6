//! What each check of validator.md part 3 does.

pub(super) mod groups;
pub(super) mod patches;
pub(super) mod users;
