//! The stand-in target: a SCIM 2.0 server of its own, for tests, `demo` and `target`.
//!
//! It shares nothing with the client rooms, so that one misreading of the protocol cannot hide
//! another. [`Service`] answers requests from memory; [`start`] puts a socket around it. Beside
//! SCIM it has `/oauth/token` and the control surface under `/_standin/` (see [`Standin`] for the
//! same in Rust): `GET users`, `GET groups`, `GET requests`, `POST propagate {"on": false}`,
//! `POST delete-locally {"userName": "…"}`, `POST expire-tokens`, `POST tokens {"token": "…"}`.

mod answer;
mod bulk;
mod chance;
mod control;
mod defect;
mod discovery;
mod edit;
mod failure;
mod fault;
mod filter;
mod http_server;
mod journal;
mod listing;
mod matching;
mod members;
mod membership;
mod patch;
mod path;
mod profile;
mod query;
mod resource;
mod rules;
mod schema;
mod service;
mod shape;
mod standin;
mod store;
mod token;

pub use defect::{Defect, DefectRow, UnknownName, defects};
pub use failure::Refusal;
pub use fault::{Fault, FaultRow, faults};
pub use http_server::{RequestLog, RequestRecord};
pub use profile::Profile;
pub use service::{Clock, Service};
pub use standin::{Options, Standin, run, start};
pub use token::OAuth;
