//! All integration tests, in one program so that they link once.

mod cli_eval;
mod cli_mapping_schema;
mod cli_mapping_test;
mod config_faults;
mod daemon;
mod fixtures_raw;
mod fixtures_records;
mod layers;
mod mock_target;
mod readme;
mod systemd;
mod vectors;
mod vectors_expressions;
mod vectors_lifecycle;
mod vectors_scoping;
mod vectors_serve;
mod vectors_wire;
