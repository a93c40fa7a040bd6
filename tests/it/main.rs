//! All integration tests, in one program so that they link once.

mod bench;
mod config_faults;
mod cycle_clock;
mod cycle_deletions;
mod cycle_faults;
mod cycle_lifecycle;
mod daemon;
mod fixtures_raw;
mod fixtures_records;
mod layers;
mod liar;
mod mock_target;
mod readme;
mod systemd;
mod vectors;
mod vectors_expressions;
mod vectors_lifecycle;
mod vectors_scoping;
mod vectors_serve;
mod vectors_wire;
