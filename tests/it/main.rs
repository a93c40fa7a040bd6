//! All integration tests, in one program so that they link once.

mod cli_basics;
mod cli_bench;
mod cli_cycle;
mod cli_eval;
mod cli_mapping_test;
mod cli_provision_now;
mod config_faults;
mod daemon;
mod fixtures_raw;
mod fixtures_records;
mod layers;
mod mock_target;
mod readme;
mod source_sets;
mod systemd;
mod vectors;
mod vectors_expressions;
mod vectors_lifecycle;
mod vectors_scoping;
mod vectors_serve;
mod vectors_wire;
