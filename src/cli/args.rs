//! What can be typed.

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

use super::command;

/// Keeps accounts in SCIM targets in step with a folder of identity exports.
#[derive(Debug, Parser)]
#[command(
    name = "provisiond",
    version,
    arg_required_else_help = true,
    after_help = "\
Begin with:
  provisiond demo                       the whole product on embedded parts; needs nothing
  provisiond init work --preset kintone a commented configuration to start from
  provisiond cycle --dry-run            what would be sent, without sending it
  provision-now --user taro@example.jp  one person now, with every step explained"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes, before or after its name.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Configuration file; else $PROVISIOND_CONFIG, ./provisiond.yaml, /etc/provisiond/provisiond.yaml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Job to work on, where the configuration has several
    #[arg(long, global = true, value_name = "NAME")]
    pub job: Option<String>,
    /// How results are printed
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Format,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
    /// Logs more; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Logs errors only, without a progress bar
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
    /// JUnit XML, for build servers; `test`, `validate` and `replay` only
    Junit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}

/// Every command, in the order of the contract.
#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(command::demo::Args),
    Init(command::init::Args),
    Run(command::run::Args),
    Cycle(command::cycle::Args),
    ProvisionNow(command::provision_now::Args),
    Plan(command::plan::Args),
    Apply(command::apply::Args),
    Rollback(command::rollback::Args),
    Source(command::source::Args),
    Status(command::status::Args),
    Log(command::log::Args),
    Pause(command::pause::Args),
    Start(command::start::Args),
    Forget(command::forget::Args),
    Restart(command::restart::Args),
    Deletions(command::deletions::Args),
    Links(command::links::Args),
    Escrows(command::escrows::Args),
    Explain(command::explain::Args),
    Verify(command::verify::Args),
    Discover(command::discover::Args),
    Check(command::check::Args),
    TestConnection(command::test_connection::Args),
    Eval(command::eval::Args),
    Test(command::test::Args),
    Functions(command::functions::Args),
    Mapping(command::mapping::Args),
    Target(command::target::Args),
    Probe(command::probe::Args),
    Record(command::record::Args),
    Replay(command::replay::Args),
    Validate(command::validate::Args),
    Schema(command::schema::Args),
    Completions(command::completions::Args),
    Man(command::man::Args),
}

impl Command {
    /// Whether `--output junit` is understood.
    pub fn prints_junit(&self) -> bool {
        matches!(self, Self::Test(_) | Self::Validate(_) | Self::Replay(_))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for line in ["provisiond --job a --output json status", "provisiond status --job a --output json"] {
            let cli = Cli::try_parse_from(line.split(' ')).expect(line);
            assert_eq!(cli.global.job.as_deref(), Some("a"));
            assert_eq!(cli.global.output, Format::Json);
        }
    }

    #[test]
    fn every_command_teaches_by_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            assert!(command.get_about().is_some(), "{}", command.get_name());
            assert!(
                help.contains("provisiond ") || help.contains("provision-now "),
                "{} has no example",
                command.get_name()
            );
        }
    }
}
