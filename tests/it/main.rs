//! All integration tests, in one program so that they link once.

mod cli_eval;
mod cli_mapping_test;
mod config_faults;
mod cycle_groups;
mod cycle_references;
mod daemon;
mod fixtures_raw;
mod fixtures_records;
mod layers;
mod mock_target;
mod readme;
mod source_sets;
mod systemd;
mod town;
mod vectors;
mod vectors_expressions;
mod vectors_lifecycle;
mod vectors_scoping;
mod vectors_serve;
mod vectors_wire;
