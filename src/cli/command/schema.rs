//! `schema`: JSON Schema for editors.

use super::super::error::{CliError, Status};
use super::super::session::Session;
use crate::config;

/// Prints the JSON Schema of the configuration, of mapping files and of mapping tests, for editors
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond schema > provisiond.schema.json
  provisiond schema mapping > mapping.schema.json
  provisiond schema test > mapping-test.schema.json")]
pub struct Args {
    /// Which kind of file
    #[arg(value_enum, default_value_t)]
    of: Kind,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Kind {
    /// `provisiond.yaml`
    #[default]
    Configuration,
    /// A mapping file
    Mapping,
    /// A file of mapping tests
    Test,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let schema = match args.of {
        Kind::Configuration => config::config_schema(),
        Kind::Mapping => config::mapping_schema(),
        Kind::Test => config::mapping_test_schema(),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(std::io::Error::from)?;
    session.output.text(&format!("{text}\n"))?;
    Ok(Status::Done)
}
