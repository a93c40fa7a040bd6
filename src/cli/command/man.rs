//! `man`: manual pages.

use clap::CommandFactory;
use clap_mangen::Man;

use super::super::args::Cli;
use super::super::error::{CliError, Status};
use super::super::session::Session;

/// Prints the manual page of the program, or of one command
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond man | man -l -
  provisiond man cycle > provisiond-cycle.1")]
pub struct Args {
    /// Command whose page is wanted
    command: Option<String>,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let mut program = Cli::command();
    // Subcommands learn their full names and the options that all of them take.
    program.build();
    let page = match &args.command {
        None => program,
        Some(name) => {
            let found = program.find_subcommand(name).cloned();
            found.ok_or_else(|| {
                CliError::usage("command_unknown", format!("`{name}` is no command"))
                    .with_help("`provisiond --help` lists all of them")
            })?
        }
    };
    let mut text = Vec::new();
    Man::new(page).render(&mut text)?;
    session.output.copy(&mut text.as_slice())?;
    Ok(Status::Done)
}
