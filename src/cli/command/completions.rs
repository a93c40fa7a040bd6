//! `completions`: for shells.

use clap::CommandFactory;
use clap_complete::Shell;

use super::super::args::Cli;
use super::super::error::{CliError, Status};
use super::super::session::Session;

/// Prints the completions of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond completions bash > /etc/bash_completion.d/provisiond
  provisiond completions zsh > ~/.zfunc/_provisiond")]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "provisiond", &mut script);
    session.output.copy(&mut script.as_slice())?;
    Ok(Status::Done)
}
