//! provisiond: the open provisioning service, as a library that its two programs share.

pub mod cli;
pub mod config;
pub mod cycle;
pub mod daemon;
pub mod delta;
pub mod diagnostic;
pub mod expr;
pub mod mail;
pub mod mapping;
pub mod mock;
pub mod model;
pub mod plan;
pub mod recording;
pub mod report;
pub mod scoping;
pub mod source;
pub mod store;
pub mod target;
pub mod telemetry;
pub mod validator;
pub mod web;
pub mod wire;

/// An evaluation makes some hundred small values, in several threads at once: the allocator of the C library would take a
/// quarter of a cycle's time for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
