//! The way to a target: HTTP, authentication and pacing (wire.md 3, 4, 15.2).
//!
//! What is sent and what an answer means is decided in `wire`; here it is carried there and back.

mod auth;
mod base;
mod body;
mod client;
mod connect;
mod fault;
mod oauth;
mod pace;
mod relay;
mod settings;
mod sign;
#[cfg(test)]
mod tests;

pub use body::unpacked;
pub use client::{Client, Raw, Shown};
pub use pace::Pace;
pub use relay::{Relay, RelayBody, Streamed};
pub use settings::{Auth, ClientCertificate, Federated, Proxy, Settings, SetupFault};

use crate::wire::{Answer, Request};

/// The one seam of the program: whatever takes requests to a target and brings the answers.
pub trait Transport {
    /// Sends one request and waits for its answer; refused ones are repeated where that is safe.
    fn send(&self, request: &Request) -> impl Future<Output = Answer> + Send;
}
